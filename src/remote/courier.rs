//! What every remote exporter does with a payload: attempts, waits and deadlines.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::clock::{Clock, System};
use super::{Answer, MAX_PAYLOAD_BYTES, Notices, Sender};
use crate::exporter::Patience;
use crate::record::Reason;

/// The first wait before another attempt, at most; each further one is twice as long.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait that is our own choice.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// The longest wait that a receiver can ask for.
const MAX_ASKED: Duration = Duration::from_secs(3600);
/// An encoder's buffer that has grown beyond this is not kept for the next payload.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// Carries payloads until there is an answer that ends it.
pub(super) struct Courier<S> {
    pub(super) name: &'static str,
    /// How long a payload is tried again.
    retry_for: Duration,
    sender: S,
    clock: Box<dyn Clock>,
    notices: Notices,
    buffer: Vec<u8>,
}

/// What became of one payload in the end.
pub(super) enum Part {
    Delivered,
    Partly { rejected: u64, message: String },
    Split,
    Lost { reason: Reason, why: String },
}

impl<S> Courier<S> {
    pub(super) fn new(name: &'static str, retry_for: Duration, sender: S, notices: Notices) -> Self {
        Self { name, retry_for, sender, clock: Box::new(System), notices, buffer: Vec::new() }
    }

    /// Drives time by hand.
    #[cfg(test)]
    pub(super) fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Says something about the exporter, unless the same topic was raised a short time ago.
    pub(super) fn raise(&mut self, topic: &'static str, sentence: impl fmt::Display) {
        let now = self.clock.now();
        self.notices.raise(topic, now, format_args!("{}: {sentence}", self.name));
    }
}

impl<S: Sender> Courier<S> {
    /// The bytes of every attempt; `None` when there are too many of them.
    pub(super) fn pack(&mut self, encode: impl FnOnce(&mut Vec<u8>)) -> Option<Bytes> {
        self.buffer.clear();
        encode(&mut self.buffer);
        let fits = self.buffer.len() <= MAX_PAYLOAD_BYTES;
        let payload = fits.then(|| self.sender.pack(&mut self.buffer));
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        payload
    }

    /// Attempts until there is an answer that ends them.
    pub(super) fn send(&mut self, payload: Bytes, patience: &Patience, began: Instant) -> Part {
        let sent = self.attempts(&payload, patience, began);
        self.take_back(payload);
        sent
    }

    /// Takes the buffer of a payload back for the next one, where nobody reads it any more.
    fn take_back(&mut self, mut payload: Bytes) {
        if self.buffer.capacity() == 0 && payload.len() <= KEPT_BYTES && payload.is_unique() {
            // Else all that is in it would be moved; to nothing at all would free it.
            payload.truncate(1);
            self.buffer = Some(Vec::from(payload)).filter(|buffer| buffer.capacity() <= KEPT_BYTES).unwrap_or_default();
        }
    }

    fn attempts(&mut self, payload: &Bytes, patience: &Patience, began: Instant) -> Part {
        let mut backoff = FIRST_BACKOFF;
        let mut is_last = false;
        loop {
            let (after, why) = match self.sender.send(payload, patience) {
                Answer::Delivered => return Part::Delivered,
                Answer::Partly { rejected, message } => return Part::Partly { rejected, message },
                Answer::Split => return Part::Split,
                Answer::Never { why } => return Part::Lost { reason: Reason::RejectedByRemote, why },
                Answer::Retry { after, why } => (after, why),
            };
            let now = self.clock.now();
            if is_last || patience.deadline().is_some_and(|deadline| deadline <= now) {
                return Part::Lost { reason: Reason::ShutdownDeadline, why };
            }
            let asked = after.map(|asked| asked.min(MAX_ASKED));
            let wait = self.clock.jitter(backoff).max(asked.unwrap_or_default());
            // A receiver that asks for a long pause gets it, and then one attempt more: giving the payload up at once
            // would only send the next one into the same pause.
            let spent = now.saturating_duration_since(began);
            if spent >= self.retry_for || (asked.is_none() && spent.saturating_add(wait) > self.retry_for) {
                return Part::Lost { reason: Reason::RetryExpired, why };
            }
            self.raise("retry", format_args!("{why}; trying again"));
            if !self.clock.wait(patience, wait) {
                // Shutdown: what could not be reached may be back by now, but what asked for a pause is left alone.
                if asked.is_some() {
                    return Part::Lost { reason: Reason::ShutdownDeadline, why };
                }
                is_last = true;
            }
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }
}
