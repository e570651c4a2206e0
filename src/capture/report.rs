//! What a report of `anyhow` or `eyre` tells of itself only by its `Debug`: where it was made, and the backtrace from there.
//!
//! # Source
//! `anyhow` 1.0 (`src/fmt.rs`) and `eyre` 0.6 (`DefaultHandler`): sections under a heading of their own behind message and
//! causes, `Location:` with `file:line:column`, `Stack backtrace:` with the text of the standard library.

use std::fmt::{self, Write as _};

use crate::record::parts::{FailureSlot, MAX_BACKTRACE_BYTES, MAX_FIELD_BYTES, Parts};

const BACKTRACE: &str = "\n\nStack backtrace:\n";
const LOCATION: &str = "\n\nLocation:\n";

/// Adds what `debug` prints to `failure`, whose message and causes stand in `parts`.
pub(super) fn read(parts: &mut Parts, failure: &mut FailureSlot, debug: &dyn fmt::Debug) {
    // A message that looks like a section is somebody's words.
    if parts.messages(failure).any(|message| message.contains(BACKTRACE.trim()) || message.contains(LOCATION.trim())) {
        return;
    }
    let mut text = Bounded(String::new());
    // A user's `Debug`: its panic costs what it would have told.
    let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| write!(text, "{debug:?}")));
    if written.is_err() {
        return;
    }
    let (before, backtrace) = text.0.split_once(BACKTRACE).unwrap_or((&text.0, ""));
    if let Some((file, line)) = before.split_once(LOCATION).and_then(|(_, location)| place(location)) {
        (failure.file, failure.line) = (parts.push_text(file, MAX_FIELD_BYTES), line);
    }
    if !backtrace.is_empty() {
        failure.backtrace = parts.push_text(backtrace, MAX_BACKTRACE_BYTES);
    }
}

/// `file:line:column`, alone in its line.
fn place(location: &str) -> Option<(&str, u32)> {
    let (file, numbers) = location.lines().next()?.trim().rsplit_once(':').map(|(start, _)| start)?.rsplit_once(':')?;
    Some((file, numbers.parse().ok()?))
}

/// Takes what fits, and lets the rest go.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const MAX_BYTES: usize = 2 * MAX_BACKTRACE_BYTES;
        if self.0.len() + text.len() > MAX_BYTES {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}
