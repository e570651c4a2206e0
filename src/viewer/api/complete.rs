//! What a query may go on with.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::query::{Completion, Query, complete as without_store};
use crate::viewer::core::Core;
use crate::viewer::params::Params;
use crate::viewer::problem::Problem;

/// Somebody is typing.
const WITHIN: Duration = Duration::from_millis(300);

/// Keys, operators, and the values that there are. Places are counted as a script counts them.
pub(super) async fn complete(core: &Core, params: &Params) -> Result<Json, Problem> {
    let query: String = params.text("q").unwrap_or_default().chars().take(Query::MAX_BYTES).collect();
    let at = params.number("at", (0, 2 * Query::MAX_BYTES), 2 * Query::MAX_BYTES)?;
    let at = byte_of(&query, at);
    core.pool
        .run(move |desk| {
            let completion = match desk.reader()? {
                Some(reader) => reader.complete(&query, at, WITHIN),
                None => without_store(&query, at, |_| Vec::new()),
            };
            Ok(json(&query, &completion))
        })
        .await
}

fn json(query: &str, completion: &Completion) -> Json {
    let item = |item: &crate::query::Candidate| json!({ "text": item.text, "label": item.label, "count": item.count, "help": item.help });
    json!({
        "from": units_to(query, completion.from),
        "to": units_to(query, completion.to),
        "items": completion.items.iter().map(item).collect::<Vec<_>>(),
    })
}

/// The byte at so many units of UTF-16, or the end.
fn byte_of(text: &str, units: usize) -> usize {
    let mut seen = 0;
    let found = text.char_indices().find(|(_, char)| {
        let is_it = seen >= units;
        seen += char.len_utf16();
        is_it
    });
    found.map_or(text.len(), |(byte, _)| byte)
}

/// Units of UTF-16 up to a byte.
fn units_to(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_as_a_script_counts_them() {
        let text = "ü😀x";
        for (units, byte) in [(0, 0), (1, 2), (3, 6), (4, 7), (9, 7)] {
            assert_eq!(byte_of(text, units), byte, "{units}");
            assert_eq!(units_to(text, byte), units.min(4), "{units}");
        }
    }
}
