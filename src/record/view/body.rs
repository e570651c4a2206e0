//! What was kept of a body.

use std::fmt;

use super::present;
use crate::record::parts::{BodySlot, Parts};

/// What was kept of a body.
#[derive(Clone, Copy)]
pub struct Body<'a> {
    parts: &'a Parts,
    slot: &'a BodySlot,
    seen_bytes: u64,
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("kept_bytes", &self.kept_bytes())
            .field("seen_bytes", &self.seen_bytes)
            .finish_non_exhaustive()
    }
}

impl<'a> Body<'a> {
    pub(in crate::record) const fn new(parts: &'a Parts, slot: &'a BodySlot, seen_bytes: u64) -> Self {
        Self { parts, slot, seen_bytes }
    }

    /// The start of it, with its secrets replaced.
    #[must_use]
    pub fn content(&self) -> &'a str {
        self.parts.str(self.slot.content)
    }

    /// How many bytes of the body [`content`](Self::content) stands for.
    #[must_use]
    pub const fn kept_bytes(&self) -> u64 {
        self.slot.kept_bytes as u64
    }

    /// All bytes of the body that passed.
    #[must_use]
    pub const fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }

    /// Whether there was more than what was kept.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.seen_bytes > self.kept_bytes()
    }

    /// Why nothing was kept: `budget`, `charset`, `content_encoding`, `content_type` or `record_full`; see
    /// [`Bodies`](crate::Bodies).
    #[must_use]
    pub fn skipped(&self) -> Option<&'a str> {
        present(self.parts.str(self.slot.skipped))
    }
}
