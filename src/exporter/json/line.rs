//! One line of names and values, as a JSON object or as logfmt.

use std::fmt::{self, Write as _};

use crate::digits;
use crate::escape::{has_only_plain, is_hidden};
use crate::record::Value;
use crate::record::parts::CUT_MARK;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Logfmt,
}

/// How much a line may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Bytes of one text, as written.
    pub(super) text: usize,
    /// Fields, and elements of one list.
    pub(super) items: usize,
}

impl Limits {
    pub(super) const NONE: Self = Self { text: usize::MAX, items: usize::MAX };
}

/// A name longer than this is left out with its value.
const MAX_NAME_BYTES: usize = 256;

/// The name of a field.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    /// Stands before it, so many times.
    pub(super) prefix: (&'static str, usize),
    pub(super) name: &'a str,
    /// Nothing in it has to be escaped.
    pub(super) is_plain: bool,
}

impl Name<'_> {
    fn len(&self) -> usize {
        self.prefix.0.len() * self.prefix.1 + self.name.len()
    }
}

/// One of the schema's own, which is plain.
impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Self { prefix: ("", 0), name, is_plain: true }
    }
}

/// A line that is being written.
pub(super) struct Line<'a> {
    out: &'a mut String,
    style: Style,
    limits: Limits,
    is_empty: bool,
    /// Whether something did not fit.
    pub(super) is_cut: bool,
}

impl<'a> Line<'a> {
    pub(super) fn begin(out: &'a mut String, style: Style, limits: Limits) -> Self {
        if style == Style::Json {
            out.push('{');
        }
        Self { out, style, limits, is_empty: true, is_cut: false }
    }

    /// A part of a line: its fields alone.
    pub(super) fn inside(out: &'a mut String, style: Style, limits: Limits) -> Self {
        Self { out, style, limits, is_empty: true, is_cut: false }
    }

    pub(super) fn end(self) {
        if self.style == Style::Json {
            self.out.push('}');
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// Appends what was written before as a whole, of at least one field.
    pub(super) fn again(&mut self, fields: &str) {
        self.separate();
        self.out.push_str(fields);
    }

    pub(super) fn text<'n>(&mut self, name: impl Into<Name<'n>>, text: &str) {
        if self.style == Style::Logfmt && text.len() <= self.limits.text && is_bare(text) {
            self.raw(name, text);
        } else {
            self.texts(name, [text]);
        }
    }

    /// Text in several pieces; always in quotes.
    pub(super) fn texts<'n, const N: usize>(&mut self, name: impl Into<Name<'n>>, texts: [&str; N]) {
        if self.name(name.into()) {
            self.quoted(|to| texts.iter().try_for_each(|text| to.write_str(text)));
        }
    }

