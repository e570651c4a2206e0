//! What is running is listed, reported while it runs, and told again once at its end; what was running when a process
//! died is told by the next one.
#![cfg(all(feature = "cli", feature = "store"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use campanile::exporter::{Batch, Console, ExportError, Exporter, Json, StoreExporter};
use campanile::record::{Kind, Outcome, Record, Value};
use campanile::store::{Settings, Store};
use campanile::{Builder, Telemetry};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;
use hyper_util::rt::TokioIo;
use support::{BoxBody, BoxError, Observed, PATIENCE, Script, Step, request};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tower::{ServiceBuilder, ServiceExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

/// Hands every report on.
struct Reports(mpsc::Sender<Record>);

impl Exporter for Reports {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        for record in batch.records() {
            let _ = self.0.send(record.clone());
        }
        Ok(())
    }

    fn wants_partial(&self) -> bool {
        true
    }
}

fn stored(directory: &Path, change: impl FnOnce(Builder) -> Builder) -> Telemetry {
    let store = Store::open(Settings::new(directory)).unwrap();
    change(campanile::builder().service_name("shop").exporter(StoreExporter::new(store))).build().unwrap()
}

fn campanile(directory: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.args(arguments).arg("--store").arg(directory).env_remove("CAMPANILE_STORE").env("TZ", "UTC").env("COLUMNS", "140");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What `campanile ps` lists.
fn listed(directory: &Path) -> Vec<serde_json::Value> {
    let output = campanile(directory, &["ps", "--json"]);
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Looks until it is so.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

/// A service that never answers.
async fn hang(_: Request<campanile::ObserveBody<http_body_util::Full<bytes::Bytes>>>) -> Result<Response<BoxBody>, BoxError> {
    tracing::info!("about to hang");
    std::future::pending().await
}

#[test]
fn a_request_that_hangs_is_listed_until_it_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let telemetry = stored(directory.path(), |builder| builder);
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(hang);
    let secret = "/sessions/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U/bad%1B";
    let mut answer = Box::pin(service.oneshot(request("GET", &format!("{secret}?token=abc"))));
    assert!(answer.as_mut().now_or_never().is_none());

    let line = wait_for("it is listed", || listed(directory.path()).pop());
    assert_eq!(line["campanile.running"], true);
    assert_eq!((&line["event_name"], line.get("campanile.outcome")), (&"campanile.partial".into(), None), "it has not ended");
    assert_eq!(line["process.pid"], std::process::id().to_string());
    assert_eq!(line["http.request.method"], "GET");
    let shown = line.to_string();
    assert!(!shown.contains("dozjgNry") && !shown.contains("token=abc"), "{shown}");

    let table = text(&campanile(directory.path(), &["ps"]).stdout);
    assert!(table.contains("no answer yet") && table.contains("/sessions/"), "{table}");
    let id = line["span_id"].as_str().unwrap();
    let page = text(&campanile(directory.path(), &["show", id]).stdout);
    assert!(page.contains("still running"), "{page}");
    // Searches do not see it unless they ask.
    assert_eq!(campanile(directory.path(), &["search", "path:/sessions/*"]).status.code(), Some(1));
    assert_eq!(campanile(directory.path(), &["search", "kind:partial"]).status.code(), Some(0));

    drop(answer);
    wait_for("it is listed no longer", || listed(directory.path()).is_empty().then_some(()));
    let page = text(&campanile(directory.path(), &["show", id]).stdout);
    assert!(page.contains("client left before the response began"), "{page}");
    assert!(telemetry.flush(PATIENCE));
    let stats = telemetry.stats();
    assert_eq!((stats.offered, stats.exporters[0].offered, stats.exporters[0].delivered), (1, 1, 1), "{stats:?}");
}

#[test]
fn a_telemetry_that_ends_properly_leaves_nothing_in_flight() {
    let directory = tempfile::tempdir().unwrap();
    let telemetry = stored(directory.path(), |builder| builder);
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(hang);
    let mut answer = Box::pin(service.oneshot(request("GET", "/")));
    assert!(answer.as_mut().now_or_never().is_none());
    wait_for("it is listed", || listed(directory.path()).pop());
    assert!(telemetry.shutdown_blocking(PATIENCE).in_time);
    assert!(listed(directory.path()).is_empty());
    assert!(Store::open(Settings::new(directory.path())).unwrap().left_behind().is_none());
}

#[test]
fn a_stream_is_reported_while_it_runs_and_recorded_once() {
    let (send, reports) = mpsc::channel();
    let every = Duration::from_millis(1);
    let lines = SharedText::default();
    let seen = Observed::with(|builder| {
        builder
            .report_every(every)
            .exporter(Reports(send))
            .exporter(Json::new(lines.clone()))
            .exporter(Console::new(std::io::sink()))
    });
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        campanile::set("order.id", 981);
        tracing::info!("before the stream");
        Ok::<Response<BoxBody>, BoxError>(Response::new(Script::new([Step::Forever]).boxed()))
    });
    let response = service.oneshot(request("GET", "/events")).now_or_never().unwrap().unwrap();
    let mut body = Box::pin(response.into_body());
    let mut frames = 0_u64;
    // The body is polled on until there were enough reports; nothing else wakes it.
    let mut found: Vec<Record> = Vec::new();
    wait_for("three reports", || {
        for _ in 0..100 {
            frames += u64::from(body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())).is_ready());
        }
        found.extend(reports.try_iter());
        (found.len() >= 3).then_some(())
    });
    drop(body);
    let record = seen.only();
    assert_eq!(record.outcome(), Outcome::ClientGoneMidBody);
    assert_eq!(found.iter().map(Record::report).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)]);
    for report in &found {
        assert_eq!(
            (report.kind(), report.span_id(), report.request_id()),
            (Kind::Partial, record.span_id(), record.request_id())
        );
        assert_eq!((report.method(), report.path(), report.status()), ("GET", "/events", Some(200)));
        assert!(report.duration_ns() > 0 && report.duration_ns() <= record.duration_ns());
        assert_eq!(report.sequence(), 0, "it is counted nowhere");
    }
    let last = &found[2];
    assert_eq!(last.events().map(|event| event.message().to_owned()).collect::<Vec<_>>(), ["before the stream"]);
    assert_eq!(last.attribute("order.id"), Some(Value::I64(981)));
    let Some(Value::U64(told)) = last.attribute("campanile.frames") else { panic!("no frames") };
    assert!(told > 0 && told <= frames);
    assert!(last.response_body_bytes() > 0 && last.response_body_bytes() <= record.response_body_bytes());
    assert_eq!(record.report(), None);
    assert_eq!(record.attribute("campanile.frames"), None);
    let lines = lines.text();
    assert_eq!(lines.lines().filter(|line| line.contains("campanile.request\"")).count(), 1, "{lines}");
    let stats = seen.telemetry.stats();
    assert!(stats.exporters.iter().all(|exporter| exporter.offered == exporter.delivered), "{stats:?}");
}

