//! Base64 of RFC 4648: in headers, in HAR, and in protobuf's JSON.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
#[cfg(any(feature = "otlp-grpc", feature = "reading"))]
const VALUES: [u8; 256] = {
    let (mut values, mut digit) = ([NONE; 256], 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while digit < 64 {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
#[cfg(any(feature = "otlp-grpc", feature = "reading"))]
const NONE: u8 = 0xff;

/// Writes with padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or_default());
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
            } else {
                let digit = (group >> (18 - 6 * place)) & 63;
                out.push(char::from(DIGITS.get(digit as usize).copied().unwrap_or_default()));
            }
        }
    }
    out
}

/// Reads with or without padding and with line breaks, at most `max` bytes; `None` for anything else.
#[cfg(any(feature = "otlp-grpc", feature = "reading"))]
pub(crate) fn decode(text: &str, max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity((text.len() / 4 * 3).min(max));
    let (mut group, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = VALUES.get(usize::from(byte)).copied().filter(|digit| *digit != NONE)?;
        group = group << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((group >> bits) as u8);
            if out.len() >= max {
                return Some(out);
            }
        }
    }
    // One digit alone is no byte.
    (bits < 6).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_hold() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(plain.as_bytes()), coded);
            #[cfg(any(feature = "otlp-grpc", feature = "reading"))]
            {
                assert_eq!(decode(coded, 100).as_deref(), Some(plain.as_bytes()));
                assert_eq!(decode(coded.trim_end_matches('='), 100).as_deref(), Some(plain.as_bytes()));
            }
        }
    }

    #[cfg(any(feature = "otlp-grpc", feature = "reading"))]
    #[test]
    fn what_others_wrote_is_read() {
        assert_eq!(decode("Zm9v\r\nYmFy", 100).as_deref(), Some(&b"foobar"[..]));
        assert_eq!(decode("//79", 100).as_deref(), Some(&b"\xff\xfe\xfd"[..]));
        assert_eq!(decode("Zm9vYmFy", 4).as_deref(), Some(&b"foob"[..]));
        for text in ["Zm9*", "a-b", "Zm9vY"] {
            assert_eq!(decode(text, 100), None, "{text}");
        }
    }
}
