//! What a query that is being written may go on with.

use super::keys::{self, Key, Shape};
use super::parse::{Named, is_behind_term, named};
use super::{Facet, Query};
use crate::record::{ErrorClass, Kept, Outcome};

/// Candidates at most.
const MAX_ITEMS: usize = 40;
/// Operators, those of two characters before those of one.
const OPS: [&str; 8] = ["!=", ">=", "<=", ":", "=", ">", "<", "~"];

/// What may stand at a place of a query; made by [`complete`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// Where what is replaced begins, in bytes from the start of the query.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What may stand there instead, the likeliest first; at most 40.
    pub items: Vec<Candidate>,
}

/// Something that a query may go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// What is written, quoted where the grammar asks for it.
    pub text: String,
    /// What it is called: the key, the operator or the value as it is.
    pub label: String,
    /// How many records have it, among those that match the rest of the query; `None` where nobody counted.
    pub count: Option<u64>,
    /// What it means, in one sentence.
    pub help: Option<&'static str>,
}

/// What [`complete`] asks of whoever knows the records.
#[derive(Debug)]
#[non_exhaustive]
pub enum Asked<'a> {
    /// The values of this key among records that match.
    Values(&'a Facet, &'a Query),
    /// The names of the attributes of records that match.
    Attributes(&'a Query),
}

/// What may stand at byte `at` of a query, whether or not that is well formed: keys, operators behind a whole key, and behind
/// an operator the values that were observed.
///
/// `observed` answers with values and how often each was seen, the most frequent first; it may answer with nothing. With a
/// store that is done by [`Reader::complete`](crate::store::Reader::complete).
///
/// # Example
/// ```
/// let completion = campanile::query::complete("status:5xx rou", 14, |_| Vec::new());
/// assert_eq!((completion.from, completion.to), (11, 14));
/// assert_eq!(completion.items[0].text, "route:");
/// ```
pub fn complete(text: &str, at: usize, mut observed: impl FnMut(Asked<'_>) -> Vec<(String, u64)>) -> Completion {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let place = Place::find(text, at);
    let written = text.get(place.from..at).unwrap_or_default();
    let rest = || {
        let (before, after) = (text.get(..place.term).unwrap_or_default(), text.get(place.end..).unwrap_or_default());
        // What stands around is not always a query yet.
        Query::parse(&format!("{before} {after}")).or_else(|_| Query::parse(before)).unwrap_or_default()
    };
    let mut items = match &place.what {
        What::Key { has_operator } => of_keys(written, *has_operator, || observed(Asked::Attributes(&rest()))),
        What::Value { name } => of_values(name, written, |facet| observed(Asked::Values(facet, &rest()))),
        What::Other => Vec::new(),
    };
    items.truncate(MAX_ITEMS);
    Completion { from: place.from, to: place.to, items }
}

/// What stands at a place.
struct Place<'a> {
    /// Where the term begins.
    term: usize,
    /// Where it ends.
    end: usize,
    from: usize,
    to: usize,
    what: What<'a>,
}

enum What<'a> {
    /// A key, or a word that may become one.
    Key { has_operator: bool },
    /// A value of this key.
    Value { name: &'a str },
    /// A phrase or a pattern.
    Other,
}

impl<'a> Place<'a> {
    /// Goes over the terms up to the place.
    fn find(text: &'a str, at: usize) -> Self {
        let mut start = 0;
        loop {
            let rest = text.get(start..).unwrap_or_default();
            let skipped = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || "()-".contains(c)).len();
            start += skipped;
            if start >= at {
                // Between two terms, or in front of one.
                let rest = text.get(at..).unwrap_or_default();
                let name = if start == at { name_of(rest) } else { "" };
                let has_operator = operator_of(rest.get(name.len()..).unwrap_or_default()).is_some();
                let end = at + if has_operator { name.len() } else { 0 };
                return Self { term: at, end, from: at, to: end, what: What::Key { has_operator } };
            }
            match Self::in_term(text, start, at) {
                Ok(place) => return place,
                Err(end) => start = end,
            }
        }
    }

    /// The place in the term that begins at `term`, or where that ends before it.
    fn in_term(text: &'a str, term: usize, at: usize) -> Result<Self, usize> {
        let after = |from: usize| text.get(from..).unwrap_or_default();
        let name = name_of(after(term));
        let behind = term + name.len();
        let Some(operator) = operator_of(after(behind)).filter(|operator| !name.is_empty() || *operator == "~") else {
            let end = behind.max(term + value_len(after(term), false)).max(term + 1);
            if at > end {
                return Err(end);
            }
            let what = if end == behind { What::Key { has_operator: false } } else { What::Other };
            return Ok(Self { term, end, from: term, to: end, what });
        };
        if at <= behind {
            let end = end_of_values(after(behind + operator.len()), operator) + behind + operator.len();
            return Ok(Self { term, end, from: term, to: behind, what: What::Key { has_operator: true } });
        }
        let first = behind + operator.len();
        let end = first + end_of_values(after(first), operator);
        if at < first {
            return Ok(Self { term, end, from: at, to: at, what: What::Other });
        }
        let mut from = first;
        loop {
            let to = from + value_len(after(from), is_list(operator));
            if at <= to {
                let is_pattern = operator == "~" && after(from).starts_with('/') && !after(from).starts_with("/ ");
                let what = if is_pattern && named(name).is_none() { What::Other } else { What::Value { name } };
                return Ok(Self { term, end, from, to, what });
            }
            if !is_list(operator) || !after(to).starts_with(',') {
                return Err(to.max(term + 1));
            }
            from = to + 1;
        }
    }
}

