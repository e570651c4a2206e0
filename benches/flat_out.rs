//! Does everything arrive when requests are driven as fast as they can be, and how fast is that? The baseline is the bare app.
//!
//! One or two threads of a process drive the app without a pause, the collector is up in another process, and all settings
//! are the defaults. Nothing is pinned: it is whatever the machine's two cores make of it.
//! `cargo bench -p campanile-benches --bench flat_out`; `-- seconds=5 rounds=5 otlp json` says which and how much.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use campanile_benches::machine::{median, process_ns};
use campanile_benches::stacks::{Delivered, STACKS, Stack, key};
use campanile_benches::{Driver, Route, sink};

/// Requests before somebody looks at the clock.
const BURST: u64 = 1_000;

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["child", stack, threads, seconds, sink] = plain[..] {
        return child(stack, threads.parse().expect("a number"), seconds.parse().expect("a number"), sink);
    }
    let number = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
    let (seconds, rounds) = (number("seconds").unwrap_or(5), number("rounds").unwrap_or(5));
    let chosen = |name: &str| words.iter().any(|word| word == name);
    let is_any = STACKS.iter().any(|(name, _)| chosen(name));
    let stacks: Vec<&str> =
        STACKS.iter().map(|(name, _)| *name).filter(|name| *name == "bare" || !is_any || chosen(name)).collect();

    let sink = sink::start().to_string();
    for threads in [1, 2] {
        let mut all: Vec<Vec<Round>> = Vec::new();
        for round in 0..rounds {
            let of_round: Vec<Round> = stacks.iter().map(|stack| Round::of(stack, threads, seconds, &sink)).collect();
            for (stack, of) in stacks.iter().zip(&of_round) {
                println!("round={round} threads={threads} stack={stack} {of:?}");
            }
            all.push(of_round);
        }
        println!("\n`users` flat out on {threads} thread(s), medians of {rounds} rounds of {seconds} s\n");
        println!(
            "| stack | requests/s | of bare | CPU µs each | spans, logs, lines due | of them arrived | records counted as lost |"
        );
        println!("|---|---:|---:|---:|---:|---:|---:|");
        for (at, stack) in stacks.iter().enumerate() {
            let of = |value: fn(&Round) -> f64| median(all.iter().map(|round| value(&round[at])));
            let ratio = median(all.iter().map(|round| round[at].per_second / round[0].per_second));
            let sum = |value: fn(&Round) -> i64| all.iter().map(|round| value(&round[at])).sum::<i64>();
            let due = sum(|round| round.due);
            println!(
                "| {stack} | {:.0} | {ratio:.2} | {:.2} | {due} | {:.4} | {} |",
                of(|round| round.per_second),
                of(|round| round.cpu_us),
                if due == 0 { 1.0 } else { sum(|round| round.delivered) as f64 / due as f64 },
                sum(|round| round.lost),
            );
        }
        println!();
    }
}

/// What one round of one stack showed; spans, log records and lines are due, and records are lost.
#[derive(Debug)]
struct Round {
    per_second: f64,
    cpu_us: f64,
    due: i64,
    delivered: i64,
    lost: i64,
}

impl Round {
    fn of(stack: &str, threads: u64, seconds: u64, sink: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["child", stack, &threads.to_string(), &seconds.to_string(), sink]).stdout(Stdio::piped());
        for (name, _) in
            std::env::vars().filter(|(name, _)| ["CAMPANILE", "OTEL_", "RUST_LOG"].iter().any(|start| name.starts_with(start)))
        {
            command.env_remove(name);
        }
        let output = command.stderr(Stdio::inherit()).output().expect("a process");
        assert!(output.status.success(), "{stack} on {threads} thread(s): {}", output.status);
        let text = String::from_utf8(output.stdout).expect("text");
        let words: Vec<&str> = text.split_whitespace().collect();
        let [per_second, cpu_us, due, delivered, lost] = words[..] else { panic!("five numbers, not {text}") };
        let count = |word: &str| word.parse().expect("a number");
        Self {
            per_second: per_second.parse().expect("a number"),
            cpu_us: cpu_us.parse().expect("a number"),
            due: count(due),
            delivered: count(delivered),
            lost: count(lost),
        }
    }
}

fn child(name: &str, threads: u64, seconds: u64, sink: &str) {
    let stack = Stack::new(name, sink.parse().expect("an address")).expect("a stack");
    let began = (Instant::now(), process_ns());
    let until = began.0 + Duration::from_secs(seconds);
    let drive = || {
        let mut driver = Driver::new(&stack, Route::Users);
        let mut sent = 0;
        while Instant::now() < until {
            driver.burst(BURST);
            sent += BURST;
        }
        sent
    };
    let requests: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(drive)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it drove")).sum()
    });
    let per_second = requests as f64 / began.0.elapsed().as_secs_f64();
    stack.flush(requests, Route::Users);
    let cpu_us = (process_ns() - began.1) as f64 / 1e3 / requests as f64;
    let (due, delivered) = (stack.due(Route::Users), stack.delivered(&key(name)));
    let lost = counted_as_lost(&stack, requests, delivered);
    println!("{per_second} {cpu_us} {} {} {lost}", due.total() * requests, delivered.total());
}

/// Records that campanile counts as lost, of all exporters. Every request is one record, and every record is delivered or counted,
/// at each exporter; what was delivered has arrived.
fn counted_as_lost(stack: &Stack, requests: u64, arrived: Delivered) -> u64 {
    let Some(telemetry) = stack.telemetry() else { return 0 };
    let stats = telemetry.stats();
    assert!(stats.exporters.is_empty() || stats.offered - stats.live == requests, "{stats:?}");
    assert_eq!((stats.offered, stats.queued), (stats.forwarded + stats.dropped.total(), 0), "{stats:?}");
    let mut lost = 0;
    for of in stats.exporters.iter().filter(|of| of.offered > 0) {
        assert_eq!(of.offered, of.delivered + of.dropped.total(), "{stats:?}");
        match of.name.as_str() {
            // Where memory is full, a record says itself that there was no room for its span or its event.
            "otlp_traces" => assert!((of.delivered..=2 * of.delivered).contains(&arrived.spans), "{arrived:?} {stats:?}"),
            "otlp_logs" => assert!(arrived.logs <= 2 * of.delivered, "{arrived:?} {stats:?}"),
            // Lines also say what was lost.
            _ => assert!(arrived.written >= of.delivered, "{stats:?}"),
        }
        lost += stats.dropped.total() + of.dropped.total();
    }
    lost
}
