//! From text to an expression.

use tracing::Level;

use super::Error;
use super::columns::{Column, normal_route};
use super::keys::{self, Key, Shape};
use super::time::{Moment, duration_ns};
use super::words::{folded, words};
use crate::record::{Kind, Outcome, TraceId};

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 32;
/// How many terms a query may have.
const MAX_TERMS: usize = 256;

#[derive(Clone, Debug)]
pub(super) enum Expr {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

impl Default for Expr {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

#[derive(Clone, Debug)]
pub(super) enum Test {
    Status(Bounds),
    DurationNs(Bounds),
    Time {
        from: Option<Moment>,
        before: Option<Moment>,
    },
    Column(Column, Text),
    Attribute(String, Text),
    Failure(String),
    Outcome(Outcome),
    Kind(Kind),
    /// Severity from 1, trace, to 5, error.
    Level(Bounds),
    Id(Id),
    Trace(TraceId),
    /// Folded words in a row; `id` where they may also be the start of a short id.
    Words {
        phrase: Vec<String>,
        id: Option<Id>,
    },
    Part(String),
}

/// Both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) low: i64,
    pub(super) high: i64,
}

impl Bounds {
    pub(super) const fn contains(self, value: i64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// How a text is compared; all in lower case (ASCII letters only).
#[derive(Clone, Debug)]
pub(super) enum Text {
    Is(String),
    StartsWith(String),
    Contains(String),
}

/// The start of a span id as the range of all ids that begin so, and the words it may also be as a whole.
#[derive(Clone, Debug)]
pub(super) struct Id {
    pub(super) spans: Option<([u8; 8], [u8; 8])>,
    pub(super) trace: Option<TraceId>,
    /// In lower case (ASCII letters only).
    pub(super) request: String,
}

impl Id {
    pub(super) fn of(text: &str) -> Self {
        let request = text.to_ascii_lowercase();
        Self { spans: span_range(&request), trace: TraceId::parse(&request), request }
    }
}

/// The first and the last span id that begins with these 1 to 16 hexadecimal digits.
fn span_range(digits: &str) -> Option<([u8; 8], [u8; 8])> {
    if digits.is_empty() || digits.len() > 16 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let end = |filler: char| {
        let full: String = digits.chars().chain(std::iter::repeat(filler)).take(16).collect();
        u64::from_str_radix(&full, 16).ok().map(u64::to_be_bytes)
    };
    Some((end('0')?, end('f')?))
}

pub(super) fn parse(text: &str) -> Result<Expr, Error> {
    if text.len() > super::Query::MAX_BYTES {
        let message = format!("a query is at most {} bytes long", super::Query::MAX_BYTES);
        return Err(Error::new(message, "", 0));
    }
    let mut parser = Parser { text, at: 0, terms: 0 };
    let expr = parser.any(0)?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.error("unexpected ')'")),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Is,
    IsNot,
    Greater,
    AtLeast,
    Less,
    AtMost,
    Part,
}

/// Two characters before one, so that `>=` is not read as `>`.
const OPS: [(&str, Op); 8] = [
    ("!=", Op::IsNot),
    (">=", Op::AtLeast),
    ("<=", Op::AtMost),
    (":", Op::Is),
    ("=", Op::Is),
    (">", Op::Greater),
    ("<", Op::Less),
    ("~", Op::Part),
];

struct Parser<'a> {
    text: &'a str,
    at: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character that is not a space, which is skipped.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn error(&self, message: impl Into<String>) -> Error {
        self.error_at(message, self.at)
    }

    fn error_at(&self, message: impl Into<String>, at: usize) -> Error {
        Error::new(message, self.text, at)
    }

    /// Takes a word of the grammar, when it stands alone.
    fn take_word(&mut self, wanted: &str) -> bool {
        self.peek();
        let word = self.rest().split(|c: char| c.is_whitespace() || "()\"".contains(c)).next().unwrap_or_default();
        let found = word.eq_ignore_ascii_case(wanted);
        if found {
            self.at += word.len();
        }
        found
    }

