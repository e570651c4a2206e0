//! Reads files into a store.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::sync::Arc;

use super::har;
use super::imported::{Counts, Imported, Place, complaint};
use super::make::Maker;
use super::otlp::{Assembly, Line};
use super::share;
use crate::error::BuildError;
use crate::record::{Kind, Losses, Record, Resource};
use crate::redact::Redact;
use crate::store::{Error, Store};

/// Bytes of one line, at most; a longer one is passed over.
const MAX_LINE_BYTES: usize = 32 * 1024 * 1024;
/// Lines that are remembered, so that none is read twice.
const MAX_KNOWN_LINES: usize = 1_000_000;
/// Records that are stored together.
const BATCH: usize = 256;
/// How much of a file is looked at to see what it is.
const PEEK: usize = 64 * 1024;

/// Reads files of requests into a store: OTLP JSON lines of ours and of others, HARs of ours and of browsers, shares.
///
/// # Shape
/// Requests, and what happened outside any, become records like live ones: original times and ids are kept, or made of the
/// entry where a HAR has none, so that they are the same when it is read again. Each resource is kept as it is. A span of
/// kind `SERVER` with a method of HTTP or gRPC is a request; spans and log records of its trace that hang on it in the same
/// service are put into it, in whatever order they come, also from several files. What lies more than 32 MiB apart in the
/// files is not put together: it stands for itself, and is counted.
///
/// # Safety
/// Secrets are taken out as of live requests, by the table and the given rules: headers by the allow-list, everything else
/// by key and shape. Lines of 32 MiB and entries of 64 MiB are the limits; a zip is read as a stream and never unpacked; no
/// name in any file is used for a file.
///
/// # Example
/// ```no_run
/// use campanile::archive::Import;
/// use campanile::store::{Settings, Store};
/// use campanile::{Env, Redact};
///
/// let store = Store::open(Settings::new("share.campanile"))?;
/// let mut import = Import::new(store, &Redact::new().with_env(&Env::of_process())?)?;
/// import.read_share(std::fs::File::open("share.zip")?)?;
/// let imported = import.finish()?;
/// assert!(!imported.is_partial(), "{:?}", imported.problems);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Import {
    store: Store,
    maker: Maker,
    assembly: Assembly,
    lines: HashSet<u64>,
    batch: Vec<(Arc<Resource>, Record)>,
    imported: Imported,
}

impl Import {
    /// Reads into `store`; secrets are taken out by the table and these rules.
    ///
    /// # Errors
    /// When a rule cannot be followed.
    pub fn new(store: Store, redact: &Redact) -> Result<Self, BuildError> {
        Ok(Self {
            store,
            maker: Maker::new(redact.rules()?),
            assembly: Assembly::default(),
            lines: HashSet::new(),
            batch: Vec::new(),
            imported: Imported::default(),
        })
    }

    /// Reads OTLP JSON lines or a HAR, whichever it is. What cannot be read is left out and told by
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn read(&mut self, input: impl Read) -> Result<(), Error> {
        let mut input = BufReader::with_capacity(PEEK, input);
        self.read_text(&mut input)
    }

