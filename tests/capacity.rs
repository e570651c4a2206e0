//! What a request met: how many others were in flight, what kind of trouble it had, and what the process looked like.

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
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::Response;
use axum::routing::{any, get};
use campanile::Telemetry;
use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::record::{ErrorClass, Record};
use futures_util::FutureExt as _;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use support::{Observed, PATIENCE, Script, Step, full, poll_once, request};
use tokio::sync::Semaphore;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _};

/// Hands records on and wants nothing else, metrics least of all.
struct Keeps(mpsc::Sender<Record>);

impl Exporter for Keeps {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        batch.records().for_each(|record| drop(self.0.send(record.clone())));
        Ok(())
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("keeps")
    }
}

fn without_metrics() -> (Telemetry, mpsc::Receiver<Record>) {
    let (sender, receiver) = mpsc::channel();
    (campanile::builder().exporter(Keeps(sender)).build().unwrap(), receiver)
}

fn path(path: impl AsRef<str>) -> Request<Body> {
    Request::get(path.as_ref()).body(Body::empty()).unwrap()
}

type Call<B> = Pin<Box<dyn Future<Output = Result<http::Response<B>, Infallible>>>>;

/// A call that has begun, up to where it first has to wait.
fn begin<S, B>(app: &S, path_of: &str) -> Call<B>
where
    S: Service<Request<Body>, Response = http::Response<B>, Error = Infallible> + Clone + 'static,
{
    let mut call: Call<B> = Box::pin(app.clone().oneshot(path(path_of)));
    assert!(poll_once(call.as_mut()).is_pending(), "{path_of} waits");
    call
}

/// A router whose handlers wait until the gate is open.
fn gated(gate: &'static Semaphore) -> Router {
    let wait = async || drop(gate.acquire().await.expect("a gate stays"));
    Router::new().route("/orders/{id}", get(wait)).route("/users", get(wait))
}

/// What each record says of those that were in flight, in the order of arrival.
fn met(mut records: Vec<Record>) -> Vec<(String, u32, Option<u32>)> {
    records.sort_by_key(|record| record.in_flight());
    let met = |record: &Record| (record.path().to_owned(), record.in_flight().unwrap(), record.in_flight_on_route());
    records.iter().map(met).collect()
}

const PATHS: [&str; 7] = ["/orders/1", "/users", "/orders/2", "/orders/3", "/nothing", "/users", "/orders/1"];

fn expected() -> Vec<(String, u32, Option<u32>)> {
    let of_route = [Some(1), Some(1), Some(2), Some(3), None, Some(2), Some(4)];
    let rows = PATHS.into_iter().zip(1..).zip(of_route);
    // What matched no route is answered at once, and is in flight no longer when the next one comes.
    let rows = rows.map(|((path, at), of_route)| (path.to_owned(), if at > 5 { at - 1 } else { at }, of_route));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|row| row.1);
    rows
}

#[tokio::test]
async fn every_request_sees_how_many_are_in_flight_when_it_comes_also_without_metrics() {
    static GATE: Semaphore = Semaphore::const_new(0);
    let (telemetry, records) = without_metrics();
    let app = gated(&GATE).layer(telemetry.layer());
    let mut calls = Vec::new();
    for of in PATHS {
        let mut call = Box::pin(app.clone().oneshot(path(of)));
        if let Poll::Ready(answer) = poll_once(call.as_mut()) {
            assert_eq!(answer.unwrap().into_body().collect().await.unwrap().to_bytes().len(), 0, "{of}");
        } else {
            calls.push(call);
        }
    }
    GATE.add_permits(100);
    for call in calls {
        call.await.unwrap().into_body().collect().await.unwrap();
    }
    assert!(telemetry.flush(PATIENCE));
    assert_eq!(met(records.try_iter().collect()), expected());
}

#[tokio::test]
async fn a_route_that_a_layer_inside_the_router_reports_is_counted_too() {
    static GATE: Semaphore = Semaphore::const_new(0);
    let seen = Observed::new();
    let app = seen.layer().layer(gated(&GATE).layer(campanile::route_layer()));
    let calls: Vec<_> = ["/orders/1", "/users", "/orders/2"].into_iter().map(|path| begin(&app, path)).collect();
    GATE.add_permits(100);
    for call in calls {
        call.await.unwrap().into_body().collect().await.unwrap();
    }
    let expected = [("/orders/1", 1, Some(1)), ("/users", 2, Some(1)), ("/orders/2", 3, Some(2))];
    assert_eq!(met(seen.requests()), expected.map(|(path, all, of_route)| (path.to_owned(), all, of_route)));
}

