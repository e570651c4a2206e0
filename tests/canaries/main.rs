//! Some seventy secrets, planted wherever an application has some, are in no output, in no `Debug` of a public type and in
//! nothing that the library says about itself.
//!
//! The application runs in a process of its own, with the secrets in its environment and everything that our threads
//! log taken down at `TRACE`; what it says on standard error is searched too.
#![cfg(all(feature = "axum", feature = "console", feature = "otlp-grpc", feature = "store"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod application;
mod outputs;
mod planted;
mod sink;
#[path = "../support/mod.rs"]
mod support;
mod walk;

use std::error::Error;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::exporter::{ExportError, Exporter};
use campanile::otlp::{Otlp, Protocol};
use campanile::record::Reason;
use campanile::{Bodies, Env, Telemetry};
use tower::{Layer as _, ServiceBuilder};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber, span};
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use self::application::VISIBLE;
use self::outputs::Outputs;
use self::planted::{assert_all_planted, found_in, secret};
use self::sink::{REFUSING, Sink};
use self::support::{PATIENCE, raw};

#[test]
fn no_planted_secret_is_found_anywhere() {
    let headers = format!("api-key={}", secret(42));
    let key = format!("/nowhere/{}/key.pem", secret(44));
    let said = support::child(
        "the_application",
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", &headers),
            ("CANARIES_KEY", &key),
            ("CANARIES_ENDPOINT", &secret(43)),
            ("CAMPANILE_SECRET", &secret(45)),
            ("AWS_SECRET_ACCESS_KEY", &secret(46)),
            ("OTEL_RESOURCE_ATTRIBUTES", &format!("deployment.environment.name=test,{}", secret(47))),
        ],
    );
    assert!(said.contains("campanile"), "it says something: {said}");
    assert_eq!(found_in(said.as_bytes()), [""; 0], "on standard error:\n{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs in a process of its own, started by the other test"]
