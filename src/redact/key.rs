//! Which keys name a secret: of fields, of attributes and of the query.

use super::defaults::{Part, count, names};

// Lists of their own, because they are walked for each field of each record.
static FIELD_KEYS: [&str; count(Part::FieldKey)] = names(Part::FieldKey);
static QUERY_KEYS: [&str; count(Part::QueryKey)] = names(Part::QueryKey);

/// Whether a field or attribute of this name holds a secret: its last segment is looked up, without case, `-` and `_`.
pub(crate) fn field_is_secret(name: &str) -> bool {
    let key = Key::of(name.bytes());
    FIELD_KEYS.iter().any(|rule| key.matches(rule))
}

/// Whether the value of this key of a query is a secret; the key may be percent-encoded.
pub(super) fn query_key_is_secret(key: &str) -> bool {
    let key = Key::of(Decoded(key.as_bytes()));
    FIELD_KEYS.iter().chain(&QUERY_KEYS).any(|rule| key.matches(rule))
}

/// Longest key that is looked up; of a longer one, its end.
const MAX_BYTES: usize = 32;

/// The last segment of a name, in lower case, letters and digits only.
struct Key {
    /// Filled from the start; a longer segment goes on at the start again.
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Key {
    fn of(name: impl Iterator<Item = u8>) -> Self {
        let mut key = Self { bytes: [0; MAX_BYTES], len: 0 };
        // A separator at the very end, as in `a[b]` and `a[]`, does not begin a segment.
        let mut ended = false;
        for byte in name {
            match byte {
                b'.' | b'[' | b']' | b':' | b'/' => ended = true,
                _ if byte.is_ascii_alphanumeric() || byte >= 0x80 => {
                    if std::mem::take(&mut ended) {
                        key.len = 0;
                    }
                    key.push(byte.to_ascii_lowercase());
                }
                _ => {}
            }
        }
        key
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len % MAX_BYTES) {
            *slot = byte;
        }
        self.len += 1;
    }

    fn matches(&self, rule: &str) -> bool {
        match rule.strip_prefix('*') {
            Some(end) => self.ends_with(end.as_bytes()),
            None => self.len == rule.len() && self.ends_with(rule.as_bytes()),
        }
    }

    fn ends_with(&self, end: &[u8]) -> bool {
        let from_end = (1..=self.len).map(|back| self.bytes.get((self.len - back) % MAX_BYTES));
        end.len() <= self.len.min(MAX_BYTES) && end.iter().rev().zip(from_end).all(|(wanted, byte)| byte == Some(wanted))
    }
}

/// Bytes with their percent-encoding undone; what is no escape stays as it is.
struct Decoded<'a>(&'a [u8]);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        if let [b'%', high, low, rest @ ..] = self.0
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            self.0 = rest;
            return Some(high << 4 | low);
        }
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::defaults::RULES;

    #[test]
    fn every_key_of_the_table_is_found_in_any_spelling() {
        for rule in RULES.iter().filter(|rule| matches!(rule.part, Part::FieldKey | Part::QueryKey)) {
            let name = rule.name.trim_start_matches('*');
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
            for key in [name, &name.to_uppercase(), &encoded, &format!("a[{name}]"), &format!("{name}[]")] {
                assert!(query_key_is_secret(key), "{key}");
            }
            if rule.part == Part::FieldKey {
                for key in [name, &name.to_uppercase(), &format!("user.{name}"), &format!("_{name}-")] {
                    assert!(field_is_secret(key), "{key}");
                }
            }
        }
    }

    #[test]
    fn secrets_are_known_by_their_last_segment() {
        for name in [
            "password",
            "userPassword",
            "user.password",
            "db_password",
            "API-Key",
            "stripe_api_key",
            "http.request.header.authorization",
            "X-Auth-Token",
            "a_very_long_name_of_a_field_that_ends_in_the_word_token",
        ] {
            assert!(field_is_secret(name), "{name}");
        }
        for name in ["", "password.length", "tokens", "order.id", "secretary", "signature.algorithm", "card.type", "é", "."] {
            assert!(!field_is_secret(name), "{name}");
        }
        assert!(!field_is_secret("sig"), "of a query only");
    }
}
