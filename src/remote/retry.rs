//! What every remote exporter does with a batch.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use super::courier::{Courier, Part};
use super::{Encoder, Notices, Sender, chosen};
use crate::exporter::{Batch, ExportError, Exporter, Pace};
use crate::record::{Reason, Record};

/// How long a batch is tried again.
const RETRY_FOR: Duration = Duration::from_secs(300);

/// An exporter out of an encoder and a sender.
///
/// A batch is encoded once, and every attempt sends the same bytes. What can be tried again is tried again with
/// exponential backoff and full jitter; a receiver that says how long to wait is obeyed, for an hour at most. What is
/// too large is halved, down to a single record.
pub(super) struct Remote<E, S> {
    pace: Pace,
    encoder: E,
    courier: Courier<S>,
}

impl<E, S> Remote<E, S> {
    pub(super) fn new(name: &'static str, pace: Pace, encoder: E, sender: S, notices: Notices) -> Self {
        Self { pace, encoder, courier: Courier::new(name, RETRY_FOR, sender, notices) }
    }

    /// Drives time by hand.
    #[cfg(test)]
    pub(super) fn with_clock(mut self, clock: impl super::clock::Clock + 'static) -> Self {
        self.courier = self.courier.with_clock(clock);
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
                    self.courier.raise("partly", format_args!("the receiver rejected {rejected}: {message}"));
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
        let Self { encoder, courier, .. } = self;
        match courier.pack(|out| encoder.encode(records, batch.resource(), out)) {
            Some(payload) => courier.send(payload, batch.patience(), began),
            None => Part::Split,
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
        for Lost { reason, records, why } in lost {
            batch.lose(reason, records);
            self.courier.raise("lost", format_args!("{records} lost: {why}"));
        }
        Ok(())
    }
}

impl<E: Encoder, S: Sender> Exporter for Remote<E, S> {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let (records, unsampled) = chosen(batch, |record| self.encoder.verdict(record));
        if records.is_empty() {
            return Ok(());
        }
        let lost = self.deliver(&records, batch, self.courier.now());
        self.account(batch, lost, unsampled)
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.courier.name)
    }

    fn wants_unsampled(&self) -> bool {
        false
    }

    fn pace(&self) -> Pace {
        self.pace
    }
}

impl<E, S> fmt::Debug for Remote<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("name", &self.courier.name).field("pace", &self.pace).finish_non_exhaustive()
    }
}
