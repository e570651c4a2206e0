//! The list: what matches, newest first, by the page.

use std::time::Instant;

use serde_json::{Value as Json, json};

use super::asked::Asked;
use crate::store::{Find, Stored};
use crate::viewer::core::Core;
use crate::viewer::params::Params;
use crate::viewer::pool::WITHIN;
use crate::viewer::problem::Problem;
use crate::viewer::rows::row;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Where a page ended: when its last record began, and how many of that very moment it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    start_unix_ns: u64,
    shown: usize,
}

impl End {
    /// Only what was given out.
    fn parse(text: &str) -> Option<Self> {
        let (start, shown) = text.split_once('-')?;
        let end = Self { start_unix_ns: u64::from_str_radix(start, 16).ok()?, shown: shown.parse().ok()? };
        (end.text() == text && (1..=Find::MAX_LIMIT - MAX_LIMIT).contains(&end.shown)).then_some(end)
    }

    fn text(self) -> String {
        format!("{:016x}-{}", self.start_unix_ns, self.shown)
    }

    fn of(page: &[Stored], before: Option<Self>) -> Option<Self> {
        let start_unix_ns = page.last()?.record().start_unix_ns();
        let shown = page.iter().rev().take_while(|stored| stored.record().start_unix_ns() == start_unix_ns).count();
        let earlier = before.filter(|end| end.start_unix_ns == start_unix_ns).map_or(0, |end| end.shown);
        Some(Self { start_unix_ns, shown: shown + earlier })
    }
}

/// The page of the list that is asked for.
pub(super) async fn events(core: &Core, params: &Params) -> Result<Json, Problem> {
    let asked = Asked::of(params)?;
    let limit = params.number("limit", (1, MAX_LIMIT), DEFAULT_LIMIT)?;
    if params.text("offset").is_some_and(|offset| offset != "0") {
        return Err(Problem::wrong("there is no offset: a page goes on at the cursor of the one before"));
    }
    let end = match params.text("cursor").filter(|cursor| !cursor.is_empty()) {
        Some(text) => Some(End::parse(text).ok_or_else(|| Problem::wrong("cursor is none that was given out"))?),
        None => None,
    };
    let Asked { query, notice } = asked;
    core.pool
        .run(move |desk| {
            let started = Instant::now();
            let Some(reader) = desk.reader()? else {
                return Ok(json!({
                    "records": [], "next": null, "live": "0", "warnings": [], "notice": notice, "took_ms": 0.0,
                }));
            };
            let shown = end.map_or(0, |end| end.shown);
            let mut options = Find::with_limit(limit + shown + 1);
            options.within = WITHIN;
            options.before_unix_ns = end.map(|end| end.start_unix_ns.saturating_add(1));
            let mut found = reader.find(&query, &options)?;
            let is_more = found.len() > limit + shown;
            found.drain(..shown.min(found.len()));
            found.truncate(limit);
            let next = End::of(&found, end).filter(|_| is_more).map(End::text);
            Ok(json!({
                "records": found.iter().map(row).collect::<Vec<_>>(),
                "next": next,
                "live": if end.is_none() { json!(reader.position().to_string()) } else { Json::Null },
                "warnings": reader.warnings(),
                "notice": notice,
                "took_ms": started.elapsed().as_secs_f64() * 1e3,
            }))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cursors_that_were_given_out_are_taken() {
        let end = End { start_unix_ns: 1_800_000_000_000_000_000, shown: 3 };
        assert_eq!(End::parse(&end.text()), Some(end));
        for text in
            ["AAAA", "", "-", "0-1", "00000000000000ff-0", "00000000000000FF-1", "00000000000000ff-01", "00000000000000ff-99999"]
        {
            assert_eq!(End::parse(text), None, "{text}");
        }
    }
}
