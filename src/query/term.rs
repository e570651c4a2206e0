//! What one term asks: a key, an operator and a value.

use std::net::IpAddr;

use ipnet::IpNet;
use regex::RegexBuilder;
use tracing::Level;

use super::columns::{Column, normal_route};
use super::expr::{Bounds, Id, Keeping, Test, Text, group_range, severity, trace_range};
use super::keys::{Key, Shape};
use super::source::Source;
use super::time::{Moment, duration_ns};
use super::words::{folded, words};
use crate::record::{ErrorClass, Kept, Kind, Outcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Is,
    IsNot,
    Greater,
    AtLeast,
    Less,
    AtMost,
    Part,
}

pub(super) struct Value {
    pub(super) text: String,
    pub(super) form: Form,
}

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Quoted,
    /// Between slashes.
    Pattern,
}

/// Compiled, a pattern takes no more than this.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

pub(super) fn any_words(text: &str) -> Test {
    let phrase: Vec<_> = words(text).map(folded).collect();
    if phrase.is_empty() {
        return Test::In(Source::Any, Text::Contains(text.to_owned()));
    }
    let id = Some(Id::of(text)).filter(|id| text.len() >= 4 && id.spans.is_some());
    Test::Words { phrase, id }
}

/// The test of a key; the error is a message without its place.
pub(super) fn key_test(key: &Key, op: Op, value: &Value) -> Result<Test, String> {
    let (name, text) = (key.name, value.text.as_str());
    if value.form == Form::Pattern && !key.is_text() {
        return Err(format!("'{name}' is no text: a /pattern/ cannot find it"));
    }
    match &key.shape {
        Shape::Status => Ok(Test::Status(bounds(name, op, text, status)?)),
        Shape::Duration => {
            is_no_moment(name, op, text)?;
            Ok(Test::DurationNs(bounds(name, op, text, duration)?))
        }
        Shape::Phase(number) => {
            is_no_moment(name, op, text)?;
            Ok(Test::Number(*number, bounds(name, op, text, duration)?))
        }
        Shape::Count(number) => Ok(Test::Number(*number, bounds(name, op, text, count)?)),
        Shape::Bytes(number) => Ok(Test::Number(*number, bounds(name, op, text, bytes)?)),
        Shape::Time | Shape::Since | Shape::Until => time(key, op, text),
        Shape::Text(column) => {
            let is_route = *column == Column::Route && value.form != Form::Pattern;
            let value = Value { text: if is_route { normal_route(text).into_owned() } else { text.to_owned() }, ..*value };
            Ok(Test::Column(*column, text_op(op, &value)?))
        }
        Shape::Release => Ok(Test::Release(text_op(op, value)?)),
        Shape::Resource(attribute) => Ok(Test::Resource(attribute, text_op(op, value)?)),
        Shape::Whole(source) => Ok(Test::In(source.clone(), text_op(op, value)?)),
        Shape::Part(source) => {
            only_is(name, op, true)?;
            Ok(Test::In(source.clone(), text_op(Op::Part, value)?))
        }
        Shape::Words(source) if op == Op::Part => Ok(Test::In(source.clone(), text_op(op, value)?)),
        Shape::Words(source) => {
            only_is(name, op, false)?;
            Ok(if *source == Source::Any { any_words(text) } else { Test::In(source.clone(), phrase(text)) })
        }
        Shape::Client => {
            only_is(name, op, false)?;
            let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            network.map(Test::Client).ok_or_else(|| format!("'{text}' is neither an address nor a network such as 10.0.0.0/8"))
        }
        Shape::Outcome => {
            only_is(name, op, false)?;
            let known = Outcome::parse(&text.to_ascii_lowercase());
            known.map(Test::Outcome).ok_or_else(|| one_of(text, "outcome", &Outcome::ALL.map(Outcome::as_str)))
        }
        Shape::Class => {
            only_is(name, op, false)?;
            let known = ErrorClass::parse(&text.to_ascii_lowercase());
            known.map(Test::Class).ok_or_else(|| one_of(text, "class", &ErrorClass::ALL.map(ErrorClass::as_str)))
        }
        Shape::Kind => {
            only_is(name, op, false)?;
            let kinds = [
                ("request", Kind::Request),
                ("event", Kind::Event),
                ("span", Kind::Span),
                ("live", Kind::Live),
                ("partial", Kind::Partial),
            ];
            let known = kinds.into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
            known.map(|(_, kind)| Test::Kind(kind)).ok_or_else(|| one_of(text, "kind", &["request", "event", "span"]))
        }
        Shape::Kept => {
            only_is(name, op, false)?;
            let text = text.to_ascii_lowercase();
            let keeping = match text.as_str() {
                "none" | "summary" => Some(Keeping::None),
                "any" => Some(Keeping::Any),
                word => Kept::parse(word).map(Keeping::For),
            };
            keeping.map(Test::Kept).ok_or_else(|| {
                let known: Vec<_> = Kept::ALL.into_iter().map(Kept::as_str).chain(["any", "none"]).collect();
                one_of(&text, "reason to keep", &known)
            })
        }
        Shape::Level => level(name, op, text),
        Shape::Group => {
            only_is(name, op, false)?;
            let range = group_range(text.trim_end_matches('*'));
            let (first, last) = range.ok_or_else(|| "a group's id is 1 to 16 hexadecimal digits".to_owned())?;
            Ok(Test::Group(first, last))
        }
        Shape::Id => only_is(name, op, false).map(|()| Test::Id(Id::of(text))),
        Shape::Trace => {
            only_is(name, op, false)?;
            let range = trace_range(text.trim_end_matches('*').to_ascii_lowercase().as_str());
            let (first, last) = range.ok_or_else(|| "a trace id is 32 hexadecimal digits, or its first 4 at least".to_owned())?;
            Ok(Test::Trace(first, last))
        }
    }
}

