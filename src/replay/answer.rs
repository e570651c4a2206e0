//! An answer becomes a record, by the rules of every other.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri, Version};

use super::Request;
use crate::capture::media_of;
use crate::propagator::request_id::RequestId;
use crate::record::parts::{BodySlot, Look, Media, Parts, Side, Text};
use crate::record::{Outcome, Record};
use crate::redact::{Role, Rules, known, write_names};

/// The longest path and query that are noted.
const MAX_TARGET_BYTES: usize = 8 * 1024;
/// The longest name that is noted.
const MAX_NAME_BYTES: usize = 256;

/// An answer while it comes.
pub(super) struct Answer {
    parts: Box<Parts>,
    rules: Rules,
    /// How the body is written, or why it is not kept.
    media: Result<Media, &'static str>,
    kept: Vec<u8>,
}

impl Answer {
    pub(super) fn new(request: &Request, uri: &Uri, start_unix_ns: u64) -> Self {
        let mut parts = Box::<Parts>::default();
        parts.start_unix_ns = start_unix_ns;
        parts.method = parts.push_text(&request.method, MAX_NAME_BYTES);
        parts.path = parts.push_text(uri.path(), MAX_TARGET_BYTES);
        parts.query = uri.query().map(|query| parts.push_text(query, MAX_TARGET_BYTES));
        parts.scheme = parts.push_text(uri.scheme_str().unwrap_or_default(), MAX_NAME_BYTES);
        parts.host = uri.host().map(|host| parts.push_text(host, MAX_NAME_BYTES));
        parts.port = uri.port_u16();
        parts.request_bytes = Some(request.body.len() as u64);
        Self { parts, rules: Rules::default(), media: Err(""), kept: Vec::new() }
    }

    pub(super) fn head<B>(&mut self, response: &Response<B>, at_ns: u64) {
        let parts = &mut self.parts;
        parts.head_ns = Some(at_ns);
        parts.status = Some(response.status().as_u16());
        parts.protocol_version = Text::Static(if response.version() == Version::HTTP_10 { "1.0" } else { "1.1" });
        let id = response.headers().get("x-request-id").and_then(|value| RequestId::parse(value.as_bytes()));
        if let Some(id) = id {
            parts.request_id = parts.push_text(id.as_str(), MAX_NAME_BYTES);
        }
        self.media = media_of(response.headers(), &[]);
        self.copy(Side::Response, response.headers());
    }

    pub(super) fn data(&mut self, data: &Bytes, kept_bytes: usize, at_ns: u64) {
        self.parts.first_byte_ns.get_or_insert(at_ns);
        self.parts.response_bytes = self.parts.response_bytes.saturating_add(data.len() as u64);
        if self.media.is_ok() {
            let room = kept_bytes.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        }
    }

    pub(super) fn trailers(&mut self, trailers: Option<&HeaderMap>) {
        if let Some(trailers) = trailers {
            self.copy(Side::Trailer, trailers);
        }
    }

    pub(super) const fn seen_bytes(&self) -> u64 {
        self.parts.response_bytes
    }

    pub(super) fn finish(mut self, outcome: Outcome, duration_ns: u64) -> Record {
        self.parts.outcome = outcome;
        self.parts.duration_ns = duration_ns;
        if self.parts.response_bytes > 0 {
            self.parts.response_body = Some(self.body());
        }
        let mut record = Record::new(self.parts);
        self.rules.record(&mut record);
        record
    }

    fn body(&mut self) -> BodySlot {
        let media = match self.media {
            Ok(media) => media,
            Err(why) => return BodySlot { skipped: Text::Static(why), ..BodySlot::default() },
        };
        let is_cut = self.parts.response_bytes > self.kept.len() as u64;
        // What is not UTF-8 is replaced by as much as three bytes.
        match self.parts.push_body(&self.kept, 3 * self.kept.len(), is_cut) {
            Some((content, kept_bytes)) => BodySlot { media, content, kept_bytes, skipped: Text::EMPTY },
            None => BodySlot { skipped: Text::Static("record_full"), ..BodySlot::default() },
        }
    }

    /// Copies headers as the layer does: names, the values that are kept, the lengths of all.
    fn copy(&mut self, side: Side, headers: &HeaderMap) {
        let mut copy = self.parts.copy_headers(side);
        for (name, value) in headers {
            if !copy.admits() {
                continue;
            }
            let shown = match known(name.as_str()).map(|known| known.role) {
                Some(role @ (Role::Cookie | Role::SetCookie)) => {
                    Some(copy.text_by(|out| write_names(role == Role::SetCookie, value.as_bytes(), out)))
                }
                Some(Role::RequestId) => RequestId::parse(value.as_bytes()).map(|id| copy.text(id.as_str().as_bytes())),
                _ => shows(&self.rules, name, value).then(|| copy.text(value.as_bytes())),
            };
            let name = copy.text(name.as_str().as_bytes());
            copy.push(name, Look::Name, shown, value.len());
        }
        copy.finish();
    }
}

fn shows(rules: &Rules, name: &HeaderName, value: &HeaderValue) -> bool {
    // The host may stand behind credentials.
    let is_plain = name != HOST || !value.as_bytes().contains(&b'@');
    is_plain && rules.shows_header(name, known(name.as_str()))
}
