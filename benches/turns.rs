//! Ways to run something, each in a process of its own, that take turns: what is global belongs to one, a slow moment of
//! the machine hits all of them, and processor time is nobody else's.
//!
//! The program starts itself once for each way. A way answers questions with numbers: one line in, one line out.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::machine::median;

/// What is asked of one way.
pub struct Way {
    pub name: String,
    pub questions: Vec<String>,
}

impl Way {
    /// A way, and what is asked of it in each round.
    pub fn new(name: impl Into<String>, questions: impl IntoIterator<Item = impl ToString>) -> Self {
        Self { name: name.into(), questions: questions.into_iter().map(|question| question.to_string()).collect() }
    }
}

/// The numbers on the command line, which every way's process has too; cargo passes `--bench` as well.
pub fn numbers() -> Vec<usize> {
    std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect()
}

/// Answers questions as the way that this process was started for; false in the process that asks.
pub fn serve<A: FnMut(&str) -> Vec<f64>>(start: impl FnOnce(&str) -> A) -> bool {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(at) = words.iter().position(|word| word == "way") else { return false };
    let mut answer = start(&words[at + 1]);
    for line in std::io::stdin().lines() {
        let numbers = answer(&line.expect("a line"));
        println!("{}", numbers.iter().fold(String::new(), |line, number| line + &format!("{number} ")));
    }
    true
}

/// Asks every question of every way, round after round; a first round, in which pools and caches fill, does not count.
pub fn take(ways: &[Way], rounds: usize) -> Answers {
    let mut asked: Vec<_> = ways.iter().map(|way| (way, Process::start(&way.name))).collect();
    let mut all = Vec::new();
    for round in 0..=rounds {
        for (way, process) in &mut asked {
            for question in &way.questions {
                let numbers = process.ask(question);
                if round > 0 {
                    all.push((way.name.clone(), question.clone(), numbers));
                }
            }
        }
    }
    Answers { all }
}

/// Asks one question of a process that has answered none before.
pub fn once(way: &str, question: &str) -> Vec<f64> {
    Process::start(way).ask(question)
}

/// What was answered in each round.
pub struct Answers {
    all: Vec<(String, String, Vec<f64>)>,
}

impl Answers {
    /// The median of one of the numbers that a way gave.
    pub fn median(&self, way: &str, question: &str, column: usize) -> f64 {
        median(self.of(way, question, column))
    }

    /// The median of what it is more than the number of a baseline in the same round.
    pub fn above(&self, way: &str, question: &str, base: (&str, &str), column: usize) -> f64 {
        let base = self.of(base.0, base.1, column);
        median(self.of(way, question, column).iter().zip(base).map(|(own, base)| own - base))
    }

    /// The median of what it is of the number of a baseline in the same round.
    pub fn ratio(&self, way: &str, question: &str, base: (&str, &str), column: usize) -> f64 {
        let base = self.of(base.0, base.1, column);
        median(self.of(way, question, column).iter().zip(base).map(|(own, base)| own / base))
    }

    fn of(&self, way: &str, question: &str, column: usize) -> Vec<f64> {
        let is_it = |(name, asked, _): &&(String, String, Vec<f64>)| name == way && asked == question;
        let numbers: Vec<_> = self.all.iter().filter(is_it).map(|(_, _, numbers)| numbers[column]).collect();
        assert!(!numbers.is_empty(), "nobody asked {way} for {question}");
        numbers
    }
}

/// A table in Markdown; names stand in the first column.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = format!("\n| {} |\n|---|{}\n", head.join(" | "), "---:|".repeat(head.len() - 1));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    out
}

/// A way's process.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(way: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["way", way]).args(std::env::args().skip(1)).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Nothing of the surroundings goes into the comparison.
        let telling = |name: &str| ["CAMPANILE", "OTEL_", "RUST_LOG"].iter().any(|start| name.starts_with(start));
        for (name, _) in std::env::vars().filter(|(name, _)| telling(name)) {
            command.env_remove(name);
        }
        let mut child = command.spawn().expect("a process");
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("its output")));
        Self { child, input, output }
    }

    fn ask(&mut self, question: &str) -> Vec<f64> {
        writeln!(self.input.as_mut().expect("its input"), "{question}").expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "it answers");
        line.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}
