//! Sends a number of requests through one stack, for a profiler to watch; `instructions` is the script that does.
//!
//! `drive sink` receives OTLP and prints its address; `drive stacks` prints their names; `drive STACK ROUTE REQUESTS
//! SINK` sends, and says on standard error when something was lost.

use std::time::Duration;

use campanile_benches::stacks::{STACKS, Stack, key};
use campanile_benches::{Driver, Route, sink};

/// A profiler makes everything slow, background threads too.
const PAUSE: Duration = Duration::from_millis(100);
/// Requests before those that count: pools and caches fill.
const WARM_UP: u64 = 300;

fn main() {
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
        [name, route, requests, sink] => {
            let stack = Stack::new(name, sink.parse().expect("an address")).expect("a stack");
            let route = Route::parse(route).expect("a route");
            let requests = WARM_UP + requests.parse::<u64>().expect("a number");
            let mut driver = Driver::new(&stack, route);
            driver.run(requests, PAUSE, Driver::burst);
            stack.flush(requests, route);
            let (due, delivered) = (stack.due(route), stack.delivered(&key(name)));
            if delivered.total() != due.total() * requests {
                eprintln!("{name}: delivered {delivered:?} for {requests} requests, each due {due:?}");
                std::process::exit(1);
            }
        }
        _ => {
            eprintln!("usage: drive sink | drive stacks | drive STACK ROUTE REQUESTS SINK");
            std::process::exit(2);
        }
    }
}