/// One test file's own writer.
#[derive(Clone, Default)]
struct SharedText(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl SharedText {
    fn text(&self) -> String {
        text(&self.0.lock().unwrap())
    }
}

impl std::io::Write for SharedText {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One process of an application: it hangs on two requests, or only starts.
#[test]
#[ignore = "run by another test, in a process of its own"]
fn application() {
    let telemetry = campanile::init().unwrap();
    if std::env::var_os("HANGS").is_some() {
        let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(hang);
        let mut answers =
            ["/orders/1?token=abc", "/export%0AFAKE"].map(|path| Box::pin(service.clone().oneshot(request("GET", path))));
        assert!(answers.iter_mut().all(|answer| answer.as_mut().now_or_never().is_none()));
        loop {
            std::thread::park();
        }
    }
    telemetry.shutdown_blocking(PATIENCE);
}

fn start(directory: &Path, hangs: bool) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", "--test-threads=1", "application"]);
    command.env("CAMPANILE_STORE", directory).env("CAMPANILE_CONSOLE", "off").env("OTEL_SERVICE_NAME", "shop");
    if hangs {
        command.env("HANGS", "1");
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Starts it, and gives its standard error.
fn run(directory: &Path) -> String {
    let output = start(directory, false).wait_with_output().unwrap();
    assert!(output.status.success());
    text(&output.stderr)
}

#[test]
fn after_a_kill_the_next_start_tells_once_what_was_in_flight() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start(directory.path(), true);
    let both = wait_for("both are listed", || Some(listed(directory.path())).filter(|lines| lines.len() == 2));
    assert!(both.iter().all(|line| line["campanile.running"] == true), "{both:?}");
    // SIGKILL: nothing of the process runs any more.
    child.kill().unwrap();
    child.wait().unwrap();

    let pid = child.id().to_string();
    let both = listed(directory.path());
    assert!(both.len() == 2 && both.iter().all(|line| line["campanile.running"] == false), "{both:?}");
    let table = text(&campanile(directory.path(), &["ps"]).stdout);
    assert!(table.contains("ended without a record") && table.contains(&format!("shop {pid} died")), "{table}");
    let id = both[0]["span_id"].as_str().unwrap();
    let page = text(&campanile(directory.path(), &["show", id]).stdout);
    assert!(page.contains(&format!("process shop {pid} died while it was running")), "{page}");

    let said = run(directory.path());
    let line = said.lines().find(|line| line.contains("in flight")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.starts_with(&format!("campanile: process {pid} ended with 2 requests in flight: GET /")), "{line}");
    assert!(line.contains("GET /orders/1 ") && line.contains("GET /export%0AFAKE ") && line.contains(&id[..8]), "{line}");
    assert!(!said.contains("token=abc"), "{said}");
    let again = run(directory.path());
    assert!(!again.contains("in flight"), "{again}");
    assert_eq!(listed(directory.path()).len(), 2, "they stay in the store, and are shown as what they are");
}

#[test]
fn an_upgrade_is_in_flight_until_its_end_and_has_one_record() {
    let directory = tempfile::tempdir().unwrap();
    let (send, reports) = mpsc::channel();
    let store = Store::open(Settings::new(directory.path())).unwrap();
    let seen = Observed::with(|builder| builder.exporter(Reports(send)).exporter(StoreExporter::new(store)));
    let subscriber = tracing_subscriber::registry().with(seen.telemetry.tracing_layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listed_as = runtime.block_on(async {
        let server = support::serve(ServiceBuilder::new().layer(seen.layer()).service_fn(echo)).await;
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let asked = format!("ws://{}/chat?token=abc", server.address);
        let (mut socket, _) = tokio_tungstenite::client_async(asked, stream).await.unwrap();
        for text in ["one", "three"] {
            socket.send(Message::text(text)).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
        }
        let at = directory.path().to_owned();
        let line = tokio::task::spawn_blocking(move || wait_for("it is listed", || listed(&at).pop())).await.unwrap();
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
        server.stop().await;
        line
    });
    let records = wait_for("all records", || Some(seen.records()).filter(|records| records.len() == 4));
    let of = |kind| records.iter().filter(move |record: &&Record| record.kind() == kind);
    let answer = of(Kind::Request).next().unwrap();
    assert_eq!((answer.outcome(), answer.status()), (Outcome::Upgraded, Some(101)));
    let spans: Vec<_> = of(Kind::Span).collect();
    assert_eq!(spans.len(), 1);
    let (record, span) = (spans[0], spans[0].spans().next().unwrap());
    assert_eq!((record.trace_id(), span.parent_id()), (answer.trace_id(), Some(answer.span_id())));
    assert_eq!((span.name(), span.id()), ("websocket", record.span_id()));
    let field = |name: &str| span.field(name).map(|value| value.to_string()).unwrap_or_default();
    let counts = ["received.messages", "received.bytes", "sent.messages", "sent.bytes", "end"]
        .map(|name| field(&format!("campanile.{name}")));
    assert_eq!(counts, ["2", "8", "2", "8", "finished"]);
    assert_eq!((field("network.protocol.name"), field("room")), ("websocket".to_owned(), "lobby".to_owned()));
    // Its events stand alone, and are its own.
    assert!(of(Kind::Event).all(|event| event.span_id() == record.span_id() && event.trace_id() == answer.trace_id()));
    assert_eq!(of(Kind::Event).count(), 2);
    assert_eq!(listed_as["span_id"], record.span_id().to_string());
    assert_eq!(listed_as["campanile.outcome"], "upgraded");
    let report = reports.try_iter().find(|record| record.kind() == Kind::Partial).unwrap();
    assert_eq!((report.span_id(), report.parent_span_id(), report.path()), (record.span_id(), Some(answer.span_id()), "/chat"));
    wait_for("it is listed no longer", || listed(directory.path()).is_empty().then_some(()));
}

/// A WebSocket that sends everything back.
async fn echo<B>(mut request: Request<B>) -> Result<Response<BoxBody>, BoxError> {
    let upgraded = campanile::upgraded();
    upgraded.set("room", "lobby");
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let stream = TokioIo::new(upgrade.await.unwrap());
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        while let Some(Ok(Message::Text(text))) = socket.next().await {
            upgraded.received(text.len());
            upgraded.run(|| tracing::info!("a message"));
            upgraded.sent(text.len());
            socket.send(Message::Text(text)).await.unwrap();
        }
        let _ = socket.close(None).await;
        upgraded.finish();
    });
    let mut response = Response::new(support::full(""));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = derive_accept_key(request.headers()["sec-websocket-key"].as_bytes());
    response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    response.headers_mut().insert("upgrade", HeaderValue::from_static("websocket"));
    response.headers_mut().insert("sec-websocket-accept", HeaderValue::from_str(&accept)?);
    Ok(response)
}

#[test]
fn an_upgrade_that_fails_says_why() {
    let seen = Observed::new();
    let service = ServiceBuilder::new().layer(seen.layer()).service_fn(|_: Request<_>| async {
        let upgraded = campanile::upgraded();
        upgraded.fail(&support::Chain::new(&["the room is closed", "by its owner"]));
        drop(upgraded);
        Ok::<Response<BoxBody>, BoxError>(Response::new(support::full("")))
    });
    service.oneshot(request("GET", "/chat")).now_or_never().unwrap().unwrap();
    let records = seen.records();
    let record = records.iter().find(|record| record.kind() == Kind::Span).unwrap();
    let failure = record.failure().unwrap();
    assert_eq!((failure.message(), failure.causes().count()), ("the room is closed", 1));
    assert!(failure.file().unwrap().ends_with("in_flight.rs"));
    let span = record.spans().next().unwrap();
    assert_eq!(span.field("campanile.end"), Some(Value::Str("failed")));
    assert!(span.error_type().is_some());
    assert_eq!(records.iter().filter(|record| record.kind() == Kind::Request && record.failure().is_none()).count(), 1);
    // Outside a request there is nothing to follow.
    campanile::upgraded().finish();
    assert_eq!(seen.records().len(), 2);
}

#[test]
fn ten_thousand_requests_that_hang_are_all_listed_and_stay_within_bounds() {
    const COUNT: usize = 10_000;
    let directory = tempfile::tempdir().unwrap();
    let screen = SharedText::default();
    let telemetry = stored(directory.path(), |builder| {
        builder.report_every(Duration::from_millis(300)).exporter(Console::new(screen.clone()))
    });
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(hang);
    let start = Instant::now();
    let mut answers: Vec<_> = (0..COUNT)
        .map(|number| {
            let mut answer = Box::pin(service.clone().oneshot(request("GET", &format!("/{number}"))));
            assert!(answer.as_mut().now_or_never().is_none());
            answer
        })
        .collect();
    let mut most = 0;
    wait_for("all are listed", || {
        most = most.max(telemetry.stats().memory_bytes);
        let mut reader = campanile::store::Reader::open(directory.path()).ok()?;
        (reader.unfinished().unwrap().len() == COUNT).then_some(())
    });
    assert!(most <= 32 * 1024 * 1024, "{most}");
    let intervals = start.elapsed().as_millis() / 300 + 2;
    answers.clear();
    let report = telemetry.shutdown_blocking(PATIENCE);
    assert_eq!((report.stats.offered, report.stats.live), (COUNT as u64, 0));
    support::balance(&report.stats);
    assert!(campanile::store::Reader::open(directory.path()).unwrap().unfinished().unwrap().is_empty());
    let lines = screen.text().lines().filter(|line| line.contains("still running")).count() as u128;
    assert!(lines <= 8 * intervals, "{lines} lines in {intervals} intervals");
}
