//! The program that shows what is more than a screen.

use std::env;
use std::io::{self, BufWriter, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

/// A pager that runs.
pub(crate) struct Pager {
    child: Child,
    input: BufWriter<ChildStdin>,
}

impl Pager {
    /// `$PAGER`, else `less`; `None` where that is empty or `cat`, or cannot be started.
    pub(crate) fn start() -> Option<Self> {
        let named = env::var("PAGER").ok();
        let name = named.as_deref().unwrap_or("less").trim();
        if matches!(name, "" | "cat") {
            return None;
        }
        let mut command = if cfg!(unix) && name.contains(|c: char| !c.is_ascii_alphanumeric() && !"/._-".contains(c)) {
            // With words and quotes it is the shell's to read.
            let mut shell = Command::new("sh");
            shell.args(["-c", name]);
            shell
        } else {
            Command::new(name)
        };
        // Quits where all fits, shows colours, and leaves the text on the screen.
        if env::var_os("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
        let input = BufWriter::new(child.stdin.take()?);
        keep_going();
        Some(Self { child, input })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.write_all(bytes)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.input.flush()
    }

    /// Tells it that nothing more comes, and waits until it is left.
    pub(crate) fn wait(mut self) {
        // What is still in the buffer is lost where the pager was left already.
        drop(self.input.into_parts());
        let _ = self.child.wait();
    }
}

/// Control-C is the pager's from now on: ending before it would leave the terminal to both it and the shell.
fn keep_going() {
    thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(async { while tokio::signal::ctrl_c().await.is_ok() {} });
        }
    });
}
