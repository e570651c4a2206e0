//! Every exporter on this machine at once, and what each has written.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use campanile::exporter::{Console, File, Json, Memory, Schema, StoreExporter};
use campanile::metrics::Snapshot;
use campanile::record::{Kind, Record};
use campanile::store::{Settings, Store};
use campanile::{Builder, Stats, Telemetry};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PATIENCE, balance};

/// Everything that text sinks must not let through: controls, bidirectional and zero-width characters, line separators.
pub(crate) fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A telemetry with every local exporter.
pub(crate) struct Bench {
    pub(crate) telemetry: Telemetry,
    memory: Memory,
    directory: TempDir,
    buffers: Vec<(&'static str, Shared)>,
}

/// What they wrote.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub(crate) records: Vec<Record>,
    pub(crate) stats: Stats,
    pub(crate) metrics: Snapshot,
    /// Text outputs by name; each line is a record.
    pub(crate) lines: Vec<(&'static str, Vec<u8>)>,
    /// What the terminal shows, plain and coloured.
    pub(crate) console: Vec<u8>,
    pub(crate) coloured: Vec<u8>,
    /// The files of the store as they lie there.
    pub(crate) stored: Vec<u8>,
    /// What the command line says about the requests; empty where it was not asked.
    pub(crate) shown: Vec<u8>,
    pub(crate) shown_json: Vec<u8>,
    /// The local page of each request.
    pub(crate) pages: String,
    /// Names of everything that was made on the disk.
    pub(crate) files: Vec<String>,
}

impl Bench {
    pub(crate) fn start(change: impl FnOnce(Builder) -> Builder) -> Self {
        let (memory, directory) = (Memory::new(), tempfile::tempdir().unwrap());
        let buffers: Vec<_> =
            ["otel", "ecs", "logfmt", "console", "coloured"].into_iter().map(|name| (name, Shared::default())).collect();
        let store = Store::open(Settings::new(directory.path().join("store"))).unwrap();
        let mut builder = campanile::builder()
            .exporter(memory.clone())
            .exporter(File::open(directory.path().join("requests.json")).unwrap())
            .exporter(StoreExporter::new(store));
        for (name, shared) in &buffers {
            builder = match *name {
                "console" => builder.exporter(Console::new(shared.clone()).utc().width(200)),
                "coloured" => builder.exporter(Console::new(shared.clone()).utc().width(200).colour(true)),
                schema => builder.exporter(Json::new(shared.clone()).schema(Schema::parse(schema).unwrap())),
            };
        }
        Self { telemetry: change(builder).build().unwrap(), memory, directory, buffers }
    }

    /// Reads everything, once nothing is moving any more; `ask` has the command line look too.
    pub(crate) fn read(&self, ask: bool) -> Outputs {
        assert!(self.telemetry.flush(PATIENCE), "a flush comes to its end");
        let stats = self.telemetry.stats();
        balance(&stats);
        let records = self.memory.records();
        let take = |wanted: &str| self.buffers.iter().find(|(name, _)| *name == wanted).unwrap().1.bytes();
        let store = self.directory.path().join("store");
        let requests: Vec<_> = records.iter().filter(|record| record.kind() == Kind::Request).collect();
        let show = |arguments: &[&str]| {
            let shown = requests.iter().filter(|_| ask).map(|record| show(&store, record.request_id(), arguments));
            shown.collect::<Vec<_>>().concat()
        };
        Outputs {
            stats,
            metrics: self.memory.metrics().expect("a flush brings metrics"),
            lines: vec![
                ("otel", take("otel")),
                ("ecs", take("ecs")),
                ("logfmt", take("logfmt")),
                ("file", fs::read(self.directory.path().join("requests.json")).unwrap()),
            ],
            console: take("console"),
            coloured: take("coloured"),
            stored: raw_files(&store),
            files: fs::read_dir(self.directory.path())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect(),
            shown: show(&[]),
            shown_json: show(&["--json"]),
            pages: requests.iter().map(|record| page(&store, &record.span_id().to_short().to_string())).collect(),
            records,
        }
    }
}

impl Outputs {
    /// Every output by its name, the store's bytes and the records included.
    pub(crate) fn everything(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut all = self.lines.clone();
        let bodies = self.records.iter().flat_map(|record| record.request_body().into_iter().chain(record.response_body()));
        all.push(("kept bodies", bodies.map(|body| body.content()).collect::<Vec<_>>().join("\n").into_bytes()));
        all.push(("metrics", format!("{:?}", self.metrics).into_bytes()));
        all.extend([
            ("console", self.console.clone()),
            ("coloured console", self.coloured.clone()),
            ("store", self.stored.clone()),
            ("campanile show", self.shown.clone()),
            ("campanile show --json", self.shown_json.clone()),
            ("records", format!("{:?}", self.records).into_bytes()),
        ]);
        all
    }

    /// The JSON lines with OpenTelemetry's names.
    pub(crate) fn json(&self) -> Vec<Value> {
        let (_, text) = self.lines.iter().find(|(name, _)| *name == "otel").unwrap();
        text.split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }

    /// Where a text stands that must stand nowhere.
    pub(crate) fn holding(&self, needle: &str) -> Vec<&'static str> {
        let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(needle);
        self.everything().into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name).collect()
    }
}

/// Every file of a store, one after another.
fn raw_files(directory: &Path) -> Vec<u8> {
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.is_file()).flat_map(|path| fs::read(path).unwrap()).collect()
}

/// What `campanile show` prints about a request.
#[cfg(feature = "cli")]
fn show(store: &Path, request_id: &str, arguments: &[&str]) -> Vec<u8> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.arg("show").args(arguments).args(["--store".as_ref(), store.as_os_str()]).args(["--", request_id]);
    let output = command.env_remove("CAMPANILE_STORE").env_remove("COLUMNS").env("TZ", "UTC").output().unwrap();
    assert!(output.status.success(), "{request_id}: {}", String::from_utf8_lossy(&output.stderr));
    [output.stdout, output.stderr].concat()
}

#[cfg(not(feature = "cli"))]
fn show(_: &Path, _: &str, _: &[&str]) -> Vec<u8> {
    Vec::new()
}

/// The local page of a request, as it comes.
#[cfg(feature = "viewer")]
fn page(store: &Path, id: &str) -> String {
    use http_body_util::BodyExt as _;
    let service = campanile::viewer::Viewer::of_store(store).service();
    let request = http::Request::get(format!("/r/{id}")).header("host", "localhost").body(String::new()).unwrap();
    let ask = async {
        let answer = tower::ServiceExt::oneshot(service, request).await.unwrap();
        assert_eq!(answer.status(), 200, "{id}");
        answer.into_body().collect().await.unwrap().to_bytes()
    };
    // Whoever asks may be in a runtime already.
    let asked = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(ask);
    let html = std::thread::scope(|scope| scope.spawn(asked).join().unwrap());
    String::from_utf8(html.to_vec()).unwrap()
}

#[cfg(not(feature = "viewer"))]
fn page(_: &Path, _: &str) -> String {
    String::new()
}

/// A writer whose bytes can be read while an exporter holds it.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
