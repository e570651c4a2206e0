//! What a message says without the values in it.

use super::value::{Kind, is_month_or_day, is_unit, kind};

/// Stands for a value.
pub(super) const HOLE: &str = "{}";
/// A hole while the text is worked on; it stands in no message that is worked on, as it is taken for a blank.
const MARK: char = '\u{1}';
/// What is read of a message, in bytes, and what is kept of its template.
const MAX_READ_BYTES: usize = 2000;
const MAX_BYTES: usize = 240;
/// What redaction leaves in the place of a secret, and whoever cut a text at its end.
const LEFT_OUT: [&str; 2] = ["[redacted]", "…[cut]"];

/// The template of a message: what is quoted, numbers, ids, hexadecimal digits, dates, durations, addresses, URLs, paths of
/// files and values behind `=` become `{}`.
///
/// Only the first two lines count. Lists of values become one.
///
/// # Example
/// ```
/// let template = campanile::group::template("order 981 of \"Ada\" failed after 30.5ms: 10.0.0.7:5432 refused");
/// assert_eq!(template, "order {} of {} failed after {}: {} refused");
/// ```
#[must_use]
pub fn template(message: &str) -> String {
    of(message, &|_| false, false)
}

/// The template, where `is_known` tells which words came in with the request and are therefore values. In a panic's message
/// what stands in backticks is code.
pub(super) fn of(message: &str, is_known: &dyn Fn(&str) -> bool, keeps_code: bool) -> String {
    let mut text = start(message);
    for left_out in LEFT_OUT {
        text = text.replace(left_out, if left_out.starts_with('[') { "\u{1}" } else { "" });
    }
    let text = without_quotes(&text, keeps_code);
    let text = without_values(&text, is_known);
    finish(&text)
}

/// The first two lines that say anything.
fn start(message: &str) -> String {
    let end = (0..=message.len().min(MAX_READ_BYTES)).rev().find(|end| message.is_char_boundary(*end)).unwrap_or_default();
    let message = message.get(..end).unwrap_or_default();
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty()).take(2);
    let text = lines.collect::<Vec<_>>().join(" ");
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Quotations become holes. An apostrophe is none.
fn without_quotes(text: &str, keeps_code: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut last = ' ';
    while let Some(char) = rest.chars().next() {
        let behind = rest.get(char.len_utf8()..).unwrap_or_default();
        let close = match char {
            '"' => Some('"'),
            '“' | '„' => Some('”'),
            '«' => Some('»'),
            '\'' if !last.is_alphanumeric() => Some('\''),
            '‘' => Some('’'),
            '`' if !keeps_code => Some('`'),
            _ => None,
        };
        if let Some(after) = close.and_then(|close| closed(behind, close)) {
            out.push(MARK);
            (rest, last) = (after, MARK);
        } else {
            out.push(char);
            (rest, last) = (behind, char);
        }
    }
    out
}

/// What stands behind the end of a quotation.
fn closed(text: &str, close: char) -> Option<&str> {
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        let behind = text.get(at + char.len_utf8()..).unwrap_or_default();
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            // `'it's'` ends at the last of them.
            '\'' | '’' if char == close && behind.starts_with(char::is_alphanumeric) => {}
            char if char == close => return Some(behind),
            _ => {}
        }
    }
    None
}

/// Words that are values, or hold some, lose them.
fn without_values(text: &str, is_known: &dyn Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, chunk) in text.split_whitespace().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        // URLs, addresses and paths may hold what separates words.
        let (before, core, after) = whole_address(chunk).unwrap_or_else(|| trimmed(chunk));
        if kind(core) == Kind::Value || is_known(core) {
            out.push_str(before);
            out.push(MARK);
            out.push_str(after);
        } else {
            words(&mut out, chunk, is_known);
        }
    }
    out
}

/// An address of which brackets are a part: `[::1]:80`.
fn whole_address(chunk: &str) -> Option<(&str, &str, &str)> {
    let core = chunk.trim_end_matches([',', ';', ':', '.', ')']);
    let is_address = core.starts_with('[') && core.parse::<std::net::SocketAddr>().is_ok();
    is_address.then(|| ("", core, chunk.get(core.len()..).unwrap_or_default()))
}

