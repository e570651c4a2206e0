//! Typed values, and the fields that have them.

use std::fmt;

use crate::record::parts::{FieldSlot, Parts, Slot};

/// A typed value of an attribute or a field.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "what tracing can record; everything else arrives as text")]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// A signed number.
    I64(i64),
    /// An unsigned number.
    U64(u64),
    /// A floating point number; may be NaN or infinite.
    F64(f64),
    /// Text; also what was given by `Debug`, `Display`, as bytes or as a 128-bit number.
    Str(&'a str),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => fmt::Display::fmt(value, f),
            Self::I64(value) => fmt::Display::fmt(value, f),
            Self::U64(value) => fmt::Display::fmt(value, f),
            Self::F64(value) => fmt::Display::fmt(value, f),
            Self::Str(value) => f.write_str(value),
        }
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl From<f32> for Value<'_> {
    fn from(value: f32) -> Self {
        Self::F64(value.into())
    }
}

impl From<isize> for Value<'_> {
    fn from(value: isize) -> Self {
        Self::I64(value as i64)
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::U64(value)
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Self::U64(value as u64)
    }
}

macro_rules! from_small_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value<'_> {
            fn from(value: $integer) -> Self {
                Self::I64(value.into())
            }
        }
    )*};
}
from_small_integers!(i8, i16, i32, i64, u8, u16, u32);

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Str(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Str(value)
    }
}

/// Gives the stored value its texts back.
fn value(parts: &Parts, slot: Slot) -> Value<'_> {
    match slot {
        Slot::Bool(value) => Value::Bool(value),
        Slot::I64(value) => Value::I64(value),
        Slot::U64(value) => Value::U64(value),
        Slot::F64(value) => Value::F64(value),
        Slot::Text(text) => Value::Str(parts.str(text)),
    }
}

/// An attribute of a request, or a field of a span or event.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    parts: &'a Parts,
    slot: &'a FieldSlot,
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name(), self.value())
    }
}

impl<'a> Field<'a> {
    pub(in crate::record) const fn new(parts: &'a Parts, slot: &'a FieldSlot) -> Self {
        Self { parts, slot }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.parts.str(self.slot.name)
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> Value<'a> {
        value(self.parts, self.slot.value)
    }
}
