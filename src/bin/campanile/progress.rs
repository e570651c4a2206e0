//! Says on a terminal how far a long work is.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

/// Nothing is said in the first second, nor where nobody watches.
pub(crate) struct Progress {
    said: Instant,
    is_open: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { said: Instant::now(), is_open: false }
    }

    pub(crate) fn tell(&mut self, read: u64) {
        let mut err = stderr();
        if self.said.elapsed() >= Duration::from_secs(1) && err.is_terminal() {
            (self.said, self.is_open) = (Instant::now(), true);
            let _ = write!(err, "\rcampanile: {read} requests were read…");
        }
    }

    pub(crate) fn end(&self) {
        if self.is_open {
            let _ = writeln!(stderr());
        }
    }
}
