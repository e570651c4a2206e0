//! What happens in spans and events, whoever keeps the spans: run by `main.rs` for each of them.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::Poll;

use crate::support::{BoxBody, BoxError, Chain, Observed, Script, Step, full, poll_once, request};
use bytes::Bytes;
use campanile::InExchange as _;
use campanile::record::{Event, FailureKind, Kind, Outcome, Record, Span, Value};
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::{ServiceBuilder, ServiceExt as _};
use tracing::{Instrument as _, Level, debug, debug_span, error, info, info_span, subscriber, trace, warn};
use tracing_subscriber::layer::SubscriberExt as _;

/// Has the telemetry listen to this thread, as this module's name says.
fn listen(seen: &Observed) -> subscriber::DefaultGuard {
    match module_path!().ends_with("::alone") {
        true => subscriber::set_default(seen.telemetry.subscriber()),
        false => subscriber::set_default(tracing_subscriber::registry().with(seen.telemetry.tracing_layer())),
    }
}

/// Runs `handler` as the handler of one request.
async fn handle<F: Future<Output = ()> + Send>(seen: &Observed, handler: impl Fn() -> F + Clone + Send) -> Record {
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(move |_| {
        let handler = handler();
        async move {
            handler.await;
            Ok::<_, BoxError>(Response::new(full("done")))
        }
    });
    let response = service.oneshot(request("GET", "/handled")).await.unwrap();
    let _ = response.into_body().collect().await.unwrap();
    seen.only_request()
}

fn messages(record: &Record) -> Vec<&str> {
    record.events().map(|event| event.message()).collect()
}

fn event<'a>(record: &'a Record, message: &str) -> Event<'a> {
    let found = record.events().find(|event| event.message() == message);
    found.unwrap_or_else(|| panic!("{message} is among {:?}", messages(record)))
}

fn span<'a>(record: &'a Record, name: &str) -> Span<'a> {
    let found = record.spans().find(|span| span.name() == name);
    found.unwrap_or_else(|| panic!("{name} is among {:?}", record.spans().map(|span| span.name()).collect::<Vec<_>>()))
}

fn field<'a>(mut fields: impl Iterator<Item = campanile::record::Field<'a>>, name: &str) -> Option<Value<'a>> {
    fields.find(|field| field.name() == name).map(|field| field.value())
}

#[tokio::test]
async fn an_event_keeps_its_fields_with_their_types_and_its_place() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let record = handle(&seen, || async {
        info!(
            target: "shop::orders",
            text = "a text",
            signed = -1_i64,
            unsigned = 1_u64,
            large = u64::MAX,
            float = 1.5,
            yes = true,
            debug = ?[1, 2],
            display = %"shown",
            log.level = "a field of the application's own",
            "order placed"
        );
        error!("worse");
        debug!("more");
        warn!("less");
    })
    .await;
    let placed = event(&record, "order placed");
    for (name, value) in [
        ("text", Value::Str("a text")),
        ("signed", Value::I64(-1)),
        ("unsigned", Value::I64(1)),
        ("large", Value::U64(u64::MAX)),
        ("float", Value::F64(1.5)),
        ("yes", Value::Bool(true)),
        ("debug", Value::Str("[1, 2]")),
        ("display", Value::Str("shown")),
        ("log.level", Value::Str("a field of the application's own")),
    ] {
        assert_eq!(field(placed.fields(), name), Some(value), "{name}");
    }
    assert_eq!((placed.level(), placed.target()), (Level::INFO, "shop::orders"));
    assert!(placed.file().unwrap().ends_with("cases.rs") && placed.line().is_some());
    assert_eq!(placed.span_id(), Some(record.span_id()));
    assert_eq!(messages(&record), ["order placed", "worse", "more", "less"]);
    assert_eq!(event(&record, "worse").level(), Level::ERROR);
    assert!(placed.time_ns() <= record.duration_ns());
}

