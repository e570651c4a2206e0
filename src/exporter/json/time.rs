//! Points in time as RFC 3339 writes them.

/// Nanoseconds since 1970, shown in UTC with nine digits.
pub(super) struct Rfc3339([u8; 30]);

impl Rfc3339 {
    pub(super) fn of(unix_ns: u64) -> Self {
        let (seconds, nanos) = (unix_ns / 1_000_000_000, (unix_ns % 1_000_000_000) as u32);
        let (days, second) = ((seconds / 86_400) as u32, (seconds % 86_400) as u32);
        // Days to a date by eras of 400 years that begin on 1 March (Howard Hinnant, "chrono-compatible low-level date
        // algorithms"); nothing can overflow, since u64 nanoseconds end in 2554.
        let shifted = days + 719_468;
        let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = era * 400 + year_of_era + u32::from(month <= 2);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        text[..2].copy_from_slice(&pair(year / 100));
        text[2..4].copy_from_slice(&pair(year));
        text[5..7].copy_from_slice(&pair(month));
        text[8..10].copy_from_slice(&pair(day));
        text[11..13].copy_from_slice(&pair(second / 3_600));
        text[14..16].copy_from_slice(&pair(second / 60 % 60));
        text[17..19].copy_from_slice(&pair(second % 60));
        text[20] = b'0' + (nanos / 100_000_000) as u8;
        text[21..23].copy_from_slice(&pair(nanos / 1_000_000));
        text[23..25].copy_from_slice(&pair(nanos / 10_000));
        text[25..27].copy_from_slice(&pair(nanos / 100));
        text[27..29].copy_from_slice(&pair(nanos));
        Self(text)
    }

    pub(super) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The last two digits.
const fn pair(number: u32) -> [u8; 2] {
    let number = (number % 100) as u8;
    [b'0' + number / 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use super::Rfc3339;

    #[test]
    fn known_moments_are_written_as_calendars_write_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(Rfc3339::of(seconds * 1_000_000_000).as_bytes(), text.as_bytes());
        }
        assert_eq!(Rfc3339::of(u64::MAX).as_bytes(), b"2554-07-21T23:34:33.709551615Z");
    }
}
