//! Names of cookies are shown, values never; they are left out where the header is copied.

use super::{CUT_MARK, REDACTED};
use crate::scan::find;

/// Longest name that is shown, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 64;
/// Longest text that is made of one header; what is more is cut off.
pub(super) const MAX_BYTES: usize = 1000;
/// What stands behind a name.
pub(super) const IS_REDACTED: &[u8] = b"=REDACTED";
/// What else a server may say of a cookie.
const ATTRIBUTES: [&str; 9] =
    ["path", "domain", "expires", "max-age", "samesite", "httponly", "secure", "partitioned", "priority"];

/// Appends the names of the cookies that a header holds: `sid=REDACTED; theme=REDACTED`. The same again of what it made.
///
/// `is_set` where it is a server that sets one: then attributes follow the first name.
pub(crate) fn write_names(is_set: bool, value: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    let (mut rest, mut is_first) = (value, true);
    loop {
        let start = out.len();
        if !is_first {
            out.extend_from_slice(b"; ");
        }
        let is_attribute = is_set && !is_first;
        // Nearly always a name ends right before the `=`, and its value is all that is in the way then.
        let behind = match rest {
            [b' ', behind @ ..] => behind,
            rest => rest,
        };
        let signs = behind.iter().position(|byte| !is_sign_of_name(*byte)).unwrap_or(behind.len());
        let more = match behind.split_at_checked(signs) {
            Some((name, [b'=', value @ ..])) if !is_attribute && (1..=MAX_NAME_BYTES).contains(&signs) => {
                out.extend_from_slice(name);
                out.extend_from_slice(IS_REDACTED);
                value.get(find(value, b';')..)
            }
            _ => {
                let (pair, more) = rest.split_at_checked(find(rest, b';')).unwrap_or_default();
                write_pair(trim(pair), is_attribute, out);
                Some(more)
            }
        };
        if out.len() - begin > MAX_BYTES {
            out.truncate(start);
            out.extend_from_slice(b"; ");
            out.extend_from_slice(CUT_MARK.as_bytes());
            return;
        }
        match more {
            Some([b';', more @ ..]) => (rest, is_first) = (more, false),
            _ => return,
        }
    }
}

/// The same as a text of its own.
pub(super) fn names(header: &str, value: &str) -> String {
    let mut out = Vec::new();
    write_names(header == "set-cookie", value.as_bytes(), &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Of one cookie or attribute, without white space around.
// Apart from the loop, which is short without it.
#[inline(never)]
fn write_pair(pair: &[u8], is_attribute: bool, out: &mut Vec<u8>) {
    let sign = pair.iter().position(|byte| *byte == b'=');
    let name = trim(pair.get(..sign.unwrap_or(pair.len())).unwrap_or_default());
    if pair == CUT_MARK.as_bytes() {
        out.extend_from_slice(pair);
    } else if is_attribute {
        let is_known = ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        out.extend_from_slice(if is_known { pair } else { REDACTED.as_bytes() });
    } else if sign.is_some() && is_name(name) {
        out.extend_from_slice(name);
        out.extend_from_slice(IS_REDACTED);
    } else {
        // Without a name it is all value.
        out.extend_from_slice(REDACTED.as_bytes());
    }
}

/// Letters, digits and the signs of a token: what servers accept for a name.
fn is_name(name: &[u8]) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.iter().all(|byte| is_sign_of_name(*byte))
}

pub(super) fn is_sign_of_name(byte: u8) -> bool {
    const SIGNS: [bool; 256] = {
        let mut signs = [false; 256];
        let mut byte = 0;
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
        while byte < 256 {
            let sign = byte as u8;
            signs[byte] = sign.is_ascii_alphanumeric()
                || matches!(sign, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
            byte += 1;
        }
        signs
    };
    SIGNS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Without white space around.
fn trim(text: &[u8]) -> &[u8] {
    let mut trimmed = text;
    while let [b' ' | b'\t'..=b'\r', rest @ ..] | [rest @ .., b' ' | b'\t'..=b'\r'] = trimmed {
        trimmed = rest;
    }
    // There is white space beyond ASCII.
    match trimmed {
        [0x80..=0xff, ..] | [.., 0x80..=0xff] => std::str::from_utf8(trimmed).map_or(trimmed, |text| text.trim().as_bytes()),
        _ => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule, said plainly.
    fn plain_names(header: &str, value: &str) -> String {
        let mut out = String::new();
        for (index, pair) in value.split(';').map(str::trim).enumerate() {
            let start = out.len();
            let (name, value) = pair.split_once('=').map_or((pair, None), |(name, value)| (name.trim(), Some(value)));
            if index > 0 {
                out.push_str("; ");
            }
            let is_token = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
            match value {
                _ if pair == CUT_MARK => out.push_str(CUT_MARK),
                _ if header == "set-cookie" && index > 0 => {
                    let is_known = ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known));
                    out.push_str(if is_known { pair } else { REDACTED });
                }
                Some(_) if is_token && (1..=MAX_NAME_BYTES).contains(&name.len()) => out.extend([name, "=", REDACTED]),
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

    fn any_cookies() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            "[a-zA-Z0-9_.-]{0,12}",
            "[ \t]{0,2}[!-~]{0,4}[ \u{a0}\u{3000}é]{0,2}",
            "[a-z]{60,70}",
            Just("Path".to_owned()),
            Just("HttpOnly".to_owned())
        ];
        let value = prop_oneof!["[ -~é\u{a0}]{0,40}", "=[a-zA-Z0-9+/=]{0,60}", "", Just(CUT_MARK.to_owned())];
        let pair = (name, value).prop_map(|(name, value)| name + &value);
        prop::collection::vec(pair, 0..40).prop_map(|pairs| pairs.join(";"))
    }

    proptest! {
        #[test]
        fn names_are_those_of_the_plain_rule(value in any_cookies()) {
            for header in ["cookie", "set-cookie"] {
                prop_assert_eq!(names(header, &value), plain_names(header, &value));
            }
        }

        #[test]
        fn what_is_no_text_makes_nothing_fail(value in prop::collection::vec(any::<u8>(), 0..80)) {
            for is_set in [false, true] {
                let mut out = Vec::new();
                write_names(is_set, &value, &mut out);
                prop_assert!(out.len() <= MAX_BYTES + 16);
            }
        }
    }

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
