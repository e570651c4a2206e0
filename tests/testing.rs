//! The test kit shows each test its own records and nobody else's, waits for them, and says clearly what is wrong.
#![cfg(feature = "axum")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what a test cannot go on without fails it")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use campanile::record::{Outcome, Record};
use campanile::testing::{self, Kit};
use futures_util::{FutureExt as _, StreamExt as _};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tracing::Level;
use tracing::instrument::WithSubscriber as _;

#[derive(Debug, thiserror::Error)]
#[error("no stock of {0}")]
struct OutOfStock(u32);

async fn order(Path(id): Path<u32>) -> String {
    campanile::set("order.id", id);
    let span = tracing::info_span!("load", table = "orders");
    let _entered = span.enter();
    tracing::info!(lines = 3, "loaded order {id}");
    format!("order {id}")
}

async fn fail(Path(id): Path<u32>) -> StatusCode {
    campanile::attach(&OutOfStock(id));
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn hang() -> &'static str {
    tracing::info!("hanging");
    tokio::task::yield_now().await;
    std::future::pending().await
}

async fn chunks() -> Body {
    let chunks = futures_util::stream::iter(0..100).map(|_| Ok::<_, std::io::Error>("0123456789"));
    Body::from_stream(chunks)
}

fn app(t: &Kit) -> Router {
    Router::new()
        .route("/orders/{id}", get(order))
        .route("/fail/{id}", get(fail))
        .route("/hang", get(hang))
        .route("/chunks", get(chunks))
        .layer(t.layer())
}

fn request(path: &str) -> Request<Body> {
    Request::get(path).header("authorization", "Bearer hunter2").body(Body::empty()).unwrap()
}

/// Forgets what a check that does not fail hands on.
fn drop_it<T>(_: T) {}

/// What a failing check says.
fn said<T>(check: impl FnOnce() -> T) -> String {
    let checked = catch_unwind(AssertUnwindSafe(|| drop_it(check())));
    let panic = checked.expect_err("the check fails");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).to_owned())
}

async fn record_of(path: &str) -> Record {
    let t = testing::start();
    let _ = t.send(app(&t), request(path)).await;
    t.one_record().await
}

#[tokio::test]
async fn events_spans_attributes_and_headers_are_seen() {
    record_of("/orders/981")
        .await
        .assert()
        .method("GET")
        .path("/orders/981")
        .route("/orders/{id}")
        .status(200)
        .attribute("order.id", 981)
        .attribute("order.id", 981_u64)
        .no_attribute("user.id")
        .event(Level::INFO, "loaded order")
        .event_field("loaded order", "lines", 3)
        .no_event("stock")
        .span("load")
        .span_field("load", "table", "orders")
        .response_header("content-type", "text/plain; charset=utf-8")
        .hides("hunter2")
        .that("it took less than a day", |record| record.duration_ns() < 86_400_000_000_000)
        .no_errors();
}

#[tokio::test]
async fn errors_are_seen_with_their_types() {
    let record = record_of("/fail/7").await;
    record.assert().status(500).error::<OutOfStock>().error_message("no stock of 7");
    assert!(said(|| record.assert().no_errors()).contains("there are errors"));
}

