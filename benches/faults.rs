//! What does a collector that fails cost requests and memory, and is everything accounted for? The baseline is a healthy one.
//!
//! A server with OTLP, on one core with all its threads, is asked by `wrk` for as long as the collector on the other core is
//! stuck, slow, refusing or dead; until then it was healthy. Each round starts a server for each kind of failure.
//! `cargo bench -p campanile-benches --bench faults`; `-- seconds=8 rounds=5 stuck dead` says which and how much.

use std::collections::BTreeMap;

use campanile_benches::Route;
use campanile_benches::collector::{Collector, Mode};
use campanile_benches::load::{Load, Seen};
use campanile_benches::machine::{OTHERS, median, pin};
use campanile_benches::served::Served;

/// Seconds with a healthy collector before those that count.
const WARM_UP: u64 = 2;
/// A span for the request and one inside it; two events.
const EACH: u64 = 2;

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
    let (seconds, rounds) = (number("seconds").unwrap_or(8), number("rounds").unwrap_or(5));
    let chosen = |mode: Mode| words.iter().any(|word| word == mode.name());
    let is_any = Mode::ALL.into_iter().any(chosen);
    let modes: Vec<Mode> = Mode::ALL.into_iter().filter(|mode| *mode == Mode::Healthy || !is_any || chosen(*mode)).collect();

    pin(&[OTHERS]);
    let load = Load::new();
    let mut all: Vec<Vec<Round>> = Vec::new();
    for round in 0..rounds {
        let of_round: Vec<Round> = modes.iter().map(|mode| Round::of(*mode, &load, seconds)).collect();
        for (mode, of) in modes.iter().zip(&of_round) {
            println!("round={round} collector={} {of:?}", mode.name());
        }
        all.push(of_round);
    }
    println!("\n`users` over OTLP, server on one core, medians of {rounds} rounds of {seconds} s\n");
    println!(
        "| collector | requests/s | of healthy | p50 ms | p99 ms | of healthy | memory grown MiB | records delivered | counted as lost |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for (at, mode) in modes.iter().enumerate() {
        let of = |value: fn(&Round) -> f64| median(all.iter().map(|round| value(&round[at])));
        let ratio = |value: fn(&Round) -> f64| median(all.iter().map(|round| value(&round[at]) / value(&round[0])));
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} | {:.0} | {:.0} |",
            mode.name(),
            of(|round| round.seen.per_second),
            ratio(|round| round.seen.per_second),
            of(|round| round.seen.p50_us) / 1e3,
            of(|round| round.seen.p99_us) / 1e3,
            ratio(|round| round.seen.p99_us),
            of(|round| round.grown_kib as f64) / 1024.0,
            of(|round| round.delivered as f64),
            of(|round| round.lost as f64),
        );
    }
}

/// What one round of one kind of failure showed.
#[derive(Debug)]
#[allow(dead_code, reason = "printed as it is")]
struct Round {
    seen: Seen,
    /// From the memory in use while the collector was healthy to the most afterwards.
    grown_kib: u64,
    /// What the records in the pipeline took when the load was over, as it counts itself.
    held_bytes: u64,
    held: u64,
    /// Records, of both exporters together.
    delivered: u64,
    lost: u64,
}

impl Round {
    fn of(mode: Mode, load: &Load, seconds: u64) -> Self {
        let mut collector = Collector::start();
        let mut server = Served::start(env!("CARGO_BIN_EXE_serve"), &["otlp", &collector.address.to_string(), "one"]);
        load.run(server.address, Route::Users, WARM_UP);
        let healthy_kib = server.look().resident_kib;
        if mode != Mode::Healthy {
            collector.become_(mode);
        }
        let seen = load.run(server.address, Route::Users, seconds);
        let (after, held) = (server.look(), server.ledger("ledger"));
        let ledger = server.ledger("shutdown");
        let (delivered, lost) = balance(&ledger, collector.counted(), mode);
        Self {
            seen,
            grown_kib: after.most_kib.saturating_sub(healthy_kib),
            held_bytes: held["memory"],
            held: held["queued"] + held["otlp_traces.queued"] + held["otlp_logs.queued"],
            delivered,
            lost,
        }
    }
}

/// Every request is delivered or counted, at each exporter, and what was delivered did arrive.
fn balance(ledger: &BTreeMap<String, u64>, (spans, logs): (u64, u64), mode: Mode) -> (u64, u64) {
    let of = |name: &str| ledger[name];
    assert_eq!(of("offered"), of("requests"), "{mode:?}: one record of each request: {ledger:?}");
    assert_eq!(of("forwarded") + of("dropped"), of("offered"), "{mode:?}: {ledger:?}");
    let mut sums = (0, 0);
    for (name, arrived) in [("otlp_traces", spans), ("otlp_logs", logs)] {
        let one = |what: &str| of(&format!("{name}.{what}"));
        assert_eq!(one("delivered") + one("dropped"), one("offered"), "{mode:?} {name}: {ledger:?}");
        // An answer that comes after shutdown's deadline is to what was counted as lost by then.
        assert!(arrived >= EACH * one("delivered"), "{mode:?} {name}: {arrived} arrived: {ledger:?}");
        if mode == Mode::Healthy {
            assert_eq!(one("dropped"), 0, "{name}: {ledger:?}");
            assert_eq!(arrived, EACH * of("requests"), "{name}: {ledger:?}");
        }
        sums = (sums.0 + one("delivered"), sums.1 + one("dropped") + of("dropped"));
    }
    sums
}
