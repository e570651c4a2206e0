//! Characters that could deceive a reader of text never reach an output as they are.

use std::fmt;
#[cfg(feature = "reading")]
use std::fmt::Write as _;

/// Text from outside, safe to print: `Display` shows every character that breaks lines, steers a terminal, reorders or
/// hides text as an escape such as `\n` or `\u{202e}`.
///
/// # Shape
/// Escaped are the 65 control characters (C0, DEL, C1), U+2028 and U+2029, the bidirectional marks and overrides, the
/// zero-width characters and other invisible ones, tags, and the byte order mark. Everything else, the backslash included,
/// stays as it is: the result is for eyes and cannot be turned back. Nothing is ever looked up or filled in.
///
/// # Example
/// ```
/// use campanile::exporter::escape;
///
/// assert_eq!(escape("a\n\u{1b}[31mb\u{202e}").to_string(), r"a\n\u{1b}[31mb\u{202e}");
/// ```
#[must_use]
pub const fn escape(text: &str) -> Escape<'_> {
    Escape(text)
}

/// What [`escape`] returns.
#[derive(Clone, Copy, Debug)]
pub struct Escape<'a>(&'a str);

impl fmt::Display for Escape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if is_plain(rest) {
            return f.write_str(rest);
        }
        while let Some((at, found)) = rest.char_indices().find(|(_, char)| is_hidden(*char)) {
            let (clean, tail) = rest.split_at(at);
            f.write_str(clean)?;
            match found {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                other => write!(f, "\\u{{{:x}}}", u32::from(other))?,
            }
            rest = tail.get(found.len_utf8()..).unwrap_or_default();
        }
        f.write_str(rest)
    }
}

/// The same JSON without characters that steer a terminal or hide text: they can only stand inside strings.
#[cfg(feature = "reading")]
#[must_use]
pub fn visible_json(json: &str) -> String {
    if is_plain(json) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        if is_hidden(char) {
            for unit in char.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(char);
        }
    }
    out
}

/// Whether every byte is printable ASCII, which is almost always so and quick to see.
pub(crate) fn is_plain(text: &str) -> bool {
    has_only_plain(text.as_bytes(), [])
}

/// Whether every byte is printable ASCII and none of `others`.
///
/// Asked of eight bytes at a time, the last eight overlapping those before: no look-up, no branch for each byte.
pub(crate) fn has_only_plain<const N: usize>(text: &[u8], others: [u8; N]) -> bool {
    let is_odd = |word: [u8; 8]| odd(u64::from_le_bytes(word), others) != 0;
    let (words, rest) = text.as_chunks::<8>();
    if words.iter().any(|word| is_odd(*word)) {
        return false;
    }
    match text.last_chunk() {
        Some(last) => rest.is_empty() || !is_odd(*last),
        None => !is_odd(short(rest)),
    }
}

/// Less than eight bytes as eight, of which some come twice; of none, letters.
fn short(text: &[u8]) -> [u8; 8] {
    if let (Some([a, b, c, d]), Some([e, f, g, h])) = (text.first_chunk(), text.last_chunk()) {
        return [*a, *b, *c, *d, *e, *f, *g, *h];
    }
    let (Some(first), Some(middle), Some(last)) = (text.first(), text.get(text.len() / 2), text.last()) else {
        return [b'a'; 8];
    };
    [*first, *middle, *last, *first, *first, *first, *first, *first]
}

/// The highest bit of every byte that is not printable ASCII or one of `others`; a byte above one of these may be taken for
/// one as well, so only nothing at all means something.
const fn odd<const N: usize>(word: u64, others: [u8; N]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // A byte less than 0x20 borrows, one of 0x7f or more has its highest bit or gets it.
    let mut found = word | word.wrapping_add(ONES) | word.wrapping_sub(ONES * 0x20) & !word;
    let mut index = 0;
    while index < N {
        #[expect(clippy::indexing_slicing, reason = "the index is below the length")]
        let zero_where_equal = word ^ (ONES * others[index] as u64);
        found |= zero_where_equal.wrapping_sub(ONES) & !zero_where_equal;
        index += 1;
    }
    found & HIGH
}

/// Whether a character never reaches an output as it is.
///
/// # Source
/// The categories Cc, Zl and Zp of Unicode 16, and of Cf and what is drawn as nothing all that is not part of ordinary
/// writing or of an emoji's own form: soft hyphen, marks and isolates of direction, fillers, annotations, tags.
pub(crate) const fn is_hidden(char: char) -> bool {
    matches!(char,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_control_character_becomes_visible() {
        let marks = (0x200b..0x2010).chain(0x2028..0x202f).chain(0x2060..0x2070).chain([0xad, 0x61c, 0xfeff, 0xfff9, 0xe0041]);
        let mut controls = 0;
        for code in (0..0x20).chain(0x7f..0xa0).inspect(|_| controls += 1).chain(marks) {
            let char = char::from_u32(code).unwrap();
            let out = escape(&format!("a{char}b")).to_string();
            assert!(out.starts_with("a\\") && out.ends_with('b') && !out.chars().any(is_hidden), "{code:x}: {out:?}");
        }
        assert_eq!(controls, 65, "EV-02");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_one_visible_line(text in any::<String>(), mark in any::<char>()) {
            for text in [text, mark.to_string()] {
                let out = escape(&text).to_string();
                prop_assert!(!out.chars().any(is_hidden) && out.lines().count() <= 1);
                prop_assert_eq!(escape(&out).to_string(), out.clone(), "once more changes nothing");
                // What is left out of the escapes is there as it was.
                let shown: String = text.chars().filter(|char| !is_hidden(*char)).collect();
                prop_assert!(text.chars().any(is_hidden) || out == shown);
            }
        }
    }

    #[test]
    fn a_text_is_plain_just_when_every_byte_is() {
        let is_plain_byte = |byte: u8| (0x20..=0x7e).contains(&byte);
        for len in 0..34 {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'~'; len];
                    text[at] = byte;
                    assert_eq!(has_only_plain(&text, []), is_plain_byte(byte), "{byte} at {at} of {len}");
                    let expected = is_plain_byte(byte) && byte != b'"' && byte != b'\\';
                    assert_eq!(has_only_plain(&text, [b'"', b'\\']), expected, "{byte} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn plain_and_foreign_text_stays_as_it_is() {
        // HD-06: templates, formats and lookups are text.
        for text in ["", "plain \\n", "größe 日本 🦀 👩🏽 ❤️", "{{7*7}} {0} %s %n ${env:HOME} #{1+1} ${jndi:ldap://x}"]
        {
            assert_eq!(escape(text).to_string(), text);
        }
    }

    #[cfg(feature = "reading")]
    #[test]
    fn json_stays_the_same_for_whoever_parses_it() {
        let before = serde_json::json!({ "a\u{202e}": "b\u{9b}\n\u{feff}ü\u{e0041}" });
        let text = visible_json(&before.to_string());
        assert_eq!(text, r#"{"a\u202e":"b\u009b\n\ufeffü\udb40\udc41"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), before);
    }
}
