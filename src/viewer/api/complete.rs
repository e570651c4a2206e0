//! What a query may go on with.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::query::{Facet, Query, keys};
use crate::store::Count;
use crate::viewer::core::Core;
use crate::viewer::params::Params;
use crate::viewer::problem::Problem;

const MAX_ITEMS: usize = 20;
/// Records whose values are looked at, the newest.
const MAX_RECORDS: u64 = 5_000;
/// Somebody is typing.
const WITHIN: Duration = Duration::from_millis(300);

/// The word that the cursor stands in.
struct Word<'a> {
    /// Where it begins, in characters.
    from: usize,
    text: &'a str,
}

/// Keys, and behind a key the values that there are.
pub(super) async fn complete(core: &Core, params: &Params) -> Result<Json, Problem> {
    let query = params.text("q").unwrap_or_default();
    let length = query.chars().count();
    let at = params.number("at", (0, Query::MAX_BYTES), length)?.min(length);
    let word = word(query, at);
    let Some((name, start)) = split(word.text) else {
        let wanted = word.text.to_ascii_lowercase();
        let fitting = keys().iter().filter(|key| key.name().starts_with(&wanted));
        let items = fitting.take(MAX_ITEMS).map(|key| {
            json!({ "text": format!("{}:", key.name()), "label": key.name(), "count": null, "help": key.help(), "example": key.example() })
        });
        return Ok(json!({ "from": word.from, "to": at, "items": items.collect::<Vec<_>>() }));
    };
    let from = word.from + word.text.chars().count() - start.chars().count();
    let Ok(facet) = Facet::parse(name) else { return Ok(json!({ "from": from, "to": at, "items": [] })) };
    let start = start.trim_start_matches('"').to_ascii_lowercase();
    core.pool
        .run(move |desk| {
            let mut options = Count::with_records(MAX_RECORDS);
            options.within = WITHIN;
            let Some(reader) = desk.reader()? else { return Ok(json!({ "from": from, "to": at, "items": [] })) };
            let counts = reader.count(&facet, &Query::default(), &options)?;
            let fits = |value: &str| value.to_ascii_lowercase().contains(&start);
            let mut items: Vec<_> = counts.values().filter(|(value, _)| fits(value)).collect();
            // What begins so comes before what has it somewhere.
            items.sort_by_key(|(value, _)| !value.to_ascii_lowercase().starts_with(&start));
            let items = items
                .into_iter()
                .take(MAX_ITEMS)
                .map(|(value, count)| json!({ "text": quoted(value), "label": value, "count": count, "help": null }));
            Ok(json!({ "from": from, "to": at, "items": items.collect::<Vec<_>>() }))
        })
        .await
}

/// From the last border before the cursor up to it.
fn word(query: &str, at: usize) -> Word<'_> {
    let end = query.char_indices().nth(at).map_or(query.len(), |(index, _)| index);
    let before = query.get(..end).unwrap_or_default();
    let (mut start, mut is_quoted) = (0, false);
    for (index, char) in before.char_indices() {
        match char {
            '"' => is_quoted = !is_quoted,
            ' ' | '(' | ')' | '\t' if !is_quoted => start = index + char.len_utf8(),
            '-' if start == index => start = index + 1,
            _ => {}
        }
    }
    Word { from: before.get(..start).unwrap_or_default().chars().count(), text: before.get(start..).unwrap_or_default() }
}

/// A key, and what stands behind its operator; of a list, the last of it.
fn split(word: &str) -> Option<(&str, &str)> {
    let at = word.find([':', '=', '!', '~', '<', '>']).filter(|at| *at > 0)?;
    let (name, rest) = word.split_at_checked(at)?;
    let value = rest.trim_start_matches([':', '=', '!', '~', '<', '>']);
    Some((name, value.rsplit(',').next().filter(|_| !value.starts_with('"')).unwrap_or(value)))
}

/// As the grammar writes it.
fn quoted(value: &str) -> String {
    let is_plain = |char: char| !char.is_whitespace() && !"\"(),*\\".contains(char);
    if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_the_cursor_is_what_is_completed() {
        for (query, at, from, text) in [
            ("status:5", 8, 0, "status:5"),
            ("status:5xx rou", 14, 11, "rou"),
            ("-pa", 3, 1, "pa"),
            ("(or", 3, 1, "or"),
            ("error:\"out of", 13, 0, "error:\"out of"),
            ("ü sta", 5, 2, "sta"),
            ("status:5xx", 3, 0, "sta"),
        ] {
            let word = word(query, at);
            assert_eq!((word.from, word.text), (from, text), "{query}");
        }
        assert_eq!(split("status:404,5"), Some(("status", "5")));
        assert_eq!(split("ms>=3"), Some(("ms", "3")));
        assert_eq!(split("stat"), None);
        assert_eq!(quoted("a b\"c"), "\"a b\\\"c\"");
        for value in ["a b\"c\\", "x,y", "(z)", "plain", "st*r"] {
            let query = Query::parse(&format!("path:{}", quoted(value)));
            assert!(query.is_ok(), "{value}");
        }
    }
}
