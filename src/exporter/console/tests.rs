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
fn a_request_that_was_turned_away_or_given_up_says_so_with_the_load() {
    let answer = |status, in_flight| Parts { status: Some(status), in_flight, ..samples::answered() };
    let text = [answer(503, Some(47)), answer(429, Some(9)), answer(504, None), answer(500, Some(3))].map(shown).concat();
    let expected = "
 12:04:11.018  GET     503    3.1ms  /orders/{id}                   1.2K  8f2c1a2b   saturated at 47
 12:04:11.018  GET     429    3.1ms  /orders/{id}                   1.2K  8f2c1a2b   saturated at 9
 12:04:11.018  GET     504    3.1ms  /orders/{id}                   1.2K  8f2c1a2b   timeout
 12:04:11.018  GET     500    3.1ms  /orders/{id}                   1.2K  8f2c1a2b
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
fn a_call_says_whom_it_asked_and_how_that_ended() {
    let ends = [("503", Some(503)), ("", Some(200)), ("timeout", None), ("", None)];
    let mut text = ends.map(|(error, status)| shown(samples::call(error, status))).concat();
    let mut failed = Parts { status: Some(502), ..samples::answered() };
    failed.append(&samples::call("503", Some(503)));
    // Of one without an answer there is an event.
    failed.append(&samples::call("timeout", None));
    text.push_str(&shown(failed));
    let expected = "
 12:04:11.018         call    250ms  GET http://stock.example:81/items?q=1 503
 12:04:11.018         call    250ms  GET http://stock.example:81/items?q=1 200
 12:04:11.018         call    250ms  GET http://stock.example:81/items?q=1 timeout
 12:04:11.018         call    250ms  GET http://stock.example:81/items?q=1 cancelled
 12:04:11.018  GET     502    3.1ms  /orders/{id}                   1.2K  8f2c1a2b
               └ call GET http://stock.example:81/items?q=1 503 after 250ms
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

/// A probe of `/healthz` that came `seconds` after noon.
fn probe(seconds: u64, status: u16, micros: u64) -> Parts {
    Parts {
        probe: Some(Text::Static("kube-probe")),
        route: None,
        path: Text::Static("/healthz"),
        start_unix_ns: samples::NOON + seconds * 1_000_000_000,
        duration_ns: micros * 1_000,
        status: Some(status),
        ..samples::answered()
    }
}

#[test]
fn probes_that_went_well_are_one_line_when_their_minute_is_over() {
    let shared = Shared::default();
    let mut console = Console::new(shared.clone()).utc();
    samples::export(&mut console, (0..31).map(|at| probe(at, 200, 400 + at)), &Losses::default()).unwrap();
    assert_eq!(shared.text(), "");
    let ready = Parts { path: Text::Static("/ready"), ..probe(30, 204, 90) };
    samples::export(&mut console, [ready], &Losses::default()).unwrap();
    assert_eq!(shared.text(), "");
    samples::export(&mut console, [probe(61, 200, 500)], &Losses::default()).unwrap();
    let expected = "\n 12:04:41.018  ·       200      31x  /healthz  (kube-probe)  p99 0.43ms\n";
    assert_eq!(format!("\n{}", shared.text()), expected, "{}", shared.text());
    console.flush().unwrap();
    let expected = "
 12:04:41.018  ·       200      31x  /healthz  (kube-probe)  p99 0.43ms
 12:04:41.018  ·       204       1x  /ready  (kube-probe)  p99 0.09ms
 12:05:12.018  ·       200       1x  /healthz  (kube-probe)  p99 0.50ms
";
    assert_eq!(format!("\n{}", shared.text()), expected, "{}", shared.text());
    console.flush().unwrap();
    assert_eq!(shared.text().lines().count(), 3, "once");
}

#[test]
fn a_probe_that_did_not_go_well_is_shown_at_once() {
    let with_error = || {
        let mut parts = probe(0, 200, 1);
        samples::push_failure(&mut parts, FailureKind::Attached, "", "the cache is cold", &[]);
        parts
    };
    let gone = Parts { outcome: Outcome::ClientGoneBeforeHead, status: None, ..probe(0, 200, 1) };
    let rpc = Parts { is_rpc: true, rpc_status: Some(14), ..probe(0, 200, 1) };
    for parts in [probe(0, 503, 1), probe(0, 404, 1), probe(0, 101, 1), with_error(), gone, rpc] {
        let shared = Shared::default();
        let mut console = Console::new(shared.clone()).utc();
        samples::export(&mut console, [parts], &Losses::default()).unwrap();
        assert!(shared.text().contains("8f2c1a2b"), "{}", shared.text());
    }
    let shared = Shared::default();
    let mut console = Console::new(shared.clone()).utc().fold(Duration::ZERO);
    samples::export(&mut console, [probe(0, 200, 1)], &Losses::default()).unwrap();
    assert!(shared.text().contains("8f2c1a2b"), "nothing is gathered where that is switched off");
}

#[test]
fn folds_are_bounded_and_fit_the_line() {
    let shared = Shared::default();
    let mut console = Console::new(shared.clone()).utc().width(80);
    let many = (0..200_u64).map(|at| {
        let mut parts = probe(0, 200, 1);
        parts.path =
            parts.push_text(&format!("/{at}/a/path/that/is/much/longer/than/any/line/of/a/terminal/can/be/\u{1b}[2J"), 1_000);
        parts
    });
    samples::export(&mut console, many, &Losses::default()).unwrap();
    assert_eq!(shared.text().lines().count(), 136, "what finds no room is shown");
    console.flush().unwrap();
    let text = shared.text();
    let folded: Vec<_> = text.lines().filter(|line| line.contains("p99")).collect();
    assert_eq!(folded.len(), 64);
    assert!(folded.iter().all(|line| cells::width(line) <= 80 && !line.contains('\u{1b}')), "{folded:?}");
}

#[test]
fn a_fold_that_did_not_get_through_is_told_again() {
    /// Fails so many writes, then takes all.
    struct Fails(u32, Shared);
    impl Write for Fails {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 > 0 {
                self.0 -= 1;
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let shared = Shared::default();
    let mut console = Console::new(Fails(2, shared.clone())).utc();
    samples::export(&mut console, [probe(0, 200, 1), probe(1, 200, 1)], &Losses::default()).unwrap();
    assert!(console.flush().is_err());
    let lost = samples::export(&mut console, [samples::answered(), probe(61, 200, 1), probe(62, 503, 1)], &Losses::default());
    assert!(lost.is_err() || lost.unwrap().of(Reason::SinkIoError) == 2, "what is gathered is not lost with the text");
    console.flush().unwrap();
    assert_eq!(shared.text().matches(" 2x  /healthz").count(), 1, "{}", shared.text());
    assert_eq!(shared.text().matches(" 1x  /healthz").count(), 1, "{}", shared.text());
}

#[test]
fn a_clock_that_goes_back_keeps_no_fold_for_ever() {
    let shared = Shared::default();
    let mut console = Console::new(shared.clone()).utc();
    samples::export(&mut console, [probe(3_600, 200, 1), probe(0, 500, 1)], &Losses::default()).unwrap();
    assert_eq!(shared.text().matches(" 1x  /healthz").count(), 1, "{}", shared.text());
}

#[test]
fn a_request_that_is_still_running_is_one_line_with_what_it_has_sent() {
    let running = |frames: u64| {
        let mut parts = Parts { kind: Kind::Partial, duration_ns: 10_000_000_000, report: Some(1), ..samples::answered() };
        if frames > 0 {
            samples::attribute(&mut parts, "campanile.frames", Value::U64(frames));
        }
        parts
    };
    let hung = Parts { status: None, head_ns: None, response_bytes: 0, ..running(0) };
    let upgraded = Parts { outcome: Outcome::Upgraded, ..running(12) };
    let text = [running(340), hung, upgraded].map(shown).concat();
    let expected = [
        " 12:04:21.018  GET       …  still running 10.0s  /orders/{id}  1.2K, 340 frames  8f2c1a2b\n",
        " 12:04:21.018  GET       …  still running 10.0s  /orders/{id}  no answer yet  8f2c1a2b\n",
        " 12:04:21.018  GET       …  still running 10.0s  /orders/{id}  upgraded, 12 messages  8f2c1a2b\n",
    ];
    assert_eq!(text, expected.concat());
    let long =
        Parts { route: None, path: Text::Static("/a/very/long/path/that/does/not/fit/at/all/into/one/line"), ..running(340) };
    assert!(shown_at(long, 100).trim_end().chars().count() <= 100);
}
