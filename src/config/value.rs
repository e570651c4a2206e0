//! Kinds of values that a variable can have. What cannot be read is a warning and leaves the default.

use std::fmt;
use std::time::Duration;

use super::env::{Env, Warnings};

/// The values of one environment.
pub(super) struct Reader<'a> {
    env: &'a Env,
    pub(super) warnings: &'a mut Warnings,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(env: &'a Env, warnings: &'a mut Warnings) -> Self {
        Self { env, warnings }
    }

    /// Without white space around; empty is unset.
    pub(super) fn text(&mut self, key: &str) -> Option<&'a str> {
        self.env.text(key, self.warnings).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Only `true`, in any case, is true.
    pub(super) fn bool(&mut self, key: &str) -> bool {
        let Some(text) = self.text(key) else { return false };
        let is_true = text.eq_ignore_ascii_case("true");
        if !is_true && !text.eq_ignore_ascii_case("false") {
            self.warnings.push(key, "is neither true nor false and counts as false");
        }
        is_true
    }

    /// One of some words, in any case.
    pub(super) fn word<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word)).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.warnings.push(key, format_args!("is not one of {} and is ignored", words.join(", ")));
        }
        found
    }

    /// A number of bytes above 0: `1048576`, `1024KiB`, `512 MiB`.
    pub(super) fn bytes(&mut self, key: &str) -> Option<u64> {
        self.parsed(key, "a number of bytes such as 512MiB", number_of_bytes)
    }

    /// A time above 0 with its unit: `30s`, `15m`, `12h`, `7d`, `4w`.
    pub(super) fn duration(&mut self, key: &str) -> Option<Duration> {
        let units = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60), ("w", 7 * 24 * 60 * 60)];
        let read = |text: &str| number_with_unit(text, &units).map(Duration::from_secs);
        self.parsed(key, "a time with its unit such as 12h or 7d", read)
    }

    /// What `read` makes of the text; `wanted` says what it understands.
    pub(super) fn parsed<T>(&mut self, key: &str, wanted: impl fmt::Display, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let read = read(self.text(key)?);
        if read.is_none() {
            self.warnings.push(key, format_args!("is not {wanted}; the default is used"));
        }
        read
    }
}

/// A number of bytes above 0: `1048576`, `1024KiB`, `512 MiB`.
pub(super) fn number_of_bytes(text: &str) -> Option<u64> {
    let units = [("", 1), ("b", 1), ("kib", 1 << 10), ("mib", 1 << 20), ("gib", 1 << 30), ("tib", 1 << 40)];
    number_with_unit(text, &units)
}

fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()));
    let (_, factor) = units.iter().find(|(name, _)| unit.trim_start().eq_ignore_ascii_case(name))?;
    number.parse::<u64>().ok()?.checked_mul(*factor).filter(|product| *product > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(text: &str, read: impl FnOnce(&mut Reader<'_>) -> T) -> (T, Vec<String>) {
        let mut warnings = Warnings::default();
        let value = read(&mut Reader::new(&Env::from_iter([("KEY", text)]), &mut warnings));
        (value, warnings.into_inner())
    }

    #[test]
    fn only_true_is_true() {
        for (text, expected, count) in
            [("TRUE", true, 0), ("true", true, 0), (" ", false, 0), ("False", false, 0), ("1", false, 1), ("yes", false, 1)]
        {
            let (value, warnings) = read(text, |reader| reader.bool("KEY"));
            assert_eq!((value, warnings.len()), (expected, count), "{text}");
        }
    }

    #[test]
    fn bytes_have_binary_units() {
        let cases = [("1048576", 1 << 20), ("64KiB", 64 << 10), ("512 mib", 512 << 20), ("2GiB", 2 << 30), ("7B", 7)];
        for (text, expected) in cases {
            assert_eq!(read(text, |reader| reader.bytes("KEY")), (Some(expected), vec![]), "{text}");
        }
        for text in ["0", "-1", "1.5GiB", "MiB", "12MB", "99999999999999999999", "18446744073709551615KiB", "1 2"] {
            let (value, warnings) = read(text, |reader| reader.bytes("KEY"));
            assert_eq!(value, None, "{text}");
            assert_eq!(warnings, ["KEY is not a number of bytes such as 512MiB; the default is used"], "{text}");
        }
    }

    #[test]
    fn a_time_needs_its_unit() {
        let cases = [("30s", 30), ("15m", 900), ("12h", 43_200), ("7d", 604_800), ("4w", 2_419_200)];
        for (text, expected) in cases {
            assert_eq!(read(text, |reader| reader.duration("KEY")), (Some(Duration::from_secs(expected)), vec![]), "{text}");
        }
        for text in ["7", "0d", "d", "7 days", "-7d", "99999999999999999999d", "18446744073709551615w"] {
            let (value, warnings) = read(text, |reader| reader.duration("KEY"));
            assert_eq!((value, warnings.len()), (None, 1), "{text}");
        }
    }

    #[test]
    fn words_are_found_in_any_case_and_a_warning_lists_them() {
        let words = [("on", 1), ("off", 0)];
        assert_eq!(read("OFF", |reader| reader.word("KEY", &words)), (Some(0), vec![]));
        let (value, warnings) = read("canary", |reader| reader.word("KEY", &words));
        assert_eq!((value, warnings), (None, vec!["KEY is not one of on, off and is ignored".to_owned()]));
    }
}
