//! Identities of a request and of the trace that it belongs to.

use std::fmt;

/// Identity of a trace, shared by every service that a request passes through.
///
/// # Source
/// W3C Trace Context, section 3.2.2.3: 16 bytes, never all zero; written as 32 lowercase hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "16 bytes by the standard")]
pub struct TraceId(pub [u8; 16]);

/// Identity of one span inside a trace.
///
/// # Source
/// W3C Trace Context, section 3.2.2.4: 8 bytes, never all zero; written as 16 lowercase hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "8 bytes by the standard")]
pub struct SpanId(pub [u8; 8]);

/// The flags of a trace context.
///
/// # Source
/// W3C Trace Context Level 2, section 3.2.2.5: bit 0 sampled, bit 1 random trace id.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "one byte by the standard")]
pub struct TraceFlags(pub u8);

/// Where a request id came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestIdSource {
    /// Made here: a version 7 UUID.
    #[default]
    Generated,
    /// A valid `x-request-id` of the caller.
    Inbound,
    /// Put into the request's extensions by a layer further out (tower-http's `RequestId`).
    Extension,
    /// Made by the application's own `MakeRequestId`.
    Maker,
}

impl RequestIdSource {
    /// The word that every output uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generated => "generated",
            Self::Inbound => "inbound",
            Self::Extension => "extension",
            Self::Maker => "maker",
        }
    }
}

impl TraceId {
    /// No trace.
    pub const INVALID: Self = Self([0; 16]);

    /// False for the all-zero id.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self != Self::INVALID
    }

    /// Reads 32 lowercase hexadecimal digits; `None` for anything else and for the all-zero id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text.as_bytes()).map(Self).filter(|id| id.is_valid())
    }

    /// The 32 hexadecimal digits, without allocating.
    #[must_use]
    pub fn to_hex(self) -> Hex<32> {
        Hex::of(&self.0)
    }
}

impl SpanId {
    /// No span.
    pub const INVALID: Self = Self([0; 8]);

    /// False for the all-zero id.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self != Self::INVALID
    }

    /// Reads 16 lowercase hexadecimal digits; `None` for anything else and for the all-zero id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_hex(text.as_bytes()).map(Self).filter(|id| id.is_valid())
    }

    /// The 16 hexadecimal digits, without allocating.
    #[must_use]
    pub fn to_hex(self) -> Hex<16> {
        Hex::of(&self.0)
    }

    /// The first 8 hexadecimal digits: what console and command line print for a request.
    #[must_use]
    pub fn to_short(self) -> Hex<8> {
        let [a, b, c, d, ..] = self.0;
        Hex::of(&[a, b, c, d])
    }
}

impl TraceFlags {
    /// Bit 0: the trace is recorded by the one who sends this.
    pub const SAMPLED: Self = Self(1);
    /// Bit 1: the last 7 bytes of the trace id are random.
    pub const RANDOM: Self = Self(2);

    /// Whether bit 0 is set.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED.0 != 0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_hex().as_str())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_hex().as_str())
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

/// `N` lowercase hexadecimal digits, on the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
// Aligned, so that the check that it is text needs no start byte by byte.
#[repr(align(8))]
pub struct Hex<const N: usize>([u8; N]);

impl<const N: usize> Hex<N> {
    fn of(bytes: &[u8]) -> Self {
        let mut out = [b'0'; N];
        let (pairs, _) = out.as_chunks_mut();
        for (pair, byte) in pairs.iter_mut().zip(bytes) {
            *pair = hex_pair(*byte);
        }
        Self(out)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digits as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The two digits of a byte.
pub(crate) fn hex_pair(byte: u8) -> [u8; 2] {
    const PAIRS: [[u8; 2]; 256] = {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut pairs = [[0; 2]; 256];
        let mut byte = 0;
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
        while byte < 256 {
            pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
            byte += 1;
        }
        pairs
    };
    PAIRS.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Reads exactly `2 * N` lowercase hexadecimal digits.
pub(crate) fn parse_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    // Without a branch or a table, so that the compiler takes many digits at once.
    let is_other = |byte: &u8| (byte.wrapping_sub(b'0') >= 10) & (byte.wrapping_sub(b'a') >= 6);
    let has_other = digits.iter().fold(false, |has, byte| has | is_other(byte));
    let mut out = [0; N];
    let (pairs, _) = digits.as_chunks();
    for (byte, pair) in out.iter_mut().zip(pairs) {
        // Letters have bit 6, and the lower half of their first one is 1.
        let both = u16::from_le_bytes(*pair);
        let values = (both & 0x0f0f) + 9 * ((both >> 6) & 0x0101);
        *byte = (values << 4 | values >> 8) as u8;
    }
    (!has_other).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_what_they_parse() {
        let trace = TraceId::parse("0af7651916cd43dd8448eb211c80319c").unwrap();
        assert_eq!(trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        let span = SpanId::parse("b7ad6b7169203331").unwrap();
        assert_eq!(span.to_string(), "b7ad6b7169203331");
        assert_eq!(span.to_short().as_str(), "b7ad6b71");
    }

    #[test]
    fn every_byte_is_read_as_what_it_was_printed() {
        for byte in 0..=u8::MAX {
            assert_eq!(parse_hex(&hex_pair(byte)), Some([byte]));
            let is_digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            for pair in [[byte, b'0'], [b'f', byte]] {
                assert_eq!(parse_hex::<1>(&pair).is_some(), is_digit, "{pair:?}");
            }
        }
    }

    #[test]
    fn zero_uppercase_and_wrong_lengths_are_refused() {
        assert_eq!(TraceId::parse("00000000000000000000000000000000"), None);
        assert_eq!(TraceId::parse("0AF7651916CD43DD8448EB211C80319C"), None);
        assert_eq!(SpanId::parse("b7ad6b716920333"), None);
        assert_eq!(SpanId::parse("b7ad6b716920333g"), None);
    }
}