#[tokio::test]
async fn spans_are_children_of_the_request_and_of_each_other() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let record = handle(&seen, || async {
        async {
            info!("in outer");
            async { info!("in inner") }.instrument(debug_span!("inner", depth = 2)).await;
            info!("in outer again");
        }
        .instrument(info_span!("outer", answer = tracing::field::Empty))
        .await;
        let late = info_span!("late", answer = tracing::field::Empty, other = 1);
        late.record("answer", 41);
        late.record("answer", 42);
        late.in_scope(|| late.record("other", tracing::field::display("text now")));
        info!("after");
    })
    .await;
    let (outer, inner, late) = (span(&record, "outer"), span(&record, "inner"), span(&record, "late"));
    assert_eq!((outer.parent_id(), inner.parent_id()), (Some(record.span_id()), Some(outer.id())));
    assert_eq!(late.parent_id(), Some(record.span_id()));
    assert_eq!(event(&record, "in outer").span_id(), Some(outer.id()));
    assert_eq!(event(&record, "in inner").span_id(), Some(inner.id()));
    assert_eq!(event(&record, "in outer again").span_id(), Some(outer.id()));
    assert_eq!(event(&record, "after").span_id(), Some(record.span_id()));
    assert_eq!(field(inner.fields(), "depth"), Some(Value::I64(2)));
    assert_eq!((field(late.fields(), "answer"), late.fields().count()), (Some(Value::I64(42)), 2));
    assert_eq!(field(late.fields(), "other"), Some(Value::Str("text now")));
    for span in record.spans() {
        assert!(span.is_finished() && span.start_ns() <= span.end_ns() && span.end_ns() <= record.duration_ns());
    }
}

#[tokio::test]
async fn events_of_a_body_are_on_the_record() {
    struct Loud(Script);
    impl http_body::Body for Loud {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
            info!("a frame");
            campanile::set("frames.left", self.0.steps.len());
            Pin::new(&mut self.0).poll_frame(cx)
        }
    }
    let seen = Observed::new();
    let _listening = listen(&seen);
    let service = ServiceBuilder::new()
        .layer(seen.layer())
        .service_fn(|_| async { Ok::<_, BoxError>(Response::new(Loud(Script::new([Step::Data("one"), Step::Data("two")])))) });
    let response = service.oneshot(request("GET", "/")).await.unwrap();
    let _ = response.into_body().collect().await.unwrap();
    let record = seen.only();
    assert_eq!(messages(&record), ["a frame", "a frame", "a frame"]);
    assert_eq!(record.attribute("frames.left"), Some(Value::U64(0)));
}

#[tokio::test]
async fn work_that_was_spawned_is_on_the_record_when_it_carries_span_or_handle() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let record = handle(&seen, || async {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        use tracing::instrument::WithSubscriber as _;
        let in_span = async {
            info!("by child span");
            campanile::set("by.span", 1);
        };
        tokio::spawn(in_span.instrument(info_span!("job")).with_subscriber(dispatch.clone())).await.unwrap();
        tokio::spawn(async { info!("by current span") }.in_current_span().with_subscriber(dispatch.clone())).await.unwrap();
        let by_handle = async {
            info!("by handle");
            campanile::set("by.handle", 2);
            let chain = Chain::new(&["from a spawned task"]);
            campanile::attach(&chain);
            async { info!("in a span of its own") }.instrument(info_span!("spawned")).await;
        };
        tokio::spawn(by_handle.in_exchange().with_subscriber(dispatch.clone())).await.unwrap();
        let request = campanile::current().unwrap();
        tokio::task::spawn_blocking(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                request.run(|| {
                    info!("by a blocking thread");
                    assert_eq!(campanile::current().unwrap().request_id(), request.request_id());
                });
                info!("nobody's");
            });
        })
        .await
        .unwrap();
        tokio::spawn(async { info!("nobody's either") }).await.unwrap();
    })
    .await;
    let job = span(&record, "job");
    assert_eq!(event(&record, "by child span").span_id(), Some(job.id()));
    assert_eq!(job.parent_id(), Some(record.span_id()));
    for message in ["by current span", "by handle", "by a blocking thread"] {
        assert_eq!(event(&record, message).span_id(), Some(record.span_id()), "{message}");
    }
    assert_eq!(event(&record, "in a span of its own").span_id(), Some(span(&record, "spawned").id()));
    assert_eq!(span(&record, "spawned").parent_id(), Some(record.span_id()));
    assert_eq!((record.attribute("by.span"), record.attribute("by.handle")), (Some(Value::I64(1)), Some(Value::I64(2))));
    assert_eq!(record.failure().unwrap().message(), "from a spawned task");
    let others: Vec<_> = seen.records().into_iter().filter(|record| record.kind() == Kind::Event).collect();
    assert_eq!(others.iter().flat_map(messages).collect::<Vec<_>>(), ["nobody's", "nobody's either"]);
    assert!(others.iter().all(|record| record.trace_id().is_none() && record.request_id().is_empty()));
}

