//! What requests add up to is what happened: every one once, under attributes that no client can make up.

#![cfg(feature = "axum")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::mpsc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::{any, get, post};
use campanile::exporter::{Batch, ExportError, Exporter, Patience};
use campanile::metrics::{Data, Metric, Snapshot};
use campanile::record::Reason;
use campanile::{Env, Telemetry};
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use support::{
    BoxBody, Observed, PATIENCE, PROTOCOLS, Script, Step, Yield, full, get as fetch, poll_once, raw, request, send, serve,
};
use tower::{Layer as _, Service as _, ServiceExt as _};

const DURATION: &str = "http.server.request.duration";
const ACTIVE: &str = "http.server.active_requests";

/// The metrics of everything that is finished by now.
fn metrics(seen: &Observed) -> Snapshot {
    assert!(seen.telemetry.flush(PATIENCE), "a flush comes to its end");
    seen.memory.metrics().expect("a flush brings metrics")
}

fn duration(seen: &Observed) -> Metric {
    metrics(seen).metric(DURATION).expect("a request was made").clone()
}

/// The attributes of each point, with its count.
fn points(metric: &Metric) -> BTreeMap<String, i64> {
    let line = |point: &campanile::metrics::Point| {
        let attributes: Vec<_> = point.attributes().map(|(name, value)| format!("{name}={value}")).collect();
        let count = match point.data() {
            Data::Sum(value) => value,
            Data::Histogram { count, .. } => i64::try_from(count).unwrap(),
            other => panic!("{other:?}"),
        };
        (attributes.join(" "), count)
    };
    let all: BTreeMap<_, _> = metric.points().iter().map(line).collect();
    assert_eq!(all.len(), metric.points().len(), "one point for each set of attributes");
    all
}

fn in_flight(seen: &Observed) -> i64 {
    metrics(seen).metric(ACTIVE).map_or(0, |active| active.count(&[]))
}

fn orders() -> Router {
    Router::new()
        .route("/orders/{id}", get(async || "order"))
        .route("/orders", post(async || StatusCode::CREATED))
        .route("/status/{code}", any(async |Path(code): Path<u16>| StatusCode::from_u16(code).unwrap()))
}

#[tokio::test]
async fn every_request_counts_once_under_its_own_attributes() {
    let seen = Observed::new();
    let server = serve(orders().layer(seen.layer())).await;
    for number in 0..20 {
        assert_eq!(fetch(&server, &format!("/orders/{number}?page={number}")).await.status, 200);
    }
    for protocol in PROTOCOLS {
        send(&server, protocol, request("POST", "/orders")).await.unwrap();
    }
    fetch(&server, "/status/503").await;
    fetch(&server, "/status/404").await;
    fetch(&server, "/wp-admin").await;
    server.stop().await;
    let duration = duration(&seen);
    let line = |method: &str, rest: &str, version: &str| {
        format!("http.request.method={method} url.scheme=http {rest} network.protocol.version={version}")
    };
    let expected = [
        (line("GET", "http.route=/orders/{id} http.response.status_code=200", "1.1"), 20),
        (line("POST", "http.route=/orders http.response.status_code=201", "1.1"), 1),
        (line("POST", "http.route=/orders http.response.status_code=201", "2"), 1),
        (line("GET", "http.route=/status/{code} http.response.status_code=503 error.type=503", "1.1"), 1),
        (line("GET", "http.route=/status/{code} http.response.status_code=404", "1.1"), 1),
        (line("GET", "http.response.status_code=404", "1.1"), 1),
    ];
    assert_eq!(points(&duration), BTreeMap::from(expected));
    assert_eq!(duration.unit(), "s");
    for point in duration.points() {
        let Data::Histogram { count, sum, buckets, .. } = point.data() else { panic!("{point:?}") };
        assert_eq!(buckets.iter().sum::<u64>(), count);
        assert_eq!(buckets.len(), duration.bounds().len() + 1);
        assert!(sum > 0.0 && sum < 60.0, "seconds: {sum}");
    }
    let nanoseconds: u64 = seen.requests().iter().map(campanile::record::Record::duration_ns).sum();
    let seconds: f64 = duration
        .points()
        .iter()
        .map(|point| match point.data() {
            Data::Histogram { sum, .. } => sum,
            other => panic!("{other:?}"),
        })
        .sum();
    assert!((seconds - nanoseconds as f64 / 1e9).abs() < 1e-6, "the durations of the records: {seconds} {nanoseconds}");
}

