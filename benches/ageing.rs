//! What does it do to the app that the store grows old, when it is driven as fast as it goes? The baseline is the same store
//! before it is full.
//!
//! Both stores may take 64 MiB, so that both begin a segment for every 8 MiB. One is full before it begins, and removes its oldest
//! segment each time; the other is emptied before each round and has room for all of it. A third, as the second, says how far
//! two equal ones are apart: noise. Rounds alternate, requests come from one thread without a pause, and the 99th percentile is
//! that of their calls.
//!
//! Then records are appended directly: how long a write takes at most, in a store that ages with every few of them.
//! `cargo bench -p campanile-benches --bench ageing`; `-- rounds=9 requests=40000` says how much.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use campanile::exporter::{Batch, ExportError, Exporter, StoreExporter};
use campanile::record::{Losses, Record, Resource};
use campanile::store::{Settings, Store};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use tokio::runtime::{Builder, Runtime};
use tower::{ServiceBuilder, ServiceExt as _};

type Body = Full<axum::body::Bytes>;

const MAX_BYTES: u64 = 64 << 20;
/// Bytes of a request's path.
const PATH_BYTES: usize = 500;
const WAIT: Duration = Duration::from_secs(60);

/// What is compared.
const ARMS: [&str; 3] = ["not ageing", "not ageing, again", "ageing"];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok());
    let (rounds, requests) = (number("rounds").unwrap_or(9), number("requests").unwrap_or(40_000));
    let runtime = Builder::new_current_thread().build().expect("a runtime");

    let full = tempfile::tempdir().expect("a directory");
    // Twice as much as it may take.
    round(&runtime, full.path(), 200_000);
    let mut all: Vec<[Round; 3]> = Vec::new();
    for number in 0..rounds {
        let of_round = [0, 1, 2].map(|arm| {
            let empty = tempfile::tempdir().expect("a directory");
            let arm = (arm + number) % ARMS.len();
            (arm, round(&runtime, if ARMS[arm] == "ageing" { full.path() } else { empty.path() }, requests))
        });
        let mut sorted = of_round;
        sorted.sort_by_key(|(arm, _)| *arm);
        for (arm, of) in &sorted {
            println!("round={number} arm={:?} {of:?}", ARMS[*arm]);
        }
        all.push(sorted.map(|(_, of)| of));
    }
    println!("\nmedians of {rounds} rounds of {requests} requests\n");
    println!("| store | p50 µs | p99 µs | p99.9 µs | p99 beside the first, median of rounds | lost |");
    println!("|---|---:|---:|---:|---:|---:|");
    for (arm, name) in ARMS.iter().enumerate() {
        let of = |value: fn(&Round) -> f64| median(all.iter().map(|round| value(&round[arm])));
        let ratio = median(all.iter().map(|round| round[arm].p99_us / round[0].p99_us));
        let lost: u64 = all.iter().map(|round| round[arm].lost).sum();
        println!(
            "| {name} | {:.2} | {:.2} | {:.2} | {ratio:.3} | {lost} |",
            of(|round| round.p50_us),
            of(|round| round.p99_us),
            of(|round| round.p999_us)
        );
    }
    appends(&runtime);
}

/// What one round of one store showed.
#[derive(Clone, Copy, Debug)]
struct Round {
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    lost: u64,
}

/// Sends so many requests to an app with this store, a few thousand between two waits for it: more would only show a full queue.
fn round(runtime: &Runtime, directory: &Path, requests: usize) -> Round {
    let mut settings = Settings::new(directory);
    settings.max_bytes = MAX_BYTES;
    let telemetry =
        campanile::builder().exporter(StoreExporter::new(Store::open(settings).expect("a store"))).build().expect("a telemetry");
    let mut took = Vec::with_capacity(requests);
    for first in (0..requests).step_by(4_000) {
        took.extend(call(runtime, &telemetry, first..(first + 4_000).min(requests)));
        assert!(telemetry.flush(WAIT), "it comes to its end");
    }
    let stats = telemetry.stats();
    let lost = stats.dropped.total() + stats.exporters.iter().map(|of| of.dropped.total()).sum::<u64>();
    drop(telemetry.shutdown_blocking(WAIT));
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    Round { p50_us: at(0.5), p99_us: at(0.99), p999_us: at(0.999), lost }
}

/// Nanoseconds that each call took, with its body.
fn call(runtime: &Runtime, telemetry: &campanile::Telemetry, numbers: std::ops::Range<usize>) -> Vec<u64> {
    let answer = |_: Request<_>| std::future::ready(Ok::<_, Infallible>(Response::new(Body::from("ok"))));
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(answer);
    let padding = "x".repeat(PATH_BYTES);
    numbers
        .map(|number| {
            let request = Request::get(format!("/n/{number}/{padding}")).body(Body::default()).expect("a request");
            let began = Instant::now();
            runtime.block_on(async {
                let response = service.clone().oneshot(request).await.expect("an answer");
                response.into_body().collect().await.expect("a body");
            });
            u64::try_from(began.elapsed().as_nanos()).expect("not for ever")
        })
        .collect()
}

/// Hands over what it is given.
struct Kept(Arc<Mutex<Vec<Record>>>);

impl Exporter for Kept {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.lock().expect("records").extend(batch.records().cloned());
        Ok(())
    }
}

/// How long a write of 512 records takes, where every 8 MiB the oldest segment goes.
fn appends(runtime: &Runtime) {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let telemetry = campanile::builder().exporter(Kept(Arc::clone(&kept))).build().expect("a telemetry");
    drop(call(runtime, &telemetry, 0..512));
    assert!(telemetry.flush(WAIT), "it comes to its end");
    let records = std::mem::take(&mut *kept.lock().expect("records"));
    let directory = tempfile::tempdir().expect("a directory");
    let mut settings = Settings::new(directory.path());
    settings.max_bytes = MAX_BYTES;
    let mut store = Store::open(settings).expect("a store");
    let (resource, losses, began) = (Resource::default(), Losses::default(), Instant::now());
    let mut took: Vec<f64> = (0..2_000)
        .map(|_| {
            let began = Instant::now();
            store.append(&records, &resource, &losses).expect("it is stored");
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let seconds = began.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "\n{} records in {seconds:.1} s through a store of 64 MiB: a write of {} takes {:.1} ms, the 99th percentile {:.1} ms, the longest {:.1} ms",
        2_000 * records.len(),
        records.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
