//! Text of a batch on its way to a writer: whole records, one write, and a true count of what was lost.

use std::io::{self, Write};
use std::time::Duration;

use super::{Batch, ExportError, Patience};
use crate::record::{Losses, Reason, Record};

/// What a text is written into.
pub(super) trait Buffer: AsRef<[u8]> + Default {
    fn clear(&mut self);
    fn capacity(&self) -> usize;
}

impl Buffer for String {
    fn clear(&mut self) {
        self.clear();
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }
}

impl Buffer for Vec<u8> {
    fn clear(&mut self) {
        self.clear();
    }

    fn capacity(&self) -> usize {
        self.capacity()
    }
}

/// The text of one batch; its buffer is used again for the next.
#[derive(Debug, Default)]
pub(super) struct Lines<T> {
    text: T,
    /// Where each record's text ends.
    ends: Vec<usize>,
    /// Losses that nobody has read of yet.
    owed: Losses,
}

/// What became of a write.
pub(super) struct Written {
    pub(super) bytes: usize,
    pub(super) error: Option<io::Error>,
}

/// A buffer larger than this is given back after use.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

impl<T: Buffer> Lines<T> {
    /// Encodes the batch, hands its text to `write` and counts the records that did not get through.
    ///
    /// `record` appends one record with its line feeds and says whether its text has to get through: one that is only
    /// remembered is not lost with the text. `losses` appends a line about losses, with the time of the newest record.
    pub(super) fn export(
        &mut self,
        batch: &Batch<'_>,
        mut record: impl FnMut(&mut T, &Record) -> bool,
        losses: impl FnOnce(&mut T, &Losses, u64),
        write: impl FnOnce(&[u8]) -> Written,
    ) -> Result<(), ExportError> {
        self.text.clear();
        self.ends.clear();
        for (reason, count) in batch.lost_before().iter() {
            self.owed.add(reason, count);
        }
        if self.owed.total() > 0 {
            // The records themselves tell the time: an exporter has no clock.
            let newest = batch.records().map(Record::end_unix_ns).max().unwrap_or_default();
            losses(&mut self.text, &self.owed, newest);
        }
        let notice = self.text.as_ref().len();
        for next in batch.records() {
            let is_text = record(&mut self.text, next);
            self.ends.push(if is_text { self.text.as_ref().len() } else { 0 });
        }
        let written = write(self.text.as_ref());
        if written.bytes >= notice {
            self.owed = Losses::default();
        }
        let lost = self.ends.iter().filter(|end| **end > written.bytes).count();
        if self.text.capacity() > MAX_KEPT_BYTES {
            self.text = T::default();
        }
        match written.error {
            Some(error) if lost == self.ends.len() => Err(error.into()),
            _ => {
                batch.lose(Reason::SinkIoError, lost as u64);
                Ok(())
            }
        }
    }
}

/// A writer that starts on a new line after a write that broke off.
pub(super) struct Whole<W> {
    writer: W,
    is_torn: bool,
}

/// How long a writer that takes nothing at the moment is given in all.
const MAX_WAIT: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(10);

impl<W> Whole<W> {
    pub(super) const fn new(writer: W) -> Self {
        Self { writer, is_torn: false }
    }
}

impl<W: Write> Whole<W> {
    /// Writes `text` as far as it goes. A writer that would block is asked again for a second at most.
    pub(super) fn write(&mut self, text: &[u8], patience: &Patience) -> Written {
        if self.is_torn {
            if let Some(error) = self.push(b"\n", patience).error {
                return Written { bytes: 0, error: Some(error) };
            }
            self.is_torn = false;
        }
        let mut written = self.push(text, patience);
        self.is_torn = written.bytes > 0 && text.get(written.bytes - 1) != Some(&b'\n');
        if written.error.is_none() {
            written.error = self.writer.flush().err();
            // A writer with a buffer of its own cannot tell what got through.
            written.bytes = if written.error.is_some() { 0 } else { written.bytes };
        }
        written
    }

    fn push(&mut self, bytes: &[u8], patience: &Patience) -> Written {
        let (mut done, mut waited) = (0, Duration::ZERO);
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let error = match self.writer.write(rest) {
                Ok(0) => io::ErrorKind::WriteZero.into(),
                Ok(count) => {
                    done += count;
                    continue;
                }
                Err(error) => error,
            };
            match error.kind() {
                io::ErrorKind::Interrupted => continue,
                io::ErrorKind::WouldBlock if waited < MAX_WAIT && patience.wait(STEP) => waited += STEP,
                _ => return Written { bytes: done, error: Some(error) },
            }
        }
        Written { bytes: done, error: None }
    }
}
