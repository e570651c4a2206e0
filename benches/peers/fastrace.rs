//! fastrace with its reporter over OTLP; alone, with events on its spans, and with logforth for logs.
//!
//! Its app is written for it: spans by its macro, events by its own call or by the `log` crate. `traceparent` is followed.

use std::borrow::Cow;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use fastrace::collector::Config;
use fastrace::prelude::{Event, LocalSpan};
use fastrace_axum::FastraceLayer;
use fastrace_opentelemetry::OpenTelemetryReporter;
use logforth::append::opentelemetry::OpentelemetryLogBuilder;
use logforth::diagnostic::FastraceDiagnostic;
use logforth::filter::rustlog::RustLogFilterBuilder;
use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_otlp_of_logforth as of_logforth;
use opentelemetry_otlp_of_logforth::WithExportConfig as _;
use opentelemetry_sdk::Resource;

use crate::app::{User, echo, hello};
use crate::{Behind, Delivered, FILTER, OrderError, Peer, Route};

pub(crate) fn spans(sink: SocketAddr, key: &str) -> Peer {
    report(sink, key);
    let due = |route: Route| Delivered { spans: 1 + route.children(), ..Delivered::default() };
    Peer { app: app::<OnSpans>(), behind: Box::new(Fastrace), due }
}

pub(crate) fn spans_and_logs(sink: SocketAddr, key: &str) -> Peer {
    report(sink, key);
    let exporter = of_logforth::LogExporter::builder().with_http().with_protocol(of_logforth::Protocol::HttpBinary);
    let exporter = exporter.with_endpoint(format!("http://{sink}/{key}/v1/logs")).build().expect("an exporter");
    logforth::starter_log::builder()
        .dispatch(|dispatch| {
            dispatch
                .filter(RustLogFilterBuilder::from_spec(FILTER).build())
                .diagnostic(FastraceDiagnostic::default())
                .append(OpentelemetryLogBuilder::new("bench", exporter).build())
        })
        .apply();
    let due = |route: Route| {
        let (spans, logs) = (1 + route.children(), route.events() + route.errors());
        Delivered { spans, logs, ..Delivered::default() }
    };
    Peer { app: app::<ToLog>(), behind: Box::new(Fastrace), due }
}

fn report(sink: SocketAddr, key: &str) {
    let exporter = SpanExporter::builder().with_http().with_protocol(Protocol::HttpBinary);
    let exporter = exporter.with_endpoint(format!("http://{sink}/{key}/v1/traces")).build().expect("an exporter");
    let resource = Cow::Owned(Resource::builder().with_service_name("bench").build());
    let reporter = OpenTelemetryReporter::new(exporter, resource, InstrumentationScope::builder("bench").build());
    fastrace::set_reporter(reporter, Config::default());
}

struct Fastrace;

impl Behind for Fastrace {
    fn flush(&self, _: Delivered, _: Duration) {
        fastrace::flush();
        log::logger().flush();
    }
}

fn app<E: Says>() -> Router {
    Router::new()
        .route("/users/{id}", get(users::<E>))
        .route("/hello", get(hello))
        .route("/echo", post(echo))
        .route("/fails", get(fails::<E>))
        .layer(FastraceLayer::default())
}

async fn users<E: Says>(Path(id): Path<u64>) -> Json<User> {
    E::looking_up(id);
    Json(load::<E>(id).await)
}

#[fastrace::trace(properties = { "user.id": "{id}" })]
async fn load<E: Says>(id: u64) -> User {
    E::query_done(1, "users");
    User::of(id)
}

async fn fails<E: Says>() -> Result<&'static str, OrderError> {
    let failed = OrderError::take();
    if let Err(error) = &failed {
        E::not_taken(error);
    }
    failed
}

/// Where the handlers' events go.
trait Says: Send + 'static {
    fn looking_up(id: u64);
    fn query_done(rows: u64, table: &'static str);
    fn not_taken(error: &OrderError);
}

struct OnSpans;

impl Says for OnSpans {
    fn looking_up(id: u64) {
        LocalSpan::add_event(Event::new("looking up a user").with_property(|| ("user.id", id.to_string())));
    }

    fn query_done(rows: u64, table: &'static str) {
        let event = Event::new("query done").with_properties(|| [("rows", Cow::from(rows.to_string())), ("table", table.into())]);
        LocalSpan::add_event(event);
    }

    fn not_taken(error: &OrderError) {
        LocalSpan::add_event(Event::new("the order was not taken").with_property(|| ("error", chain(error))));
    }
}

struct ToLog;

impl Says for ToLog {
    fn looking_up(id: u64) {
        log::info!("user.id" = id; "looking up a user");
    }

    fn query_done(rows: u64, table: &'static str) {
        log::debug!(rows, table; "query done");
    }

    fn not_taken(error: &OrderError) {
        log::error!(error = chain(error); "the order was not taken");
    }
}

/// An error and its causes in one line.
fn chain(error: &OrderError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
