//! Detail is captured of every request and travels of those that need it.

#![cfg(all(feature = "console", feature = "store"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::exporter::{Console, Json, StoreExporter};
use campanile::query::Query;
use campanile::record::{Kept, Record};
use campanile::store::{Find, Reader, Settings, Store};
use campanile::{Env, Keep, Telemetry};
use futures_util::FutureExt as _;
use http::{Request, Response};
use support::{BoxBody, BoxError, Chain, Observed, PATIENCE, balance, full, request};
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;

/// The budget that everything in memory has together, as documented.
const BUDGET_BYTES: usize = 32 * 1024 * 1024;
/// What the slow requests of these tests take; no other one comes near it.
const SLOW: Duration = Duration::from_secs(2);

type AnyRequest = Request<http_body_util::Full<bytes::Bytes>>;

/// What was written so far.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A small shop: `/failing` fails, `/slow` is slow, `/flagged` asks to be kept, and all of them say much of what they do.
async fn shop<B>(request: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    let path = request.uri().path().to_owned();
    let _order = tracing::info_span!("order", id = 981).entered();
    tracing::debug!("looked into the cache");
    tracing::debug_span!("query").in_scope(|| tracing::debug!(rows = 3, "asked the database"));
    drop(_order);
    if path == "/slow" {
        tokio::time::sleep(SLOW).await;
    }
    if path == "/flagged" {
        campanile::keep();
    }
    if path == "/refused" {
        campanile::attach(&Chain::new(&["out of stock"]));
    }
    tracing::debug!("about to answer");
    let status = match path.as_str() {
        "/failing" => 500,
        "/refused" => 422,
        _ => 200,
    };
    Ok(Response::builder().status(status).body(full("")).unwrap())
}

fn service(
    telemetry: &Telemetry,
) -> impl Service<AnyRequest, Response = Response<campanile::ObserveBody<BoxBody>>, Error = BoxError> + Clone {
    ServiceBuilder::new().layer(telemetry.layer()).service_fn(shop)
}

/// A subscriber for this thread that hears everything.
fn listen(telemetry: &Telemetry) -> tracing::subscriber::DefaultGuard {
    tracing::subscriber::set_default(tracing_subscriber::registry().with(telemetry.tracing_layer()))
}

fn ask(seen: &Observed, path: &str) -> Record {
    let _ = seen.memory.take();
    let _guard = listen(&seen.telemetry);
    assert!(service(&seen.telemetry).oneshot(request("GET", path)).now_or_never().unwrap().is_ok());
    seen.only_request()
}

fn keeping(keep: Keep) -> Observed {
    Observed::with(|builder| builder.keep(keep))
}

/// Its events and spans, as counts.
fn detail(record: &Record) -> (usize, usize) {
    (record.events().len(), record.spans().len())
}

const ALL_DETAIL: (usize, usize) = (3, 2);

#[tokio::test]
async fn of_a_thousand_requests_the_five_that_need_it_carry_their_detail_into_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let (pretty, json) = (Written::default(), Written::default());
    let telemetry = campanile::builder()
        .exporter(StoreExporter::new(Store::open(Settings::new(directory.path())).unwrap()))
        .exporter(Console::new(pretty.clone()).utc().fold(Duration::ZERO))
        .exporter(Json::new(json.clone()))
        .keep(Keep::failed().slow(SLOW))
        .build()
        .unwrap();
    let guard = listen(&telemetry);
    let shop = service(&telemetry);
    let slow: Vec<_> = (0..2).map(|_| shop.clone().oneshot(request("GET", "/slow"))).collect();
    let slow = futures_util::future::join_all(slow);
    let rest = async {
        for index in 0..998 {
            let path = if index % 333 == 7 { "/failing" } else { "/orders/7" };
            shop.clone().oneshot(request("GET", path)).await.unwrap();
        }
    };
    let (slow, ()) = tokio::join!(slow, rest);
    assert!(slow.iter().all(Result::is_ok));
    drop(guard);
    let report = telemetry.shutdown_blocking(PATIENCE);
    assert_eq!((report.in_time, report.lost()), (true, 0), "{report}");

    let mut reader = Reader::open(directory.path()).unwrap();
    let mut find = |query: &str| reader.find(&Query::parse(query).unwrap(), &Find::with_limit(2_000)).unwrap();
    assert_eq!(find("kind:request").len(), 1_000);
    let kept = find("kept:any");
    assert_eq!((kept.len(), find("kept:failed").len(), find("kept:slow").len()), (5, 3, 2));
    for stored in &kept {
        let record = stored.record();
        assert_eq!(detail(record), ALL_DETAIL, "{record:?}");
        assert!(record.events().all(|event| event.level() == Level::DEBUG), "the console never showed any of it");
        assert_eq!((record.weight(), record.dropped().thinned), (1.0, 0));
        assert!(matches!(record.path(), "/failing" | "/slow"));
    }
    let summaries = find("kept:none");
    assert_eq!(summaries.len(), 995);
    for stored in &summaries {
        let record = stored.record();
        assert_eq!((detail(record), record.kept()), ((0, 0), None), "{record:?}");
        assert_eq!(record.dropped().thinned, 5, "what was captured and left out is counted");
        assert_eq!((record.status(), record.method()), (Some(200), "GET"));
    }
    // The newest of what was not shown stands under what failed, as ever; nothing else has more than its line.
    let (text, mut lines, mut below) = (pretty.text(), 0, 0);
    text.lines().for_each(|line| if line.starts_with("      ") { below += 1 } else { lines += 1 });
    assert_eq!((lines, below), (1_000, 3 * 3), "{text}");
    assert_eq!(json.text().lines().count(), 1_000);
    assert_eq!(json.text().matches("\"campanile.kept\":\"failed\"").count(), 3);
}

