//! Bodies and cookies as a record has them once its secrets are out, for the fuzzer.

#![allow(missing_docs, clippy::exhaustive_enums, clippy::exhaustive_structs, reason = "for the fuzzer alone")]

use http::HeaderMap;

use super::{Role, Rules, known, write_names};
use crate::record::Record;
use crate::record::parts::{BodySlot, Media, Parts, Side};

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    Json,
    Form,
    Text,
}

/// What is left of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// What exporters see.
    pub shown: String,
    /// All that the record holds in memory.
    pub held: String,
}

/// The first bytes of a body that is `seen_bytes` long.
pub fn body(body: Body, start: &str, seen_bytes: usize) -> Left {
    let mut parts = Parts::default();
    let media = match body {
        Body::Json => Media::Json,
        Body::Form => Media::Form,
        Body::Text => Media::Text,
    };
    let is_cut = seen_bytes > start.len();
    let (content, kept_bytes) = parts.push_body(start.as_bytes(), usize::MAX, is_cut).unwrap_or_default();
    parts.request_body = Some(BodySlot { media, content, kept_bytes, ..BodySlot::default() });
    parts.request_bytes = Some(seen_bytes as u64);
    let mut record = Record::new(Box::new(parts));
    Rules::default().record(&mut record);
    let shown = record.request_body().map(|body| body.content().to_owned()).unwrap_or_default();
    let held = std::mem::take(&mut record.parts_mut().text);
    Left { shown, held }
}

/// Headers of a request or of an answer, each as the record shows it; nothing but cookies is copied.
pub fn cookies(headers: &HeaderMap) -> (Vec<Option<String>>, String) {
    let mut parts = Parts::default();
    for (name, value) in headers {
        let role = known(name.as_str()).map(|known| known.role).filter(|role| matches!(role, Role::Cookie | Role::SetCookie));
        let names = role.filter(|_| !value.is_sensitive()).map(|role| {
            let mut names = Vec::new();
            write_names(role == Role::SetCookie, value.as_bytes(), &mut names);
            names
        });
        parts.push_header(Side::Request, name.as_str(), names.as_deref(), value.len());
    }
    let rules = Rules::default();
    let mut record = Record::new(Box::new(parts));
    rules.record(&mut record);
    let shown = record.request_headers().map(|header| header.value().map(str::to_owned)).collect();
    (shown, std::mem::take(&mut record.parts_mut().text))
}
