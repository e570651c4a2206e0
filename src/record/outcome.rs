//! How a request really ended.

use std::fmt;

/// The closed list of ways in which an exchange ends.
///
/// A timeout is not an outcome of its own: a service that answers or fails because of one is told by
/// [`Record::error_type`](super::Record::error_type).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the list is closed; a new way to end is a new major version")]
pub enum Outcome {
    /// The response was sent to its end.
    #[default]
    Answered,
    /// The service returned an error instead of a response.
    Failed,
    /// The service, or the body of its response, panicked.
    Panicked,
    /// The response was no longer wanted before it had begun.
    ClientGoneBeforeHead,
    /// The response's body was dropped before its end.
    ClientGoneMidBody,
    /// The response's body ended with an error.
    BodyError,
    /// The connection was handed over to another protocol.
    Upgraded,
}

impl Outcome {
    /// Every outcome, in the order of the list above.
    pub const ALL: [Self; 7] = [
        Self::Answered,
        Self::Failed,
        Self::Panicked,
        Self::ClientGoneBeforeHead,
        Self::ClientGoneMidBody,
        Self::BodyError,
        Self::Upgraded,
    ];

    /// The word that every output and the query language use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Panicked => "panicked",
            Self::ClientGoneBeforeHead => "client_gone_before_head",
            Self::ClientGoneMidBody => "client_gone_mid_body",
            Self::BodyError => "body_error",
            Self::Upgraded => "upgraded",
        }
    }

    /// The outcome that [`as_str`](Self::as_str) names so.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
