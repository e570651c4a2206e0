//! Which keys name a secret: of fields, of attributes, of JSON and of the query.

use super::defaults::{Part, Rule, count, rows};
use super::ending::{Ending, Endings, MAX_LOOK_BYTES, ends_with, last_letters, letter};
use crate::percent::Decoded;

/// Of fields, then of queries alone.
static KEYS: [Rule; FIELDS + count(Part::QueryKey)] = {
    let fields: [Rule; FIELDS] = rows(Part::FieldKey);
    let queries: [Rule; count(Part::QueryKey)] = rows(Part::QueryKey);
    let (mut keys, mut row) = ([fields[0]; FIELDS + count(Part::QueryKey)], 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < keys.len() {
        keys[row] = if row < FIELDS { fields[row] } else { queries[row - FIELDS] };
        row += 1;
    }
    keys
};
const FIELDS: usize = count(Part::FieldKey);

/// Their last three letters, in this order.
static KEY_ENDINGS: [[u8; 3]; KEYS.len()] = {
    let (mut endings, mut row) = ([[0; 3]; KEYS.len()], 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < endings.len() {
        endings[row] = last_letters(KEYS[row].name);
        row += 1;
    }
    endings
};

/// Keys of the settings, in the form of the table.
#[derive(Clone, Debug)]
pub(super) struct OwnKeys {
    secret: Vec<Box<str>>,
    /// Those that are none, whatever the table says.
    shown: Vec<Box<str>>,
    /// Of all keys that name a secret, those of the table too.
    endings: Endings,
}

/// What people are told of a key of the settings.
const OF_SETTINGS: &str = "key of the settings";

impl Default for OwnKeys {
    fn default() -> Self {
        Self::NONE
    }
}

impl OwnKeys {
    pub(super) const NONE: Self = Self { secret: Vec::new(), shown: Vec::new(), endings: Endings::of(&KEY_ENDINGS) };

    /// Each in the form that [`normal`] gives it.
    pub(super) fn new(secret: Vec<Box<str>>, shown: Vec<Box<str>>) -> Self {
        let mut endings = Self::NONE.endings;
        secret.iter().for_each(|key| endings.add(key));
        Self { secret, shown, endings }
    }

    /// Why the value of a field or attribute of this name is a secret: its last segment is looked up, without case, `-`
    /// and `_`.
    pub(super) fn field(&self, name: &str) -> Option<&'static str> {
        if self.may_name(name.as_bytes()) { self.find(&Key::of(name.bytes()), false) } else { None }
    }

    /// Whether a name may be one. Of nearly all the last letters are those of no rule.
    #[inline]
    pub(super) fn may_name(&self, name: &[u8]) -> bool {
        match Ending::of(name, usize::MAX) {
            Ending::Is(ending) => self.endings.contains(ending),
            Ending::Short => !self.secret.is_empty(),
            Ending::Encoded | Ending::Far => true,
        }
    }

    /// The same for a key of a query or form; it may be percent-encoded.
    pub(super) fn query(&self, key: &str) -> Option<&'static str> {
        self.find(&Key::of(Decoded::new(key)), true)
    }

    /// Whether a key may be a secret one, by what stands right before its separator. Nearly always it may not, and that is
    /// known after a few bytes.
    #[inline]
    pub(super) fn may_end(&self, before: &[u8]) -> bool {
        match Ending::of(before, MAX_BYTES) {
            Ending::Is(ending) => self.endings.contains(ending),
            // What is encoded is looked at closely.
            Ending::Encoded => true,
            Ending::Short | Ending::Far => !self.secret.is_empty(),
        }
    }

    /// Whether [`field`](Self::field) or [`query`](Self::query) may know a key that ends where `before` does, wherever it
    /// begins.
    #[inline]
    pub(super) fn may_be(&self, before: &[u8]) -> bool {
        // Of most the last letter is enough; a digit of base 16 may be a part of another.
        match before.last().map(|byte| letter(*byte)) {
            Some(b'g'..=b'z') if before.last().is_some_and(|last| !self.endings.has_last(*last)) => false,
            _ => self.may_be_by_all(before),
        }
    }

    #[inline(never)]
    fn may_be_by_all(&self, before: &[u8]) -> bool {
        match Ending::of(before, MAX_BYTES) {
            Ending::Is(ending) if !self.endings.contains(ending) => false,
            Ending::Is(ending) => {
                let near = before.get(before.len().saturating_sub(MAX_LOOK_BYTES)..).unwrap_or_default();
                self.any_ends(near, ending) || near.contains(&b'%')
            }
            Ending::Encoded | Ending::Far => true,
            Ending::Short => !self.secret.is_empty(),
        }
    }

    /// Whether a text that ends so ends with some rule.
    fn any_ends(&self, text: &[u8], ending: [u8; 3]) -> bool {
        let mut rows = KEY_ENDINGS.iter().enumerate().filter(|(_, known)| **known == ending).map(|(row, _)| row);
        rows.any(|row| KEYS.get(row).is_some_and(|rule| ends_with(text, rule.name)))
            || self.secret.iter().any(|rule| ends_with(text, rule))
    }

    fn find(&self, key: &Key, is_query: bool) -> Option<&'static str> {
        if key.len == 0 || !self.endings.contains(key.ending()) {
            return None;
        }
        let own = |list: &[Box<str>]| list.iter().any(|rule| key.matches(rule));
        if !self.shown.is_empty() && own(&self.shown) {
            return None;
        }
        if !self.secret.is_empty() && own(&self.secret) {
            return Some(OF_SETTINGS);
        }
        let rules = KEYS.get(..if is_query { KEYS.len() } else { FIELDS }).unwrap_or_default();
        rules.iter().find(|rule| key.matches(rule.name)).map(|rule| rule.reason)
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
                _ if letter(byte) != 0 => {
                    if std::mem::take(&mut ended) {
                        key.len = 0;
                    }
                    key.push(letter(byte));
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
        let keys = OwnKeys::new(list(&["IBAN", "*_note", "--"]), list(&["page_token"]));
        assert_eq!(keys.secret.len(), 2, "a key without a letter is none");
        for name in ["iban", "user.iban", "I-BAN", "doctor_note", "note"] {
            assert_eq!(keys.field(name), Some(OF_SETTINGS), "{name}");
        }
        assert_eq!((keys.field("pageToken"), keys.query("page%5Ftoken")), (None, None));
        assert!(keys.field("token").is_some(), "of the shown ones only what is named");
    }

    #[test]
    fn what_the_ending_rules_out_is_no_key() {
        // All rules, one by one, without a look at the ending first.
        let find = |keys: &OwnKeys, key: &Key, rules: &[Rule]| {
            let own = |list: &[Box<str>]| list.iter().any(|rule| key.matches(rule));
            let is_secret = own(&keys.secret) || rules.iter().any(|rule| key.matches(rule.name));
            key.len > 0 && !own(&keys.shown) && is_secret
        };
        let list = |keys: &[&str]| keys.iter().filter_map(|key| normal(key)).collect::<Vec<_>>();
        let settings =
            [OwnKeys::NONE, OwnKeys::new(list(&["iban", "*id", "ü"]), list(&["user_token"])), OwnKeys::new(list(&["x"]), vec![])];
        let parts = [
            "pass", "word", "token", "id", "iban", "x", "ü", "é", "_", "-", ".", "[", "]", "%", "%64", "%6", "7", "q", "user",
            "TOKEN", "s",
        ];
        let mut random = fastrand::Rng::with_seed(5);
        let mut secrets = 0;
        for round in 0..20_000 {
            let mut name: String = (0..random.usize(0..6)).map(|_| parts[random.usize(..parts.len())]).collect();
            if round % 3 == 0 {
                name.push_str(KEYS[random.usize(..KEYS.len())].name.trim_start_matches('*'));
            }
            if round % 50 == 0 {
                name.push_str(&"-".repeat(100));
            }
            let keys = &settings[random.usize(..settings.len())];
            let (of_field, of_query) =
                (find(keys, &Key::of(name.bytes()), &KEYS[..FIELDS]), find(keys, &Key::of(Decoded::new(&name)), &KEYS));
            assert_eq!((keys.field(&name).is_some(), keys.query(&name).is_some()), (of_field, of_query), "{name}");
            assert!(!of_field || keys.may_be(name.as_bytes()), "{name}");
            secrets += usize::from(of_field);
        }
        assert!(secrets > 4_000, "{secrets}");
    }

    #[test]
    fn most_keys_are_told_apart_by_their_ending() {
        let ordinary = ["method", "route", "status", "user.id", "order_id", "message", "rows", "elapsed_ms", "table", "query"];
        let looked_up = ordinary.iter().filter(|name| OwnKeys::NONE.endings.contains(Key::of(name.bytes()).ending())).count();
        assert!(looked_up <= 2, "{looked_up} of {}", ordinary.len());
    }
}
