//! What of a record is compared as a whole, read in one way for the live matcher and for the store's columns.

use std::borrow::Cow;
use std::fmt::Write as _;

#[cfg(feature = "store")]
use crate::record::Kind;
use crate::record::Record;

/// Texts of a record that are compared as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Method,
    Route,
    Path,
    Request,
    User,
}

impl Column {
    /// The store's name for it.
    #[cfg(feature = "store")]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Route => "route",
            Self::Path => "path",
            Self::Request => "request_id",
            Self::User => "user_id",
        }
    }

    /// Its text; `None` where the record has none.
    pub(crate) fn of(self, record: &Record) -> Option<Cow<'_, str>> {
        let text = match self {
            Self::Method => Cow::Borrowed(record.method()),
            Self::Route => normal_route(record.route()?),
            Self::Path => Cow::Borrowed(record.path()),
            Self::Request => Cow::Borrowed(record.request_id()),
            Self::User => Cow::Owned(record.attribute("user.id")?.to_string()),
        };
        Some(text).filter(|text| !text.is_empty())
    }
}

/// A number as a column holds it.
pub(crate) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The word for a kind.
#[cfg(feature = "store")]
pub(crate) const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "request",
        Kind::Event => "event",
        Kind::Span => "span",
        Kind::Live => "live",
        Kind::Partial => "partial",
    }
}

/// A route with its parameters written as `{name}`, whichever way the framework writes them.
pub(super) fn normal_route(route: &str) -> Cow<'_, str> {
    if !route.contains("/:") && !route.contains("/*") {
        return Cow::Borrowed(route);
    }
    let mut out = String::with_capacity(route.len() + 4);
    for (index, segment) in route.split('/').enumerate() {
        let slash = if index == 0 { "" } else { "/" };
        let _ = match (segment.strip_prefix(':'), segment.strip_prefix('*')) {
            (Some(name), _) if !name.is_empty() => write!(out, "{slash}{{{name}}}"),
            (_, Some(name)) if !name.is_empty() => write!(out, "{slash}{{*{name}}}"),
            _ => write!(out, "{slash}{segment}"),
        };
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_have_one_spelling() {
        assert_eq!(normal_route("/orders/:id/lines/:line"), "/orders/{id}/lines/{line}");
        assert_eq!(normal_route("/files/*rest"), "/files/{*rest}");
        assert_eq!(normal_route("/files/*"), "/files/*");
        assert_eq!(normal_route("/orders/{id}"), "/orders/{id}");
    }
}
