//! Base64 of RFC 4648, as HAR has it for bodies and protobuf's JSON for bytes.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: [u8; 256] = {
    let (mut values, mut digit) = ([NONE; 256], 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while digit < 64 {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};
const NONE: u8 = 0xff;

/// Reads with or without padding and with line breaks, at most `max` bytes; `None` for anything else.
pub(super) fn decode(text: &str, max: usize) -> Option<Vec<u8>> {
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
                break;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_read() {
        for (text, bytes) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zm8", b"fo"), ("Zm9v\r\nYmFy", b"foobar"), ("//79", b"\xff\xfe\xfd")]
        {
            assert_eq!(decode(text, 100).as_deref(), Some(bytes));
        }
        assert_eq!(decode("Zm9vYmFy", 4).as_deref(), Some(&b"foob"[..]));
        assert_eq!(decode("Zm9*", 100), None);
    }
}
