//! Where a request can be looked at, told in its answer.

use http::header::{Entry, HeaderMap, HeaderName, HeaderValue};

use crate::record::SpanId;

const HEADER: HeaderName = HeaderName::from_static("x-campanile-link");

/// Adds it, unless there is one or no room.
// Only in development: what it costs is nobody's concern.
#[cold]
pub(super) fn write(start: &str, id: SpanId, headers: &mut HeaderMap) {
    if let Ok(Entry::Vacant(free)) = headers.try_entry(HEADER)
        && let Ok(value) = HeaderValue::try_from(format!("{start}{}", id.to_short()))
    {
        let _ = free.try_insert(value);
    }
}
