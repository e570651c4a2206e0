//! A Bloom filter over the hashes of words.
//!
//! # Source
//! Bloom: Space/time trade-offs in hash coding with allowable errors, 1970; Kirsch, Mitzenmacher: Less hashing, same
//! performance, 2006.

use super::WORD_PIECES;

use crate::store::schema;

/// With 16 bits for each word and eight of them set, six in 10,000 absent words seem to be there; with six of them set, as
/// schema 3 has it, nine.
const BYTES_PER_WORD: usize = 2;
const PROBES: u32 = schema::probes(schema::VERSION);
/// A filter is not smaller, in bytes: of few bits too many are the same.
const MIN_BYTES: usize = 16;

/// Which of the pieces for words it is in.
pub(super) fn piece_of(hash: u64) -> usize {
    usize::try_from(hash >> (64 - WORD_PIECES.trailing_zeros())).unwrap_or_default()
}

/// Appends a filter of these hashes, all of them of one piece, with its length before it.
pub(super) fn build(hashes: &[u64], out: &mut Vec<u8>) {
    let bytes = if hashes.is_empty() { 0 } else { (hashes.len() * BYTES_PER_WORD).max(MIN_BYTES) };
    crate::store::codec::put_number(out, bytes as u64);
    let start = out.len();
    out.resize(start + bytes, 0);
    let Some(bits) = out.get_mut(start..) else { return };
    for hash in hashes {
        for place in places(*hash, bytes, PROBES) {
            if let Some(byte) = bits.get_mut(place / 8) {
                *byte |= 1 << (place % 8);
            }
        }
    }
}

/// Whether a word of this hash may be among those that the filter was built of, with so many bits for each.
pub(super) fn may_hold(bits: &[u8], hash: u64, probes: u32) -> bool {
    !bits.is_empty()
        && places(hash, bits.len(), probes).all(|place| bits.get(place / 8).is_some_and(|byte| byte & 1 << (place % 8) != 0))
}

#[expect(clippy::cast_possible_truncation, reason = "every half of a hash is as good as the whole")]
fn places(hash: u64, bytes: usize, probes: u32) -> impl Iterator<Item = usize> {
    // The first bits are the same all over a piece, so that the step is made of a mix of all.
    let (start, step) = (hash as u32, (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32 | 1);
    let bits = bytes as u64 * 8;
    (0..probes).map(move |turn| ((u64::from(start.wrapping_add(turn.wrapping_mul(step))) * bits) >> 32) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::hash;

    #[test]
    fn what_was_put_in_is_always_found_and_what_was_not_hardly_ever() {
        for count in [1, 3, 40, 70, 1000] {
            let of_piece = |prefix: &str| -> Vec<u64> {
                let all = (0..).map(|index| hash(&format!("{prefix}{index}")));
                all.filter(|hash| piece_of(*hash) == 7).take(count.max(2000)).collect()
            };
            let (known, others) = (of_piece("word"), of_piece("other"));
            let mut out = Vec::new();
            build(&known[..count], &mut out);
            let (len, bits) = crate::store::codec::take_number(&out).unwrap();
            assert_eq!(len, bits.len() as u64);
            // Fewer bits are asked of what has more.
            for probes in [6, PROBES] {
                assert!(known[..count].iter().all(|hash| may_hold(bits, *hash, probes)));
            }
            let wrong = others.iter().filter(|hash| may_hold(bits, **hash, PROBES)).count();
            assert!(wrong <= others.len() / 200, "{wrong} of {} with {count} words", others.len());
        }
        let mut none = Vec::new();
        build(&[], &mut none);
        assert!(none == [0] && !may_hold(&[], 7, PROBES));
    }
}
