//! A hash that is the same in every release and on every machine.

/// FNV-1a with 64 bits, and MurmurHash3's last step behind it, as every bit counts here.
///
/// # Source
/// The FNV Non-Cryptographic Hash Algorithm, draft-eastlake-fnv; MurmurHash3, `fmix64`.
pub(crate) fn hash<'a>(texts: impl IntoIterator<Item = &'a str>) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mut hash = BASIS;
    for text in texts {
        // No text holds this byte, so that where one ends counts too.
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn the_hash_is_what_it_was_in_the_first_release() {
        let texts: [&[&str]; 5] = [&[], &["a"], &["a", "b"], &["ab"], &["kind", "error", "message", "größer als {}"]];
        let hashes = texts.map(|texts| format!("{:016x}", hash(texts.iter().copied())));
        assert_eq!(hashes, ["efd01f60ba992926", "3aec69d286fbd39b", "d1cc471618320c9c", "ac5bc11da938a7ec", "3ddb8b702175c3c8"]);
    }
}
