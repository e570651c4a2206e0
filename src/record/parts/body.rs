//! Bytes of a body become text.

use super::{Parts, Text, cut_at};

impl Parts {
    /// Copies the start of a body in, and says for how many of its bytes the text stands; `None` where the record is full.
    ///
    /// What is not UTF-8 is replaced, and the text takes no more than `max` bytes. `is_cut` says that there was more:
    /// then half a character at the end is left out.
    pub(crate) fn push_body(&mut self, bytes: &[u8], max: usize, is_cut: bool) -> Option<(Text, u32)> {
        if !self.has_room(bytes.len()) || self.is_full && bytes.len() > self.text_room() {
            return None;
        }
        let (start, mut kept) = (self.text.len(), 0);
        for chunk in bytes.utf8_chunks() {
            let room = max.saturating_sub(self.text.len() - start);
            let (valid, was_cut) = cut_at(chunk.valid(), room);
            self.text.push_str(valid);
            kept += valid.len();
            let invalid = chunk.invalid();
            let is_last = kept + invalid.len() == bytes.len();
            let room = room - valid.len();
            if was_cut
                || invalid.is_empty()
                || (is_last && is_cut && is_begun(invalid))
                || room < char::REPLACEMENT_CHARACTER.len_utf8()
            {
                break;
            }
            self.text.push(char::REPLACEMENT_CHARACTER);
            kept += invalid.len();
        }
        Some((self.range_from(start), u32::try_from(kept).unwrap_or(u32::MAX)))
    }
}

/// Whether more bytes could have made a character of it.
fn is_begun(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(bytes: &[u8], is_cut: bool) -> (String, u32) {
        let mut parts = Parts::default();
        parts.push_text("before", 100);
        let (text, kept) = parts.push_body(bytes, 6, is_cut).unwrap();
        (parts.str(text).to_owned(), kept)
    }

    #[test]
    fn a_body_is_cut_on_the_border_of_a_character() {
        assert_eq!(pushed("aä".as_bytes(), true), ("aä".to_owned(), 3));
        assert_eq!(pushed(b"a\xc3", true), ("a".to_owned(), 1));
        assert_eq!(pushed(b"ab\xe2\x82", true), ("ab".to_owned(), 2));
        assert_eq!(pushed(b"abcd\xe2\x82", false), ("abcd".to_owned(), 4), "no room for a replacement");
        assert_eq!(pushed(b"abc\xe2\x82", false), ("abc\u{fffd}".to_owned(), 5));
    }

    #[test]
    fn what_is_not_text_is_replaced_and_takes_no_more_room() {
        let (text, kept) = pushed(&[0xff; 9], false);
        assert_eq!((text.as_str(), kept), ("\u{fffd}\u{fffd}", 2));
        assert_eq!(pushed(b"", false), (String::new(), 0));
    }

    #[test]
    fn a_full_record_has_no_room_for_a_body() {
        let mut parts = Parts { is_full: true, ..Parts::default() };
        assert!(parts.push_body(b"a", 1, false).is_none());
    }
}
