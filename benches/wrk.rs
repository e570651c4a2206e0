//! What is left of the requests that a server answers over loopback, with each stack around its app? The baseline is the
//! bare service in the same round.
//!
//! Each stack is served by a process of its own, all its threads on one core; `wrk` and the receiver of OTLP are on the other,
//! which is kept awake: `wrk` rests more often the slower the server is, and to wake it would be counted as the server's.
//! With `two`, the thread that serves stays on the first core and the background may use the second, which it then shares
//! with both. `cargo bench -p campanile-benches --bench wrk`; `-- two otlp json seconds=5 rounds=5` says which and how
//! much, and `resting` that nobody keeps the core awake.

use campanile_benches::load::{Load, Seen};
use campanile_benches::machine::{OTHERS, awake, median, patiently, pin};
use campanile_benches::served::Served;
use campanile_benches::stacks::STACKS;
use campanile_benches::{Route, sink};

/// Seconds before those that count.
const WARM_UP: u64 = 1;

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
    let (seconds, rounds) = (number("seconds").unwrap_or(5), number("rounds").unwrap_or(5));
    let chosen = |name: &str| words.iter().any(|word| word == name);
    let cores = if chosen("two") { "two" } else { "one" };
    let is_any = STACKS.iter().any(|(name, _)| chosen(name));
    let stacks: Vec<&str> =
        STACKS.iter().map(|(name, _)| *name).filter(|name| *name == "bare" || !is_any || chosen(name)).collect();

    pin(&[OTHERS]);
    let sink = patiently(sink::start).to_string();
    let load = Load::new();
    let mut all: Vec<Vec<Round>> = Vec::new();
    for round in 0..rounds {
        let ask = || stacks.iter().map(|stack| Round::of(stack, &sink, cores, &load, seconds)).collect::<Vec<_>>();
        let of_round = if chosen("resting") { ask() } else { awake(OTHERS, ask) };
        for (stack, of) in stacks.iter().zip(&of_round) {
            println!("round={round} stack={stack} cores={cores} {of:?}");
        }
        all.push(of_round);
    }
    println!("\n`users`, server on {cores}, medians of {rounds} rounds of {seconds} s\n");
    println!("| stack | requests/s | of bare | p50 ms | p99 ms | CPU s for 100,000 | of bare | lost |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    for (at, stack) in stacks.iter().enumerate() {
        let of = |value: fn(&Round) -> f64| median(all.iter().map(|round| value(&round[at])));
        let ratio = |value: fn(&Round) -> f64| median(all.iter().map(|round| value(&round[at]) / value(&round[0])));
        let (due, lost) = all.iter().fold((0, 0), |(due, lost), round| (due + round[at].due, lost + round[at].lost()));
        println!(
            "| {stack} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {lost} of {due} |",
            of(|round| round.seen.per_second),
            ratio(|round| round.seen.per_second),
            of(|round| round.seen.p50_us) / 1e3,
            of(|round| round.seen.p99_us) / 1e3,
            of(|round| round.cpu_s),
            ratio(|round| round.cpu_s),
        );
    }
}

/// What one round of one stack showed.
#[derive(Debug)]
struct Round {
    seen: Seen,
    /// For 100,000 requests.
    cpu_s: f64,
    due: u64,
    delivered: u64,
}

impl Round {
    fn of(stack: &str, sink: &str, cores: &str, load: &Load, seconds: u64) -> Self {
        let mut server = Served::start(env!("CARGO_BIN_EXE_serve"), &[stack, sink, cores]);
        let address = server.address;
        patiently(|| load.run(address, Route::Users, WARM_UP));
        let before = server.look();
        let seen = patiently(|| load.run(address, Route::Users, seconds));
        let after = server.look();
        if std::env::var_os("THREADS").is_some() {
            println!("{stack}: {}", server.ask("threads"));
        }
        let cpu_s = (after.cpu_ns - before.cpu_ns) as f64 / (after.requests - before.requests) as f64 * 1e5 / 1e9;
        let [due, delivered] = server.numbers("end")[..] else { panic!("two numbers") };
        Self { seen, cpu_s, due, delivered }
    }

    const fn lost(&self) -> u64 {
        self.due.saturating_sub(self.delivered)
    }
}
