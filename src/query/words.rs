//! Texts as people search them: words, without regard to case.

/// The words of a text: runs of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> + Clone {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A text in lower case.
pub(super) fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Hands over the [`hash`] of each word of a text.
#[cfg(feature = "store")]
pub(crate) fn each_hash(text: &str, mut take: impl FnMut(u64)) {
    if !text.is_ascii() {
        words(text).for_each(|word| take(hash(&folded(word))));
        return;
    }
    let (mut state, mut is_in_word) = (BASIS, false);
    for byte in text.bytes() {
        match FOLDED.get(usize::from(byte)) {
            Some(&folded @ 1..) => (state, is_in_word) = (step(state, folded), true),
            _ if is_in_word => {
                take(mix(state));
                (state, is_in_word) = (BASIS, false);
            }
            _ => {}
        }
    }
    if is_in_word {
        take(mix(state));
    }
}

/// The hash of a folded word. The store keeps it, in effect, and it never changes.
///
/// # Source
/// FNV-1a, and MurmurHash3's `fmix64` behind it.
#[cfg(feature = "store")]
pub(crate) fn hash(word: &str) -> u64 {
    mix(word.bytes().fold(BASIS, step))
}

#[cfg(feature = "store")]
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// ASCII letters in lower case and digits; 0 for all that is in no word.
#[cfg(feature = "store")]
#[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which refuses what is out of bounds")]
const FOLDED: [u8; 128] = {
    let mut folded = [0; 128];
    let mut byte = 0_u8;
    while byte < 128 {
        if byte.is_ascii_alphanumeric() {
            folded[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    folded
};

#[cfg(feature = "store")]
const fn step(state: u64, byte: u8) -> u64 {
    (state ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

#[cfg(feature = "store")]
const fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The words of a text of ASCII characters alone.
fn ascii_words(text: &str) -> impl Iterator<Item = &[u8]> + Clone {
    text.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether `phrase`, folded words, stands in the text word for word.
pub(super) fn contains_phrase(text: &str, phrase: &[String]) -> bool {
    // Most texts are ASCII, where nothing has to be decoded or built to compare.
    if text.is_ascii() {
        has_in_a_row(ascii_words(text), phrase, |word, wanted| word.eq_ignore_ascii_case(wanted.as_bytes()))
    } else {
        has_in_a_row(words(text), phrase, is_word)
    }
}

fn has_in_a_row<T>(words: impl Iterator<Item = T> + Clone, phrase: &[String], is: impl Fn(T, &str) -> bool) -> bool {
    let Some((first, others)) = phrase.split_first() else { return true };
    let mut rest = words;
    while let Some(word) = rest.next() {
        if is(word, first) {
            let mut here = rest.clone();
            if others.iter().all(|wanted| here.next().is_some_and(|word| is(word, wanted))) {
                return true;
            }
        }
    }
    false
}

fn is_word(word: &str, wanted: &str) -> bool {
    if word.is_ascii() { word.eq_ignore_ascii_case(wanted) } else { word.chars().flat_map(char::to_lowercase).eq(wanted.chars()) }
}

/// Whether `part` stands anywhere in the text, the case of ASCII letters aside.
pub(super) fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// Whether the text begins with `start`, the case of ASCII letters aside.
pub(super) fn starts_with(text: &str, start: &str) -> bool {
    text.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_found_word_for_word_in_any_case() {
        let phrase = |text: &str| words(text).map(folded).collect::<Vec<_>>();
        assert!(contains_phrase("item is Out-of-Stock now", &phrase("out of stock")));
        assert!(contains_phrase("/orders/981/pdf", &phrase("981")));
        assert!(contains_phrase("GRÜẞE", &phrase("grüße")));
        assert!(!contains_phrase("/orders/9812", &phrase("981")));
        assert!(!contains_phrase("out stock of", &phrase("out of stock")));
        assert!(contains_phrase("\u{212a}elvin", &phrase("kelvin")), "a letter beyond ASCII that folds into it");
    }

    #[cfg(feature = "store")]
    #[test]
    fn hashes_are_those_of_the_words_that_a_phrase_is_compared_with() {
        for text in ["/Orders/981/PDF?x=Y", "GRÜẞE an\u{212a}elvin", "", "--", "a", "-Z9_ "] {
            let mut seen = Vec::new();
            each_hash(text, |hash| seen.push(hash));
            assert_eq!(seen, words(text).map(|word| hash(&folded(word))).collect::<Vec<_>>(), "{text}");
        }
    }

    #[cfg(feature = "store")]
    #[test]
    fn the_hash_is_what_it_was_in_the_first_release() {
        assert_eq!(["", "a", "orders"].map(hash), [0xefd0_1f60_ba99_2926, 0x82a2_a958_a9be_ce5b, 0x3252_0fbd_b4da_d5b9]);
    }
}
