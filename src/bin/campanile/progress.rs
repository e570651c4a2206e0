//! Says on a terminal how far a long work is.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use campanile::exporter::escape;

use crate::render::bytes;

/// Nothing is said in the first second, nor where nobody watches.
pub(crate) struct Progress {
    said: Instant,
    is_open: bool,
}

impl Progress {
    /// Cells of a bar.
    const WIDTH: u64 = 30;

    pub(crate) fn new() -> Self {
        Self { said: Instant::now(), is_open: false }
    }

    pub(crate) fn tell(&mut self, read: u64) {
        self.say(|| format!("campanile: {read} requests were read…"));
    }

    /// So many bytes of a file, of which there are `all` where that is known.
    pub(crate) fn tell_bytes(&mut self, name: &str, read: u64, all: Option<u64>) {
        self.say(|| match all.filter(|all| *all > 0) {
            Some(all) => format!("campanile: {}: {} % of {} MiB were read…", escape(name), 100 * read / all, all >> 20),
            None => format!("campanile: {}: {} MiB were read…", escape(name), read >> 20),
        });
    }

    /// A bar of so many bytes, of `all`.
    pub(crate) fn tell_share(&mut self, done: u64, all: u64) {
        self.say(|| {
            let share = done.saturating_mul(100).checked_div(all).unwrap_or_default().min(100);
            let full = share * Self::WIDTH / 100;
            let bar: String = (0..Self::WIDTH).map(|cell| if cell < full { '█' } else { '░' }).collect();
            format!("{bar} {share:>3} % of {}", bytes(all))
        });
    }

    pub(crate) fn end(&self) {
        if self.is_open {
            let _ = writeln!(stderr());
        }
    }

    /// In the place of what was said before.
    fn say(&mut self, what: impl FnOnce() -> String) {
        let pause = Duration::from_millis(if self.is_open { 200 } else { 1000 });
        let mut err = stderr();
        if self.said.elapsed() >= pause && err.is_terminal() {
            (self.said, self.is_open) = (Instant::now(), true);
            let _ = write!(err, "\r{}", what());
        }
    }
}
