//! What a request line says is kept as it was sent, and never more of it than is safe.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use campanile::exporter::Schema;
use campanile::record::{Record, Resource};
use campanile::{Builder, Env};
use http::{Request, Response};
use support::{BoxBody, BoxError, Observed, full, raw, serve};
use tower::ServiceBuilder;

async fn hello<B>(_: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    Ok(Response::new(full("hello")))
}

/// One request with this line over a socket; no record where the server refuses it by itself.
async fn ask(change: impl FnOnce(Builder) -> Builder, method: &str, target: &str) -> Option<Record> {
    let seen = Observed::with(change);
    let server = serve(ServiceBuilder::new().layer(seen.layer()).service_fn(hello)).await;
    raw(&server, format!("{method} {target} HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n\r\n")).await;
    server.stop().await;
    let mut records = seen.requests();
    assert!(records.len() <= 1, "{records:?}");
    records.pop()
}

fn line(record: &Record) -> serde_json::Map<String, serde_json::Value> {
    let mut line = String::new();
    Schema::Otel.write_line(&mut line, record, &Resource::default());
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains(['\n', '\r', '\0', '\u{1b}']), "one line: {line:?}");
    serde_json::from_str(line).unwrap()
}

#[tokio::test]
async fn a_path_is_kept_as_it_was_sent() {
    for (case, path) in
        [("UR-01", "/a%0d%0a2026-01-01%20INFO%20forged"), ("UR-02", "/%00%1b%5b2J"), ("UR-16", "/..//.././%2e%2e/%5c..")]
    {
        let record = ask(|builder| builder, "GET", path).await.unwrap();
        assert_eq!(record.path(), path, "{case}");
        assert_eq!(line(&record)["url.path"], path, "{case}");
    }
}

#[tokio::test]
async fn a_query_is_not_decoded_and_a_broken_one_harms_nobody() {
    let record = ask(|builder| builder, "GET", "/x?%FF%FE=%C0%AF").await.unwrap();
    assert_eq!((record.path(), record.query()), ("/x", Some("%FF%FE=%C0%AF")), "UR-09");
    line(&record);
}

#[tokio::test]
async fn a_fragment_is_never_recorded() {
    if let Some(record) = ask(|builder| builder, "GET", "/cb#access_token=canary-11").await {
        let shown = format!("{record:?} {:?}", line(&record));
        assert!(!shown.contains("canary-11"), "UR-04: {shown}");
    }
}

#[tokio::test]
async fn credentials_of_a_target_are_never_recorded() {
    for (method, target) in [("GET", "http://user:canary-12@host.invalid/p"), ("CONNECT", "user:canary-12@host.invalid:443")] {
        let Some(record) = ask(|builder| builder, method, target).await else { continue };
        assert_eq!(record.host(), Some("host.invalid"), "UR-05");
        assert!(record.path() == "/p" || method == "CONNECT", "UR-05: {}", record.path());
        let shown = format!("{record:?} {:?}", line(&record));
        assert!(!shown.contains("canary-12") && !shown.contains("user:"), "UR-05: {shown}");
    }
    let seen = Observed::new();
    let server = serve(ServiceBuilder::new().layer(seen.layer()).service_fn(hello)).await;
    raw(&server, "GET /p HTTP/1.1\r\nhost: user:canary-12@host.invalid\r\nconnection: close\r\n\r\n").await;
    server.stop().await;
    for record in seen.requests() {
        assert!(record.request_headers().all(|header| header.value().is_none_or(|value| !value.contains("canary"))), "UR-05");
        assert_eq!(record.host(), Some("host.invalid"), "UR-05");
    }
}

#[tokio::test]
async fn the_scheme_of_a_request_line_is_only_its_senders_word() {
    for target in ["https://shop.example/p", "gopher://shop.example/p"] {
        let record = ask(|builder| builder, "GET", target).await.unwrap();
        assert_eq!((record.scheme(), record.host(), record.path()), ("http", Some("shop.example"), "/p"), "{target}");
    }
}

#[tokio::test]
async fn connect_names_an_authority() {
    let record = ask(|builder| builder, "CONNECT", "host.invalid:443").await.unwrap();
    assert_eq!((record.method(), record.path()), ("CONNECT", "host.invalid:443"), "UR-12");
    assert_eq!((record.host(), record.port()), (Some("host.invalid"), Some(443)), "UR-12");
    assert_eq!(line(&record)["http.request.method"], "CONNECT", "UR-12");
}

#[tokio::test]
async fn an_unknown_method_has_no_name_of_its_own_and_is_cut() {
    let long = "X".repeat(1000);
    let record = ask(|builder| builder, &long, "/").await.unwrap();
    assert_eq!(record.known_method(), None, "UR-13");
    assert!(record.method().len() <= 32 && record.method().starts_with("XXXXXXXX"), "UR-13: {}", record.method());
    let shown = line(&record);
    assert_eq!(shown["http.request.method"], "_OTHER", "UR-13");
    assert!(shown["http.request.method_original"].as_str().unwrap().len() <= 32, "UR-13");
    assert!(!shown.iter().any(|(_, value)| value.to_string().contains(&"X".repeat(33))), "UR-13: {shown:?}");
    let record = ask(|builder| builder, "get", "/").await.unwrap();
    assert_eq!((record.known_method(), record.method()), (None, "get"), "UR-14");
    assert_eq!(line(&record)["http.request.method"], "_OTHER", "UR-14");
}

#[tokio::test]
async fn the_settings_name_the_known_methods() {
    let env: Env =
        [("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET, PURGE"), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")]
            .into_iter()
            .collect();
    for (method, by_env, by_code) in
        [("GET", Some("GET"), None), ("PURGE", Some("PURGE"), None), ("POST", None, None), ("BREW", None, Some("BREW"))]
    {
        let record = ask(|builder| builder.env(env.clone()), method, "/").await.unwrap();
        assert_eq!((record.method(), record.known_method()), (method, by_env));
        let record = ask(|builder| builder.env(env.clone()).known_methods(["BREW"]), method, "/").await.unwrap();
        assert_eq!((record.method(), record.known_method()), (method, by_code), "what is set in code wins");
    }
    for method in ["CONNECT", "DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"] {
        let record = ask(|builder| builder, method, if method == "CONNECT" { "a:1" } else { "/" }).await.unwrap();
        assert_eq!(record.known_method(), Some(method));
    }
}
