//! Moments, durations, sizes and counts as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::record::Record;

/// Date and time of a record, to the millisecond.
#[must_use]
pub fn moment(record: &Record) -> String {
    let at = local(record.start_unix_ns(), &TimeZone::system());
    format!("{} {:.3}", at.date(), at.time())
}

/// Date and time to the second.
#[must_use]
pub fn at(unix_ns: u64) -> String {
    let at = local(unix_ns, &TimeZone::system());
    format!("{} {:.0}", at.date(), at.time())
}

/// The moment as RFC 3339 writes it.
#[must_use]
pub fn at_utc(unix_ns: u64) -> String {
    Timestamp::from_nanosecond(unix_ns.into()).unwrap_or_default().to_string()
}

fn local(unix_ns: u64, zone: &TimeZone) -> jiff::civil::DateTime {
    zone.to_datetime(Timestamp::from_nanosecond(unix_ns.into()).unwrap_or_default())
}

/// A duration with its unit, for running text.
#[must_use]
pub fn ms(ns: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are 104 days")]
    let ms = ns as f64 / 1e6;
    match ns {
        ..10_000_000 => format!("{ms:.2} ms"),
        10_000_000..1_000_000_000 => format!("{ms:.1} ms"),
        _ => format!("{:.2} s", ms / 1e3),
    }
}

/// A size with its unit.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
#[must_use]
pub fn bytes(count: u64) -> String {
    let size = count as f64;
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", size / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", size / 1e6),
        _ => format!("{:.1} GB", size / 1e9),
    }
}

/// A number with its digits in groups of three.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share in per cent that is never rounded to all or nothing.
#[expect(clippy::cast_precision_loss, reason = "nobody counts 2^53 requests")]
#[must_use]
pub fn share(with: u64, all: u64) -> String {
    let share = 100.0 * with as f64 / all.max(1) as f64;
    match with {
        0 => "0 %".to_owned(),
        _ if share < 1.0 => "<1 %".to_owned(),
        _ if share > 99.0 && with < all => ">99 %".to_owned(),
        _ => format!("{share:.0} %"),
    }
}

/// The text in so many cells at most, with a mark where its end is missing.
#[must_use]
pub fn cut(text: &str, cells: usize) -> String {
    if text.chars().count() <= cells {
        return text.to_owned();
    }
    text.chars().take(cells.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_are_shown_as_people_read_them() {
        for (number, text) in [(0, "0"), (999, "999"), (1204, "1,204"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        for (count, text) in [(0, "0 B"), (1_234, "1.2 kB"), (1_200_000, "1.2 MB"), (5_000_000_000, "5.0 GB")] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn shares_are_never_rounded_to_all_or_nothing() {
        let all = [(0, 10), (1, 1000), (41, 42), (999, 1000), (10, 10), (0, 0)];
        assert_eq!(all.map(|(with, all)| share(with, all)), ["0 %", "<1 %", "98 %", ">99 %", "100 %", "0 %"]);
    }

    #[test]
    fn long_titles_are_cut_at_a_character() {
        assert_eq!(cut("größer", 4), "grö…");
        assert_eq!(cut("größer", 6), "größer");
    }
}
