//! What a page asks about: a query, and what is said about it.

use serde_json::{Value as Json, json};

use crate::query::{Error, Query};
use crate::viewer::params::Params;
use crate::viewer::problem::Problem;

/// A query as it was understood.
pub(super) struct Asked {
    pub(super) query: Query,
    /// Where it is not what the grammar understands.
    pub(super) notice: Option<Json>,
}

impl Asked {
    /// What the grammar does not understand is looked for as text; a regular expression beside it has to be one.
    pub(super) fn of(params: &Params) -> Result<Self, Problem> {
        let text = params.text("q").unwrap_or_default();
        let (query, notice) = match Query::parse(text) {
            Ok(query) => (query, None),
            Err(error) => (Query::for_text(start_of(text)), Some(notice(&error))),
        };
        let Some(pattern) = params.text("re").filter(|pattern| !pattern.is_empty()) else { return Ok(Self { query, notice }) };
        let pattern = Query::parse(&format!("~/{}/", quoted(pattern))).map_err(|error| {
            // Two characters stand before it.
            Problem::wrong(error.message()).at(error.position().saturating_sub(2))
        })?;
        Ok(Self { query: query.and(pattern), notice })
    }
}

fn notice(error: &Error) -> Json {
    json!({
        "message": error.message(),
        "at": error.position(),
        "hint": "looked for as text, as it stands",
    })
}

/// Nobody types more than the grammar takes.
fn start_of(text: &str) -> &str {
    let mut end = text.len().min(Query::MAX_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// A pattern between slashes: one inside it is escaped, unless it is already.
fn quoted(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut is_escaped = false;
    for char in pattern.chars() {
        if char == '/' && !is_escaped {
            out.push('\\');
        }
        out.push(char);
        is_escaped = char == '\\' && !is_escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_query_is_text_and_says_why() {
        let asked = |query: &str| Asked::of(&Params::parse(Some(query)));
        assert!(asked("q=status:500").unwrap().notice.is_none());
        let text = asked("q=%22unbalanced").unwrap();
        assert_eq!(text.notice.unwrap()["at"], 0);
        assert!(asked(&format!("q={}", "%C3%BC".repeat(5000))).unwrap().notice.is_some());
        assert!(asked("re=(a%2B)%2B%24").is_ok() && asked("re=a/b\\/c").is_ok());
        assert!(asked("re=(").is_err());
    }
}
