//! Lines of `name=value` pairs.

use std::fmt;

use crate::control::wire::{decode, encode};

/// Pairs of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(super) fn add(&mut self, name: &str, value: impl ToString) {
        self.0.push((name.to_owned(), value.to_string()));
    }

    /// `None` when it is not made of such pairs, or names one twice.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut pairs = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=')?;
            if pairs.find(name).is_some() || name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
                return None;
            }
            pairs.add(name, decode(value)?);
        }
        Some(pairs)
    }

    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={}", if at == 0 { "" } else { " " }, encode(value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else() {
        let mut pairs = Pairs::default();
        for (name, value) in [("route", "/orders/{id}"), ("text", "a=b c.%\n\u{1b}ü"), ("empty", "")] {
            pairs.add(name, value);
        }
        assert_eq!(Pairs::parse(&pairs.to_string()), Some(pairs));
        for text in ["a", "a=b a=c", "=b", "a=%", "a=%zz", "a=%41", "a=b.c", "a=%FF", "A=b", "a=b=c"] {
            assert_eq!(Pairs::parse(text), None, "{text}");
        }
    }
}
