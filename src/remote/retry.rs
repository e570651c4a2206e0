//! What every remote exporter does with a batch.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use super::clock::{Clock, System};
use super::{Answer, Encoder, MAX_PAYLOAD_BYTES, Notices, Sender, Verdict};
use crate::exporter::{Batch, ExportError, Exporter, Pace};
use crate::record::{Reason, Record, Resource};

/// The first wait before another attempt, at most; each further one is twice as long.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait that is our own choice.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// How long a batch is tried again.
const RETRY_FOR: Duration = Duration::from_secs(300);
/// The longest wait that a receiver can ask for.
const MAX_ASKED: Duration = Duration::from_secs(3600);
/// An encoder's buffer that has grown beyond this is not kept for the next batch.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// An exporter out of an encoder and a sender.
///
/// A batch is encoded once, and every attempt sends the same bytes. What can be tried again is tried again with
/// exponential backoff and full jitter; a receiver that says how long to wait is obeyed, for an hour at most. What is
/// too large is halved, down to a single record.
pub(super) struct Remote<E, S> {
    name: &'static str,
    pace: Pace,
    encoder: E,
    sender: S,
    clock: Box<dyn Clock>,
    notices: Notices,
    buffer: Vec<u8>,
}

impl<E, S> Remote<E, S> {
    pub(super) fn new(name: &'static str, pace: Pace, encoder: E, sender: S, notices: Notices) -> Self {
        Self { name, pace, encoder, sender, clock: Box::new(System), notices, buffer: Vec::new() }
    }

    /// Drives time by hand.
    #[cfg(test)]
    pub(super) fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }
}

/// Records that were not delivered, and why.
struct Lost {
    reason: Reason,
    records: u64,
    why: String,
}

impl<E: Encoder, S: Sender> Remote<E, S> {
    /// Sends `records` in one payload, or in as many as the receiver makes us.
    fn deliver(&mut self, records: &[&Record], batch: &Batch<'_>, began: Instant) -> Vec<Lost> {
        let mut lost = Vec::new();
        let mut rest = vec![records];
        while let Some(part) = rest.pop() {
            let count = part.len() as u64;
            match self.deliver_part(part, batch, began) {
                Part::Delivered => {}
                Part::Partly { rejected, message } => {
                    // Never sent again: the receiver has the rest.
                    let rejected = rejected.min(count);
                    let name = self.name;
                    let now = self.clock.now();
                    self.notices.raise("partly", now, format_args!("{name}: the receiver rejected {rejected}: {message}"));
                    batch.lose(Reason::RejectedByRemote, rejected);
                }
                Part::Split if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    rest.extend([second, first]);
                }
                Part::Split => {
                    lost.push(Lost { reason: Reason::TooLarge, records: count, why: "one record is too large".into() });
                }
                Part::Lost { reason, why } => lost.push(Lost { reason, records: count, why }),
            }
        }
        lost
    }

    fn deliver_part(&mut self, records: &[&Record], batch: &Batch<'_>, began: Instant) -> Part {
        if batch.patience().is_over() {
            return Part::Lost { reason: Reason::ShutdownDeadline, why: "shutdown's deadline has passed".into() };
        }
        let payload = self.pack(records, batch.resource());
        match payload {
            Some(payload) => self.send(&payload, batch, began),
            None => Part::Split,
        }
    }

    /// The bytes of every attempt; `None` when there are too many of them.
    fn pack(&mut self, records: &[&Record], resource: &Resource) -> Option<bytes::Bytes> {
        self.buffer.clear();
        self.encoder.encode(records, resource, &mut self.buffer);
        let fits = self.buffer.len() <= MAX_PAYLOAD_BYTES;
        let payload = fits.then(|| self.sender.pack(&self.buffer));
        if self.buffer.capacity() > KEPT_BYTES {
            self.buffer = Vec::new();
        }
        payload
    }

    /// Attempts until there is an answer that ends them.
    fn send(&mut self, payload: &bytes::Bytes, batch: &Batch<'_>, began: Instant) -> Part {
        let patience = batch.patience();
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
            // A receiver that asks for a long pause gets it, and then one attempt more: giving the batch up at once
            // would only send the next one into the same pause.
            let spent = now.saturating_duration_since(began);
            if spent >= RETRY_FOR || (asked.is_none() && spent.saturating_add(wait) > RETRY_FOR) {
                return Part::Lost { reason: Reason::RetryExpired, why };
            }
            self.notices.raise("retry", now, format_args!("{}: {why}; trying again", self.name));
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

    /// Counts what was lost; the error stands for all that is left of the batch, so it is used only where that is right.
    fn account(&mut self, batch: &Batch<'_>, mut lost: Vec<Lost>, unsent: u64) -> Result<(), ExportError> {
        let all = batch.records().len() as u64;
        let total: u64 = lost.iter().map(|part| part.records).sum();
        let first = lost.first().map(|part| part.reason);
        let is_whole = total + unsent == all && lost.iter().all(|part| Some(part.reason) == first);
        if is_whole && let Some(Lost { reason, why, .. }) = lost.pop() {
            return Err(ExportError::new(reason, why));
        }
        let now = self.clock.now();
        for Lost { reason, records, why } in lost {
            batch.lose(reason, records);
            self.notices.raise("lost", now, format_args!("{}: {records} lost: {why}", self.name));
        }
        Ok(())
    }
}

/// What became of one payload in the end.
enum Part {
    Delivered,
    Partly { rejected: u64, message: String },
    Split,
    Lost { reason: Reason, why: String },
}

impl<E: Encoder, S: Sender> Exporter for Remote<E, S> {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let mut unsampled = 0;
        let records: Vec<&Record> = batch
            .records()
            .filter(|record| match self.encoder.verdict(record) {
                Verdict::Send => true,
                Verdict::Nothing => false,
                Verdict::Sampled => {
                    unsampled += 1;
                    false
                }
            })
            .collect();
        if unsampled > 0 {
            batch.lose(Reason::Sampled, unsampled);
        }
        if records.is_empty() {
            return Ok(());
        }
        let lost = self.deliver(&records, batch, self.clock.now());
        self.account(batch, lost, unsampled)
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.name)
    }

    fn pace(&self) -> Pace {
        self.pace
    }
}

impl<E, S> fmt::Debug for Remote<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("name", &self.name).field("pace", &self.pace).finish_non_exhaustive()
    }
}