fn is_list(operator: &str) -> bool {
    matches!(operator, ":" | "=" | "!=")
}

/// Bytes of all values of a list.
fn end_of_values(text: &str, operator: &str) -> usize {
    let mut end = value_len(text, is_list(operator));
    while is_list(operator) && text.get(end..).is_some_and(|rest| rest.starts_with(',')) {
        end += 1 + value_len(text.get(end + 1..).unwrap_or_default(), true);
    }
    end
}

/// What may be a key, as the parser reads it.
fn name_of(text: &str) -> &str {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return "";
    }
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn operator_of(text: &str) -> Option<&'static str> {
    OPS.into_iter().find(|operator| text.starts_with(operator))
}

/// Bytes of a value, also of one whose quotation is not closed yet.
fn value_len(text: &str, is_list: bool) -> usize {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = quoted.char_indices().find(|(_, c)| {
            let is_end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_end
        });
        return end.map_or(text.len(), |(at, _)| at + 2);
    }
    text.find(|c: char| is_behind_term(c) || "(\"".contains(c) || is_list && c == ',').unwrap_or(text.len())
}

/// Keys that begin so, operators where it is one, and attributes.
fn of_keys(written: &str, has_operator: bool, attributes: impl FnOnce() -> Vec<(String, u64)>) -> Vec<Candidate> {
    let begins = |name: &str| starts(name, written);
    let mut items = Vec::new();
    if let Some(key) = keys::find(written).filter(|_| !has_operator) {
        let operators = operators(key).iter().map(|(operator, help)| Candidate {
            text: format!("{written}{operator}"),
            label: format!("{written}{operator}"),
            count: None,
            help: Some(help),
        });
        items.extend(operators);
    }
    for key in keys::KEYS {
        let name = std::iter::once(key.name).chain(key.aliases.iter().copied()).find(|name| begins(name));
        let Some(name) = name.filter(|name| has_operator || !name.eq_ignore_ascii_case(written)) else { continue };
        let operator = if has_operator { "" } else { usual_operator(key) };
        items.push(Candidate { text: format!("{name}{operator}"), label: name.to_owned(), count: None, help: Some(key.help()) });
    }
    let bare = written.strip_prefix("attr.").unwrap_or(written);
    let operator = if has_operator { "" } else { ":" };
    let is_wanted = |name: &str| starts(name, bare) && keys::find(name).is_none();
    for (name, count) in attributes().into_iter().filter(|(name, _)| is_wanted(name) && name_of(name) == name) {
        let name = if name.contains('.') { name } else { format!("attr.{name}") };
        let text = format!("{name}{operator}");
        items.push(Candidate { text, label: name, count: Some(count), help: Some("an attribute") });
    }
    let words =
        [("or", "one of both sides has to hold"), ("not", "what follows must not hold"), ("and", "both sides have to hold")];
    if !written.is_empty() && !has_operator {
        for (word, help) in words.into_iter().filter(|(word, _)| begins(word)) {
            items.push(Candidate { text: word.to_owned(), label: word.to_owned(), count: None, help: Some(help) });
        }
    }
    items
}

/// The operator of the key's example.
fn usual_operator(key: &Key) -> &'static str {
    key.example().get(key.name.len()..).and_then(operator_of).unwrap_or(":")
}

