//! Receivers that others wrote, each a process on free ports that ends with its test.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, iter, process, thread};

use serde_json::Value;
use tempfile::TempDir;

use crate::decoded::Arrived;
use crate::measured::{self, Point};

/// How long a receiver may take to listen, and to show what it got.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    TestAgent,
    Sink,
    Rotel,
}

/// A running receiver.
pub(crate) struct Receiver {
    kind: Kind,
    child: Child,
    pub(crate) http_port: u16,
    pub(crate) grpc_port: u16,
    directory: TempDir,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Receiver {
    /// Datadog's test agent, which keeps OTLP and shows it as JSON.
    pub(crate) fn test_agent(test: &str) -> Option<Self> {
        let program = installed(test, "bin/ddapm-test-agent")?;
        let [http, grpc, datadog] = free_ports();
        let mut command = Command::new(program);
        command.args(["--log-level", "WARNING", "--port", &datadog.to_string()]);
        command.args(["--otlp-http-port", &http.to_string(), "--otlp-grpc-port", &grpc.to_string()]);
        Some(Self::start(Kind::TestAgent, command, Some((http, grpc))))
    }

    /// A sink of our own on Python's protobuf and gRPC.
    pub(crate) fn sink(test: &str) -> Option<Self> {
        let mut command = Command::new(installed(test, "bin/python")?);
        command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers/sink.py"));
        Some(Self::start(Kind::Sink, command, None))
    }

    /// Rotel, a collector, which prints what passes through it.
    pub(crate) fn rotel(test: &str) -> Option<Self> {
        let program = installed(test, "lib/*/site-packages/rotel/rotel-agent")?;
        let [http, grpc] = free_ports();
        let mut command = Command::new(program);
        command.args([
            "start",
            "--exporter",
            "blackhole",
            "--debug-log",
            "traces",
            "--debug-log",
            "logs",
            "--debug-log",
            "metrics",
        ]);
        command.args(["--debug-log-verbosity", "detailed", "--pid-file", "rotel.pid"]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        Some(Self::start(Kind::Rotel, command, Some((http, grpc))))
    }

    /// Starts it, and waits until it listens. One that says itself on which ports is given none.
    fn start(kind: Kind, mut command: Command, ports: Option<(u16, u16)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| File::create(directory.path().join(name)).unwrap();
        let stdout = if ports.is_some() { Stdio::from(file("stdout")) } else { Stdio::piped() };
        for (name, _) in env::vars().filter(|(name, _)| ["OTEL_", "DD_", "ROTEL_"].iter().any(|own| name.starts_with(own))) {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(stdout).stderr(file("stderr")).current_dir(directory.path());
        let child = command.spawn().unwrap();
        let (http_port, grpc_port) = ports.unwrap_or_default();
        // From here on, whatever fails ends the process.
        let mut receiver = Self { kind, child, http_port, grpc_port, directory };
        if let Some(stdout) = receiver.child.stdout.take() {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).unwrap();
            let ports: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{}", receiver.said()));
            let port = |name: &str| u16::try_from(ports[name].as_u64().unwrap()).unwrap();
            (receiver.http_port, receiver.grpc_port) = (port("http"), port("grpc"));
        }
        let start = Instant::now();
        for port in [receiver.http_port, receiver.grpc_port] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                let ended = receiver.child.try_wait().unwrap();
                assert!(ended.is_none(), "{kind:?} ended: {ended:?}\n{}", receiver.said());
                assert!(start.elapsed() < PATIENCE, "{kind:?} does not listen\n{}", receiver.said());
                thread::sleep(LOOK);
            }
        }
        receiver
    }

