//! Records, batches, a clock and servers for the tests.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tracing::Level;

use crate::exporter::{Batch, Exporter, Patience};
use crate::record::parts::{EventSlot, List, Origin, Parts, Text};
use crate::record::{Kind, Losses, Reason, Record, Resource, SpanId, TraceFlags, TraceId};
use crate::remote::Notices;
use crate::remote::clock::Clock;
use crate::remote::otlp::Otlp;

/// A sampled `GET /orders/7` that was answered with 200.
pub(super) fn request(change: impl FnOnce(&mut Parts)) -> Record {
    let mut parts = Parts {
        trace_id: TraceId([0x11; 16]),
        span_id: SpanId([0x22; 8]),
        trace_flags: TraceFlags::SAMPLED,
        start_unix_ns: 1_700_000_000_000_000_000,
        duration_ns: 5_000_000,
        method: Text::Static("GET"),
        path: Text::Static("/orders/7"),
        scheme: Text::Static("http"),
        status: Some(200),
        ..Parts::default()
    };
    change(&mut parts);
    Record::new(Box::new(parts))
}

pub(super) fn origin(name: &'static str) -> Origin {
    Origin {
        name: Text::Static(name),
        target: Text::Static("shop"),
        file: Text::Static("src/shop.rs"),
        line: 7,
        level: Level::INFO,
    }
}

/// An event outside any request.
pub(super) fn event(message: &str) -> Record {
    request(|parts| {
        *parts = Parts { kind: Kind::Event, start_unix_ns: parts.start_unix_ns, ..Parts::default() };
        let message = parts.push_text(message, 1000);
        let (span, fields) = (SpanId::INVALID, List::default());
        parts.events.push(EventSlot { time_ns: 0, span, origin: origin("event"), message, fields, shown: false });
    })
}

pub(super) fn resource() -> Resource {
    let mut resource = Resource::default();
    resource.set("service.name", "shop");
    resource
}

struct Shared(Record);

impl AsRef<Record> for Shared {
    fn as_ref(&self) -> &Record {
        &self.0
    }
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Exported {
    pub(super) error: Option<String>,
    pub(super) lost: Losses,
    pub(super) delivered: u64,
}

impl Exported {
    pub(super) fn lost(&self, reason: Reason) -> u64 {
        self.lost.of(reason)
    }
}

/// Hands a batch over and accounts for every record of it.
pub(super) fn export(exporter: &mut impl Exporter, records: Vec<Record>, patience: &Patience) -> Exported {
    let records: Vec<Arc<dyn AsRef<Record> + Send + Sync>> =
        records.into_iter().map(|record| Arc::new(Shared(record)) as _).collect();
    let (resource, before) = (resource(), Losses::default());
    let batch = Batch::new(&records, &resource, &before, patience);
    let result = exporter.export(&batch);
    let mut lost = batch.given_up();
    let rest = (records.len() as u64).checked_sub(lost.total()).expect("no more is lost than there was");
    match result {
        Ok(()) => Exported { error: None, lost, delivered: rest },
        Err(error) => {
            lost.add(error.reason(), rest);
            Exported { error: Some(error.to_string()), lost, delivered: 0 }
        }
    }
}

/// Time that passes only by waiting, and chance that always takes the longest wait.
#[derive(Clone, Debug)]
pub(super) struct ByHand {
    began: Instant,
    pub(super) waits: Arc<Mutex<Vec<Duration>>>,
}

impl ByHand {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), waits: Arc::default() }
    }

    pub(super) fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

impl Clock for ByHand {
    fn now(&self) -> Instant {
        self.began + self.waits().iter().sum::<Duration>()
    }

    fn wait(&self, patience: &Patience, duration: Duration) -> bool {
        if patience.deadline().is_some_and(|deadline| deadline < self.now() + duration) {
            return false;
        }
        self.waits.lock().unwrap().push(duration);
        true
    }

    fn jitter(&self, bound: Duration) -> Duration {
        bound
    }
}

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    }
}

/// A server that speaks as it is told, on a free port.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) received: Arc<Mutex<Vec<Received>>>,
    pub(super) connections: Arc<AtomicUsize>,
}

impl Server {
    /// Each connection, with its number from 0, is handled on a thread of its own.
    pub(super) fn raw(handle: impl Fn(TcpStream, usize, &Mutex<Vec<Received>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (received, connections) = (Arc::<Mutex<Vec<Received>>>::default(), Arc::<AtomicUsize>::default());
        let server = Self { address, received: Arc::clone(&received), connections: Arc::clone(&connections) };
        let handle = Arc::new(handle);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let (handle, received) = (Arc::clone(&handle), Arc::clone(&received));
                std::thread::spawn(move || handle(stream, number, &received));
            }
        });
        server
    }

    /// Answers the n-th request with the n-th text, and every further one with an empty 200.
    pub(super) fn http(answers: Vec<Vec<u8>>) -> Self {
        let asked = AtomicUsize::new(0);
        Self::raw(move |mut stream, _, received| {
            while let Some(request) = read_request(&mut stream) {
                received.lock().unwrap().push(request);
                let index = asked.fetch_add(1, Ordering::SeqCst);
                let answer = answers.get(index).cloned().unwrap_or_else(|| answer(200, &[], b""));
                if stream.write_all(&answer).is_err() {
                    return;
                }
            }
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// An answer of HTTP/1.1.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    answer.push_str("\r\n");
    let mut answer = answer.into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// Reads one request with a `content-length`.
pub(super) fn read_request(stream: &mut impl std::io::Read) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let mut request = Received { head, body: bytes[end + 4..].to_vec() };
            let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
            while request.body.len() < length {
                match stream.read(&mut chunk) {
                    Ok(count) if count > 0 => request.body.extend_from_slice(&chunk[..count]),
                    _ => return None,
                }
            }
            return Some(request);
        }
        match stream.read(&mut chunk) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&chunk[..count]),
            _ => return None,
        }
    }
}

/// Everything that a stream brings until it ends.
pub(super) fn drain(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

/// A port that nobody listens on.
pub(super) fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The traces exporter with time driven by hand, and what it says.
pub(super) fn traces(otlp: Otlp) -> (impl Exporter, ByHand, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&said);
    let clock = ByHand::new();
    let notices = Notices::to(move |sentence| hears.lock().unwrap().push(sentence.to_owned()));
    let exporter = otlp.notices(notices).build_traces().unwrap().with_clock(clock.clone());
    (exporter, clock, said)
}

/// A case of the catalogue.
pub(super) fn case(id: &str) -> serde_json::Value {
    let catalogue: serde_json::Value = serde_json::from_str(include_str!("../../../tests/data/bad-inputs.json")).unwrap();
    catalogue["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap()["input"].clone()
}
