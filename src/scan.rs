//! Bytes are looked for, eight at a time.

/// Where a byte is first, or the end.
// Apart from the loops that ask, which have few registers to spare.
#[inline(never)]
pub(crate) fn find(bytes: &[u8], byte: u8) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let zeros = zeros(u64::from_le_bytes(*word), byte);
        if zeros != 0 {
            return 8 * index + zeros.trailing_zeros() as usize / 8;
        }
    }
    let at = rest.iter().position(|one| *one == byte).unwrap_or(rest.len());
    8 * words.len() + at
}

/// Whether one of a few bytes is there.
#[inline]
pub(crate) fn has_any<const N: usize>(bytes: &[u8], sought: [u8; N]) -> bool {
    let has = |word: [u8; 8]| sought.iter().fold(0, |all, byte| all | zeros(u64::from_le_bytes(word), *byte)) != 0;
    // The last word begins within the one before.
    match bytes.last_chunk::<8>() {
        Some(last) => bytes.as_chunks::<8>().0.iter().any(|word| has(*word)) || has(*last),
        None => bytes.iter().any(|byte| sought.contains(byte)),
    }
}

/// Not 0 where the byte is there; the lowest bit that is set then is the highest one of the first of them.
const fn zeros(word: u64, byte: u8) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let differs = word ^ (ONES * byte as u64);
    differs.wrapping_sub(ONES) & !differs & TOPS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_found_is_what_a_look_at_each_byte_finds(bytes in "[a-c:@\\[\u{ba}\u{c0}]{0,40}") {
            let bytes = bytes.as_bytes();
            for byte in [b'a', b':', 0x80, 0x3b, 0xba] {
                let plain = bytes.iter().position(|one| *one == byte);
                prop_assert_eq!(find(bytes, byte), plain.unwrap_or(bytes.len()));
                prop_assert_eq!(has_any(bytes, [byte]), plain.is_some());
            }
            prop_assert_eq!(has_any(bytes, *b"@:["), bytes.iter().any(|byte| b"@:[".contains(byte)));
        }
    }
}
