//! Whether something may stand in a text that has to be taken out: a look at each two bytes of it.
//!
//! Nearly all texts hold nothing, and to know that is most of the work. So a text is looked at for what no secret can do
//! without, and [`text`](super::text) reads only those that have it. What is looked for is wider than what is found there,
//! and must never be narrower:
//!
//! - Each shape has bytes that stand inside of the text it is found in: `:` or `=` behind a key, `:` before `//`, `<` of an
//!   element, the first letters of a token, thirteen digits. A text without any of them holds no shape.
//! - What is asked of the bytes around them is as true of a longer text that the secret stands in: that a key ends so, that
//!   a token goes on for so long. That a letter stands before is no question, nor where a text begins. So what is true of a
//!   query or a URL is true of each of its parts.
//! - What JSON begins with counts as well, wherever it stands, and so does the mark of a cut. The end of a text that was
//!   cut elsewhere tells more than this knows.

mod closer;
mod windows;

use self::windows::NO_NUMBER;
use super::key::OwnKeys;
use super::text::look;

/// Bytes that are looked at before anything is decided.
const BLOCK: usize = 8;

/// Whether a text may hold something. In time that grows with its length alone.
pub(super) fn is_suspect(bytes: &[u8], keys: &OwnKeys) -> bool {
    #[cfg(test)]
    if tests::EVERYTHING.get() {
        return true;
    }
    look(bytes.len());
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut counted = 0;
    let mut at = 0;
    for block in blocks {
        if tells(block) && closer::is_suspect(bytes, keys, at, block, &mut counted) {
            return true;
        }
        at += BLOCK;
    }
    if rest.is_empty() {
        return false;
    }
    // Together with bytes before it, which are looked at once more; else with none behind it.
    let mut short = [0; BLOCK];
    let (block, at) = match bytes.last_chunk::<BLOCK>() {
        Some(block) => (block, bytes.len() - BLOCK),
        None => {
            short.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
            (&short, 0)
        }
    };
    tells(block) && closer::is_suspect(bytes, keys, at, block, &mut counted)
}

/// Whether a block tells anything.
#[inline]
fn tells(block: &[u8; BLOCK]) -> bool {
    let [one, two, three, four] = kinds(block);
    // Wherever in a text a number stands that is as long as a card's, the four bytes in the middle of some block are a part
    // of it: there are ten places for them inside of it, and they come at least every eight.
    let middle = two | three;
    ((one | four | middle) & !NO_NUMBER) | (!middle & NO_NUMBER) != 0
}

/// What the windows of a block tell.
#[inline]
fn kinds(block: &[u8; BLOCK]) -> [u8; 4] {
    let [one, two, three, four] = block.as_chunks::<2>().0 else { return [0; 4] };
    [windows::kind(*one), windows::kind(*two), windows::kind(*three), windows::kind(*four)]
}

#[cfg(test)]
mod tests;
