//! Which words of a message are values.

use std::net::{IpAddr, SocketAddr};

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value as a whole.
    Value,
    /// A word that digits belong to, as in `shard-7`.
    WithDigits,
    Word,
}

/// What a word is, by its form alone.
pub(super) fn kind(word: &str) -> Kind {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let is_value = is_number(word, has_digit)
        || is_hex(word, has_digit)
        || is_mixed(word, has_digit)
        || word.contains("://")
        || is_address(word)
        || is_mail(word)
        || is_path(word)
        || is_host(word);
    match (is_value, has_digit) {
        (true, _) => Kind::Value,
        (false, true) => Kind::WithDigits,
        (false, false) => Kind::Word,
    }
}

/// Numbers with signs and units, dates, times, ranges, versions.
fn is_number(word: &str, has_digit: bool) -> bool {
    if !has_digit {
        return false;
    }
    let word = word.trim_start_matches(['-', '+', '~', '≈', '$', '€', '£', 'v']);
    let is_plain =
        |char: char| char.is_ascii_digit() || matches!(char, '.' | ',' | '-' | '+' | ':' | '/' | '_' | 'T' | 'Z' | '%');
    if word.chars().all(is_plain) || word.parse::<f64>().is_ok() {
        return true;
    }
    let unit = word.trim_start_matches(|char: char| char.is_ascii_digit() || matches!(char, '.' | ',' | '_'));
    // `1m30s` is a duration too.
    unit.len() < word.len()
        && (is_unit(unit)
            || unit.split(|char: char| char.is_ascii_digit() || char == '.').all(|part| part.is_empty() || is_unit(part)))
}

/// Ids in hexadecimal digits, with or without dashes, and addresses in memory.
fn is_hex(word: &str, has_digit: bool) -> bool {
    let bare = word.strip_prefix("0x").unwrap_or(word);
    let digits = bare.bytes().filter(u8::is_ascii_hexdigit).count();
    let is_plain = digits > 0 && bare.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_plain && (bare.len() < word.len() || digits >= 16 || has_digit && digits >= 6)
}

/// Ids of letters and digits: they change sides more often than any word does.
fn is_mixed(word: &str, has_digit: bool) -> bool {
    if !has_digit || word.len() < 4 || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        return false;
    }
    let sides: Vec<bool> = word.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.is_ascii_digit()).collect();
    let changes = sides.windows(2).filter(|pair| pair.first() != pair.last()).count();
    let parts = word.split(['-', '_']).count();
    // `stage-2-of-3` changes once with each of its parts.
    changes >= 2 && changes >= 2 * parts.saturating_sub(1) && !(parts > 1 && changes < 4)
}

fn is_address(word: &str) -> bool {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    bare.contains(['.', ':']) && (word.parse::<SocketAddr>().is_ok() || bare.parse::<IpAddr>().is_ok() || is_range(bare))
}

/// `10.0.0.0/8`.
fn is_range(word: &str) -> bool {
    word.split_once('/').is_some_and(|(address, bits)| address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok())
}

fn is_mail(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'))
}

fn is_path(word: &str) -> bool {
    let is_unix = ["/", "./", "../", "~/"].iter().any(|start| word.len() > start.len() && word.starts_with(start));
    let is_windows = matches!(word.as_bytes(), [drive, b':', b'\\' | b'/', _, ..] if drive.is_ascii_alphabetic());
    is_unix || is_windows
}

/// A host with its port, or one whose last part is that of a network.
fn is_host(word: &str) -> bool {
    const LAST: [&str; 14] =
        ["com", "net", "org", "io", "dev", "app", "cloud", "internal", "local", "localdomain", "svc", "lan", "test", "example"];
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => (host, true),
        _ => (word, false),
    };
    let is_name =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !host.split('.').all(is_name) {
        return false;
    }
    let last = host.rsplit_once('.').map(|(_, last)| last);
    port && (last.is_some() || host == "localhost") || last.is_some_and(|last| LAST.contains(&last))
}

/// Units of time and size.
pub(super) fn is_unit(word: &str) -> bool {
    const UNITS: [&str; 41] = [
        "ns",
        "µs",
        "μs",
        "us",
        "ms",
        "s",
        "sec",
        "secs",
        "second",
        "seconds",
        "millisecond",
        "milliseconds",
        "microseconds",
        "nanoseconds",
        "m",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hour",
        "hours",
        "d",
        "day",
        "days",
        "B",
        "b",
        "byte",
        "bytes",
        "kB",
        "KB",
        "MB",
        "GB",
        "TB",
        "KiB",
        "MiB",
        "GiB",
        "TiB",
        "%",
        "k",
        "M",
    ];
    UNITS.contains(&word)
}

/// English names of months and days, and what tells the time zone.
pub(super) fn is_month_or_day(word: &str) -> bool {
    const NAMES: [&str; 19] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue", "wed", "thu", "fri",
        "sat", "sun",
    ];
    const LONG: [&str; 17] = [
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "utc",
        "gmt",
        "am",
        "pm",
        "cet",
        "est",
    ];
    let is_name = word.starts_with(|first: char| first.is_ascii_uppercase()) && word.len() <= 9;
    let lower = word.to_ascii_lowercase();
    is_name && (NAMES.contains(&lower.as_str()) || LONG.contains(&lower.as_str()))
}