#[tokio::test]
async fn a_handle_wins_over_the_request_that_is_being_polled() {
    let (seen, taken) = (Observed::new(), std::sync::Mutex::new(None));
    let _listening = listen(&seen);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async {
        *taken.lock().unwrap() = campanile::current();
        Ok::<_, BoxError>(Response::new(Script::new([Step::Data("not yet over")])))
    });
    let first = service.oneshot(request("GET", "/first")).await.unwrap();
    let handle_of_first = taken.lock().unwrap().take().unwrap();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async {
        handle_of_first.run(|| {
            info!("of the first");
            campanile::set("of", "the first");
        });
        handle_of_first.set("by", "handle");
        info!("of the second");
        Ok::<_, BoxError>(Response::new(full("")))
    });
    let _ = service.oneshot(request("GET", "/second")).await.unwrap();
    drop(first);
    let records = seen.requests();
    let find = |path| records.iter().find(|record| record.path() == path).unwrap();
    assert_eq!(messages(find("/first")), ["of the first"]);
    assert_eq!(messages(find("/second")), ["of the second"]);
    assert_eq!(find("/first").attribute("of"), Some(Value::Str("the first")));
    assert_eq!(find("/first").attribute("by"), Some(Value::Str("handle")));
    assert_eq!(find("/second").attributes().count(), 0);
}

#[test]
fn events_and_spans_outside_requests_are_records_of_their_own() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    info!(port = 3000, "listening");
    {
        let job = info_span!("job", items = tracing::field::Empty);
        let _entered = job.enter();
        job.record("items", 7);
        info!("in the job");
        debug_span!("step").in_scope(|| {});
    }
    campanile::set("nobody", 1);
    campanile::attach(&Chain::new(&["nobody's"]));
    assert!(campanile::current().is_none());
    let records = seen.records();
    assert_eq!(records.iter().map(Record::kind).collect::<Vec<_>>(), [Kind::Event, Kind::Event, Kind::Span, Kind::Span]);
    let (listening, inside, step, job) = (&records[0], &records[1], &records[2], &records[3]);
    assert_eq!(field(event(listening, "listening").fields(), "port"), Some(Value::I64(3000)));
    let span = span(job, "job");
    assert_eq!(field(span.fields(), "items"), Some(Value::I64(7)));
    assert_eq!(inside.trace_id(), job.trace_id());
    assert_eq!(event(inside, "in the job").span_id(), Some(span.id()));
    assert_eq!((step.trace_id(), step.parent_span_id()), (job.trace_id(), Some(span.id())));
    assert!(job.trace_id().is_some() && span.is_finished());
    assert!(records.iter().all(|record| record.sequence() > 0));
}

#[test]
fn a_span_that_is_recorded_again_and_again_stays_small() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let job = info_span!("job", progress = tracing::field::Empty);
    for step in 0..50_000 {
        job.record("progress", tracing::field::display(format_args!("step {:020} of a very long job", step % 1000)));
    }
    drop(job);
    let record = seen.only();
    assert_eq!(
        field(span(&record, "job").fields(), "progress"),
        Some(Value::Str("step 00000000000000000999 of a very long job"))
    );
    assert!(record.size_bytes() < 64 * 1024, "{} bytes", record.size_bytes());
}

