use tracing::Level;

use super::*;
use crate::exporter::samples::{self, Shared};
use crate::record::parts::{Parts, Text};
use crate::record::{FailureKind, Losses, Outcome, Reason, Value};

fn shown(parts: Parts) -> String {
    shown_at(parts, 100)
}

fn shown_at(parts: Parts, width: usize) -> String {
    let mut out = String::new();
    Console::new(io::sink()).utc().width(width).write_record(&mut out, &Record::new(Box::new(parts)));
    out
}

fn gone() -> Parts {
    Parts {
        outcome: Outcome::ClientGoneMidBody,
        duration_ns: 9_800_000_000,
        response_bytes: 3_300_000,
        path: Text::Static("/export"),
        route: None,
        ..samples::answered()
    }
}

#[test]
fn requests_are_aligned_lines() {
    let post = Parts {
        method: Text::Static("POST"),
        route: Some(Text::Static("/orders")),
        status: Some(201),
        request_bytes: Some(412),
        duration_ns: 18_400_000,
        ..samples::answered()
    };
    let mut refused = Parts { status: Some(422), ..post.clone() };
    samples::push_failure(&mut refused, FailureKind::Rejection, "", "qty: must be >= 1", &[]);
    let rpc = Parts { is_rpc: true, rpc_status: Some(0), path: Text::Static("/billing.v1.Invoices/Get"), ..samples::answered() };
    let text = [samples::answered(), post, refused, gone(), rpc].map(shown).concat();
    let expected = "
 12:04:11.018  GET     200    3.1ms  /orders/{id}                   1.2K  8f2c1a2b
 12:04:11.018  POST    201   18.4ms  /orders                  412B→ 1.2K  8f2c1a2b
 12:04:11.018  POST    422   18.4ms  /orders                  412B→ 1.2K  8f2c1a2b
               └ qty: must be >= 1
 12:04:11.018  GET     ---  client left after 9.8s, 3.1M sent  /export    8f2c1a2b
 12:04:11.018  gRPC     OK    3.1ms  billing.v1.…voices/Get         1.2K  8f2c1a2b
";
    assert_eq!(format!("\n{text}"), expected, "\n{text}");
}

#[test]
fn a_failure_stands_under_its_request() {
    let text = shown(samples::failed());
    let expected = "
 12:04:11.018  GET     500   61.7ms  /orders/{id}/pdf                38B  8f2c1a2b   user=42
               └ RenderError: template `invoice` missing field `vat`
                 ├ caused by: KeyNotFound(\"vat\")
                 └ src/pdf.rs:88
                   DEBUG  shop::orders: loaded order  id=981  lines=3
";
    assert_eq!(format!("\n{text}"), expected, "\n{text}");
}

#[test]
fn a_panic_without_a_response_says_so() {
    let mut parts = Parts { outcome: Outcome::Panicked, status: None, response_bytes: 0, ..samples::answered() };
    samples::push_failure(&mut parts, FailureKind::Panic, "", "index out of bounds", &[]);
    let text = shown(parts);
    let expected = "
 12:04:11.018  GET     ERR    3.1ms  /orders/{id}                     0B  8f2c1a2b   panicked
               └ panicked: index out of bounds
                 └ src/pdf.rs:88
";
    assert_eq!(format!("\n{text}"), expected, "\n{text}");
}

#[test]
fn events_and_spans_are_set_off() {
    let fields = [("id", Value::I64(981)), ("price", Value::F64(9.5))];
    let event = Parts { kind: Kind::Event, ..samples::live(Level::INFO, "listening", &[]) };
    let text = [samples::live(Level::WARN, "stock is low", &fields), event, samples::span(&fields)].map(shown).concat();
    let expected = "
 12:04:11.019         WARN  shop::orders: stock is low  id=981  price=9.5  8f2c1a2b
 12:04:11.019         INFO  shop::orders: listening
 12:04:11.018         span    250ms  cleanup  id=981  price=9.5
";
    assert_eq!(format!("\n{text}"), expected, "\n{text}");
}

#[test]
fn no_line_of_a_request_is_wider_than_the_terminal() {
    let long = Parts {
        route: None,
        path: Text::Static("/a/very/long/path/that/goes/on/and/on/and/on/and/on/until/it/has/to/be/shortened.html"),
        request_bytes: Some(999_999),
        ..samples::answered()
    };
    for width in [60, 70, 80, 100, 120, 200] {
        let text = shown_at(long.clone(), width);
        assert!(cells::width(text.trim_end()) <= width, "{width}: {text}");
        assert!(text.contains("…") && text.contains("html") && text.contains("8f2c1a2b"), "{text}");
        assert_eq!(text.contains("976K"), width >= 80, "{width}: {text}");
    }
    for width in [60, 80, 100] {
        let text = shown_at(Parts { path: long.path, ..gone() }, width);
        assert!(cells::width(text.trim_end()) <= width.max(76), "{width}: {text}");
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let mut plain = String::new();
    let mut painted = String::new();
    for parts in [samples::failed(), samples::live(Level::ERROR, "x", &[]), gone(), samples::answered()] {
        let record = Record::new(Box::new(parts));
        Console::new(io::sink()).utc().write_record(&mut plain, &record);
        Console::new(io::sink()).utc().colour(true).slow(Duration::ZERO).write_record(&mut painted, &record);
    }
    assert!(painted.contains("\u{1b}[31m500\u{1b}[0m") && painted.contains("\u{1b}[33m61.7ms\u{1b}[0m"), "{painted}");
    for code in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[36m", "\u{1b}[0m"] {
        painted = painted.replace(code, "");
    }
    assert_eq!(painted, plain);
}

#[test]
fn dropped_records_are_told_once() {
    let (shared, mut losses) = (Shared::default(), Losses::default());
    losses.add(Reason::QueueFull, 12);
    let mut console = Console::new(shared.clone()).utc();
    samples::export(&mut console, [samples::answered()], &losses).unwrap();
    samples::export(&mut console, [samples::answered()], &Losses::default()).unwrap();
    let text = shared.text();
    let first = text.lines().next().unwrap();
    assert_eq!(first, " 12:04:11.021         WARN  campanile: 12 records dropped: queue_full 12");
    assert_eq!(text.matches("dropped").count(), 1);
}
