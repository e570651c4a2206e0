//! What does a request cost while records pile up, and what becomes of them? The baseline is the same service without a
//! layer.
//!
//! The worker is held up, in a function of the application that names groups of errors, until its queue is as full as asked
//! for; then requests are measured and the worker is let go on. In the same way an exporter is held up until its own queue
//! is full, and the memory of all records is used up by large ones. Whatever is refused is counted: a run in which what was
//! taken is not what was delivered and counted fails.
//! `cargo bench -p campanile-benches --bench pressure` measures and draws; `-- 15 150` says rounds and requests of one.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::{Keep, Stats, Telemetry};
use campanile_benches::gauge::Counted;
use campanile_benches::machine::thread_ns;
use campanile_benches::plot::{self, Scale, Series};
use campanile_benches::turns::{self, Answers, Way, table};
use http::{Request, Response};
use http_body_util::Empty;
use tokio::runtime::Runtime;
use tower::{Service, ServiceBuilder, ServiceExt as _};

/// Rounds, and requests of one round, unless the command line says otherwise.
const ROUNDS: usize = 15;
const REQUESTS: usize = 150;
/// Records that wait for the worker, at most.
const QUEUE: u64 = 8192;
/// How full its queue is, in percent.
const FILLED: [u64; 7] = [0, 25, 49, 51, 75, 97, 100];
const BARE: &str = "bare";
/// Ways to be under pressure, with what is asked of each.
const WORKER: &str = "the worker is held up";
const EXPORTER: &str = "an exporter is held up, its queue is full";
const MEMORY: &str = "the memory for records is used up";
/// Columns of an answer: nanoseconds of one request on its own thread, and how many were refused of all.
const THREAD: usize = 0;
const REFUSED: usize = 1;

type Body = Empty<&'static [u8]>;

fn main() {
    if turns::serve(|way| {
        let stack = Stack::new(way);
        move |question| stack.run(question)
    }) {
        return;
    }
    let rounds = turns::numbers().first().copied().unwrap_or(ROUNDS);
    let ways = [Way::new(BARE, [""]), Way::new(WORKER, FILLED), Way::new(EXPORTER, ["full"]), Way::new(MEMORY, ["full"])];
    let answers = turns::take(&ways, rounds);
    println!("\nProcessor time of one request on its own thread, ns; median of {rounds} rounds. All are delivered or counted.");
    let mut rows =
        vec![vec!["the service alone".to_owned(), format!("({:.0})", answers.median(BARE, "", THREAD)), String::new()]];
    rows.extend(FILLED.map(|filled| {
        let question = filled.to_string();
        row(&answers, format!("the worker's queue is {filled} % full"), WORKER, &question)
    }));
    rows.extend([EXPORTER, MEMORY].map(|way| row(&answers, way.to_owned(), way, "full")));
    println!("{}", table(&["", "above the service alone", "refused and counted, of 100"], &rows));
    let points = FILLED.map(|filled| (filled as f64, above(&answers, WORKER, &filled.to_string()))).to_vec();
    let series = [Series { name: "request thread".to_owned(), points }];
    let title = "A request while the worker stands still, above the bare service";
    plot::lines("pressure", title, "percent of the queue in use", "ns of processor time", &series, Scale::Linear);
}

fn above(answers: &Answers, way: &str, question: &str) -> f64 {
    answers.above(way, question, (BARE, ""), THREAD)
}

fn row(answers: &Answers, name: String, way: &str, question: &str) -> Vec<String> {
    let (ns, refused) = (above(answers, way, question), answers.median(way, question, REFUSED));
    vec![name, format!("{ns:.0}"), format!("{:.0}", 100.0 * refused)]
}

/// Where someone is held up.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<At>, Condvar)>);

#[derive(Default)]
struct At {
    is_shut: bool,
    is_waiting: bool,
}

impl Gate {
    fn shut(&self) {
        self.0.0.lock().expect("a gate").is_shut = true;
    }

    fn open(&self) {
        self.0.0.lock().expect("a gate").is_shut = false;
        self.0.1.notify_all();
    }

    /// Goes through once it is open.
    fn pass(&self) {
        let mut at = self.0.0.lock().expect("a gate");
        while at.is_shut {
            at.is_waiting = true;
            self.0.1.notify_all();
            at = self.0.1.wait(at).expect("a gate");
        }
        at.is_waiting = false;
    }

    /// Returns once somebody stands before it.
    fn await_someone(&self) {
        let at = self.0.0.lock().expect("a gate");
        drop(self.0.1.wait_while(at, |at| !at.is_waiting).expect("a gate"));
    }
}

/// Counts records, and stops at a gate.
struct Gated {
    counted: Counted,
    gate: Gate,
}

impl Exporter for Gated {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        self.gate.pass();
        self.counted.export(batch)
    }
}

