//! What does it cost to buffer detail that is thrown away at the end? The baselines are capturing none, and keeping it all.
//!
//! One service is driven in process, one request after another, on one thread; its handler makes one child span and some
//! DEBUG events. The ways to run take turns, round after round, and each round is compared with the first way's of the same
//! turn. Records go to an exporter that counts them; a run that loses one fails.
//! `cargo bench -p campanile-benches --bench recorder` measures; `-- 15 2000` says rounds and requests of one round.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::{Keep, Telemetry};
use http::{Request, Response};
use http_body_util::Empty;
use tokio::runtime::Runtime;
use tower::{ServiceBuilder, ServiceExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

/// Rounds, and requests of one round, unless the command line says otherwise.
const ROUNDS: usize = 15;
const REQUESTS: usize = 2000;
/// Events of one request.
const EVENTS: [usize; 3] = [2, 20, 200];

type Body = Empty<&'static [u8]>;

fn main() {
    // Cargo passes `--bench`.
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(ROUNDS);
    let requests = numbers.get(1).copied().unwrap_or(REQUESTS);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    println!("| events of one request | | thread ns | all ns | / capturing none, thread | all |");
    println!("|---:|---|---:|---:|---:|---:|");
    for events in EVENTS {
        let mut ways = [
            Way::new("none captured", Keep::none()),
            Way::new("captured and thrown away", Keep::failed()),
            Way::new("captured and kept", Keep::all()),
        ];
        for way in &ways {
            // The first fills pools and caches.
            way.run(&runtime, events, requests / 4);
        }
        for _ in 0..rounds {
            for way in &mut ways {
                let round = way.run(&runtime, events, requests);
                way.rounds.push(round);
            }
        }
        print(&ways, events);
    }
}

/// A telemetry that keeps so much.
struct Way {
    name: &'static str,
    telemetry: Telemetry,
    counted: Counted,
    dispatch: tracing::Dispatch,
    rounds: Vec<[f64; 2]>,
}

impl Way {
    fn new(name: &'static str, keep: Keep) -> Self {
        let counted = Counted::default();
        let telemetry = campanile::builder().keep(keep).exporter(counted.clone()).build().expect("a telemetry");
        let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(telemetry.tracing_layer()));
        Self { name, telemetry, counted, dispatch, rounds: Vec::new() }
    }

    /// Nanoseconds of one request: of this thread, and of all.
    fn run(&self, runtime: &Runtime, events: usize, requests: usize) -> [f64; 2] {
        let _guard = tracing::dispatcher::set_default(&self.dispatch);
        let service = ServiceBuilder::new().layer(self.telemetry.layer()).service_fn(move |_: Request<_>| async move {
            let _span = tracing::info_span!("order", id = 981).entered();
            for index in 0..events {
                tracing::debug!(index, rows = 3, "asked the database");
            }
            Ok::<_, std::convert::Infallible>(Response::new(Body::new()))
        });
        let already = self.counted.0.load(Ordering::Relaxed);
        let before = [clock(libc::CLOCK_THREAD_CPUTIME_ID), clock(libc::CLOCK_PROCESS_CPUTIME_ID)];
        let mut on_thread = 0;
        let mut began = before[0];
        for index in 0..requests {
            let request = Request::builder().uri("/orders/7").header("host", "shop").body(Body::new()).expect("a request");
            runtime.block_on(service.clone().oneshot(request)).expect("an answer");
            if index % 50 == 49 {
                // Fewer than an exporter has room for. The worker has the same time in every way to run; waiting is not the request's.
                on_thread += clock(libc::CLOCK_THREAD_CPUTIME_ID) - began;
                assert!(self.telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
                began = clock(libc::CLOCK_THREAD_CPUTIME_ID);
            }
        }
        on_thread += clock(libc::CLOCK_THREAD_CPUTIME_ID) - began;
        assert!(self.telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
        let all = clock(libc::CLOCK_PROCESS_CPUTIME_ID) - before[1];
        assert_eq!(self.counted.0.load(Ordering::Relaxed) - already, requests as u64, "{}: a record is missing", self.name);
        [on_thread as f64 / requests as f64, all as f64 / requests as f64]
    }
}

/// Counts records and throws them away.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicU64>);

impl Exporter for Counted {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.fetch_add(batch.records().len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

fn print(ways: &[Way], events: usize) {
    let Some((first, _)) = ways.split_first() else { return };
    for way in ways {
        let of = |index: usize| median(way.rounds.iter().map(|round| round[index]).collect());
        let ratio =
            |index: usize| median(way.rounds.iter().zip(&first.rounds).map(|(own, other)| own[index] / other[index]).collect());
        let (thread, all) = (of(0), of(1));
        println!("| {events} | {} | {thread:.0} | {all:.0} | {:.2} | {:.2} |", way.name, ratio(0), ratio(1));
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// Processor time, in nanoseconds.
fn clock(id: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a value of the type that the call writes.
    assert_eq!(unsafe { libc::clock_gettime(id, &mut time) }, 0, "the clock exists");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
