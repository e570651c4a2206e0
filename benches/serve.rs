//! Serves one stack on loopback, for a load generator; `wrk`, `faults` and `flat_out` are the benches that do.
//!
//! `serve STACK SINK CORES` prints its address. CORES is `one`: all its threads on the first core; or `two`: the thread that
//! serves on the first, and those of the background wherever there is room. Each line that it reads asks for something:
//! `look` how it stands, `threads` which thread did what, `end` what was delivered in the end.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use axum::routing::RouterIntoService;
use campanile_benches::machine::{OTHERS, SERVER, pin, process_ns, resident_kib, threads};
use campanile_benches::stacks::{Stack, key};
use campanile_benches::Route;
use http::Request;
use tower::Service;
use tower::make::Shared;

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
    std::thread::Builder::new().name("server".to_owned()).spawn(move || serve(counted)).expect("a thread");
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
                let words = threads.iter().map(|(name, ns, own, forced)| format!("{}:{ns}:{own}:{forced}", name.replace([' ', ':'], "_")));
                println!("{}", words.collect::<Vec<_>>().join(" "));
            }
            "end" => {
                stack.flush(requests, Route::Users);
                println!("{} {}", stack.due(Route::Users).total() * requests, stack.delivered(&key(name)).total());
                return;
            }
            other => panic!("{other}: no such question"),
        }
    }
}

/// One thread serves, as it is on one core.
fn serve(app: Counted) {
    pin(&[SERVER]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        println!("{}", listener.local_addr().expect("an address"));
        axum::serve(listener, Shared::new(app)).await.expect("it serves");
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
