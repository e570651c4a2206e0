//! What was taken out.

use std::fmt;

use super::present;
use crate::record::parts::{Parts, RedactionSlot};

/// Something that was taken out of a record.
#[derive(Clone, Copy)]
pub struct Redaction<'a> {
    parts: &'a Parts,
    slot: &'a RedactionSlot,
}

impl fmt::Debug for Redaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("place", &self.place())
            .field("key", &self.key())
            .field("rule", &self.rule())
            .field("len_bytes", &self.len_bytes())
            .finish_non_exhaustive()
    }
}

impl<'a> Redaction<'a> {
    /// The [`place`](Self::place) of headers and trailers, whose key is the header's name.
    pub const HEADER: &'static str = "http.header";

    pub(in crate::record) const fn new(parts: &'a Parts, slot: &'a RedactionSlot) -> Self {
        Self { parts, slot }
    }

    /// Where it stood, such as `url.query`, `http.request.body.content` or `event`.
    #[must_use]
    pub fn place(&self) -> &'a str {
        self.parts.str(self.slot.place)
    }

    /// The key or path below that place.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.key))
    }

    /// The rule that asked for it.
    #[must_use]
    pub fn rule(&self) -> &'a str {
        self.parts.str(self.slot.rule)
    }

    /// How many bytes were taken out.
    #[must_use]
    pub const fn len_bytes(&self) -> u32 {
        self.slot.len
    }

    /// A short hash of what was taken out, keyed with a secret of the process, where the settings ask for one: equal
    /// secrets have the same.
    #[must_use]
    pub const fn hash(&self) -> Option<u32> {
        if self.slot.hash == 0 { None } else { Some(self.slot.hash) }
    }
}