#[tokio::test]
async fn a_request_that_is_not_sampled_counts_too() {
    let seen = Observed::with(|builder| builder.sample_ratio(0.0));
    let app = orders().layer(seen.layer());
    app.oneshot(Request::get("/orders/1").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(duration(&seen).count(&[]), 1);
}

#[tokio::test]
async fn a_quiet_request_counts_too_and_is_not_lost() {
    let seen = Observed::with(|builder| builder.quiet_routes(["/orders/{id}"]));
    let app = orders().layer(seen.layer());
    for _ in 0..3 {
        let request = Request::get("/orders/1").body(axum::body::Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
    }
    assert_eq!(duration(&seen).count(&[("http.route", "/orders/{id}")]), 3);
    assert!(metrics(&seen).metric("campanile.records.dropped").is_none());
    assert!(seen.requests().is_empty());
}

/// Hosts, paths, queries and headers that a client chooses, and methods that it makes up.
#[tokio::test]
async fn nothing_that_a_client_makes_up_becomes_an_attribute() {
    let seen = Observed::new();
    let server = serve(orders().layer(seen.layer())).await;
    raw(&server, "GET / HTTP/1.1\r\nhost: a.invalid\r\nhost: b.invalid\r\nconnection: close\r\n\r\n").await;
    raw(&server, format!("{} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "X".repeat(1000))).await;
    raw(&server, "get / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    server.stop().await;
    let metrics = metrics(&seen);
    let allowed = BTreeSet::from([
        "http.request.method",
        "url.scheme",
        "http.route",
        "http.response.status_code",
        "error.type",
        "network.protocol.version",
    ]);
    for name in [DURATION, ACTIVE] {
        let metric = metrics.metric(name).unwrap();
        for point in metric.points() {
            let names: BTreeSet<_> = point.attributes().map(|(name, _)| name).collect();
            assert!(names.is_subset(&allowed), "HD-17: {names:?}");
        }
        let methods: BTreeSet<_> =
            metric.points().iter().map(|point| point.attribute("http.request.method").unwrap().to_string()).collect();
        assert_eq!(methods, BTreeSet::from(["GET".to_owned(), "_OTHER".to_owned()]), "UR-13, UR-14: {name}");
    }
    let other = metrics.metric(DURATION).unwrap().count(&[("http.request.method", "_OTHER")]);
    assert_eq!(other, 2, "UR-13, UR-14");
}

#[tokio::test]
async fn scanners_and_made_up_hosts_leave_one_set_of_attributes() {
    let seen = Observed::new();
    let app = orders().layer(seen.layer());
    for number in 0..3000 {
        let request = Request::get(format!("/{number}.php")).header("host", format!("{number}.invalid"));
        let response = app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    let duration = duration(&seen);
    assert_eq!((duration.points().len(), duration.count(&[])), (1, 3000), "UR-08, HD-18");
}

#[tokio::test]
async fn beyond_the_limit_everything_counts_as_overflow() {
    for (limit, expected) in [(None, 900), (Some(50), 50)] {
        let seen = Observed::with(|builder| match limit {
            Some(limit) => builder.max_metric_attribute_sets(limit),
            None => builder,
        });
        let app = orders().layer(seen.layer());
        for code in 100..1000 {
            let request = Request::get(format!("/status/{code}")).body(axum::body::Body::empty()).unwrap();
            app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        }
        let duration = duration(&seen);
        assert_eq!(duration.points().len(), expected, "HD-18, UR-08");
        let overflow = duration.points().iter().filter(|point| point.is_overflow()).count();
        assert_eq!(overflow, usize::from(limit.is_some()), "HD-18");
        assert_eq!(duration.count(&[]), 900, "nothing is lost");
    }
}

/// A service that does what the path says.
async fn scripted(request: Request<impl Body>) -> Result<Response<BoxBody>, support::BoxError> {
    let mut response = Response::new(full("hello"));
    match request.uri().path() {
        "/ok" => {}
        "/body" => *response.body_mut() = Script::new([Step::Data("one"), Step::Pending, Step::Data("two")]).boxed(),
        "/upgrade" => *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS,
        "/error" => return Err("told to fail".into()),
        "/panic" => panic!("told to panic"),
        "/panic-in-body" => *response.body_mut() = Script::new([Step::Panic("told to panic in the body")]).boxed(),
        "/body-error" => *response.body_mut() = Script::new([Step::Fail("broken".into())]).boxed(),
        "/slow" => Yield(5).await,
        other => panic!("no script for {other}"),
    }
    Ok(response)
}

#[tokio::test]
async fn requests_in_flight_are_counted_and_return_to_zero_whatever_happens() {
    let seen = Observed::new();
    let mut service = seen.layer().layer(tower::service_fn(|request: Request<_>| {
        assert_ne!(request.uri().path(), "/panic-in-call", "told to panic in call");
        scripted(request)
    }));
    let paths = ["/ok", "/body", "/upgrade", "/error", "/panic", "/panic-in-body", "/body-error", "/slow", "/panic-in-call"];
    for path in paths {
        let call = AssertUnwindSafe(async {
            let response = service.call(request("GET", path)).await?;
            let in_flight = in_flight(&seen);
            assert_eq!(in_flight, i64::from(!matches!(path, "/upgrade")), "{path}: with its head there and its body not");
            response.into_body().collect().await.map(drop)
        });
        let ended = call.catch_unwind().await;
        assert_eq!(ended.is_err(), path.starts_with("/panic"), "{path}");
        assert_eq!(in_flight(&seen), 0, "{path}");
    }
    // Dropped before the head, and with the body half read.
    for polls in 0..4 {
        let mut future = Box::pin(service.call(request("POST", "/slow")));
        for _ in 0..polls {
            assert!(poll_once(future.as_mut()).is_pending());
        }
        assert_eq!(in_flight(&seen), 1, "{polls}");
        drop(future);
        assert_eq!(in_flight(&seen), 0, "{polls}");
    }
    let body = service.call(request("GET", "/body")).await.unwrap().into_body();
    {
        let mut body = pin!(body);
        assert!(poll_once(pin!(body.frame()).as_mut()).is_ready());
        assert_eq!(in_flight(&seen), 1);
        // Pinned in place, it goes at the end of this block.
    }
    assert_eq!(in_flight(&seen), 0);
    let expected = [("http.request.method=GET url.scheme=http", 0), ("http.request.method=POST url.scheme=http", 0)];
    let expected = expected.map(|(line, count)| (line.to_owned(), count));
    assert_eq!(points(metrics(&seen).metric(ACTIVE).unwrap()), BTreeMap::from(expected));
    assert_eq!(duration(&seen).count(&[]), paths.len() as i64 + 5, "every one has its record, and counts");
}

#[tokio::test]
async fn a_handle_that_outlives_its_request_is_not_in_flight() {
    let seen = Observed::new();
    let (sender, receiver) = mpsc::channel();
    let service = seen.layer().layer(tower::service_fn(move |request: Request<_>| {
        sender.send(campanile::current().unwrap()).unwrap();
        scripted(request)
    }));
    service.oneshot(request("GET", "/ok")).await.unwrap().into_body().collect().await.unwrap();
    let handle = receiver.recv().unwrap();
    assert_eq!(in_flight(&seen), 0);
    drop(handle);
    assert_eq!(in_flight(&seen), 0);
}

#[tokio::test]
async fn sizes_of_bodies_are_measured_where_that_is_asked_for() {
    for is_asked in [false, true] {
        let seen = Observed::with(|builder| builder.body_size_metrics(is_asked));
        let echo = Router::new().route("/echo", post(async |body: String| body)).layer(seen.layer());
        let request = Request::post("/echo").body(axum::body::Body::from("12345678901")).unwrap();
        echo.oneshot(request).await.unwrap().into_body().collect().await.unwrap();
        let metrics = metrics(&seen);
        for name in ["http.server.request.body.size", "http.server.response.body.size"] {
            let metric = metrics.metric(name);
            assert_eq!(metric.is_some(), is_asked, "{name}");
            let Some(metric) = metric else { continue };
            let Data::Histogram { count, sum, buckets, .. } = metric.points()[0].data() else { panic!("{metric:?}") };
            assert_eq!((count, sum, buckets[3], metric.unit()), (1, 11.0, 1, "By"), "{name}");
        }
    }
}

/// Takes metrics and nothing else.
struct Hears(mpsc::Sender<Snapshot>, fn() -> Result<(), ExportError>);

impl Exporter for Hears {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        panic!("it wants no records");
    }

    fn export_metrics(&mut self, snapshot: &Snapshot, _: &Patience) -> Result<(), ExportError> {
        let _ = self.0.send(snapshot.clone());
        (self.1)()
    }

    fn wants_metrics(&self) -> bool {
        true
    }

    fn wants_records(&self) -> bool {
        false
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("hears")
    }
}

async fn one_request(telemetry: &Telemetry) {
    let service = telemetry.layer().layer(tower::service_fn(scripted));
    service.oneshot(request("GET", "/ok")).await.unwrap().into_body().collect().await.unwrap();
}

#[tokio::test]
async fn shutdown_hands_the_metrics_over_once_more() {
    let (sender, receiver) = mpsc::channel();
    let builder = campanile::builder().exporter(Hears(sender, || Ok(()))).metric_interval(Duration::from_secs(3600));
    let telemetry = builder.build().unwrap();
    for _ in 0..3 {
        one_request(&telemetry).await;
    }
    assert!(receiver.try_recv().is_err(), "an hour is not over");
    let report = telemetry.shutdown().await;
    let all: Vec<Snapshot> = receiver.try_iter().collect();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].metric(DURATION).unwrap().count(&[]), 3);
    assert!(report.in_time, "{report}");
    let stats = &report.stats.exporters[0];
    assert_eq!((stats.offered, stats.metrics_delivered, stats.metrics_failed), (0, 1, 0), "{report}");
    assert!(report.to_string().contains("hears: 1 exports delivered"), "{report}");
}

#[tokio::test]
async fn metrics_are_handed_over_at_every_interval() {
    let env: Env =
        [("OTEL_METRIC_EXPORT_INTERVAL", "10"), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")].into_iter().collect();
    let (sender, receiver) = mpsc::channel();
    let telemetry = campanile::builder().env(env).exporter(Hears(sender, || Ok(()))).build().unwrap();
    one_request(&telemetry).await;
    let mut before: Option<Snapshot> = None;
    // Without a request they go on, as does the time that they tell.
    for _ in 0..5 {
        let snapshot = receiver.recv_timeout(PATIENCE).expect("the next one comes");
        if let Some(before) = before {
            assert!(snapshot.unix_ns() > before.unix_ns() && snapshot.start_unix_ns() == before.start_unix_ns());
        }
        before = Some(snapshot);
    }
    drop(telemetry);
}

#[tokio::test]
async fn an_exporter_of_metrics_that_fails_or_panics_harms_nobody() {
    let (sender, receiver) = mpsc::channel();
    let seen = Observed::with(|builder| {
        builder
            .exporter(Hears(sender.clone(), || Err(ExportError::new(Reason::RetryExpired, "told to fail"))))
            .exporter(Hears(sender, || panic!("told to panic")))
    });
    for _ in 0..2 {
        one_request(&seen.telemetry).await;
        assert_eq!(in_flight(&seen), 0);
    }
    let stats = seen.telemetry.stats();
    let failed: Vec<u64> = stats.exporters.iter().map(|exporter| exporter.metrics_failed).collect();
    assert_eq!(failed[0], 0, "{stats:?}");
    assert!(failed[1] >= 2 && failed[2] >= 2, "{stats:?}");
    assert!(receiver.try_iter().count() >= 4);
    assert_eq!(duration(&seen).count(&[]), 2);
}

#[tokio::test]
async fn what_was_lost_is_a_metric_by_reason_and_exporter() {
    struct Fails;
    impl Exporter for Fails {
        fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
            Err(ExportError::new(Reason::SinkIoError, "told to fail"))
        }

        fn name(&self) -> Cow<'static, str> {
            Cow::Borrowed("fails")
        }
    }
    let seen = Observed::with(|builder| builder.exporter(Fails));
    for _ in 0..4 {
        one_request(&seen.telemetry).await;
    }
    assert!(seen.telemetry.flush(PATIENCE));
    let metrics = metrics(&seen);
    let dropped = metrics.metric("campanile.records.dropped").unwrap();
    assert_eq!(dropped.count(&[("campanile.exporter", "fails"), ("campanile.reason", "sink_io_error")]), 4);
    assert_eq!(dropped.count(&[]), 4);
    let exported = metrics.metric("campanile.records.exported").unwrap();
    assert_eq!(exported.count(&[("campanile.exporter", "memory")]), 4);
}

#[tokio::test]
async fn a_difference_of_two_moments_has_what_came_between() {
    let seen = Observed::new();
    one_request(&seen.telemetry).await;
    let before = metrics(&seen);
    for _ in 0..2 {
        one_request(&seen.telemetry).await;
    }
    let delta = metrics(&seen).since(&before);
    assert!(delta.is_delta() && !before.is_delta());
    assert_eq!(delta.metric(DURATION).unwrap().count(&[]), 2);
    assert_eq!(delta.metric(ACTIVE).unwrap().count(&[]), 0);
}