    fn any(&mut self, depth: usize) -> Result<Expr, Error> {
        let mut branches = vec![self.all(depth)?];
        loop {
            let at = self.at;
            if !self.take_word("or") {
                break;
            }
            let branch = self.all(depth)?;
            if [branches.last(), Some(&branch)].into_iter().flatten().any(|b| matches!(b, Expr::All(t) if t.is_empty())) {
                return Err(self.error_at("'or' needs a term on both sides; quote it to search for the word", at));
            }
            branches.push(branch);
        }
        Ok(if branches.len() == 1 { branches.swap_remove(0) } else { Expr::Any(branches) })
    }

    fn all(&mut self, depth: usize) -> Result<Expr, Error> {
        let mut terms = Vec::new();
        loop {
            let at = self.at;
            if self.take_word("and") {
                let before = self.at;
                let follows = self.peek().is_some_and(|c| c != ')') && !self.take_word("or") && !self.take_word("and");
                if terms.is_empty() || !follows {
                    return Err(self.error_at("'and' needs a term on both sides; quote it to search for the word", at));
                }
                self.at = before;
            }
            let Some(next) = self.peek() else { break };
            let before = self.at;
            if next == ')' || self.take_word("or") {
                self.at = before;
                break;
            }
            terms.push(self.unary(depth)?);
        }
        Ok(if terms.len() == 1 { terms.swap_remove(0) } else { Expr::All(terms) })
    }

    fn unary(&mut self, depth: usize) -> Result<Expr, Error> {
        let mut negated = false;
        loop {
            if self.peek() == Some('-') {
                self.at += 1;
            } else if !self.take_word("not") {
                break;
            }
            negated = !negated;
        }
        let expr = match self.peek() {
            None | Some(')') => return Err(self.error("nothing to negate; quote it to search for the text")),
            Some('(') => self.group(depth)?,
            Some(_) => self.term()?,
        };
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn group(&mut self, depth: usize) -> Result<Expr, Error> {
        let open = self.at;
        if depth >= MAX_DEPTH {
            return Err(self.error(format!("parentheses nest deeper than {MAX_DEPTH}")));
        }
        self.at += 1;
        let expr = self.any(depth + 1)?;
        if self.peek() != Some(')') {
            return Err(self.error_at("this '(' is never closed", open));
        }
        self.at += 1;
        if matches!(&expr, Expr::All(terms) if terms.is_empty()) {
            return Err(self.error_at("nothing between the parentheses", open));
        }
        Ok(expr)
    }

    fn term(&mut self) -> Result<Expr, Error> {
        let start = self.at;
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(self.error(format!("a query has at most {MAX_TERMS} terms")));
        }
        let name = self.key_name();
        let Some(op) = self.operator(name) else {
            let value = self.value()?;
            return Ok(Expr::Test(any_words(&value.text)));
        };
        let value_at = self.at;
        let value = self.value()?;
        if value.text.is_empty() && !value.quoted {
            let term = self.text.get(start..value_at).unwrap_or_default();
            return Err(self.error_at(format!("'{term}' needs a value"), value_at));
        }
        if name.is_empty() {
            return Ok(Expr::Test(Test::Part(value.text)));
        }
        let test = match keys::find(name) {
            Some(key) => key_test(key, op, &value),
            None if name.contains('.') => text_op(op, &value).map(|text| Test::Attribute(name.to_owned(), text)),
            None => return Err(self.error_at(unknown_key(name), start)),
        };
        let test = test.map_err(|message| self.error_at(message, value_at))?;
        let expr = Expr::Test(test);
        Ok(if op == Op::IsNot { Expr::Not(Box::new(expr)) } else { expr })
    }

    /// What may be a key; only an operator behind it makes it one.
    fn key_name(&self) -> &'a str {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return "";
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    fn operator(&mut self, name: &str) -> Option<Op> {
        let behind = self.rest().get(name.len()..)?;
        let (text, op) = OPS.into_iter().find(|(text, _)| behind.starts_with(text))?;
        if name.is_empty() && op != Op::Part {
            return None;
        }
        self.at += name.len() + text.len();
        Some(op)
    }

