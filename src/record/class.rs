//! What kind of trouble a request met.

use std::fmt;

use super::{FailureKind, Outcome, Record};

/// What kind of trouble a request met: a few words to tell overload from faults.
///
/// # Shape
/// - A panic is always that.
/// - A known error type among the error and its causes decides next: an elapsed timeout, or tower's `Overloaded`.
/// - Then what was answered: 429 and `RESOURCE_EXHAUSTED` say [`Saturated`](Self::Saturated), 408, 504 and
///   `DEADLINE_EXCEEDED` say [`Timeout`](Self::Timeout). 503 and `UNAVAILABLE` say `Saturated` where no error stands behind
///   them; with one they are what that error is.
/// - Whatever else [failed](Record::is_failed) is an [`Error`](Self::Error).
///
/// A request may be of a class and yet not have failed: 408, 429 and `RESOURCE_EXHAUSTED` are told to the client as its
/// own, and the conventions do not count them as errors of the server. A client that went away is in no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// The service, or the body of its response, panicked.
    Panic,
    /// It was turned away, for want of room: shed, or limited in rate.
    Saturated,
    /// It took too long, and was given up.
    Timeout,
    /// Any other failure.
    Error,
}

impl ErrorClass {
    /// Every class, in the order of the list above.
    pub const ALL: [Self; 4] = [Self::Panic, Self::Saturated, Self::Timeout, Self::Error];

    /// The word that every output and the query language use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Saturated => "saturated",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }

    /// The class that [`as_str`](Self::as_str) names so.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an answer says of itself.
struct Said {
    class: ErrorClass,
    /// Whether it says so whatever stands behind it.
    is_certain: bool,
}

impl Record {
    /// What kind of trouble it met; `None` where all went well, or only the client is to blame.
    #[must_use]
    pub fn error_class(&self) -> Option<ErrorClass> {
        let is_failed = self.is_failed();
        let said = self.said();
        if !is_failed && said.is_none() {
            return None;
        }
        let failure = self.failure();
        if self.outcome() == Outcome::Panicked || failure.is_some_and(|failure| failure.kind() == FailureKind::Panic) {
            return Some(ErrorClass::Panic);
        }
        let known = failure.and_then(|failure| {
            let types = std::iter::once(failure.type_name()).chain(failure.causes().map(|cause| cause.type_name()));
            types.flatten().find_map(of_type)
        });
        let has_other = failure.is_some_and(|failure| failure.kind() != FailureKind::Status);
        let said = said.filter(|said| said.is_certain || !has_other).map(|said| said.class);
        known.or(said).or_else(|| is_failed.then_some(ErrorClass::Error))
    }

    /// What its answer says, by the code of gRPC where there is one.
    fn said(&self) -> Option<Said> {
        let (class, is_certain) = match (self.rpc_status(), self.status()) {
            (Some(4), _) | (None, Some(408 | 504)) => (ErrorClass::Timeout, true),
            (Some(8), _) | (None, Some(429)) => (ErrorClass::Saturated, true),
            (Some(14), _) | (None, Some(503)) => (ErrorClass::Saturated, false),
            _ => return None,
        };
        Some(Said { class, is_certain })
    }

    /// Whether it tells how much there was to do: where it met trouble or was slow, that may be why.
    pub(crate) fn tells_load(&self) -> bool {
        self.tells_load_of(self.error_class())
    }

