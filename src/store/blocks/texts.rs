//! Texts that come again and again, such as the names of browsers, with the hashes of their words.

use crate::query::each_hash;

/// Texts that are remembered.
const SLOTS: usize = 256;
/// Shorter ones are hashed as quickly as found, in bytes; longer ones are not held.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=512;
/// Hashes of which it is remembered that they were added, a power of two.
const LATEST: usize = 2048;
/// A text that came again stays for so many parts in which it does not.
const PATIENCE: u64 = 2;

#[derive(Debug)]
pub(super) struct Texts {
    slots: Vec<Slot>,
    latest: Latest,
    /// The part that is being filled, from 3 on.
    part: u64,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    text: String,
    hashes: Vec<u64>,
    /// The part that has its words.
    added: u64,
    /// The part in which it came again.
    again: u64,
}

impl Default for Texts {
    fn default() -> Self {
        Self { slots: vec![Slot::default(); SLOTS], latest: Latest::default(), part: PATIENCE + 1 }
    }
}

impl Texts {
    pub(super) fn begin_part(&mut self) {
        self.part += 1;
        self.latest.0.fill(0);
    }

    /// Adds the hashes of the words of a text, unless the part has them.
    pub(super) fn add(&mut self, text: &str, hashes: &mut Vec<u64>) {
        let part = self.part;
        let slot = if LENGTHS.contains(&text.len()) { self.slots.get_mut(slot_of(text)) } else { None };
        match slot {
            Some(slot) if slot.text == text => {
                slot.again = part;
                if slot.added != part {
                    slot.added = part;
                    slot.hashes.iter().for_each(|hash| self.latest.put(*hash, hashes));
                }
            }
            // Most texts come once: they do not push out those that come often.
            Some(slot) if slot.again + PATIENCE < part => {
                slot.text.clear();
                slot.text.push_str(text);
                slot.hashes.clear();
                each_hash(text, |hash| slot.hashes.push(hash));
                (slot.added, slot.again) = (part, 0);
                slot.hashes.iter().for_each(|hash| self.latest.put(*hash, hashes));
            }
            _ => each_hash(text, |hash| self.latest.put(hash, hashes)),
        }
    }
}

/// Hashes that were added lately, which leaves out most that come again.
#[derive(Debug)]
struct Latest(Box<[u64]>);

impl Default for Latest {
    fn default() -> Self {
        Self(vec![0; LATEST].into_boxed_slice())
    }
}

impl Latest {
    fn put(&mut self, hash: u64, hashes: &mut Vec<u64>) {
        let place = usize::try_from(hash).unwrap_or_default() % LATEST;
        match self.0.get_mut(place) {
            Some(known) if *known == hash && hash != 0 => {}
            Some(known) => {
                *known = hash;
                hashes.push(hash);
            }
            None => {}
        }
    }
}

/// Some bytes of it say enough: texts that come often are few.
fn slot_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let eight = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let middle = bytes.get(bytes.len() / 2..).and_then(|rest| rest.first_chunk());
    let mixed = (eight(bytes.first_chunk()) ^ eight(middle).rotate_left(21) ^ eight(bytes.last_chunk()).rotate_left(42))
        .wrapping_add(bytes.len() as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> (64 - SLOTS.trailing_zeros())).unwrap_or_default()
}
