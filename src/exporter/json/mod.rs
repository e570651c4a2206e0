//! Lines for machines: one JSON object, or one line of logfmt, for each record.
//!
//! # What is written, and when
//! One line for each finished request, with its attributes and what went wrong; one for each event, when it happens,
//! with the trace id and the request id of its request; one for each event and span outside any request. A request's
//! line has the level ERROR when the request failed and INFO otherwise: a 4xx is an answer. Names are those of a
//! [`Schema`]. Fields and attributes whose names belong to the schema stand under `fields.` (in ECS `labels.`), so none
//! can replace the level, the time or an id. Control and invisible characters are escaped. A line has fewer than 16,000
//! bytes, as container runtimes split longer ones: its longest texts are cut and `campanile.cut` is true.
//!
//! # When it fails
//! The lines that did not get through are counted as `sink_io_error`, and the next batch is tried anew; after a write
//! that broke off, the next one starts on a new line. Records that were dropped on the way here are told by one line of
//! level WARN.

mod encode;
mod line;
mod prepared;
mod schema;
mod subject;
mod time;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};

pub(super) use self::prepared::Prepared;
pub use self::schema::Schema;
use self::subject::Subject;
use super::lines::{Lines, Whole};
use super::{Batch, ExportError, Exporter};
use crate::escape::is_hidden;
use crate::record::{Losses, Record, Resource};

/// Writes one line for each record to a writer.
///
/// # Example
/// ```
/// use campanile::exporter::{Json, Schema};
///
/// let exporter = Json::stdout().schema(Schema::Ecs);
/// ```
pub struct Json<W> {
    schema: Schema,
    prepared: Prepared,
    lines: Lines<Vec<u8>>,
    writer: Whole<W>,
}

impl Json<io::Stdout> {
    /// To the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl<W: Write + Send + 'static> Json<W> {
    /// To any writer, with one `write` for each batch.
    #[must_use]
    pub fn new(writer: W) -> Self {
        Self { schema: Schema::default(), prepared: Prepared::default(), lines: Lines::default(), writer: Whole::new(writer) }
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
}

impl<W: Write + Send + 'static> Exporter for Json<W> {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let (prepared, writer) = (self.prepared.of(self.schema, batch.resource()), &mut self.writer);
        self.lines.export(
            batch,
            |out, record| {
                prepared.write_line(out, record);
                true
            },
            |out, losses, unix_ns| prepared.write_losses(out, losses, unix_ns),
            |text| writer.write(text, batch.patience()),
        )
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("json")
    }

    fn wants_live(&self) -> bool {
        true
    }
}

impl<W> fmt::Debug for Json<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl Schema {
    /// Appends the line of one record, with its line feed.
    pub fn write_line(self, out: &mut String, record: &Record, resource: &Resource) {
        let mut line = Vec::new();
        Prepared::default().of(self, resource).write_line(&mut line, record);
        // It is made of texts alone, so nothing is ever replaced.
        out.push_str(&String::from_utf8_lossy(&line));
    }
}

impl Prepared {
    /// Appends the line of one record, with its line feed.
    pub(super) fn write_line(&self, out: &mut Vec<u8>, record: &Record) {
        encode::encode(out, self, Subject::of(record));
        out.push(b'\n');
    }

    /// Appends a line about records that were dropped, with its line feed.
    pub(super) fn write_losses(&self, out: &mut Vec<u8>, losses: &Losses, unix_ns: u64) {
        encode::encode(out, self, Subject::Losses(losses, unix_ns));
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests;
