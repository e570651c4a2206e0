//! What was taken out, while it is: for whoever wants to know why.

use std::hash::{BuildHasher as _, RandomState};

use crate::record::parts::cut_at;

/// Longest key that is told, in bytes.
const MAX_KEY_BYTES: usize = 64;

/// One thing that was taken out.
#[derive(Debug)]
pub(super) struct Note {
    /// Its key, or nothing.
    pub(super) key: String,
    pub(super) reason: &'static str,
    pub(super) len: u32,
    pub(super) hash: u32,
}

/// All of one text.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) all: Vec<Note>,
    /// How many are taken; what comes after is not told.
    pub(super) room: usize,
    hasher: Option<RandomState>,
}

impl Notes {
    pub(super) const fn new(room: usize, hasher: Option<RandomState>) -> Self {
        Self { all: Vec::new(), room, hasher }
    }

    /// Takes note of a secret, which stood under `key`.
    pub(super) fn push(&mut self, key: &str, reason: &'static str, secret: &str) {
        if self.all.len() >= self.room {
            return;
        }
        let hash = self.hasher.as_ref().map_or(0, |hasher| hash(hasher, secret.as_bytes()));
        let len = u32::try_from(secret.len()).unwrap_or(u32::MAX);
        self.all.push(Note { key: cut_at(key, MAX_KEY_BYTES).0.to_owned(), reason, len, hash });
    }

    /// Gives the notes from `first` on a key, where they have none.
    pub(super) fn name_from(&mut self, first: usize, key: &str) {
        for note in self.all.iter_mut().skip(first).filter(|note| note.key.is_empty()) {
            note.key.push_str(cut_at(key, MAX_KEY_BYTES).0);
        }
    }
}

/// The same for equal secrets in one process and no other; never 0. The keys of the hasher are the system's own random
/// numbers, so that a short secret cannot be found by trying.
pub(super) fn hash(hasher: &RandomState, secret: &[u8]) -> u32 {
    // The upper half: any half of a good hash is one.
    u32::try_from(hasher.hash_one(secret) >> 32).unwrap_or_default().max(1)
}