/// Ends in every way there is, on one route.
async fn scripted(Path(how): Path<String>) -> Response {
    let body = |steps: Vec<Step>| Response::new(Body::new(Script::new(steps)));
    match how.as_str() {
        "ok" => Response::new(Body::from("hello")),
        "500" => Response::builder().status(500).body(Body::empty()).unwrap(),
        "panic" => panic!("told to panic"),
        "panic-in-body" => body(vec![Step::Data("one"), Step::Panic("told to panic in the body")]),
        "body-error" => body(vec![Step::Data("one"), Step::Fail("told to fail".into())]),
        "body" => body(vec![Step::Data("one"), Step::Pending, Step::Data("two")]),
        "upgrade" => Response::builder().status(101).body(Body::empty()).unwrap(),
        "hang" => std::future::pending().await,
        other => panic!("no script for {other}"),
    }
}

#[tokio::test]
async fn whatever_happens_to_a_request_it_is_in_flight_no_longer() {
    for has_metrics in [false, true] {
        let (telemetry, records) = without_metrics();
        let seen = Observed::new();
        let layer = if has_metrics { seen.layer() } else { telemetry.layer() };
        let app = Router::new().route("/{how}", any(scripted)).layer(layer);
        let last = || {
            if has_metrics {
                return seen.requests().pop().unwrap();
            }
            assert!(telemetry.flush(PATIENCE));
            records.try_iter().last().unwrap()
        };
        let ends = ["ok", "500", "panic", "panic-in-body", "body-error", "body", "upgrade", "dropped", "half", "ok"];
        for how in ends {
            let call = async {
                match how {
                    "dropped" => drop(poll_once(Box::pin(app.clone().oneshot(path("/hang"))).as_mut())),
                    "half" => {
                        let mut body = app.clone().oneshot(path("/body")).await.unwrap().into_body();
                        body.frame().await.unwrap().unwrap();
                    }
                    how => {
                        let answer = app.clone().oneshot(path(format!("/{how}"))).await.unwrap();
                        let _ = answer.into_body().collect().await;
                    }
                }
            };
            assert_eq!(AssertUnwindSafe(call).catch_unwind().await.is_err(), how.starts_with("panic"), "{how}");
            let record = last();
            assert_eq!((record.in_flight(), record.in_flight_on_route()), (Some(1), Some(1)), "{how}, and nobody before it");
        }
    }
}

#[tokio::test]
async fn a_request_that_met_trouble_says_what_the_process_looked_like() {
    let seen = Observed::new();
    let app = Router::new().route("/{how}", any(scripted)).layer(seen.layer());
    let mut left = Vec::new();
    for how in ["ok", "500"] {
        app.clone().oneshot(path(format!("/{how}"))).await.unwrap().into_body().collect().await.unwrap();
        left.push(newest(&seen));
    }
    let [ok, failed] = &left[..] else { panic!("two requests") };
    assert_eq!((ok.error_class(), ok.vitals()), (None, None), "nobody asks how it went when it went well");
    assert_eq!(failed.error_class(), Some(ErrorClass::Error));
    let vitals = failed.vitals().unwrap();
    assert!(vitals.unix_ns > 1_600_000_000_000_000_000);
    if cfg!(target_os = "linux") {
        assert!(vitals.memory_bytes.unwrap() > 1024 * 1024, "{vitals:?}");
        assert!(vitals.open_files.unwrap() >= 3, "{vitals:?}");
    }
    assert!(vitals.cpu_ratio.is_none_or(|cores| cores.is_finite() && cores >= 0.0), "{vitals:?}");
    assert!(vitals.runtime_busy_ratio.is_none_or(|share| (0.0..=1.0).contains(&share)), "{vitals:?}");
    assert!(vitals.runtime_lag_ns.is_some() && vitals.runtime_tasks.is_some(), "{vitals:?}");
}

#[test]
fn outside_any_runtime_the_rest_is_known() {
    let seen = Observed::new();
    let service = tower::service_fn(async |_| Ok::<_, support::BoxError>(http::Response::builder().status(500).body(full(""))?));
    let answer = poll_once(Box::pin(seen.layer().layer(service).oneshot(request("GET", "/"))).as_mut());
    assert!(answer.is_ready());
    drop(answer);
    let vitals = seen.only_request().vitals().unwrap();
    assert_eq!((vitals.runtime_lag_ns, vitals.runtime_busy_ratio, vitals.runtime_tasks), (None, None, None));
    assert_eq!(vitals.memory_bytes.is_some(), cfg!(target_os = "linux"));
}