fn operators(key: &Key) -> &'static [(&'static str, &'static str)] {
    match key.shape {
        Shape::Status | Shape::Duration | Shape::Phase(_) | Shape::Count(_) | Shape::Bytes(_) | Shape::Time => &[
            (":", "is, or is in a range"),
            (">", "is more than"),
            (">=", "is at least"),
            ("<", "is less than"),
            ("<=", "is at most"),
        ],
        Shape::Level => &[(":", "is"), (">=", "is at least")],
        _ if key.is_text() => {
            &[(":", "is, or begins with where a * ends it"), ("!=", "is not"), ("~", "has this part or /pattern/")]
        }
        _ => &[(":", "is"), ("!=", "is not")],
    }
}

/// Words of closed lists, then what was observed.
fn of_values(name: &str, written: &str, observed: impl FnOnce(&Facet) -> Vec<(String, u64)>) -> Vec<Candidate> {
    let (wanted, is_quoted) = unquoted(written);
    let Some(named) = named(name) else { return Vec::new() };
    let shape = match &named {
        Named::Key(key) => Some(&key.shape),
        Named::In(_) => None,
    };
    let known: Vec<(&str, Option<&'static str>)> = shape.map(words_of).unwrap_or_default();
    let is_unique = matches!(shape, Some(Shape::Text(super::Column::Request)));
    let counted = Facet::parse(name).ok().filter(|_| !is_unique).map(|facet| observed(&facet)).unwrap_or_default();
    let mut items: Vec<Candidate> = Vec::new();
    let (begins, holds): (Vec<_>, Vec<_>) = counted.iter().partition(|(value, _)| starts(value, &wanted));
    let holds = holds.into_iter().filter(|(value, _)| holds_part(value, &wanted));
    for (value, count) in begins.into_iter().chain(holds) {
        let help = known.iter().find(|(word, _)| word.eq_ignore_ascii_case(value)).and_then(|(_, help)| *help);
        items.push(Candidate { text: as_value(value, is_quoted), label: value.clone(), count: Some(*count), help });
    }
    for (word, help) in known {
        let is_new = !counted.iter().any(|(value, _)| value.eq_ignore_ascii_case(word));
        if is_new && starts(word, &wanted) {
            items.push(Candidate { text: word.to_owned(), label: word.to_owned(), count: None, help });
        }
    }
    items
}

/// Words that a key's values may be, with what they mean where that is not plain.
fn words_of(shape: &Shape) -> Vec<(&'static str, Option<&'static str>)> {
    let plain = |words: &[&'static str]| words.iter().map(|word| (*word, None)).collect();
    match shape {
        Shape::Status => vec![("5xx", Some("server errors")), ("4xx", Some("client errors")), ("3xx", None), ("2xx", None)],
        Shape::Outcome => plain(&Outcome::ALL.map(Outcome::as_str)),
        Shape::Class => plain(&ErrorClass::ALL.map(ErrorClass::as_str)),
        Shape::Kind => plain(&["request", "event", "span", "partial"]),
        Shape::Kept => {
            let mut words: Vec<_> = plain(&Kept::ALL.map(Kept::as_str));
            words.extend([("any", Some("for whatever reason")), ("none", Some("a summary"))]);
            words
        }
        Shape::Level => plain(&["error", "warn", "info", "debug", "trace"]),
        Shape::Since | Shape::Until => plain(&["10m", "1h", "1d", "7d"]),
        _ => Vec::new(),
    }
}

fn starts(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

fn holds_part(text: &str, part: &str) -> bool {
    part.len() >= 2 && text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
}

/// What a value that may be quoted stands for, and whether it is.
fn unquoted(written: &str) -> (String, bool) {
    let Some(quoted) = written.strip_prefix('"') else { return (written.to_owned(), false) };
    let mut text = String::new();
    let mut escaped = false;
    for c in quoted.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => break,
            c => {
                text.push(c);
                escaped = false;
            }
        }
    }
    (text, true)
}

/// The value as the grammar takes it for itself.
fn as_value(value: &str, is_quoted: bool) -> String {
    let is_plain = |c: char| !is_behind_term(c) && !"(\",\\".contains(c);
    if !is_quoted && value.chars().all(is_plain) && !value.ends_with('*') && !value.contains("..") {
        return value.to_owned();
    }
    quoted(value)
}

/// The value between quotation marks, whatever it holds.
pub(crate) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may stand at the `|`, as the whole query would read, with counts.
    fn completed(text: &str) -> Vec<String> {
        let at = text.find('|').unwrap();
        let query = text.replace('|', "");
        let completion = complete(&query, at, |asked| {
            let values: &[(&str, u64)] = match asked {
                Asked::Attributes(_) => &[("order.id", 9), ("plan", 2), ("user.id", 1)],
                Asked::Values(facet, rest) => match (facet.as_str(), rest.as_str().trim()) {
                    ("route", "status:5xx") => &[("/orders/{id}", 7), ("/products/{id}", 3)],
                    ("route", _) => &[("/healthz", 99)],
                    ("status", _) => &[("502", 4), ("200", 3)],
                    ("type", _) => &[("a b", 2), ("say \"x\"", 1)],
                    ("order.id", _) => &[("17", 1)],
                    _ => &[],
                },
            };
            values.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect()
        });
        let (before, after) = (&query[..completion.from], &query[completion.to..]);
        let count = |item: &Candidate| item.count.map(|count| format!(" {count}")).unwrap_or_default();
        completion.items.iter().map(|item| format!("{before}{}{after}{}", item.text, count(item))).collect()
    }

    #[test]
    fn keys_come_with_their_usual_operator() {
        assert_eq!(completed("rou|"), ["route:"]);
        assert_eq!(completed("status:5xx (ms>3 or -rou|) x"), ["status:5xx (ms>3 or -route:) x"]);
        assert_eq!(completed("ttf|"), ["ttfb>"]);
        assert_eq!(completed("ro|:/x"), ["route:/x"], "where there is one it stays");
        assert_eq!(completed("ord|"), ["order.id: 9"]);
        assert_eq!(completed("attr.pl|"), ["attr.plan: 2"]);
        assert!(completed("|").len() >= keys::KEYS.len());
        assert!(completed("status:5xx |").contains(&"status:5xx route:".to_owned()));
    }

    #[test]
    fn a_whole_key_goes_on_with_its_operators() {
        assert_eq!(completed("route|")[..3], ["route:", "route!=", "route~"]);
        assert_eq!(completed("ms|")[..2], ["ms:", "ms>"]);
    }

    #[test]
    fn values_are_those_of_the_records_that_match_the_rest() {
        assert_eq!(completed("status:5xx route:|"), ["status:5xx route:/orders/{id} 7", "status:5xx route:/products/{id} 3"]);
        assert_eq!(completed("route:/pro| status:5xx"), ["route:/products/{id} status:5xx 3"]);
        assert_eq!(completed("status:5xx route:duct|"), ["status:5xx route:/products/{id} 3"], "a part, where none begins so");
        assert_eq!(completed("route:|"), ["route:/healthz 99"]);
        assert_eq!(completed("order.id:|"), ["order.id:17 1"]);
        assert_eq!(completed("status:404,5|"), ["status:404,502 4", "status:404,5xx"]);
        assert_eq!(
            completed("status:|"),
            ["status:502 4", "status:200 3", "status:5xx", "status:4xx", "status:3xx", "status:2xx"]
        );
        assert_eq!(completed("level>=w|"), ["level>=warn"]);
        assert_eq!(completed("outcome:pan|"), ["outcome:panicked"]);
    }

    #[test]
    fn a_value_is_quoted_where_it_has_to_be() {
        assert_eq!(completed("type:|"), ["type:\"a b\" 2", "type:\"say \\\"x\\\"\" 1"]);
        assert_eq!(completed("type:\"a|"), ["type:\"a b\" 2"]);
        assert_eq!(completed("type:\"a |b\" x"), ["type:\"a b\" x 2"]);
    }

    #[test]
    fn nothing_is_offered_inside_a_phrase_or_for_a_key_that_is_none() {
        assert!(completed("\"rou|").is_empty());
        assert!(completed("nonsense:|").is_empty());
        assert!(completed("header.accept:|").is_empty());
    }

    #[test]
    fn any_text_and_any_place_have_an_answer_in_order() {
        let parts = ["status", ":", "5xx", " ", "\"", "(", ")", "-", ",", "~", "/", "ü", ">", "!=", "\\", "or "];
        let mut seed = 7_usize;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..seed % 8 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[(seed >> 33) % parts.len()]);
            }
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let at = (seed >> 33) % (text.len() + 2);
            let completion = complete(&text, at, |_| vec![("a,b".to_owned(), 1)]);
            assert!(completion.from <= completion.to && completion.to <= text.len(), "{text} {at}");
            assert!(text.is_char_boundary(completion.from) && text.is_char_boundary(completion.to), "{text} {at}");
            assert!(completion.from <= at.min(text.len()), "{text} {at}");
        }
    }

    #[test]
    fn what_is_offered_for_a_key_is_understood() {
        for key in keys::KEYS {
            for item in of_values(key.name, "", |_| vec![("x".to_owned(), 1)]) {
                let query = format!("{}:{}", key.name, item.text);
                if item.text != "x" {
                    assert!(Query::parse(&query).is_ok(), "{query}");
                }
            }
        }
    }
}
