//! Serves one stack on loopback, for a load generator; `wrk`, `faults` and `flat_out` are the benches that do.
//!
//! `serve STACK SINK CORES` prints its address. CORES is `one`: all its threads on the first core; or `two`: the thread that
//! serves on the first, and those of the background wherever there is room. Each line that it reads asks for something:
//! `look` how it stands, `threads` which thread did what, `ledger` what campanile counts; `end` closes all connections and tells
//! what was delivered in the end, `shutdown` the same as campanile counts it, within two seconds.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use axum::routing::RouterIntoService;
use campanile::Stats;
use campanile_benches::Route;
use campanile_benches::machine::{OTHERS, SERVER, pin, process_ns, resident_kib, threads};
use campanile_benches::stacks::{Stack, key};
use http::Request;
use tokio::sync::Notify;
use tower::Service;
use tower::make::Shared;

/// How long a shutdown may take.
const PATIENCE: Duration = Duration::from_secs(2);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [name, sink, cores] = words[..] else {
        eprintln!("usage: serve STACK SINK one|two");
        std::process::exit(2);
    };
    pin(if cores == "two" { &[SERVER, OTHERS] } else { &[SERVER] });
    let stack = Stack::new(name, sink.parse().expect("an address")).expect("a stack");
    let counted = Counted { inner: stack.app.clone().into_service(), count: Arc::default() };
    let count = Arc::clone(&counted.count);
    let stop = Arc::new(Notify::new());
    let stopped = Arc::clone(&stop);
    let server = std::thread::Builder::new().name("server".to_owned()).spawn(move || serve(counted, &stopped)).expect("a thread");
    let mut server = Some(server);
    let mut close = || {
        stop.notify_one();
        server.take().expect("the first time").join().expect("it served");
    };
    for line in std::io::stdin().lines() {
        let requests = count.load(Ordering::Relaxed);
        match line.expect("a line").as_str() {
            "look" => {
                let (now, most) = resident_kib();
                println!("{requests} {} {now} {most}", process_ns());
            }
            "threads" => {
                let mut threads = threads();
                threads.sort_by_key(|(_, ns, ..)| std::cmp::Reverse(*ns));
                let words = threads
                    .iter()
                    .map(|(name, ns, own, forced)| format!("{}:{ns}:{own}:{forced}", name.replace([' ', ':'], "_")));
                println!("{}", words.collect::<Vec<_>>().join(" "));
            }
            "ledger" => println!("{}", ledger(&stack.telemetry().expect("campanile").stats())),
            "shutdown" => {
                close();
                let report = stack.telemetry().expect("campanile").shutdown_blocking(PATIENCE);
                println!(
                    "requests={} in_time={} {}",
                    count.load(Ordering::Relaxed),
                    u64::from(report.in_time),
                    ledger(&report.stats)
                );
                return;
            }
            "end" => {
                close();
                let requests = count.load(Ordering::Relaxed);
                stack.flush(requests, Route::Users);
                println!("{} {}", stack.due(Route::Users).total() * requests, stack.delivered(&key(name)).total());
                return;
            }
            other => panic!("{other}: no such question"),
        }
    }
}

/// Numbers with names.
fn ledger(stats: &Stats) -> String {
    let mut line = format!(
        "offered={} forwarded={} dropped={} queued={} memory={}",
        stats.offered,
        stats.forwarded,
        stats.dropped.total(),
        stats.queued,
        stats.memory_bytes
    );
    for of in &stats.exporters {
        let (name, dropped) = (&of.name, of.dropped.total());
        let _ = write!(line, " {name}.offered={} {name}.delivered={}", of.offered, of.delivered);
        let _ = write!(line, " {name}.dropped={dropped} {name}.queued={}", of.queued);
    }
    line
}

/// One thread serves, as it is on one core; until it is stopped, which closes all connections.
fn serve(app: Counted, stopped: &Notify) {
    pin(&[SERVER]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        tokio::select! {
            () = stopped.notified() => {}
            served = axum::serve(listener, Shared::new(app)) => served.expect("it serves"),
        }
    });
}

/// An app, and how many requests it was sent.
#[derive(Clone)]
struct Counted {
    inner: RouterIntoService<Body>,
    count: Arc<AtomicU64>,
}

impl Service<Request<Body>> for Counted {
    type Response = Response;
    type Error = Infallible;
    type Future = <RouterIntoService<Body> as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.inner, cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.inner.call(request)
    }
}