#[tokio::test]
async fn an_attribute_that_is_set_again_and_again_stays_small_and_keeps_its_last_value() {
    let seen = Observed::new();
    let record = handle(&seen, || async {
        for step in 0..50_000 {
            campanile::set("progress", &format!("step {step} of a very long job"));
        }
    })
    .await;
    assert_eq!(record.attribute("progress"), Some(Value::Str("step 49999 of a very long job")));
    assert!(record.size_bytes() < 64 * 1024, "{} bytes", record.size_bytes());
}

#[tokio::test]
async fn more_than_fits_is_left_out_and_counted() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let huge = "x".repeat(10 * 1024 * 1024);
    let record = handle(&seen, || {
        let huge = &huge;
        async move {
            info!(huge, huge_debug = ?huge, "{huge}");
            for _ in 0..3_000 {
                let _span = info_span!("many", huge).entered();
                trace!("not captured");
            }
            for index in 0..3_000 {
                debug!(index, "many");
            }
            for index in 0..300 {
                campanile::set(&format!("key.{index}"), huge);
            }
        }
    })
    .await;
    let dropped = record.dropped();
    let lost = (dropped.spans + dropped.events + dropped.thinned) as usize;
    assert_eq!(record.spans().len() + record.events().len() + lost, 6_001);
    assert!(record.events().any(|event| event.fields().any(|field| field.value() == Value::I64(2_999))), "the newest stays");
    assert!(record.events().all(|event| event.message().len() <= 17 * 1024));
    assert!(record.size_bytes() < 8 * 1024 * 1024, "{} bytes", record.size_bytes());
    assert_eq!(seen.records().len(), 1, "what does not fit has no record of its own");
}

#[tokio::test]
async fn a_span_without_room_is_counted_and_what_happens_in_it_is_still_the_requests() {
    const OPEN: usize = 600;
    let seen = Observed::new();
    let _listening = listen(&seen);
    let record = handle(&seen, || async {
        let open: Vec<_> = (0..OPEN).map(|index| info_span!("held open", index)).collect();
        open.last().unwrap().in_scope(|| info!("in the last"));
        std::thread::scope(|scope| {
            let subscriber = tracing::dispatcher::get_default(Clone::clone);
            let last = open.last().unwrap().clone();
            let work = move || last.in_scope(|| info!("on another thread"));
            scope.spawn(move || tracing::dispatcher::with_default(&subscriber, work));
        });
    })
    .await;
    assert_eq!(record.spans().len() + record.dropped().spans as usize, OPEN);
    assert!(record.dropped().spans > 0);
    event(&record, "in the last");
    event(&record, "on another thread");
    assert_eq!(seen.records().len(), 1, "what does not fit has no record of its own");
}

#[tokio::test]
async fn an_error_is_attached_with_its_type_its_chain_and_the_callers_place() {
    let seen = Observed::new();
    let record = handle(&seen, || async {
        campanile::attach(&Chain::new(&["cannot pay", "bank is closed", "it is Sunday"]));
        let io = std::io::Error::other(Chain::new(&["behind io"]));
        campanile::attach_dyn(&io);
        let boxed: Box<dyn Error> = Chain::new(&["boxed"]).into();
        campanile::attach_dyn(&*boxed);
        campanile::attach(&std::io::Error::from(std::io::ErrorKind::TimedOut));
    })
    .await;
    let failures: Vec<_> = record.failures().collect();
    assert_eq!(failures.len(), 4);
    assert_eq!((failures[0].kind(), failures[0].message()), (FailureKind::Attached, "cannot pay"));
    assert!(failures[0].type_name().unwrap().ends_with("Chain"), "{:?}", failures[0].type_name());
    assert_eq!(failures[0].causes().map(|cause| cause.message()).collect::<Vec<_>>(), ["bank is closed", "it is Sunday"]);
    assert!(failures.iter().all(|failure| failure.file().unwrap().ends_with("cases.rs") && failure.line().is_some()));
    assert_eq!(failures[1].type_name(), Some("std::io::error::Error"));
    assert_eq!(failures[2].type_name(), None);
    assert_eq!(failures[3].type_name(), Some("timeout"));
    assert!(!record.is_failed(), "an attached error alone does not make a 200 a failure");
}

