//! What stands behind the question mark.

use std::borrow::Cow;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::problem::Problem;

/// Names and values, decoded.
#[derive(Debug)]
pub(super) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// More names than any page has are left out.
    const MAX: usize = 64;

    pub(super) fn parse(query: Option<&str>) -> Self {
        let parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty()).take(Self::MAX);
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        });
        Self { pairs: pairs.collect() }
    }

    /// The first value of a name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A number between these, both included.
    pub(super) fn number<T: FromStr + PartialOrd + Copy + std::fmt::Display>(
        &self,
        name: &str,
        (least, most): (T, T),
        default: T,
    ) -> Result<T, Problem> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| Problem::wrong(format!("{name} is a number from {least} to {most}")))
    }
}

/// Encoded bytes become text; a plus is a space.
pub(super) fn decode(text: &str) -> String {
    let text = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_numbers_are_held_to_their_bounds() {
        let params = Params::parse(Some("q=a+b%20%C3%BC&key=x&key=y&limit=5&bare"));
        assert_eq!(params.text("q"), Some("a b ü"));
        assert_eq!(params.all("key").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(params.text("bare"), Some(""));
        assert_eq!(params.number("limit", (1, 9), 7).unwrap(), 5);
        assert_eq!(params.number("other", (1, 9), 7).unwrap(), 7);
        for text in ["limit=0", "limit=10", "limit=-1", "limit=1e3", "limit=", "limit=99999999999999999999"] {
            assert!(Params::parse(Some(text)).number("limit", (1, 9), 7).is_err(), "{text}");
        }
    }
}