#[test]
fn a_hundred_tests_side_by_side_do_not_see_each_other() {
    let start = Arc::new(Barrier::new(100));
    let threads: Vec<_> = (0..100_u32)
        .map(|id| {
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                start.wait();
                let t = testing::start();
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    drop(app(&t).oneshot(request(&format!("/orders/{id}"))).await.unwrap());
                    let spawned = async move { tracing::info!("outside {id}") };
                    tokio::spawn(spawned).await.unwrap();
                    let record = t.one_record().await;
                    record.assert().attribute("order.id", id).event(Level::INFO, &format!("loaded order {id}")).span("load");
                });
                let everything = t.everything();
                assert_eq!(everything.len(), 2, "thread {id}: {everything:?}");
                assert!(everything.iter().any(|record| record.describe().contains(&format!("outside {id}\n"))));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn one_record_waits_for_a_body_that_is_read_later() {
    let t = testing::start();
    let response = app(&t).oneshot(request("/chunks")).await.unwrap();
    t.no_records();
    let mut record = t.one_record();
    assert!((&mut record).now_or_never().is_none(), "there is no record before the body's end");
    let read = tokio::spawn(async move { response.into_body().collect().await.unwrap().to_bytes().len() });
    record.await.assert().status(200).that("1,000 bytes went out", |record| record.response_body_bytes() == 1000);
    assert_eq!(read.await.unwrap(), 1000);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_is_no_matter() {
    let t = testing::start();
    let app = app(&t);
    tokio::spawn(async move { drop(app.oneshot(request("/orders/1")).await.unwrap()) });
    t.one_record().await.assert().status(200);
}

#[test]
fn a_test_without_a_runtime_can_wait_too() {
    let t = testing::start();
    let layer = t.layer();
    let dispatch = t.dispatch();
    let thread = std::thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || {
            let app = Router::new().route("/orders/{id}", get(order)).layer(layer);
            drop(app.oneshot(request("/orders/2")).now_or_never().unwrap());
        });
    });
    t.one_record().wait().assert().attribute("order.id", 2).event(Level::INFO, "loaded");
    thread.join().unwrap();
    assert_eq!(t.records(1).wait().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_other_threads_are_heard_where_the_subscriber_is_handed_on() {
    let t = testing::start();
    let app = app(&t);
    let task = async move { drop(app.oneshot(request("/orders/3")).await.unwrap()) };
    tokio::spawn(task.with_subscriber(t.dispatch())).await.unwrap();
    t.one_record().await.assert().event(Level::INFO, "loaded order 3").span("load");
}

#[tokio::test]
async fn a_client_that_is_gone_before_the_head_is_told() {
    let t = testing::start();
    t.disconnect_before_head(app(&t), request("/hang")).await;
    t.one_record().await.assert().outcome(Outcome::ClientGoneBeforeHead).route("/hang").event(Level::INFO, "hanging");
}

#[tokio::test]
async fn a_client_that_is_gone_in_the_middle_of_the_body_is_told() {
    for bytes in [0, 15] {
        let t = testing::start();
        t.disconnect_mid_body(app(&t), request("/chunks"), bytes).await;
        let record = t.one_record().await;
        record.assert().outcome(Outcome::ClientGoneMidBody).status(200);
        assert_eq!(record.response_body_bytes(), if bytes == 0 { 0 } else { 20 });
    }
}

#[tokio::test]
async fn a_client_goes_when_it_is_told_to() {
    let t = testing::start();
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move { tell.send(()) });
    t.disconnect_when(app(&t), request("/hang"), told).await;
    t.one_record().await.assert().outcome(Outcome::ClientGoneBeforeHead);
}

