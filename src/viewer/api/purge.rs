//! What matches is removed for good.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

use crate::pipeline;
use crate::query::Query;
use crate::store::Purge;
use crate::viewer::answer;
use crate::viewer::body::Body;
use crate::viewer::core::Core;
use crate::viewer::pool::give_way;
use crate::viewer::problem::Problem;

/// Removes it where so much matches as whoever asks believes; else tells how much does, and removes nothing.
pub(super) async fn purge(core: &Arc<Core>, asked: &Json) -> Result<Response<Body>, Problem> {
    let text = asked.get("q").and_then(Json::as_str).unwrap_or_default();
    // What is no query is never taken for something else here.
    let query = Query::parse(text).map_err(|error| Problem::wrong(error.message()).at(error.position()))?;
    if query.is_empty() {
        return Err(Problem::wrong("say what is to be removed"));
    }
    let believed = asked.get("count").and_then(Json::as_u64);
    let directory = core.directory().to_owned();
    let (tell, told) = oneshot::channel();
    // It may take as long as the store is large, and one store has one at a time.
    let remove = move || {
        pipeline::hush();
        give_way();
        let done = Purge::new(directory, &query).and_then(|mut purge| {
            let found = purge.count()?;
            if believed != Some(found.records) {
                return Ok((
                    StatusCode::CONFLICT,
                    json!({
                        "error": format!("{} records match", found.records), "count": found.records, "left": found.left,
                    }),
                ));
            }
            let done = purge.run(|_, _| {})?;
            Ok((
                StatusCode::OK,
                json!({
                    "records": done.records, "bytes_freed": done.bytes_freed, "groups": done.groups, "left": done.left,
                }),
            ))
        });
        let _ = tell.send(done);
    };
    let made = std::thread::Builder::new().name("campanile-purge".to_owned()).spawn(remove);
    made.map_err(|_| Problem::busy())?;
    let done = told.await.map_err(|_| Problem::failed("nothing could be removed"))?;
    let (status, answer) =
        done.map_err(|error| if error.is_busy() { Problem::of(StatusCode::CONFLICT, error.to_string()) } else { error.into() })?;
    Ok(answer::of(status, answer::JSON, Body::whole(answer.to_string())))
}
