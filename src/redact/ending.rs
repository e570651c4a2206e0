//! The last letters of a key: nearly always they tell that it is no secret one.

/// How a key ends, without case and without what is no letter or digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Is([u8; 3]),
    /// There are fewer letters.
    Short,
    /// There are fewer within the distance in which they are looked for.
    Far,
    /// It may be percent-encoded.
    Encoded,
}

impl Ending {
    /// Of what stands before a separator, looked for no further than `max` bytes.
    #[inline]
    pub(super) fn of(before: &[u8], max: usize) -> Self {
        // Usually there is nothing between them.
        match *before {
            [.., a, b, c] if letter(a) != 0 && letter(b) != 0 && letter(c) != 0 => Self::Is([letter(a), letter(b), letter(c)]),
            _ => Self::search(before, max),
        }
    }

    fn search(before: &[u8], max: usize) -> Self {
        let (mut ending, mut missing) = ([0; 3], 3);
        for (count, byte) in before.iter().rev().enumerate() {
            if count == max {
                return Self::Far;
            }
            if letter(*byte) == 0 {
                // Behind its sign stand two digits.
                if *byte == b'%' && missing < 3 {
                    return Self::Encoded;
                }
                continue;
            }
            missing -= 1;
            if let Some(slot) = ending.get_mut(missing) {
                *slot = letter(*byte);
            }
            if missing == 0 {
                return Self::Is(ending);
            }
        }
        Self::Short
    }
}

/// What counts of a key: a letter or digit, or a byte of a character that is not ASCII, in lower case; 0 for all others.
#[inline]
pub(super) fn letter(byte: u8) -> u8 {
    LETTERS.get(usize::from(byte)).copied().unwrap_or_default()
}

static LETTERS: [u8; 256] = {
    let (mut letters, mut byte) = ([0; 256], 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while byte < letters.len() {
        let char = byte as u8;
        letters[byte] = if char.is_ascii_alphanumeric() || char >= 0x80 { char.to_ascii_lowercase() } else { 0 };
        byte += 1;
    }
    letters
};

/// How far back the letters of a key are looked for; further than any key that is found in a text may go.
pub(super) const MAX_LOOK_BYTES: usize = 96;

/// Whether the letters of a text end with those of a rule; true also where they are too far apart to tell.
pub(super) fn ends_with(text: &[u8], rule: &str) -> bool {
    let mut wanted = rule.strip_prefix('*').unwrap_or(rule).bytes().rev();
    let Some(mut next) = wanted.next() else { return true };
    for (count, byte) in text.iter().rev().enumerate() {
        if count == MAX_LOOK_BYTES {
            return true;
        }
        match letter(*byte) {
            0 => continue,
            letter if letter != next => return false,
            _ => {}
        }
        match wanted.next() {
            Some(byte) => next = byte,
            None => return true,
        }
    }
    false
}

/// Those of a rule of the table; all of its keys have three letters or more.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
pub(super) const fn last_letters(rule: &str) -> [u8; 3] {
    let rule = rule.as_bytes();
    [rule[rule.len() - 3], rule[rule.len() - 2], rule[rule.len() - 1]]
}

/// The last three letters of keys, as a set that may hold a few more: for each last letter those before it, and those
/// before these.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endings([(u64, u64); 32]);

impl Endings {
    pub(super) const fn of(endings: &[[u8; 3]]) -> Self {
        let (mut set, mut row) = (Self([(0, 0); 32]), 0);
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
        while row < endings.len() {
            let [a, b, c] = endings[row];
            set.insert(1 << (a % 64), 1 << (b % 64), c);
            row += 1;
        }
        set
    }

    /// Adds a key; a short one may have anything before it.
    pub(super) fn add(&mut self, key: &str) {
        match *key.trim_start_matches('*').as_bytes() {
            [.., a, b, c] => self.insert(1 << (a % 64), 1 << (b % 64), c),
            [b, c] => self.insert(u64::MAX, 1 << (b % 64), c),
            [c] => self.insert(u64::MAX, u64::MAX, c),
            [] => {}
        }
    }

    const fn insert(&mut self, a: u64, b: u64, c: u8) {
        #[expect(clippy::indexing_slicing, reason = "there are 32")]
        let (before, last_but_one) = &mut self.0[c as usize % 32];
        *before |= a;
        *last_but_one |= b;
    }

    /// Whether any ends with this letter.
    #[inline]
    pub(super) fn has_last(&self, last: u8) -> bool {
        self.0.get(usize::from(last % 32)).is_some_and(|(_, last_but_one)| *last_but_one != 0)
    }

    #[inline]
    pub(super) fn contains(&self, [a, b, c]: [u8; 3]) -> bool {
        let (before, last_but_one) = self.0.get(usize::from(c % 32)).copied().unwrap_or_default();
        last_but_one >> (b % 64) & before >> (a % 64) & 1 == 1
    }
}
