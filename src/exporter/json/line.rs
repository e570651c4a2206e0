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
pub(super) enum Name<'a> {
    /// One of the schema's own, as a text behind another one begins: separator, name, and in JSON all quotes.
    Own(&'a str),
    /// Any other, with what stands before it, so many times.
    Foreign { prefix: &'static str, times: usize, name: &'a str },
}

impl<'a> Name<'a> {
    /// One that stands as it is, but may need escapes.
    pub(super) const fn foreign(name: &'a str) -> Self {
        Self::Foreign { prefix: "", times: 0, name }
    }
}

/// A line that is being written.
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
    style: Style,
    limits: Limits,
    is_empty: bool,
    /// Whether something did not fit.
    pub(super) is_cut: bool,
}

impl<'a> Line<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>, style: Style, limits: Limits) -> Self {
        if style == Style::Json {
            out.push(b'{');
        }
        Self { out, style, limits, is_empty: true, is_cut: false }
    }

    /// A part of a line: its fields alone.
    pub(super) fn inside(out: &'a mut Vec<u8>, style: Style, limits: Limits) -> Self {
        Self { out, style, limits, is_empty: true, is_cut: false }
    }

    pub(super) fn end(self) {
        if self.style == Style::Json {
            self.out.push(b'}');
        }
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// Appends what was written before as a whole, of at least one field.
    pub(super) fn again(&mut self, fields: &[u8]) {
        self.separate();
        self.out.extend_from_slice(fields);
    }

    pub(super) fn text(&mut self, name: Name<'_>, text: &str) {
        let is_plain = text.len() <= self.limits.text && has_only_plain(text.as_bytes(), [b'"', b'\\']);
        if is_plain && self.style == Style::Json {
            self.plain(name, text.as_bytes());
        } else if is_plain && !text.is_empty() && !text.bytes().any(|byte| matches!(byte, b' ' | b'=')) {
            self.raw(name, text.as_bytes());
        } else {
            self.texts(name, [text]);
        }
    }

    /// Texts with a space between each two; always in quotes.
    pub(super) fn texts<const N: usize>(&mut self, name: Name<'_>, texts: [&str; N]) {
        self.quoted(name, |to| {
            for (index, text) in texts.iter().enumerate() {
                if index > 0 {
                    to.push(' ')?;
                }
                to.write_str(text)?;
            }
            Ok(())
        });
    }

    /// Text that is put together while it is written; always in quotes.
    pub(super) fn display(&mut self, name: Name<'_>, text: fmt::Arguments<'_>) {
        self.quoted(name, |to| to.write_fmt(text));
    }

    /// A text that is known to need no escapes and to fit; always in quotes.
    #[inline]
    pub(super) fn plain(&mut self, name: Name<'_>, text: &[u8]) {
        if self.open_quoted(name) {
            self.out.extend_from_slice(text);
            self.out.push(b'"');
        }
    }

    /// A text that needs no escapes and is bare where that is possible; short too.
    pub(super) fn word(&mut self, name: Name<'_>, text: &[u8]) {
        match self.style {
            Style::Json => self.plain(name, text),
            Style::Logfmt => self.raw(name, text),
        }
    }

    /// A number or another value that needs neither quotes nor escapes.
    #[inline]
    pub(super) fn raw(&mut self, name: Name<'_>, value: &[u8]) {
        if self.open(name) {
            self.out.extend_from_slice(value);
        }
    }

    pub(super) fn number(&mut self, name: Name<'_>, number: u64) {
        self.raw(name, digits::number(number).as_bytes());
    }

    pub(super) fn float(&mut self, name: Name<'_>, number: f64) {
        self.raw(name, number.to_string().as_bytes());
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
                if self.open(name) {
                    self.out.push(b'-');
                    self.out.extend_from_slice(digits::number(number.unsigned_abs()).as_bytes());
                }
            }
            Value::Bool(value) => self.raw(name, if value { b"true" } else { b"false" }),
        }
    }

    /// Several texts: an array, or in logfmt one text. Writes nothing when there are none.
    pub(super) fn list<T: fmt::Display>(&mut self, name: Name<'_>, texts: impl Iterator<Item = T> + Clone) {
        let (count, json) = (texts.clone().count(), self.style == Style::Json);
        if count == 0 {
            return;
        }
        let is_cut = count > self.limits.items;
        let texts = texts.take(self.limits.items).enumerate();
        if !json {
            self.is_cut |= is_cut;
            return self.quoted(name, |to| {
                for (index, text) in texts {
                    write!(to, "{}{text}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            });
        }
        if !self.open(name) {
            return;
        }
        self.is_cut |= is_cut;
        self.out.push(b'[');
        for (index, text) in texts {
            if index > 0 {
                self.out.push(b',');
            }
            self.out.push(b'"');
            self.fill(|to| write!(to, "{text}"));
        }
        self.out.push(b']');
    }

    fn separate(&mut self) {
        if !self.is_empty {
            self.out.push(if self.style == Style::Json { b',' } else { b' ' });
        }
        self.is_empty = false;
    }

    /// Begins a field whose value has no quotes; false where its name is too long.
    #[inline]
    fn open(&mut self, name: Name<'_>) -> bool {
        let Name::Own(opened) = name else { return self.open_foreign(name) };
        let from = usize::from(self.is_empty);
        let to = opened.len() - usize::from(self.style == Style::Json);
        self.is_empty = false;
        self.out.extend_from_slice(opened.as_bytes().get(from..to).unwrap_or_default());
        true
    }

    /// Begins a field whose value has quotes; false where its name is too long.
    #[inline]
    fn open_quoted(&mut self, name: Name<'_>) -> bool {
        if let (Name::Own(opened), Style::Json) = (name, self.style) {
            let from = usize::from(self.is_empty);
            self.is_empty = false;
            self.out.extend_from_slice(opened.as_bytes().get(from..).unwrap_or_default());
            return true;
        }
        let is_open = self.open(name);
        if is_open {
            self.out.push(b'"');
        }
        is_open
    }

    fn open_foreign(&mut self, name: Name<'_>) -> bool {
        let Name::Foreign { prefix, times, name } = name else { return false };
        if prefix.len() * times + name.len() > MAX_NAME_BYTES {
            self.is_cut = true;
            return false;
        }
        self.separate();
        if self.style == Style::Json {
            self.out.push(b'"');
        }
        (0..times).for_each(|_| self.out.extend_from_slice(prefix.as_bytes()));
        match self.style {
            Style::Json => {
                // A name is bounded above, so it is never cut here.
                let _ = Quoted { out: self.out, left: usize::MAX, is_cut: false }.write_str(name);
                self.out.extend_from_slice(b"\":");
            }
            Style::Logfmt => {
                self.out.extend_from_slice(name.as_bytes());
                self.out.push(b'=');
            }
        }
        true
    }

    #[inline]
    fn quoted(&mut self, name: Name<'_>, write: impl FnOnce(&mut Quoted<'_>) -> fmt::Result) {
        if self.open_quoted(name) {
            self.fill(write);
        }
    }

    /// What stands between quotes, and the last of them.
    #[inline]
    fn fill(&mut self, write: impl FnOnce(&mut Quoted<'_>) -> fmt::Result) {
        let mut to = Quoted { out: self.out, left: self.limits.text, is_cut: false };
        let _ = write(&mut to);
        if to.is_cut {
            self.out.extend_from_slice(CUT_MARK.as_bytes());
            self.is_cut = true;
        }
        self.out.push(b'"');
    }
}

/// The inside of a JSON string, which is also what logfmt readers expect in quotes.
struct Quoted<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
    is_cut: bool,
}

impl Quoted<'_> {
    #[inline]
    fn push(&mut self, char: char) -> fmt::Result {
        if let (' ', Some(left)) = (char, self.left.checked_sub(1)) {
            self.out.push(b' ');
            self.left = left;
            return Ok(());
        }
        self.push_escaped(char)
    }

    fn push_escaped(&mut self, char: char) -> fmt::Result {
        let before = self.out.len();
        match char {
            '"' => self.out.extend_from_slice(b"\\\""),
            '\\' => self.out.extend_from_slice(b"\\\\"),
            '\n' => self.out.extend_from_slice(b"\\n"),
            '\r' => self.out.extend_from_slice(b"\\r"),
            '\t' => self.out.extend_from_slice(b"\\t"),
            // Those beyond the basic plane take two.
            hidden if is_hidden(hidden) => {
                let units = hidden.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                self.out.extend_from_slice(units.as_bytes());
            }
            visible => self.out.extend_from_slice(visible.encode_utf8(&mut [0; 4]).as_bytes()),
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
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.left && has_only_plain(text.as_bytes(), [b'"', b'\\']) {
            self.out.extend_from_slice(text.as_bytes());
            self.left -= text.len();
            return Ok(());
        }
        text.chars().try_for_each(|char| self.push(char))
    }
}
