//! Values of headers that were read before and hold no secret: a client sends most of them with every request.

/// A shorter value takes less to be read than to be found here.
const MIN_BYTES: usize = 16;
/// A longer one is rare, and all of them together have to be bounded.
const MAX_BYTES: usize = 256;
const SLOT_BITS: u32 = 8;

/// What one reader has seen, for one set of rules.
///
/// # Shape
/// 256 values of 256 bytes at most. A value is kept when it comes a second time, in the place of what was there: those
/// that come once push nothing out.
#[derive(Debug, Default)]
pub(crate) struct Familiar {
    /// None until there is something to keep.
    slots: Vec<Slot>,
    /// Whether it stays so.
    stays_empty: bool,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    /// Of the last value that was not the one here.
    other: u64,
    value: Vec<u8>,
}

impl Familiar {
    /// Keeps nothing.
    pub(crate) const fn nothing() -> Self {
        Self { slots: Vec::new(), stays_empty: true }
    }

    /// Whether a value holds no secret: it is known here, or `is_clear` says so.
    #[inline]
    pub(super) fn is_clear(&mut self, value: &[u8], is_clear: impl FnOnce(&[u8]) -> bool) -> bool {
        if !(MIN_BYTES..=MAX_BYTES).contains(&value.len()) {
            return is_clear(value);
        }
        let hash = hash(value);
        let place = (hash >> (u64::BITS - SLOT_BITS)) as usize;
        if self.slots.get(place).is_some_and(|slot| slot.value == value) {
            return true;
        }
        let is_clear = is_clear(value);
        if is_clear {
            self.note(value, hash, place);
        }
        is_clear
    }

    #[inline(never)]
    fn note(&mut self, value: &[u8], hash: u64, place: usize) {
        if self.slots.is_empty() && !self.stays_empty {
            self.slots = vec![Slot::default(); 1 << SLOT_BITS];
        }
        let Some(slot) = self.slots.get_mut(place) else { return };
        if slot.other == hash {
            slot.value.clear();
            slot.value.extend_from_slice(value);
        }
        slot.other = hash;
    }
}

/// Of the length, the ends and the middle: what is alike there is compared byte by byte, and at worst not remembered.
#[inline]
fn hash(value: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let part = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let middle = value.get(value.len() / 2..).and_then(|rest| rest.first_chunk());
    let mixed = part(value.first_chunk()) ^ part(middle).rotate_left(23) ^ part(value.last_chunk()).rotate_left(41);
    (mixed ^ value.len() as u64).wrapping_mul(ODD)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &[u8] = b"gzip, deflate, br, zstd";

    #[test]
    fn a_value_is_read_until_it_came_twice() {
        let (mut familiar, mut read) = (Familiar::default(), 0);
        for _ in 0..5 {
            assert!(familiar.is_clear(VALUE, |_| {
                read += 1;
                true
            }));
        }
        assert_eq!(read, 2);
    }

    #[test]
    fn a_value_with_a_secret_is_read_every_time() {
        let mut familiar = Familiar::default();
        for _ in 0..5 {
            assert!(!familiar.is_clear(VALUE, |_| false));
        }
    }

    #[test]
    fn a_value_that_differs_in_one_byte_is_another_one() {
        let mut familiar = Familiar::default();
        for _ in 0..3 {
            familiar.is_clear(VALUE, |_| true);
        }
        for at in 0..VALUE.len() {
            let mut other = VALUE.to_vec();
            other[at] ^= 1;
            assert!(!familiar.is_clear(&other, |_| false), "at {at}");
        }
        assert!(familiar.is_clear(VALUE, |_| false), "it is still known");
    }

    #[test]
    fn what_is_kept_is_bounded_whatever_comes() {
        let mut familiar = Familiar::default();
        for number in 0..100_000_u32 {
            let value = format!("{number:0>width$}", width = 20 + number as usize % 400);
            for _ in 0..2 {
                familiar.is_clear(value.as_bytes(), |_| true);
            }
        }
        assert!(familiar.slots.len() <= 256);
        assert!(familiar.slots.iter().all(|slot| slot.value.len() <= MAX_BYTES));
    }
}
