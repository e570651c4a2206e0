//! Our own diagnostics: one line on standard error, at most one a minute for each subject.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::escape::escape;

const INTERVAL: Duration = Duration::from_secs(60);

/// Subjects with the time of their last line, and how many were held back since.
static SPOKEN: Mutex<BTreeMap<String, (Instant, u64)>> = Mutex::new(BTreeMap::new());

/// Writes `message` unless `subject` had a line within the last minute; a closed or full stream is ignored.
pub(crate) fn warn(subject: &str, message: fmt::Arguments<'_>) {
    let now = Instant::now();
    let held_back = {
        let mut spoken = SPOKEN.lock().unwrap_or_else(PoisonError::into_inner);
        match spoken.get_mut(subject) {
            Some((last, held_back)) if now.duration_since(*last) < INTERVAL => {
                *held_back += 1;
                return;
            }
            Some((last, held_back)) => {
                *last = now;
                std::mem::take(held_back)
            }
            None => {
                spoken.insert(subject.to_owned(), (now, 0));
                0
            }
        }
    };
    let more = if held_back > 0 { format!(" ({held_back} more since the last time)") } else { String::new() };
    say(&format!("{subject}: {message}{more}"));
}

/// Writes a line at once, for who counts the minutes himself.
pub(crate) fn say(text: &str) {
    line(&format!("campanile: {text}"));
}

/// Writes a line as it is.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", escape(text));
}
