//! A text with some of its parts replaced; nothing is copied until the first one is.

use std::ops::Range;

/// Replaces parts of a text from left to right.
#[derive(Debug)]
pub(super) struct Rewrite<'a> {
    text: &'a str,
    out: String,
    /// Up to where the text is in `out`.
    done: usize,
    is_changed: bool,
}

impl<'a> Rewrite<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, out: String::new(), done: 0, is_changed: false }
    }

    /// Puts `with` in the place of a part. What overlaps an earlier part is not kept; half a character goes with it.
    pub(super) fn replace(&mut self, part: Range<usize>, with: &str) {
        let start = (0..=part.start.max(self.done)).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default();
        let end = (part.end.max(self.done)..=self.text.len()).find(|at| self.text.is_char_boundary(*at));
        self.out.push_str(self.text.get(self.done..start).unwrap_or_default());
        self.out.push_str(with);
        self.done = end.unwrap_or(self.text.len());
        self.is_changed = true;
    }

    /// The new text; `None` when nothing was replaced.
    pub(super) fn finish(mut self) -> Option<String> {
        if !self.is_changed {
            return None;
        }
        self.out.push_str(self.text.get(self.done..).unwrap_or_default());
        Some(self.out)
    }
}
