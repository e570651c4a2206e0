//! What of a request is not as it was.

use std::fmt;

use crate::escape::escape;

/// Something that is not as it was recorded, or was not recorded.
///
/// `Display` says it in a few words, without anything that steers a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// These headers are missing: their values were withheld or cut.
    HeadersWithheld(Vec<String>),
    /// Only the start of the body was stored.
    BodyCut {
        /// Bytes that are there.
        kept_bytes: u64,
        /// Bytes that there were.
        seen_bytes: u64,
    },
    /// The body was not stored.
    BodyMissing {
        /// Bytes that there were.
        seen_bytes: u64,
        /// Why, as [`Body::skipped`](crate::record::Body::skipped) says it.
        why: Option<String>,
    },
    /// Secrets were taken out of these places, and `REDACTED` stands there.
    Redacted(Vec<String>),
    /// The path or the query is not whole.
    TargetCut,
    /// These headers say who it was, and are left out so that it becomes a request of its own.
    Anew(Vec<String>),
    /// This way of writing it down cannot say these headers.
    Unsayable(Vec<String>),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeadersWithheld(names) => {
                write!(f, "without these headers, whose values are not stored: {}", list(names))
            }
            Self::BodyCut { kept_bytes, seen_bytes } => write!(f, "the body is cut after {kept_bytes} of {seen_bytes} bytes"),
            Self::BodyMissing { seen_bytes, why } => {
                write!(f, "without its body of {seen_bytes} bytes, which is not stored")?;
                match why {
                    Some(why) => write!(f, " ({})", escape(why)),
                    None => Ok(()),
                }
            }
            Self::Redacted(places) => write!(f, "secrets were taken out of it, at {}", list(places)),
            Self::TargetCut => f.write_str("its path and query are too long and were not stored whole"),
            Self::Anew(names) => write!(f, "without {}, so that it is a request of its own", list(names)),
            Self::Unsayable(names) => write!(f, "without these headers, which cannot be written so: {}", list(names)),
        }
    }
}

fn list(names: &[String]) -> String {
    escape(&names.join(", ")).to_string()
}