fn only_is(name: &str, op: Op, part: bool) -> Result<(), String> {
    match op {
        Op::Is | Op::IsNot => Ok(()),
        Op::Part if part => Ok(()),
        _ => Err(format!("'{name}' cannot be compared so; write {name}:value")),
    }
}

fn one_of(text: &str, what: &str, known: &[&str]) -> String {
    format!("no {what} is called '{text}'; it is one of {}", known.join(", "))
}

/// Words one behind the other; a text without any as it stands.
fn phrase(text: &str) -> Text {
    let phrase: Vec<_> = words(text).map(folded).collect();
    if phrase.is_empty() { Text::Contains(text.to_owned()) } else { Text::Phrase(phrase) }
}

/// A text against a whole text, its start, a part of it or a pattern.
pub(super) fn text_op(op: Op, value: &Value) -> Result<Text, String> {
    if value.form == Form::Pattern {
        return pattern(&value.text);
    }
    let text = value.text.to_ascii_lowercase();
    match op {
        Op::Part => Ok(Text::Contains(text)),
        Op::Is | Op::IsNot => Ok(match text.strip_suffix('*') {
            Some(start) if value.form == Form::Plain => Text::StartsWith(start.to_owned()),
            _ => Text::Is(text),
        }),
        _ => Err("texts are compared with : for the whole, a trailing * for the start, or ~ for a part".to_owned()),
    }
}

fn pattern(text: &str) -> Result<Text, String> {
    let built = RegexBuilder::new(text).case_insensitive(true).size_limit(MAX_PATTERN_BYTES).build();
    built.map(Text::Pattern).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the /pattern/ is too large".to_owned(),
        // The last line of several is what is wrong; the others draw the pattern.
        error => {
            let said = error.to_string();
            let what = said.lines().last().unwrap_or_default();
            format!("the /pattern/ is wrong: {}", what.strip_prefix("error: ").unwrap_or(what))
        }
    })
}

/// A duration is never met to the nanosecond.
fn is_no_moment(name: &str, op: Op, text: &str) -> Result<(), String> {
    if matches!(op, Op::Is | Op::IsNot) && !text.contains("..") {
        return Err(format!("compare '{name}' with > or <, or give a range such as {name}:100ms..300ms"));
    }
    Ok(())
}

