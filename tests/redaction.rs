//! Secrets are out by default, whatever they come in with, and the settings say what else is one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::fmt::Write as _;

use bytes::Bytes;
use campanile::exporter::Schema;
use campanile::record::{Record, Resource};
use campanile::{Builder, Env, Redact, TrustIds};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use support::{BoxError, Observed, full};
use tower::{ServiceBuilder, ServiceExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

/// Sends a request through a layer and returns its record.
async fn observe(
    change: impl FnOnce(Builder) -> Builder,
    request: Request<Empty<Bytes>>,
    handler: impl Fn() -> Response<support::BoxBody> + Clone + Send + 'static,
) -> Record {
    let seen = Observed::with(change);
    let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(seen.telemetry.tracing_layer()));
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_| {
        let response = handler();
        async move { Ok::<_, BoxError>(response) }
    });
    let response = service.oneshot(request).await.unwrap();
    response.into_body().collect().await.unwrap();
    seen.only_request()
}

fn get(uri: &str) -> http::request::Builder {
    Request::get(uri)
}

fn done() -> Response<support::BoxBody> {
    Response::new(full("done"))
}

/// All that a record tells anyone, in every form that there is.
fn told(record: &Record) -> String {
    let mut out = format!("{record:?}");
    for schema in Schema::ALL {
        schema.write_line(&mut out, record, &Resource::default());
    }
    for header in record.request_headers().chain(record.response_headers()).chain(record.trailers()) {
        let _ = write!(out, "{header:?}");
    }
    for event in record.events() {
        let _ = write!(out, "{event:?}{:?}", event.fields().collect::<Vec<_>>());
    }
    for span in record.spans() {
        let _ = write!(out, "{span:?}{:?}", span.fields().collect::<Vec<_>>());
    }
    for failure in record.failures() {
        let _ = write!(out, "{failure:?}{:?}", failure.causes().collect::<Vec<_>>());
    }
    let _ = write!(out, "{:?}{:?}", record.redactions().collect::<Vec<_>>(), record.attributes().collect::<Vec<_>>());
    out
}

fn value<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let mut headers = record.request_headers().chain(record.response_headers()).chain(record.trailers());
    headers.find(|header| header.name() == name).unwrap_or_else(|| unreachable!("{name} is told")).value()
}

