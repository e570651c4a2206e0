//! Appends records, begins segments, removes old ones.

use std::time::{Duration, Instant, SystemTime};

use super::directory::{Directory, Limits, Name};
use super::groups::History;
use super::instance::{self, Instance};
use super::partials::Partials;
use super::segment::{Row, Segment, failed, is_damage, is_out_of_reach};
use super::{Error, Settings, codec, error::Kind, purge, unix_ns};
use crate::record::{Kind as RecordKind, Losses, Reason, Record, Resource};

/// A store's largest part in one file.
const MAX_SEGMENT_BYTES: u64 = 256 * 1024 * 1024;
/// Encoded records of one transaction, at most.
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// Files in a store, at most: every start of a process begins one.
const MAX_FILES: usize = 512;
/// How often old files are looked for while a segment fills.
const PRUNE_EVERY: Duration = Duration::from_secs(10);

/// Writes a store; each process that writes has one of its own, also in the same directory.
#[derive(Debug)]
pub struct Store {
    settings: Settings,
    directory: Directory,
    instance: Instance,
    partials: Partials,
    segment: Option<Segment>,
    segment_bytes: u64,
    last_unix_ms: u64,
    pruned: Instant,
    /// A clock that does not jump while the process runs: removal by age goes by it.
    opened: (SystemTime, Instant),
    /// Losses that are not written yet.
    pending: Losses,
    set_aside: u64,
    groups: History,
}

