//! What is written where.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use campanile::exporter::{Console, Json};
use campanile::record::Reason;
use tracing::info;

use crate::catalogue::Case;
use crate::run::Seen;
use crate::service::Play;
use crate::support::{Observed, PATIENCE, balance, request};

/// Exporters that do not exist yet; a case for one of them counts as soon as a module of that name does.
const NOT_BUILT: [&str; 4] = ["syslog", "slack", "csv", "sentry"];

/// The case of an exporter that is not built.
pub(crate) fn not_built(case: &Case) -> Option<String> {
    let sink = case.text("sink").filter(|sink| NOT_BUILT.contains(sink))?;
    let exists = |directory: &str| {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(directory);
        directory.join(sink).exists() || directory.join(format!("{sink}.rs")).exists()
    };
    assert!(!exists("exporter") && !exists("remote"), "{}: there is a {sink} exporter now", case.id);
    Some(format!("there is no {sink} exporter yet"))
}

/// What the handler does in a case of a sink.
pub(crate) fn play(case: &Case) -> Play {
    let text = case.text("text").unwrap().to_owned();
    Play::acting(move || {
        campanile::set("text", &text);
        info!(text, "{text}");
    })
}

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    let text = seen.case.text("text").unwrap_or_default();
    let console = String::from_utf8(seen.outputs.console.clone()).unwrap();
    match sentence {
        "cannot overwrite the previous line" => {
            assert!(console.contains(r"\r\u{1b}[1Aapproved"), "{id}: {console}");
            assert!(!console.contains(['\r', '\u{1b}']), "{id}: {console:?}");
        }
        "< > & U+2028 U+2029 escaped when embedded in HTML" => {
            // In the page it is text and data; as a line, it says exactly what it was.
            let pages = &seen.outputs.pages;
            assert!(cfg!(not(feature = "viewer")) || pages.contains(r"\u003c/script"), "{id}");
            assert!(!pages.contains("<script>alert") && !pages.contains(['\u{2028}', '\u{2029}']), "{id}");
            let lines = seen.outputs.json();
            assert!(lines.iter().any(|line| line["body"] == text && line["text"] == text), "{id}");
            assert_eq!(record.events().next().unwrap().message(), text, "{id}");
        }
        _ => return false,
    }
    true
}

/// A terminal that is closed, or a device that is full: no panic, and what is lost is counted.
pub(crate) fn closed_or_full(case: &Case) -> String {
    let covered = ["no panic: formatted printing to a closed stdout aborts a thread", "counter sink_io_error"];
    assert_eq!(case.asserts, covered, "{}", case.id);
    let closed = || {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        Box::new(writer) as Box<dyn Write + Send>
    };
    let full = || Box::new(File::options().write(true).open("/dev/full").unwrap()) as Box<dyn Write + Send>;
    let mut made = 0;
    for out in [&closed as &dyn Fn() -> _, &full] {
        if !fs::exists("/dev/full").unwrap() {
            continue;
        }
        let seen = Observed::with(|builder| builder.exporter(Console::new(out())).exporter(Json::new(out())));
        let service = tower::ServiceBuilder::new().layer(seen.layer()).service_fn(|_: http::Request<_>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<bytes::Bytes>::new()))
        });
        for _ in 0..3 {
            let (answer, _) = crate::service::poll_until_ready(tower::ServiceExt::oneshot(service.clone(), request("GET", "/")));
            assert_eq!(answer.unwrap().status(), 200);
        }
        assert!(seen.telemetry.flush(PATIENCE));
        let stats = seen.telemetry.stats();
        balance(&stats);
        for exporter in stats.exporters.iter().filter(|exporter| exporter.name != "memory") {
            assert_eq!((exporter.delivered, exporter.dropped.of(Reason::SinkIoError)), (0, 3), "{exporter:?}");
        }
        made += 1;
    }
    format!("closed and full ({made}): three requests answered, three records counted as sink_io_error")
}
