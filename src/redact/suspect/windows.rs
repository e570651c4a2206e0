//! Which two bytes beside each other may belong to a secret: a table of all pairs of bytes, made by the compiler from the
//! rules.
//!
//! A text is looked at in windows of two bytes that do not overlap, so that there is half a look for each byte. A literal
//! of three bytes or more has a whole window inside of it wherever it stands; of those at even places one is in the table
//! and of those at odd places one, each time the rarest. A single byte that counts is in the table with every other.

use crate::record::parts::CUT_MARK;
use crate::redact::text::PREFIXES;

/// Bytes that a key and its value, an element, a URL or JSON cannot do without.
const SINGLES: [u8; 5] = [b':', b'=', b'<', b'{', b'['];

/// Written in any case.
pub(super) const BEARER: &str = "bearer";
pub(super) const BASIC: &str = "basic";
const ANY_CASE: [&str; 2] = [BEARER, BASIC];
/// A JSON web token, a private key, and how a text ends that was cut.
const OTHERS: [&str; 3] = ["eyJ", "-----BEGIN", CUT_MARK];

/// What all other secrets begin with. First the prefixes of tokens, in their order, and last what is written in any case.
pub(super) static LITERALS: [&str; PREFIXES.len() + OTHERS.len() + ANY_CASE.len()] = {
    let mut all = [""; PREFIXES.len() + OTHERS.len() + ANY_CASE.len()];
    let mut row = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < all.len() {
        let (other, last) = (PREFIXES.len(), PREFIXES.len() + OTHERS.len());
        all[row] = match row {
            _ if row < other => PREFIXES[row],
            _ if row < last => OTHERS[row - other],
            _ => ANY_CASE[row - last],
        };
        row += 1;
    }
    all
};

/// A window holds one of [`SINGLES`].
pub(super) const SINGLE: u8 = 0x80;
/// A window is no part of a written number: not both of its bytes are digits, or what stands between them.
pub(super) const NO_NUMBER: u8 = 0x40;
/// Numbers of lists of places.
const PLACES: u8 = 0x3f;
/// Literals that share a window, at most.
const MAX_SHARED: usize = 8;

/// Where in a literal a window may be.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Of [`LITERALS`].
    pub(super) literal: u8,
    pub(super) offset: u8,
    /// Length of the literal, its first byte and its last.
    pub(super) len: u8,
    pub(super) first: u8,
    pub(super) last: u8,
}

/// What a card number is written with: digits, and one of the others between two of them.
const NUMBER: &[u8] = b"0123456789 -";

impl Place {
    const fn is(self, other: Self) -> bool {
        self.literal == other.literal && self.offset == other.offset
    }
}

struct Table {
    /// By window: the number of a list of `places`, 0 where it is in no literal; with it [`SINGLE`] and [`NO_NUMBER`].
    kinds: [u8; 1 << 16],
    places: [Places; PLACES as usize + 1],
}

#[derive(Clone, Copy)]
struct Places {
    len: usize,
    all: [Place; MAX_SHARED],
}

/// What a window tells.
#[inline]
pub(super) fn kind(window: [u8; 2]) -> u8 {
    TABLE.kinds.get(usize::from(u16::from_le_bytes(window))).copied().unwrap_or_default()
}

/// The literals that a window of this kind may stand in.
#[inline]
pub(super) fn places(kind: u8) -> &'static [Place] {
    TABLE.places.get(usize::from(kind & PLACES)).and_then(|places| places.all.get(..places.len)).unwrap_or_default()
}

static TABLE: Table = {
    let none = Places { len: 0, all: [Place { literal: 0, offset: 0, len: 0, first: 0, last: 0 }; MAX_SHARED] };
    let mut table = Table { kinds: [NO_NUMBER; 1 << 16], places: [none; PLACES as usize + 1] };
    let mut window = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while window < 2 * LITERALS.len() {
        let (literal, bytes) = (window / 2, LITERALS[window / 2].as_bytes());
        let offset = rarest(bytes, window % 2);
        let spellings = if literal >= LITERALS.len() - ANY_CASE.len() { 4 } else { 1 };
        let mut spelling = 0;
        while spelling < spellings {
            let one = if spelling & 1 == 1 { bytes[offset].to_ascii_uppercase() } else { bytes[offset] };
            let two = if spelling & 2 == 2 { bytes[offset + 1].to_ascii_uppercase() } else { bytes[offset + 1] };
            let kind = &mut table.kinds[u16::from_le_bytes([one, two]) as usize];
            // Where there are more windows than lists, some share one.
            if *kind & PLACES == 0 {
                *kind |= (window % PLACES as usize) as u8 + 1;
            }
            let places = &mut table.places[(*kind & PLACES) as usize];
            let (len, first, last) = (bytes.len() as u8, bytes[0], bytes[bytes.len() - 1]);
            let place = Place { literal: literal as u8, offset: offset as u8, len, first, last };
            if places.len == 0 || !places.all[places.len - 1].is(place) {
                places.all[places.len] = place;
                places.len += 1;
            }
            spelling += 1;
        }
        window += 1;
    }
    let mut pair = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while pair < NUMBER.len() * NUMBER.len() {
        let (one, two) = (NUMBER[pair / NUMBER.len()], NUMBER[pair % NUMBER.len()]);
        table.kinds[u16::from_le_bytes([one, two]) as usize] &= !NO_NUMBER;
        pair += 1;
    }
    let mut single = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while single < SINGLES.len() {
        let mut other = 0;
        while other < 256 {
            table.kinds[u16::from_le_bytes([SINGLES[single], other as u8]) as usize] |= SINGLE;
            table.kinds[u16::from_le_bytes([other as u8, SINGLES[single]]) as usize] |= SINGLE;
            other += 1;
        }
        single += 1;
    }
    table
};

/// Where the window is that texts without secrets have least often: of those at `first`, two bytes behind it, and so on.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
const fn rarest(bytes: &[u8], first: usize) -> usize {
    let (mut best, mut at) = (first, first);
    while at + 1 < bytes.len() {
        if frequency(bytes[at]) * frequency(bytes[at + 1]) < frequency(bytes[best]) * frequency(bytes[best + 1]) {
            best = at;
        }
        at += 2;
    }
    best
}

/// How often a byte stands among a thousand of a text, roughly: letters as in English, but `c` and `r` for what stands
/// around them in `application` and the like; signs and digits as in headers.
const fn frequency(byte: u8) -> u32 {
    const LETTERS: [u32; 26] =
        [82, 15, 80, 43, 127, 22, 20, 61, 70, 2, 8, 40, 24, 67, 75, 19, 1, 90, 63, 91, 28, 10, 24, 2, 20, 1];
    #[expect(clippy::indexing_slicing, reason = "a letter is one of 26")]
    match byte {
        b'a'..=b'z' => LETTERS[(byte - b'a') as usize],
        b'-' | b'0'..=b'9' => 20,
        _ => 2,
    }
}
