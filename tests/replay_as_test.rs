//! What `replay::rust_test` writes is a test that compiles and holds when it is pasted beside an axum application.
#![cfg(all(feature = "reading", feature = "axum"))]
#![allow(clippy::unwrap_used, reason = "what a test needs around it may fail as loudly as the test")]

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use campanile::Bodies;
use campanile::exporter::Memory;
use campanile::replay;
use http_body_util::BodyExt as _;
use std::time::Duration;
use tower::ServiceExt as _;

const BODY: &str = "{\"size\": \"42\",\n \"note\": \"it's 5\\\" \u{202e}\"}";

/// Answers 502 to exactly the request that was recorded.
fn app() -> Router {
    let handler = |Path(id): Path<u32>, headers: HeaderMap, body: String| async move {
        let is_it = id == 17 && body == BODY && headers.get("accept").is_some_and(|accept| accept == "text/\"html\"");
        if is_it { (StatusCode::BAD_GATEWAY, "no") } else { (StatusCode::IM_A_TEAPOT, "another request") }
    };
    Router::new().route("/orders/{id}/checkout", post(handler))
}

// As `rust_test` writes it.
include!("data/replayed.rs");

#[tokio::test]
async fn the_test_above_is_what_is_written_for_such_a_request() {
    let memory = Memory::new();
    let telemetry = campanile::builder().capture_bodies(Bodies::on()).exporter(memory.clone()).build().unwrap();
    let app = app().layer(telemetry.layer());
    let request = axum::http::Request::post("/orders/17/checkout?lang=de&x={1}")
        .header("content-type", "application/json")
        .header("accept", "text/\"html\"")
        .header("authorization", "Bearer canary")
        .body(Body::from(BODY))
        .unwrap();
    app.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    assert!(telemetry.flush(Duration::from_secs(60)));
    let records = memory.records();
    let record = records.first().unwrap();
    let written = replay::rust_test(record).unwrap().text;
    let written = written.replace(&record.span_id().to_short().to_string(), "8f2c1a2b");
    let expected = include_str!("data/replayed.rs");
    assert_eq!(written, expected, "if this is meant, it goes into tests/data/replayed.rs:\n{written}");
}
