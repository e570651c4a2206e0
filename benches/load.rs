//! Requests over loopback, as many as the server answers, from the program `wrk`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{HEADERS, Route};

/// Connections that ask, each again once it is answered.
const CONNECTIONS: u32 = 32;

/// The program and what it is to send.
pub struct Load {
    script: PathBuf,
}

/// What it saw.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub requests: f64,
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    /// Connections that failed, and answers other than 200.
    pub errors: f64,
}

impl Load {
    /// Writes down what is to be sent, and installs the program where it is missing.
    pub fn new() -> Self {
        let found = |program: &str| {
            let run = Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
            run.is_ok()
        };
        if !found("wrk") {
            let _ = Command::new("apt-get").args(["install", "-y", "-qq", "wrk"]).stdout(Stdio::null()).status();
            assert!(found("wrk"), "wrk is missing: apt-get install wrk");
        }
        let script = std::env::temp_dir().join(format!("campanile-wrk-{}.lua", std::process::id()));
        std::fs::write(&script, lua()).expect("a script");
        Self { script }
    }

    /// Asks for `seconds`.
    pub fn run(&self, server: SocketAddr, route: Route, seconds: u64) -> Seen {
        let mut command = Command::new("wrk");
        command.args(["-t", "1", "-c", &CONNECTIONS.to_string(), "-d", &format!("{seconds}s"), "--timeout", "10s", "-s"]);
        command.arg(&self.script).arg(format!("http://{server}{}", route.path()));
        let output = command.output().expect("wrk runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.strip_prefix("seen ")).unwrap_or_else(|| panic!("wrk said: {text}"));
        let numbers: Vec<f64> = line.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [requests, micros, p50_us, p99_us, errors] = numbers[..] else { panic!("five numbers") };
        Seen { requests, per_second: requests * 1e6 / micros, p50_us, p99_us, errors }
    }
}

impl Default for Load {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.script);
    }
}

/// The headers, and one line of numbers at the end.
fn lua() -> String {
    let mut lua = String::new();
    for (name, value) in HEADERS {
        let _ = writeln!(lua, "wrk.headers[{name:?}] = {value:?}");
    }
    lua.push_str(
        "function done(summary, latency)\n  \
           local e = summary.errors\n  \
           io.write(string.format('seen %d %d %.0f %.0f %d\\n', summary.requests, summary.duration,\n    \
             latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.timeout + e.status))\n\
         end\n",
    );
    lua
}
