//! Do request threads get in each other's way? The baseline is the same app without a layer, on as many threads.
//!
//! One and two threads, each with a runtime of its own, send requests into one app at the same time, in bursts. With both
//! cores of a machine of two at work, the background has what is left between the bursts.
//! `cargo bench -p campanile-benches --bench cores` measures; `-- 15 4000` says rounds and requests of one, on each thread.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use campanile::{Keep, Telemetry};
use campanile_benches::gauge::{Counted, Users};
use campanile_benches::machine::{process_ns, thread_ns};
use campanile_benches::turns::{self, Answers, Way, table};

/// Rounds, and requests of one round on each thread, unless the command line says otherwise.
const ROUNDS: usize = 15;
const REQUESTS: usize = 4000;
/// Requests in a row on each thread: on two, fewer than an exporter has room for.
const BURST: usize = 400;
const WAYS: [&str; 2] = ["bare", "campanile"];
const THREADS: [&str; 2] = ["1", "2"];
/// Columns of an answer: nanoseconds of one request on its own thread and on all, and requests of a second.
const THREAD: usize = 0;
const ALL: usize = 1;
const RATE: usize = 2;

fn main() {
    if turns::serve(|way| {
        let stack = Stack::new(way);
        move |threads| stack.run(threads.parse().expect("a number"))
    }) {
        return;
    }
    let rounds = turns::numbers().first().copied().unwrap_or(ROUNDS);
    let answers = turns::take(&WAYS.map(|way| Way::new(way, THREADS)), rounds);
    println!("\nProcessor time of one request, ns: of the bare app, and above it. Median of {rounds} rounds.");
    let rows: Vec<_> = THREADS.into_iter().map(|threads| row(&answers, threads)).collect();
    let head =
        ["request threads", "bare", "campanile, its own thread", "all threads", "of one thread's", "bare requests/s", "of bare"];
    println!("{}", table(&head, &rows));
}

fn row(answers: &Answers, threads: &str) -> Vec<String> {
    let [bare, ours] = WAYS;
    let above = |threads: &str, column| answers.above(ours, threads, (bare, threads), column);
    vec![
        threads.to_owned(),
        format!("{:.0}", answers.median(bare, threads, THREAD)),
        format!("{:.0}", above(threads, THREAD)),
        format!("{:.0}", above(threads, ALL)),
        format!("{:.2}", above(threads, THREAD) / above(THREADS[0], THREAD)),
        format!("{:.0}", answers.median(bare, threads, RATE)),
        format!("{:.2}", answers.ratio(ours, threads, (bare, threads), RATE)),
    ]
}

/// The app, and what records its requests.
struct Stack {
    users: Users,
    behind: Option<(Telemetry, Counted)>,
}

impl Stack {
    fn new(way: &str) -> Self {
        let app = campanile_benches::app();
        if way == WAYS[0] {
            return Self { users: Users::of(app), behind: None };
        }
        let counted = Counted::default();
        let telemetry = campanile::builder().keep(Keep::all()).exporter(counted.clone()).init().expect("a telemetry");
        Self { users: Users::of(app.layer(telemetry.layer())), behind: Some((telemetry, counted)) }
    }

    fn run(&self, threads: usize) -> Vec<f64> {
        let each = turns::numbers().get(1).copied().unwrap_or(REQUESTS).div_ceil(BURST) * BURST;
        let already = self.behind.as_ref().map_or(0, |(_, counted)| counted.total());
        let before = process_ns();
        let line = Barrier::new(threads);
        let took: Vec<(u64, Duration)> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.thread(each, &line))).collect();
            started.into_iter().map(|thread| thread.join().expect("a thread that ends")).collect()
        });
        let (all, requests) = (process_ns() - before, (each * threads) as f64);
        if let Some((_, counted)) = &self.behind {
            assert_eq!(counted.total() - already, requests as u64, "a record is missing");
        }
        let on_threads: u64 = took.iter().map(|(ns, _)| ns).sum();
        let wall = took.iter().map(|(_, wall)| *wall).max().unwrap_or_default();
        vec![on_threads as f64 / requests, all as f64 / requests, requests / wall.as_secs_f64()]
    }

    /// Processor time and time of the bursts of one thread.
    fn thread(&self, requests: usize, line: &Barrier) -> (u64, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut users = self.users.clone();
        let (mut ns, mut wall) = (0, Duration::ZERO);
        for _ in 0..requests / BURST {
            line.wait();
            let (began, at) = (thread_ns(), Instant::now());
            runtime.block_on(async {
                for _ in 0..BURST {
                    users.ask().await;
                }
            });
            ns += thread_ns() - began;
            wall += at.elapsed();
            if line.wait().is_leader()
                && let Some((telemetry, _)) = &self.behind
            {
                assert!(telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
            }
        }
        (ns, wall)
    }
}
