//! Fields that are looked for by their names: a digest of each spares comparing the texts.

use super::{FieldSlot, List, MAX_FIELD_BYTES, MAX_FIELDS, Parts, Slot};
use crate::record::Value;

impl Parts {
    /// Sets an attribute of the request, replacing an earlier one of the same key; what finds no room is counted.
    pub(crate) fn put_attribute(&mut self, key: &str, value: Value<'_>) {
        let digest = digest(key);
        // What is set again and again, as a stream's progress is, must not fill the record with its own name.
        if let Some(at) = self.find_field(self.attributes, key, digest) {
            let value = self.push_value(value, MAX_FIELD_BYTES);
            return self.replace_value(at, value);
        }
        let bytes = key.len() + if let Value::Str(text) = value { text.len() } else { 0 };
        // Asked first: what is left out must not leave its texts behind.
        if self.attributes.count >= MAX_FIELDS {
            self.dropped_fields = self.dropped_fields.saturating_add(1);
        } else if self.admits_attribute(bytes) {
            let name = self.push_text(key, MAX_FIELD_BYTES);
            let value = self.push_value(value, MAX_FIELD_BYTES);
            let mut list = self.attributes;
            self.push_named(&mut list, name, value, digest);
            self.attributes = list;
        }
    }

    /// The index of the field of `list` that has this name.
    pub(super) fn find_field(&self, list: List, name: &str, digest: u32) -> Option<u32> {
        let mut at = list.first;
        while let Some(field) = self.fields.get(at as usize) {
            if (field.digest == digest || field.digest == UNKNOWN) && self.str(field.name) == name {
                return Some(at);
            }
            at = field.next;
        }
        None
    }

    pub(super) fn replace_value(&mut self, at: u32, value: Slot) {
        let Some(FieldSlot { value: old, .. }) = self.fields.get(at as usize).copied() else { return };
        let value = self.in_place_of(old, value);
        if let Some(field) = self.fields.get_mut(at as usize) {
            field.value = value;
        }
    }
}

/// The digest of a name that nobody looked for yet.
pub(super) const UNKNOWN: u32 = 0;

/// FNV-1a, eight bytes at a time. Where two names share one, they are compared.
pub(super) fn digest(name: &str) -> u32 {
    const PRIME: u64 = 0x0100_0000_01b3;
    let (words, rest) = name.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME));
    let hash = rest.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    // Never the one that stands for none.
    u32::try_from((hash >> 32 ^ hash) & 0xffff_ffff).unwrap_or_default() | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::parts::Text;

    #[test]
    fn an_attribute_is_found_again_however_it_was_set() {
        let mut parts = Parts::default();
        parts.set_attribute(Text::Static("order.id"), Slot::I64(1));
        parts.put_attribute("order.id", Value::I64(2));
        parts.put_attribute("order.total", Value::I64(3));
        let name = parts.push_text("order.total", 100);
        parts.set_attribute(name, Slot::I64(4));
        let mut list = parts.attributes;
        parts.push_field(&mut list, Text::Static("pushed"), Slot::I64(5));
        parts.attributes = list;
        parts.put_attribute("pushed", Value::I64(6));
        let all: Vec<_> = parts.list(parts.attributes).map(|field| (parts.str(field.name), field.value)).collect();
        assert_eq!(all, [("order.id", Slot::I64(2)), ("order.total", Slot::I64(4)), ("pushed", Slot::I64(6))]);
    }

    #[test]
    fn attributes_beyond_the_limit_are_counted_and_leave_no_text_behind() {
        let mut parts = Parts::default();
        for index in 0..MAX_FIELDS {
            parts.put_attribute(&format!("key {index}"), Value::Str("value"));
        }
        let bytes = parts.text.len();
        parts.put_attribute("one more", Value::Str("value"));
        assert_eq!((parts.attributes.count, parts.dropped_fields, parts.text.len()), (MAX_FIELDS, 1, bytes));
        parts.put_attribute("key 0", Value::Bool(true));
        let first = parts.list(parts.attributes).next().map(|field| field.value);
        assert_eq!((first, parts.dropped_fields), (Some(Slot::Bool(true)), 1));
    }
}