/// An error that causes itself, without end.
#[derive(Debug)]
struct Cyclic;

impl fmt::Display for Cyclic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("round and round")
    }
}

impl Error for Cyclic {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

#[tokio::test]
async fn a_chain_without_end_stops_at_sixteen() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let record = handle(&seen, || async {
        campanile::attach(&Cyclic);
        info!(error = &Cyclic as &dyn Error, "an event about it");
    })
    .await;
    assert_eq!(record.failure().unwrap().causes().count(), 0, "links that say the same are one");
    let Some(Value::Str(text)) = field(event(&record, "an event about it").fields(), "error") else {
        panic!("the error is a text");
    };
    assert_eq!(text.matches("round and round").count(), 17);
}

/// Whose `Debug` and `Display` do what they must not.
struct Rude(&'static str);

impl fmt::Debug for Rude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "panics" => panic!("in a formatter"),
            "fails" => Err(fmt::Error),
            "logs" => {
                info!("from a formatter");
                let _span = info_span!("of a formatter").entered();
                campanile::set("from.a.formatter", true);
                f.write_str("logged")
            }
            "never ends" => loop {
                f.write_str("on and on ")?;
            },
            _ => f.write_str("nested").and_then(|()| write!(f, "{:?}", Self("panics"))),
        }
    }
}

impl fmt::Display for Rude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Error for Rude {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic!("in source")
    }
}

#[tokio::test]
async fn a_formatter_that_panics_fails_logs_or_never_ends_is_contained() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let record = handle(&seen, || async {
        for what in ["panics", "fails", "logs", "never ends", "nested"] {
            let late = info_span!("rude", before = ?Rude(what), after = tracing::field::Empty);
            late.record("after", tracing::field::debug(Rude(what)));
            info!(what, value = ?Rude(what), "told");
            campanile::attach(&Rude(what));
        }
        info!("still here");
    })
    .await;
    assert_eq!(record.outcome(), Outcome::Answered);
    let values: Vec<_> = record.events().filter_map(|event| field(event.fields(), "value")).collect();
    assert_eq!(values.len(), 5);
    assert_eq!(values[0], Value::Str("<unprintable>"));
    assert_eq!(values[1], Value::Str("<unprintable>"));
    assert_eq!(values[2], Value::Str("logged"));
    assert!(matches!(values[3], Value::Str(text) if text.len() <= 17 * 1024 && text.starts_with("on and on")));
    assert_eq!(values[4], Value::Str("nested<unprintable>"));
    assert_eq!(record.spans().filter(|span| span.name() == "rude" && span.fields().count() == 2).count(), 5);
    // Two of them say the same, which is that they cannot be printed.
    assert_eq!(record.failures().len(), 4);
    assert!(messages(&record).contains(&"still here") && !messages(&record).contains(&"from a formatter"));
}

#[test]
fn a_rude_formatter_outside_requests_is_contained_too() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    for what in ["panics", "fails", "logs", "never ends", "nested"] {
        let job = info_span!("job", before = ?Rude(what), after = tracing::field::Empty);
        job.record("after", tracing::field::debug(Rude(what)));
        info!(value = ?Rude(what), "told");
    }
    let records = seen.records();
    assert_eq!(records.iter().filter(|record| record.kind() == Kind::Span).count(), 5);
    assert_eq!(records.iter().filter(|record| record.kind() == Kind::Event).count(), 5);
}