/// The record of the last request. One that failed may come before those that ended earlier, so each is waited for.
#[track_caller]
fn newest(seen: &Observed) -> Record {
    let record = seen.only_request();
    drop(seen.memory.take());
    record
}

/// What kind of trouble the last request met, and whether it failed.
#[track_caller]
fn class(seen: &Observed) -> (Option<ErrorClass>, bool) {
    let record = newest(seen);
    assert_eq!(record.vitals().is_some(), record.error_class().is_some(), "{record:?}");
    (record.error_class(), record.is_failed())
}

#[cfg(feature = "tower-http")]
#[tokio::test]
async fn what_a_load_shedder_turns_away_is_saturated() {
    static GATE: Semaphore = Semaphore::const_new(0);
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).load_shed().concurrency_limit(1).service_fn(async |_| {
        drop(GATE.acquire().await?);
        Ok::<_, support::BoxError>(http::Response::new(full("")))
    });
    let mut first = Box::pin(service.clone().oneshot(request("GET", "/first")));
    assert!(poll_once(first.as_mut()).is_pending());
    let error = service.oneshot(request("GET", "/second")).await.unwrap_err();
    assert!(error.is::<tower::load_shed::error::Overloaded>(), "{error}");
    GATE.add_permits(1);
    drop(first.await.unwrap());
    let records = seen.requests();
    let shed = records.iter().find(|record| record.path() == "/second").unwrap();
    assert_eq!(shed.in_flight(), Some(2));
    assert_eq!(shed.error_type(), Some("tower::load_shed::error::Overloaded"));
    assert_eq!(shed.error_class(), Some(ErrorClass::Saturated));
    assert!(shed.vitals().is_some());
    let first = records.iter().find(|record| record.path() == "/first").unwrap();
    assert_eq!((first.error_class(), first.in_flight()), (None, Some(1)));
}

