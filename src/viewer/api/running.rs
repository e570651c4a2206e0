//! What is in flight, and what was when a process died.

use serde_json::{Value as Json, json};

use crate::page;
use crate::record::Value;
use crate::store::Unfinished;
use crate::viewer::core::Core;
use crate::viewer::json::ms;
use crate::viewer::problem::Problem;
use crate::viewer::rows::row;

/// Requests in one answer, the oldest.
const MAX_SHOWN: usize = 500;

/// Both, the oldest first: what hangs stands at the top.
pub(super) async fn running(core: &Core) -> Result<Json, Problem> {
    core.pool
        .run(|desk| {
            let Some(reader) = desk.reader()? else { return Ok(json!({ "running": [], "dead": [], "warnings": [] })) };
            let mut all = reader.unfinished()?;
            all.reverse();
            let now = crate::time::unix_ns();
            let (running, dead): (Vec<_>, Vec<_>) = all.iter().partition(|it| it.is_running());
            let shown = |all: &[&Unfinished]| all.iter().take(MAX_SHOWN).map(|it| one(it, now)).collect::<Vec<_>>();
            Ok(json!({
                "running": shown(&running), "dead": shown(&dead), "running_count": running.len(), "dead_count": dead.len(),
                "warnings": reader.warnings(),
            }))
        })
        .await
}

fn one(it: &Unfinished, now: u64) -> Json {
    let record = it.record();
    let mut one = row(it.stored());
    let frames = match record.attribute("campanile.frames") {
        Some(Value::U64(frames)) => Some(frames),
        _ => None,
    };
    let more = [
        ("age_ms", ms(now.saturating_sub(record.start_unix_ns()))),
        ("heard_ms", ms(record.duration_ns())),
        ("process", json!(page::process(it))),
        ("outcome", json!(record.outcome().as_str())),
        ("frames", json!(frames)),
        ("received_bytes", json!(record.request_body_bytes())),
        ("sent_bytes", json!(record.response_body_bytes())),
    ];
    one.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Json::Object(one)
}