    /// Reads a share, see [`Share`](super::Share). Of the files in it only its OTLP JSON lines are read.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_share(&mut self, input: impl Read + Seek) -> Result<(), Error> {
        share::read(input, self)
    }

    /// What was read so far.
    #[must_use]
    pub const fn imported(&self) -> &Imported {
        &self.imported
    }

    /// Stores what is left, and says what became of everything.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn finish(mut self) -> Result<Imported, Error> {
        let mut counts = Counts::default();
        let Self { assembly, maker, batch, store, imported, .. } = &mut self;
        assembly.end(maker, &mut counts, &mut |made| push(batch, store, imported, made))?;
        flush(&mut self.batch, &mut self.store, &mut self.imported)?;
        self.imported.count(&counts);
        Ok(self.imported)
    }

    pub(super) const fn told(&mut self) -> &mut Imported {
        &mut self.imported
    }

    fn read_text(&mut self, input: &mut dyn BufRead) -> Result<(), Error> {
        match kind_of(input) {
            Ok(Content::Nothing) => self.imported.note(Place::File, "it is empty"),
            Ok(Content::Lines) => return self.read_lines(input),
            Ok(Content::Har) => return self.read_har(input),
            Ok(Content::Zip) => {
                self.imported.unreadable(Place::File, "it is a zip, which cannot be read from a stream: give its file");
            }
            Ok(Content::Unknown) => {
                let what = "it is neither OTLP JSON lines (resourceSpans, resourceLogs) nor a HAR (log with entries) nor a share";
                self.imported.unreadable(Place::File, what);
            }
            Err(error) => self.imported.unreadable(Place::File, format!("it cannot be read: {}", error.kind())),
        }
        Ok(())
    }

    fn read_har(&mut self, input: &mut dyn BufRead) -> Result<(), Error> {
        let Self { maker, batch, store, imported, .. } = self;
        // Both are told of by the reading.
        let mut stored = Imported::default();
        har::read(input, maker, imported, |resource, record| push(batch, store, &mut stored, (Arc::new(resource), record)))?;
        imported.requests += stored.requests;
        imported.lost += stored.lost;
        Ok(())
    }

    pub(super) fn read_lines(&mut self, input: &mut dyn BufRead) -> Result<(), Error> {
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            number += 1;
            let place = Place::Line(number);
            match next_line(input, &mut line) {
                Ok(Next::End) => return Ok(()),
                Ok(Next::Line) => self.take_line(&line, place)?,
                Ok(Next::TooLong) => {
                    self.imported.unreadable(place, format!("it is longer than {} MiB", MAX_LINE_BYTES >> 20));
                }
                Err(error) => {
                    self.imported.unreadable(place, format!("the file cannot be read any further: {}", error.kind()));
                    return Ok(());
                }
            }
        }
    }

    fn take_line(&mut self, line: &[u8], place: Place) -> Result<(), Error> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(());
        }
        if self.lines.len() < MAX_KNOWN_LINES && !self.lines.insert(crate::group::hash([text])) {
            self.imported.copies += 1;
            return Ok(());
        }
        let parsed: Line = match serde_json::from_str(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                self.imported.unreadable(place, complaint(&error));
                return Ok(());
            }
        };
        if std::str::from_utf8(line).is_err() {
            self.imported.note(place, "it is not UTF-8 everywhere; what is not was replaced");
        }
        if parsed.is_empty() {
            self.imported.unreadable(place, "it has neither resourceSpans nor resourceLogs");
            return Ok(());
        }
        self.imported.metrics += u64::from(parsed.has_metrics());
        let mut counts = Counts::default();
        let Self { assembly, maker, batch, store, imported, .. } = self;
        assembly.take(parsed, text.len(), maker, &mut counts, &mut |made| push(batch, store, imported, made))?;
        imported.count(&counts);
        Ok(())
    }
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").field("imported", &self.imported).finish_non_exhaustive()
    }
}

type Batch = Vec<(Arc<Resource>, Record)>;

fn push(batch: &mut Batch, store: &mut Store, imported: &mut Imported, made: (Arc<Resource>, Record)) -> Result<(), Error> {
    batch.push(made);
    if batch.len() >= BATCH { flush(batch, store, imported) } else { Ok(()) }
}

/// Stores the batch, those of one resource together, in their order.
fn flush(batch: &mut Batch, store: &mut Store, imported: &mut Imported) -> Result<(), Error> {
    let batch = std::mem::take(batch);
    for group in batch.chunk_by(|one, other| one.0 == other.0) {
        let Some((resource, _)) = group.first() else { continue };
        let lost = store.append(group.iter().map(|(_, record)| record), resource, &Losses::default())?;
        imported.lost += lost.total();
        let requests = group.iter().filter(|(_, record)| record.kind() == Kind::Request).count() as u64;
        imported.requests += requests;
        imported.outside += group.len() as u64 - requests;
    }
    Ok(())
}

enum Content {
    Nothing,
    Lines,
    Har,
    Zip,
    Unknown,
}

/// What a file is, by its start.
fn kind_of(input: &mut dyn BufRead) -> io::Result<Content> {
    let start = loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            start => break start?,
        }
    };
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(Content::Zip);
    }
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let has = |word: &str| text.contains(word);
    Ok(match text.chars().next() {
        None if start.is_empty() => Content::Nothing,
        Some('{') if has("\"resourceSpans\"") || has("\"resourceLogs\"") || has("\"resourceMetrics\"") => Content::Lines,
        Some('{') if has("\"log\"") => Content::Har,
        // The first line may be damaged, or longer than what was looked at.
        Some('{') => Content::Lines,
        _ if start.windows(15).any(|part| part == b"\"resourceSpans\"") => Content::Lines,
        _ => Content::Unknown,
    })
}

enum Next {
    Line,
    TooLong,
    End,
}

/// The next line without its end; of one that is too long nothing is kept.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Next> {
    line.clear();
    let (mut is_too_long, mut has_any) = (false, false);
    loop {
        let piece = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            piece => piece?,
        };
        if piece.is_empty() {
            let end = if has_any { Next::Line } else { Next::End };
            return Ok(if is_too_long { Next::TooLong } else { end });
        }
        has_any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let part = piece.get(..end.unwrap_or(piece.len())).unwrap_or_default();
        is_too_long |= line.len() + part.len() > MAX_LINE_BYTES;
        if is_too_long {
            *line = Vec::new();
        } else {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(if is_too_long { Next::TooLong } else { Next::Line });
        }
    }
}