#[tokio::test]
async fn what_destructors_log_when_the_client_leaves_is_on_the_record() {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            warn!("cancelled");
            campanile::set("was.cancelled", true);
        }
    }
    let seen = Observed::new();
    let _listening = listen(&seen);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async {
        let _guard = Guard;
        std::future::pending::<Result<Response<BoxBody>, BoxError>>().instrument(info_span!("waits")).await
    });
    let mut future = Box::pin(service.oneshot(request("GET", "/")));
    assert!(poll_once(future.as_mut()).is_pending());
    drop(future);
    let record = seen.only();
    assert_eq!((record.outcome(), messages(&record)), (Outcome::ClientGoneBeforeHead, vec!["cancelled"]));
    assert_eq!(record.attribute("was.cancelled"), Some(Value::Bool(true)));
    assert!(span(&record, "waits").is_finished());
}

#[tokio::test]
async fn a_span_that_outlives_its_request_says_what_is_late_in_records_of_its_own() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let (kept, handle_kept) = (std::sync::Mutex::new(None), std::sync::Mutex::new(None));
    let record = handle(&seen, || async {
        *kept.lock().unwrap() = Some(info_span!("long", late = tracing::field::Empty));
        *handle_kept.lock().unwrap() = campanile::current();
    })
    .await;
    let (kept, handle_kept) = (kept.lock().unwrap().take().unwrap(), handle_kept.lock().unwrap().take().unwrap());
    assert!(!span(&record, "long").is_finished());
    kept.record("late", 1);
    kept.in_scope(|| info!("too late"));
    handle_kept.run(|| info!("too late by handle"));
    handle_kept.set("too", "late");
    kept.in_scope(|| drop(info_span!("a late child")));
    drop(kept);
    let late: Vec<_> = seen.records().into_iter().filter(|late| late.kind() != Kind::Request).collect();
    assert_eq!(late.iter().flat_map(messages).collect::<Vec<_>>(), ["too late", "too late by handle"]);
    assert!(late.iter().all(|late| late.trace_id() == record.trace_id()));
    assert_eq!(late.iter().filter(|late| late.kind() == Kind::Event).count(), 2);
    assert!(late.iter().filter(|late| late.kind() == Kind::Event).all(|late| late.request_id() == record.request_id()));
    assert_eq!(late.iter().filter(|late| late.kind() == Kind::Span).count(), 1);
    assert_eq!(seen.only_request().attributes().count(), 0);
}

#[tokio::test]
async fn two_telemetries_in_one_process_do_not_mix() {
    let (one, two) = (Observed::new(), Observed::new());
    let both = tracing_subscriber::registry().with(one.telemetry.tracing_layer()).with(two.telemetry.tracing_layer());
    let _listening = subscriber::set_default(both);
    let handler = || async {
        let span = info_span!("work", late = tracing::field::Empty);
        span.record("late", 1);
        span.in_scope(|| info!("inside"));
        use tracing::instrument::WithSubscriber as _;
        tokio::spawn(async { info!("spawned") }.in_current_span().with_current_subscriber()).await.unwrap();
    };
    let of_one = handle(&one, handler).await;
    assert_eq!(two.records().len(), 0);
    assert_eq!((messages(&of_one), of_one.spans().len()), (vec!["inside", "spawned"], 1));
    let of_two = handle(&two, handler).await;
    assert_eq!((messages(&of_two), of_two.spans().len()), (vec!["inside", "spawned"], 1));
    assert_eq!(one.records().len(), 1);
    info!("to both");
    assert_eq!((one.records().len(), two.records().len()), (2, 2));
    drop(info_span!("a job outside"));
}

#[derive(Clone, Default)]
struct Text(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_fmt_layer_beside_keeps_its_own_filter() {
    use tracing_subscriber::Layer as _;
    let (seen, text) = (Observed::new(), Text::default());
    let written = text.clone();
    let fmt = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || written.clone());
    let both = tracing_subscriber::registry()
        .with(fmt.with_filter(tracing_subscriber::EnvFilter::new("info")))
        .with(seen.telemetry.tracing_layer());
    let _listening = subscriber::set_default(both);
    let record = handle(&seen, || async {
        debug!("in detail");
        info!("in short");
    })
    .await;
    assert_eq!(messages(&record), ["in detail", "in short"]);
    let text = String::from_utf8(text.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("in short") && !text.contains("in detail"), "{text}");
    assert!(text.contains(record.request_id()), "the request's span shows its id to others: {text}");
}

