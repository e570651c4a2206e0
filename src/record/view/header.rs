//! A header.

use std::fmt;

use crate::record::parts::{HeaderSlot, Parts, Side};

/// A header of the request, of the response or of its trailers.
#[derive(Clone, Copy)]
pub struct Header<'a> {
    parts: &'a Parts,
    slot: &'a HeaderSlot,
}

impl fmt::Debug for Header<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header").field("name", &self.name()).field("value", &self.value()).finish()
    }
}

impl<'a> Header<'a> {
    pub(in crate::record) const fn new(parts: &'a Parts, slot: &'a HeaderSlot) -> Self {
        Self { parts, slot }
    }

    pub(in crate::record) fn is_on(&self, side: Side) -> bool {
        self.slot.side == side
    }

    /// Its name, in lower case.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.parts.str(self.slot.name)
    }

    /// Its value, or `None` where it was not taken because it may hold a secret.
    #[must_use]
    pub fn value(&self) -> Option<&'a str> {
        self.slot.value.map(|text| self.parts.str(text))
    }

    /// Length of the value in the message, in bytes; also known where the value is not.
    #[must_use]
    pub const fn len_bytes(&self) -> u32 {
        self.slot.len
    }
}
