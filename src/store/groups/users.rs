//! How many different users there were, in a bounded number of bytes.

use crate::group::hash;

/// Users that are told apart one by one.
const MAX_EXACT: usize = 128;
/// Bits of the map that takes over then; it tells up to about 20,000 users.
const BITS: u32 = 4096;

/// Different users: exactly as long as they are few, and about as many when they are more.
///
/// # Shape
/// Of each user 32 bits of a hash; with more than [`MAX_EXACT`] a bit of a map. The hash has no key: it is a
/// pseudonym, and whoever has the file can try out which of a few million ids are among them.
///
/// # Source
/// Whang, Vander-Zanden, Taylor: A linear-time probabilistic counting algorithm, 1990.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Users {
    Few(Vec<u32>),
    Many(Box<[u8]>),
}

impl Default for Users {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Users {
    pub(super) fn add(&mut self, user: &str) {
        #[expect(clippy::cast_possible_truncation, reason = "every part of the hash is as good as another")]
        self.add_hash(hash(["user", user]) as u32);
    }

    fn add_hash(&mut self, hash: u32) {
        match self {
            Self::Few(known) => {
                if known.contains(&hash) {
                    return;
                }
                known.push(hash);
                if known.len() > MAX_EXACT {
                    let mut map = Self::Many(vec![0; BITS as usize / 8].into_boxed_slice());
                    known.iter().for_each(|hash| map.add_hash(*hash));
                    *self = map;
                }
            }
            Self::Many(map) => {
                let bit = hash % BITS;
                if let Some(byte) = map.get_mut(bit as usize / 8) {
                    *byte |= 1 << (bit % 8);
                }
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (_, Self::Few(hashes)) => hashes.iter().for_each(|hash| self.add_hash(*hash)),
            (Self::Many(mine), Self::Many(theirs)) => mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine |= theirs),
            (Self::Few(_), Self::Many(_)) => {
                let few = std::mem::replace(self, other.clone());
                self.merge(&few);
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Few(known) => known.len() as u64,
            Self::Many(map) => {
                let zeros = map.iter().map(|byte| byte.count_zeros()).sum::<u32>().max(1);
                let bits = f64::from(BITS);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 40,000")]
                let count = (-bits * (f64::from(zeros) / bits).ln()).round() as u64;
                count
            }
        }
    }

    pub(super) const fn is_exact(&self) -> bool {
        matches!(self, Self::Few(_))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Few(known) => known.iter().flat_map(|hash| hash.to_le_bytes()).collect(),
            Self::Many(map) => std::iter::once(1).chain(map.iter().copied()).collect(),
        }
    }

    /// Of bytes that are none of ours: nobody.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        if let [1, map @ ..] = bytes
            && map.len() == BITS as usize / 8
        {
            return Self::Many(map.into());
        }
        let hashes = bytes.as_chunks::<4>().0.iter().take(MAX_EXACT);
        Self::Few(hashes.map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(range: std::ops::Range<u32>) -> Users {
        let mut users = Users::default();
        range.for_each(|user| users.add(&user.to_string()));
        users
    }

    #[test]
    fn few_users_are_counted_exactly_and_many_about() {
        for count in [0, 1, 2, 100, 128] {
            assert_eq!((users(0..count).count(), users(0..count).is_exact()), (count.into(), true));
        }
        for count in [129_u32, 500, 3000, 10_000] {
            let (counted, wanted) = (users(0..count).count() as f64, f64::from(count));
            assert!((counted - wanted).abs() < wanted * 0.08, "{count}: {counted}");
        }
        assert!(users(0..100_000).to_bytes().len() <= 513);
    }

    #[test]
    fn merging_counts_everybody_once_and_bytes_come_back() {
        for (a, b, all) in
            [(0..5, 3..9, 0..9), (0..100, 50..1000, 0..1000), (0..1000, 50..60, 0..1000), (0..300, 200..500, 0..500)]
        {
            let mut merged = users(a.clone());
            merged.merge(&users(b.clone()));
            assert_eq!(merged.count(), users(all).count(), "{a:?} {b:?}");
            assert_eq!(Users::of_bytes(&merged.to_bytes()).count(), merged.count());
        }
        for noise in [&[][..], &[1], &[1, 2, 3], &[0xff; 513], &[7; 4000]] {
            assert!(Users::of_bytes(noise).count() <= 128);
        }
    }
}
