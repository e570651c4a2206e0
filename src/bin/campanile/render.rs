//! Records as lines: aligned for people, JSON for programs.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use campanile::exporter::{Console, Schema};
use campanile::record::{Losses, Record};
use campanile::store::Stored;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::output::Output;

/// Turns records into lines.
pub(crate) struct Lines {
    console: Console<io::Sink>,
    is_json: bool,
    zone: TimeZone,
    /// The day that the lines so far belong to.
    day: Date,
}

impl Lines {
    pub(crate) fn new(output: &Output, is_json: bool) -> Self {
        let console = Console::new(io::sink()).colour(output.is_coloured()).width(output.width());
        Self { console, is_json, zone: TimeZone::system(), day: Zoned::now().date() }
    }

    /// The line of a record, under a line with the date where that changes.
    pub(crate) fn of(&mut self, stored: &Stored) -> String {
        let mut out = String::new();
        if self.is_json {
            Schema::Otel.write_line(&mut out, stored.record(), stored.resource());
            return out;
        }
        let day = local(stored.record().start_unix_ns(), &self.zone).date();
        if day != self.day {
            self.day = day;
            out = format!(" {day}\n");
        }
        self.console.write_record(&mut out, stored.record());
        out
    }
}

/// What people are told about records that are missing.
pub(crate) fn missing(losses: &Losses) -> String {
    format!("{} records are missing from the store: {losses}", losses.total())
}

/// Date and time of a record, to the millisecond.
pub(crate) fn moment(record: &Record) -> String {
    let at = local(record.start_unix_ns(), &TimeZone::system());
    format!("{} {:.3}", at.date(), at.time())
}

/// Date and time to the second.
pub(crate) fn at(unix_ns: u64) -> String {
    let at = local(unix_ns, &TimeZone::system());
    format!("{} {:.0}", at.date(), at.time())
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

fn local(unix_ns: u64, zone: &TimeZone) -> jiff::civil::DateTime {
    zone.to_datetime(Timestamp::from_nanosecond(unix_ns.into()).unwrap_or_default())
}

/// A duration with its unit, for running text.
pub(crate) fn ms(ns: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    let ms = ns as f64 / 1e6;
    match ns {
        ..10_000_000 => format!("{ms:.2} ms"),
        10_000_000..1_000_000_000 => format!("{ms:.1} ms"),
        _ => format!("{:.2} s", ms / 1e3),
    }
}

/// The text in so many cells at most, with a mark where its end is missing.
pub(crate) fn cut(text: &str, cells: usize) -> String {
    if text.chars().count() <= cells {
        return text.to_owned();
    }
    text.chars().take(cells.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_titles_are_cut_at_a_character() {
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("größer", 6), "größer");
    }
}
