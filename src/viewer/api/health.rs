//! How the store and the telemetry fare.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::query::Query;
use crate::store::Find;
use crate::viewer::core::Core;
use crate::viewer::json::ms;
use crate::viewer::problem::Problem;

/// How far back losses are told, in nanoseconds: a day.
const LOSSES_NS: u64 = 24 * 60 * 60 * 1_000_000_000;
const MAX_LOSSES: usize = 100;

/// The store on disk, what was lost on the way to it, and in the application itself its settings and exporters.
pub(super) async fn health(core: &Arc<Core>) -> Result<Json, Problem> {
    let (shared, live) = (Arc::clone(core), core.live.count());
    core.pool
        .run(move |desk| {
            let process = shared.process();
            let (files, bytes) = on_disk(desk.directory());
            let directory = desk.directory().display().to_string();
            let (mut newest, mut losses, mut warnings) = (Json::Null, Vec::new(), Vec::new());
            if let Some(reader) = desk.reader()? {
                let since = crate::time::unix_ns().saturating_sub(LOSSES_NS);
                let gaps = reader.gaps(since)?;
                losses = gaps
                    .iter()
                    .rev()
                    .take(MAX_LOSSES)
                    .map(|gap| {
                        let by_reason = gap.losses().iter().map(|(reason, count)| json!([reason.as_str(), count]));
                        json!({ "at_ms": ms(gap.unix_ns()), "lost": gap.losses().total(), "by_reason": by_reason.collect::<Vec<_>>() })
                    })
                    .collect();
                let last = reader.find(&Query::default(), &Find::with_limit(1))?;
                newest = last.first().map_or(Json::Null, |stored| ms(stored.record().start_unix_ns()));
                warnings = reader.warnings().to_vec();
            }
            Ok(json!({
                "version": env!("CARGO_PKG_VERSION"),
                "store": { "directory": directory, "segments": files, "bytes": bytes, "newest_ms": newest },
                "losses": losses,
                "followers": live,
                "process": process,
                "warnings": warnings,
            }))
        })
        .await
}

/// Segments, and the bytes of all files.
fn on_disk(directory: &Path) -> (usize, u64) {
    let Ok(files) = std::fs::read_dir(directory) else { return (0, 0) };
    let (mut segments, mut bytes) = (0, 0);
    for file in files.flatten() {
        let name = file.file_name();
        let name = name.to_string_lossy();
        segments += usize::from(name.starts_with("segment-") && name.ends_with(".sqlite"));
        bytes += file.metadata().map(|found| found.len()).unwrap_or_default();
    }
    (segments, bytes)
}
