//! Sends a number of requests through one stack, for a profiler to watch; `instructions` is the script that does.
//!
//! `drive sink` receives what is sent and prints its address; `drive stacks` and `drive filters` print names; `drive STACK
//! ROUTE REQUESTS SINK` sends, and prints the allocations of the sending thread and of all, what was due and what was
//! delivered; `drive filtered FILTER COUNT` makes events that nobody wants.

use std::process::ExitCode;
use std::time::Duration;

use campanile::Telemetry;
use campanile_benches::allocations::{self, Counting};
use campanile_benches::filtered::{self, FILTERS};
use campanile_benches::stacks::{STACKS, Stack, key};
use campanile_benches::{Driver, Route, sink};

/// A profiler makes everything slow, background threads too.
const PAUSE: Duration = Duration::from_millis(100);
/// Requests before those that count: pools and caches fill.
const WARM_UP: u64 = 300;

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
            return send(name, &stack, route, WARM_UP + requests.parse::<u64>().expect("a number"));
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
    let before = (allocations::of_thread(), allocations::of_process());
    driver.run(requests, PAUSE, Driver::burst);
    let of_thread = allocations::of_thread() - before.0;
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

#[global_allocator]
static ALLOCATOR: Counting = Counting;
