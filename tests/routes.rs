//! The record of a request names the route that matched, and only that.

#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use axum::Router;
use axum::routing::get;
use campanile::record::Record;
use http::Request;
use support::{Observed, child};
use tower::ServiceExt as _;

/// The answer's status and the record of one request.
async fn ask(seen: &Observed, app: &Router, path: &str) -> (u16, Record) {
    let _ = seen.memory.take();
    let request = Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
    let status = app.clone().oneshot(request).await.unwrap().status().as_u16();
    (status, seen.only_request())
}

async fn route_of(seen: &Observed, app: &Router, path: &str) -> Option<String> {
    let (status, record) = ask(seen, app, path).await;
    assert_eq!((status, record.path()), (200, path));
    record.route().map(str::to_owned)
}

fn orders() -> Router {
    Router::new().route("/orders/{id}", get(async || "order")).route("/files/{*path}", get(async || "file"))
}

#[tokio::test]
async fn a_layer_inside_the_router_sees_the_template() {
    let seen = Observed::new();
    let app = orders().layer(seen.layer());
    assert_eq!(route_of(&seen, &app, "/orders/17").await.as_deref(), Some("/orders/{id}"));
    assert_eq!(route_of(&seen, &app, "/files/a/b").await.as_deref(), Some("/files/{*path}"));
}

#[tokio::test]
async fn nested_routers_have_the_whole_template_wherever_the_layer_is() {
    let seen = Observed::new();
    let outside = Router::new().nest("/api", Router::new().nest("/v1", orders())).layer(seen.layer());
    assert_eq!(route_of(&seen, &outside, "/api/v1/orders/17").await.as_deref(), Some("/api/v1/orders/{id}"));
    let inside = Router::new().nest("/api", Router::new().nest("/v1", orders().layer(seen.layer())));
    assert_eq!(route_of(&seen, &inside, "/api/v1/orders/17").await.as_deref(), Some("/api/v1/orders/{id}"));
}

#[tokio::test]
async fn what_matches_no_route_has_none() {
    let seen = Observed::new();
    let app = orders().fallback(async || "nothing here").layer(seen.layer());
    assert_eq!(route_of(&seen, &app, "/wp-admin/setup.php").await, None);
    let app = orders().layer(seen.layer());
    let (status, record) = ask(&seen, &app, "/wp-admin").await;
    assert_eq!((status, record.status(), record.route()), (404, Some(404), None));
}

#[tokio::test]
async fn a_method_that_is_not_allowed_still_has_its_route() {
    let seen = Observed::new();
    let app = orders().layer(seen.layer());
    let request = Request::builder().method("POST").uri("/orders/1").body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 405);
    let record = seen.only_request();
    assert_eq!((record.status(), record.route()), (Some(405), Some("/orders/{id}")));
}

/// A router inside a service, with the layer around it.
fn outside(seen: &Observed, inside: Router) -> Router {
    let around = tower::ServiceBuilder::new().layer(seen.layer()).service(inside);
    // Only so that `ask` can take it: this outer router has no routes.
    Router::new().fallback_service(around)
}

#[tokio::test]
async fn a_layer_outside_learns_the_template_from_the_route_layer() {
    let seen = Observed::new();
    let app = outside(&seen, orders().layer(campanile::route_layer()));
    assert_eq!(route_of(&seen, &app, "/orders/17").await.as_deref(), Some("/orders/{id}"));
    let app = outside(&seen, Router::new().nest("/api", orders().layer(campanile::route_layer())));
    assert_eq!(route_of(&seen, &app, "/api/orders/17").await.as_deref(), Some("/api/orders/{id}"));
    let app = outside(&seen, Router::new().nest("/api", orders().route_layer(campanile::route_layer())));
    assert_eq!(route_of(&seen, &app, "/api/orders/17").await.as_deref(), Some("/api/orders/{id}"));
}

#[tokio::test]
async fn a_layer_outside_alone_has_no_template() {
    let seen = Observed::new();
    let app = outside(&seen, orders());
    assert_eq!(route_of(&seen, &app, "/orders/17").await, None);
}

