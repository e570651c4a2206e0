//! One line of names and values, as a JSON object or as logfmt.

use std::fmt::{self, Write as _};

use crate::escape::{is_hidden, is_plain};
use crate::record::Value;
use crate::record::parts::CUT_MARK;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Logfmt,
}

/// How much a line may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of one text, as written.
    pub(super) text: usize,
    /// Fields, and elements of one list.
    pub(super) items: usize,
}

/// A name longer than this is left out with its value.
const MAX_NAME_BYTES: usize = 256;

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

    pub(super) fn end(self) {
        if self.style == Style::Json {
            self.out.push('}');
        }
    }

    pub(super) const fn max_items(&self) -> usize {
        self.limits.items
    }

    pub(super) fn text(&mut self, name: &str, text: &str) {
        if self.style == Style::Logfmt && text.len() <= self.limits.text && is_bare(text) {
            self.raw(name, format_args!("{text}"));
        } else {
            self.display(name, format_args!("{text}"));
        }
    }

    /// Text that is put together while it is written; always in quotes.
    pub(super) fn display(&mut self, name: &str, text: fmt::Arguments<'_>) {
        if self.name(name) {
            self.quoted(|to| to.write_fmt(text));
        }
    }

    /// A number or another value that needs neither quotes nor escapes.
    pub(super) fn raw(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if self.name(name) {
            let _ = self.out.write_fmt(value);
        }
    }

    pub(super) fn value(&mut self, name: &str, value: Value<'_>) {
        match value {
            Value::Str(text) => self.text(name, text),
            Value::F64(number) if number.is_nan() => self.text(name, "NaN"),
            Value::F64(number) if number.is_infinite() => {
                self.text(name, if number > 0.0 { "Infinity" } else { "-Infinity" });
            }
            Value::Bool(_) | Value::I64(_) | Value::U64(_) | Value::F64(_) => self.raw(name, format_args!("{value}")),
        }
    }

    /// Several texts: an array, or in logfmt one text. Writes nothing when there are none.
    pub(super) fn list<T: fmt::Display>(&mut self, name: &str, texts: impl Iterator<Item = T> + Clone) {
        let (count, json) = (texts.clone().count(), self.style == Style::Json);
        if count == 0 || !self.name(name) {
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

    fn name(&mut self, name: &str) -> bool {
        if name.len() > MAX_NAME_BYTES {
            self.is_cut = true;
            return false;
        }
        let separator = match (self.style, self.is_empty) {
            (_, true) => "",
            (Style::Json, false) => ",",
            (Style::Logfmt, false) => " ",
        };
        self.is_empty = false;
        self.out.push_str(separator);
        match self.style {
            Style::Json => {
                self.out.push('"');
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
        if text.len() <= self.left && is_plain(text) && !text.bytes().any(|byte| matches!(byte, b'"' | b'\\')) {
            self.out.push_str(text);
            self.left -= text.len();
            return Ok(());
        }
        text.chars().try_for_each(|char| self.push(char))
    }
}

/// Whether a logfmt value needs no quotes.
fn is_bare(text: &str) -> bool {
    !text.is_empty() && is_plain(text) && !text.bytes().any(|byte| matches!(byte, b' ' | b'=' | b'"' | b'\\'))
}
