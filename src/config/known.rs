//! Names of our own variables, so that a misspelt one is noticed.

use super::env::{Env, Warnings};

/// Every variable that begins with the name of this crate.
pub(super) const KNOWN: &[&str] = &[
    "CAMPANILE",
    "CAMPANILE_BODIES",
    "CAMPANILE_CLIENT_ERRORS",
    "CAMPANILE_CONSOLE",
    "CAMPANILE_CONTROL",
    "CAMPANILE_DEBUG_KEY",
    "CAMPANILE_FILE",
    "CAMPANILE_FORWARDED_BY",
    "CAMPANILE_KEEP",
    "CAMPANILE_LEVEL",
    "CAMPANILE_OWN_TARGETS",
    "CAMPANILE_QUIET_ROUTES",
    "CAMPANILE_RECORD_BAGGAGE",
    "CAMPANILE_RESTART_TRACES",
    "CAMPANILE_REDACT_KEYS",
    "CAMPANILE_REDACT_PATTERNS",
    "CAMPANILE_REPORT_EVERY",
    "CAMPANILE_REVISION",
    "CAMPANILE_STORE",
    "CAMPANILE_STORE_MAX_AGE",
    "CAMPANILE_STORE_MAX_BYTES",
    "CAMPANILE_TRACE_RESPONSE",
    "CAMPANILE_TRUNCATE_IP",
    "CAMPANILE_TRUSTED_PROXIES",
    "CAMPANILE_TRUST_INBOUND_IDS",
    "CAMPANILE_VIEWER",
];

/// Most letters that may be wrong in a name for which another one is suggested.
const MAX_WRONG: usize = 3;

/// Warns of names that nothing reads.
pub(super) fn warn_of_unknown(env: &Env, warnings: &mut Warnings) {
    let unknown = |name: &&str| name.starts_with("CAMPANILE_") && !KNOWN.contains(name);
    for name in env.names().filter(unknown) {
        let shown = name.escape_default().to_string();
        let closest = KNOWN.iter().map(|known| (distance(name, known), known)).min();
        match closest.filter(|(wrong, _)| *wrong <= MAX_WRONG) {
            Some((_, known)) => warnings.push(&shown, format_args!("is not a setting; did you mean {known}?")),
            None => warnings.push(&shown, "is not a setting"),
        }
    }
}

/// Bytes to insert, remove or change until `a` is `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, left) in a.bytes().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (slot, right) in row.iter_mut().zip(std::iter::once(None).chain(b.bytes().map(Some))) {
            let next = match right {
                None => before,
                Some(right) => (diagonal + usize::from(left != right)).min(*slot + 1).min(before + 1),
            };
            diagonal = std::mem::replace(slot, next);
            before = next;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_changes() {
        for (a, b, expected) in [("", "", 0), ("a", "", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("store", "stroe", 2)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_misspelt_name_is_noticed() {
        let names = ["CAMPANILE", "CAMPANILE_STORE", "CAMPANILE_STROE", "CAMPANILE_VIEWER_PORT", "CAMPANILE_\n", "OTHER"];
        let env: Env = names.map(|name| (name, "canary")).into_iter().collect();
        let mut warnings = Warnings::default();
        warn_of_unknown(&env, &mut warnings);
        let expected = [
            "CAMPANILE_\\n is not a setting; did you mean CAMPANILE?",
            "CAMPANILE_STROE is not a setting; did you mean CAMPANILE_STORE?",
            "CAMPANILE_VIEWER_PORT is not a setting",
        ];
        assert_eq!(warnings.into_inner(), expected);
    }
}