#[tokio::test]
async fn a_client_that_cannot_go_because_all_is_over_fails_the_test() {
    let t = testing::start();
    for (left, expected) in [
        (
            AssertUnwindSafe(t.disconnect_before_head(app(&t), request("/orders/1"))).catch_unwind().await,
            "answered with 200 OK before the client was gone",
        ),
        (
            AssertUnwindSafe(t.disconnect_mid_body(app(&t), request("/orders/1"), 99)).catch_unwind().await,
            "the body ended after 7 bytes; the client was to go after 99",
        ),
        (
            AssertUnwindSafe(t.disconnect_when(app(&t), request("/orders/1"), std::future::pending::<()>())).catch_unwind().await,
            "the response came to its end before the client was gone",
        ),
    ] {
        let panic = left.expect_err("the test fails");
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap()).to_owned());
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_check_that_fails_names_what_it_wanted_and_shows_the_record() {
    let record = record_of("/orders/981").await;
    let whole = "\
  request           GET /orders/981 -> 200, answered
  route             /orders/{id}
";
    for (text, expected) in [
        (said(|| record.assert().status(404)), "the status is 200, not 404\n"),
        (said(|| record.assert().route("/orders")), "the route is /orders/{id}, not /orders\n"),
        (said(|| record.assert().no_route()), "there is a route, /orders/{id}\n"),
        (said(|| record.assert().method("POST")), "the method is GET, not POST\n"),
        (said(|| record.assert().path("/")), "the path is /orders/981, not /\n"),
        (said(|| record.assert().attribute("order.id", "981")), "the attribute order.id is 981, not \"981\"\n"),
        (said(|| record.assert().attribute("user.id", 1)), "the attribute user.id is absent, not 1\n"),
        (said(|| record.assert().no_attribute("order.id")), "the attribute order.id is there, 981\n"),
        (said(|| record.assert().event(Level::WARN, "loaded")), "there is no event of level WARN with \"loaded\" in its"),
        (said(|| record.assert().event_field("loaded", "lines", 4)), "\"loaded\" in its message and lines=4\n"),
        (said(|| record.assert().no_event("loaded")), "there is an event with \"loaded\" in its message\n"),
        (said(|| record.assert().span("store")), "there is no span called \"store\"\n"),
        (said(|| record.assert().span_field("load", "table", "x")), "there is no span called \"load\" with table=\"x\"\n"),
        (said(|| record.assert().error::<OutOfStock>()), "there is no error of the type testing::OutOfStock\n"),
        (said(|| record.assert().error_message("stock")), "there is no error with \"stock\" in its message\n"),
        (said(|| record.assert().outcome(Outcome::Failed)), "the outcome is answered, not failed\n"),
        (said(|| record.assert().hides("loaded")), "\"loaded\" is in the record\n"),
        (said(|| record.assert().that("it is late", |_| false)), "it does not hold that it is late\n"),
        (said(|| record.assert().request_header("a", "b")), "the request has no header a: b\n"),
        (said(|| record.assert().response_header("a", "b")), "the response has no header a: b\n"),
    ] {
        assert!(text.contains(expected), "{expected:?} in {text}");
        assert!(text.contains(whole), "the record is shown: {text}");
        assert!(text.contains("  event             INFO testing: loaded order 981  lines=3\n"), "{text}");
        assert!(text.contains("  request header    authorization: (withheld, 14 bytes)\n"), "{text}");
    }
}

#[tokio::test]
async fn what_arrived_instead_is_told() {
    let t = testing::start();
    let app = app(&t);
    for (path, body) in [("/orders/1", "order 1"), ("/fail/2", "")] {
        assert_eq!(t.send(app.clone(), request(path)).await.into_body(), body);
    }
    tracing::warn!("outside of both");
    let panic = AssertUnwindSafe(t.one_record()).catch_unwind().await.expect_err("there are two");
    let text = panic.downcast_ref::<String>().unwrap();
    let here = format!("{}:{}:", file!(), line!() - 2);
    for part in [
        here.as_str(),
        "waited for one record of a request, and 2 arrived:\n1. GET /orders/1 -> 200, answered\n",
        "\n2. GET /fail/2 -> 500, answered\n",
        "error             error testing::OutOfStock: no stock of 2  at tests/testing.rs:",
        "outside any request:\n  event             WARN testing: outside of both",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let text = said(|| t.no_records());
    assert!(text.starts_with("no request should have been recorded, and 2 arrived:"), "{text}");
}

#[test]
fn a_record_that_never_comes_fails_the_test_after_the_deadline() {
    const SHORT: Duration = Duration::from_millis(20);
    let t = testing::start();
    let text = said(|| t.one_record().within(SHORT).wait());
    assert!(text.contains("waited for one record of a request, and none arrived\nThat is all within 20ms."), "{text}");
    assert!(text.contains("A record is finished when its response's body has been read or dropped."), "{text}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let text = said(|| runtime.block_on(t.records(3).within(SHORT)));
    assert!(text.contains("waited for 3 records of requests, and none arrived"), "{text}");
}