/// Without the punctuation around it.
fn trimmed(chunk: &str) -> (&str, &str, &str) {
    let core = chunk.trim_start_matches(['(', '[', '{', '<', '#', ',', ';']);
    let before = chunk.get(..chunk.len() - core.len()).unwrap_or_default();
    let inner = core.trim_end_matches([')', ']', '}', '>', ',', ';', ':', '.', '!', '?']);
    (before, inner, core.get(inner.len()..).unwrap_or_default())
}

/// The words of a chunk, each by itself.
fn words(out: &mut String, chunk: &str, is_known: &dyn Fn(&str) -> bool) {
    let mut rest = chunk;
    let mut is_value = false;
    while !rest.is_empty() {
        let end = rest.find(separates).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let core = word.trim_end_matches([':', '.', '!', '?']);
        let tail = word.get(core.len()..).unwrap_or_default();
        match kind(core) {
            Kind::Value => out.push(MARK),
            _ if is_value && !core.is_empty() || is_known(core) => out.push(MARK),
            Kind::WithDigits => digits(out, core),
            Kind::Word => out.push_str(core),
        }
        out.push_str(tail);
        is_value = false;
        rest = behind;
        let mut chars = rest.chars();
        if let Some(separator) = chars.next() {
            rest = chars.as_str();
            // `name=value`, and neither `==` nor `=>`.
            is_value = separator == '=' && !word.is_empty() && !rest.starts_with(['=', '>']);
            out.push(separator);
        }
    }
}

fn separates(char: char) -> bool {
    matches!(char, '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | ',' | ';' | '=' | '|' | '"' | '#' | '…')
}

/// Runs of digits become holes.
fn digits(out: &mut String, word: &str) {
    let mut was_digit = false;
    for char in word.chars() {
        let is_digit = char.is_ascii_digit();
        match (is_digit, was_digit) {
            (true, false) => out.push(MARK),
            (true, true) => {}
            (false, _) => out.push(char),
        }
        was_digit = is_digit;
    }
}

/// Values side by side are one, a unit belongs to its number, and of several things there may also be one.
fn finish(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_end_matches([')', ',', ';', ':', '.', '!', '?']);
        let tail = word.get(bare.len()..).unwrap_or_default();
        let is_hole = |word: &String| word.ends_with(MARK);
        match words.last_mut().filter(|last| is_hole(last)) {
            Some(last) if is_unit(bare) || is_month_or_day(bare) => last.push_str(tail),
            Some(_) if bare.len() > 3 && bare.ends_with('s') && bare.bytes().all(|byte| byte.is_ascii_lowercase()) => {
                let one = bare.get(..bare.len() - 1).unwrap_or(bare);
                words.push(format!("{one}{tail}"));
            }
            _ => words.push(word.to_owned()),
        }
    }
    let mut text = words.join(" ");
    // `Mon, 31 Jan` begins with a word.
    if let Some((first, rest)) = text.split_once(' ')
        && is_month_or_day(first.trim_end_matches(','))
        && rest.starts_with(MARK)
    {
        text = rest.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(MARK) {
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(HOLE);
        rest = rest.get(at..).unwrap_or_default().trim_start_matches(MARK);
        // Between two values only what joins them.
        while let Some(next) = joined(rest) {
            rest = next.trim_start_matches(MARK);
        }
    }
    out.push_str(rest);
    let end = (0..=out.len().min(MAX_BYTES)).rev().find(|end| out.is_char_boundary(*end)).unwrap_or_default();
    out.truncate(end);
    out.trim().to_owned()
}

/// From the next value on, where only a separator stands before it.
fn joined(text: &str) -> Option<&str> {
    const JOINTS: [&str; 16] = [", ", ",", " ", "-", ":", "/", ".", "..", "..=", "|", "_", "+", " - ", "; ", "), (", "], ["];
    JOINTS.iter().find_map(|joint| text.strip_prefix(joint).filter(|rest| rest.starts_with(MARK)))
}
