//! Headers are copied in, many at a time.

use std::cell::Cell;

use super::{CUT_MARK, HeaderSlot, Look, MAX_HEADER_BYTES, MAX_HEADERS, Parts, Side, Text};

/// More than this is not kept for the next heads of a thread.
const MAX_KEPT_BYTES: usize = 16 * 1024;

thread_local! {
    /// Where the bytes of a head's headers stand until it is known that they are text. There is no need for every record to
    /// have such a place.
    static BYTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Copies the headers of one head or trailer.
///
/// Their bytes are checked to be text all at once, which costs a fraction of checking each: they become part of the record
/// with [`finish`](Self::finish).
#[derive(Debug)]
pub(crate) struct HeaderCopy<'p> {
    parts: &'p mut Parts,
    side: Side,
    bytes: Vec<u8>,
    /// Where the first of them stands in the record's list.
    first: usize,
    /// Where their texts begin in the record's.
    base: u32,
    /// Up to how many there may be for sure.
    until: usize,
}

impl Parts {
    /// Begins to copy headers.
    pub(crate) fn copy_headers(&mut self, side: Side) -> HeaderCopy<'_> {
        let mut bytes = BYTES.try_with(Cell::take).unwrap_or_default();
        bytes.clear();
        // Records and heads are far smaller than 4 GiB; a text that were not would only be empty.
        let (first, base) = (self.headers.len(), self.text.len() as u32);
        HeaderCopy { side, bytes, first, base, until: MAX_HEADERS, parts: self }
    }

    /// Appends one header; beyond the limit it is only counted.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn push_header(&mut self, side: Side, name: &str, value: Option<&[u8]>, len: usize) {
        let mut copy = self.copy_headers(side);
        if copy.admits() {
            let name = copy.text(name.as_bytes());
            let value = value.map(|value| copy.text(value));
            copy.push(name, Look::Name, value, len);
        }
        copy.finish();
    }
}

impl HeaderCopy<'_> {
    /// The record so far, without the texts that are being copied.
    pub(crate) const fn parts(&self) -> &Parts {
        self.parts
    }

    /// Whether there may be one more; counts it as dropped where not. Then comes its [`push`](Self::push).
    pub(crate) fn admits(&mut self) -> bool {
        let admitted = self.parts.headers.len() < self.until || self.finds_room();
        if !admitted {
            self.parts.dropped_headers = self.parts.dropped_headers.saturating_add(1);
        }
        admitted
    }

    /// Room is kept for other sides.
    #[cold]
    fn finds_room(&mut self) -> bool {
        let all = &self.parts.headers;
        let of_side = all.iter().filter(|header| header.side == self.side).count();
        let room = MAX_HEADERS.saturating_sub(of_side).min((2 * MAX_HEADERS).saturating_sub(all.len()));
        self.until = all.len() + room;
        room > 0
    }

    /// Copies a name or a value, cut where it is long.
    #[inline]
    pub(crate) fn text(&mut self, text: &[u8]) -> Text {
        if text.len() <= MAX_HEADER_BYTES { self.text_by(|out| out.extend_from_slice(text)) } else { self.cut(text) }
    }

    #[cold]
    fn cut(&mut self, text: &[u8]) -> Text {
        self.text_by(|out| {
            out.extend_from_slice(start_of(text));
            out.extend_from_slice(CUT_MARK.as_bytes());
        })
    }

    /// Has a short text written.
    #[inline]
    pub(crate) fn text_by(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Text {
        let start = self.bytes.len();
        write(&mut self.bytes);
        let (len, start) = ((self.bytes.len() - start) as u32, self.base.saturating_add(start as u32));
        // A byte of ASCII ends each text: what is cut by none of them is a character of one of them.
        if self.bytes.last().is_some_and(|last| !last.is_ascii()) {
            self.bytes.push(b' ');
        }
        Text::Range { start, len }
    }

    /// Where in the record's list the last header stands, counted from 1: lists are short.
    pub(crate) fn last(&self) -> u8 {
        u8::try_from(self.parts.headers.len()).unwrap_or_default()
    }

    /// Appends a header with its whole value, and what has to be looked at of it; false where that is too long, or where there may be no room.
    #[inline]
    pub(crate) fn push_whole(&mut self, name: &'static str, look: Look, value: &[u8]) -> bool {
        if self.parts.headers.len() >= self.until || value.len() > MAX_HEADER_BYTES {
            return false;
        }
        let text = self.text_by(|out| out.extend_from_slice(value));
        self.parts.headers.push(HeaderSlot {
            side: self.side,
            look,
            name: Text::Static(name),
            value: Some(text),
            len: value.len() as u32,
        });
        true
    }

    /// Appends a header that was [admitted](Self::admits): what has to be looked at of it, its value, where it is kept, and how
    /// long it was.
    #[inline]
    pub(crate) fn push(&mut self, name: Text, look: Look, value: Option<Text>, len: usize) {
        self.parts.headers.push(HeaderSlot { side: self.side, look, name, value, len: len as u32 });
    }

    /// Makes what was copied part of the record; what is not UTF-8 is replaced.
    pub(crate) fn finish(self) {
        let Self { parts, bytes, first, .. } = self;
        match std::str::from_utf8(&bytes) {
            Ok(text) => parts.text.push_str(text),
            Err(_) => push_one_by_one(parts, first, &bytes),
        }
        if bytes.capacity() <= MAX_KEPT_BYTES {
            let _ = BYTES.try_with(|place| place.set(bytes));
        }
    }
}