/// A service, and what records its requests.
struct Stack {
    way: String,
    behind: Option<Telemetry>,
    worker: Gate,
    exporter: Gate,
    runtime: Runtime,
}

impl Stack {
    fn new(way: &str) -> Self {
        let (worker, exporter) = (Gate::default(), Gate::default());
        let behind = (way != BARE).then(|| {
            let (naming, gated) = (worker.clone(), Gated { counted: Counted::default(), gate: exporter.clone() });
            let naming = move |_: &campanile::record::Record| {
                naming.pass();
                None
            };
            campanile::builder().keep(Keep::all()).group_by(naming).exporter(gated).build().expect("a telemetry")
        });
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { way: way.to_owned(), behind, worker, exporter, runtime }
    }

    fn run(&self, question: &str) -> Vec<f64> {
        let requests = turns::numbers().get(1).copied().unwrap_or(REQUESTS);
        match &self.behind {
            None => vec![self.send(&tower::service_fn(handle), "/orders/7", requests), 0.0],
            Some(telemetry) => {
                let service = ServiceBuilder::new().layer(telemetry.layer()).service(tower::service_fn(handle));
                self.hold_up(telemetry, &service, question);
                let before = lost(&telemetry.stats());
                let ns = self.send(&service, "/orders/7", requests);
                if self.way == EXPORTER {
                    // The worker goes on, and hands them on to where there is no room.
                    wait_until(|| telemetry.stats().queued == 0);
                }
                let refused = lost(&telemetry.stats()) - before;
                self.let_go(telemetry);
                vec![ns, refused as f64 / requests as f64]
            }
        }
    }

    /// Brings it to where it is under pressure.
    fn hold_up<S>(&self, telemetry: &Telemetry, service: &S, question: &str)
    where
        S: Service<Request<Body>, Error = io::Error> + Clone,
    {
        if self.way == EXPORTER {
            self.exporter.shut();
            self.send(service, "/orders/7", 1);
            self.exporter.await_someone();
            let already = lost(&telemetry.stats());
            while lost(&telemetry.stats()) == already {
                self.send(service, "/orders/7", 100);
                wait_until(|| telemetry.stats().queued == 0);
            }
            return;
        }
        self.worker.shut();
        self.send(service, "/fails", 1);
        self.worker.await_someone();
        let already = telemetry.stats().dropped.total();
        let is_full = || match (self.way.as_str(), question) {
            (MEMORY, _) | (_, "100") => telemetry.stats().dropped.total() > already,
            (_, filled) => telemetry.stats().queued * 100 >= filled.parse::<u64>().expect("a number") * QUEUE,
        };
        let path = if self.way == MEMORY { "/large" } else { "/orders/7" };
        while !is_full() {
            self.send(service, path, 10);
        }
        if self.way == MEMORY {
            // Until there is no room for a small one either.
            let already = telemetry.stats().dropped.total();
            while telemetry.stats().dropped.total() == already {
                self.send(service, "/orders/7", 1);
            }
        }
    }

    /// Lets everything go on, and checks that nothing was lost uncounted.
    fn let_go(&self, telemetry: &Telemetry) {
        self.worker.open();
        self.exporter.open();
        assert!(telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
        let stats = telemetry.stats();
        assert_eq!(stats.offered, stats.forwarded + stats.dropped.total() + stats.queued, "{stats:?}");
        for exporter in &stats.exporters {
            assert_eq!(exporter.offered, exporter.delivered + exporter.dropped.total() + exporter.queued, "{stats:?}");
            assert_eq!(exporter.offered, stats.forwarded, "{stats:?}");
        }
    }

    /// Nanoseconds of one of so many requests.
    fn send<S>(&self, service: &S, path: &'static str, count: usize) -> f64
    where
        S: Service<Request<Body>, Error = io::Error> + Clone,
    {
        let began = thread_ns();
        for _ in 0..count {
            let request = Request::builder().uri(path).header("host", "shop").body(Body::new()).expect("a request");
            let _ = self.runtime.block_on(service.clone().oneshot(request));
        }
        (thread_ns() - began) as f64 / count as f64
    }
}

/// What was refused, before the exporters or by them.
fn lost(stats: &Stats) -> u64 {
    stats.exporters.iter().fold(stats.dropped.total(), |sum, exporter| sum + exporter.dropped.total())
}

fn wait_until(reached: impl Fn() -> bool) {
    while !reached() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

async fn handle<B>(request: Request<B>) -> Result<Response<Body>, io::Error> {
    match request.uri().path() {
        "/fails" => return Err(io::Error::other("it fails")),
        "/large" => (0..4).for_each(|index| campanile::set(["a", "b", "c", "d"][index], &*"x".repeat(4000))),
        _ => {}
    }
    Ok(Response::new(Body::new()))
}
