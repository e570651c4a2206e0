//! Fields of events, errors and panics.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};

use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::record::{Event, FailureKind, Outcome, Reason, Value};
use tracing::info;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::catalogue::{Case, bytes, code_points};
use crate::run::Seen;
use crate::service::Play;
use crate::support::{Observed, PATIENCE, balance};

/// What the handler does in a case of events.
pub(crate) fn play(case: &Case) -> Play {
    let value = case.input["value"].clone();
    let text = move || String::from_utf8(bytes(&value)).unwrap();
    match case.id.as_str() {
        "EV-01" => Play::acting(move || info!("{}", text())),
        "EV-02" => {
            let points: Vec<_> = code_points(&case.input["value"]["all_code_points"]).collect();
            Play::acting(move || {
                for point in &points {
                    info!(field = %point, "a{point}b");
                }
            })
        }
        "EV-04" => Play::acting(|| info!(error = ?Loud, "outer")),
        "EV-05" => Play::acting(|| campanile::attach(&Cycle { is_back: false })),
        "EV-06" => Play::acting(|| std::panic::panic_any(42_u64)),
        "EV-08" => Play::acting(|| {
            info!(
                nan = f64::NAN,
                infinity = f64::INFINITY,
                zero = -0.0,
                wide = 1_u64 << 63,
                widest = u64::MAX,
                least = i128::MIN,
                "numbers"
            );
        }),
        "EV-09" => Play::acting(|| {
            campanile::set("__proto__", "polluted");
            info!("__proto__" = "polluted", "constructor.prototype" = 1, "keys");
        }),
        "EV-10" => Play::acting(|| {
            campanile::set("level", "fake");
            info!("level" = "fake", "severity_text" = "fake", "timestamp" = "fake", "trace_id" = "fake", "ts" = "fake", "keys");
        }),
        "EV-12" => Play::acting(move || info!(blob = text(), "a blob")),
        other => panic!("no play for {other}"),
    }
}

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    let event = |message: &str| record.events().find(|event| event.message() == message).expect("the event");
    let field = |event: Event<'_>, name: &str| {
        event.fields().find(|field| field.name() == name).map(|field| field.value().to_string()).expect("the field")
    };
    let lines = seen.outputs.json();
    let shown = |message: &str| lines.iter().find(|line| line["body"] == message).expect("the event's line");
    match sentence {
        "one physical line in text, JSON, syslog and file output" => {
            let text = String::from_utf8(bytes(&seen.case.input["value"])).unwrap();
            assert_eq!((record.events().count(), shown(&text)["severity_text"].as_str()), (1, Some("INFO")), "{id}");
            assert_eq!(event(&text).fields().count(), 0, "{id}: nothing of it became a field");
        }
        "65 control code points all escaped" => {
            let points: Vec<_> = code_points(&seen.case.input["value"]["all_code_points"]).collect();
            assert_eq!((points.len(), record.events().count()), (65, 65), "{id}");
            for point in points {
                let message = format!("a{point}b");
                assert_eq!(shown(&message)["field"], point.to_string().as_str(), "{id}");
                assert_eq!(field(event(&message), "field"), point.to_string(), "{id}");
            }
        }
        "no deadlock, no recursion deeper than 1" => {
            assert_eq!(DEEPEST.get(), 1, "{id}");
            assert!(field(event("outer"), "error").contains("loud"), "{id}: {record:?}");
        }
        "at most 16 causes" => {
            let failure = record.failure().unwrap();
            assert_eq!((failure.message(), failure.causes().count()), ("turns", 16), "{id}");
        }
        "recorded as <non-string panic>" => {
            let failure = record.failure().unwrap();
            assert_eq!((record.outcome(), failure.kind()), (Outcome::Panicked, FailureKind::Panic), "{id}");
            assert!(failure.message().contains("<non-string panic>"), "{id}: {}", failure.message());
        }
        "output stays valid JSON" => {
            let line = shown("numbers");
            for (name, value) in [
                ("nan", "NaN".into()),
                ("infinity", "Infinity".into()),
                ("wide", (1_u64 << 63).into()),
                ("widest", u64::MAX.into()),
                ("least", i128::MIN.to_string().into()),
                ("zero", serde_json::Value::from(-0.0)),
            ] {
                assert_eq!(line[name], value, "{id} {name}");
            }
        }
        "viewer does not merge keys into objects" => {
            // There is no page yet; what it will read has the key as one of its own, and no other key changes.
            assert_eq!(shown("keys")["__proto__"], "polluted", "{id}");
            assert_eq!(seen.json()["__proto__"], "polluted", "{id}");
            assert_eq!(record.attribute("__proto__"), Some(Value::Str("polluted")), "{id}");
        }
        "reserved names are prefixed, built-in value kept" => {
            let line = shown("keys");
            assert_eq!((&line["severity_text"], &line["fields.severity_text"]), (&"INFO".into(), &"fake".into()), "{id}");
            assert_ne!((&line["timestamp"], &line["trace_id"]), (&"fake".into(), &"fake".into()), "{id}");
            assert_eq!((&line["fields.timestamp"], &line["fields.trace_id"]), (&"fake".into(), &"fake".into()), "{id}");
            let text = |name: &str| {
                let (_, bytes) = seen.outputs.lines.iter().find(|(output, _)| *output == name).unwrap();
                std::str::from_utf8(bytes).unwrap().lines().find(|line| line.contains("keys")).unwrap().to_owned()
            };
            let logfmt = text("logfmt");
            assert!(logfmt.contains(" level=info ") && logfmt.contains(" fields.level=fake"), "{id}: {logfmt}");
            assert!(logfmt.contains(" fields.ts=fake") && !logfmt.contains(" ts=fake"), "{id}: {logfmt}");
            let ecs: serde_json::Value = serde_json::from_str(&text("ecs")).unwrap();
            assert_eq!((&ecs["log.level"], &ecs["labels.level"]), (&"info".into(), &"fake".into()), "{id}");
        }
        "event <= 64 KiB with a truncation mark" => {
            let blob = field(event("a blob"), "blob");
            assert!(blob.len() <= 64 * 1024 && blob.ends_with("…[cut]"), "{id}: {} bytes", blob.len());
            assert!(record.size_bytes() <= 64 * 1024, "{id}: {}", record.size_bytes());
            for (name, bytes) in &seen.outputs.lines {
                assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 64 * 1024), "{id}: {name}");
            }
        }
        _ => return false,
    }
    true
}

