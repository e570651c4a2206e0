//! What is different about what matches.

use serde_json::{Value as Json, json};

use super::asked::Asked;
use crate::contrast::{self, Contrast, Difference, Finding, Options, Spread, Stage};
use crate::viewer::core::Core;
use crate::viewer::json::ms;
use crate::viewer::params::Params;
use crate::viewer::pool::WITHIN;
use crate::viewer::problem::Problem;

/// Other requests that are compared with, in the time that a page has.
const MAX_REST: u64 = 50_000;

/// The differences between what matches and the other requests of the same routes.
pub(super) async fn diff(core: &Core, params: &Params) -> Result<Json, Problem> {
    let Asked { query, notice } = Asked::of(params)?;
    core.pool
        .run(move |desk| {
            let Some(reader) = desk.reader()? else { return Ok(json!({ "selected": 0, "rest": 0, "findings": [] })) };
            let mut options = Options::default();
            (options.within, options.max_rest) = (WITHIN, MAX_REST);
            let mut answer = json(&contrast::of(reader, &query, &options, |_| {})?);
            if let Some(answer) = answer.as_object_mut() {
                answer.insert("notice".to_owned(), notice.unwrap_or_default());
                answer.insert("warnings".to_owned(), json!(reader.warnings()));
            }
            Ok(answer)
        })
        .await
}

pub(super) fn json(contrast: &Contrast) -> Json {
    json!({
        "selected": contrast.selected,
        "rest": contrast.rest,
        "is_enough": contrast.is_enough(),
        "routes": contrast.routes,
        "from_ms": ms(contrast.from_unix_ns),
        "until_ms": ms(contrast.until_unix_ns),
        "compared": contrast.compared,
        "findings": contrast.findings.iter().map(finding).collect::<Vec<_>>(),
        "notices": contrast.notices,
    })
}

fn finding(finding: &Finding) -> Json {
    let stage = if finding.stage == Stage::Arrival { "arrival" } else { "course" };
    let spread = |it: &Spread| json!({ "count": it.count, "least": it.least, "median": it.median, "most": it.most });
    let difference = match &finding.difference {
        Difference::Value { value, selected_with, selected, rest_with, rest } => json!({
            "value": value, "selected_with": selected_with, "selected": selected, "rest_with": rest_with, "rest": rest,
        }),
        Difference::Numbers { selected, rest, above } => {
            json!({ "selected": spread(selected), "rest": spread(rest), "above": above })
        }
    };
    json!({
        "stage": stage, "name": finding.name, "strength": finding.strength, "chance": finding.chance, "difference": difference,
    })
}