#[test]
fn a_filter_over_everything_is_named_once() {
    let said = crate::support::child("in_a_registry::child_with_a_filter_over_everything", &[]);
    assert_eq!(said.matches("a filter of the whole subscriber hides events").count(), 1, "{said}");
}

#[tokio::test]
#[ignore = "runs in a process of its own"]
async fn child_with_a_filter_over_everything() {
    let seen = Observed::new();
    let filtered =
        tracing_subscriber::registry().with(tracing_subscriber::EnvFilter::new("info")).with(seen.telemetry.tracing_layer());
    subscriber::set_global_default(filtered).unwrap();
    for _ in 0..3 {
        let service =
            ServiceBuilder::new().layer(seen.layer()).service_fn(|_| async { Ok::<_, BoxError>(Response::new(full(""))) });
        assert!(service.oneshot(request("GET", "/")).await.is_ok());
    }
    assert_eq!(seen.requests().len(), 3);
}

#[tokio::test]
async fn a_request_inside_a_handler_continues_the_trace() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let inner = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        info!("inner");
        Ok::<_, BoxError>(Response::new(full("")))
    });
    let outer = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| {
        let inner = inner.clone();
        async move {
            info!("before");
            async { inner.oneshot(request("GET", "/inner")).await.unwrap() }.instrument(info_span!("calls")).await;
            info!("after");
            Ok::<_, BoxError>(Response::new(full("")))
        }
    });
    assert!(outer.oneshot(request("GET", "/outer")).await.is_ok());
    let records = seen.requests();
    let find = |path| records.iter().find(|record| record.path() == path).unwrap();
    let (inner, outer) = (find("/inner"), find("/outer"));
    assert_eq!(inner.trace_id(), outer.trace_id());
    assert_eq!(inner.parent_span_id(), Some(span(outer, "calls").id()));
    assert!(!inner.parent_is_remote() && outer.parent_span_id().is_none());
    assert_ne!(inner.request_id(), outer.request_id());
    assert_eq!((messages(inner), messages(outer)), (vec!["inner"], vec!["before", "after"]));
}

/// Calls a service when it is formatted.
struct Calls<F>(F);

impl<F: Fn() -> bool> fmt::Debug for Calls<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", if (self.0)() { "called" } else { "waits" })
    }
}

#[tokio::test]
async fn a_request_that_a_formatter_makes_has_a_record_of_its_own() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let inner = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        campanile::set("where", "inner");
        Ok::<_, BoxError>(Response::new(full("")))
    });
    let outer = ServiceBuilder::new().layer(seen.layer()).service_fn(|_| {
        let inner = inner.clone();
        async move {
            let call = || inner.clone().oneshot(request("GET", "/inner")).now_or_never().is_some();
            info!(value = ?Calls(call), "told");
            campanile::set("where", "outer");
            Ok::<_, BoxError>(Response::new(full("")))
        }
    });
    assert!(outer.oneshot(request("GET", "/outer")).await.is_ok());
    let records = seen.requests();
    for (path, expected) in [("/inner", "inner"), ("/outer", "outer")] {
        let record = records.iter().find(|record| record.path() == path).unwrap();
        assert_eq!(field(record.attributes(), "where"), Some(Value::Str(expected)));
    }
    let outer = records.iter().find(|record| record.path() == "/outer").unwrap();
    assert_eq!(field(event(outer, "told").fields(), "value"), Some(Value::Str("called")));
}

