//! Lines for people: one aligned line for each request on a terminal.
//!
//! # What is written, and when
//! One line for each finished request: local time, method, status, duration, route (the path where there is no route),
//! bytes read and sent, the first eight digits of its id, then attributes. One that was turned away for want of room, or
//! given up after too long, says so there, with how many were in flight when it came: `saturated at 212`. Under a failed request stand its errors, each
//! with what caused it and where, and the last events that were not shown before. Events are shown when they happen, set
//! off from the lines of requests. A request that takes long gets a line, `still running`, after 10 s and then with pauses
//! that double. Health checks and uptime probes that went well are gathered for a minute: one line tells
//! how many there were, and is written when the minute is over and something else comes, at a flush or at shutdown. One
//! that did not is shown at once like any request. Control and invisible characters from outside are escaped; colour says nothing that
//! the text does not say as well.
//!
//! # When it fails
//! The records that did not get through are counted as `sink_io_error`, and the next batch is tried anew; after a write
//! that broke off, the next one starts on a new line. Records that were dropped on the way here are told by one line of
//! level WARN.

mod cells;
mod event;
mod fold;
mod paint;
mod report;
mod request;
mod tree;

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::fold::Folds;
use self::paint::Paint;
use super::lines::{Lines, Whole};
use super::{Batch, ExportError, Exporter, Patience};
use crate::record::{Kind, Record};

/// Writes one aligned line for each record.
///
/// # Example
/// ```
/// use campanile::exporter::Console;
///
/// let exporter = Console::stdout().colour(true).width(120);
/// ```
pub struct Console<W> {
    look: Look,
    lines: Lines<String>,
    writer: Whole<W>,
    folds: Folds,
    fold_ns: u64,
    patience: Patience,
}

/// How lines look.
struct Look {
    paint: Paint,
    width: usize,
    slow_ns: u64,
    zone: TimeZone,
}

impl Look {
    /// Appends a space, the local time and a gap.
    fn time(&self, out: &mut String, unix_ns: u64) {
        // Nanoseconds of a u64 end in 2554, which jiff can always express.
        let at = Timestamp::from_nanosecond(unix_ns.into()).unwrap_or_default();
        let at = self.zone.to_datetime(at);
        let milliseconds = at.subsec_nanosecond() / 1_000_000;
        let _ = write!(out, " {:02}:{:02}:{:02}.{milliseconds:03}  ", at.hour(), at.minute(), at.second());
    }

    fn record(&self, out: &mut String, record: &Record) {
        match record.kind() {
            Kind::Partial => report::write(out, self, record),
            Kind::Request => {
                request::write(out, self, record);
                if record.is_failed() || tree::has_panic(record) {
                    tree::write(out, self, record);
                }
            }
            Kind::Event | Kind::Live => {
                if let Some(event) = record.events().next() {
                    event::write(out, self, record, &event);
                    tree::write_outside(out, record, &event);
                }
            }
            Kind::Span => {
                if let Some(span) = record.spans().next() {
                    event::write_span(out, self, record, &span);
                }
            }
        }
    }
}

impl Console<io::Stdout> {
    /// To the standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(io::stdout())
    }
}

impl Console<io::Stderr> {
    /// To the standard error output.
    #[must_use]
    pub fn stderr() -> Self {
        Self::new(io::stderr())
    }
}

impl<W> Console<W> {
    /// Cells of a line where nobody knows better.
    pub const DEFAULT_WIDTH: usize = 100;

    /// How long a request may take before its duration is coloured.
    pub const DEFAULT_SLOW: Duration = Duration::from_millis(500);

    /// How long health checks that went well are gathered into one line.
    pub const DEFAULT_FOLD: Duration = Duration::from_secs(60);

    /// To any writer, with one `write` for each batch.
    #[must_use]
    pub fn new(writer: W) -> Self {
        let look =
            Look { paint: Paint(false), width: Self::DEFAULT_WIDTH, slow_ns: ns(Self::DEFAULT_SLOW), zone: TimeZone::system() };
        Self {
            look,
            lines: Lines::default(),
            writer: Whole::new(writer),
            folds: Folds::default(),
            fold_ns: ns(Self::DEFAULT_FOLD),
            patience: Patience::default(),
        }
    }

    /// Whether statuses, levels and long durations are coloured.
    ///
    /// # Default
    /// They are not.
    #[must_use]
    pub fn colour(mut self, colour: bool) -> Self {
        self.look.paint = Paint(colour);
        self
    }

    /// How many cells a line has; what does not fit is shortened, except errors and messages.
    ///
    /// # Default
    /// [`DEFAULT_WIDTH`](Self::DEFAULT_WIDTH).
    #[must_use]
    pub fn width(mut self, cells: usize) -> Self {
        self.look.width = cells;
        self
    }

    /// How long a request may take before its duration is coloured.
    ///
    /// # Default
    /// [`DEFAULT_SLOW`](Self::DEFAULT_SLOW).
    #[must_use]
    pub fn slow(mut self, duration: Duration) -> Self {
        self.look.slow_ns = ns(duration);
        self
    }

    /// How long health checks and uptime probes that went well are gathered into one line for each route, status and
    /// [`probe`](Record::probe); zero shows each by itself. At most 64 lines are gathered at once.
    ///
    /// # Default
    /// [`DEFAULT_FOLD`](Self::DEFAULT_FOLD).
    #[must_use]
    pub fn fold(mut self, window: Duration) -> Self {
        self.fold_ns = ns(window);
        self
    }

    /// Shows times in UTC instead of local time.
    #[must_use]
    pub fn utc(mut self) -> Self {
        self.look.zone = TimeZone::UTC;
        self
    }

    /// Appends what this exporter would write for `record`.
    pub fn write_record(&self, out: &mut String, record: &Record) {
        self.look.record(out, record);
    }
}

impl<W: Write + Send + 'static> Exporter for Console<W> {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let (look, writer, fold_ns) = (&self.look, &mut self.writer, self.fold_ns);
        self.patience = batch.patience().clone();
        let folds = RefCell::new(&mut self.folds);
        self.lines.export(
            batch,
            |out, record| {
                let mut folds = folds.borrow_mut();
                folds.write_due(out, look, record.end_unix_ns(), fold_ns);
                if record.kind() == Kind::Partial {
                    // No line that is owed to anybody: it is not counted as lost with the text.
                    if record.is_shown() {
                        look.record(out, record);
                    }
                    return false;
                }
                let is_shown = fold_ns == 0 || !folds.take(record);
                if is_shown {
                    look.record(out, record);
                }
                is_shown
            },
            |out, losses, unix_ns| event::write_losses(out, look, losses, unix_ns),
            |text| {
                let written = writer.write(text, batch.patience());
                folds.borrow_mut().settle(written.bytes);
                written
            },
        )
    }

    /// Tells what was gathered. What does not get through is told with the next batch.
    fn flush(&mut self) -> Result<(), ExportError> {
        let mut text = String::new();
        self.folds.write_all(&mut text, &self.look);
        if text.is_empty() {
            return Ok(());
        }
        let written = self.writer.write(text.as_bytes(), &self.patience);
        self.folds.settle(written.bytes);
        written.error.map_or(Ok(()), |error| Err(error.into()))
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("console")
    }

    fn wants_live(&self) -> bool {
        true
    }

    fn wants_partial(&self) -> bool {
        true
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl<W> fmt::Debug for Console<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").field("width", &self.look.width).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
