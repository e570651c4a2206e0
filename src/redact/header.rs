//! Which headers are shown, and which are looked for: one look-up by name tells both.

use std::ops::RangeInclusive;

use super::defaults::{Part, RULES, Rule};
use super::key::OwnKeys;
use crate::record::parts::Look;

/// The header in which gRPC tells what went wrong.
pub(super) const MESSAGE: &str = "grpc-message";

/// A header that is known by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Whether its value is kept; else it is withheld, by the same rule as that of a header that nobody knows.
    pub(crate) is_kept: bool,
    pub(crate) role: Role,
    /// Whether its value may be copied as it is, where no setting says otherwise.
    pub(crate) is_plain: bool,
    /// What has to be looked at where that was done.
    pub(crate) look: Look,
    /// Why it is never kept, whatever the settings say.
    secret: Option<&'static str>,
    key: Key,
    /// Whether its key and length are all of its name.
    is_short: bool,
}

/// What a header is good for beside being shown; a number, so that who reads headers can note them by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing.
    Plain,
    Host,
    Forwarded,
    ForwardedHost,
    UserAgent,
    ContentType,
    ContentLength,
    Cookie,
    SetCookie,
    TraceParent,
    TraceState,
    Baggage,
    RayId,
    RequestId,
    DebugToken,
    RpcStatus,
}

impl Role {
    /// Whether it depends on the value what is shown of it.
    const fn is_looked_into(self) -> bool {
        matches!(self, Self::Host | Self::Forwarded | Self::ForwardedHost | Self::Cookie | Self::SetCookie | Self::RequestId)
    }

    pub(crate) const COUNT: usize = Self::RpcStatus as usize + 1;

    /// Every header that has one.
    const NAMES: [(&str, Self); Self::COUNT - 1] = [
        ("host", Self::Host),
        ("forwarded", Self::Forwarded),
        ("x-forwarded-host", Self::ForwardedHost),
        ("user-agent", Self::UserAgent),
        ("content-type", Self::ContentType),
        ("content-length", Self::ContentLength),
        ("cookie", Self::Cookie),
        ("set-cookie", Self::SetCookie),
        ("traceparent", Self::TraceParent),
        ("tracestate", Self::TraceState),
        ("baggage", Self::Baggage),
        ("cf-ray", Self::RayId),
        ("x-request-id", Self::RequestId),
        ("x-campanile-debug", Self::DebugToken),
        ("grpc-status", Self::RpcStatus),
    ];
}

/// Whether the value of a header, its name in lower case, is never kept, whatever the settings say.
pub(super) fn header_is_secret(name: &str) -> bool {
    reason_of_header(name).is_some()
}

/// Why it is not.
pub(super) fn reason_of_header(name: &str) -> Option<&'static str> {
    match known(name) {
        Some(known) if known.is_kept || known.secret.is_some() => known.secret,
        // A header of someone's own making that is named like a secret field is one.
        _ => NO_KEYS.field(name),
    }
}

/// A setting that shows a key does not show a header.
static NO_KEYS: OwnKeys = OwnKeys::NONE;

/// Asked for each header of each request, on the request's own thread: one hash, and one comparison.
#[inline]
pub(crate) fn known(name: &str) -> Option<&'static Known> {
    let key = Key::of(name.as_bytes());
    let mut slot = key.hash(name.len());
    while let Some(row) = SLOTS.get(slot % SLOT_COUNT) {
        // An empty slot names no row.
        let known = ROWS.get(usize::from(*row))?;
        if known.key.first == key.first
            && known.key.last == key.last
            && known.name.len() == name.len()
            && (known.is_short || known.name == name)
        {
            return Some(known);
        }
        slot += 1;
    }
    None
}

/// Many more than the rows, so that every search ends at once.
const SLOT_COUNT: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 10;
const EMPTY: u8 = u8::MAX;

/// Rows by the hash of their names; where a slot is taken, the row stands in the next free one.
static SLOTS: [u8; SLOT_COUNT] = {
    let mut table = [EMPTY; SLOT_COUNT];
    let mut row = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < ROWS.len() {
        let mut slot = ROWS[row].key.hash(ROWS[row].name.len());
        while table[slot % SLOT_COUNT] != EMPTY {
            slot += 1;
        }
        table[slot % SLOT_COUNT] = row as u8;
        row += 1;
    }
    table
};

/// The headers of the table, and those that only have a role.
static ROWS: [Known; ROW_COUNT] = {
    assert!(ROW_COUNT < EMPTY as usize, "a row has no number");
    let mut rows = [Known::new("", None, true); ROW_COUNT];
    let mut next = 0;
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < RULES.len() {
        let Rule { name, part, reason } = RULES[at];
        if is_header(part) {
            let is_kept = matches!(part, Part::HeaderKept);
            rows[next] = Known::new(name, if is_kept { None } else { Some(reason) }, is_kept);
            next += 1;
        }
        at += 1;
    }
    at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < Role::NAMES.len() {
        let (name, _) = Role::NAMES[at];
        if !is_in_table(name) {
            rows[next] = Known::new(name, None, false);
            next += 1;
        }
        at += 1;
    }
    rows
};

