//! Which keys name a secret: of fields, of attributes, of JSON and of the query.

use super::defaults::{Part, count, names, reason};
use crate::percent::Decoded;

// Lists of their own, because they are walked for each field of each record.
static FIELD_KEYS: [&str; count(Part::FieldKey)] = names(Part::FieldKey);
static QUERY_KEYS: [&str; count(Part::QueryKey)] = names(Part::QueryKey);

/// Keys of the settings, in the form of the table.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnKeys {
    pub(super) secret: Vec<Box<str>>,
    /// Those that are none, whatever the table says.
    pub(super) shown: Vec<Box<str>>,
}

/// What people are told of a key of the settings.
const OF_SETTINGS: &str = "key of the settings";

impl OwnKeys {
    /// Why the value of a field or attribute of this name is a secret: its last segment is looked up, without case, `-`
    /// and `_`.
    pub(super) fn field(&self, name: &str) -> Option<&'static str> {
        self.find(&Key::of(name.bytes()), false)
    }

    /// The same for a key of a query or form; it may be percent-encoded.
    pub(super) fn query(&self, key: &str) -> Option<&'static str> {
        self.find(&Key::of(Decoded::new(key)), true)
    }

    /// Whether a key may be a secret one, by what stands right before its separator. Nearly always it may not, and that is
    /// known after a few bytes.
    #[inline]
    pub(super) fn may_end(&self, before: &[u8]) -> bool {
        let (mut ending, mut missing) = ([0; 3], 3);
        for byte in before.iter().rev().take(MAX_BYTES) {
            if *byte == b'%' && missing < 3 {
                // What is encoded is looked at closely.
                return true;
            }
            if !byte.is_ascii_alphanumeric() && *byte < 0x80 {
                continue;
            }
            missing -= 1;
            if let Some(slot) = ending.get_mut(missing) {
                *slot = byte.to_ascii_lowercase();
            }
            if missing == 0 {
                break;
            }
        }
        ENDINGS.contains(ending) || !self.secret.is_empty()
    }

    fn find(&self, key: &Key, is_query: bool) -> Option<&'static str> {
        if key.len == 0 {
            return None;
        }
        let own = |list: &[Box<str>]| list.iter().any(|rule| key.matches(rule));
        if !self.shown.is_empty() && own(&self.shown) {
            return None;
        }
        if !self.secret.is_empty() && own(&self.secret) {
            return Some(OF_SETTINGS);
        }
        // Of nearly all keys the last letters are those of no rule.
        if !ENDINGS.contains(key.ending()) {
            return None;
        }
        let field = FIELD_KEYS.iter().find(|rule| key.matches(rule)).map(|rule| reason(rule, Part::FieldKey));
        let query = || QUERY_KEYS.iter().find(|rule| key.matches(rule)).map(|rule| reason(rule, Part::QueryKey));
        field.or_else(|| if is_query { query() } else { None })
    }
}

/// A key of the settings in the form of the table; `None` for one without a letter or digit.
pub(super) fn normal(key: &str) -> Option<Box<str>> {
    let star = if key.starts_with('*') { "*" } else { "" };
    let letters = key.chars().filter(|char| char.is_ascii_alphanumeric() || !char.is_ascii());
    let name: String = letters.map(|char| char.to_ascii_lowercase()).collect();
    (!name.is_empty() && name.len() <= MAX_BYTES).then(|| format!("{star}{name}").into())
}

/// Whether a key of a query is this one.
pub(super) fn query_key_is(key: &str, name: &str) -> bool {
    Key::of(Decoded::new(key)).matches(name)
}

/// Longest key that is looked up; of a longer one, its end.
pub(super) const MAX_BYTES: usize = 32;

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

    fn back(&self, by: usize) -> u8 {
        if by > self.len {
            return 0;
        }
        self.bytes.get((self.len - by) % MAX_BYTES).copied().unwrap_or_default()
    }

    fn ending(&self) -> [u8; 3] {
        [self.back(3), self.back(2), self.back(1)]
    }

    fn matches(&self, rule: &str) -> bool {
        match rule.strip_prefix('*') {
            Some(end) => self.ends_with(end.as_bytes()),
            None => self.len == rule.len() && self.ends_with(rule.as_bytes()),
        }
    }

    fn ends_with(&self, end: &[u8]) -> bool {
        end.len() <= self.len.min(MAX_BYTES) && (1..).zip(end.iter().rev()).all(|(by, wanted)| self.back(by) == *wanted)
    }
}

/// The last three letters of every key of the table, as a set that may hold a few more.
struct Endings([u64; 16]);

static ENDINGS: Endings = {
    let mut set = [0; 16];
    let (fields, queries) = (FIELD_KEYS, QUERY_KEYS);
    let mut row = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < fields.len() + queries.len() {
        let name = if row < fields.len() { fields[row] } else { queries[row - fields.len()] };
        let name = name.as_bytes();
        let bit = Endings::bit([name[name.len() - 3], name[name.len() - 2], name[name.len() - 1]]);
        set[bit / 64] |= 1 << (bit % 64);
        row += 1;
    }
    Endings(set)
};

impl Endings {
    const fn bit(ending: [u8; 3]) -> usize {
        let [a, b, c] = ending;
        (a as usize * 37 + b as usize * 101 + c as usize * 7) % 1024
    }

    fn contains(&self, ending: [u8; 3]) -> bool {
        let bit = Self::bit(ending);
        self.0.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::defaults::RULES;

    fn field_is_secret(name: &str) -> bool {
        OwnKeys::default().field(name).is_some()
    }

    #[test]
    fn every_key_of_the_table_is_found_in_any_spelling() {
        for rule in RULES.iter().filter(|rule| matches!(rule.part, Part::FieldKey | Part::QueryKey)) {
            let name = rule.name.trim_start_matches('*');
            let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
            for key in [name, &name.to_uppercase(), &encoded, &format!("a[{name}]"), &format!("{name}[]")] {
                assert!(OwnKeys::default().query(key).is_some(), "{key}");
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
        for name in ["", "password.length", "tokens", "order.id", "secretary", "signature.algorithm", "card.type", "é", ".", "p"]
        {
            assert!(!field_is_secret(name), "{name}");
        }
        assert!(!field_is_secret("sig"), "of a query only");
    }

    #[test]
    fn keys_of_the_settings_come_first() {
        let list = |keys: &[&str]| keys.iter().filter_map(|key| normal(key)).collect();
        let keys = OwnKeys { secret: list(&["IBAN", "*_note", "--"]), shown: list(&["page_token"]) };
        assert_eq!(keys.secret.len(), 2, "a key without a letter is none");
        for name in ["iban", "user.iban", "I-BAN", "doctor_note", "note"] {
            assert_eq!(keys.field(name), Some(OF_SETTINGS), "{name}");
        }
        assert_eq!((keys.field("pageToken"), keys.query("page%5Ftoken")), (None, None));
        assert!(keys.field("token").is_some(), "of the shown ones only what is named");
    }

    #[test]
    fn most_keys_are_told_apart_by_their_ending() {
        let ordinary = ["method", "route", "status", "user.id", "order_id", "message", "rows", "elapsed_ms", "table", "query"];
        let looked_up = ordinary.iter().filter(|name| ENDINGS.contains(Key::of(name.bytes()).ending())).count();
        assert!(looked_up <= 2, "{looked_up} of {}", ordinary.len());
    }
}