#[test]
fn each_rule_keeps_what_it_is_made_for_and_says_so() {
    for (keep, path, expected) in [
        (Keep::new(), "/", Some(Kept::Sampled)),
        (Keep::new(), "/failing", Some(Kept::Failed)),
        (Keep::failed(), "/", None),
        (Keep::failed(), "/failing", Some(Kept::Failed)),
        (Keep::failed(), "/flagged", Some(Kept::Flagged)),
        (Keep::failed(), "/refused", None),
        (Keep::failed().slow(Duration::ZERO), "/", Some(Kept::Slow)),
        (Keep::failed().slow(Duration::from_secs(3600)), "/", None),
        (Keep::failed().query("status:422"), "/refused", Some(Kept::Matched)),
        (Keep::failed().query("\"asked the database\""), "/", Some(Kept::Matched)),
        (Keep::failed().query("status:404"), "/refused", None),
        (Keep::all(), "/", Some(Kept::All)),
        (Keep::none(), "/failing", None),
        (Keep::none(), "/flagged", None),
    ] {
        let record = ask(&keeping(keep.clone()), path);
        assert_eq!(record.kept(), expected, "{path} {keep:?}");
        assert_eq!(detail(&record), if expected.is_some() { ALL_DETAIL } else { (0, 0) }, "{path} {keep:?}");
    }
}

#[test]
fn a_summary_has_everything_but_spans_and_events() {
    let seen = keeping(Keep::failed());
    let record = ask(&seen, "/refused");
    assert_eq!((record.kept(), detail(&record)), (None, (0, 0)));
    let failure = record.failure().expect("why it was refused is part of the summary");
    assert_eq!((failure.message(), record.status()), ("out of stock", Some(422)));
    assert_eq!(failure.span_id(), Some(record.span_id()), "the span that it happened in is gone");
}

#[test]
fn what_is_asked_for_of_the_rest_stays_on_a_summary() {
    let seen = keeping(Keep::failed().rest(Level::INFO));
    let _guard = listen(&seen.telemetry);
    let chatty = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        tracing::debug!("quiet");
        tracing::info_span!("inside").in_scope(|| tracing::info!(item = 7, "sold"));
        Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
    });
    assert!(chatty.oneshot(request("GET", "/")).now_or_never().unwrap().is_ok());
    let record = seen.only_request();
    assert_eq!((record.kept(), detail(&record), record.dropped().thinned), (None, (1, 0), 2));
    let event = record.events().next().unwrap();
    assert_eq!((event.message(), event.fields().count()), ("sold", 1));
    assert_eq!(event.span_id(), Some(record.span_id()));
}

