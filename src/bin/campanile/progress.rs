//! Says on a terminal how far a long work is.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use campanile::exporter::escape;

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

    /// So many bytes of a file, of which there are `all` where that is known.
    pub(crate) fn tell_bytes(&mut self, name: &str, read: u64, all: Option<u64>) {
        let mut err = stderr();
        if self.said.elapsed() >= Duration::from_secs(1) && err.is_terminal() {
            (self.said, self.is_open) = (Instant::now(), true);
            let (name, mib) = (escape(name), read >> 20);
            let _ = match all.filter(|all| *all > 0) {
                Some(all) => write!(err, "\rcampanile: {name}: {} % of {} MiB were read…", 100 * read / all, all >> 20),
                None => write!(err, "\rcampanile: {name}: {mib} MiB were read…"),
            };
        }
    }

    pub(crate) fn end(&self) {
        if self.is_open {
            let _ = writeln!(stderr());
        }
    }
}
