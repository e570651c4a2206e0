//! What does a request cost while many others are in flight, and how much memory does each of those hold? The baseline is
//! the same app without a layer.
//!
//! An axum app's handler waits until it is let go on. So many requests are begun and left waiting; then the oldest is ended
//! and a new one begun in its place, again and again, on one thread. Memory is what the allocator has given out and not got
//! back, before and after the requests were begun in a process that has ended none yet, so that no buffer is there from
//! earlier. A telemetry that reports what is still running, as the store asks for, keeps a list of it.
//! `cargo bench -p campanile-benches --bench concurrent` measures and draws; `-- 9 1000` says rounds and requests of one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::Body;
use axum::routing::{RouterIntoService, get};
use axum::{Extension, Router};
use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::{Keep, Telemetry};
use campanile_benches::gauge::Counted;
use campanile_benches::machine::{process_ns, thread_ns};
use campanile_benches::plot::{self, Scale, Series};
use campanile_benches::turns::{self, Answers, Way, table};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::Service as _;

/// Rounds, and requests of one round, unless the command line says otherwise.
const ROUNDS: usize = 7;
const REQUESTS: usize = 1000;
/// How many are in flight at once.
const IN_FLIGHT: [usize; 5] = [1, 10, 100, 1000, 10_000];
/// Requests in a row: fewer than an exporter has room for.
const BURST: usize = 50;
/// With how many it is looked at what the memory is made of.
const MANY: usize = 1000;
const WAYS: [&str; 3] = ["bare", "campanile", "campanile, reporting"];
/// Columns of an answer about cost: nanoseconds of one request, on its own thread and on all.
const THREAD: usize = 0;
const ALL: usize = 1;

fn main() {
    if turns::serve(|way| {
        let driver = Driver::new(way);
        move |question| match question.split_once(' ') {
            Some(("memory", count)) => driver.memory(count.parse().expect("a number")),
            _ => driver.cost(question.parse().expect("a number")),
        }
    }) {
        return;
    }
    let rounds = turns::numbers().first().copied().unwrap_or(ROUNDS);
    let answers = turns::take(&WAYS.map(|way| Way::new(way, IN_FLIGHT)), rounds);
    print_cost(&answers, rounds);
    let memory = WAYS.map(|way| IN_FLIGHT.map(|count| Memory::of(&turns::once(way, &format!("memory {count}")))));
    print_memory(&memory);
    print_sizes(&memory);

    let x = "requests in flight";
    let lines = |number: &dyn Fn(usize, usize) -> f64| {
        let points = |way| IN_FLIGHT.into_iter().enumerate().map(|(at, count)| (count as f64, number(way, at))).collect();
        let line = |(way, name): (usize, &&str)| Series { name: (*name).to_owned(), points: points(way) };
        WAYS.iter().enumerate().skip(1).map(line).collect::<Vec<_>>()
    };
    let cost = |way: usize, at: usize| {
        let question = IN_FLIGHT[at].to_string();
        answers.above(WAYS[way], &question, (WAYS[0], &question), THREAD)
    };
    let title = "A request while others are in flight, above the bare app";
    plot::lines("concurrent", title, x, "ns of processor time on its own thread", &lines(&cost), Scale::LogX);
    let bytes = |way: usize, at: usize| memory[way][at].bytes - memory[0][at].bytes;
    let title = "Memory of a request in flight, above the bare app";
    plot::lines("concurrent-memory", title, x, "bytes for each request in flight", &lines(&bytes), Scale::LogX);
}

fn print_cost(answers: &Answers, rounds: usize) {
    println!("\nProcessor time of one request, ns; above the bare app, of which all is in brackets. Median of {rounds} rounds.");
    let rows = IN_FLIGHT.map(|count| {
        let question = count.to_string();
        let bare = format!("({:.0})", answers.median(WAYS[0], &question, THREAD));
        let of = |way, column| format!("{:.0}", answers.above(way, &question, (WAYS[0], &question), column));
        let ours = WAYS[1..].iter().flat_map(|way| [of(way, THREAD), of(way, ALL)]);
        [count.to_string(), bare].into_iter().chain(ours).collect()
    });
    let head = ["in flight", "bare", "campanile, thread", "all threads", "reporting, thread", "all threads"];
    println!("{}", table(&head, &rows));
}

/// What each request in flight holds.
struct Memory {
    bytes: f64,
    /// How many allocations of each size.
    sizes: BTreeMap<usize, f64>,
}

impl Memory {
    /// From the numbers of an answer: all bytes, then pairs of a size and how many there are of it.
    fn of(numbers: &[f64]) -> Self {
        let sizes = numbers[1..].chunks_exact(2).map(|pair| (pair[0] as usize, pair[1])).collect();
        Self { bytes: numbers[0], sizes }
    }
}

fn print_memory(memory: &[[Memory; IN_FLIGHT.len()]; WAYS.len()]) {
    println!("Bytes of memory for each request in flight; above the bare app, of which all is in brackets.");
    let rows: Vec<_> = IN_FLIGHT
        .into_iter()
        .enumerate()
        .map(|(at, count)| {
            let bare = memory[0][at].bytes;
            let ours = memory[1..].iter().map(|way| format!("{:.0}", way[at].bytes - bare));
            [count.to_string(), format!("({bare:.0})")].into_iter().chain(ours).collect()
        })
        .collect();
    println!("{}", table(&["in flight", "bare", WAYS[1], WAYS[2]], &rows));
}