#[test]
fn what_cannot_be_kept_is_not_even_captured_and_still_shown_at_once() {
    let json = Written::default();
    let seen = Observed::with(|builder| builder.exporter(Json::new(json.clone())).keep(Keep::none()));
    let _guard = listen(&seen.telemetry);
    let chatty = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        let _span = tracing::info_span!("inside").entered();
        tracing::debug!("quiet");
        tracing::info!("sold");
        Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
    });
    assert!(chatty.oneshot(request("GET", "/")).now_or_never().unwrap().is_ok());
    let record = seen.only_request();
    assert_eq!((detail(&record), record.dropped().thinned), ((0, 0), 0));
    let lines = json.text();
    assert_eq!(lines.lines().filter(|line| line.contains("\"body\":\"sold\"")).count(), 1, "{lines}");
    assert!(!lines.contains("quiet"), "{lines}");
}

#[test]
fn by_default_a_request_that_the_caller_did_not_sample_is_a_summary_until_it_fails() {
    let seen = Observed::new();
    let _guard = listen(&seen.telemetry);
    for (path, flags, expected) in [
        ("/", "00", None),
        ("/", "01", Some(Kept::Sampled)),
        ("/failing", "00", Some(Kept::Failed)),
        ("/flagged", "00", Some(Kept::Flagged)),
    ] {
        let mut request = request("GET", path);
        let parent = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        request.headers_mut().insert("traceparent", parent.parse().unwrap());
        let _ = seen.memory.take();
        assert!(service(&seen.telemetry).oneshot(request).now_or_never().unwrap().is_ok());
        assert_eq!(seen.only_request().kept(), expected, "{path} {flags}");
    }
}

#[test]
fn what_only_the_sampler_kept_says_how_many_it_stands_for() {
    // All 14 digits of the second threshold would be taken for the number of a card, and out of it.
    for (ratio, weight, state) in [(0.25, 4.0, "ot=th:c"), (0.1, 10.0, "ot=th:e6666666")] {
        let seen = Observed::with(|builder| builder.sample_ratio(ratio).keep(Keep::failed().sampled()));
        let _guard = listen(&seen.telemetry);
        for index in 0..400 {
            let path = if index % 10 == 0 { "/failing" } else { "/" };
            assert!(service(&seen.telemetry).oneshot(request("GET", path)).now_or_never().unwrap().is_ok());
        }
        let records = seen.requests();
        assert_eq!(records.len(), 400);
        for record in &records {
            let (is_sampled, is_failed) = (record.trace_flags().is_sampled(), record.is_failed());
            let expected = if is_failed { Some(Kept::Failed) } else { is_sampled.then_some(Kept::Sampled) };
            assert_eq!(record.kept(), expected);
            assert_eq!(record.weight(), if expected == Some(Kept::Sampled) { weight } else { 1.0 });
            assert_eq!(record.trace_state(), if is_sampled { state } else { "" });
        }
        let sampled = records.iter().filter(|record| record.trace_flags().is_sampled()).count() as f64;
        assert!((100.0 * ratio..800.0 * ratio).contains(&sampled), "{sampled} of 400 at a ratio of {ratio}");
    }
}

