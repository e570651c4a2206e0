//! Mistakes of clients are no errors, unless the settings count them.

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::routing::get;
use campanile::Env;
use campanile::record::{FailureKind, Record};
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::support::Observed;

/// The records of a route that is missing, of a query that is refused, and of a call of gRPC that finds nothing.
async fn mistakes(seen: &Observed) -> Vec<Record> {
    let grpc = [("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", "no%20such order")];
    let app = Router::new()
        .route("/refused", get(async |_: Query<Vec<(u8, u8)>>| ()))
        .route("/shop.Orders/Find", get(async move || (grpc, ())))
        .layer(seen.layer());
    for (path, content_type) in
        [("/missing", "text/plain"), ("/refused?a=b", "text/plain"), ("/shop.Orders/Find", "application/grpc")]
    {
        let request = Request::get(path).header("content-type", content_type).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    let mut records = seen.requests();
    records.sort_by(|one, other| one.path().cmp(other.path()));
    records
}

/// Only the memory of the test.
fn asked_for() -> Env {
    Env::from_iter([("CAMPANILE_CLIENT_ERRORS", "true"), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")])
}

#[tokio::test]
async fn a_mistake_of_the_client_is_no_error() {
    let records = mistakes(&Observed::new()).await;
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|record| !record.is_failed() && record.error_type().is_none()), "{records:?}");
    assert!(records.iter().all(|record| record.exceptions().next().is_none()));
}

#[tokio::test]
async fn where_the_settings_count_them_mistakes_of_clients_are_errors() {
    let in_code = Observed::with(|builder| builder.client_errors(true));
    let by_env = Observed::with(|builder| builder.env(asked_for()));
    for seen in [in_code, by_env] {
        let records = mistakes(&seen).await;
        assert!(records.iter().all(Record::is_failed), "{records:?}");
        let types: Vec<_> = records.iter().map(|record| record.error_type().unwrap_or_default()).collect();
        assert_eq!(types, ["404", "400", "NOT_FOUND"]);
        let failure = records[2].failure().unwrap();
        assert_eq!((failure.kind(), failure.message()), (FailureKind::Status, "no such order"));
        assert_eq!(records[2].exceptions().count(), 1);
    }
    let overruled = Observed::with(|builder| builder.env(asked_for()).client_errors(false));
    assert!(mistakes(&overruled).await.iter().all(|record| !record.is_failed()));
}