thread_local! {
    /// How deep `Loud` was inside of itself, at most.
    static DEEPEST: Cell<u32> = const { Cell::new(0) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Logs itself while it is formatted.
struct Loud;

impl fmt::Debug for Loud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DEPTH.set(DEPTH.get() + 1);
        DEEPEST.set(DEEPEST.get().max(DEPTH.get()));
        info!(error = ?Self, "inner");
        DEPTH.set(DEPTH.get() - 1);
        f.write_str("loud")
    }
}

/// Is caused by its other half, which is caused by it.
#[derive(Debug)]
struct Cycle {
    is_back: bool,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_back { "in a circle" } else { "turns" })
    }
}

impl Error for Cycle {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(if self.is_back { &Self { is_back: false } } else { &Self { is_back: true } })
    }
}

/// Delivers nothing until it is let go.
#[derive(Clone, Default)]
struct Stuck(Arc<(Mutex<bool>, Condvar)>);

impl Stuck {
    fn let_go(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

impl Exporter for Stuck {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        let (is_free, changed) = &*self.0;
        drop(changed.wait_while(is_free.lock().unwrap(), |is_free| !*is_free).unwrap());
        Ok(())
    }
}

/// Ten million events in ten seconds, scaled to what fills every queue several times; the only exporter is stuck.
pub(crate) fn flood(case: &Case) -> String {
    const EVENTS: u64 = 60_000;
    /// What all records in memory may take, as the documentation of the pipeline says.
    const BUDGET_BYTES: usize = 32 * 1024 * 1024;
    assert_eq!(case.asserts, ["memory <= budget", "dropped + delivered + queued == offered"], "{}", case.id);
    let stuck = Stuck::default();
    let env = [("CAMPANILE_LEVEL", "trace"), ("CAMPANILE_CONSOLE", "off"), ("CAMPANILE_STORE", "off")].into_iter().collect();
    let seen = Observed::with(|builder| builder.env(env).exporter(stuck.clone()));
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..EVENTS {
            tracing::trace!(number, text = "a text that is neither short nor long", "one of many");
            if number % 1_000 == 0 {
                let memory = seen.telemetry.stats().memory_bytes;
                assert!(memory <= BUDGET_BYTES, "{memory} bytes");
            }
        }
    });
    stuck.let_go();
    assert!(seen.telemetry.flush(PATIENCE));
    let stats = seen.telemetry.stats();
    balance(&stats);
    assert_eq!((stats.offered, stats.queued), (EVENTS, 0), "{stats:?}");
    let full = stats
        .exporters
        .iter()
        .fold(stats.dropped.of(Reason::QueueFull), |sum, exporter| sum + exporter.dropped.of(Reason::QueueFull));
    assert!(full > 0, "the flood is too small to fill a queue: {stats:?}");
    format!("{EVENTS} events, {full} dropped and counted")
}
