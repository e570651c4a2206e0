//! Makes records of what comes from outside: what live ones go through, in the same order.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::capture::media_of;
use crate::group::Fingerprint;
use crate::keep::probe;
use crate::layer::copy_headers;
use crate::record::parts::{
    BodySlot, HeaderSlot, Look, MAX_FIELD_BYTES, MAX_HEADER_BYTES, MAX_HEADERS, MAX_REDACTIONS, Media, Parts, RedactionSlot,
    Side, Slot, Text,
};
use crate::record::{Record, Resource};
use crate::redact::Rules;

/// Bytes of one body that are kept, at most: two of them, and all else, are a record.
pub(super) const MAX_BODY_BYTES: usize = 384 * 1024;
/// Bytes of a path or a query.
const MAX_URI_BYTES: usize = 16 * 1024;
/// Attributes of a resource.
const MAX_RESOURCE: usize = 128;

/// Finishes records by one set of rules.
pub(super) struct Maker {
    rules: Rules,
}

/// A redaction that a file tells of.
#[derive(Debug, Default)]
pub(super) struct ToldRedaction {
    pub(super) place: String,
    pub(super) key: String,
    pub(super) rule: String,
    pub(super) len: u32,
    pub(super) hash: u32,
}

impl Maker {
    pub(super) const fn new(rules: Rules) -> Self {
        Self { rules }
    }

    /// Copies the headers of one side; what is no header, such as `:path`, is passed over. Returns them for
    /// [`body`](Self::body).
    pub(super) fn headers<'a>(
        &self,
        parts: &mut Parts,
        side: Side,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
            else {
                continue;
            };
            if map.len() >= 4 * MAX_HEADERS || map.try_append(name, value).is_err() {
                parts.dropped_headers = parts.dropped_headers.saturating_add(1);
            }
        }
        copy_headers(&self.rules, parts, side, &map);
        map
    }

    /// Copies one header that was stored before; `len` is how long its value was.
    pub(super) fn stored_header(&self, parts: &mut Parts, side: Side, name: &str, value: Option<&str>, len: u32) {
        if parts.headers.iter().filter(|header| header.side == side).count() >= MAX_HEADERS {
            parts.dropped_headers = parts.dropped_headers.saturating_add(1);
            return;
        }
        let before = parts.headers.len();
        if let Some(value) = value {
            self.headers(parts, side, std::iter::once((name, value)));
            if let Some(header) = parts.headers.get_mut(before) {
                header.len = len;
                return;
            }
        }
        let name = parts.push_text(&name.to_ascii_lowercase(), MAX_HEADER_BYTES);
        parts.headers.push(HeaderSlot { side, look: Look::Name, name, value: None, len });
    }

    /// Copies the start of a body in, or says why not. `seen` is how long it was.
    pub(super) fn body(parts: &mut Parts, headers: &HeaderMap, mime_type: &str, bytes: &[u8], seen: u64) -> BodySlot {
        let mut typed;
        let headers = match HeaderValue::from_str(mime_type) {
            // Whoever wrote the file has taken the body out of its encoding.
            Ok(mime_type) if !mime_type.is_empty() => {
                typed = HeaderMap::new();
                typed.insert(CONTENT_TYPE, mime_type);
                &typed
            }
            _ => {
                typed = headers.clone();
                typed.remove(http::header::CONTENT_ENCODING);
                &typed
            }
        };
        match media_of(headers, &[]) {
            Ok(media) => Self::text_body(parts, media, bytes, seen),
            Err(why) => BodySlot { skipped: Text::Static(why), ..BodySlot::default() },
        }
    }

    /// Copies the start of a body in that is known to be text.
    pub(super) fn text_body(parts: &mut Parts, media: Media, bytes: &[u8], seen: u64) -> BodySlot {
        let kept = bytes.get(..MAX_BODY_BYTES).unwrap_or(bytes);
        match parts.push_body(kept, MAX_BODY_BYTES, seen > kept.len() as u64) {
            Some((content, kept_bytes)) => BodySlot { media, content, kept_bytes, skipped: Text::EMPTY },
            None => BodySlot { skipped: Text::Static("record_full"), ..BodySlot::default() },
        }
    }

    /// Takes the secrets out and gives it a group; `None` where nobody may see it.
    pub(super) fn finish(&self, parts: Box<Parts>, told: &[ToldRedaction]) -> Option<Record> {
        let mut record = Record::new(parts);
        let probe = record.user_agent().and_then(probe::of).map(Text::Static);
        if probe.is_some() {
            record.parts_mut().probe = probe;
        }
        catch_unwind(AssertUnwindSafe(|| self.rules.record(&mut record))).ok()?;
        tell(record.parts_mut(), told);
        if record.group().is_none() && record.has_exception() {
            let id = catch_unwind(AssertUnwindSafe(|| Fingerprint::of(&record).map(|fingerprint| fingerprint.id())));
            record.parts_mut().group = id.unwrap_or_default();
        }
        Some(record)
    }

    /// A resource without its secrets. `service.name` is always there.
    pub(super) fn resource(&self, pairs: &[(String, String)]) -> Resource {
        let mut parts = Box::new(Parts::default());
        let names: Vec<&String> = pairs.iter().take(MAX_RESOURCE).map(|(name, _)| name).collect();
        for (name, value) in pairs.iter().take(MAX_RESOURCE) {
            let (name, value) = (parts.push_text(name, MAX_HEADER_BYTES), parts.push_text(value, MAX_FIELD_BYTES));
            let mut list = parts.attributes;
            parts.push_field(&mut list, name, Slot::Text(value));
            parts.attributes = list;
        }
        let mut resource = Resource::default();
        if let Some(record) = self.finish(parts, &[]) {
            for (name, field) in names.into_iter().zip(record.attributes()) {
                resource.set(name, field.value().to_string());
            }
        }
        if resource.service_name().is_empty() {
            resource.set("service.name", "unknown_service");
        }
        resource
    }
}

/// Puts what was told before in front of what was found now, each once.
fn tell(parts: &mut Parts, told: &[ToldRedaction]) {
    if told.is_empty() {
        return;
    }
    let mut found = std::mem::take(&mut parts.redactions);
    let is_known = |parts: &Parts, slot: &RedactionSlot| {
        told.iter().any(|known| (known.place.as_str(), known.key.as_str()) == (parts.str(slot.place), parts.str(slot.key)))
    };
    found.retain(|slot| !is_known(parts, slot));
    for known in told.iter().take(MAX_REDACTIONS) {
        let slot = RedactionSlot {
            place: parts.push_text(&known.place, MAX_HEADER_BYTES),
            key: parts.push_text(&known.key, MAX_HEADER_BYTES),
            rule: parts.push_text(&known.rule, MAX_HEADER_BYTES),
            len: known.len,
            hash: known.hash,
        };
        parts.push_redaction(slot);
    }
    for slot in found {
        parts.push_redaction(slot);
    }
}

/// A path or a query, put in.
pub(super) fn push_uri(parts: &mut Parts, text: &str) -> Text {
    parts.push_text(text, MAX_URI_BYTES)
}

/// A short text, put in.
pub(super) fn push_word(parts: &mut Parts, text: &str) -> Text {
    parts.push_text(text, MAX_HEADER_BYTES)
}

/// A free text, put in.
pub(super) fn push_field_text(parts: &mut Parts, text: &str) -> Text {
    parts.push_text(text, MAX_FIELD_BYTES)
}
