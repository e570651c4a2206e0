//! A request that is not sampled, that no rule can keep and that no exporter wants is seen by nobody, and owes what any other
//! request owes: its ids, its trace context, its place in every count, and its errors.

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
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use campanile::control::Ask;
use campanile::exporter::{Batch, ExportError, Exporter, Memory, Patience};
use campanile::metrics::{Data, Snapshot};
use campanile::record::{Kept, Outcome, Reason, Record};
use campanile::{Builder, Handle, Keep, Telemetry, TraceResponse};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use support::{Chain, PATIENCE, Script, Step, balance};
use tower::ServiceExt as _;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A memory that is given no request that is not sampled, unless it failed.
struct Chosen(Memory);

impl Exporter for Chosen {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.export(batch)
    }

    fn export_metrics(&mut self, snapshot: &Snapshot, patience: &Patience) -> Result<(), ExportError> {
        self.0.export_metrics(snapshot, patience)
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("chosen")
    }

    fn wants_metrics(&self) -> bool {
        true
    }

    fn wants_unsampled(&self) -> bool {
        false
    }
}

struct Shop {
    telemetry: Telemetry,
    memory: Memory,
    /// Whether nobody else listens.
    is_alone: bool,
}

impl Shop {
    /// One without keep rules.
    fn new(change: impl FnOnce(Builder) -> Builder) -> Self {
        let memory = Memory::new();
        let builder = campanile::builder().keep(Keep::none()).trace_response(TraceResponse::Header);
        let telemetry = change(builder.exporter(Chosen(memory.clone()))).build().unwrap();
        Self { telemetry, memory, is_alone: false }
    }

    async fn ask(&self, path: &str, flags: &str) -> Answer {
        self.ask_with(path, &[("traceparent", &parent(flags))]).await
    }

