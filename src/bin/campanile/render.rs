//! Records as lines: aligned for people, JSON for programs.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use campanile::exporter::{Console, Schema};
pub(crate) use campanile::page::units::{at, at_utc, bytes, cut, grouped, moment, ms, share};
use campanile::record::Losses;
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

/// Nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
}

fn local(unix_ns: u64, zone: &TimeZone) -> jiff::civil::DateTime {
    zone.to_datetime(Timestamp::from_nanosecond(unix_ns.into()).unwrap_or_default())
}