/// A size, with or without its unit.
fn bytes(text: &str) -> Option<(i64, i64)> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at_checked(digits)?;
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let unit: f64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float stops at the bounds")]
    let bytes = (number.parse::<f64>().ok()? * unit).round() as i64;
    Some((bytes, bytes))
}

/// `404`, or `5xx` as its first and last.
fn status(text: &str) -> Option<(i64, i64)> {
    if let [class @ b'1'..=b'9', b'x' | b'X', b'x' | b'X'] = text.as_bytes() {
        let low = i64::from(class - b'0') * 100;
        return Some((low, low + 99));
    }
    let known = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| known).map(|status| (status, status))
}

fn count(text: &str) -> Option<(i64, i64)> {
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_whole).map(|count| (count, count))
}

fn duration(text: &str) -> Option<(i64, i64)> {
    duration_ns(text).map(|(ns, _)| (ns, ns))
}

/// Reads a number or a range; what is read may itself stand for several numbers in a row.
fn bounds(name: &str, op: Op, text: &str, read: fn(&str) -> Option<(i64, i64)>) -> Result<Bounds, String> {
    let wrong = |text: &str| format!("'{name}' cannot be '{text}'");
    if let (Op::Is | Op::IsNot, Some((low, high))) = (op, text.split_once("..")) {
        let side = |text: &str, open: i64| if text.is_empty() { Some((open, open)) } else { read(text) };
        let low = side(low, i64::MIN).ok_or_else(|| wrong(low))?.0;
        let high = side(high, i64::MAX).ok_or_else(|| wrong(high))?.1;
        if low > high {
            return Err(format!("the range '{text}' is empty: its start is above its end"));
        }
        return Ok(Bounds { low, high });
    }
    let (low, high) = read(text).ok_or_else(|| wrong(text))?;
    let all = Bounds { low: i64::MIN, high: i64::MAX };
    match op {
        Op::Is | Op::IsNot => Ok(Bounds { low, high }),
        Op::Greater => Ok(Bounds { low: high.saturating_add(1), ..all }),
        Op::AtLeast => Ok(Bounds { low, ..all }),
        Op::Less => Ok(Bounds { high: low.saturating_sub(1), ..all }),
        Op::AtMost => Ok(Bounds { high, ..all }),
        Op::Part => Err(format!("'{name}' is a number: compare it with : > >= < or <=")),
    }
}

fn time(key: &Key, op: Op, text: &str) -> Result<Test, String> {
    let name = key.name;
    let moment = Moment::parse(text).ok_or_else(|| {
        format!("'{text}' is no time: write how long ago, such as 10m (s, m, h, d), or a moment such as 2026-01-31T12:00:00Z")
    })?;
    let next = match moment {
        Moment::UnixNs(at) => Moment::UnixNs(at.saturating_add(1)),
        Moment::AgoNs(ago) => Moment::AgoNs(ago.saturating_sub(1)),
    };
    let (from, before) = match (&key.shape, op) {
        (Shape::Since, Op::Is) | (Shape::Time, Op::AtLeast) => (Some(moment), None),
        (Shape::Until, Op::Is) | (Shape::Time, Op::Less) => (None, Some(moment)),
        (Shape::Time, Op::Greater) => (Some(next), None),
        (Shape::Time, Op::AtMost) => (None, Some(next)),
        (Shape::Time, _) => return Err(format!("compare '{name}' with > >= < or <=")),
        _ => return Err(format!("write {name}:10m, or compare 'time' with > or <")),
    };
    Ok(Test::Time { from, before })
}

fn level(name: &str, op: Op, text: &str) -> Result<Test, String> {
    bounds(name, op, text, |text| {
        let level: Level = text.parse().ok().filter(|_| !text.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some((severity(level), severity(level)))
    })
    .map(Test::Level)
    .map_err(|_| one_of(text, "level", &["trace", "debug", "info", "warn", "error"]))
}
