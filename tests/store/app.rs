//! An application with a store, and what can be read of it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use campanile::exporter::StoreExporter;
use campanile::query::Query;
use campanile::store::{Reader, Scan, Scanned, Settings, Store};
use campanile::{Env, Stats, Telemetry};
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tower::{ServiceBuilder, ServiceExt as _};

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// No setting but that nothing goes to the console.
pub(crate) fn quiet() -> Env {
    [("CAMPANILE_CONSOLE", "off")].into_iter().collect()
}

/// An application that answers each path with itself.
pub(crate) struct App {
    pub(crate) telemetry: Telemetry,
}

impl App {
    pub(crate) fn new(directory: &Path) -> Self {
        Self::with(Settings::new(directory))
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let exporter = StoreExporter::new(Store::open(settings).unwrap());
        let telemetry = campanile::builder().env(quiet()).service_name("shop").exporter(exporter).build().unwrap();
        Self { telemetry }
    }

    /// Sends a request of this number, with so many bytes more in its path, and holds the answer to what it is without
    /// telemetry.
    pub(crate) fn send(&self, number: u64, bytes: usize) {
        let path = format!("/n/{number}/{}", "x".repeat(bytes));
        let answer = |request: Request<_>| {
            let body = Full::<Bytes>::from(request.uri().path().to_owned());
            std::future::ready(Ok::<_, Infallible>(Response::builder().status(203).header("x-number", "1").body(body).unwrap()))
        };
        let service = ServiceBuilder::new().layer(self.telemetry.layer()).service_fn(answer);
        let response =
            service.oneshot(Request::get(&path).body(Full::<Bytes>::default()).unwrap()).now_or_never().unwrap().unwrap();
        let (head, body) = response.into_parts();
        assert_eq!((head.status.as_u16(), head.headers["x-number"].as_bytes()), (203, &b"1"[..]));
        assert_eq!(body.collect().now_or_never().unwrap().unwrap().to_bytes(), path);
    }

    pub(crate) fn flush(&self) {
        assert!(self.telemetry.flush(PATIENCE), "a flush comes to its end");
    }

    /// What became of everything, once nothing is moving any more.
    pub(crate) fn stats(&self) -> Stats {
        self.flush();
        let stats = self.telemetry.stats();
        assert_eq!(stats.offered, stats.forwarded + stats.dropped.total() + stats.queued, "{stats:?}");
        for exporter in &stats.exporters {
            assert_eq!(exporter.offered, exporter.delivered + exporter.dropped.total() + exporter.queued, "{stats:?}");
        }
        stats
    }

    pub(crate) fn close(self) {
        drop(self.telemetry.shutdown_blocking(PATIENCE));
    }
}

/// The number of a request, and the bytes that were put behind it.
fn number(path: &str) -> u64 {
    path.split('/').nth(2).unwrap().parse().unwrap()
}

/// How often each number is read.
pub(crate) fn read(reader: &mut Reader) -> BTreeMap<u64, u32> {
    let mut all = BTreeMap::new();
    let query = Query::default();
    let scanned = reader.scan(&Scan::of(&query), PATIENCE, |stored| {
        *all.entry(number(stored.record().path())).or_default() += 1;
        true
    });
    assert_eq!(scanned.unwrap(), Scanned::Whole);
    all
}

/// Every number that is read, each once, from files of which none is complained about.
pub(crate) fn numbers(directory: &Path) -> Vec<u64> {
    let mut reader = Reader::open(directory).unwrap();
    let all = read(&mut reader);
    assert_eq!(reader.warnings(), [""; 0]);
    assert!(all.values().all(|times| *times == 1), "each once: {all:?}");
    all.into_keys().collect()
}

pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// The segments, oldest first.
pub(crate) fn segments(directory: &Path) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("segment-") && name.ends_with(".sqlite")
    };
    files(directory).into_iter().filter(is_segment).collect()
}

/// What was lost, as the store itself tells it.
pub(crate) fn told_losses(directory: &Path) -> u64 {
    Reader::open(directory).unwrap().gaps(0).unwrap().iter().map(|gap| gap.losses().total()).sum()
}