#[test]
fn the_callers_threshold_says_how_many_a_sampled_request_stands_for() {
    let seen = Observed::new();
    let mut request = request("GET", "/");
    let headers = request.headers_mut();
    headers.insert("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().unwrap());
    headers.insert("tracestate", "vendor=1,ot=th:8".parse().unwrap());
    assert!(service(&seen.telemetry).oneshot(request).now_or_never().unwrap().is_ok());
    let record = seen.only_request();
    assert_eq!((record.weight(), record.trace_state()), (2.0, "vendor=1,ot=th:8"));
}

#[test]
fn settings_come_from_the_environment_and_code_wins() {
    let quiet = [("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")];
    let with = |value: &str| {
        let env: Env = quiet.into_iter().chain([("CAMPANILE_KEEP", value)]).collect();
        Observed::with(|builder| builder.env(env))
    };
    for (value, path, expected) in [
        ("failed", "/", None),
        ("failed", "/failing", Some(Kept::Failed)),
        ("slow:0ms", "/failing", Some(Kept::Failed)),
        ("slow:0s,sampled", "/", Some(Kept::Slow)),
        ("slow:1m, sampled", "/", Some(Kept::Sampled)),
        ("query:status:422 or status:404", "/refused", Some(Kept::Matched)),
        ("all", "/", Some(Kept::All)),
        ("none", "/failing", None),
    ] {
        let seen = with(value);
        assert_eq!(seen.telemetry.warnings(), [""; 0], "{value}");
        assert_eq!(ask(&seen, path).kept(), expected, "{value} {path}");
    }
    for (value, part) in [("slow:fast", 1), ("failed,canary", 2), ("query:canary:1", 1), ("slow:0.5x", 1), ("rest:loud", 1)] {
        let seen = with(value);
        let expected = format!("CAMPANILE_KEEP has a part {part} that cannot be followed and is left out");
        assert_eq!(seen.telemetry.warnings(), [expected], "{value}");
        assert_eq!(ask(&seen, "/failing").kept(), Some(Kept::Failed), "{value}");
    }
    // A debug build that nobody told anything keeps everything.
    let seen = Observed::with(|builder| builder.env(quiet.into_iter().collect()));
    assert_eq!(ask(&seen, "/").kept(), Some(if cfg!(debug_assertions) { Kept::All } else { Kept::Sampled }));
    let env: Env = quiet.into_iter().chain([("CAMPANILE_KEEP", "all")]).collect();
    let seen = Observed::with(|builder| builder.env(env).keep(Keep::failed()));
    assert_eq!(ask(&seen, "/").kept(), None);
    for keep in [Keep::failed().query("stauts:500"), Keep::new().slower_than(f64::NAN)] {
        let error = campanile::builder().keep(keep).build().unwrap_err();
        assert!(error.to_string().starts_with("keep "), "{error}");
    }
}

#[test]
fn own_targets_and_level_say_what_is_captured() {
    let captured = |builder: fn(campanile::Builder) -> campanile::Builder| {
        let seen = Observed::with(builder);
        let _guard = listen(&seen.telemetry);
        let app = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
            tracing::trace!(target: "shop", "trace");
            tracing::debug!(target: "shop::db", "debug");
            tracing::debug!(target: "shopping", "other debug");
            tracing::info!(target: "shopping", "info");
            Ok::<Response<BoxBody>, BoxError>(Response::new(full("")))
        });
        assert!(app.oneshot(request("GET", "/")).now_or_never().unwrap().is_ok());
        seen.only_request().events().map(|event| event.message().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(captured(|builder| builder), ["debug", "other debug", "info"]);
    assert_eq!(captured(|builder| builder.own_targets(["shop"])), ["debug", "info"]);
    assert_eq!(captured(|builder| builder.own_targets(["shop"]).level(Level::TRACE)), ["trace", "debug", "info"]);
    assert_eq!(captured(|builder| builder.own_targets(["elsewhere"])), ["info"]);
    assert_eq!(captured(|builder| builder.level(Level::WARN).filter("off")), [""; 0]);
}

#[test]
fn the_newest_events_before_a_failure_are_there_and_the_others_are_counted() {
    const EVENTS: usize = 20_000;
    for text in ["", "a longer text that fills the megabyte of a record before its two thousand events are reached"] {
        let seen = keeping(Keep::failed());
        let _guard = listen(&seen.telemetry);
        let text = text.repeat(10);
        let failing = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<_>| {
            let text = text.clone();
            async move {
                tracing::warn!("the first sign");
                for index in 0..EVENTS - 1 {
                    tracing::debug!(index, text, "again");
                }
                Err::<Response<BoxBody>, BoxError>(Box::new(Chain::new(&["in the end"])))
            }
        });
        assert!(failing.oneshot(request("GET", "/")).now_or_never().unwrap().is_err());
        let record = seen.only_request();
        let kept: Vec<u64> = record.events().filter_map(index).collect();
        let newest = EVENTS as u64 - 1;
        assert_eq!(record.events().next().unwrap().message(), "the first sign", "what is louder goes last");
        assert!(kept.len() > 400, "{}", kept.len());
        assert_eq!(kept, (newest - kept.len() as u64..newest).collect::<Vec<_>>(), "the newest, without a gap");
        let dropped = record.dropped();
        assert_eq!(dropped.events, 0);
        assert_eq!(record.events().len() + dropped.thinned as usize, EVENTS, "captured is kept and thinned");
        assert_eq!(record.failure().unwrap().message(), "in the end");
    }
}

