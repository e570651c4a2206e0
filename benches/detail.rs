//! What does one more attribute, event or span of a request cost? The baseline is the same request without any.
//!
//! One service is driven in process, one request after another, on one thread. Events are asked about three times: kept with
//! the record, thrown away at its end as nobody wants them, and not captured at all. tower-http with `tracing-subscriber`'s
//! JSON lines, written to nowhere, has the same events and spans. Of attributes a record keeps 128; more are counted.
//! Records go to an exporter that counts them; a run that loses one fails.
//! `cargo bench -p campanile-benches --bench detail` measures and draws; `-- 9 400` says rounds and requests of one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use campanile::{Keep, Telemetry};
use campanile_benches::gauge::Counted;
use campanile_benches::machine::{process_ns, thread_ns};
use campanile_benches::plot::{self, Scale, Series};
use campanile_benches::turns::{self, Answers, Way, table};
use http::{Request, Response};
use http_body_util::Empty;
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tower_http::trace::TraceLayer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Rounds, and requests of one round, unless the command line says otherwise.
const ROUNDS: usize = 9;
const REQUESTS: usize = 400;
/// How many of them a request has.
const COUNTS: [usize; 7] = [0, 10, 25, 50, 100, 150, 200];
/// Requests in a row: fewer than an exporter has room for.
const BURST: usize = 50;
/// What a request has, how it is named in the table, and by which stack.
const WAYS: [(&str, Detail, Stack); 7] = [
    ("attributes", Detail::Attributes, Stack::Kept),
    ("events", Detail::Events, Stack::Kept),
    ("events, thrown away", Detail::Events, Stack::ThrownAway),
    ("events, not captured", Detail::Events, Stack::NotCaptured),
    ("spans", Detail::Spans, Stack::Kept),
    ("events, tower-http", Detail::Events, Stack::TowerHttp),
    ("spans, tower-http", Detail::Spans, Stack::TowerHttp),
];
/// Its own ways come first.
const OURS: usize = 5;
/// Columns of an answer: nanoseconds of one request, on its own thread and on all.
const THREAD: usize = 0;
const ALL: usize = 1;

type Body = Empty<&'static [u8]>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Attributes,
    Events,
    Spans,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stack {
    Kept,
    ThrownAway,
    NotCaptured,
    TowerHttp,
}

fn main() {
    if turns::serve(|name| {
        let (_, detail, stack) = WAYS.into_iter().find(|(known, ..)| *known == name).expect("a way");
        let way = Driver::new(detail, stack);
        move |count| way.run(count.parse().expect("a number"))
    }) {
        return;
    }
    let rounds = turns::numbers().first().copied().unwrap_or(ROUNDS);
    let answers = turns::take(&WAYS.map(|(name, ..)| Way::new(name, COUNTS)), rounds);
    println!("\nProcessor time of one request above one without, ns; median of {rounds} rounds.");
    print(&answers, "its own thread", THREAD);
    print(&answers, "all threads", ALL);
    let lines = |column| WAYS.map(|(name, ..)| Series { name: name.to_owned(), points: points(&answers, name, column) });
    let axes = ["attributes, events or spans of one request", "ns of processor time above a request without"];
    let title = "Request thread: what detail costs";
    plot::lines("detail", title, axes[0], axes[1], &lines(THREAD)[..OURS], Scale::Linear);
    let title = "Request thread: what detail costs, beside tower-http with JSON lines";
    let without_first = |line: Series| Series { points: line.points[1..].to_vec(), ..line };
    plot::lines("detail-peers", title, axes[0], axes[1], &lines(THREAD).map(without_first), Scale::LogBoth);
}

fn points(answers: &Answers, way: &str, column: usize) -> Vec<(f64, f64)> {
    let above = |count: usize| answers.above(way, &count.to_string(), (way, "0"), column);
    COUNTS.into_iter().map(|count| (count as f64, above(count))).collect()
}

