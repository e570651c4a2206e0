//! `x-request-id`: the caller's, if it is harmless, or one of our own.

use std::cell::Cell;
use std::fmt;

use bytes::BytesMut;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::value::Lines;
use crate::random;
use crate::record::hex_pair;

/// The header that carries a request id, in and out.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is accepted, in bytes.
pub(crate) const MAX_BYTES: usize = 128;

/// A request id that is safe to print, to send on and to search for.
///
/// # Shape
/// 1 to 128 bytes of `A-Z a-z 0-9 . _ : / + = @ -`, the first a letter or a digit: no markup, no formula, no path that
/// climbs, no control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId<'a>(&'a str);

impl<'a> RequestId<'a> {
    /// The only way to get one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_BYTES || !bytes.first()?.is_ascii_alphanumeric() {
            return None;
        }
        // One test at the end instead of one for each byte.
        if !bytes.iter().fold(true, |all, byte| all & is_allowed(*byte)) {
            return None;
        }
        std::str::from_utf8(bytes).ok().map(Self)
    }

    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }
}

fn is_allowed(byte: u8) -> bool {
    ALLOWED.get(usize::from(byte)).copied().unwrap_or_default()
}

const ALLOWED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while byte < 256 {
        let char = byte as u8;
        table[byte] = char.is_ascii_alphanumeric() || matches!(char, b'.' | b'_' | b':' | b'/' | b'+' | b'=' | b'@' | b'-');
        byte += 1;
    }
    table
};

/// What the caller sent for a request id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbound<'a> {
    /// One that can be used as it is.
    Valid(RequestId<'a>),
    /// Something else, or more than one; it must not be echoed.
    Refused,
    /// Nothing.
    Absent,
}

/// Reads the caller's request id.
pub(crate) fn inbound(headers: &HeaderMap) -> Inbound<'_> {
    match Lines::of(headers, &X_REQUEST_ID) {
        Lines::None => Inbound::Absent,
        Lines::One(value) => RequestId::parse(value.as_bytes()).map_or(Inbound::Refused, Inbound::Valid),
        Lines::Many => Inbound::Refused,
    }
}

/// What the caller sent and was not taken, in a form that does no harm: its first 128 bytes, with `?` for each that has
/// no place in an id. Several are joined.
pub(crate) fn harmless(headers: &HeaderMap) -> String {
    let lines = headers.get_all(&X_REQUEST_ID).iter().enumerate();
    let bytes = lines.flat_map(|(index, line)| (index > 0).then_some(&b',').into_iter().chain(line.as_bytes()));
    let mut text = String::new();
    for byte in bytes.take(MAX_BYTES) {
        let is_allowed = if text.is_empty() { byte.is_ascii_alphanumeric() } else { is_allowed(*byte) };
        text.push(if is_allowed { char::from(*byte) } else { '?' });
    }
    text
}

/// A request id made here: a version 7 UUID, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
// Aligned, so that the check that it is text needs no start byte by byte.
#[repr(align(8))]
pub(crate) struct Generated([u8; TEXT_BYTES]);

/// Length of a UUID as a text.
const TEXT_BYTES: usize = 36;
/// Where in it the digits of each byte stand.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// Makes a request id. `unix_ms` is its time, in milliseconds since 1970, so that ids sort by age.
pub(crate) fn generate(unix_ms: u64) -> Generated {
    let [_, _, _, _, _, _, tail @ ..] = random::bytes();
    let uuid = uuid::Builder::from_unix_timestamp_millis(unix_ms, &tail).into_uuid();
    let mut text = [b'-'; TEXT_BYTES];
    for (at, byte) in PLACES.into_iter().zip(uuid.as_bytes()) {
        if let Some(pair) = text.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *pair = hex_pair(*byte);
        }
    }
    Generated(text)
}