#[tokio::test]
async fn requests_that_are_polled_in_turns_keep_their_events_apart() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|request: Request<_>| async move {
        for turn in 0..5 {
            info!(path = request.uri().path(), turn, "turn");
            crate::support::Yield(1).await;
        }
        Ok::<_, BoxError>(Response::new(full("")))
    });
    let paths: Vec<_> = (0..20).map(|index| format!("/{index}")).collect();
    let all = paths.iter().map(|path| service.clone().oneshot(request("GET", path)));
    assert!(futures_util::future::join_all(all).await.iter().all(Result::is_ok));
    let records = seen.records();
    assert_eq!(records.len(), 20);
    for record in &records {
        assert_eq!(record.events().len(), 5);
        assert!(record.events().all(|event| field(event.fields(), "path") == Some(Value::Str(record.path()))));
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_tells_why_an_extractor_refused() {
    let seen = Observed::new();
    let _listening = listen(&seen);
    let app = axum::Router::new()
        .route("/orders/{id}", axum::routing::get(async |axum::extract::Path(_): axum::extract::Path<u32>| "order"))
        .layer(seen.layer());
    let request = Request::builder().uri("/orders/seventeen").body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 400);
    let record = seen.only_request();
    let failure = record.failure().unwrap();
    assert_eq!(failure.kind(), FailureKind::Rejection);
    assert!(failure.type_name().unwrap().contains("FailedToDeserializePathParams"), "{:?}", failure.type_name());
    assert!(failure.message().contains("seventeen"), "{}", failure.message());
    assert!(!record.is_failed());
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_reported_error_has_the_place_of_the_question_mark() {
    #[derive(Debug)]
    struct OutOfStock;
    impl fmt::Display for OutOfStock {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("out of stock")
        }
    }
    impl Error for OutOfStock {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&Cyclic)
        }
    }
    impl axum::response::IntoResponse for OutOfStock {
        fn into_response(self) -> axum::response::Response {
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
    async fn order() -> Result<&'static str, campanile::axum::Reported<OutOfStock>> {
        Err(OutOfStock)?;
        Ok("done")
    }
    let seen = Observed::new();
    let app = axum::Router::new().route("/", axum::routing::get(order)).layer(seen.layer());
    let request = Request::builder().uri("/").body(axum::body::Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 500);
    let record = seen.only_request();
    let failure = record.failure().unwrap();
    assert_eq!((failure.message(), failure.kind()), ("out of stock", FailureKind::Attached));
    assert!(failure.type_name().unwrap().ends_with("OutOfStock"));
    assert!(failure.file().unwrap().ends_with("cases.rs") && failure.line().is_some());
    assert_eq!(failure.causes().next().unwrap().message(), "round and round");
    assert_eq!((record.is_failed(), record.error_type()), (true, failure.type_name()));
}

#[tokio::test]
async fn a_panic_that_became_an_answer_is_on_the_record() {
    let seen = Observed::new();
    let service =
        ServiceBuilder::new().layer(seen.layer()).layer(campanile::catch_panic_layer()).service_fn(|_: Request<_>| async {
            crate::support::Yield(1).await;
            if true {
                panic!("told to panic");
            }
            Ok::<_, BoxError>(Response::new(http_body_util::Full::new(Bytes::new())))
        });
    let response = service.oneshot(request("GET", "/")).await.unwrap();
    assert_eq!(response.status(), 500);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!body.windows(4).any(|window| window == b"told"), "what the panic said is not the client's business");
    let record = seen.only();
    assert_eq!((record.outcome(), record.status()), (Outcome::Answered, Some(500)));
    let failure = record.failure().unwrap();
    assert_eq!((failure.kind(), failure.message()), (FailureKind::Panic, "told to panic"));
}

#[cfg(feature = "axum")]
#[test]
fn the_handle_of_an_extractor_knows_the_request() {
    let seen = Observed::new();
    let app = axum::Router::new()
        .route(
            "/",
            axum::routing::get(async |handle: campanile::Handle| {
                handle.set("set.by", "extractor");
                handle.request_id().to_owned()
            }),
        )
        .layer(seen.layer());
    let request = Request::builder().uri("/").body(axum::body::Body::empty()).unwrap();
    let response = app.oneshot(request).now_or_never().unwrap().unwrap();
    let body = response.into_body().collect().now_or_never().unwrap().unwrap().to_bytes();
    let record = seen.only_request();
    assert_eq!(body, record.request_id());
    assert_eq!(record.attribute("set.by"), Some(Value::Str("extractor")));
}
