//! A server in a process of its own, as its bench sees it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// It ends with this value.
pub struct Served {
    pub address: SocketAddr,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// How it stands.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub requests: u64,
    pub cpu_ns: u64,
    pub resident_kib: u64,
    pub most_kib: u64,
}

impl Served {
    /// Starts `program`, which is `serve`.
    pub fn start(program: &str, words: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Nothing of the surroundings goes into the comparison.
        let telling = |name: &str| ["CAMPANILE", "OTEL_", "RUST_LOG"].iter().any(|start| name.starts_with(start));
        for (name, _) in std::env::vars().filter(|(name, _)| telling(name)) {
            command.env_remove(name);
        }
        let mut child = command.spawn().expect("a process");
        let input = child.stdin.take().expect("its input");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it starts");
        Self { address: line.trim().parse().expect("an address"), child, input, output }
    }

    /// Its answer to a question.
    pub fn ask(&mut self, question: &str) -> String {
        writeln!(self.input, "{question}").expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        line.trim().to_owned()
    }

    /// Its numbers to a question.
    pub fn numbers(&mut self, question: &str) -> Vec<u64> {
        let answer = self.ask(question);
        answer.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    }

    /// How it stands.
    pub fn look(&mut self) -> Look {
        let [requests, cpu_ns, resident_kib, most_kib] = self.numbers("look")[..] else { panic!("four numbers") };
        Look { requests, cpu_ns, resident_kib, most_kib }
    }

    /// Its numbers with names to a question.
    pub fn ledger(&mut self, question: &str) -> BTreeMap<String, u64> {
        let answer = self.ask(question);
        let pairs = answer.split_whitespace().map(|word| word.split_once('=').expect("a name"));
        pairs.map(|(name, number)| (name.to_owned(), number.parse().expect("a number"))).collect()
    }

    /// Which process it is, for a profiler.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
