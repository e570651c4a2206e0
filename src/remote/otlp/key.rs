//! Keys of ours, with all that stands around them in an attribute, put together by the compiler.

use super::proto;

/// Tag and length of the attribute, of its key, of its value, and of the text that this is.
const AROUND: usize = 8;

/// A key that is written with one copy; made by [`key!`].
pub(super) struct Key<const BYTES: usize> {
    name: &'static str,
    mark: u128,
    /// A whole `KeyValue` up to its text, without the field's number and the lengths that depend on the text.
    start: [u8; BYTES],
}

/// The [`Key`] of a name.
macro_rules! key {
    ($name:literal) => {
        const { &$crate::remote::otlp::key::Key::<{ $crate::remote::otlp::key::start_bytes($name) }>::new($name) }
    };
}
pub(super) use key;

/// How much of an attribute stands before its text.
pub(super) const fn start_bytes(name: &str) -> usize {
    name.len() + AROUND
}

impl<const BYTES: usize> Key<BYTES> {
    /// Bytes of the longest text with which all lengths take one byte each. Numbers take less.
    const MAX_TEXT_BYTES: usize = (proto::ONE_BYTE - 1 + 2).saturating_sub(BYTES);

    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    pub(super) const fn new(name: &'static str) -> Self {
        assert!(!name.is_empty() && start_bytes(name) == BYTES && Self::MAX_TEXT_BYTES > 10);
        let mut start = [0; BYTES];
        (start[2], start[3]) = (1 << 3 | 2, name.len() as u8);
        let mut at = 0;
        while at < name.len() {
            start[4 + at] = name.as_bytes()[at];
            at += 1;
        }
        start[BYTES - 4] = 2 << 3 | 2;
        Self { name, mark: mark(name), start }
    }

    #[inline]
    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// What [`mark`] says of its name.
    #[inline]
    pub(super) const fn mark(&self) -> u128 {
        self.mark
    }

    /// Appends an attribute as `field`, which is below 16; false where the text is too long for that.
    #[inline]
    pub(super) fn text(&self, out: &mut Vec<u8>, field: u32, text: &str) -> bool {
        let fits = text.len() <= Self::MAX_TEXT_BYTES;
        if fits {
            let bytes = text.len() as u8;
            self.start(out, field, bytes, [bytes + 2, 1 << 3 | 2, bytes]);
            out.extend_from_slice(text.as_bytes());
        }
        fits
    }

    /// The same for a number, which always fits; a negative one in two's complement.
    #[inline]
    pub(super) fn integer(&self, out: &mut Vec<u8>, field: u32, value: u64) {
        let more = proto::varint_bytes(value) as u8 - 1;
        let goes_on = if more > 0 { 0x80 } else { 0 };
        self.start(out, field, more, [more + 2, 3 << 3, (value & 0x7f) as u8 | goes_on]);
        if more > 0 {
            proto::varint(out, value >> 7);
        }
    }

    /// Everything up to the text, or to the second byte of a number, and `rest` more bytes to come.
    #[inline]
    fn start(&self, out: &mut Vec<u8>, field: u32, rest: u8, value: [u8; 3]) {
        out.extend_from_slice(&self.start);
        let written = out.last_chunk_mut::<BYTES>().map(<[u8; BYTES]>::as_mut_slice);
        if let Some([of_field, all, .., value_bytes, of_value, first]) = written {
            *of_field = (field << 3 | 2) as u8;
            *all = (BYTES - 2) as u8 + rest;
            [*value_bytes, *of_value, *first] = value;
        }
    }
}

/// One bit for a key: two keys with different ones are certainly not the same.
#[inline]
pub(super) const fn mark(key: &str) -> u128 {
    let key = key.as_bytes();
    let ends = match key {
        [first, .., before_last, last] => {
            (*first as usize).wrapping_mul(5) ^ (*before_last as usize).wrapping_mul(3) ^ (*last as usize).wrapping_mul(11)
        }
        [first, last] => *first as usize ^ (*last as usize) << 2,
        _ => 0,
    };
    1 << ((ends ^ key.len().wrapping_mul(7)) % 128)
}

#[cfg(test)]
mod tests {
    use crate::record::Value;
    use crate::remote::otlp::encode::{Attributes, attribute};

    #[test]
    fn an_attribute_of_ours_is_written_like_any_other() {
        let same = |value: Value<'_>| {
            let (mut one, mut other) = (b"before".to_vec(), b"before".to_vec());
            let mut attributes = Attributes::new(&mut one, 9);
            attributes.push(key!("url.path"), value);
            attributes.push(key!("campanile.request.id.source"), value);
            attribute(&mut other, 9, "url.path", value);
            attribute(&mut other, 9, "campanile.request.id.source", value);
            assert_eq!(one, other, "{value:?}");
        };
        (0..300).for_each(|len| same(Value::Str(&"é".repeat(len))));
        for number in [0, 1, 127, 128, 200, 16_383, 16_384, 1 << 28, i64::MAX, -1, i64::MIN] {
            same(Value::I64(number));
        }
        for number in [0, 300, i64::MAX.cast_unsigned(), u64::MAX] {
            same(Value::U64(number));
        }
        same(Value::Bool(true));
        same(Value::F64(0.5));
    }
}
