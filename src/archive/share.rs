//! A share: some requests in one file, for somebody else to read by program, in a browser and by eye.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufReader, Read, Seek, Write};
use std::rc::Rc;

use serde_json::json;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::file::{Format, Writer};
use super::import::Import;
use super::imported::Place;
use crate::escape::visible_json;
use crate::record::Kind;
use crate::store::{Error, Stored};

/// OTLP JSON lines of every record.
const RECORDS: &str = "records.jsonl";
/// A HAR of the requests.
const REQUESTS: &str = "requests.har";
/// A page to read for each request.
const PAGES: &str = "requests.txt";
/// What is in it.
const MANIFEST: &str = "manifest.json";

/// Requests that have a page, at most: nobody reads more.
const MAX_PAGES: u64 = 1_000;
/// How many times as large as the file its records may be, beyond [`FREE_BYTES`].
const MAX_RATIO: u64 = 200;
const FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes that are read to find what is in a file, at most: each file in it takes memory.
const MAX_DIRECTORY_BYTES: u64 = 4 * 1024 * 1024;

/// Writes a zip of records: `records.jsonl` (OTLP JSON lines), `requests.har`, `requests.txt` (a page for each of the first
/// 1,000 requests, where [pages](Self::with_pages) are given) and `manifest.json`.
///
/// Everything goes out as it is stored, which is redacted. The same records give the same bytes: there is no time in it but
/// that of the requests. Nothing is held but the ids of what was written.
pub struct Share<'a> {
    query: String,
    #[expect(clippy::type_complexity, reason = "a name would not say more")]
    page: Option<Box<dyn FnMut(&Stored) -> String + 'a>>,
}

impl<'a> Share<'a> {
    /// A share without pages.
    #[must_use]
    pub fn new() -> Self {
        Self { query: String::new(), page: None }
    }

    /// Names the query that chose the records, for the manifest.
    #[must_use]
    pub fn with_query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// Adds a page of text for each request.
    #[must_use]
    pub fn with_pages(mut self, page: impl FnMut(&Stored) -> String + 'a) -> Self {
        self.page = Some(Box::new(page));
        self
    }

    /// Writes it. `walk` hands every record to what it is given, in one order, each time it is called: once for each file in
    /// it. Records that are new in a later walk are passed over. Returns how many records there are.
    ///
    /// # Errors
    /// When the output cannot be written, and what `walk` fails with.
    pub fn write<E: From<io::Error>>(
        mut self,
        out: impl Write,
        mut walk: impl FnMut(&mut dyn FnMut(&Stored) -> Result<(), E>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut zip = ZipWriter::new_stream(out);
        let (mut ids, mut about) = (BTreeSet::new(), About::default());
        begin(&mut zip, RECORDS)?;
        let mut records = Writer::new(Format::OtlpLines, &mut zip);
        walk(&mut |stored| {
            about.see(stored);
            ids.insert(stored.record().span_id());
            Ok(records.write(stored)?)
        })?;
        records.finish()?;
        let is_meant = |stored: &Stored| stored.record().kind() == Kind::Request && ids.contains(&stored.record().span_id());
        begin(&mut zip, REQUESTS)?;
        let mut requests = Writer::new(Format::Har, &mut zip);
        walk(&mut |stored| if is_meant(stored) { Ok(requests.write(stored)?) } else { Ok(()) })?;
        requests.finish()?;
        if let Some(page) = &mut self.page {
            begin(&mut zip, PAGES)?;
            about.pages(&mut zip, &is_meant, page, &mut walk)?;
        }
        begin(&mut zip, MANIFEST)?;
        writeln!(zip, "{}", about.manifest(&self.query))?;
        zip.finish().map_err(io::Error::from)?;
        Ok(about.records)
    }
}

impl Default for Share<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Share<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("query", &self.query).finish_non_exhaustive()
    }
}

fn begin<W: Write>(zip: &mut ZipWriter<StreamWriter<W>>, name: &str) -> io::Result<()> {
    // Without the time of writing; of a stream it is not known beforehand whether it needs the large form.
    let options = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Deflated).unix_permissions(0o600);
    Ok(zip.start_file(name, options.large_file(true))?)
}

