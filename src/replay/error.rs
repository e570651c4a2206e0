//! Why a request was not sent, or has no answer.

use std::fmt;

/// A request that could not be sent, or got no answer.
///
/// The texts show nothing of the request but the place that is wrong.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Connection,
    Late,
    Here,
}

impl Error {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Whether the request itself cannot be sent, such as for a header that is none; nothing was sent.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.kind, Kind::Request)
    }

    /// Whether nobody answered, or the connection broke before there was an answer.
    #[must_use]
    pub const fn is_connection(&self) -> bool {
        matches!(self.kind, Kind::Connection)
    }

    /// Whether no answer began in time.
    #[must_use]
    pub const fn is_late(&self) -> bool {
        matches!(self.kind, Kind::Late)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
