//! Colours, where they are wanted: the eight of every terminal.

/// A colour that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// As it should be.
    Good,
    /// Elsewhere, or of low level.
    Calm,
    /// The caller's mistake, or slow.
    Warning,
    /// Failed.
    Bad,
}

/// Puts colours around text, or leaves it alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    /// Appends `text` in `colour`; a text of spaces and no colour stay as they are.
    pub(super) fn push(self, out: &mut String, text: &str, colour: Option<Colour>) {
        let Some(colour) = colour.filter(|_| self.0) else {
            out.push_str(text);
            return;
        };
        // Spaces stay outside, so that nothing is underlined or shaded by a terminal's theme.
        let trimmed = text.trim_start_matches(' ');
        out.push_str(text.get(..text.len() - trimmed.len()).unwrap_or_default());
        out.push_str(match colour {
            Colour::Good => "\u{1b}[32m",
            Colour::Calm => "\u{1b}[36m",
            Colour::Warning => "\u{1b}[33m",
            Colour::Bad => "\u{1b}[31m",
        });
        out.push_str(trimmed);
        out.push_str("\u{1b}[0m");
    }
}
