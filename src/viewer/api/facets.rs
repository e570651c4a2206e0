//! Which values there are, and how often.

use serde_json::{Value as Json, json};

use super::asked::Asked;
use crate::query::Facet;
use crate::store::Count;
use crate::viewer::core::Core;
use crate::viewer::params::Params;
use crate::viewer::pool::WITHIN;
use crate::viewer::problem::Problem;

/// Keys in one question.
const MAX_KEYS: usize = 12;
const MAX_TOP: usize = 200;

/// The values of each key among the newest of what matches.
pub(super) async fn facets(core: &Core, params: &Params) -> Result<Json, Problem> {
    let Asked { query, .. } = Asked::of(params)?;
    let top = params.number("top", (1, MAX_TOP), 20)?;
    let keys: Vec<_> = params.all("key").map(str::to_owned).collect();
    if keys.len() > MAX_KEYS {
        return Err(Problem::wrong(format!("at most {MAX_KEYS} keys at a time")));
    }
    let parsed = keys.iter().map(|key| Facet::parse(key)).collect::<Result<Vec<_>, _>>();
    let parsed = parsed.map_err(|error| Problem::wrong(error.message()))?;
    core.pool
        .run(move |desk| {
            let Some(reader) = desk.reader()? else {
                return Ok(json!({ "counted": 0, "matching": 0, "is_partial": false, "facets": [], "warnings": [] }));
            };
            let options = Count { within: WITHIN, ..Count::default() };
            let (mut counted, mut is_partial, mut facets) = (0, false, Vec::new());
            for (facet, counts) in parsed.iter().zip(reader.count_each(&parsed, &query, &options)?) {
                counted = counts.records();
                is_partial = counts.is_late() || counts.records() >= options.records;
                let shown: Vec<_> =
                    counts.values().take(top).map(|(value, count)| json!({ "value": value, "count": count })).collect();
                let rest: u64 = counts.values().skip(top).map(|(_, count)| count).sum::<u64>() + counts.others();
                facets.push(json!({ "key": facet.as_str(), "values": shown, "rest": rest, "distinct": counts.values().len() }));
            }
            Ok(json!({
                "counted": counted, "matching": counted, "is_partial": is_partial, "facets": facets, "warnings": reader.warnings(),
            }))
        })
        .await
}
