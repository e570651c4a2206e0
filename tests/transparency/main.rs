//! An exchange with the layer is the exchange without it, but for `x-request-id` and what a setting adds by name.
//!
//! One service plays generated cases with the layer and without it: by hand on `Service` and `Body`, over HTTP/1.1,
//! HTTP/2 and as gRPC, and in conversations where one side leaves. What the client saw and what the service saw are
//! compared. A difference is reported with the number of its case, and `Case::new` makes the case from that.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what a test cannot go on without fails it"
)]

mod contract;
mod conversations;
mod direct;
mod http1;
mod http2;
mod pair;
#[path = "../play/mod.rs"]
mod play;
#[path = "../support/mod.rs"]
mod support;
mod upgrades;

use std::collections::BTreeMap;
use std::thread;

use campanile::record::Outcome;

/// Compares, and returns how many exchanges.
type Compare = fn() -> u64;

/// Fewest exchanges that have to be compared.
const LEAST: u64 = 10_000;

#[test]
fn no_exchange_differs_with_the_layer() {
    play::hush();
    const PARTS: [(&str, Compare); 6] = [
        ("by hand", direct::compare),
        ("HTTP/1.1", http1::compare),
        ("HTTP/2", http2::compare),
        ("gRPC", http2::compare_grpc),
        ("conversations", conversations::compare),
        ("upgrades", upgrades::compare),
    ];
    let mut total = 0;
    thread::scope(|scope| {
        let running = PARTS.map(|(name, compare)| (name, scope.spawn(compare)));
        for (name, part) in running {
            match part.join() {
                Ok(compared) => {
                    println!("{name}: {compared} exchanges compared");
                    total += compared;
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    println!("{total} exchanges compared, 0 differences");
    assert!(total >= LEAST, "{total} exchanges are too few to say anything");
}

/// Runs a part on a runtime of its own.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Each case left one record in each telemetry around it, which ended as it should.
#[track_caller]
fn one_record_each(seen: &play::Telemetries, expected: BTreeMap<u64, Outcome>) {
    for observed in &seen.0 {
        let records = observed.requests();
        let recorded: BTreeMap<_, _> =
            records.iter().map(|record| (play::number(record.path()).unwrap(), record.outcome())).collect();
        let differ: Vec<_> = expected
            .iter()
            .filter(|(number, outcome)| recorded.get(number) != Some(outcome))
            .map(|(number, outcome)| format!("case {number}: {outcome}, recorded: {:?}", recorded.get(number)))
            .collect();
        assert!(differ.is_empty(), "{differ:#?}");
        assert_eq!(records.len(), expected.len(), "no case has two");
        assert_eq!(play::in_flight(observed), 0);
    }
}
