//! What do requests notice of a viewer that is flooded? The baselines are a viewer that nobody asks, on a machine that is at
//! rest, and on one whose cores are kept busy by somebody else.
//!
//! An app with a store of some hundred thousand records and the viewer serves so many requests a second, far fewer than it could;
//! each is timed from the moment at which it was due. All its threads, the viewer's too, share the first core with each other
//! alone; whoever asks is on the other one. With `two`, everybody may use both. The flood is 72 clients at once that ask what is
//! dearest, and follow; they run at the lowest priority there is (SCHED_IDLE), in a process of their own, and so does what keeps
//! the cores busy in the second baseline. Rounds take turns; ratios are those of the same round, and of them the median.
//! `cargo bench -p campanile-benches --bench viewer`; `-- two rounds=7 seconds=6 rate=2000 records=300000` says how.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use campanile_benches::machine::{OTHERS, SERVER, median, pin};
use campanile_benches::pace::Paced;
use campanile_benches::served::Served;

const PROGRAM: &str = env!("CARGO_BIN_EXE_viewed");
/// Until a flood is at its height, and until all that it asked is over.
const HEIGHT: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_millis(2500);
/// What the 99th percentile may grow by.
const LIMIT: f64 = 1.1;

/// What is compared.
const ARMS: [&str; 3] = ["nobody asks", "nobody asks, cores busy", "flooded"];

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
    let (rounds, seconds) = (number("rounds").unwrap_or(7), number("seconds").unwrap_or(6));
    let (rate, records) = (number("rate").unwrap_or(2_000), number("records").unwrap_or(300_000));
    let cores = if words.iter().any(|word| word == "two") { "two" } else { "one" };

    pin(if cores == "two" { &[SERVER, OTHERS] } else { &[OTHERS] });
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().to_str().expect("a name of letters");
    let mut server = Served::start(PROGRAM, &["serve", store, &records.to_string(), cores]);
    let viewer = server.ask("viewer");
    let mut sent = Paced::of(server.address, rate, 1).count();
    let mut all: Vec<Vec<Round>> = Vec::new();
    for round in 0..rounds {
        let mut of_round: Vec<(usize, Round)> = (0..ARMS.len())
            .map(|turn| (turn + round as usize) % ARMS.len())
            .map(|arm| (arm, Round::of(arm, &mut server, &viewer, rate, seconds)))
            .collect();
        of_round.sort_by_key(|(arm, _)| *arm);
        for (arm, of) in &of_round {
            sent += of.sent;
            println!("round={round} arm={:?} {of:?}", ARMS[*arm]);
        }
        all.push(of_round.into_iter().map(|(_, of)| of).collect());
    }
    let [offered, stored, lost] = server.numbers("end")[..] else { panic!("three numbers") };
    println!("\n{rate} requests/s, server on {cores}, {records} records before; medians of {rounds} rounds of {seconds} s\n");
    println!("| | p50 ms | p99 ms | p99.9 ms | most ms | p99 / nobody asks | p99 / cores busy | app's CPU | viewer's CPU |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let ratio = |arm: usize, to: usize| median(all.iter().map(|round| round[arm].p99_us / round[to].p99_us));
    for (arm, name) in ARMS.iter().enumerate() {
        let of = |value: fn(&Round) -> f64| median(all.iter().map(|round| value(&round[arm])));
        println!(
            "| {name} | {:.3} | {:.3} | {:.3} | {:.2} | {:.3} | {:.3} | {:.0} % | {:.0} % |",
            of(|round| round.p50_us) / 1e3,
            of(|round| round.p99_us) / 1e3,
            of(|round| round.p999_us) / 1e3,
            of(|round| round.most_us) / 1e3,
            ratio(arm, 0),
            ratio(arm, 1),
            of(|round| round.app_ms) / (seconds as f64 * 10.0),
            of(|round| round.viewer_ms) / (seconds as f64 * 10.0),
        );
    }
    let sum = |value: fn(&Round) -> u64| all.iter().map(|round| value(&round[2])).sum::<u64>();
    println!(
        "\nthe flood: {} questions answered, {} refused, {} messages to those that follow, {} MiB",
        sum(|round| round.answered),
        sum(|round| round.refused),
        sum(|round| round.messages),
        sum(|round| round.bytes) >> 20,
    );
    let by_arm: Vec<_> = (0..ARMS.len()).map(|arm| all.iter().map(|round| round[arm].lost).sum::<u64>().to_string()).collect();
    println!("records: {offered} of {sent} requests, {stored} stored, {lost} lost; by arm {}", by_arm.join(", "));
    let verdict = |holds: bool| if holds { "holds" } else { "FALLS SHORT" };
    for (arm, name) in ARMS.iter().enumerate().take(2) {
        let ratio = ratio(2, arm);
        println!("- p99 flooded {ratio:.3} of '{name}', at most {LIMIT}: {}", verdict(ratio <= LIMIT));
    }
    assert_eq!((offered, stored + lost), (sent, sent), "every request has its record, or is counted");
}

/// What one round showed.
#[derive(Debug, Default)]
struct Round {
    sent: u64,
    /// Records that were counted as lost.
    lost: u64,
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    most_us: f64,
    /// What threads of the app used, in milliseconds: its own, and the viewer's.
    app_ms: f64,
    viewer_ms: f64,
    answered: u64,
    refused: u64,
    messages: u64,
    bytes: u64,
}

impl Round {
    fn of(arm: usize, server: &mut Served, viewer: &str, rate: u64, seconds: u64) -> Self {
        let burden = match arm {
            0 => None,
            1 => Some(Burden::start(&["burn"])),
            _ => Some(Burden::start(&["flood", viewer])),
        };
        std::thread::sleep(HEIGHT);
        let (before, lost) = (used(server), server.numbers("lost"));
        let paced = Paced::of(server.address, rate, seconds);
        let after = used(server);
        let lost = server.numbers("lost")[0] - lost[0];
        let counts = burden.map(Burden::end).unwrap_or_default();
        let [answered, refused, messages, bytes] = counts[..] else {
            std::thread::sleep(CALM);
            return Self { lost, ..Self::with(&paced, before, after) };
        };
        std::thread::sleep(CALM);
        Self { lost, answered, refused, messages, bytes, ..Self::with(&paced, before, after) }
    }

    fn with(paced: &Paced, before: (f64, f64), after: (f64, f64)) -> Self {
        let [p50_us, p99_us, p999_us, most_us] = [0.5, 0.99, 0.999, 1.0].map(|share| paced.us(share));
        let (app_ms, viewer_ms) = (after.0 - before.0, after.1 - before.1);
        Self { sent: paced.count(), p50_us, p99_us, p999_us, most_us, app_ms, viewer_ms, ..Self::default() }
    }
}

/// What the app's own threads and the viewer's have used, in milliseconds.
fn used(server: &mut Served) -> (f64, f64) {
    let mut used = (0.0, 0.0);
    for (name, ns) in server.ledger("threads") {
        let is_viewer = ["campanile-viewe", "campanile-query", "campanile-live"].iter().any(|of| name.starts_with(of));
        let of = if is_viewer { &mut used.1 } else { &mut used.0 };
        *of += ns as f64 / 1e6;
    }
    used
}

/// A process that is in the way until it is told to end.
struct Burden(Child);

impl Burden {
    fn start(words: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        Self(command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process"))
    }

    /// Its numbers.
    fn end(mut self) -> Vec<u64> {
        drop(self.0.stdin.take());
        let mut said = String::new();
        self.0.stdout.take().expect("its output").read_to_string(&mut said).expect("it ends");
        said.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    }
}

impl Drop for Burden {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
