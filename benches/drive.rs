//! Sends a number of requests through one stack, for a profiler to watch; `instructions` is the script that does.
//!
//! `drive sink` receives what is sent and prints its address; `drive stacks` and `drive filters` print names; `drive STACK
//! ROUTE REQUESTS SINK` sends, and prints the allocations of the sending thread and of all, what was due and what was
//! delivered; `drive filtered FILTER COUNT` makes events that nobody wants.

use std::mem;
use std::process::ExitCode;
use std::time::Duration;

use campanile::Telemetry;
use campanile_benches::allocations::{self, Counting};
use campanile_benches::filtered::{self, FILTERS};
use campanile_benches::stacks::{STACKS, Stack, key};
use campanile_benches::{Driver, Route, sink};

/// A profiler makes everything slow, background threads too.
const PAUSE: Duration = Duration::from_millis(100);
/// Requests before those that are told: pools and caches fill, and buffers grow to their size.
const WARM_UP: u64 = 1_100;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["sink"] => {
            println!("{}", sink::start());
            loop {
                std::thread::park();
            }
        }
        ["stacks"] => STACKS.iter().for_each(|(name, what)| println!("{name}\t{what}")),
        ["filters"] => FILTERS.iter().for_each(|(name, what)| println!("{name}\t{what}")),
        ["filtered", filter, count] => filtered::run(filter, count.parse().expect("a number")),
        [name, route, requests, sink] => {
            let stack = Stack::new(name, sink.parse().expect("an address")).expect("a stack");
            let route = Route::parse(route).expect("a route");
            return send(name, &stack, route, requests.parse().expect("a number"));
        }
        _ => {
            eprintln!("usage: drive sink | stacks | filters | STACK ROUTE REQUESTS SINK | filtered FILTER COUNT");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn send(name: &str, stack: &Stack, route: Route, requests: u64) -> ExitCode {
    let mut driver = Driver::new(stack, route);
    driver.run(WARM_UP, PAUSE, Driver::burst);
    fill_holes();
    let before = (allocations::of_thread(), allocations::of_process());
    driver.run(requests, PAUSE, Driver::burst);
    let of_thread = allocations::of_thread() - before.0;
    let requests = WARM_UP + requests;
    stack.flush(requests, route);
    let of_process = allocations::of_process() - before.1;
    let (due, delivered) = (stack.due(route).times(requests), stack.delivered(&key(name)));
    println!("{of_thread} {of_process} {} {}", due.total(), delivered.total());
    if delivered == due || !stack.is_ours() {
        return ExitCode::SUCCESS;
    }
    let stats = stack.telemetry().map(Telemetry::stats);
    eprintln!("{name}: delivered {delivered:?}, due {due:?}, {stats:?}");
    ExitCode::FAILURE
}

/// Takes every small hole that start and warm-up left in the heap, for good.
///
/// glibc may fill a hole of 64 bytes with a block of 48, which goes back to the cache of the larger size. Where that is full
/// already, each request meets it anew, for several hundred instructions: by which stack, and in which build, is chance.
fn fill_holes() {
    for (sizes, of_each) in [(16..1024, 64), (1024..8192, 8)] {
        for size in sizes.step_by(16) {
            (0..of_each).for_each(|_| mem::forget(Vec::<u8>::with_capacity(size)));
        }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