/// What the manifest tells.
#[derive(Default)]
struct About {
    records: u64,
    requests: u64,
    failed: u64,
    pages: Option<u64>,
    services: BTreeMap<String, u64>,
    times: Option<(u64, u64)>,
}

impl About {
    fn see(&mut self, stored: &Stored) {
        let record = stored.record();
        self.records += 1;
        self.requests += u64::from(record.kind() == Kind::Request);
        self.failed += u64::from(record.kind() == Kind::Request && record.is_failed());
        if self.services.len() < 1000 {
            *self.services.entry(stored.resource().service_name().to_owned()).or_default() += 1;
        }
        let (from, until) = self.times.unwrap_or((u64::MAX, 0));
        self.times = Some((from.min(record.start_unix_ns()), until.max(record.end_unix_ns())));
    }

    fn pages<W: Write, E: From<io::Error>>(
        &mut self,
        zip: &mut W,
        is_meant: &dyn Fn(&Stored) -> bool,
        page: &mut dyn FnMut(&Stored) -> String,
        walk: &mut impl FnMut(&mut dyn FnMut(&Stored) -> Result<(), E>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pages = 0;
        walk(&mut |stored| {
            if is_meant(stored) && pages < MAX_PAGES {
                let rule = if pages > 0 { RULE } else { "" };
                write!(zip, "{rule}{}", page(stored))?;
                pages += 1;
            }
            Ok(())
        })?;
        self.pages = Some(pages);
        Ok(())
    }

    fn manifest(&self, query: &str) -> String {
        let moment = |ns: u64| jiff::Timestamp::from_nanosecond(ns.into()).unwrap_or_default().to_string();
        let all = json!({
            "format": "campanile share",
            "version": 1,
            "campanile": env!("CARGO_PKG_VERSION"),
            "query": query,
            "records": self.records,
            "requests": self.requests,
            "failed": self.failed,
            "pages": self.pages,
            "services": self.services,
            "from": self.times.map(|(from, _)| moment(from)),
            "until": self.times.map(|(_, until)| moment(until)),
            "files": {
                RECORDS: "every record as OTLP JSON lines: campanile import reads them, and OpenTelemetry's tools",
                REQUESTS: "the requests as an HTTP archive: browsers open it",
                PAGES: "a page for each request, to read",
            },
            "redaction": "as stored: what the application's rules took out is not in it",
        });
        visible_json(&all.to_string())
    }
}

/// Between two pages.
const RULE: &str = "\n────────────────────────────────────────────────────────────────────────────────\n\n";

/// Reads the records of a share. Names in it are only compared, never used.
pub(super) fn read(input: impl Read + Seek, import: &mut Import) -> Result<(), Error> {
    let mut refuse = |what: &str| {
        import.told().unreadable(Place::File, what);
        Ok(())
    };
    let left = Rc::new(Cell::new(MAX_DIRECTORY_BYTES));
    let bounded = Frugal { input: BufReader::new(input), left: Rc::clone(&left) };
    let Ok(mut archive) = ZipArchive::new(bounded) else {
        return refuse("it is no zip, or its end is missing, or it has very many files in it");
    };
    left.set(u64::MAX);
    let Ok(file) = archive.by_name(RECORDS) else {
        return refuse("it is no share of campanile: it has no records.jsonl in it, or one that cannot be read");
    };
    if file.encrypted() {
        return refuse("it is encrypted");
    }
    let most = file.compressed_size().saturating_mul(MAX_RATIO).max(FREE_BYTES);
    let mut bounded = BufReader::new(Bounded { input: file, left: most });
    import.read_lines(&mut bounded)?;
    if bounded.get_ref().left == 0 {
        let what = format!("{RECORDS} is more than {MAX_RATIO} times as large as in the zip; the rest was left out");
        import.told().unreadable(Place::File, what);
    }
    Ok(())
}

/// Fails where more was read than is left.
struct Frugal<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Frugal<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64).ok_or_else(|| io::Error::other("the directory is too large"))?;
        self.left.set(left);
        Ok(read)
    }
}

impl<R: Seek> Seek for Frugal<R> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}

/// Ends where too much came.
struct Bounded<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.input.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}