    fn value(&mut self) -> Result<Value, Error> {
        let start = self.at;
        if !self.rest().starts_with('"') {
            let rest = self.rest();
            let end = rest.find(|c: char| c.is_whitespace() || "()\"".contains(c)).unwrap_or(rest.len());
            self.at += end;
            return Ok(Value { text: rest.get(..end).unwrap_or_default().to_owned(), quoted: false });
        }
        let mut text = String::new();
        let mut escaped = false;
        for (index, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => {
                    text.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.at += index + 1;
                    return Ok(Value { text, quoted: true });
                }
                c => text.push(c),
            }
        }
        Err(self.error_at("this quotation is never closed", start))
    }
}

struct Value {
    text: String,
    quoted: bool,
}

fn unknown_key(name: &str) -> String {
    match keys::nearest(name) {
        Some(known) => format!("unknown key '{name}'; did you mean '{known}'?"),
        None => {
            let known: Vec<_> = keys::KEYS.iter().map(Key::name).collect();
            format!("unknown key '{name}'; keys are {}; quote it to search for the text", known.join(", "))
        }
    }
}

fn any_words(text: &str) -> Test {
    let phrase: Vec<_> = words(text).map(folded).collect();
    if phrase.is_empty() {
        return Test::Part(text.to_owned());
    }
    let id = Some(Id::of(text)).filter(|id| text.len() >= 4 && id.spans.is_some());
    Test::Words { phrase, id }
}

/// The test of a key; the error is a message without its place.
fn key_test(key: &Key, op: Op, value: &Value) -> Result<Test, String> {
    let (name, text) = (key.name, value.text.as_str());
    match key.shape {
        Shape::Status => Ok(Test::Status(bounds(name, op, text, status)?)),
        Shape::Duration => {
            if matches!(op, Op::Is | Op::IsNot) && !text.contains("..") {
                return Err(format!("compare '{name}' with > or <, or give a range such as {name}:100ms..300ms"));
            }
            Ok(Test::DurationNs(bounds(name, op, text, duration)?))
        }
        Shape::Time | Shape::Since | Shape::Until => time(key, op, text),
        Shape::Text(column) => {
            let route = column == Column::Route;
            let value = Value { text: if route { normal_route(text).into_owned() } else { text.to_owned() }, ..*value };
            Ok(Test::Column(column, text_op(op, &value)?))
        }
        Shape::Failure => only_is(name, op, true).map(|()| Test::Failure(text.to_owned())),
        Shape::Any if op == Op::Part => Ok(Test::Part(text.to_owned())),
        Shape::Any => only_is(name, op, false).map(|()| any_words(text)),
        Shape::Outcome => {
            only_is(name, op, false)?;
            let known = Outcome::parse(&text.to_ascii_lowercase());
            known.map(Test::Outcome).ok_or_else(|| one_of(text, "outcome", &Outcome::ALL.map(Outcome::as_str)))
        }
        Shape::Kind => {
            only_is(name, op, false)?;
            let kinds = [("request", Kind::Request), ("event", Kind::Event), ("span", Kind::Span), ("live", Kind::Live)];
            let known = kinds.into_iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
            known.map(|(_, kind)| Test::Kind(kind)).ok_or_else(|| one_of(text, "kind", &["request", "event", "span"]))
        }
        Shape::Level => level(name, op, text),
        Shape::Id => only_is(name, op, false).map(|()| Test::Id(Id::of(text))),
        Shape::Trace => {
            only_is(name, op, false)?;
            let id = TraceId::parse(&text.to_ascii_lowercase());
            id.map(Test::Trace).ok_or_else(|| "a trace id is 32 hexadecimal digits".to_owned())
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

/// A text against a whole text, its start or a part of it.
fn text_op(op: Op, value: &Value) -> Result<Text, String> {
    let text = value.text.to_ascii_lowercase();
    match op {
        Op::Part => Ok(Text::Contains(text)),
        Op::Is | Op::IsNot => Ok(match text.strip_suffix('*') {
            Some(start) if !value.quoted => Text::StartsWith(start.to_owned()),
            _ => Text::Is(text),
        }),
        _ => Err("texts are compared with : for the whole, a trailing * for the start, or ~ for a part".to_owned()),
    }
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
    let (from, before) = match (key.shape, op) {
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

/// From 1, trace, to 5, error.
pub(super) const fn severity(level: Level) -> i64 {
    match level {
        Level::ERROR => 5,
        Level::WARN => 4,
        Level::INFO => 3,
        Level::DEBUG => 2,
        Level::TRACE => 1,
    }
}