fn print(answers: &Answers, title: &str, column: usize) {
    let counts = COUNTS.map(|count| count.to_string());
    let mut head = vec![title, "with none"];
    head.extend(counts.iter().skip(1).map(String::as_str));
    // A line is straight where one of the second hundred costs what one of the first costs.
    head.extend(["one of the first 100", "one of the second 100"]);
    let rows = WAYS.map(|(name, ..)| {
        let above = |count: &str| answers.above(name, count, (name, "0"), column);
        let mut row = vec![name.to_owned(), format!("({:.0})", answers.median(name, "0", column))];
        row.extend(counts.iter().skip(1).map(|count| format!("{:.0}", above(count))));
        let second = answers.above(name, "200", (name, "100"), column);
        row.extend([above("100"), second].map(|of| format!("{:.0}", of / 100.0)));
        row
    });
    println!("{}", table(&head, &rows));
}

/// A service and what stands around it.
struct Driver {
    behind: Option<(Telemetry, Counted)>,
    detail: Detail,
    requests: usize,
    runtime: tokio::runtime::Runtime,
}

impl Driver {
    fn new(detail: Detail, stack: Stack) -> Self {
        let ours = |keep| {
            let counted = Counted::default();
            (campanile::builder().keep(keep).exporter(counted.clone()).init().expect("a telemetry"), counted)
        };
        let behind = match stack {
            Stack::Kept => Some(ours(Keep::all())),
            Stack::ThrownAway => Some(ours(Keep::failed())),
            Stack::NotCaptured => Some(ours(Keep::none())),
            Stack::TowerHttp => {
                let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::sink);
                let level = tracing_subscriber::filter::LevelFilter::DEBUG;
                tracing_subscriber::registry().with(level).with(lines).init();
                None
            }
        };
        let requests = turns::numbers().get(1).copied().unwrap_or(REQUESTS);
        // It takes long, and needs no more for a steady number.
        let requests = if behind.is_none() { requests.div_ceil(4) } else { requests };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { behind, detail, requests, runtime }
    }

    /// Nanoseconds of one request with so many of them.
    fn run(&self, count: usize) -> Vec<f64> {
        let names: Arc<[String]> = (0..count).map(|index| format!("order.line.{index}")).collect();
        let detail = self.detail;
        match &self.behind {
            Some((telemetry, _)) => {
                let inner = tower::service_fn(move |request: Request<_>| handle(request, detail, Arc::clone(&names)));
                self.drive(ServiceBuilder::new().layer(telemetry.layer()).service(inner))
            }
            None => {
                let inner = tower::service_fn(move |request: Request<_>| handle(request, detail, Arc::clone(&names)));
                self.drive(ServiceBuilder::new().layer(TraceLayer::new_for_http()).service(inner))
            }
        }
    }

    fn drive<S, B>(&self, service: S) -> Vec<f64>
    where
        S: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    {
        let flush = || {
            if let Some((telemetry, _)) = &self.behind {
                assert!(telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
            }
        };
        let already = self.behind.as_ref().map_or(0, |(_, counted)| counted.total());
        let before = process_ns();
        let (mut on_thread, mut left) = (0, self.requests);
        while left > 0 {
            let began = thread_ns();
            let burst = left.min(BURST);
            for _ in 0..burst {
                let request = Request::builder().uri("/orders/7").header("host", "shop").body(Body::new()).expect("a request");
                let _ = self.runtime.block_on(service.clone().oneshot(request));
            }
            on_thread += thread_ns() - began;
            left -= burst;
            // The worker has the same time in every way to run; waiting is not the request's.
            flush();
        }
        let all = process_ns() - before;
        if let Some((_, counted)) = &self.behind {
            assert_eq!(counted.total() - already, self.requests as u64, "a record is missing");
        }
        [on_thread, all].map(|ns| ns as f64 / self.requests as f64).to_vec()
    }
}

async fn handle<B>(_: Request<B>, detail: Detail, names: Arc<[String]>) -> Result<Response<Body>, Infallible> {
    for (index, name) in names.iter().enumerate() {
        match detail {
            Detail::Attributes => campanile::set(name, index as u64),
            Detail::Events => tracing::debug!(index, rows = 3, "asked the database"),
            Detail::Spans => drop(tracing::debug_span!("line", index, rows = 3).entered()),
        }
    }
    Ok(Response::new(Body::new()))
}
