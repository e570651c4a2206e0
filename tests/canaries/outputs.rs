//! Every exporter on this machine, and what it has written.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use campanile::Builder;
use campanile::exporter::{Console, File, Json, Memory, Schema, StoreExporter};
use campanile::store::{Settings, Store};
use tempfile::TempDir;

pub(crate) struct Outputs {
    pub(crate) memory: Memory,
    directory: TempDir,
    buffers: Vec<(&'static str, Buffer)>,
}

impl Outputs {
    pub(crate) fn new() -> Self {
        let names = ["console", "coloured console", "otel", "ecs", "logfmt"];
        let buffers = names.into_iter().map(|name| (name, Buffer::default())).collect();
        Self { memory: Memory::new(), directory: tempfile::tempdir().unwrap(), buffers }
    }

    pub(crate) fn add_to(&self, mut builder: Builder) -> Builder {
        for (name, buffer) in &self.buffers {
            let buffer = buffer.clone();
            builder = match *name {
                "console" => builder.exporter(Console::new(buffer).width(400)),
                "coloured console" => builder.exporter(Console::new(buffer).width(400).colour(true)),
                schema => builder.exporter(Json::new(buffer).schema(Schema::parse(schema).unwrap())),
            };
        }
        let store = Store::open(Settings::new(self.directory.path().join("store"))).unwrap();
        builder
            .exporter(self.memory.clone())
            .exporter(File::open(self.directory.path().join("requests.json")).unwrap())
            .exporter(StoreExporter::new(store))
    }

    /// What is known of requests in flight, once anything is.
    #[cfg(feature = "cli")]
    pub(crate) fn in_flight(&self) -> Vec<(&'static str, Vec<u8>)> {
        let store = self.directory.path().join("store");
        let deadline = std::time::Instant::now() + crate::support::PATIENCE;
        while run(&store, &["ps"]).is_none() {
            assert!(std::time::Instant::now() < deadline, "nothing is in flight");
        }
        let ps = ["ps", "ps --json"];
        let mut all = vec![("store with what is in flight", raw_files(&store))];
        all.extend(ps.into_iter().filter_map(|name| Some((name, run(&store, &name.split(' ').collect::<Vec<_>>())?))));
        all
    }

    /// What the command line tells of groups, and of what is different.
    #[cfg(feature = "cli")]
    pub(crate) fn told(&self) -> Vec<(&'static str, Vec<u8>)> {
        let store = self.directory.path().join("store");
        let groups = run(&store, &["errors", "--json"]).unwrap();
        let lines = String::from_utf8(groups.clone()).unwrap();
        let ids = lines.lines().map(|line| line.split_once("\"group\":\"").unwrap().1[..16].to_owned());
        let mut why = Vec::new();
        for id in ids {
            why.extend(run(&store, &["why", &id]).unwrap());
            why.extend(run(&store, &["why", &id, "--json"]).unwrap());
        }
        let diff = [run(&store, &["diff", "status:500"]), run(&store, &["diff", "--json", "status:500"])];
        vec![
            ("errors --json", groups),
            ("errors", run(&store, &["errors"]).unwrap()),
            ("why and diff", why.into_iter().chain(diff.into_iter().flatten().flatten()).collect()),
        ]
    }

    /// Everything, by name.
    pub(crate) fn all(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut all: Vec<_> = self.buffers.iter().map(|(name, buffer)| (*name, buffer.0.lock().unwrap().clone())).collect();
        all.push(("file", std::fs::read(self.directory.path().join("requests.json")).unwrap()));
        let store = self.directory.path().join("store");
        all.push(("store", raw_files(&store)));
        #[cfg(feature = "cli")]
        all.extend([
            ("campanile", shown(&store, &self.memory, &[])),
            ("campanile --json", shown(&store, &self.memory, &["--json"])),
        ]);
        all
    }
}

/// The files of a store, byte for byte.
fn raw_files(directory: &Path) -> Vec<u8> {
    let mut paths: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
}

/// What a command says on both streams; `None` where it finds nothing.
#[cfg(feature = "cli")]
fn run(store: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_campanile"));
    let output = command.args(arguments).arg("--store").arg(store).env_remove("CAMPANILE_STORE").output().unwrap();
    output.status.success().then(|| [output.stdout, output.stderr].concat())
}

/// What the command line shows of every request.
#[cfg(feature = "cli")]
fn shown(store: &Path, memory: &Memory, arguments: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for record in memory.records().iter().filter(|record| record.kind() == campanile::record::Kind::Request) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_campanile"));
        command.arg("show").args(arguments).arg("--store").arg(store).args(["--", record.request_id()]);
        let output = command.env_remove("CAMPANILE_STORE").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        out.extend([output.stdout, output.stderr].concat());
    }
    out
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