#[test]
fn spans_give_way_too_and_what_was_inside_them_stays_in_the_span_around() {
    const SPANS: usize = 3_000;
    let seen = keeping(Keep::failed());
    let _guard = listen(&seen.telemetry);
    let failing = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        let around = tracing::info_span!("around").entered();
        for index in 0..SPANS {
            let _inside = tracing::debug_span!("inside", index).entered();
            if index % 100 == 0 {
                tracing::warn!(index, "look");
            }
        }
        drop(around);
        Ok::<Response<BoxBody>, BoxError>(Response::builder().status(500).body(full("")).unwrap())
    });
    assert!(failing.oneshot(request("GET", "/")).now_or_never().unwrap().is_ok());
    let record = seen.only_request();
    let around = record.spans().find(|span| span.name() == "around").expect("it was open all the time");
    assert!(around.is_finished());
    let last = record.spans().last().unwrap();
    assert_eq!(
        (last.name(), last.field("index"), last.parent_id()),
        ("inside", Some((SPANS as i64 - 1).into()), Some(around.id()))
    );
    assert!(record.spans().all(|span| span.is_finished()));
    assert_eq!(record.events().len(), SPANS / 100);
    let ids: Vec<_> = record.spans().map(|span| span.id()).collect();
    assert!(record.events().all(|event| event.span_id().is_some_and(|id| ids.contains(&id))));
    let dropped = record.dropped();
    assert_eq!((record.spans().len() + dropped.thinned as usize, dropped.spans), (SPANS + 1, 0));
}

fn index(event: campanile::record::Event<'_>) -> Option<u64> {
    event.fields().find(|field| field.name() == "index").and_then(|field| field.value().to_string().parse().ok())
}

#[test]
fn ten_thousand_exchanges_that_log_without_end_stay_within_the_budget() {
    const EXCHANGES: usize = 10_000;
    const ROUNDS: usize = 8;
    const EVENTS: usize = 10;
    type Running = Pin<Box<dyn Future<Output = Result<Response<campanile::ObserveBody<BoxBody>>, BoxError>>>>;
    let peak = |events: usize| {
        let seen = keeping(Keep::failed());
        let _guard = listen(&seen.telemetry);
        let mut records = Vec::new();
        let mut running: Vec<Running> = Vec::with_capacity(EXCHANGES);
        let text: Arc<str> = "x".repeat(100).into();
        let measured = allocation_counter::measure(|| {
            for _ in 0..EXCHANGES {
                let text = Arc::clone(&text);
                let chatty = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_: Request<_>| {
                    let text = Arc::clone(&text);
                    async move {
                        for round in 0..ROUNDS {
                            for event in 0..events {
                                tracing::debug!(index = round * events + event, text = &*text, "again");
                            }
                            support::Yield(1).await;
                        }
                        Ok::<Response<BoxBody>, BoxError>(Response::builder().status(500).body(full("")).unwrap())
                    }
                });
                running.push(Box::pin(chatty.oneshot(request("GET", "/"))));
            }
            for _ in 0..ROUNDS {
                for future in &mut running {
                    assert!(support::poll_once(future.as_mut()).is_pending());
                }
                assert!(seen.telemetry.stats().memory_bytes <= BUDGET_BYTES);
            }
        });
        for future in &mut running {
            assert!(support::poll_once(future.as_mut()).is_ready());
            if seen.telemetry.stats().queued > 500 {
                assert!(seen.telemetry.flush(PATIENCE));
                records.extend(seen.memory.take());
            }
        }
        records.extend(seen.requests());
        let stats = seen.telemetry.stats();
        balance(&stats);
        (measured.bytes_max, records, stats)
    };
    let (without, ..) = peak(0);
    let (with, records, stats) = peak(EVENTS);
    assert_eq!((records.len(), stats.dropped.total(), stats.exporters[0].dropped.total()), (EXCHANGES, 0, 0), "{stats:?}");
    assert!(with - without <= BUDGET_BYTES as u64, "logging took {} bytes", with - without);
    let mut thinned = 0;
    for record in &records {
        let dropped = record.dropped();
        let counted = record.events().len() + dropped.thinned as usize + dropped.events as usize;
        assert_eq!(counted, ROUNDS * EVENTS, "captured is kept, thinned and dropped: {record:?} {dropped:?}");
        thinned += dropped.thinned;
    }
    assert!(thinned > 0, "there was more than the budget holds");
    assert!(records.iter().all(|record| record.kept() == Some(Kept::Failed)));
    let has_newest = |record: &&Record| record.events().last().and_then(index) == Some((ROUNDS * EVENTS) as u64 - 1);
    let newest = records.iter().filter(has_newest).count();
    assert!(newest > EXCHANGES / 3, "{newest} still have their newest event");
}
