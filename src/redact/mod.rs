//! What must not travel: secrets are taken out of a record before anyone sees it.
//!
//! Headers are withheld where they are read, by [`header_is_kept`]; what else may hold a secret is replaced by
//! [`REDACTED`] in the pipeline's worker, by [`record`].

mod defaults;
mod header;
mod key;

pub(crate) use self::header::{header_is_kept, header_is_secret};
pub(crate) use self::key::field_is_secret;
use crate::record::Record;
use crate::record::parts::{Parts, Slot, Text};

/// Stands in the place of a secret.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, `url.query`.
pub(crate) const REDACTED: &str = "REDACTED";

/// The query with the values of secret keys replaced; `None` when there are none.
pub(crate) fn query(query: &str) -> Option<String> {
    // Some servers take `;` for a separator too.
    let has = |name: &str| query.split(['&', ';']).any(|pair| pair.split_once('=').is_some_and(|(key, _)| key == name));
    // `code` alone may be anything; beside `state` it is what OAuth gives a login for.
    let is_login = has("code") && has("state");
    let is_secret = |pair: &str| {
        pair.split_once('=').is_some_and(|(key, value)| {
            !value.is_empty() && value != REDACTED && (key::query_key_is_secret(key) || (is_login && key == "code"))
        })
    };
    if !query.split(['&', ';']).any(is_secret) {
        return None;
    }
    let mut out = String::with_capacity(query.len() + REDACTED.len());
    for part in query.split_inclusive(['&', ';']) {
        let pair = part.trim_end_matches(['&', ';']);
        let end = part.get(pair.len()..).unwrap_or_default();
        match pair.split_once('=').filter(|_| is_secret(pair)) {
            Some((key, _)) => out.extend([key, "=", REDACTED, end]),
            None => out.push_str(part),
        }
    }
    Some(out)
}

/// Takes the secrets out of a finished record; their bytes are overwritten.
pub(crate) fn record(record: &mut Record) {
    let parts = record.parts_mut();
    if let Some(old) = parts.query
        && let Some(new) = query(parts.str(old))
    {
        erase(parts, old);
        parts.query = Some(parts.push_text(&new, new.len()));
    }
    for at in 0..parts.headers.len() {
        let Some(header) = parts.headers.get(at).copied() else { break };
        // Withheld already, unless a setting allowed what no setting may allow.
        if let Some(value) = header.value.filter(|_| header_is_secret(parts.str(header.name))) {
            erase(parts, value);
            if let Some(header) = parts.headers.get_mut(at) {
                header.value = None;
            }
        }
    }
    // All fields of spans and events and all attributes stand in one list.
    for at in 0..parts.fields.len() {
        let Some(field) = parts.fields.get(at).copied() else { break };
        // Whether there is a token is no secret.
        if matches!(field.value, Slot::Bool(_)) || !field_is_secret(parts.str(field.name)) {
            continue;
        }
        if let Slot::Text(text) = field.value {
            erase(parts, text);
        }
        if let Some(field) = parts.fields.get_mut(at) {
            field.value = Slot::Text(Text::Static(REDACTED));
        }
    }
}

/// Overwrites a text in the buffer.
fn erase(parts: &mut Parts, text: Text) {
    let Text::Range { start, len } = text else { return };
    let range = start as usize..(start as usize).saturating_add(len as usize);
    if parts.text.get(range.clone()).is_some() {
        parts.text.replace_range(range, &"*".repeat(len as usize));
    }
}

#[cfg(test)]
mod tests;
