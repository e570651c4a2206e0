//! Lines for machines, in a file that never grows without bound.
//!
//! # What is written, and when
//! The lines that [`Json`](super::Json) writes, appended batch by batch. When the file would outgrow its bound, or is
//! older than asked for, it becomes `NAME.1`, the one before that `NAME.2`, and the last one goes. On Unix the file is
//! made with mode 0600, and when something else renames, replaces or deletes it, the next batch goes to a new file of
//! the same name. Symbolic links are not followed.
//!
//! # When it fails
//! Only whole lines stay in the file: what a full disk broke off is taken back. The records that did not get through
//! are counted as `sink_io_error`, and the next batch tries anew, with a newly opened file. Nothing is forced to the
//! disk: lines survive the process, not the machine.

mod open;
mod rotate;

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::json::Prepared;
use super::lines::{Lines, Written};
use super::{Batch, ExportError, Exporter, Schema};
use crate::error::BuildError;

/// Writes one line for each record to a file, and starts a new file in time.
///
/// # Example
/// ```no_run
/// use campanile::exporter::File;
///
/// # fn main() -> Result<(), campanile::BuildError> {
/// let exporter = File::open("/var/log/shop/requests.json")?.max_bytes(16 * 1024 * 1024).keep(3);
/// # Ok(())
/// # }
/// ```
pub struct File {
    schema: Schema,
    prepared: Prepared,
    lines: Lines<Vec<u8>>,
    log: Log,
}

impl File {
    /// Size at which a new file is begun unless another one is asked for: 64 MiB.
    pub const DEFAULT_MAX_BYTES: u64 = 64 * 1024 * 1024;

    /// Older files that are kept unless another number is asked for.
    pub const DEFAULT_KEEP: u32 = 5;

    /// Appends to the file at `path`, which is made when it is missing; its directory has to be there.
    ///
    /// # Errors
    /// When the file cannot be opened for appending, is a symbolic link or no regular file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, BuildError> {
        let mut log = Log {
            path: path.as_ref().to_owned(),
            max_bytes: Self::DEFAULT_MAX_BYTES,
            keep: Self::DEFAULT_KEEP,
            max_age: None,
            current: None,
        };
        match log.open() {
            Ok(current) => log.current = Some(current),
            Err(error) => return Err(BuildError::new("File::open", "needs a file that can be appended to").because(error)),
        }
        Ok(Self { schema: Schema::default(), prepared: Prepared::default(), lines: Lines::default(), log })
    }

    /// Which names the fields have.
    ///
    /// # Default
    /// [`Schema::Otel`].
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// How large the file may grow, in bytes, before a new one is begun. One line alone may be larger.
    ///
    /// # Default
    /// [`DEFAULT_MAX_BYTES`](Self::DEFAULT_MAX_BYTES).
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.log.max_bytes = bytes;
        self
    }

    /// How old the file may grow before a new one is begun.
    ///
    /// # Default
    /// As old as its size allows.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.log.max_age = Some(age);
        self
    }

    /// How many older files are kept; 0 keeps none.
    ///
    /// # Default
    /// [`DEFAULT_KEEP`](Self::DEFAULT_KEEP).
    #[must_use]
    pub fn keep(mut self, files: u32) -> Self {
        self.log.keep = files;
        self
    }
}

impl Exporter for File {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let (prepared, log) = (self.prepared.of(self.schema, batch.resource()), &mut self.log);
        self.lines.export(
            batch,
            |out, record| {
                prepared.write_line(out, record);
                true
            },
            |out, losses, unix_ns| prepared.write_losses(out, losses, unix_ns),
            |text| log.append(text, SystemTime::now()),
        )
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("file")
    }

    fn wants_live(&self) -> bool {
        true
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("path", &self.log.path).field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// The file, and when it has to make room for the next.
struct Log {
    path: PathBuf,
    max_bytes: u64,
    keep: u32,
    max_age: Option<Duration>,
    current: Option<Current>,
}

/// The file that is open.
struct Current {
    file: fs::File,
    bytes: u64,
    /// When it was begun, as far as the system remembers; else when it was last written.
    since: Option<SystemTime>,
}

impl Log {
    fn open(&self) -> io::Result<Current> {
        let file = open::open(&self.path)?;
        let metadata = file.metadata()?;
        Ok(Current { bytes: metadata.len(), since: metadata.created().or_else(|_| metadata.modified()).ok(), file })
    }

    /// Appends `text` as far as it goes, in whole lines.
    fn append(&mut self, text: &[u8], now: SystemTime) -> Written {
        let mut bytes = 0;
        while let Some(rest) = text.get(bytes..).filter(|rest| !rest.is_empty()) {
            match self.append_some(rest, now) {
                Ok(count) => bytes += count,
                Err(error) => {
                    // Whatever is wrong with the file, the next batch starts with another look at it.
                    self.current = None;
                    return Written { bytes, error: Some(error) };
                }
            }
        }
        Written { bytes, error: None }
    }

    /// Appends as many lines as the file has room for, at least one.
    fn append_some(&mut self, text: &[u8], now: SystemTime) -> io::Result<usize> {
        self.make_ready(text, now)?;
        let max_bytes = self.max_bytes;
        let Some(current) = &mut self.current else { return Err(io::ErrorKind::NotFound.into()) };
        let len = fitting(text, max_bytes.saturating_sub(current.bytes));
        let before = current.bytes;
        if let Err(error) = current.file.write_all(text.get(..len).unwrap_or_default()) {
            current.take_back(before);
            return Err(error);
        }
        Ok(len)
    }

    /// Makes sure that the open file is the one at the path, and has room for the first line of `text`.
    fn make_ready(&mut self, text: &[u8], now: SystemTime) -> io::Result<()> {
        // One look for each batch costs less than the write, so a file that was moved away is noticed at once.
        if let Some(current) = &self.current
            && !open::is_same(&current.file, &self.path)?
        {
            self.current = None;
        }
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.open()?,
        };
        // Asked for rather than counted: another process may append as well.
        current.bytes = current.file.metadata()?.len();
        if current.bytes > 0 && (self.is_full(&current, text) || self.is_old(&current, now)) {
            // Closed first: Windows renames no open file.
            drop(current);
            rotate::rotate(&self.path, self.keep)?;
            let mut fresh = self.open()?;
            fresh.since = Some(now);
            self.current = Some(fresh);
        } else {
            self.current = Some(current);
        }
        Ok(())
    }

    fn is_full(&self, current: &Current, text: &[u8]) -> bool {
        let line = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
        current.bytes.saturating_add(line as u64) > self.max_bytes
    }

    fn is_old(&self, current: &Current, now: SystemTime) -> bool {
        let age = current.since.and_then(|since| now.duration_since(since).ok());
        self.max_age.zip(age).is_some_and(|(max_age, age)| age >= max_age)
    }
}

impl Current {
    /// Cuts off the part of a line that a failed write left, unless somebody else has written since.
    fn take_back(&self, before: u64) {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() > before) {
            // A disk that fails here too leaves a broken line, which readers of JSON lines skip.
            let _ = self.file.set_len(before);
        }
    }
}

/// Length of the whole lines of `text` that fit into `room`, but at least of the first.
fn fitting(text: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if text.len() <= room {
        return text.len();
    }
    let whole = text.get(..room).and_then(|start| start.iter().rposition(|byte| *byte == b'\n'));
    let end = whole.or_else(|| text.iter().position(|byte| *byte == b'\n'));
    end.map_or(text.len(), |at| at + 1)
}

#[cfg(test)]
mod tests;
