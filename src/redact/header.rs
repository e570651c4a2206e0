//! Which headers are shown.

use super::defaults::{Part, count, names, reason};
use super::key::OwnKeys;

/// Whether the value of a header, its name in lower case, is never kept, whatever the settings say.
pub(super) fn header_is_secret(name: &str) -> bool {
    reason_of_header(name).is_some()
}

/// Why it is not.
pub(super) fn reason_of_header(name: &str) -> Option<&'static str> {
    if is_kept(name) {
        return None;
    }
    if SECRET.contains(&name) {
        return Some(reason(name, Part::HeaderSecret));
    }
    // A header of someone's own making that is named like a secret field is one.
    NO_KEYS.field(name)
}

/// A setting that shows a key does not show a header.
static NO_KEYS: OwnKeys = OwnKeys { secret: Vec::new(), shown: Vec::new() };

/// Asked for each header of each request, on the request's own thread: one hash, and usually one comparison.
pub(super) fn is_kept(name: &str) -> bool {
    let mut slot = hash(name.as_bytes());
    while let Some(Some(kept)) = KEPT.get(slot % SLOTS) {
        if *kept == name {
            return true;
        }
        slot += 1;
    }
    false
}

/// Slots of the table; more than twice the rows, so that most searches end at once.
const SLOTS: usize = 256;

static SECRET: [&str; count(Part::HeaderSecret)] = names(Part::HeaderSecret);

/// Names by their hash; where a slot is taken, the name stands in the next free one.
static KEPT: [Option<&str>; SLOTS] = {
    let names: [&str; count(Part::HeaderKept)] = names(Part::HeaderKept);
    let mut table = [None; SLOTS];
    let mut next = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while next < names.len() {
        let mut slot = hash(names[next].as_bytes()) % SLOTS;
        while table[slot].is_some() {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = Some(names[next]);
        next += 1;
    }
    table
};

/// Of the length and of bytes at both ends and near the middle: enough to tell names of headers apart.
const fn hash(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    #[expect(clippy::indexing_slicing, reason = "half of a length that is not zero is inside")]
    let middle = name[name.len() / 2];
    (name.len() * 7).wrapping_add(*first as usize * 31).wrapping_add(*last as usize * 131).wrapping_add(middle as usize * 17)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::redact::defaults::RULES;

    fn header_is_kept(name: &HeaderName) -> bool {
        is_kept(name.as_str())
    }

    #[test]
    fn every_kept_header_of_the_table_is_found_and_no_other() {
        for rule in RULES {
            let expected = rule.part == Part::HeaderKept;
            if matches!(rule.part, Part::HeaderKept | Part::HeaderSecret) {
                assert_eq!(header_is_kept(&HeaderName::from_static(rule.name)), expected, "{}", rule.name);
                assert_eq!(header_is_secret(rule.name), !expected, "{}", rule.name);
            }
        }
        for name in ["x-note", "referer", "location", "x-request-id", "baggage", "accept2", "x"] {
            assert!(!is_kept(name), "{name}");
        }
        assert!(!is_kept(""));
    }

    #[test]
    fn credentials_are_withheld() {
        let cases = [
            ("HD-08", "Proxy-Authorization"),
            ("HD-09", "cookie"),
            ("HD-10", "x-api-key"),
            ("HD-10", "X-Auth-Token"),
            ("HD-10", "x-amz-security-token"),
            ("HD-10", "x-goog-iap-jwt-assertion"),
            ("HD-10", "x-forwarded-client-cert"),
            ("HD-12", "set-cookie"),
            ("HD-21", "x-checksum-trailer"),
        ];
        for (case, name) in cases {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert!(!header_is_kept(&name), "{case}");
            assert!(case == "HD-21" || header_is_secret(name.as_str()), "{case}: a setting cannot show it");
        }
        assert!(header_is_secret("x-acme-api-key"), "a header of someone's own making");
        assert!(!header_is_secret("x-note"));
    }

    #[test]
    fn most_headers_are_found_at_the_first_try() {
        let home = |name: &str| KEPT[hash(name.as_bytes()) % SLOTS] == Some(name);
        let kept: Vec<_> = KEPT.iter().flatten().collect();
        let at_once = kept.iter().filter(|name| home(name)).count();
        assert!(at_once * 4 >= kept.len() * 3, "{at_once} of {}", kept.len());
    }
}
