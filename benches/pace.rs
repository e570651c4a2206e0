//! Requests over loopback at a fixed rate, however long answers take.
//!
//! Each is timed from the moment at which it was due: one that had to wait, as the one before it was late, was late as well.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::HEADERS;
use crate::machine::wake_in_time;

/// Connections that take turns.
const CONNECTIONS: u64 = 16;
/// One in so many fails.
const FAILS: u64 = 50;
/// Until the first is due, so that all connections stand.
const START: Duration = Duration::from_millis(20);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long requests took from the moment at which they were due.
#[derive(Clone, Debug, Default)]
pub struct Paced {
    sorted_ns: Vec<u64>,
}

impl Paced {
    /// Asks so many times a second, for so long.
    pub fn of(server: SocketAddr, per_second: u64, seconds: u64) -> Self {
        let (all, begin) = (per_second * seconds, Instant::now() + START);
        let due = |number: u64| begin + Duration::from_nanos(number * 1_000_000_000 / per_second);
        let mut sorted_ns: Vec<u64> = std::thread::scope(|scope| {
            let asking = |first: u64| {
                move || {
                    wake_in_time();
                    let mut asker = Asker::new(server);
                    (first..all).step_by(CONNECTIONS as usize).map(|number| asker.ask(number, due(number))).collect::<Vec<_>>()
                }
            };
            let askers: Vec<_> = (0..CONNECTIONS).map(|first| scope.spawn(asking(first))).collect();
            askers.into_iter().flat_map(|asker| asker.join().expect("it asked")).collect()
        });
        sorted_ns.sort_unstable();
        Self { sorted_ns }
    }

    /// Several as one.
    pub fn all(some: impl IntoIterator<Item = Self>) -> Self {
        let mut sorted_ns: Vec<u64> = some.into_iter().flat_map(|one| one.sorted_ns).collect();
        sorted_ns.sort_unstable();
        Self { sorted_ns }
    }

    /// Requests that were answered: all that were sent.
    pub const fn count(&self) -> u64 {
        self.sorted_ns.len() as u64
    }

    /// The time that this share of them stayed within, in microseconds.
    pub fn us(&self, share: f64) -> f64 {
        let at = ((self.sorted_ns.len() as f64 * share) as usize).min(self.sorted_ns.len().saturating_sub(1));
        self.sorted_ns.get(at).map_or(f64::NAN, |ns| *ns as f64 / 1e3)
    }
}

/// One connection.
struct Asker {
    stream: TcpStream,
    headers: String,
    buffer: Vec<u8>,
}

impl Asker {
    fn new(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let mut headers = String::new();
        for (name, value) in HEADERS {
            let _ = write!(headers, "{name}: {value}\r\n");
        }
        Self { stream, headers, buffer: Vec::new() }
    }

    /// Asks at that moment, or when the answer before is there; nanoseconds from that moment to the end of the answer.
    fn ask(&mut self, number: u64, due: Instant) -> u64 {
        let (path, status) = if number % FAILS == FAILS - 1 {
            ("/fails".to_owned(), "500")
        } else {
            (format!("/users/{}", number % 10_000), "200")
        };
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.headers);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        self.stream.write_all(request.as_bytes()).expect("it is sent");
        self.buffer.clear();
        let end = loop {
            let head = self.buffer.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = head.and_then(|head| Some(head + 4 + length(&self.buffer[..head])?))
                && self.buffer.len() >= end
            {
                break end;
            }
            let mut more = [0; 4096];
            let count = self.stream.read(&mut more).expect("an answer");
            assert!(count > 0, "a whole answer");
            self.buffer.extend_from_slice(&more[..count]);
        };
        let took = due.elapsed();
        assert_eq!(end, self.buffer.len(), "one answer to one request");
        assert_eq!(self.buffer.get(9..12), Some(status.as_bytes()), "{path}");
        u64::try_from(took.as_nanos()).expect("not for ever")
    }
}

/// The length of the body that this head announces.
fn length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    let of = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    head.lines().find_map(of)
}