fn print_sizes(memory: &[[Memory; IN_FLIGHT.len()]; WAYS.len()]) {
    let at = IN_FLIGHT.into_iter().position(|count| count == MANY).expect("one of them");
    let ways: Vec<_> = memory.iter().map(|way| &way[at].sizes).collect();
    let sizes: BTreeSet<usize> = ways.iter().flat_map(|sizes| sizes.keys().copied()).collect();
    let rows: Vec<_> = sizes
        .into_iter()
        .rev()
        .map(|size| {
            let counts = ways.iter().map(|sizes| format!("{:.1}", sizes.get(&size).copied().unwrap_or_default()));
            [size.to_string()].into_iter().chain(counts).collect()
        })
        .collect();
    println!("What {MANY} requests in flight are made of: allocations of a size, for each of them.");
    println!("{}", table(&["bytes", WAYS[0], WAYS[1], WAYS[2]], &rows));
}

/// Until it is let go on, a request waits.
async fn wait(Extension(go_on): Extension<Arc<AtomicBool>>) -> &'static str {
    poll_fn(|_| if go_on.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }).await;
    "done\n"
}

/// Counts records, and wants to know what is still running.
struct Reporting(Counted);

impl Exporter for Reporting {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.0.export(batch)
    }

    fn wants_partial(&self) -> bool {
        true
    }
}

fn stack(way: &str) -> (RouterIntoService<Body>, Option<Telemetry>) {
    let app = Router::new().route("/wait", get(wait));
    let builder = campanile::builder().keep(Keep::all());
    let telemetry = match way {
        "bare" => return (app.with_state(()).into_service(), None),
        "campanile" => builder.exporter(Counted::default()),
        _ => builder.exporter(Reporting(Counted::default())),
    };
    let telemetry = telemetry.build().expect("a telemetry");
    (app.layer(telemetry.layer()).with_state(()).into_service(), Some(telemetry))
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// A request in flight.
struct Waiting {
    go_on: Arc<AtomicBool>,
    answer: Answer,
}

impl Waiting {
    fn begin(service: &mut RouterIntoService<Body>) -> Self {
        let go_on = Arc::new(AtomicBool::new(false));
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static("/wait");
        *request.headers_mut() = campanile_benches::headers();
        request.extensions_mut().insert(Arc::clone(&go_on));
        let mut answer: Answer = Box::pin(service.call(request));
        assert!(look(answer.as_mut()).is_none(), "it waits");
        Self { go_on, answer }
    }

    fn end(mut self) {
        self.go_on.store(true, Ordering::Relaxed);
        let Some(Ok(response)) = look(self.answer.as_mut()) else { panic!("it has ended") };
        let body = look(pin!(response.into_body().collect())).expect("all of it").expect("a body");
        assert!(!body.to_bytes().is_empty(), "the body");
    }
}

/// Polls once.
fn look<F: Future + ?Sized>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A service, and what records its requests.
struct Driver {
    service: RouterIntoService<Body>,
    telemetry: Option<Telemetry>,
}

impl Driver {
    fn new(way: &str) -> Self {
        let (service, telemetry) = stack(way);
        if let Some(telemetry) = &telemetry {
            telemetry.install();
        }
        Self { service, telemetry }
    }

    /// Nanoseconds of one request while so many are in flight.
    fn cost(&self, count: usize) -> Vec<f64> {
        let requests = turns::numbers().get(1).copied().unwrap_or(REQUESTS);
        let mut service = self.service.clone();
        let mut all: VecDeque<Waiting> = (0..count).map(|_| Waiting::begin(&mut service)).collect();
        let (before, mut on_thread, mut left) = (process_ns(), 0, requests);
        while left > 0 {
            let began = thread_ns();
            for _ in 0..left.min(BURST) {
                all.pop_front().expect("one that waits").end();
                all.push_back(Waiting::begin(&mut service));
            }
            on_thread += thread_ns() - began;
            left -= left.min(BURST);
            self.flush();
        }
        let took = process_ns() - before;
        for (index, waiting) in all.into_iter().enumerate() {
            waiting.end();
            if index % BURST == 0 {
                self.flush();
            }
        }
        [on_thread, took].map(|ns| ns as f64 / requests as f64).to_vec()
    }

    /// Bytes of one request in flight, then sizes and how many allocations of each it has.
    fn memory(&self, count: usize) -> Vec<f64> {
        let mut service = self.service.clone();
        let mut all = Vec::with_capacity(count + 1);
        // The first one makes what is made once.
        all.push(Waiting::begin(&mut service));
        let sizes = live_sizes();
        let bytes = live_bytes();
        all.extend((0..count).map(|_| Waiting::begin(&mut service)));
        let bytes = live_bytes() - bytes;
        let each = |more: i64| more as f64 / count as f64;
        let grown = live_sizes().into_iter().zip(sizes).map(|(after, before)| each(after - before)).enumerate();
        let often = grown.filter(|(_, count)| *count > 0.05).flat_map(|(size, count)| [size as f64, count]);
        [each(bytes)].into_iter().chain(often).collect()
    }

    fn flush(&self) {
        if let Some(telemetry) = &self.telemetry {
            assert!(telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
        }
    }
}

/// Sizes that are counted one by one.
const SIZES: usize = 16 * 1024;
static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);
static LIVE_SIZES: [AtomicI64; SIZES] = [const { AtomicI64::new(0) }; SIZES];

fn live_bytes() -> i64 {
    LIVE_BYTES.load(Ordering::Relaxed)
}

fn live_sizes() -> Vec<i64> {
    LIVE_SIZES.iter().map(|count| count.load(Ordering::Relaxed)).collect()
}

/// The system's allocator, with a count of what it has given out.
struct Counting;

impl Counting {
    fn count(size: usize, by: i64) {
        LIVE_BYTES.fetch_add(by * size as i64, Ordering::Relaxed);
        if let Some(count) = LIVE_SIZES.get(size) {
            count.fetch_add(by, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size(), 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(layout.size(), -1);
        Self::count(size, 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(layout.size(), -1);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
