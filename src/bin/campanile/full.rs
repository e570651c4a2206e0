//! Objects of JSON as lines that steer no terminal.

use campanile::page;
use campanile::store::Stored;
use serde_json::{Map, Value as Json};

/// Everything that a record holds.
pub(crate) fn object(stored: &Stored) -> Map<String, Json> {
    serde_json::from_str(&page::json(stored)).unwrap_or_default()
}

/// An object as a line.
pub(crate) fn line(all: impl Into<Json>) -> String {
    let mut out = page::visible_json(&all.into().to_string());
    out.push('\n');
    out
}
