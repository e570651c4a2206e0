//! What must not travel: secrets are taken out of a record before anyone sees it.
//!
//! Headers are withheld where they are read, by [`Rules::shows_header`] and [`write_names`]; what else may hold a secret
//! is replaced by [`REDACTED`] in the pipeline's worker, by [`Rules::record`]. There is no other way to an exporter.
//!
//! What is looked at is bounded: 64 KiB of a text, 64 pairs of a query, 32 brackets of JSON within each other. What is
//! beyond is replaced as a whole, and so is what cannot be read.

mod cookie;
mod defaults;
mod ending;
mod familiar;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod header;
mod json;
mod key;
mod named;
mod note;
mod pairs;
mod pass;
mod path;
mod reading;
mod rewrite;
mod rules;
mod settings;
mod suspect;
mod text;

pub(crate) use self::cookie::write_names;
pub(crate) use self::familiar::Familiar;
pub(crate) use self::header::{Known, Role, known};
pub(crate) use self::rules::Rules;
pub use self::settings::Redact;
use crate::record::parts::CUT_MARK;

/// Stands in the place of a secret.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, `url.query`.
pub(crate) const REDACTED: &str = "REDACTED";

/// The query without the secrets of the table; `None` when there are none.
#[cfg(any(test, fuzzing))]
pub(crate) fn query(query: &str) -> Option<String> {
    Rules::default().query(query, &mut note::Notes::default())
}

/// A text without the mark of a cut, and whether it had one.
fn uncut(text: &str) -> (&str, bool) {
    text.strip_suffix(CUT_MARK).map_or((text, false), |text| (text, true))
}

#[cfg(test)]
mod tests;