async fn the_application() {
    let sink = Sink::default();
    let collector = sink.start().await;
    let endpoint = |number: usize, path: &str| format!("http://user:{}@{}{path}", secret(number), collector.address);

    // The environment: headers and the rest are there already, from the process that started this one.
    let env = Env::of_process().or("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint(43, ""));
    for number in [42, 44, 45, 46, 47] {
        let _ = secret(number);
    }
    let mut debugs = Debugs::default();
    debugs.say("Env", &env);
    let grpc = || {
        let otlp = Otlp::new(format!("http://{}", collector.address)).protocol(Protocol::Grpc);
        otlp.header("api-key", secret(48)).captured_headers(true).captured_bodies(true).pace(512, Duration::from_millis(50))
    };
    debugs.say("Otlp", &grpc());
    let outputs = Outputs::new();
    let builder = outputs.add_to(campanile::builder().env(env.clone()).capture_bodies(Bodies::on()));
    let builder = builder
        .group_by(|record| (record.path() == "/grouped").then(|| format!("{VISIBLE} https://user:{}@shop.invalid/", secret(71))));
    #[cfg(feature = "control")]
    let builder = builder.debug_key(secret(63).repeat(3));
    #[cfg(not(feature = "control"))]
    let _ = secret(63);
    let builder = builder.exporter(grpc().traces().unwrap()).exporter(grpc().logs().unwrap());
    debugs.say("Builder", &builder);
    let telemetry = builder.build().unwrap();

    let overheard = Overheard::default();
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer()).with(overheard.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    // What the application's own hook prints of a panic is its own business.
    std::panic::set_hook(Box::new(|_| {}));
    telemetry.install();

    let server = application::serve(&telemetry).await;
    for request in application::requests() {
        let _ = raw(&server, request).await;
    }
    application::marked_as_sensitive(&telemetry).await;
    application::works_alone();
    #[cfg(feature = "cli")]
    let in_flight = {
        let mut hanging = Box::pin(application::hanging(&telemetry));
        assert!(futures_util::poll!(&mut hanging).is_pending());
        outputs.in_flight()
    };
    #[cfg(not(feature = "cli"))]
    let in_flight = {
        drop(application::hanging(&telemetry));
        Vec::new()
    };
    server.stop().await;
    drop(std::panic::take_hook());
    assert!(telemetry.flush(PATIENCE));
    let records = outputs.memory.records();
    assert!(records.len() >= 10, "{records:?}");
    // Bodies were captured, so that they are searched too.
    let kept = records.iter().flat_map(|record| record.request_body().into_iter().chain(record.response_body()));
    assert!(kept.filter(|body| body.content().contains("REDACTED")).count() >= 4, "{records:?}");
    for record in &records {
        debugs.0.push(("Record".to_owned(), walk::walk(record)));
    }
    debug_of_what_is_around(&mut debugs, &telemetry);
    let report = telemetry.shutdown_within(PATIENCE).await;
    debugs.say("Report", &report);
    debugs.0.push(("Report".to_owned(), report.to_string()));

    refusals(&mut debugs, &endpoint(49, REFUSING)).await;
    cannot_be_built(&mut debugs, &env, &endpoint);
    collector.stop().await;
    assert_all_planted();

    #[cfg(feature = "cli")]
    let told = outputs.told();
    #[cfg(not(feature = "cli"))]
    let told: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut found = Vec::new();
    for (name, bytes) in outputs
        .all()
        .into_iter()
        .chain(in_flight)
        .chain(told)
        .chain([("OTLP over HTTP", sink.payloads("v1/")), ("OTLP over gRPC", sink.payloads("Service/Export"))])
    {
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(VISIBLE), "{name} holds what it may hold: {text}");
        found.extend(found_in(&bytes).into_iter().map(|secret| format!("{name}: {secret}")));
    }
    for (name, text) in &debugs.0 {
        found.extend(found_in(text.as_bytes()).into_iter().map(|secret| format!("Debug of {name}: {secret} in {text}")));
    }
    let overheard = overheard.0.lock().unwrap().clone();
    assert!(overheard.iter().any(|line| line.contains("hyper")) && overheard.iter().any(|line| line.contains("h2")));
    for line in &overheard {
        found.extend(found_in(line.as_bytes()).into_iter().map(|secret| format!("our own threads: {secret} in {line}")));
    }
    assert!(found.is_empty(), "{} found:\n{}", found.len(), found.join("\n"));
}

/// What types of the library print of themselves.
#[derive(Default)]
struct Debugs(Vec<(String, String)>);

impl Debugs {
    fn say(&mut self, name: &str, value: &dyn Debug) {
        self.0.push((name.to_owned(), format!("{value:?} {value:#?}")));
    }
}

fn debug_of_what_is_around(debugs: &mut Debugs, telemetry: &Telemetry) {
    debugs.say("Telemetry", telemetry);
    debugs.say("Stats", &telemetry.stats());
    debugs.say("warnings", &telemetry.warnings());
    debugs.say("ObserveLayer", &telemetry.layer());
    debugs.say("Observe", &telemetry.layer().layer(()));
    debugs.say("ObserveAsIs", &telemetry.layer().keep_request_body().layer(()));
    debugs.say("RouteLayer", &campanile::route_layer().layer(()));
    debugs.say("CatchPanic", &campanile::catch_panic_layer().layer(()));
    let mut error = ExportError::new(Reason::RejectedByRemote, "refused");
    error = error.because(std::io::Error::other("closed"));
    debugs.say("ExportError", &error);
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(|request: http::Request<_>| async move {
        let handle = campanile::current();
        drop(request);
        Ok::<_, support::BoxError>(http::Response::new(support::full(if handle.is_some() { "seen" } else { "unseen" })))
    });
    let request = http::Request::get(format!("/?token={}", secret(16)))
        .header("authorization", format!("Bearer {}", secret(1)))
        .body(http_body_util::Full::<bytes::Bytes>::default())
        .unwrap();
    let mut service = service;
    debugs.say("ObserveFuture", &tower::Service::call(&mut service, request));
}

