//! The example `shop`, serving its own page.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::driver::Looked;
use crate::example::program;

/// Until the shop says where it listens, and until it has sent itself its requests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running shop with what it sent itself in its store.
pub(crate) struct Shop {
    process: Child,
    page: String,
    application: String,
    _directory: TempDir,
}

impl Shop {
    pub(crate) fn start(requests: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store");
        let mut process = Command::new(program("shop"))
            .args(["--listen", "127.0.0.1:0", "--traffic", &requests.to_string()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            .envs(env::vars_os().filter(|(name, _)| !is_ours(name)))
            .env("CAMPANILE_STORE", &store)
            .env("CAMPANILE_VIEWER", "127.0.0.1:0")
            .env("CAMPANILE_BODIES", "on")
            .env("CAMPANILE_CONSOLE", "pretty")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = read(&mut process);
        let (mut page, mut application, mut said) = (None, None, Vec::new());
        loop {
            let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the shop stopped talking:\n{}", said.join("\n")));
            let addresses = line.split([' ', ',']).filter(|word| word.starts_with("http://127.0.0.1:"));
            for address in addresses {
                if address.contains("token=") {
                    page = Some(address.to_owned());
                } else if line.starts_with("shop: listening") {
                    application = Some(address.to_owned());
                }
            }
            let is_over = line.starts_with("what failed:");
            said.push(line);
            if is_over {
                break;
            }
        }
        // Whatever it says later must not fill the pipe.
        thread::spawn(move || lines.into_iter().for_each(drop));
        let page = page.unwrap_or_else(|| panic!("the shop told no address of a page:\n{}", said.join("\n")));
        Self { process, page, application: application.unwrap(), _directory: directory }
    }
}

impl Looked for Shop {
    fn page(&self) -> &str {
        &self.page
    }

    fn application(&self) -> &str {
        &self.application
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn is_ours(name: &OsStr) -> bool {
    ["CAMPANILE_", "OTEL_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix))
}

/// Both of its outputs, line by line.
fn read(process: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let other = sender.clone();
    let (output, errors) = (process.stdout.take().unwrap(), process.stderr.take().unwrap());
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    thread::spawn(move || BufReader::new(errors).lines().map_while(Result::ok).try_for_each(|line| other.send(line)));
    lines
}
