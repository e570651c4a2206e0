//! What a remote exporter has to say about itself.
//!
//! Never through `tracing` or `log`, which would feed the pipeline that it describes, and never with a header's value
//! or with credentials of an endpoint.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::escape::escape;

/// The same topic is not raised again before this time has passed.
const QUIET: Duration = Duration::from_secs(300);
/// No topic shows more text than this.
const MAX_BYTES: usize = 512;

/// Takes one sentence at a time.
type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Sentences on their way to whoever shows them; one for each topic every five minutes.
#[derive(Clone, Default)]
pub(crate) struct Notices {
    sink: Option<Sink>,
    raised: BTreeMap<&'static str, Instant>,
}

impl Notices {
    /// Sentences go to `sink`, on the exporter's own thread.
    pub(crate) fn to(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { sink: Some(Arc::new(sink)), raised: BTreeMap::new() }
    }

    /// Says something, unless the same topic was raised a short time ago.
    pub(super) fn raise(&mut self, topic: &'static str, now: Instant, sentence: impl fmt::Display) {
        let Some(sink) = &self.sink else { return };
        if self.raised.get(topic).is_some_and(|at| now.saturating_duration_since(*at) < QUIET) {
            return;
        }
        self.raised.insert(topic, now);
        sink(&sentence.to_string());
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("raised", &self.raised.keys()).finish_non_exhaustive()
    }
}

/// Text of a peer, made fit to be shown: one line, no control or direction characters, not long.
pub(super) fn shown(text: &str) -> String {
    let mut out = escape(text).to_string();
    if let Some((end, _)) = out.char_indices().find(|(at, _)| *at >= MAX_BYTES) {
        out.truncate(end);
        out.push('…');
    }
    out
}

/// An error and what caused it, in one escaped line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut out = shown(&error.to_string());
    let mut cause = error.source();
    for _ in 0..8 {
        let Some(error) = cause else { break };
        let text = shown(&error.to_string());
        if !out.ends_with(&text) {
            out.push_str(": ");
            out.push_str(&text);
        }
        cause = error.source();
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_topic_is_raised_once_in_five_minutes() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&said);
        let mut notices = Notices::to(move |sentence| hears.lock().unwrap().push(sentence.to_owned()));
        let now = Instant::now();
        notices.raise("a", now, "1");
        notices.raise("a", now + QUIET / 2, "2");
        notices.raise("b", now + QUIET / 2, "3");
        notices.raise("a", now + QUIET, "4");
        assert_eq!(*said.lock().unwrap(), ["1", "3", "4"]);
    }

    #[test]
    fn what_a_peer_says_cannot_move_the_cursor() {
        let shown = shown("\u{1b}[31mbad\r\n\u{202e}x\u{0}\u{85}");
        assert_eq!(shown, "\\u{1b}[31mbad\\r\\n\\u{202e}x\\u{0}\\u{85}");
    }
}
