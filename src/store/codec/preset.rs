//! Names and texts that most records have: a record holds their number in place of them.
//!
//! The list is part of the format. A row is never changed, added or removed but with a new version of it.

/// By length, and in order.
const PRESET: [&str; 112] = [
    "te",
    "*/*",
    "1.1",
    "GET",
    "PUT",
    "age",
    "dnt",
    "via",
    "HEAD",
    "POST",
    "cors",
    "date",
    "etag",
    "gzip",
    "host",
    "http",
    "true",
    "vary",
    "PATCH",
    "allow",
    "close",
    "empty",
    "event",
    "false",
    "field",
    "https",
    "range",
    "trace",
    "DELETE",
    "accept",
    "cookie",
    "expect",
    "origin",
    "pragma",
    "server",
    "OPTIONS",
    "alt-svc",
    "baggage",
    "chunked",
    "expires",
    "referer",
    "trailer",
    "upgrade",
    "user.id",
    "identity",
    "if-match",
    "if-range",
    "navigate",
    "no-cache",
    "no-store",
    "priority",
    "url.path",
    "forwarded",
    "max-age=0",
    "sec-ch-ua",
    "span.name",
    "text/html",
    "url.query",
    "x-api-key",
    "x-real-ip",
    "connection",
    "keep-alive",
    "set-cookie",
    "text/plain",
    "tracestate",
    "user-agent",
    "http.header",
    "retry-after",
    "same-origin",
    "traceparent",
    "content-type",
    "x-csrf-token",
    "x-request-id",
    "accept-ranges",
    "authorization",
    "cache-control",
    "content-range",
    "gzip, deflate",
    "if-none-match",
    "last-modified",
    "content-length",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "accept-encoding",
    "accept-language",
    "x-amzn-trace-id",
    "x-forwarded-for",
    "application/grpc",
    "application/json",
    "cf-connecting-ip",
    "content-encoding",
    "content-language",
    "sec-ch-ua-mobile",
    "www-authenticate",
    "x-correlation-id",
    "x-forwarded-host",
    "x-forwarded-port",
    "gzip, deflate, br",
    "if-modified-since",
    "transfer-encoding",
    "x-forwarded-proto",
    "sec-ch-ua-platform",
    "proxy-authorization",
    "gzip, deflate, br, zstd",
    "text/html; charset=utf-8",
    "text/plain; charset=utf-8",
    "upgrade-insecure-requests",
    "access-control-allow-origin",
    "application/json; charset=utf-8",
    "application/x-www-form-urlencoded",
];

/// How many there are.
pub(super) const COUNT: u64 = PRESET.len() as u64;

/// The number of a text, from 1 on.
pub(super) fn number_of(text: &str) -> Option<u64> {
    let start = PRESET.partition_point(|known| known.len() < text.len());
    let mut same = PRESET.iter().enumerate().skip(start).take_while(|(_, known)| known.len() == text.len());
    same.find(|(_, known)| **known == text).map(|(index, _)| index as u64 + 1)
}

/// The text of a number.
pub(super) fn text_of(number: u64) -> Option<&'static str> {
    PRESET.get(usize::try_from(number.checked_sub(1)?).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_preset_text_is_found_by_its_number_and_the_list_is_that_of_the_format() {
        for (index, text) in PRESET.into_iter().enumerate() {
            assert_eq!(number_of(text), Some(index as u64 + 1), "{text}: they are in order, and each is there once");
            assert_eq!(text_of(index as u64 + 1), Some(text));
        }
        assert_eq!((number_of(""), number_of("x-mine"), text_of(0), text_of(COUNT + 1)), (None, None, None, None));
        assert_eq!(
            format!("{:016x}", crate::group::hash(PRESET)),
            "af115c0e933ffa2a",
            "a record that was stored is read with it"
        );
    }
}
