//! One run of the example `shop`.

use std::env;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use campanile::query::Query;
use campanile::store::{Cursor, Reader, Stored};
use tempfile::TempDir;

use crate::example::program;
use crate::receiver::{Protocol, Receiver};

/// One at a time: several on a small machine would only be late for their deadlines.
static ONE: Mutex<()> = Mutex::new(());

/// What is left of a run: its store, and what it said.
pub(crate) struct Run {
    directory: TempDir,
    pub(crate) sent: usize,
    pub(crate) output: String,
}

impl Run {
    /// Lets the shop send itself requests, and waits until it has ended.
    pub(crate) fn of_shop(requests: usize, receiver: &Receiver, protocol: Protocol, more: &[(&str, &str)]) -> Self {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::tempdir().unwrap();
        let (endpoint, word) = match protocol {
            Protocol::Http => (receiver.http_port, "http/protobuf"),
            Protocol::Grpc => (receiver.grpc_port, "grpc"),
        };
        let mut command = Command::new(program("shop"));
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("OTEL_") || name.starts_with("CAMPANILE")) {
            command.env_remove(name);
        }
        let output = command
            .args(["--listen", "127.0.0.1:0", "--traffic", &requests.to_string(), "--exit"])
            .env("CAMPANILE_CONSOLE", "off")
            .env("CAMPANILE_STORE", directory.path())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{endpoint}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", word)
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
            .envs(more.iter().copied())
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
        assert!(output.status.success(), "the shop failed: {}\n{text}", output.status);
        let line = text.lines().find_map(|line| line.strip_prefix("traffic: ")?.split_once(" requests in "));
        let sent = line.and_then(|(count, _)| count.parse().ok()).unwrap_or_else(|| panic!("no count of requests in\n{text}"));
        Self { directory, sent, output: text }
    }

    /// Every record of the run, in the order of their ends.
    pub(crate) fn store(&self) -> Vec<Stored> {
        let mut reader = Reader::open(self.directory.path()).unwrap();
        let (mut cursor, mut all) = (Cursor::default(), Vec::new());
        loop {
            let page = reader.poll(&Query::default(), &mut cursor).unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        assert_eq!(reader.warnings(), Vec::<String>::new());
        assert!(reader.gaps(0).unwrap().is_empty(), "the store lost nothing");
        all
    }
}