#[test]
fn a_layer_outside_alone_is_told_once_how_to_see_routes() {
    let said = child("child_with_a_layer_outside", &[]);
    assert_eq!(said.matches("campanile::route_layer()").count(), 1, "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_with_a_layer_outside() {
    let seen = Observed::new();
    let app = outside(&seen, orders());
    for _ in 0..3 {
        assert_eq!(route_of(&seen, &app, "/orders/17").await, None);
    }
}

#[test]
fn nobody_is_told_about_routes_where_the_route_layer_is_there_or_nothing_matched() {
    let said = child("child_with_a_route_layer", &[]);
    assert!(!said.contains("route_layer"), "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_with_a_route_layer() {
    let seen = Observed::new();
    let app = outside(&seen, orders().fallback(async || "page of an app").layer(campanile::route_layer()));
    assert_eq!(route_of(&seen, &app, "/orders/17").await.as_deref(), Some("/orders/{id}"));
    assert_eq!(route_of(&seen, &app, "/some/page").await, None);
    let (status, _) = ask(&seen, &outside(&seen, orders()), "/nothing").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_layer_that_is_applied_twice_makes_one_record() {
    let seen = Observed::new();
    let app = orders().layer(seen.layer()).layer(seen.layer());
    assert_eq!(route_of(&seen, &app, "/orders/17").await.as_deref(), Some("/orders/{id}"));
    // An outer one that cannot see the route learns it from the inner one.
    let app = outside(&seen, orders().layer(seen.layer()));
    assert_eq!(route_of(&seen, &app, "/orders/17").await.as_deref(), Some("/orders/{id}"));
}

#[tokio::test]
async fn two_telemetries_over_one_service_have_a_record_each() {
    let (one, two) = (Observed::new(), Observed::new());
    let app = orders().layer(one.layer()).layer(two.layer());
    assert_eq!(route_of(&one, &app, "/orders/17").await.as_deref(), Some("/orders/{id}"));
    let (inner, outer) = (one.only_request(), two.only_request());
    assert_eq!(outer.route(), Some("/orders/{id}"));
    assert_eq!((inner.request_id(), inner.trace_id()), (outer.request_id(), outer.trace_id()));
    assert_eq!(inner.parent_span_id(), Some(outer.span_id()));
}

#[tokio::test]
async fn a_nested_service_has_no_template_unless_it_reports_one() {
    let seen = Observed::new();
    let app = Router::new().nest_service("/api", orders()).layer(seen.layer());
    assert_eq!(route_of(&seen, &app, "/api/orders/17").await, None);
    let app = Router::new().nest_service("/api", orders().layer(campanile::route_layer())).layer(seen.layer());
    assert_eq!(route_of(&seen, &app, "/api/orders/17").await.as_deref(), Some("/api/orders/{id}"));
}

#[tokio::test]
async fn routes_that_are_added_after_the_layer_are_not_recorded() {
    let seen = Observed::new();
    let app = orders().layer(seen.layer()).route("/health", get(async || "ok"));
    let request = Request::builder().uri("/health").body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    assert_eq!(seen.records().len(), 0);
}

#[tokio::test]
async fn a_route_is_not_the_callers_to_say() {
    let seen = Observed::new();
    let app = orders().layer(seen.layer());
    let (_, record) = ask(&seen, &app, "/orders/%7Bid%7D?route=/admin").await;
    assert_eq!((record.route(), record.path(), record.query()), (Some("/orders/{id}"), "/orders/%7Bid%7D", Some("route=/admin")));
}

#[tokio::test]
async fn axum_tells_the_peer_through_its_connect_info() {
    let seen = Observed::new();
    let app = orders().layer(seen.layer()).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) }).into_future());
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let client = stream.local_addr().unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let response = sender.send_request(support::request("GET", "/orders/1")).await.unwrap();
    assert_eq!(response.status(), 200);
    drop((response, sender));
    let _ = (stop.send(()), connection.await);
    server.await.unwrap().unwrap();
    assert_eq!(seen.only_request().peer(), Some(client));
}
