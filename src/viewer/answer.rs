//! Answers, with the headers that all of them have.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    RETRY_AFTER, VARY,
};
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value as Json;

use super::body::Body;
use super::problem::Problem;
use crate::store::turns;

/// Nothing but what comes from here, and nothing that data could name.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
/// The page that asks for the token has a form and no script.
const ASKING: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Smaller answers go as they are.
const LEAST_COMPRESSED: usize = 1024;
/// Bytes that are compressed without looking around.
const PART: usize = 4 * 1024;

pub(super) const JSON: &str = "application/json";
pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// An answer of this type.
pub(super) fn of(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

pub(super) fn json(answer: &Json) -> Response<Body> {
    of(StatusCode::OK, JSON, Body::whole(answer.to_string()))
}

pub(super) fn text(text: String) -> Response<Body> {
    of(StatusCode::OK, TEXT, Body::whole(text))
}

pub(super) fn html(status: StatusCode, page: String) -> Response<Body> {
    of(status, HTML, Body::whole(page))
}

/// A page with a form of its own.
pub(super) fn asking(status: StatusCode, page: String) -> Response<Body> {
    let mut response = html(status, page);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(ASKING));
    // Without a referrer a browser sends its form from nowhere, as if it were another page's.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

pub(super) fn problem(problem: &Problem) -> Response<Body> {
    let mut response = of(problem.status, JSON, Body::whole(problem.json().to_string()));
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

pub(super) fn method_not_allowed(allowed: &'static str) -> Response<Body> {
    let mut response = of(StatusCode::METHOD_NOT_ALLOWED, TEXT, Body::whole("this is not done here\n"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Compresses it for whoever takes that.
pub(super) fn compressed(mut response: Response<Body>, asked: &HeaderMap) -> Response<Body> {
    if response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let Some(bytes) = response.body().bytes().filter(|bytes| bytes.len() >= LEAST_COMPRESSED).cloned() else {
        return response;
    };
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    if takes_gzip(asked)
        && let Some(smaller) = gzip(&bytes)
    {
        *response.body_mut() = Body::whole(smaller);
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether it says so and does not take it back by a weight of nothing.
pub(super) fn takes_gzip(asked: &HeaderMap) -> bool {
    let values = asked.get_all(http::header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = |part: &str| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0));
        is_gzip && !parts.any(is_refused)
    })
}

pub(super) fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::new(5));
    for part in bytes.chunks(PART) {
        turns::take();
        encoder.write_all(part).ok()?;
    }
    encoder.finish().ok()
}