    fn file(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.path().join(name)).unwrap_or_default()).into_owned()
    }

    fn said(&self) -> String {
        self.file("stderr")
    }

    /// Whether it shows every field, and not only an outline.
    pub(crate) fn tells_all(&self) -> bool {
        self.kind != Kind::Rotel
    }

    /// What it decoded, as soon as that is so much or no more comes.
    pub(crate) fn arrived(&mut self, spans: usize, logs: usize) -> Arrived {
        let (start, mut before) = (Instant::now(), 0);
        loop {
            let printed = self.file("stdout");
            let arrived = match self.kind {
                Kind::TestAgent => {
                    Arrived::of_test_agent(&self.get_json("/test/session/traces"), &self.get_json("/test/session/logs"))
                }
                Kind::Sink => Arrived::of_sink(&self.get_json("/dump")),
                Kind::Rotel => Arrived::of_rotel(&printed),
            };
            // An answer means that it was taken; only what Rotel prints comes a little later, and not at once.
            let is_complete = arrived.spans.len() >= spans && arrived.logs.len() >= logs && printed.len() == before;
            if is_complete || self.kind != Kind::Rotel || start.elapsed() > PATIENCE {
                return arrived;
            }
            before = printed.len();
            thread::sleep(LOOK);
        }
    }

    /// The points of metrics that it decoded, as soon as they count so many requests or no more come.
    pub(crate) fn measured(&mut self, requests: usize) -> Vec<Point> {
        let start = Instant::now();
        loop {
            let points = match self.kind {
                Kind::TestAgent => measured::of_test_agent(&self.get_json("/test/session/metrics")),
                Kind::Sink => measured::of_sink(&self.get_json("/dump")),
                Kind::Rotel => measured::of_rotel(&self.file("stdout")),
            };
            let is_over = self.kind != Kind::Rotel || start.elapsed() > PATIENCE;
            if is_over || measured::is_complete(&points, requests) {
                return points;
            }
            thread::sleep(LOOK);
        }
    }

    /// Tells the sink what to do wrong.
    pub(crate) fn rules(&self, rules: &str) {
        let head = format!("POST /rules HTTP/1.0\r\ncontent-length: {}\r\n\r\n{rules}", rules.len());
        self.call(&head);
    }

    /// What the sink notes of the requests that it did this with.
    pub(crate) fn requests(&self, done: &str) -> Vec<Value> {
        let mut dump = self.get_json("/dump");
        let requests = dump["requests"].take();
        requests.as_array().unwrap().iter().filter(|request| request["do"] == done).cloned().collect()
    }

    /// The ids of all spans at the sink, each as often as it came.
    pub(crate) fn span_ids(&self) -> Vec<String> {
        let dump = self.get_json("/dump");
        dump["spans"].as_array().unwrap().iter().map(|span| span["span_id"].as_str().unwrap().to_owned()).collect()
    }

    fn get_json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.call(&format!("GET {path} HTTP/1.0\r\n\r\n"))).unwrap()
    }

    fn call(&self, request: &str) -> Vec<u8> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.http_port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let body = answer.split_off(end + 4);
        let head = String::from_utf8_lossy(&answer).into_owned();
        assert!(head.lines().next().is_some_and(|line| line.contains(" 200 ")), "{head}");
        body
    }
}

/// Ports that nothing listens on at the moment, below those that a system gives to outgoing connections: one of these
/// could take such a port before the receiver does.
fn free_ports<const N: usize>() -> [u16; N] {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let next = || 10_000 + (process::id() * 64 + TAKEN.fetch_add(1, Ordering::Relaxed)) % 20_000;
    [(); N].map(|()| {
        let mut ports = iter::repeat_with(|| u16::try_from(next()).unwrap());
        ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
    })
}

/// A program of the environment that `scripts/receivers` makes, whose path may hold one `*` for a folder. When it is not
/// there the test fails, or, where that is allowed, is named as left out.
fn installed(test: &str, program: &str) -> Option<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = env::var_os("TEST_RECEIVERS").map_or_else(|| manifest.join("target/receivers"), PathBuf::from);
    let found = match program.split_once("/*/") {
        None => vec![place.join(program)],
        Some((before, after)) => {
            let folders = fs::read_dir(place.join(before)).into_iter().flatten().flatten();
            folders.map(|folder| folder.path().join(after)).collect()
        }
    };
    // The stamp comes last: half an installation is none.
    let is_installed = env::var_os("TEST_RECEIVERS").is_some() || place.join("installed").exists();
    if let Some(program) = found.into_iter().find(|program| is_installed && program.exists()) {
        return Some(program);
    }
    let is_optional = env::var_os("TEST_RECEIVERS_OPTIONAL").is_some_and(|value| value == "1");
    assert!(is_optional, "the receiver of this test is not installed: run scripts/receivers");
    let line = format!("left out: {test} (receiver not installed)\n");
    eprint!("{line}");
    if let Some(path) = env::var_os("TEST_LEFT_OUT") {
        // One write for a line: tests in parallel append to the same file.
        File::options().append(true).create(true).open(path).unwrap().write_all(line.as_bytes()).unwrap();
    }
    None
}