/// A receiver that says back who asked, and one that is not there.
async fn refusals(debugs: &mut Debugs, refusing: &str) {
    for (endpoint, deadline) in [(refusing, PATIENCE), ("http://user@127.0.0.1:9", Duration::from_millis(200))] {
        let otlp = || Otlp::new(endpoint.replace("user@", &format!("user:{}@", secret(49)))).pace(1, Duration::ZERO);
        let traces = otlp().traces().unwrap();
        debugs.say("exporter", &traces.name());
        let telemetry = campanile::builder().exporter(traces).exporter(otlp().logs().unwrap()).build().unwrap();
        application::marked_as_sensitive(&telemetry).await;
        debugs.say("Report", &telemetry.shutdown_within(deadline).await);
    }
}

/// Settings that cannot be followed, each with a secret in it.
fn cannot_be_built(debugs: &mut Debugs, env: &Env, endpoint: &dyn Fn(usize, &str) -> String) {
    let key = PathBuf::from(format!("/nowhere/{}/key.pem", secret(50)));
    let of_env = |variables: &[(&str, String)]| {
        let env = variables.iter().fold(Env::default(), |env, (key, value)| env.or(*key, value.as_str()));
        campanile::builder().env(env.or("CAMPANILE_STORE", "off").or("CAMPANILE_CONSOLE", "off")).build().map(drop)
    };
    let (secure, key_of_env) = (endpoint(43, "").replace("http:", "https:"), std::env::var("CANARIES_KEY").unwrap());
    let attempts = [
        Otlp::new(&*secure).client_certificate("/nowhere/chain.pem", key).traces().map(drop),
        Otlp::new(secret(49)).traces().map(drop),
        Otlp::new(endpoint(49, "").replace("http:", "ftp:")).traces().map(drop),
        Otlp::new(endpoint(49, "/\u{1}")).traces().map(drop),
        Otlp::new(endpoint(49, "")).header("a header", secret(48)).traces().map(drop),
        Otlp::new(endpoint(49, "")).header("api-key", format!("{}\n", secret(48))).traces().map(drop),
        of_env(&[("OTEL_EXPORTER_OTLP_ENDPOINT", secure.clone()), ("OTEL_EXPORTER_OTLP_CERTIFICATE", key_of_env.clone())]),
        of_env(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", secure),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key_of_env.clone()),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", key_of_env),
        ]),
        of_env(&[("OTEL_EXPORTER_OTLP_ENDPOINT", secret(43))]),
        of_env(&[("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint(43, "")), ("OTEL_EXPORTER_OTLP_HEADERS", secret(42))]),
    ];
    for (index, attempt) in attempts.into_iter().enumerate() {
        let Err(error) = attempt else { panic!("{index} can be built") };
        debugs.say(&format!("BuildError {index}"), &error);
        let mut next: Option<&dyn Error> = Some(&error);
        while let Some(error) = next {
            debugs.0.push((format!("BuildError {index}"), error.to_string()));
            next = error.source();
        }
    }
    // Warnings hold no value either.
    let mut warned = env.clone();
    for key in ["OTEL_BSP_MAX_QUEUE_SIZE", "CAMPANILE_LEVEL", "OTEL_TRACES_SAMPLER", "RUST_LOG", "CAMPANILE_STORE_MAX_AGE"] {
        warned = warned.or(key, secret(45));
    }
    let telemetry = campanile::builder().env(warned).build().unwrap();
    assert!(telemetry.warnings().len() >= 4, "{:?}", telemetry.warnings());
    debugs.say("warnings", &telemetry.warnings());
    telemetry.shutdown_blocking(Duration::ZERO);
}

/// Takes down everything that is logged on threads of the library, whatever its level.
#[derive(Clone, Default)]
struct Overheard(Arc<Mutex<Vec<String>>>);

impl Overheard {
    fn take_down(&self, target: &str, record: impl FnOnce(&mut Text)) {
        let is_ours = std::thread::current().name().is_some_and(|name| name.starts_with("campanile"));
        if is_ours {
            let mut text = Text(target.to_owned());
            record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for Overheard {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        self.take_down(attributes.metadata().target(), |text| attributes.record(text));
    }

    fn on_record(&self, _: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        self.take_down("", |text| values.record(text));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.take_down(event.metadata().target(), |text| event.record(text));
    }
}