    /// Asks, and reads the answer to its end.
    async fn ask_with(&self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        let _guard = match self.is_alone {
            true => tracing::subscriber::set_default(self.telemetry.subscriber()),
            false => tracing::subscriber::set_default(tracing_subscriber::registry().with(self.telemetry.tracing_layer())),
        };
        let mut request = Request::get(path).body(Body::from("to be read")).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        let answered = AssertUnwindSafe(app().layer(self.telemetry.layer()).oneshot(request)).catch_unwind().await;
        let Ok(Ok(response)) = answered else { return Answer::default() };
        let (head, body) = response.into_parts();
        let body = AssertUnwindSafe(body.collect()).catch_unwind().await;
        let body = body.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Answer { status: head.status.as_u16(), headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// Records that the exporter was given so far.
    fn records(&self) -> Vec<Record> {
        assert!(self.telemetry.flush(PATIENCE), "a flush comes to its end");
        balance(&self.telemetry.stats());
        self.memory.take()
    }

    /// What its metrics say, but for times.
    fn counts(&self) -> BTreeMap<String, String> {
        assert!(self.telemetry.flush(PATIENCE), "a flush comes to its end");
        let snapshot = self.memory.metrics().expect("a flush brings metrics");
        let of_requests =
            snapshot.metrics().iter().filter(|metric| metric.name().starts_with("http.") || metric.name().starts_with("rpc."));
        let points = of_requests.flat_map(|metric| metric.points().iter().map(move |point| (metric, point)));
        let line = |(metric, point): (&campanile::metrics::Metric, &campanile::metrics::Point)| {
            let attributes: Vec<_> = point.attributes().map(|(name, value)| format!("{name}={value}")).collect();
            let count = match point.data() {
                Data::Sum(value) => format!("{value}"),
                Data::Histogram { count, sum, .. } if metric.unit() == "By" => format!("{count} of {sum} bytes"),
                Data::Histogram { count, .. } => format!("{count}"),
                other => panic!("{other:?}"),
            };
            (format!("{} {}", metric.name(), attributes.join(" ")), count)
        };
        points.map(line).collect()
    }
}

#[derive(Debug, Default)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

fn parent(flags: &str) -> String {
    format!("00-{TRACE}-b7ad6b7169203331-{flags}")
}

/// Says in its answer what handlers see, here and on a task of its own.
async fn order(Path(id): Path<String>, request: Request<Body>) -> Response<Body> {
    campanile::set("order.id", id.as_str());
    let (head, body) = request.into_parts();
    body.collect().await.unwrap();
    let load = async {
        tracing::debug!("looked into the cache");
        let elsewhere = async { campanile::current().map(|request| request.request_id().to_owned()) };
        tokio::spawn(elsewhere.instrument(tracing::info_span!("report"))).await.unwrap()
    };
    let elsewhere = load.instrument(tracing::info_span!("load", rows = 3)).await.expect("its request");
    tracing::info!("sold");
    let here = campanile::current().expect("its request");
    let mut outgoing = HeaderMap::new();
    here.inject(&mut outgoing);
    let shown = head.headers["x-request-id"].to_str().unwrap();
    assert_eq!(head.extensions.get::<Handle>().unwrap().request_id(), here.request_id());
    assert_eq!((shown, elsewhere.as_str()), (here.request_id(), here.request_id()));
    let sent = |name| outgoing.get(name).map_or("", |value: &HeaderValue| value.to_str().unwrap());
    let lines = [shown, sent("traceparent"), sent("tracestate"), sent("baggage"), &here.span_id().to_string()];
    Response::new(Body::from(lines.join("\n")))
}

async fn play(Path(what): Path<String>) -> Response<Body> {
    let of = |steps: Vec<Step>| Response::new(Body::new(Script::new(steps)));
    match what.as_str() {
        "fails" => Response::builder().status(500).body(Body::empty()).unwrap(),
        "refuses" => Response::builder().status(404).body(Body::empty()).unwrap(),
        "reports" => {
            campanile::attach(&Chain::new(&["out of stock", "no lorry"]));
            Response::builder().status(503).body(Body::from("sorry")).unwrap()
        }
        "logs" => {
            tracing::info!("before");
            let error = Chain::new(&["out of stock"]);
            tracing::error!(error = &error as &dyn std::error::Error, "cannot sell");
            Response::builder().status(500).body(Body::empty()).unwrap()
        }
        "panics" => panic!("told to panic"),
        "panics-in-body" => of(vec![Step::Data("one"), Step::Panic("told to panic in the body")]),
        "breaks" => of(vec![Step::Data("one"), Step::Fail("the disk is gone".into())]),
        other => panic!("no script for {other}"),
    }
}

fn app() -> Router {
    Router::new().route("/orders/{id}", get(order)).route("/play/{what}", get(play))
}

#[tokio::test]
async fn what_others_see_of_a_request_is_the_same_whether_it_is_sampled_or_not() {
    for is_alone in [false, true] {
        look_from_outside(Shop { is_alone, ..Shop::new(|builder| builder) }).await;
    }
}

async fn look_from_outside(shop: Shop) {
    for (flags, records) in [("00", 0), ("01", 1)] {
        let along = [("traceparent", parent(flags)), ("tracestate", "a=1,b=2".to_owned()), ("baggage", "tier=gold".to_owned())];
        let along = along.each_ref().map(|(name, value)| (*name, value.as_str()));
        let own = shop.ask_with("/orders/7", &along).await;
        let [id, outgoing, state, baggage, span] = own.body.split('\n').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((own.status, own.header("x-request-id"), id.len()), (200, id, 36), "{flags}");
        assert_eq!((outgoing, state, baggage), (format!("00-{TRACE}-{span}-{flags}").as_str(), "a=1,b=2", "tier=gold"));
        assert_eq!(own.header("traceresponse"), outgoing, "{:?}", own.headers);
        let told = shop.ask_with("/orders/7", &[("x-request-id", "told-1"), ("traceparent", &parent(flags))]).await;
        assert_eq!((told.header("x-request-id"), told.body.lines().next()), ("told-1", Some("told-1")), "{flags}");
        let refused = shop.ask_with("/orders/7", &[("x-request-id", "<b>"), ("traceparent", &parent(flags))]).await;
        assert_eq!(refused.header("x-request-id").len(), 36, "{flags}");
        assert_eq!(shop.records().len(), 3 * records, "{flags}");
    }
    assert_eq!(shop.telemetry.stats().inbound_ids_refused, 2);
}

#[tokio::test]
async fn what_is_counted_of_a_request_is_the_same_whether_it_is_sampled_or_not() {
    let counts = async |flags| {
        let shop = Shop::new(|builder| builder.body_size_metrics(true));
        let places =
            ["fails", "refuses", "reports", "logs", "panics", "panics-in-body", "breaks"].map(|what| format!("/play/{what}"));
        for path in places.iter().map(String::as_str).chain(["/orders/7", "/orders/8", "/nowhere"]) {
            shop.ask(path, flags).await;
        }
        let stats = shop.telemetry.stats();
        assert_eq!(stats.offered, 10, "{stats:?}");
        shop.counts()
    };
    let (sampled, unsampled) = (counts("01").await, counts("00").await);
    assert_eq!(sampled, unsampled);
    let shown = format!("{unsampled:#?}");
    for part in
        ["http.route=/orders/{id} http.response.status_code=200", "error.type=panic", "status_code=503", "active_requests"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[tokio::test]
async fn one_that_went_well_is_seen_by_no_exporter_and_counted_as_sampled_out() {
    let shop = Shop::new(|builder| builder);
    for path in ["/orders/7", "/play/refuses", "/nowhere"] {
        assert_ne!(shop.ask(path, "00").await.status, 0);
    }
    assert_eq!(shop.records().len(), 0);
    let stats = shop.telemetry.stats();
    assert_eq!((stats.offered, stats.forwarded, stats.dropped.total()), (3, 3, 0), "{stats:?}");
    let chosen = &stats.exporters[0];
    assert_eq!((chosen.offered, chosen.delivered, chosen.dropped.of(Reason::Sampled)), (3, 0, 3), "{stats:?}");
}

#[tokio::test]
async fn one_that_fails_is_told_with_its_ids_and_errors_alone() {
    for (path, outcome, status, errors) in [
        ("/play/reports", Outcome::Answered, Some(503), &["out of stock"][..]),
        ("/play/logs", Outcome::Answered, Some(500), &["out of stock"]),
        ("/play/panics", Outcome::Panicked, None, &["told to panic"]),
        ("/play/panics-in-body", Outcome::Panicked, Some(200), &["told to panic in the body"]),
        ("/play/breaks", Outcome::BodyError, Some(200), &["the disk is gone"]),
    ] {
        let shop = Shop::new(|builder| builder);
        shop.ask_with(path, &[("traceparent", &parent("00")), ("accept", "text/html")]).await;
        let records = shop.records();
        let [record] = records.as_slice() else { panic!("{path}: {records:?}") };
        assert_eq!((record.outcome(), record.status(), record.route()), (outcome, status, Some("/play/{what}")), "{path}");
        let told: Vec<_> = record.failures().map(|failure| failure.message().to_owned()).collect();
        assert_eq!(told, errors, "{path}");
        assert_eq!(record.trace_id().unwrap().to_string(), TRACE, "{path}");
        assert!(record.group().is_some() && record.duration_ns() > 0 && record.request_id().len() == 36, "{path}");
        assert_eq!((record.kept(), record.events().len(), record.spans().len()), (None, 0, 0), "{path}");
        assert_eq!((record.request_headers().count(), record.response_headers().count()), (0, 0), "{path}");
    }
}

#[tokio::test]
async fn one_that_somebody_may_see_is_recorded_like_any_other() {
    let other = Memory::new();
    let shop = Shop::new(|builder| builder.exporter(other.clone()));
    shop.ask_with("/orders/7", &[("traceparent", &parent("00")), ("accept", "text/html")]).await;
    assert_eq!(shop.records().len(), 0);
    let record = other.take().pop().expect("the other exporter wants it");
    assert!(record.request_headers().any(|header| header.value() == Some("text/html")) && record.path() == "/orders/7");

    let shop = Shop::new(|builder| builder.keep(Keep::failed()));
    shop.ask("/orders/7", "00").await;
    shop.ask("/play/reports", "00").await;
    let kept = shop.records();
    assert_eq!(kept.iter().map(Record::kept).collect::<Vec<_>>(), [Some(Kept::Failed)]);
    assert!(kept[0].request_headers().count() > 0 && kept[0].path() == "/play/reports");

    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let asked = std::sync::Arc::clone(&seen);
    let shop = Shop::new(|builder| {
        builder.quiet(move |record| {
            asked.lock().unwrap().push((record.path().to_owned(), record.user_agent().map(str::to_owned)));
            true
        })
    });
    shop.ask_with("/orders/7", &[("traceparent", &parent("00")), ("user-agent", "curl")]).await;
    assert!(shop.records().is_empty());
    assert_eq!(*seen.lock().unwrap(), [("/orders/7".to_owned(), Some("curl".to_owned()))]);
}

#[tokio::test]
async fn one_that_is_asked_for_when_it_comes_is_sampled_and_whole() {
    let shop = Shop::new(|builder| builder.sample_ratio(0.0));
    shop.ask_with("/orders/7", &[]).await;
    let id = shop.telemetry.control().ask(Ask::route("/orders/{id}").sample(1.0).lasting(Duration::from_secs(60))).unwrap();
    let asked = shop.ask_with("/orders/7", &[]).await;
    assert!(shop.telemetry.control().revoke(id));
    shop.ask_with("/orders/7", &[]).await;
    let records = shop.records();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((record.request_id(), record.kept()), (asked.header("x-request-id"), Some(Kept::Asked)));
    assert_eq!((record.events().len(), record.spans().len()), (2, 2));
}

#[tokio::test]
async fn a_share_stays_the_share_where_the_rest_is_not_seen() {
    let shop = Shop::new(|builder| builder.sample_ratio(0.5).keep(Keep::none()));
    for _ in 0..400 {
        shop.ask_with("/orders/7", &[("accept", "text/html")]).await;
    }
    let records = shop.records();
    assert!((140..=260).contains(&records.len()), "{} of 400", records.len());
    assert!(records.iter().all(|record| record.request_headers().count() >= 1 && record.trace_state() == "ot=th:8"));
    let unseen = shop.telemetry.stats().exporters[0].dropped.of(Reason::Sampled);
    assert_eq!(unseen + records.len() as u64, 400);
}

#[tokio::test]
async fn a_call_of_grpc_is_counted_as_such() {
    for flags in ["00", "01"] {
        let shop = Shop::new(|builder| builder);
        let headers = [("traceparent", &*parent(flags)), ("content-type", "application/grpc")];
        shop.ask_with("/orders/7", &headers).await;
        shop.ask_with("/nowhere", &headers).await;
        let counts = shop.counts();
        assert_eq!(counts.len(), 3, "{counts:?}");
    }
}