#[cold]
fn push_one_by_one(parts: &mut Parts, first: usize, bytes: &[u8]) {
    let base = parts.text.len();
    for at in first..parts.headers.len() {
        let Some(HeaderSlot { name, value, .. }) = parts.headers.get(at).copied() else { break };
        let mut push = |text: Text| match text {
            Text::Range { start, len } if start as usize >= base => {
                let start = start as usize - base;
                let copied = bytes.get(start..start + len as usize).unwrap_or_default();
                parts.push_bytes(copied, MAX_HEADER_BYTES)
            }
            text => text,
        };
        let (name, value) = (push(name), value.map(push));
        if let Some(header) = parts.headers.get_mut(at) {
            (header.name, header.value) = (name, value);
        }
    }
}

/// As much as is kept, up to the border of a character where it is UTF-8.
fn start_of(text: &[u8]) -> &[u8] {
    const LONGEST_CHARACTER: usize = 4;
    let goes_on = |byte: &u8| byte & 0xc0 == 0x80;
    let cut = (MAX_HEADER_BYTES - LONGEST_CHARACTER..=MAX_HEADER_BYTES).rev();
    let border = cut.into_iter().find(|at| !text.get(*at).is_some_and(goes_on)).unwrap_or(MAX_HEADER_BYTES);
    text.get(..border).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(headers: &[(&str, Option<&[u8]>)]) -> Parts {
        let mut parts = Parts::default();
        parts.push_text("before", 100);
        let mut copy = parts.copy_headers(Side::Request);
        for (name, value) in headers {
            if copy.admits() {
                let name = copy.text(name.as_bytes());
                let value = value.map(|value| copy.text(value));
                copy.push(name, Look::Name, value, 1);
            }
        }
        copy.finish();
        parts
    }

    fn shown(parts: &Parts) -> Vec<(&str, Option<&str>)> {
        parts.headers.iter().map(|header| (parts.str(header.name), header.value.map(|value| parts.str(value)))).collect()
    }

    #[test]
    fn names_and_values_are_those_that_were_copied() {
        let headers: [(_, Option<&[u8]>); 4] = [("a", Some(b"1")), ("b", None), ("c", Some(b"")), ("d", Some("ä".as_bytes()))];
        assert_eq!(shown(&copied(&headers)), [("a", Some("1")), ("b", None), ("c", Some("")), ("d", Some("ä"))]);
    }

    #[test]
    fn what_is_no_text_is_replaced_and_leaves_the_others() {
        let headers: [(_, Option<&[u8]>); 3] = [("a", Some(b"\xc3")), ("b", Some(b"\xa9")), ("c", Some("é".as_bytes()))];
        assert_eq!(shown(&copied(&headers)), [("a", Some("\u{fffd}")), ("b", Some("\u{fffd}")), ("c", Some("é"))]);
    }

    #[test]
    fn a_long_value_is_cut_at_a_character_and_marked() {
        for (value, kept) in [
            ("x".repeat(1024), "x".repeat(1024)),
            ("x".repeat(1025), "x".repeat(1024) + CUT_MARK),
            ("x".to_owned() + &"é".repeat(1024), "x".to_owned() + &"é".repeat(511) + CUT_MARK),
        ] {
            assert_eq!(shown(&copied(&[("a", Some(value.as_bytes()))])), [("a", Some(kept.as_str()))]);
        }
        let parts = copied(&[("a", Some(&[0x80; 2000]))]);
        let value = shown(&parts)[0].1.unwrap();
        assert!(value.len() <= MAX_HEADER_BYTES + CUT_MARK.len() && value.ends_with(CUT_MARK), "{value}");
    }

    #[test]
    fn each_side_has_room_of_its_own_until_all_is_used_up() {
        let mut parts = Parts::default();
        for (side, count) in [(Side::Request, 100), (Side::Response, 50), (Side::Trailer, 50)] {
            for _ in 0..count {
                parts.push_header(side, "a", None, 1);
            }
        }
        let of = |side| parts.headers.iter().filter(|header| header.side == side).count();
        assert_eq!((of(Side::Request), of(Side::Response), of(Side::Trailer)), (64, 50, 14));
        assert_eq!(parts.dropped_headers, 36 + 36);
    }
}
