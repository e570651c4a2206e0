//! Names of cookies are shown, values never; they are left out where the header is copied.

use http::{HeaderMap, HeaderName, header};

use super::rules::Rules;
use super::{CUT_MARK, REDACTED};
use crate::record::parts::Parts;

/// Longest name that is shown, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Longest text that is made of one header; what is more is cut off.
const MAX_BYTES: usize = 1000;
/// What else a server may say of a cookie.
const ATTRIBUTES: [&str; 9] =
    ["path", "domain", "expires", "max-age", "samesite", "httponly", "secure", "partitioned", "priority"];

/// Whether a header holds cookies.
pub(crate) fn is_cookie(name: &HeaderName) -> bool {
    *name == header::COOKIE || *name == header::SET_COOKIE
}

/// Gives the headers from slot `first` on, which were copied from `headers`, the names of their cookies.
pub(crate) fn name_cookies(parts: &mut Parts, first: usize, headers: &HeaderMap, rules: &Rules) {
    for (at, (name, value)) in headers.iter().enumerate() {
        let Some(slot) = parts.headers.get(first + at).copied() else { break };
        // What the application marked as sensitive stays out altogether.
        if !is_cookie(name) || value.is_sensitive() || slot.value.is_some() || rules.hides_header(name) {
            continue;
        }
        let text = match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => names(name.as_str(), value),
            Err(_) => names(name.as_str(), &String::from_utf8_lossy(value.as_bytes())),
        };
        let text = parts.push_text(&text, MAX_BYTES + CUT_MARK.len() + 2);
        if let Some(slot) = parts.headers.get_mut(first + at) {
            slot.value = Some(text);
        }
    }
}

/// `sid=REDACTED; theme=REDACTED`. The same again of what it made.
pub(super) fn names(header: &str, value: &str) -> String {
    let is_set = header == "set-cookie";
    // Room for most: on the request's own thread it does not grow.
    let mut out = String::with_capacity(value.len().min(MAX_BYTES) + 2 * REDACTED.len());
    for (index, pair) in value.split(';').map(str::trim).enumerate() {
        let start = out.len();
        let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name.trim(), Some(value)));
        if index > 0 {
            out.push_str("; ");
        }
        match value {
            _ if pair == CUT_MARK => out.push_str(CUT_MARK),
            _ if is_set && index > 0 => {
                if !ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                    out.push_str(REDACTED);
                } else {
                    out.push_str(pair);
                }
            }
            Some(_) if is_name(name) => out.extend([name, "=", REDACTED]),
            // Without a name it is all value.
            _ => out.push_str(REDACTED),
        }
        if out.len() > MAX_BYTES {
            out.truncate(start);
            out.extend(["; ", CUT_MARK]);
            break;
        }
    }
    out
}

/// Letters, digits and the signs of a token: what servers accept for a name.
fn is_name(name: &str) -> bool {
    let is_sign = |byte: u8| matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_sign(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_cookies_only_names_and_attributes_are_shown() {
        let cases = [
            ("cookie", "sid=canary-1; theme=dark", "sid=REDACTED; theme=REDACTED"),
            ("cookie", "__Host-id=a=canary;b=\"canary; x\"", "__Host-id=REDACTED; b=REDACTED; REDACTED"),
            ("cookie", "canary", "REDACTED"),
            ("cookie", "a canary=1; =canary", "REDACTED; REDACTED"),
            ("cookie", "", "REDACTED"),
            ("set-cookie", "sid=canary-8; HttpOnly; Path=/a; canary=1", "sid=REDACTED; HttpOnly; Path=/a; REDACTED"),
            (
                "set-cookie",
                "sid=canary; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
                "sid=REDACTED; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            ),
        ];
        for (header, value, expected) in cases {
            assert_eq!(names(header, value), expected, "HD-09, HD-12: {value}");
            assert_eq!(names(header, expected), expected, "once more");
        }
    }

    #[test]
    fn a_thousand_cookies_are_cut() {
        let value: Vec<_> = (0..1000).map(|number| format!("name{number}=canary")).collect();
        let text = names("cookie", &value.join("; "));
        assert!(text.len() <= MAX_BYTES + 16 && text.ends_with(CUT_MARK) && !text.contains("canary"), "{text}");
        assert_eq!(names("cookie", &text), text);
    }
}
