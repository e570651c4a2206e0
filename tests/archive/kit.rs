//! A store with requests of every sort, and the command line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use campanile::{Bodies, Keep};
use http_body_util::BodyExt as _;
use serde_json::Value as Json;
use tempfile::TempDir;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// Breaks a line, clears the screen, reorders text.
pub(crate) const HOSTILE: &str = "bad\nFAKE \u{1b}[2J\u{9b}31m\u{202e}gnp";

#[derive(Debug, thiserror::Error)]
#[error("cannot render page {0}")]
struct RenderError(u32, #[source] std::num::ParseIntError);

async fn order(body: String) -> Response {
    campanile::set("user.id", 42);
    campanile::set("order.total", 12.5);
    campanile::set("order.paid", true);
    let span = tracing::info_span!("load order", order.id = 981_u64, table = "orders");
    let _entered = span.enter();
    tracing::debug_span!("sql select", rows = -3).in_scope(|| tracing::info!(lines = 3, "loaded order"));
    tracing::warn!(hostile = HOSTILE, "{HOSTILE}");
    let answer = format!("{{\"got\":{},\"password\":\"hunter2\"}}", body.len());
    ([("content-type", "application/json"), ("set-cookie", "sid=geheim; Path=/")], answer).into_response()
}

async fn fail() -> StatusCode {
    let error = RenderError(7, "x".parse::<u8>().unwrap_err());
    tracing::error!(error = &error as &dyn std::error::Error, "rendering failed");
    campanile::attach(&error);
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn boom() -> StatusCode {
    panic!("no stock for item 17")
}

/// Runs an application on this store and sends it these requests.
pub(crate) fn write(directory: &Path, times: usize) {
    let store = Store::open(Settings::new(directory)).unwrap();
    let telemetry = campanile::builder()
        .service_name("shop")
        .service_version("1.4.2")
        .capture_bodies(Bodies::on())
        .keep(Keep::all())
        .exporter(StoreExporter::new(store))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/orders/{id}", post(order))
        .route("/fail", get(fail))
        .route("/boom", get(boom))
        .layer(telemetry.layer());
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(port = 3000, "started");
        drop(tracing::info_span!("clean up", files = 2).entered());
        for _ in 0..times {
            for (method, path) in
                [("POST", "/orders/1?token=abc&page=2"), ("GET", "/fail"), ("GET", "/boom"), ("PATCH", "/nothing")]
            {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
                    .header("host", "shop.example:8443")
                    .header("authorization", "Bearer very-secret")
                    .header("cookie", "sid=geheim; theme=dark")
                    .header("accept", "text/html")
                    .header("user-agent", "curl/8.5")
                    .header("content-type", "application/json")
                    .body(Body::from("{\"name\":\"Zoë\",\"card\":\"4111111111111111\"}"))
                    .unwrap();
                runtime.block_on(async {
                    if let Ok(response) = tokio::spawn(app.clone().oneshot(request)).await {
                        let _ = response.unwrap().into_body().collect().await;
                    }
                });
            }
        }
    });
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
}

/// A store that is made once.
pub(crate) fn store() -> &'static Path {
    static STORE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = STORE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        write(&path, 1);
        (directory, path)
    });
    path
}

pub(crate) fn campanile(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.args(arguments).env_remove("CAMPANILE_STORE").env_remove("COLUMNS").env("TZ", "UTC");
    command
}

/// The output of a command on a store, which has to succeed.
pub(crate) fn read(store: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = campanile(arguments).arg("--store").arg(store).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What the store holds in this format.
pub(crate) fn exported(store: &Path, format: &str) -> Vec<u8> {
    read(store, &["export", "--format", format])
}

/// Whole records of a store, by their ids.
pub(crate) fn records(store: &Path) -> Vec<Json> {
    let text = String::from_utf8(exported(store, "json")).unwrap();
    let mut records: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|record| record["span_id"].to_string());
    records
}

/// A directory in which files are imported.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.directory.path().join(name), bytes).unwrap();
    }

    pub(crate) fn import(&self, arguments: &[&str]) -> Output {
        campanile(&["import"]).args(arguments).current_dir(self.directory.path()).output().unwrap()
    }

    /// Imports text from the standard input.
    pub(crate) fn import_text(&self, text: &[u8]) -> Output {
        let mut child = campanile(&["import", "--json", "-"])
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may have had enough before the end.
        let _ = child.stdin.take().unwrap().write_all(text);
        child.wait_with_output().unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// What `--json` says of an import.
pub(crate) fn summary(output: &Output) -> Json {
    let told = serde_json::from_slice(&output.stdout);
    told.unwrap_or_else(|_| panic!("{} {}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// The standard error, which steers no terminal.
pub(crate) fn complaints(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(!text.contains(['\u{1b}', '\u{9b}', '\u{202e}']) && !text.contains("panicked"), "{text}");
    text
}

/// The interpreter that `scripts/receivers` installs; where it is missing and may be, `what` is told as left out.
pub(crate) fn python(what: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/receivers/bin/python");
    if path.exists() && path.with_file_name("../installed").exists() {
        return Some(path);
    }
    let is_optional = std::env::var_os("TEST_RECEIVERS_OPTIONAL").is_some_and(|value| value == "1");
    assert!(is_optional, "{} is missing: scripts/receivers installs it", path.display());
    if let Some(list) = std::env::var_os("TEST_LEFT_OUT") {
        let mut list = std::fs::OpenOptions::new().append(true).create(true).open(list).unwrap();
        writeln!(list, "tests/archive: {what}").unwrap();
    }
    None
}
