//! What is wrong with a query, and where.

use std::fmt;

/// A query that cannot be understood.
///
/// # Shape
/// One line that says what is wrong, the query, and a line with a caret under the place. Control characters of the query
/// are shown as `·`, so that it may be printed to a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    message: String,
    query: String,
    /// In characters from the start.
    at: usize,
}

impl Error {
    pub(super) fn new(message: impl Into<String>, query: &str, byte: usize) -> Self {
        let at = query.char_indices().take_while(|(index, _)| *index < byte).count();
        let query = query.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
        Self { message: message.into(), query, at }
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place, in characters from the start of the query.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.at
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.message)?;
        writeln!(f, "  {}", self.query)?;
        write!(f, "  {:width$}^", "", width = self.at)
    }
}

impl std::error::Error for Error {}