#[cfg(feature = "tower-http")]
#[tokio::test(start_paused = true)]
async fn what_a_timeout_gives_up_is_a_timeout() {
    let seen = Observed::new();
    let hang =
        tower::service_fn(async |_| std::future::pending::<Result<http::Response<support::BoxBody>, support::BoxError>>().await);
    let service = ServiceBuilder::new().layer(seen.layer()).timeout(Duration::from_secs(1)).service(hang);
    service.oneshot(request("GET", "/")).await.unwrap_err();
    assert_eq!(class(&seen), (Some(ErrorClass::Timeout), true));
    // That of tower-http answers, with 408 or what it is told.
    for (status, is_failed) in [(StatusCode::REQUEST_TIMEOUT, false), (StatusCode::GATEWAY_TIMEOUT, true)] {
        let layer = tower_http::timeout::TimeoutLayer::with_status_code(status, Duration::from_secs(1));
        let app = Router::new().route("/", get(async || std::future::pending::<()>().await)).layer(layer).layer(seen.layer());
        assert_eq!(app.oneshot(path("/")).await.unwrap().status(), status);
        assert_eq!(class(&seen), (Some(ErrorClass::Timeout), is_failed), "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_asks_to_come_again_is_saturated_whether_or_not_it_is_a_failure() {
    let seen = Observed::new();
    let app = Router::new()
        .route("/{code}", any(async |Path(code): Path<u16>| StatusCode::from_u16(code).unwrap()))
        .route(
            "/own",
            get(async || {
                campanile::attach(&std::io::Error::other("the pool is gone"));
                StatusCode::SERVICE_UNAVAILABLE
            }),
        )
        .layer(seen.layer());
    for (of, expected) in [
        ("/429", (Some(ErrorClass::Saturated), false)),
        ("/503", (Some(ErrorClass::Saturated), true)),
        ("/own", (Some(ErrorClass::Error), true)),
        ("/500", (Some(ErrorClass::Error), true)),
        ("/404", (None, false)),
    ] {
        app.clone().oneshot(path(of)).await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(class(&seen), expected, "{of}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_the_process_takes_is_measured_whether_requests_come_or_not() {
    let seen = Observed::new();
    let metrics = || {
        assert!(seen.telemetry.flush(PATIENCE));
        seen.memory.metrics().unwrap()
    };
    let of = |name: &str| metrics().metric(name).unwrap_or_else(|| panic!("{name} is there")).count(&[]);
    assert!(of("process.memory.usage") > 1024 * 1024);
    assert!(of("process.unix.file_descriptor.count") >= 3);
    let cpu = metrics().metric("process.cpu.time").unwrap().clone();
    let modes: Vec<_> = cpu.points().iter().map(|point| point.attribute("cpu.mode").unwrap().to_string()).collect();
    assert_eq!((cpu.unit(), modes), ("s", vec!["user".to_owned(), "system".to_owned()]));
    assert!(cpu.points().iter().all(|point| matches!(point.data(), campanile::metrics::Data::Amount(s) if s >= 0.0)));
    assert!(metrics().metric("campanile.runtime.worker.count").is_none(), "nobody has lent a runtime");
}

/// What a receiver of OTLP in this process decoded.
#[cfg(feature = "otlp")]
mod sink {
    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::post;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
    use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
    use prost::Message as _;
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    pub(super) type Attributes = BTreeMap<String, Value>;

    #[derive(Clone, Default)]
    pub(super) struct Sink {
        pub(super) metrics: Arc<Mutex<BTreeMap<String, Metric>>>,
        pub(super) spans: Arc<Mutex<Vec<Attributes>>>,
    }

    impl Sink {
        pub(super) fn router(&self) -> Router {
            let (of_metrics, of_spans) = (self.clone(), self.clone());
            let metrics = async move |body: Bytes| {
                let request = ExportMetricsServiceRequest::decode(body).unwrap();
                let scopes = request.resource_metrics.into_iter().flat_map(|outer| outer.scope_metrics);
                let metrics = scopes.flat_map(|inner| inner.metrics).map(|metric| (metric.name.clone(), metric));
                of_metrics.metrics.lock().unwrap().extend(metrics);
            };
            let spans = async move |body: Bytes| {
                let request = ExportTraceServiceRequest::decode(body).unwrap();
                let scopes = request.resource_spans.into_iter().flat_map(|outer| outer.scope_spans);
                let spans = scopes.flat_map(|inner| inner.spans).map(|span| attributes(span.attributes));
                of_spans.spans.lock().unwrap().extend(spans);
            };
            Router::new().route("/v1/metrics", post(metrics)).route("/v1/traces", post(spans))
        }

        /// Unit, whether it only grows, and the points of a sum with their attributes.
        pub(super) fn sum(&self, name: &str) -> (String, bool, Vec<(Attributes, f64)>) {
            let metrics = self.metrics.lock().unwrap();
            let metric = metrics.get(name).unwrap_or_else(|| panic!("{name} arrives"));
            let metric::Data::Sum(sum) = metric.data.as_ref().unwrap() else { panic!("{name} is a sum") };
            let points = sum.data_points.iter().map(|point| {
                let value = match point.value.unwrap() {
                    number_data_point::Value::AsInt(value) => value as f64,
                    number_data_point::Value::AsDouble(value) => value,
                };
                (attributes(point.attributes.clone()), value)
            });
            (metric.unit.clone(), sum.is_monotonic, points.collect())
        }
    }

    fn attributes(list: Vec<KeyValue>) -> Attributes {
        list.into_iter().filter_map(|pair| Some((pair.key, pair.value?.value?))).collect()
    }
}

#[cfg(feature = "otlp")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_of_otlp_is_told_of_the_process_and_of_the_load() {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    let sink = sink::Sink::default();
    let server = support::serve(sink.router()).await;
    let otlp = campanile::otlp::Otlp::new(format!("http://{}", server.address));
    let seen = Observed::with(|builder| builder.exporter(otlp.clone().metrics().unwrap()).exporter(otlp.traces().unwrap()));
    let app = Router::new().route("/{how}", any(scripted)).layer(seen.layer());
    for how in ["/ok", "/500"] {
        app.clone().oneshot(path(how)).await.unwrap().into_body().collect().await.unwrap();
    }
    // Until the task that the runtime was lent has been polled and counted.
    let start = Instant::now();
    while !sink.metrics.lock().unwrap().contains_key("campanile.runtime.lag") {
        assert!(start.elapsed() < PATIENCE, "the lag arrives");
        let telemetry = seen.telemetry.clone();
        assert!(tokio::task::spawn_blocking(move || telemetry.flush(PATIENCE)).await.unwrap());
    }
    drop(seen.telemetry.shutdown().await);
    server.stop().await;
    let mut expected = vec![
        ("campanile.runtime.worker.count", "{thread}", false, 2.0),
        ("campanile.runtime.task.count", "{task}", false, 1.0),
        ("campanile.runtime.busy.time", "s", true, 0.0),
    ];
    if cfg!(target_os = "linux") {
        expected.push(("process.memory.usage", "By", false, 1024.0 * 1024.0));
        expected.push(("process.unix.file_descriptor.count", "{file_descriptor}", false, 3.0));
        let (unit, only_grows, points) = sink.sum("process.cpu.time");
        assert_eq!((unit.as_str(), only_grows), ("s", true));
        let modes: Vec<_> = points.iter().map(|(attributes, _)| attributes["cpu.mode"].clone()).collect();
        assert_eq!(modes, ["user", "system"].map(|mode| Value::StringValue(mode.to_owned())));
    }
    for (name, unit, only_grows, least) in expected {
        let (its_unit, it_only_grows, points) = sink.sum(name);
        assert_eq!((its_unit.as_str(), it_only_grows, points.len()), (unit, only_grows, 1), "{name}");
        assert!(points[0].1 >= least, "{name}: {points:?}");
    }
    let spans = sink.spans.lock().unwrap();
    let of = |status: i64| {
        let status = Value::IntValue(status);
        spans.iter().find(|span| span.get("http.response.status_code") == Some(&status)).unwrap()
    };
    assert!(of(200).keys().all(|name| !name.contains("in_flight") && !name.contains("campanile.process")), "{:?}", of(200));
    assert_eq!(of(500)["campanile.error.class"], Value::StringValue("error".to_owned()));
    assert_eq!(
        (&of(500)["campanile.in_flight"], &of(500)["campanile.route.in_flight"]),
        (&Value::IntValue(1), &Value::IntValue(1))
    );
    assert!(matches!(of(500)["campanile.runtime.lag_ns"], Value::IntValue(lag) if lag >= 0));
    if cfg!(target_os = "linux") {
        assert!(matches!(of(500)["campanile.process.memory_bytes"], Value::IntValue(bytes) if bytes > 1024 * 1024));
    }
}

/// Blocks the only thread until `is_so`.
fn block_until(is_so: impl Fn() -> bool, what: &str) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_runtime_that_is_blocked_is_seen_to_lag() {
    const HELD: Duration = Duration::from_millis(50);
    let seen = Observed::new();
    let app = Router::new().route("/{how}", any(scripted)).layer(seen.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let measured = |name: &str| {
        assert!(seen.telemetry.flush(PATIENCE));
        seen.memory.metrics().unwrap().metric(name).map(|metric| (metric.count(&[]), metric.clone()))
    };
    runtime.block_on(async {
        let hanging = begin(&app, "/hang");
        let waiting = tokio::runtime::Handle::current().metrics();
        // The thread goes on without going back to the runtime, and a task waits there.
        block_until(|| waiting.global_queue_depth() > 0, "the worker looks while a request hangs");
        let start = Instant::now();
        block_until(|| start.elapsed() >= HELD, "time goes by");
        let failing = poll_once(Box::pin(app.clone().oneshot(path("/500"))).as_mut());
        assert!(failing.is_ready());
        drop(failing);
        let failed = seen.only_request();
        let lag_ns = failed.vitals().unwrap().runtime_lag_ns.unwrap();
        assert!(u128::from(lag_ns) >= HELD.as_nanos(), "a task that still waits tells how long: {lag_ns}");
        assert!(measured("campanile.runtime.lag").is_none(), "it counts once it is over");
        // Released: every task that is ready has its turn.
        while waiting.global_queue_depth() > 0 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        drop(hanging);
    });
    let (count, lag) = measured("campanile.runtime.lag").unwrap();
    let campanile::metrics::Data::Histogram { sum, .. } = lag.points()[0].data() else { panic!("{lag:?}") };
    assert!(count >= 1 && sum >= HELD.as_secs_f64(), "{lag:?}");
    assert_eq!(measured("campanile.runtime.worker.count").unwrap().0, 1);
}

#[test]
fn a_runtime_that_is_gone_is_let_go_and_the_next_one_is_seen() {
    let seen = Observed::new();
    let app = Router::new().route("/{how}", any(scripted)).layer(seen.layer());
    let fail = || async {
        app.clone().oneshot(path("/500")).await.unwrap().into_body().collect().await.unwrap();
        newest(&seen).vitals().unwrap()
    };
    let new = || tokio::runtime::Builder::new_current_thread().build().unwrap();
    let first = new();
    assert!(first.block_on(fail()).runtime_tasks.is_some());
    drop(first);
    let second = new();
    second.block_on(async {
        let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(std::future::pending::<()>())).collect();
        let start = Instant::now();
        // It is seen no sooner than the worker looks again.
        while fail().await.runtime_tasks.is_none_or(|tasks| tasks < 100) {
            assert!(start.elapsed() < PATIENCE, "the second runtime is seen");
            tokio::task::yield_now().await;
        }
        drop(tasks);
    });
}