impl Store {
    /// Opens a store for writing, and creates the directory where it is missing.
    ///
    /// Whatever is in the directory is left as it is: writing begins in a file of its own.
    ///
    /// # Errors
    /// When the directory cannot be used: it cannot be created or written, is a symbolic link, may be written by
    /// everybody or belongs to another user.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let settings = Settings { max_bytes: settings.max_bytes.max(Settings::MIN_MAX_BYTES), ..settings };
        let now = Instant::now();
        let directory = Directory::create(&settings.directory)?;
        purge::sweep(&directory);
        let mut store = Self {
            groups: History::new(directory.clone(), settings.max_bytes),
            instance: Instance::begin(&directory),
            partials: Partials::default(),
            directory,
            segment: None,
            segment_bytes: (settings.max_bytes / 8).min(MAX_SEGMENT_BYTES),
            last_unix_ms: 0,
            pruned: now,
            opened: (SystemTime::now(), now),
            pending: Losses::default(),
            set_aside: 0,
            settings,
        };
        match store.begin() {
            // A disk that is full may have room later.
            Err(error) if error.is_unusable_directory() => Err(error),
            _ => Ok(store),
        }
    }

    /// Stores records with what was lost before them, and returns what of them could not be stored.
    ///
    /// One transaction, or several where the records are large. Records of events that are shown live are passed over:
    /// they come again inside their request. What is lost here is noted in the store as soon as that is possible.
    ///
    /// # Errors
    /// When no record could be stored.
    pub fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
        resource: &Resource,
        losses: &Losses,
    ) -> Result<Losses, Error> {
        for (reason, count) in losses.iter() {
            self.pending.add(reason, count);
        }
        let mut batch = Batch::default();
        let max_bytes = usize::try_from(self.segment_bytes / 4).unwrap_or(usize::MAX).min(MAX_BATCH_BYTES);
        for record in records.into_iter().filter(|record| record.kind() != RecordKind::Live) {
            let is_report = record.kind() == RecordKind::Partial;
            self.groups.see(record, resource);
            let mut data = Vec::with_capacity(1024);
            codec::encode(record, &mut data);
            if data.len() > max_bytes && is_report {
                continue;
            }
            if data.len() > max_bytes {
                batch.lost.add(Reason::TooLarge, 1);
                self.pending.add(Reason::TooLarge, 1);
                continue;
            }
            if batch.bytes + data.len() > max_bytes {
                self.finish(&mut batch, resource);
            }
            batch.bytes += data.len();
            batch.rows.push((record, data));
        }
        self.finish(&mut batch, resource);
        self.groups.write(resource, unix_ns(SystemTime::now()));
        match batch.error {
            Some(error) if batch.stored == 0 => Err(error),
            _ => Ok(batch.lost),
        }
    }

    pub(super) const fn directory(&self) -> &Directory {
        &self.directory
    }

    /// How many files had to be set aside because they could no longer be written.
    #[must_use]
    pub const fn files_set_aside(&self) -> u64 {
        self.set_aside
    }

    /// Writes what the batch has gathered; after a failure everything else of it is lost at once.
    fn finish(&mut self, batch: &mut Batch<'_>, resource: &Resource) {
        let mut rows = std::mem::take(&mut batch.rows);
        self.partials.settle(&mut rows);
        batch.bytes = 0;
        if rows.is_empty() && (self.pending.total() == 0 || batch.error.is_some()) {
            return;
        }
        let count = rows.iter().filter(|(record, _)| record.kind() != RecordKind::Partial).count() as u64;
        if batch.error.is_none() {
            match self.write(&rows, resource) {
                Ok(()) => {
                    batch.stored += count;
                    return;
                }
                Err(error) => batch.error = Some(error),
            }
        }
        let full = batch.error.as_ref().is_some_and(Error::is_disk_full);
        let reason = if full { Reason::DiskFloor } else { Reason::SinkIoError };
        batch.lost.add(reason, count);
        self.pending.add(reason, count);
    }

    fn write(&mut self, rows: &[Row<'_>], resource: &Resource) -> Result<(), Error> {
        let now = unix_ns(SystemTime::now());
        let losses = self.pending.clone();
        self.ready()?;
        let written = match self.write_rows(rows, resource, &losses, now) {
            // In another file it may go better, once.
            Err(error) if is_damage(&error) || is_out_of_reach(&error) => {
                self.leave(is_damage(&error));
                self.ready()?;
                self.write_rows(rows, resource, &losses, now)
            }
            written => written,
        };
        written.map_err(not_written)?;
        self.pending = Losses::default();
        if let Some(segment) = &self.segment {
            self.partials.written(&self.directory, &segment.name, rows);
        }
        Ok(())
    }

    /// Ends a segment that cannot be written. What is in it stays where it can be read, unless it is damaged.
    fn leave(&mut self, is_damaged: bool) {
        let Some(segment) = self.segment.take() else { return };
        let (name, is_needless) = (segment.name.clone(), segment.is_empty() && segment.is_there());
        drop(segment);
        if is_damaged {
            self.directory.set_aside(name.as_str());
            self.set_aside += 1;
        } else if is_needless {
            self.directory.remove_segment(&name);
        }
    }

    fn write_rows(&mut self, rows: &[Row<'_>], resource: &Resource, losses: &Losses, now: u64) -> rusqlite::Result<()> {
        match &mut self.segment {
            Some(segment) => segment.write(rows, resource, losses, &self.partials, now),
            None => Ok(()),
        }
    }

    /// A segment with room in it.
    fn ready(&mut self) -> Result<(), Error> {
        if self.directory.is_nearly_full() {
            let message = "the store's disk has less than 256 MiB or 5 % left: nothing is stored until there is more";
            return Err(Error::new(Kind::Full, message));
        }
        // Old segments go as a whole, so one that is filled slowly must end in time to be old.
        let max_time = self.settings.max_age / 8;
        let goes_on = self.segment.as_ref().is_some_and(|segment| {
            segment.is_there()
                && self.directory.bytes_of(&segment.name) < self.segment_bytes
                && (segment.since.elapsed() < max_time || segment.rows == 0)
        });
        if !goes_on {
            let ended = self.segment.take().filter(Segment::is_there);
            ended.into_iter().for_each(Segment::close);
            self.begin()?;
        } else if self.pruned.elapsed() >= PRUNE_EVERY {
            self.prune();
        }
        if self.segment.is_some() { Ok(()) } else { Err(Error::new(Kind::Io, "no segment is open")) }
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.prune();
        let unix_ms = (unix_ns(SystemTime::now()) / 1_000_000).max(self.last_unix_ms + 1);
        self.last_unix_ms = unix_ms;
        let name = Name::new(unix_ms, self.instance.id);
        self.directory.create_file(&name)?;
        let opened = Segment::open(&self.directory, name.clone(), self.segment_bytes);
        self.segment = Some(opened.map_err(|error| {
            self.directory.remove_segment(&name);
            not_written(error)
        })?);
        Ok(())
    }

    /// Makes room for what the current segment may still take; its log may for a moment hold as much again.
    fn prune(&mut self) {
        self.pruned = Instant::now();
        let current = self.segment.as_ref().map(|segment| &segment.name);
        let taken = current.map_or(0, |name| self.directory.bytes_of(name));
        let limits = Limits {
            max_bytes: self.settings.max_bytes,
            max_files: MAX_FILES - 1,
            max_age: self.settings.max_age,
            now: self.opened.0 + self.opened.1.elapsed(),
            wanted: (2 * self.segment_bytes).saturating_sub(taken),
        };
        // What cannot be listed now is listed next time; writing does not wait for it.
        let _ = self.directory.prune(&limits, current);
        instance::forget(&self.directory);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.groups.write_at_last(unix_ns(SystemTime::now()));
        self.partials.remove_all(&self.directory);
        // A process that had nothing to say leaves no file behind.
        if let Some(segment) = self.segment.take_if(|segment| segment.rows == 0) {
            let (name, is_there) = (segment.name.clone(), segment.is_there());
            drop(segment);
            if is_there {
                self.directory.remove_segment(&name);
            }
        }
        let is_there = |segment: &Segment| segment.is_there() && !self.directory.is_nearly_full();
        self.segment.take().filter(is_there).into_iter().for_each(Segment::close);
    }
}

#[derive(Default)]
struct Batch<'a> {
    rows: Vec<Row<'a>>,
    bytes: usize,
    stored: u64,
    lost: Losses,
    error: Option<Error>,
}

fn not_written(error: rusqlite::Error) -> Error {
    failed(error, "cannot write to the store")
}