impl Known {
    const fn new(name: &'static str, secret: Option<&'static str>, is_kept: bool) -> Self {
        let role = role(name);
        let is_plain = is_kept && !role.is_looked_into();
        let is_short = *Key::WHOLE.start() <= name.len() && name.len() <= *Key::WHOLE.end();
        Self { name, is_kept, role, is_plain, look: look(name), secret, key: Key::of(name.as_bytes()), is_short }
    }
}

const ROW_COUNT: usize = {
    let (mut at, mut count) = (0, 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < RULES.len() {
        count += is_header(RULES[at].part) as usize;
        at += 1;
    }
    at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < Role::NAMES.len() {
        count += !is_in_table(Role::NAMES[at].0) as usize;
        at += 1;
    }
    count
};

const fn is_header(part: Part) -> bool {
    matches!(part, Part::HeaderKept | Part::HeaderSecret)
}

const fn is_in_table(name: &str) -> bool {
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < RULES.len() {
        if is_header(RULES[at].part) && is_same(RULES[at].name, name) {
            return true;
        }
        at += 1;
    }
    false
}

/// Headers that clients send unchanged with most of their requests.
const FAMILIAR: [&str; 16] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "origin",
    "server",
    "te",
    "user-agent",
    "vary",
    "via",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-expose-headers",
    "access-control-request-headers",
];

const fn look(name: &str) -> Look {
    // It is percent-encoded.
    if is_same(name, MESSAGE) {
        return Look::Name;
    }
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < FAMILIAR.len() {
        if is_same(FAMILIAR[at], name) {
            return Look::Familiar;
        }
        at += 1;
    }
    Look::Value
}

const fn role(name: &str) -> Role {
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < Role::NAMES.len() {
        if is_same(Role::NAMES[at].0, name) {
            return Role::NAMES[at].1;
        }
        at += 1;
    }
    Role::Plain
}

/// `==`, for the compiler.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// The first eight bytes of a name and the last eight, or four, or one: with the length they tell names of headers apart.
#[derive(Clone, Copy, Debug)]
struct Key {
    first: u64,
    last: u64,
}

impl Key {
    /// Lengths of names that have no other bytes.
    const WHOLE: RangeInclusive<usize> = 4..=16;

    const fn of(name: &[u8]) -> Self {
        if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            return Self { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last) };
        }
        if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            return Self { first: u32::from_le_bytes(*first) as u64, last: u32::from_le_bytes(*last) as u64 };
        }
        match (name.first(), name.last()) {
            (Some(first), Some(last)) => Self { first: *first as u64, last: *last as u64 },
            _ => Self { first: 0, last: 0 },
        }
    }

    /// The factors are such that no two rows of today meet.
    const fn hash(self, name_bytes: usize) -> usize {
        let first = self.first.wrapping_add(name_bytes as u64).wrapping_mul(0xfdaa_2273_95e0_53b1);
        ((first ^ self.last.wrapping_mul(0xfb40_5378_ac8d_ac51)) >> (u64::BITS - SLOT_BITS)) as usize
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;
    use crate::redact::defaults::RULES;

    fn is_kept(name: &str) -> bool {
        known(name).is_some_and(|known| known.is_kept)
    }

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
        for name in ["x-note", "referer", "location", "x-request-id", "baggage", "accept2", "x", "vxa", "x-forwardxd-proto"] {
            assert!(!is_kept(name), "{name}");
        }
        assert!(!is_kept(""));
    }

    #[test]
    fn what_the_short_look_at_a_name_rules_out_is_no_secret() {
        // Every rule, one by one.
        let asked = |name: &str| {
            let known = |part| RULES.iter().find(|rule| rule.part == part && rule.name == name);
            match (known(Part::HeaderKept), known(Part::HeaderSecret)) {
                (Some(_), _) => None,
                (_, Some(rule)) => Some(rule.reason),
                (None, None) => NO_KEYS.field(name),
            }
        };
        let mut random = fastrand::Rng::with_seed(3);
        for round in 0..20_000 {
            let name = |random: &mut fastrand::Rng| RULES[random.usize(..RULES.len())].name.trim_start_matches('*');
            let one = name(&mut random);
            let name = match round % 4 {
                0 => one.to_owned(),
                1 => format!("x-{one}"),
                2 => one.chars().rev().collect(),
                _ => format!("{}-{one}", name(&mut random)),
            };
            assert_eq!(reason_of_header(&name), asked(&name), "{name}");
        }
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
    fn headers_that_are_looked_for_are_found_by_their_role() {
        for (name, role) in Role::NAMES {
            assert_eq!(known(name).map(|known| (known.name, known.role)), Some((name, role)));
        }
        assert_eq!(known("accept").map(|known| known.role), Some(Role::Plain));
        assert!(known("x-note").is_none() && known("x-request-id").is_some_and(|known| !known.is_kept));
    }

    #[test]
    fn most_headers_are_found_at_the_first_try() {
        let is_home = |row: &usize| usize::from(SLOTS[ROWS[*row].key.hash(ROWS[*row].name.len())]) == *row;
        let at_once = (0..ROW_COUNT).filter(is_home).count();
        assert!(at_once + 5 >= ROW_COUNT, "{at_once} of {ROW_COUNT}: other factors would do better");
    }
}
