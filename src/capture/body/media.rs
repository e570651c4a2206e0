//! What a body is, by its head.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::record::parts::Media;

/// Encoded bytes are not inflated: a few of them may stand for gigabytes.
const ENCODED: &str = "content_encoding";
const OTHER_TYPE: &str = "content_type";
/// Secrets are looked for in text that is close to UTF-8.
const OTHER_CHARSET: &str = "charset";

/// How the body is written, or why it is not captured. `types` are those that are captured, empty for the default.
pub(crate) fn of(headers: &HeaderMap, types: &[String]) -> Result<Media, &'static str> {
    let is_plain = |value: &http::HeaderValue| value.is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
        return Err(ENCODED);
    }
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).ok_or(OTHER_TYPE)?;
    let (essence, parameters) = named.split_once(';').unwrap_or((named, ""));
    let essence = essence.trim().to_ascii_lowercase();
    if is_never_text(&essence) {
        return Err(OTHER_TYPE);
    }
    let known = known(&essence);
    let media = if types.is_empty() {
        known.ok_or(OTHER_TYPE)?
    } else {
        let is_listed = types.iter().any(|listed| {
            listed.strip_suffix('*').map_or(*listed == essence, |start| start.ends_with('/') && essence.starts_with(start))
        });
        if !is_listed {
            return Err(OTHER_TYPE);
        }
        known.unwrap_or(Media::Text)
    };
    if parameters.split(';').any(|parameter| !charset_is_readable(parameter)) {
        return Err(OTHER_CHARSET);
    }
    Ok(media)
}

/// What goes on and on, or holds files and frames.
fn is_never_text(essence: &str) -> bool {
    essence == "text/event-stream" || essence.starts_with("multipart/") || essence.starts_with("application/grpc")
}

fn known(essence: &str) -> Option<Media> {
    match essence {
        "application/json" | "text/json" | "application/jsonl" | "application/ndjson" | "application/x-ndjson" => {
            Some(Media::Json)
        }
        _ if essence.ends_with("+json") => Some(Media::Json),
        "application/x-www-form-urlencoded" => Some(Media::Form),
        // Their secrets have no shape: a column's name is far from its values, and a text goes on over lines.
        "text/csv" | "text/tab-separated-values" | "text/yaml" | "text/x-yaml" | "text/vnd.yaml" => None,
        "application/xml" | "application/graphql" | "application/javascript" => Some(Media::Text),
        _ if essence.ends_with("+xml") || essence.starts_with("text/") => Some(Media::Text),
        _ => None,
    }
}

fn charset_is_readable(parameter: &str) -> bool {
    const READABLE: [&str; 7] = ["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "windows-1252"];
    let Some((name, value)) = parameter.split_once('=') else { return true };
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset") || READABLE.iter().any(|readable| value.eq_ignore_ascii_case(readable))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_type(content_type: &str, types: &[&str]) -> Result<Media, &'static str> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        of(&headers, &types.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn json_forms_and_text_are_known() {
        for (content_type, expected) in [
            ("application/json", Ok(Media::Json)),
            ("Application/JSON ; charset=UTF-8", Ok(Media::Json)),
            ("application/problem+json", Ok(Media::Json)),
            ("application/x-ndjson", Ok(Media::Json)),
            ("application/x-www-form-urlencoded", Ok(Media::Form)),
            ("text/plain; charset=\"utf-8\"; format=flowed", Ok(Media::Text)),
            ("image/svg+xml", Ok(Media::Text)),
            ("application/graphql", Ok(Media::Text)),
            ("text/csv", Err(OTHER_TYPE)),
            ("application/yaml", Err(OTHER_TYPE)),
            ("text/yaml", Err(OTHER_TYPE)),
            ("text/plain; charset=utf-16le", Err(OTHER_CHARSET)),
            ("text/event-stream", Err(OTHER_TYPE)),
            ("multipart/form-data; boundary=x", Err(OTHER_TYPE)),
            ("application/grpc+json", Err(OTHER_TYPE)),
            ("application/octet-stream", Err(OTHER_TYPE)),
            ("image/png", Err(OTHER_TYPE)),
            ("", Err(OTHER_TYPE)),
        ] {
            assert_eq!(of_type(content_type, &[]), expected, "{content_type}");
        }
        assert_eq!(of(&HeaderMap::new(), &[]), Err(OTHER_TYPE));
    }

    #[test]
    fn a_list_of_types_narrows_and_adds() {
        let types = ["application/vnd.shop", "text/*"];
        assert_eq!(of_type("application/vnd.shop", &types), Ok(Media::Text));
        assert_eq!(of_type("text/html", &types), Ok(Media::Text));
        assert_eq!(of_type("application/json", &types), Err(OTHER_TYPE));
        assert_eq!(of_type("text/csv", &["text/csv"]), Ok(Media::Text), "whoever asks for it gets it");
        assert_eq!(of_type("multipart/mixed", &["multipart/*"]), Err(OTHER_TYPE));
        assert_eq!(of_type("application/json", &["application/json"]), Ok(Media::Json));
    }

    #[test]
    fn what_is_encoded_is_left_alone() {
        for (encodings, expected) in [
            (&["gzip"][..], Err(ENCODED)),
            (&["identity"], Ok(Media::Json)),
            (&["identity", "br"], Err(ENCODED)),
            (&["gzip, identity"], Err(ENCODED)),
        ] {
            let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, "application/json".parse().unwrap())]);
            for encoding in encodings {
                headers.append(CONTENT_ENCODING, encoding.parse().unwrap());
            }
            assert_eq!(of(&headers, &[]), expected, "{encodings:?}");
        }
    }
}
