//! What does keeping the first bytes of 64 uploads of 100 MB at once cost? The baseline is the same layer keeping none.
//!
//! One server and all its clients run in this process, over loopback connections. The ways to run take turns, round after
//! round, and each round is compared with the baseline's of the same turn. After each turn the budget must have held.
//! `cargo bench -p campanile-benches --bench bodies` measures; `-- 9 100` says rounds and megabytes of one upload.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::{Bodies, Telemetry};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Uploads at once.
const UPLOADS: usize = 64;
/// Bytes that a client writes at once.
const CHUNK: usize = 64 * 1024;
/// Rounds, and megabytes of one upload, unless the command line says otherwise.
const ROUNDS: usize = 9;
const MEGABYTES: usize = 100;

fn main() {
    // Cargo passes `--bench`.
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(ROUNDS);
    let bytes = numbers.get(1).copied().unwrap_or(MEGABYTES) * 1_000_000;
    let runtime = Runtime::new().expect("a runtime");
    let tight = Bodies::on().max_bytes(64 * 1024).budget_bytes(1024 * 1024);
    let mut ways = [
        Way::new(&runtime, "no bodies", Bodies::off(), 0),
        Way::new(&runtime, "4 KiB of each", Bodies::on(), Bodies::DEFAULT_BUDGET_BYTES),
        Way::new(&runtime, "64 KiB of each", Bodies::on().max_bytes(64 * 1024), Bodies::DEFAULT_BUDGET_BYTES),
        Way::new(&runtime, "64 KiB of each, 1 MiB together", tight, 1024 * 1024),
    ];
    for way in &ways {
        // The first fills pools and caches.
        runtime.block_on(way.run(bytes / 10));
    }
    for _ in 0..rounds {
        for way in &mut ways {
            let before = (Instant::now(), process_ns(), resident_bytes());
            runtime.block_on(way.run(bytes));
            way.rounds.push(Round {
                ns: before.0.elapsed().as_nanos() as f64,
                cpu_ns: (process_ns() - before.1) as f64,
                grown_bytes: resident_bytes() as f64 - before.2 as f64,
            });
        }
    }
    print(&ways, bytes);
}

/// What one round took.
#[derive(Clone, Copy)]
struct Round {
    ns: f64,
    cpu_ns: f64,
    grown_bytes: f64,
}

/// A server that is told to keep so much.
struct Way {
    name: &'static str,
    budget: usize,
    telemetry: Telemetry,
    address: SocketAddr,
    kept: Kept,
    most: Arc<AtomicUsize>,
    rounds: Vec<Round>,
}

impl Way {
    fn new(runtime: &Runtime, name: &'static str, bodies: Bodies, budget: usize) -> Self {
        let kept = Kept::default();
        let telemetry = campanile::builder().capture_bodies(bodies).exporter(kept.clone()).build().expect("a telemetry");
        let most = Arc::new(AtomicUsize::new(0));
        let state = (telemetry.clone(), Arc::clone(&most));
        let app = Router::new().route("/", post(upload)).with_state(state).layer(telemetry.layer());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("its address");
        runtime.spawn(async { axum::serve(listener, app).await });
        Self { name, budget, telemetry, address, kept, most, rounds: Vec::new() }
    }

    /// All uploads at once, to the end of the last.
    async fn run(&self, bytes: usize) {
        self.kept.0.store(0, Ordering::Relaxed);
        let uploads: Vec<_> = (0..UPLOADS).map(|_| tokio::spawn(client(self.address, bytes))).collect();
        for upload in uploads {
            upload.await.expect("an upload that ends");
        }
        assert!(self.telemetry.flush(std::time::Duration::from_secs(60)), "the flush ended in time");
        assert!(self.most.load(Ordering::Relaxed) <= self.budget, "{}: more was held than the budget allows", self.name);
        assert!(self.kept.0.load(Ordering::Relaxed) <= self.budget, "{}: more was kept than the budget allows", self.name);
    }
}

async fn upload(State((telemetry, most)): State<(Telemetry, Arc<AtomicUsize>)>, mut body: Body) -> String {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, |data| data.len());
    }
    // Held until the request's end, so this is as much as it ever is for this request.
    most.fetch_max(telemetry.stats().body_bytes, Ordering::Relaxed);
    bytes.to_string()
}

async fn client(address: SocketAddr, bytes: usize) {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head =
        format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: {bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("a head");
    let (chunk, mut left) = (vec![b'x'; CHUNK], bytes);
    while left > 0 {
        let size = left.min(CHUNK);
        stream.write_all(&chunk[..size]).await.expect("room for more");
        left -= size;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with(&bytes.to_string()), "{answer}");
}

/// Counts what the records of one run kept.
#[derive(Clone, Default)]
struct Kept(Arc<AtomicUsize>);

impl Exporter for Kept {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        for record in batch.records() {
            let body = record.request_body().map_or(0, |body| body.kept_bytes());
            self.0.fetch_add(body as usize, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn print(ways: &[Way], bytes: usize) {
    let base = &ways[0].rounds;
    println!("\n{UPLOADS} uploads of {} MB at once, median of {} rounds", bytes / 1_000_000, base.len());
    let head = ["", "MB/s", "of baseline", "cpu ms", "of baseline", "grown KiB", "held KiB", "kept KiB"];
    println!(
        "{:<32}{:>8}{:>13}{:>9}{:>13}{:>11}{:>10}{:>10}",
        head[0], head[1], head[2], head[3], head[4], head[5], head[6], head[7]
    );
    let megabytes = (UPLOADS * bytes) as f64 / 1e6;
    for way in ways {
        let of = |of: fn(&Round) -> f64| median(way.rounds.iter().map(of).collect());
        // Taken round by round, so that a slow moment of the machine hits both sides.
        let ratio =
            |of: fn(&Round) -> f64| median(way.rounds.iter().zip(base).map(|(round, base)| of(round) / of(base)).collect());
        println!(
            "{:<32}{:>8.0}{:>13.3}{:>9.0}{:>13.3}{:>11.0}{:>10}{:>10}",
            way.name,
            megabytes / (of(|round| round.ns) / 1e9),
            1.0 / ratio(|round| round.ns),
            of(|round| round.cpu_ns) / 1e6,
            ratio(|round| round.cpu_ns),
            of(|round| round.grown_bytes) / 1024.0,
            way.most.load(Ordering::Relaxed) / 1024,
            way.kept.0.load(Ordering::Relaxed) / 1024,
        );
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// Processor time that the process has used.
fn process_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a live `timespec`.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "the clock exists");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// What the system holds for this process, in bytes; 0 where that cannot be told.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() * 1024
}