    /// The same for who knows its class.
    pub(crate) fn tells_load_of(&self, class: Option<ErrorClass>) -> bool {
        self.kept() == Some(super::Kept::Slow) || class.is_some()
    }
}

/// The class of an error by its type, where the type says it.
fn of_type(name: &str) -> Option<ErrorClass> {
    if name == "timeout" || name.ends_with("::Elapsed") {
        return Some(ErrorClass::Timeout);
    }
    name.ends_with("load_shed::error::Overloaded").then_some(ErrorClass::Saturated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::SpanId;
    use crate::record::parts::{CauseSlot, FailureSlot, Parts, Text};

    fn record(change: impl FnOnce(&mut Parts)) -> Record {
        let mut parts = Box::<Parts>::default();
        change(&mut parts);
        Record::new(parts)
    }

    fn fail(parts: &mut Parts, kind: FailureKind, type_name: &'static str, cause: &'static str) {
        parts.causes.push(CauseSlot { type_name: Text::Static(cause), message: Text::EMPTY });
        parts.failures.push(FailureSlot {
            type_name: Text::Static(type_name),
            message: Text::Static("told to fail"),
            causes: (0, 1),
            ..FailureSlot::new(kind, (SpanId::default(), 0))
        });
    }

    #[test]
    fn an_answer_without_an_error_behind_it_says_its_class() {
        for (status, class) in [
            (200, None),
            (404, None),
            (408, Some(ErrorClass::Timeout)),
            (429, Some(ErrorClass::Saturated)),
            (500, Some(ErrorClass::Error)),
            (503, Some(ErrorClass::Saturated)),
            (504, Some(ErrorClass::Timeout)),
        ] {
            assert_eq!(record(|parts| parts.status = Some(status)).error_class(), class, "{status}");
        }
        for (code, class) in [
            (0, None),
            (5, None),
            (4, Some(ErrorClass::Timeout)),
            (8, Some(ErrorClass::Saturated)),
            (13, Some(ErrorClass::Error)),
            (14, Some(ErrorClass::Saturated)),
        ] {
            let change = |parts: &mut Parts| (parts.status, parts.rpc_status) = (Some(200), Some(code));
            assert_eq!(record(change).error_class(), class, "{code}");
        }
    }

    #[test]
    fn an_error_behind_an_answer_that_may_mean_anything_decides() {
        const OVERLOADED: &str = "tower::load_shed::error::Overloaded";
        for (status, type_name, cause, class) in [
            (503, "app::PoolTimedOut", "", ErrorClass::Error),
            (503, "app::Error", "timeout", ErrorClass::Timeout),
            (503, OVERLOADED, "", ErrorClass::Saturated),
            (500, "app::Error", OVERLOADED, ErrorClass::Saturated),
            (500, "tokio::time::error::Elapsed", "", ErrorClass::Timeout),
            (429, "app::TooMany", "", ErrorClass::Saturated),
            (504, "app::Upstream", "", ErrorClass::Timeout),
        ] {
            let record = record(|parts| {
                parts.status = Some(status);
                fail(parts, FailureKind::Attached, type_name, cause);
            });
            assert_eq!(record.error_class(), Some(class), "{status} {type_name} {cause}");
        }
        let handled = record(|parts| {
            parts.status = Some(200);
            fail(parts, FailureKind::Attached, "timeout", "");
        });
        assert_eq!(handled.error_class(), None, "what was made good is no trouble");
        let status = record(|parts| {
            (parts.status, parts.rpc_status) = (Some(200), Some(14));
            fail(parts, FailureKind::Status, "", "");
        });
        assert_eq!(status.error_class(), Some(ErrorClass::Saturated), "the status itself is no error behind it");
    }

    #[test]
    fn how_it_ended_decides_where_there_is_no_answer() {
        for (outcome, class) in [
            (Outcome::Answered, None),
            (Outcome::Upgraded, None),
            (Outcome::ClientGoneBeforeHead, None),
            (Outcome::ClientGoneMidBody, None),
            (Outcome::Failed, Some(ErrorClass::Error)),
            (Outcome::BodyError, Some(ErrorClass::Error)),
            (Outcome::Panicked, Some(ErrorClass::Panic)),
        ] {
            assert_eq!(record(|parts| parts.outcome = outcome).error_class(), class, "{outcome}");
        }
        let caught = record(|parts| {
            parts.status = Some(503);
            fail(parts, FailureKind::Panic, "panic", "");
        });
        assert_eq!(caught.error_class(), Some(ErrorClass::Panic), "whatever was answered in its place");
        let late = record(|parts| (parts.outcome, parts.rpc_status) = (Outcome::ClientGoneBeforeHead, Some(4)));
        assert_eq!(late.error_class(), Some(ErrorClass::Timeout));
    }

    #[test]
    fn a_word_names_one_class() {
        for class in ErrorClass::ALL {
            assert_eq!(ErrorClass::parse(class.as_str()), Some(class));
        }
        assert_eq!(ErrorClass::parse("5xx"), None);
    }
}
