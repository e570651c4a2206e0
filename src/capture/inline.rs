//! A short text without an allocation.

use crate::record::parts::cut_at;

/// At most `N` bytes of a text; `N` is below 256.
#[derive(Clone)]
pub(crate) struct Inline<const N: usize> {
    bytes: [u8; N],
    len: u8,
    is_cut: bool,
}

impl<const N: usize> Inline<N> {
    /// The beginning of the text that these make up together.
    pub(crate) fn of(texts: &[&str]) -> Self {
        let (mut bytes, mut len, mut is_cut) = ([0; N], 0, false);
        for text in texts {
            let (kept, cut) = cut_at(text, N.saturating_sub(len));
            if let Some(slots) = bytes.get_mut(len..len + kept.len()) {
                slots.copy_from_slice(kept.as_bytes());
                len += kept.len();
            }
            is_cut |= cut;
        }
        Self { bytes, len: u8::try_from(len).unwrap_or_default(), is_cut }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Whether there was more of it.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut_at_a_character() {
        let short = Inline::<8>::of(&["GET", " ", "/a"]);
        assert_eq!((short.as_str(), short.is_cut()), ("GET /a", false));
        let long = Inline::<8>::of(&["GET", " ", "/aäöü", "more"]);
        assert_eq!((long.as_str(), long.is_cut()), ("GET /aä", true));
    }
}
