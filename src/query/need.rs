//! What many records together must hold for one of them to match, so that the store need not read the others.

use super::columns::Column;
use super::expr::{Bounds, Expr, Id, Test, Text};
use super::words::{folded, words};

/// A condition that every matching record fulfils.
///
/// It never leaves out a record that matches; one that fulfils it need not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing that could be told.
    Nothing,
    All(Vec<Self>),
    Either(Vec<Self>),
    /// Each of these folded words, anywhere in its texts.
    Words(Vec<String>),
    /// A span id, both ends included.
    Span([u8; 8], [u8; 8]),
    /// A status, both ends included.
    Status(i64, i64),
    /// A duration, both ends included.
    DurationNs(i64, i64),
    /// A start, both ends included.
    Start(i64, i64),
}

impl Need {
    pub(super) fn of(expr: &Expr, now: i64) -> Self {
        match expr {
            Expr::All(terms) => Self::all(terms.iter().map(|term| Self::of(term, now))),
            Expr::Any(branches) => Self::either(branches.iter().map(|branch| Self::of(branch, now))),
            // What has to be absent may be absent in any of them.
            Expr::Not(_) => Self::Nothing,
            Expr::Test(test) => Self::of_test(test, now),
        }
    }

    fn all(needs: impl Iterator<Item = Self>) -> Self {
        let mut needs: Vec<_> = needs.filter(|need| *need != Self::Nothing).collect();
        match needs.len() {
            0 | 1 => needs.pop().unwrap_or(Self::Nothing),
            _ => Self::All(needs),
        }
    }

    fn either(needs: impl Iterator<Item = Self>) -> Self {
        let mut needs: Vec<_> = needs.collect();
        match needs.len() {
            1 => needs.pop().unwrap_or(Self::Nothing),
            _ if needs.contains(&Self::Nothing) => Self::Nothing,
            _ => Self::Either(needs),
        }
    }

    fn words<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let words: Vec<_> = words.map(folded).collect();
        if words.is_empty() { Self::Nothing } else { Self::Words(words) }
    }

    fn of_test(test: &Test, now: i64) -> Self {
        match test {
            Test::Status(Bounds { low, high }) => Self::Status(*low, *high),
            Test::DurationNs(Bounds { low, high }) => Self::DurationNs(*low, *high),
            Test::Time { from, before } => {
                let from = from.map_or(i64::MIN, |from| from.unix_ns(now));
                Self::Start(from, before.map_or(i64::MAX, |before| before.unix_ns(now).saturating_sub(1)))
            }
            // Methods are none of the texts that words are searched in.
            Test::Column(Column::Method, _) => Self::Nothing,
            Test::Column(_, text) => Self::of_text(text),
            Test::In(source, text) if source.is_of_any_text() => Self::of_text(text),
            Test::Trace(first, last) if first == last => Self::Words(vec![first.to_hex().as_str().to_owned()]),
            Test::Id(id) => Self::of_id(id),
            Test::Words { phrase, id } => {
                let phrase = Self::Words(phrase.clone());
                Self::either(id.iter().map(Self::of_id).chain([phrase]))
            }
            Test::In(..)
            | Test::Trace(..)
            | Test::Outcome(_)
            | Test::Kind(_)
            | Test::Class(_)
            | Test::Number(..)
            | Test::Resource(..)
            | Test::Client(_)
            | Test::Kept(_)
            | Test::Level(_)
            | Test::Release(_)
            | Test::Group(..) => Self::Nothing,
        }
    }

    fn of_text(text: &Text) -> Self {
        match text {
            Text::Is(text) => Self::words(words(text)),
            Text::StartsWith(start) => Self::words(whole_words(start, false, true)),
            Text::Contains(part) => Self::words(whole_words(part, true, true)),
            Text::Phrase(phrase) => Self::words(phrase.iter().map(String::as_str)),
            Text::Pattern(_) => Self::Nothing,
        }
    }

    fn of_id(id: &Id) -> Self {
        let span = id.spans.map(|(first, last)| Self::Span(first, last));
        let trace = id.trace.map(|id| Self::Words(vec![id.to_hex().as_str().to_owned()]));
        Self::either(span.into_iter().chain(trace).chain([Self::words(words(&id.request))]))
    }
}

/// The words of a part of a text that are whole ones there too: not those at an end that may go on.
fn whole_words(part: &str, open_start: bool, open_end: bool) -> impl Iterator<Item = &str> {
    let all: Vec<_> = words(part).collect();
    let cut_start = usize::from(open_start && part.starts_with(char::is_alphanumeric));
    let cut_end = usize::from(open_end && part.ends_with(char::is_alphanumeric));
    let whole = all.len().saturating_sub(cut_end);
    all.into_iter().take(whole).skip(cut_start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;

    #[test]
    fn a_need_is_told_of_whole_words_only() {
        let need = |text: &str| Query::parse(text).unwrap().need(1000);
        let words = |words: &[&str]| Need::Words(words.iter().map(|word| (*word).to_owned()).collect());
        for (query, expected) in [
            ("\"Out of Stock\"", words(&["out", "of", "stock"])),
            ("~\"out of stock\"", words(&["of"])),
            ("~\"/out of\"", words(&["out"])),
            ("~stock", Need::Nothing),
            ("path:/orders/17", words(&["orders", "17"])),
            ("path:/orders/17*", words(&["orders"])),
            ("path:orders*", Need::Nothing),
            ("path:/orders/*", words(&["orders"])),
            ("method:GET", Need::Nothing),
            ("-stock", Need::Nothing),
            ("level:error", Need::Nothing),
            ("status:5xx", Need::Status(500, 599)),
        ] {
            assert_eq!(need(query), expected, "{query}");
        }
        assert_eq!(need("stock or level:error"), Need::Nothing);
        assert!(matches!(need("stock or order"), Need::Either(both) if both.len() == 2));
    }
}