    /// Text that is put together while it is written; always in quotes.
    pub(super) fn display<'n>(&mut self, name: impl Into<Name<'n>>, text: fmt::Arguments<'_>) {
        if self.name(name.into()) {
            self.quoted(|to| to.write_fmt(text));
        }
    }

    /// A number or another value that needs neither quotes nor escapes.
    pub(super) fn raw<'n>(&mut self, name: impl Into<Name<'n>>, value: &str) {
        if self.name(name.into()) {
            self.out.push_str(value);
        }
    }

    pub(super) fn number<'n>(&mut self, name: impl Into<Name<'n>>, number: u64) {
        self.raw(name, digits::number(number).as_str());
    }

    pub(super) fn float<'n>(&mut self, name: impl Into<Name<'n>>, number: f64) {
        if self.name(name.into()) {
            let _ = write!(self.out, "{number}");
        }
    }

    pub(super) fn value(&mut self, name: Name<'_>, value: Value<'_>) {
        match value {
            Value::Str(text) => self.text(name, text),
            Value::F64(number) if number.is_nan() => self.text(name, "NaN"),
            Value::F64(number) if number.is_infinite() => {
                self.text(name, if number > 0.0 { "Infinity" } else { "-Infinity" });
            }
            Value::F64(number) => self.float(name, number),
            Value::U64(number) => self.number(name, number),
            Value::I64(number) if number >= 0 => self.number(name, number.unsigned_abs()),
            Value::I64(number) => {
                if self.name(name) {
                    self.out.push('-');
                    self.out.push_str(digits::number(number.unsigned_abs()).as_str());
                }
            }
            Value::Bool(value) => self.raw(name, if value { "true" } else { "false" }),
        }
    }

    /// Several texts: an array, or in logfmt one text. Writes nothing when there are none.
    pub(super) fn list<T: fmt::Display>(&mut self, name: &str, texts: impl Iterator<Item = T> + Clone) {
        let (count, json) = (texts.clone().count(), self.style == Style::Json);
        if count == 0 || !self.name(name.into()) {
            return;
        }
        self.is_cut |= count > self.limits.items;
        let texts = texts.take(self.limits.items).enumerate();
        if !json {
            self.quoted(|to| {
                for (index, text) in texts {
                    write!(to, "{}{text}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            });
            return;
        }
        self.out.push('[');
        for (index, text) in texts {
            if index > 0 {
                self.out.push(',');
            }
            self.quoted(|to| write!(to, "{text}"));
        }
        self.out.push(']');
    }

    fn separate(&mut self) {
        if !self.is_empty {
            self.out.push(if self.style == Style::Json { ',' } else { ' ' });
        }
        self.is_empty = false;
    }

    fn name(&mut self, name: Name<'_>) -> bool {
        if name.len() > MAX_NAME_BYTES {
            self.is_cut = true;
            return false;
        }
        self.separate();
        let Name { prefix: (prefix, times), name, is_plain } = name;
        if self.style == Style::Json {
            self.out.push('"');
        }
        (0..times).for_each(|_| self.out.push_str(prefix));
        match self.style {
            Style::Json if is_plain => {
                self.out.push_str(name);
                self.out.push_str("\":");
            }
            Style::Json => {
                // A name is bounded above, so it is never cut here.
                let mut to = Quoted { out: self.out, left: usize::MAX, is_cut: false };
                let _ = to.write_str(name);
                self.out.push_str("\":");
            }
            Style::Logfmt => {
                self.out.push_str(name);
                self.out.push('=');
            }
        }
        true
    }

    fn quoted(&mut self, write: impl FnOnce(&mut Quoted<'_>) -> fmt::Result) {
        self.out.push('"');
        let mut to = Quoted { out: self.out, left: self.limits.text, is_cut: false };
        let _ = write(&mut to);
        let is_cut = to.is_cut;
        if is_cut {
            self.out.push_str(CUT_MARK);
            self.is_cut = true;
        }
        self.out.push('"');
    }
}

/// The inside of a JSON string, which is also what logfmt readers expect in quotes.
struct Quoted<'a> {
    out: &'a mut String,
    left: usize,
    is_cut: bool,
}

impl Quoted<'_> {
    fn push(&mut self, char: char) -> fmt::Result {
        let before = self.out.len();
        match char {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            // Those beyond the basic plane take two.
            hidden if is_hidden(hidden) => {
                hidden.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(self.out, "\\u{unit:04x}"))?;
            }
            visible => self.out.push(visible),
        }
        let len = self.out.len() - before;
        if len > self.left {
            self.out.truncate(before);
            self.is_cut = true;
            return Err(fmt::Error);
        }
        self.left -= len;
        Ok(())
    }
}

impl fmt::Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.left && has_only_plain(text.as_bytes(), [b'"', b'\\']) {
            self.out.push_str(text);
            self.left -= text.len();
            return Ok(());
        }
        text.chars().try_for_each(|char| self.push(char))
    }
}

/// Whether a logfmt value needs no quotes.
fn is_bare(text: &str) -> bool {
    !text.is_empty() && has_only_plain(text.as_bytes(), [b' ', b'=', b'"', b'\\'])
}
