//! Writes a file, one record after the other.

use std::fmt;
use std::io::{self, Write};

use super::{har, otlp};
use crate::record::Kind;
use crate::store::Stored;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// OpenTelemetry's protocol as JSON, one export request a line; `.jsonl`.
    ///
    /// # Source
    /// OpenTelemetry Protocol File Exporter; OTLP 1.11.0, JSON Protobuf Encoding.
    OtlpLines,
    /// An HTTP archive, which browsers and other tools open; `.har`. Only requests have a place in it.
    ///
    /// # Source
    /// HAR 1.2.
    Har,
}

/// Writes records in a [`Format`]. Holds none of them.
///
/// # Example
/// ```no_run
/// use campanile::archive::{Format, Writer};
/// use campanile::query::Query;
/// use campanile::store::{Find, Reader};
///
/// let found = Reader::open(".campanile")?.find(&Query::parse("status:5xx")?, &Find::default())?;
/// let mut writer = Writer::new(Format::Har, Vec::new());
/// for stored in &found {
///     writer.write(stored)?;
/// }
/// let har = writer.finish()?;
/// # drop(har);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<W: Write> {
    format: Format,
    out: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes to `out`, which is not flushed.
    pub const fn new(format: Format, out: W) -> Self {
        Self { format, out, written: 0 }
    }

    /// Writes one record. What has no place in the format is passed over: reports about running requests in both, and in a
    /// HAR what is no request.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn write(&mut self, stored: &Stored) -> io::Result<()> {
        if stored.record().kind().is_ahead() {
            return Ok(());
        }
        match self.format {
            Format::OtlpLines => {
                for line in otlp::lines(stored.record(), stored.resource()) {
                    writeln!(self.out, "{line}")?;
                }
            }
            Format::Har if stored.record().kind() != Kind::Request => return Ok(()),
            Format::Har => {
                let before = if self.written == 0 { har::START } else { "," };
                writeln!(self.out, "{before}{}", har::entry(stored.record(), stored.resource()))?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// How many records were written.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Writes what the format ends with.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(mut self) -> io::Result<W> {
        if self.format == Format::Har {
            let before = if self.written == 0 { har::START } else { "" };
            writeln!(self.out, "{before}{}", har::END)?;
        }
        Ok(self.out)
    }
}

impl<W: Write> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("format", &self.format).field("written", &self.written).finish_non_exhaustive()
    }
}
