//! Why the detail of a request travels.

use std::fmt;

/// Why a record holds everything that was captured, and not only the summary.
///
/// Where several hold, the first of this list is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kept {
    /// It failed, or an error stands on it although it was answered well, such as the panic of a task.
    Failed,
    /// It was slow.
    Slow,
    /// The application asked for it.
    Flagged,
    /// Somebody asked for it while the process ran, or the request carried a debug token.
    Asked,
    /// A query of the settings matched.
    Matched,
    /// The sampler chose it.
    Sampled,
    /// The settings keep the detail of every request.
    All,
}

impl Kept {
    /// Every reason, in the order of the list above.
    pub const ALL: [Self; 7] = [Self::Failed, Self::Slow, Self::Flagged, Self::Asked, Self::Matched, Self::Sampled, Self::All];

    /// The word that every output and the query language use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Slow => "slow",
            Self::Flagged => "flagged",
            Self::Asked => "asked",
            Self::Matched => "matched",
            Self::Sampled => "sampled",
            Self::All => "all",
        }
    }

    /// The reason that [`as_str`](Self::as_str) names so.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kept| kept.as_str() == word)
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
