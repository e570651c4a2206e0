//! Durations and moments as people write them.

/// A moment: fixed, or so long before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    UnixNs(i64),
    AgoNs(i64),
}

impl Moment {
    pub(super) const fn unix_ns(self, now_unix_ns: i64) -> i64 {
        match self {
            Self::UnixNs(at) => at,
            Self::AgoNs(ago) => now_unix_ns.saturating_sub(ago),
        }
    }

    /// `10m`, an RFC 3339 moment, or a date (midnight, UTC).
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some((ns, true)) = duration_ns(text) {
            return Some(Self::AgoNs(ns));
        }
        rfc3339_ns(text).map(Self::UnixNs)
    }
}

/// A duration in nanoseconds, and whether it named its unit; without one it is in milliseconds.
pub(super) fn duration_ns(text: &str) -> Option<(i64, bool)> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at_checked(digits)?;
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number: f64 = number.parse().ok()?;
    let unit_ns = match unit {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" | "" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        "d" => 86400e9,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float stops at the bounds")]
    let ns = (number * unit_ns).round() as i64;
    Some((ns, !unit.is_empty()))
}

/// `2026-01-31T12:00:00.5Z`, `2026-01-31 12:00:00+01:00` or `2026-01-31`.
fn rfc3339_ns(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let is = |at: usize, allowed: &[u8]| text.as_bytes().get(at).is_some_and(|byte| allowed.contains(byte));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    if !is(4, b"-") || !is(7, b"-") || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let mut seconds = days_since_1970(year, month, day) * 86_400;
    let mut nanos = 0;
    if text.len() > 10 {
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if !is(10, b"Tt ") || !is(13, b":") || !is(16, b":") || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        seconds += hour * 3600 + minute * 60 + second;
        let mut rest = text.get(19..)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            let len = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let digits = fraction.get(..len.min(9)).filter(|digits| !digits.is_empty())?;
            nanos = format!("{digits:0<9}").parse().ok()?;
            rest = fraction.get(len..)?;
        }
        seconds -= offset_seconds(rest)?;
    }
    // What lies beyond all clocks is as far away as can be.
    Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

fn offset_seconds(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match text.as_bytes() {
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let part = |from: usize| text.get(from..from + 2)?.parse::<u8>().ok().map(i64::from);
    let (hours, minutes) = (part(1)?, part(4)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let whole_years = before * 365 + before / 4 - before / 100 + before / 400;
    let whole_months: i64 = (1..month).map(|month| days_in(year, month)).sum();
    whole_years + whole_months + day - 1 - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let at = |text| rfc3339_ns(text).map(|ns| ns / 1_000_000);
        assert_eq!(at("1970-01-01"), Some(0));
        assert_eq!(at("2000-03-01T00:00:00Z"), Some(951_868_800_000));
        assert_eq!(at("2026-11-23T01:00:00.25+01:00"), Some(1_795_392_000_250));
        assert_eq!(at("2026-02-29"), None);
        assert_eq!(at("2026-11-23T01:00:00"), None);
        assert_eq!(at("2026-1é-23"), None);
        assert_eq!(at("9999-12-31"), Some(i64::MAX / 1_000_000));
        assert_eq!(Moment::parse("10m"), Some(Moment::AgoNs(600_000_000_000)));
        assert_eq!(Moment::parse("10"), None);
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration_ns("1.5s"), Some((1_500_000_000, true)));
        assert_eq!(duration_ns("300"), Some((300_000_000, false)));
        assert_eq!(duration_ns("5x"), None);
        assert_eq!(duration_ns(".5s"), None);
        assert_eq!(duration_ns("9999999999999999999999d"), Some((i64::MAX, true)));
    }
}