#[tokio::test]
async fn credentials_in_headers_are_told_by_name_and_length_only() {
    let request = get("/")
        .header("Proxy-Authorization", "Basic Y2FuYXJ5OjEyMw==")
        .header("authorization", "Bearer canary-0")
        .header("cookie", "sid=canary-1; theme=canary-dark")
        .header("x-api-key", "canary-2")
        .header("X-Auth-Token", "canary-3")
        .header("x-amz-security-token", "canary-4")
        .header("x-goog-iap-jwt-assertion", "canary-5")
        .header("x-forwarded-client-cert", "canary-6")
        .header("referer", "https://shop/?token=canary-7")
        .header("user-agent", "curl/8 Bearer canary-8")
        .body(Empty::new())
        .unwrap();
    let answer = || {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-checksum-trailer", HeaderValue::from_static("canary-9"));
        trailers.insert("grpc-message", HeaderValue::from_static("token=canary-10"));
        let frames = [Ok(Frame::data(Bytes::from_static(b"x"))), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
        Response::builder().header("set-cookie", "sid=canary-8; HttpOnly; Path=/").body(body).unwrap()
    };
    let record = observe(|builder| builder, request, answer).await;
    let all = told(&record);
    assert!(!all.contains("canary") && !all.contains("Y2FuYXJ5"), "HD-08, HD-09, HD-10, HD-12, HD-21: {all}");
    assert_eq!(value(&record, "cookie"), Some("sid=REDACTED; theme=REDACTED"), "HD-09");
    assert_eq!(value(&record, "set-cookie"), Some("sid=REDACTED; HttpOnly; Path=/"), "HD-12");
    assert_eq!(value(&record, "x-checksum-trailer"), None, "HD-21");
    assert_eq!(value(&record, "grpc-message"), Some("token=REDACTED"), "HD-21");
    assert_eq!(record.user_agent(), Some("curl/8 Bearer REDACTED"));
    let reasons: Vec<_> = record.redactions().filter_map(|redaction| Some((redaction.key()?, redaction.rule()))).collect();
    assert!(reasons.contains(&("authorization", "credentials")) && reasons.contains(&("cookie", "sessions")), "{reasons:?}");
}

#[tokio::test]
async fn what_the_application_marked_as_sensitive_stays_out() {
    let mut request = get("/").header("accept-language", "de").body(Empty::new()).unwrap();
    for name in [header::ACCEPT, header::USER_AGENT, header::COOKIE] {
        let mut value = HeaderValue::from_static("a=canary");
        value.set_sensitive(true);
        request.headers_mut().insert(name, value);
    }
    let record = observe(|builder| builder, request, done).await;
    assert!(!told(&record).contains("canary"), "{}", told(&record));
    assert_eq!((value(&record, "accept"), value(&record, "cookie"), record.user_agent()), (None, None, None));
    assert_eq!(value(&record, "accept-language"), Some("de"));
}

#[tokio::test]
async fn headers_of_the_settings_are_shown_and_hidden() {
    let request = get("/")
        .header("x-note", "A".repeat(65_000))
        .header("x-other", "canary")
        .header("accept", "canary")
        .header("user-agent", "canary")
        .body(Empty::new())
        .unwrap();
    let redact = Redact::new().show_header("x-note").hide_header("accept").hide_header("user-agent");
    let record = observe(|builder| builder.redact(redact), request, done).await;
    let note = value(&record, "x-note").unwrap();
    assert!(note.starts_with("AAA") && note.ends_with("…[cut]") && note.len() <= 1024 + "…[cut]".len(), "HD-13: {}", note.len());
    assert!(!told(&record).contains("canary"), "{}", told(&record));
}

#[tokio::test]
async fn credentials_before_a_host_are_not_kept() {
    let request = get("/")
        .header("host", "user:canary@h")
        .header("x-forwarded-host", "user:canary@h")
        .header("forwarded", "for=192.0.2.1;host=\"user:canary@h\"")
        .body(Empty::new())
        .unwrap();
    let record = observe(|builder| builder, request, done).await;
    assert!(!told(&record).contains("canary"), "{}", told(&record));
    for name in ["host", "x-forwarded-host", "forwarded"] {
        assert_eq!(value(&record, name), None, "{name}");
    }
    let request = get("/").header("x-forwarded-host", "h").header("forwarded", "host=h").body(Empty::new()).unwrap();
    let record = observe(|builder| builder, request, done).await;
    assert_eq!((value(&record, "x-forwarded-host"), value(&record, "forwarded")), (Some("h"), Some("host=h")));
}

#[tokio::test]
async fn a_hidden_header_shows_neither_names_of_cookies_nor_an_id() {
    let request = || get("/").header("cookie", "canary=1").header("x-request-id", "an-id").body(Empty::new()).unwrap();
    let answer = || Response::builder().header("set-cookie", "sid=1; Path=/").body(full("done")).unwrap();
    let hide = Redact::new().hide_header("cookie").hide_header("x-request-id");
    let trusting = |builder: Builder| builder.trust_inbound_ids(TrustIds::Always);
    let record = observe(|builder| trusting(builder).redact(hide), request(), answer).await;
    assert_eq!((value(&record, "cookie"), value(&record, "x-request-id")), (None, None));
    assert_eq!(value(&record, "set-cookie"), Some("sid=REDACTED; Path=/"), "of the other one they stay");
    assert!(!told(&record).contains("canary"), "{}", told(&record));

    let record = observe(trusting, request(), answer).await;
    assert_eq!((value(&record, "cookie"), value(&record, "x-request-id")), (Some("canary=REDACTED"), Some("an-id")));
    let record = observe(|builder| builder.trust_inbound_ids(TrustIds::Never), request(), answer).await;
    assert_eq!(value(&record, "x-request-id"), None, "one that was not believed is not the record's own");
}

#[tokio::test]
async fn urls_lose_their_secrets() {
    let record = observe(|builder| builder, get("http://user:canary-12@host.invalid/p").body(Empty::new()).unwrap(), done).await;
    assert_eq!((record.path(), record.host()), ("/p", Some("host.invalid")));
    assert!(!told(&record).contains("canary"), "UR-05: {}", told(&record));

    let path = "/u/alice@example.org/card/4111111111111111?q=1&code=canary&state=x&sig=canary";
    let record = observe(|builder| builder, get(path).body(Empty::new()).unwrap(), done).await;
    assert_eq!(record.path(), "/u/REDACTED/card/REDACTED", "UR-06");
    assert_eq!(record.query(), Some("q=1&code=REDACTED&state=x&sig=REDACTED"));

    let flood = format!("/?{}token=canary", "a&".repeat(3000));
    let record = observe(|builder| builder, get(&flood).body(Empty::new()).unwrap(), done).await;
    assert_eq!(record.query(), Some(format!("{}…[cut]", "a&".repeat(64)).as_str()), "UR-10");
}

#[derive(Debug, thiserror::Error)]
#[error("cannot connect to postgres://app:canary@db/shop")]
struct Connect(#[source] std::io::Error);

#[tokio::test]
async fn what_a_handler_says_loses_its_secrets() {
    let record = observe(
        |builder| builder,
        get("/").body(Empty::new()).unwrap(),
        || {
            let span = tracing::info_span!("login", api_key = "canary", url = "https://u:canary@h/");
            let _inside = span.enter();
            tracing::info!(password = "canary", body = r#"{"user":{"password":"canary"}}"#, "sent Bearer canary-1");
            campanile::set("jwt", "canary");
            campanile::attach(&Connect(std::io::Error::other("authorization: Digest canary, realm=canary")));
            done()
        },
    )
    .await;
    assert!(!told(&record).contains("canary"), "{}", told(&record));
    assert_eq!(record.events().next().unwrap().message(), "sent Bearer REDACTED");
    assert_eq!(record.failure().unwrap().message(), "cannot connect to postgres://REDACTED:REDACTED@db/shop");
}

#[tokio::test]
async fn rules_of_code_and_environment_are_added_up() {
    let env: Env = [
        ("CAMPANILE_REDACT_KEYS", "tenant"),
        ("CAMPANILE_REDACT_PATTERNS", "DE\\d{6}\nAT\\d{6}"),
        ("CAMPANILE_CONSOLE", "off"),
        ("CAMPANILE_STORE", "off"),
    ]
    .into_iter()
    .collect();
    let redact = Redact::new().key("iban").pattern("CH[0-9]{6}").show_key("page_token");
    let request = get("/?tenant=canary&iban=canary&page_token=next&a=CH123456&b=DE123456&c=AT123456").body(Empty::new()).unwrap();
    let record = observe(|builder| builder.env(env).redact(redact), request, done).await;
    assert_eq!(record.query(), Some("tenant=REDACTED&iban=REDACTED&page_token=next&a=REDACTED&b=REDACTED&c=REDACTED"));
}

#[test]
fn en_22_a_pattern_that_is_too_large_stops_the_start() {
    let pattern = "(a{1,1000}){1,1000}";
    let error = campanile::builder().redact(Redact::new().pattern(pattern)).build().unwrap_err();
    assert_eq!(error.key(), "redact.pattern", "EN-22");
    assert!(!format!("{error} {error:?}").contains(pattern), "EN-22: {error}");
    let env: Env = [("CAMPANILE_REDACT_PATTERNS", pattern)].into_iter().collect();
    let error = campanile::builder().env(env).build().unwrap_err();
    assert_eq!(error.key(), "CAMPANILE_REDACT_PATTERNS", "EN-22");
    assert!(!format!("{error} {error:?}").contains(pattern), "EN-22: {error}");
}

#[tokio::test]
async fn equal_secrets_can_be_told_by_their_hash_where_that_is_asked_for() {
    let request = || get("/?token=one&sig=one&key=two").header("authorization", "one").body(Empty::new()).unwrap();
    let record = observe(|builder| builder.redact(Redact::new().hashes(true)), request(), done).await;
    let hashes: Vec<_> = record.redactions().map(|redaction| (redaction.key().unwrap(), redaction.hash().unwrap())).collect();
    let of = |key: &str| hashes.iter().find(|(found, _)| *found == key).unwrap().1;
    assert_eq!(hashes.len(), 4, "{hashes:?}");
    assert!(of("token") == of("sig") && of("token") == of("authorization") && of("token") != of("key"), "{hashes:?}");
    let record = observe(|builder| builder, request(), done).await;
    assert!(record.redactions().len() == 4 && record.redactions().all(|redaction| redaction.hash().is_none()));
}

#[tokio::test]
async fn switched_off_queries_stay_and_headers_do_not() {
    let request = get("/?token=shown").header("authorization", "canary").header("x-note", "canary").body(Empty::new()).unwrap();
    let redact = Redact::new().export_secrets_in_clear_text();
    let record = observe(|builder| builder.redact(redact), request, done).await;
    assert_eq!(record.query(), Some("token=shown"));
    assert!(!told(&record).contains("canary"), "{}", told(&record));
}

#[test]
fn settings_do_not_show_what_they_hold() {
    let redact = Redact::new().key("canary").path("$.canary").pattern("canary").show_header("x-canary").show_key("canary");
    let env: Env =
        [("CAMPANILE_REDACT_KEYS", "canary"), ("CAMPANILE_STORE", "off"), ("CAMPANILE_CONSOLE", "off")].into_iter().collect();
    let shown = format!("{redact:?} {env:?}");
    let builder = campanile::builder().env(env).redact(redact).resource("note", "canary");
    let shown = format!("{shown} {builder:?}");
    let telemetry = builder.build().unwrap();
    let shown = format!("{shown} {telemetry:?} {:?} {:?}", telemetry.layer(), telemetry.stats());
    assert!(!shown.contains("canary"), "{shown}");
}
