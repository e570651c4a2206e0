//! The answer to a request whose service panicked: what it says, and in which form.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};

use super::alone::RequestId;
use super::request_id::HEADER;
use crate::capture::{self, Handle};
use crate::propagator::request_id::{Inbound, inbound};

/// What has to be known of a request for that; nothing is copied or parsed before it is needed.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    accept: Option<HeaderValue>,
    id: Option<Id>,
}

/// Who knows the request id.
#[derive(Clone, Debug)]
enum Id {
    Header(HeaderValue),
    Handle(Handle),
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { accept: request.headers().get(ACCEPT).cloned(), id: id(request) }
    }

    /// The answer, with the request id where there is one.
    pub(super) fn answer<B>(&self, body: impl FnOnce(Bytes) -> B) -> Response<B> {
        let id = match &self.id {
            Some(Id::Header(value)) => value.to_str().unwrap_or_default().to_owned(),
            Some(Id::Handle(handle)) => handle.request_id().to_owned(),
            None => capture::current().map(|handle| handle.request_id().to_owned()).unwrap_or_default(),
        };
        let is_json = self.accept.as_ref().is_some_and(prefers_json);
        let (kind, text) = match (is_json, id.is_empty()) {
            // The alphabet of a request id has nothing that would have to be escaped.
            (true, false) => (JSON, format!("{{\"error\":\"internal server error\",\"request_id\":\"{id}\"}}\n")),
            (true, true) => (JSON, "{\"error\":\"internal server error\"}\n".to_owned()),
            (false, false) => (TEXT, format!("internal server error\nrequest id: {id}\n")),
            (false, true) => (TEXT, "internal server error\n".to_owned()),
        };
        let mut response = Response::new(body(text.into()));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

fn id<B>(request: &Request<B>) -> Option<Id> {
    let extensions = request.extensions();
    if let Some(handle) = extensions.get::<Handle>() {
        return Some(Id::Handle(handle.clone()));
    }
    let known = extensions.get::<RequestId>().map(|id| id.header_value().clone());
    known.or_else(|| by_header(request.headers())).map(Id::Header)
}

/// What the caller, or a layer further out, sent for an id; only one in the form in which it is taken.
fn by_header(headers: &HeaderMap) -> Option<HeaderValue> {
    match inbound(headers) {
        Inbound::Valid(_) => headers.get(&HEADER).cloned(),
        _ => None,
    }
}

/// Whether JSON is named with a higher quality than text, or before it with the same.
///
/// # Source
/// RFC 9110, section 12.5.1; wildcards do not ask for JSON.
fn prefers_json(accept: &HeaderValue) -> bool {
    let accept = accept.to_str().unwrap_or_default();
    let quality = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        (name, quality.map_or(1.0, |quality| quality.trim().parse().unwrap_or(0.0_f32)))
    };
    // The first of the best wins.
    let mut best = (false, 0.0);
    for (name, quality) in accept.split(',').take(32).map(quality) {
        let is_json = matches!(name.as_str(), "application/json" | "application/*");
        let is_text = name.starts_with("text/");
        if (is_json || is_text) && quality > best.1 {
            best = (is_json, quality);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_those_who_prefer_it() {
        for (accept, is_json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/json, text/plain, */*", true),
            ("text/html, application/json;q=0.9", false),
            ("text/plain;q=0.1, application/json;q=0.2", true),
            ("text/plain, application/json", false),
            ("application/json;q=0", false),
            ("application/json;q=x", false),
            ("*/*", false),
            ("", false),
        ] {
            assert_eq!(prefers_json(&HeaderValue::from_static(accept)), is_json, "{accept}");
        }
    }
}
