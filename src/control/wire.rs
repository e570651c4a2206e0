//! Values as they stand in tokens and on the socket.
//!
//! Read by nobody but the two halves of this crate, so it is the least that can be read strictly, without a dependency:
//! every byte but letters, digits, `-`, `_` and `~` is percent-encoded, so that no value can break out of its place.

use std::fmt::Write as _;

use crate::percent::Decoded;

/// A value in a form that no separator is part of.
pub(super) fn encode(value: &str) -> String {
    value.bytes().fold(String::with_capacity(value.len()), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
        out
    })
}

/// The value again; `None` when it is none that [`encode`] makes of a text.
pub(super) fn decode(text: &str) -> Option<String> {
    let value = String::from_utf8(Decoded::new(text).collect()).ok()?;
    (encode(&value) == text).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        for value in ["", "/orders/{id}", "a=b c.%\n\u{1b}ü", "plain-_~09"] {
            let text = encode(value);
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_~%".contains(&byte)), "{text}");
            assert_eq!(decode(&text).as_deref(), Some(value));
        }
        for text in ["%", "%zz", "%41", "b.c", "%FF", "a b", "%c3%bc"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