thread_local! {
    /// What is left of a piece of memory for ids. It is used again once all of them are gone.
    static PIECE: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// Size of such a piece.
const PIECE_BYTES: usize = 32 * TEXT_BYTES;

impl Generated {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// For headers. Many ids share a piece of memory, so that hardly any of them, and no clone, allocates.
    pub(crate) fn to_header(self) -> HeaderValue {
        // A request can be dropped by the destructor of another thread-local; ours may be gone by then.
        let shared = PIECE.try_with(|piece| {
            let mut free = piece.take();
            if free.capacity() < TEXT_BYTES {
                free.reserve(PIECE_BYTES);
            }
            free.extend_from_slice(&self.0);
            let id = free.split().freeze();
            piece.set(free);
            HeaderValue::from_maybe_shared(id)
        });
        shared.ok().and_then(Result::ok).or_else(|| HeaderValue::from_bytes(&self.0).ok()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Debug for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (X_REQUEST_ID.clone(), HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn ids_of_known_kinds_are_kept_verbatim() {
        let cases = [
            ("RI-01", "7b1c3d2e-9f2a-4c51-8f6e-0d3f2a1b4c5d"),
            ("RI-14", "Root=1-67891233-abcdef012345678912345678"),
            ("one byte", "0"),
            ("a whole alphabet", "aZ9.service_name:80/x+y=z@host-1"),
        ];
        for (case, text) in cases {
            let headers = headers(&[text.as_bytes()]);
            let Inbound::Valid(id) = inbound(&headers) else { panic!("{case} was refused") };
            assert_eq!(id.as_str(), text, "{case}");
        }
        assert!(RequestId::parse(&[b'a'; 128]).is_some(), "128 bytes are allowed");
    }

    #[test]
    fn anything_else_is_refused() {
        let cases: [(&str, Vec<u8>); 12] = [
            ("RI-04", vec![b'a'; 129]),
            ("RI-05", vec![b'a'; 65000]),
            ("RI-06", b"abc\tdef".to_vec()),
            ("RI-08", b"<script>alert(1)</script>".to_vec()),
            ("RI-09", b"=HYPERLINK(\"http://x.invalid\")".to_vec()),
            ("RI-10", b"../../etc/cron.d/x".to_vec()),
            ("RI-12", b"a' OR '1'='1".to_vec()),
            ("empty", Vec::new()),
            ("bytes above ASCII", b"a\xfe".to_vec()),
            ("UTF-8", "aé".into()),
            ("a first byte of the rest of the alphabet", b"-a".to_vec()),
            ("a space", b"a b".to_vec()),
        ];
        for (case, bytes) in &cases {
            assert_eq!(inbound(&headers(&[bytes])), Inbound::Refused, "{case}");
        }
        assert_eq!(inbound(&headers(&[b"id-1", b"id-2"])), Inbound::Refused, "RI-13");
        assert_eq!(inbound(&HeaderMap::new()), Inbound::Absent);
    }

    #[test]
    fn what_was_refused_is_shown_without_harm() {
        let cases: [(&str, &[&[u8]], &str); 9] = [
            ("RI-02", &[b"7b1c3d2e-9f2a-4c51-8f6e-0d3f2a1b4c5d"], "7b1c3d2e-9f2a-4c51-8f6e-0d3f2a1b4c5d"),
            ("RI-06", &[b"abc\tdef"], "abc?def"),
            ("RI-08", &[b"<script>alert(1)</script>"], "?script?alert?1??/script?"),
            ("RI-09", &[b"=HYPERLINK(\"http://x.invalid\")"], "?HYPERLINK??http://x.invalid??"),
            ("RI-10", &[b"../../etc/cron.d/x"], "?./../etc/cron.d/x"),
            ("RI-12", &[b"a' OR '1'='1"], "a??OR??1?=?1"),
            ("RI-13", &[b"id-1", b"id-2"], "id-1?id-2"),
            ("bytes above ASCII", &[b"\xe2\x80\xaea"], "???a"),
            ("empty", &[b""], ""),
        ];
        for (case, values, expected) in cases {
            assert_eq!(harmless(&headers(values)), expected, "{case}");
        }
        assert_eq!(harmless(&headers(&[&[b'a'; 65_000]])), "a".repeat(128), "RI-05");
    }

    #[test]
    fn a_generated_id_is_a_valid_version_7_uuid_of_its_time() {
        let id = generate(0x0199_ABCD_EF01);
        assert!(id.as_str().starts_with("0199abcd-ef01-7"), "{id:?}");
        assert!(matches!(id.as_str().as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id:?} has the variant of RFC 9562");
        assert!(RequestId::parse(id.as_str().as_bytes()).is_some());
        assert_eq!(id.to_header().as_bytes(), id.as_str().as_bytes());
        assert_ne!(id, generate(0x0199_ABCD_EF01));
    }

    proptest! {
        #[test]
        fn what_parses_prints_the_same(bytes in prop::collection::vec(any::<u8>(), 0..140)) {
            if let Some(id) = RequestId::parse(&bytes) {
                prop_assert_eq!(id.as_str().as_bytes(), bytes.as_slice());
                prop_assert_eq!(RequestId::parse(id.as_str().as_bytes()), Some(id));
            }
        }

        #[test]
        fn what_is_shown_of_any_id_is_short_and_plain(bytes in prop::collection::vec((32u8..=255).prop_filter("DEL", |byte| *byte != 127), 0..200)) {
            let shown = harmless(&headers(&[&bytes]));
            prop_assert_eq!(shown.len(), bytes.len().min(128));
            prop_assert!(shown.bytes().all(|byte| byte == b'?' || is_allowed(byte)));
            prop_assert!(RequestId::parse(&bytes).is_none_or(|id| id.as_str() == shown));
        }

        #[test]
        fn every_id_of_the_alphabet_parses(text in "[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}") {
            prop_assert_eq!(RequestId::parse(text.as_bytes()).map(RequestId::as_str), Some(text.as_str()));
        }
    }
}
