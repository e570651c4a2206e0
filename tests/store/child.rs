//! This program again, as an application of its own that can be killed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use campanile::store::{Reader, Settings};

use crate::app::{App, read, told_losses};

/// What a child is told to do.
const WORK: &str = "STORE_TEST_CHILD";

/// How it goes about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// The number of the first request.
    pub(crate) first: u64,
    /// How many to send.
    pub(crate) count: u64,
    /// How many to send before they are flushed and acknowledged.
    pub(crate) batch: u64,
    /// Bytes of each.
    pub(crate) bytes: usize,
    pub(crate) max_bytes: u64,
}

impl Default for Work {
    fn default() -> Self {
        Self { first: 1, count: u64::MAX / 2, batch: 7, bytes: 10, max_bytes: Settings::DEFAULT_MAX_BYTES }
    }
}

/// Is this program again; on its own it does nothing.
#[test]
fn an_application_of_its_own() {
    let Ok(work) = std::env::var(WORK) else { return };
    let mut words = work.splitn(6, ' ');
    let mut next = || words.next().unwrap();
    let (first, count, batch) = (next().parse().unwrap(), next().parse().unwrap(), next().parse().unwrap());
    let (bytes, max_bytes) = (next().parse().unwrap(), next().parse().unwrap());
    run(Path::new(next()), Work { first, count, batch, bytes, max_bytes });
}

fn run(directory: &Path, work: Work) {
    let mut settings = Settings::new(directory);
    settings.max_bytes = work.max_bytes;
    let app = App::with(settings);
    let mut sent = 0;
    while sent < work.count {
        for number in sent..(sent + work.batch).min(work.count) {
            app.send(work.first + number, work.bytes);
        }
        sent = (sent + work.batch).min(work.count);
        app.flush();
        say(&format!("ack {}", work.first + sent - 1));
    }
    let stats = app.stats();
    let store = &stats.exporters[0];
    let lost = stats.dropped.total() + store.dropped.total();
    app.close();
    let (read, told) = match Reader::open(directory) {
        Ok(mut reader) => (read(&mut reader).len() as u64, told_losses(directory)),
        Err(error) => {
            assert!(error.is_not_found(), "{error}");
            (0, 0)
        }
    };
    say(&format!("end {} {} {lost} {read} {told}", stats.offered, store.delivered));
}

/// A line at once, whole: what was said was said before the kill.
fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// An application that runs.
pub(crate) struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// The last number that it acknowledged.
    pub(crate) acknowledged: Option<u64>,
    end: Option<End>,
}

/// What became of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) offered: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// How many are read from the store.
    pub(crate) read: u64,
    /// How many the store itself tells to be lost.
    pub(crate) told: u64,
}

/// Starts it.
pub(crate) fn start(directory: &Path, work: Work) -> Running {
    start_in(this_program(), directory, work)
}

pub(crate) fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// Starts it with a command that takes its command line.
pub(crate) fn start_in(mut command: Command, directory: &Path, work: Work) -> Running {
    let Work { first, count, batch, bytes, max_bytes } = work;
    let told = format!("{first} {count} {batch} {bytes} {max_bytes} {}", directory.display());
    command.args(["--exact", "child::an_application_of_its_own", "--nocapture", "--test-threads=1"]);
    let mut child = command.env(WORK, told).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    Running { child, lines, acknowledged: None, end: None }
}

impl Running {
    /// Waits for the next acknowledgement; false at the end.
    pub(crate) fn wait(&mut self) -> bool {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            // A line that was cut by the end of the process was not said.
            if let Some(said) = line.strip_suffix('\n') {
                if let Some(number) = said.strip_prefix("ack ") {
                    self.acknowledged = Some(number.parse().unwrap());
                    return true;
                }
                if let Some(numbers) = said.strip_prefix("end ") {
                    let numbers: Vec<u64> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
                    let [offered, delivered, lost, read, told] = numbers.try_into().unwrap();
                    self.end = Some(End { offered, delivered, lost, read, told });
                }
            }
            line.clear();
        }
        false
    }

    /// Kills it without a warning, and reads what it had said. It had no complaint.
    pub(crate) fn kill(mut self) -> Option<u64> {
        self.child.kill().unwrap();
        while self.wait() {}
        let acknowledged = self.acknowledged;
        self.close();
        acknowledged
    }

    /// Waits for its end, which has to be a good one.
    pub(crate) fn finish(mut self) -> End {
        while self.wait() {}
        let end = self.end;
        let output = self.close();
        end.unwrap_or_else(|| panic!("{output}"))
    }

    fn close(self) -> String {
        let output = self.child.wait_with_output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!complaints.contains("panicked"), "{complaints}");
        complaints
    }
}
