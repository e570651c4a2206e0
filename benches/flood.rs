//! Many clients that ask the viewer at once, what is dearest for it, as fast as it answers; and some that follow.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Clients that ask again on the same connection once they are answered.
const ASKING: usize = 28;
/// Those that connect for each question: more than there is room for.
const CONNECTING: usize = 12;
/// Those that follow what comes in: as many as may.
const FOLLOWING: usize = 32;
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Questions, the dearest ones: words that are nowhere or in every record, and counts over all.
const QUESTIONS: [&str; 10] = [
    "api/events?q=quetzal&limit=1000",
    "api/events?q=nowheretobefound",
    "api/events?q=shoes&limit=1000",
    "api/events?q=path~%2F%5B0-9%5D%7B7%7Dx%2F",
    "api/facets?key=status&key=route&key=method&key=type&key=user&key=outcome&key=release&top=20",
    "api/facets?q=mozilla&key=path&key=agent&key=order.id&top=200",
    "api/course?buckets=500",
    "api/routes?q=",
    "api/errors?q=status%3A500",
    "api/complete?q=path%3A&at=5",
];

/// Its counts.
#[derive(Default)]
pub struct Flood {
    answered: AtomicU64,
    refused: AtomicU64,
    messages: AtomicU64,
    bytes: AtomicU64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flooded {
    pub answered: u64,
    /// Told that it is busy, or not even that.
    pub refused: u64,
    /// To those that follow.
    pub messages: u64,
    pub bytes: u64,
}

impl Flood {
    /// Asks the page at this address, which holds its token, until `is_over`; clients run only where nobody else wants to.
    pub fn run(url: &str, is_over: &AtomicBool) -> Flooded {
        let flood = Self::default();
        let viewer = Viewer::of(url);
        std::thread::scope(|scope| {
            for number in 0..ASKING + CONNECTING + FOLLOWING {
                let (flood, viewer) = (&flood, &viewer);
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        // A connection that ends is begun again.
                        let _ = match number {
                            ..ASKING => flood.ask(viewer, number, u64::MAX, is_over),
                            FOLLOW.. => flood.follow(viewer, is_over),
                            _ => flood.ask(viewer, number, 1, is_over),
                        };
                    }
                });
            }
        });
        let Self { answered, refused, messages, bytes } = flood;
        let [answered, refused, messages, bytes] = [answered, refused, messages, bytes].map(AtomicU64::into_inner);
        Flooded { answered, refused, messages, bytes }
    }

    /// So many questions over one connection.
    fn ask(&self, viewer: &Viewer, number: usize, times: u64, is_over: &AtomicBool) -> Option<()> {
        let Some(mut reader) = viewer.connect() else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let mut turn = number;
        for _ in 0..times {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let answer = viewer.send(&mut reader, QUESTIONS[turn % QUESTIONS.len()]).and_then(|()| read(&mut reader));
            turn += 7;
            let count = if answer.as_ref().is_some_and(|(status, _)| *status == 200) { &self.answered } else { &self.refused };
            count.fetch_add(1, Ordering::Relaxed);
            let (_, length) = answer?;
            self.bytes.fetch_add(length, Ordering::Relaxed);
        }
        Some(())
    }

    fn follow(&self, viewer: &Viewer, is_over: &AtomicBool) -> Option<()> {
        let mut reader = viewer.connect()?;
        viewer.send(&mut reader, "live")?;
        let mut line = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            line.clear();
            let count = reader.read_until(b'\n', &mut line).ok().filter(|count| *count > 0)?;
            self.bytes.fetch_add(count as u64, Ordering::Relaxed);
            self.messages.fetch_add(u64::from(line.starts_with(b"data:")), Ordering::Relaxed);
        }
        Some(())
    }
}

const FOLLOW: usize = ASKING + CONNECTING;

/// Where it is, and what lets one in.
struct Viewer {
    host: String,
    cookie: String,
}

impl Viewer {
    fn of(url: &str) -> Self {
        let (host, token) = url.strip_prefix("http://").and_then(|rest| rest.split_once("/?token=")).expect("an address");
        let mut stream = TcpStream::connect(host).expect("a connection");
        let request = format!("GET /?token={token} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        let cookie = lines.take_while(|line| !line.is_empty()).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let value = name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next())??;
            Some(value.trim().to_owned())
        });
        Self { host: host.to_owned(), cookie: cookie.expect("a cookie") }
    }

    fn connect(&self) -> Option<BufReader<TcpStream>> {
        let stream = TcpStream::connect(&self.host).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(BufReader::new(stream))
    }

    fn send(&self, reader: &mut BufReader<TcpStream>, path: &str) -> Option<()> {
        let Self { host, cookie } = self;
        let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\naccept-encoding: gzip\r\n\r\n");
        reader.get_mut().write_all(request.as_bytes()).ok()
    }
}

/// The status and the length of an answer, which is read to its end.
fn read(reader: &mut BufReader<TcpStream>) -> Option<(u16, u64)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let mut length = None;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        }
    }
    let length: u64 = length?;
    let read = std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    (read == length).then_some((status, length))
}
