//! Protobuf by hand: just what OTLP needs, written in one pass into a buffer that is used again.

/// Length prefixes of messages whose size is not known yet take this many bytes: enough for 256 MiB.
const PREFIX_BYTES: usize = 4;

/// What takes one byte as a varint is below this, which nearly every tag and length is.
pub(super) const ONE_BYTE: usize = 0x80;

/// Appends a varint.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, value: u64) {
    if value < ONE_BYTE as u64 { out.push(value as u8) } else { long_varint(out, value) }
}

fn long_varint(out: &mut Vec<u8>, mut value: u64) {
    let len = varint_bytes(value);
    if len <= PREFIX_BYTES {
        // All four at once, of which those stay that it needs.
        let last = 0x80 << (u8::BITS as usize * (len - 1));
        let bytes = u32::from_le_bytes(padded(value as usize)) & !last;
        out.extend_from_slice(&bytes.to_le_bytes());
        return out.truncate(out.len() - (PREFIX_BYTES - len));
    }
    let mut bytes = [0; 10];
    let mut len = 0;
    for byte in &mut bytes {
        len += 1;
        *byte = (value & 0x7f) as u8 | 0x80;
        value >>= 7;
        if value == 0 {
            *byte &= 0x7f;
            break;
        }
    }
    out.extend_from_slice(bytes.get(..len).unwrap_or_default());
}

/// Length of a varint.
pub(super) const fn varint_bytes(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// Tag of a length-delimited field.
const fn tag(field: u32) -> u64 {
    (field << 3 | 2) as u64
}

/// Appends bytes or text; an empty one is left out, as absence means the same.
#[inline]
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    if value.is_empty() {
        return;
    }
    if tag(field) < ONE_BYTE as u64 && value.len() < ONE_BYTE {
        out.extend_from_slice(&[tag(field) as u8, value.len() as u8]);
    } else {
        varint(out, tag(field));
        varint(out, value.len() as u64);
    }
    out.extend_from_slice(value);
}

/// Appends an unsigned number or an enum; zero is left out.
#[inline]
pub(super) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    if value > 0 {
        varint(out, u64::from(field << 3));
        varint(out, value);
    }
}

/// Appends a `fixed64`.
#[inline]
pub(super) fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    varint(out, u64::from(field << 3 | 1));
    out.extend_from_slice(&value.to_le_bytes());
}

/// Appends a `fixed32`; zero is left out.
#[inline]
pub(super) fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    if value > 0 {
        varint(out, u64::from(field << 3 | 5));
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Begins a message whose length is patched in by [`end`].
#[inline]
pub(super) fn begin(out: &mut Vec<u8>, field: u32) -> usize {
    varint(out, tag(field));
    out.extend_from_slice(&[0; PREFIX_BYTES]);
    out.len()
}

/// What [`begin`] writes where the tag takes one byte, for whoever writes it together with what follows.
pub(super) const fn opening(field: u32) -> [u8; 1 + PREFIX_BYTES] {
    [tag(field) as u8, 0, 0, 0, 0]
}

/// Ends the message that began at `start`. The length is a varint padded to its room, which the format allows.
pub(super) fn end(out: &mut [u8], start: usize) {
    let length = out.len().saturating_sub(start);
    if let Some(prefix) = out.get_mut(start.saturating_sub(PREFIX_BYTES)..start).and_then(<[u8]>::first_chunk_mut) {
        *prefix = padded(length);
    }
}

/// A length as a varint that takes all of its room.
const fn padded(length: usize) -> [u8; PREFIX_BYTES] {
    [length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8 | 0x80, (length >> 21) as u8 & 0x7f]
}

/// One field of a message that is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// A fixed-width number; nothing that is read here has one.
    Other,
}

/// Reads the fields of a message; trusts nothing.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field: `Some(None)` at the end, `None` where the bytes are no message.
    pub(super) fn next(&mut self) -> Option<Option<(u64, Wire<'a>)>> {
        if self.rest.is_empty() {
            return Some(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => self.take(8).map(|_| Wire::Other)?,
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => self.take(4).map(|_| Wire::Other)?,
            _ => return None,
        };
        Some(Some((tag >> 3, wire)))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take(1)? else { return None };
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut out = Vec::new();
        let start = begin(&mut out, 9);
        number(&mut out, 1, u64::MAX);
        bytes(&mut out, 2, b"text");
        fixed64(&mut out, 3, 1);
        fixed32(&mut out, 16, 2);
        end(&mut out, start);
        let Some(Some((9, Wire::Bytes(inner)))) = Reader::new(&out).next() else { panic!("{out:?}") };
        let mut inner = Reader::new(inner);
        assert_eq!(inner.next(), Some(Some((1, Wire::Varint(u64::MAX)))));
        assert_eq!(inner.next(), Some(Some((2, Wire::Bytes(b"text")))));
        assert_eq!(inner.next(), Some(Some((3, Wire::Other))));
        assert_eq!(inner.next(), Some(Some((16, Wire::Other))));
        assert_eq!(inner.next(), Some(None));
    }

    #[test]
    fn a_varints_length_is_known_before_it_is_written() {
        for value in [0, 1, 127, 128, 16_383, 16_384, 1 << 21, (1 << 28) - 1, 1 << 28, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            varint(&mut out, value);
            assert_eq!(out.len(), varint_bytes(value), "{value}");
            out.insert(0, 1 << 3);
            assert_eq!(Reader::new(&out).next(), Some(Some((1, Wire::Varint(value)))));
        }
    }

    #[test]
    fn broken_bytes_end_the_reading() {
        for broken in [&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0x08], &[0x80; 11], &[0x0b]] {
            assert_eq!(Reader::new(broken).next(), None, "{broken:?}");
        }
    }
}
