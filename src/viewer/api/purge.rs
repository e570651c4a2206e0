//! What matches is removed for good.

use std::path::Path;
use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

use crate::pipeline;
use crate::query::Query;
use crate::store::{Error, Purge};
use crate::viewer::answer;
use crate::viewer::body::Body;
use crate::viewer::core::Core;
use crate::viewer::pool::give_way;
use crate::viewer::problem::Problem;

/// What is asked.
struct Asked {
    query: Query,
    /// What is removed began before it, and times count back from it: what comes meanwhile changes nothing.
    as_of_unix_ns: u64,
    /// How much whoever asks believes it is, where more is asked than that.
    believed: Option<Option<u64>>,
}

impl Asked {
    fn of(asked: &Json) -> Result<Self, Problem> {
        let text = asked.get("q").and_then(Json::as_str).unwrap_or_default();
        // What is no query is never taken for something else here.
        let query = Query::parse(text).map_err(|error| Problem::wrong(error.message()).at(error.position()))?;
        if query.is_empty() {
            return Err(Problem::wrong("say what is to be removed"));
        }
        let now = crate::time::unix_ns();
        let as_of_unix_ns = match asked.get("as_of") {
            None | Some(Json::Null) => Some(now),
            Some(text) => text.as_str().and_then(|text| text.parse().ok()).filter(|as_of| *as_of <= now),
        };
        let as_of_unix_ns = as_of_unix_ns.ok_or_else(|| Problem::wrong("as_of is none that was given out"))?;
        let believed = asked.get("count").filter(|count| !count.is_null()).map(Json::as_u64);
        Ok(Self { query: query.and(Query::before(as_of_unix_ns)), as_of_unix_ns, believed })
    }

    /// Tells how much it is, or removes it where that is known.
    fn answer(&self, directory: &Path) -> Result<(StatusCode, Json), Error> {
        let mut purge = Purge::new(directory, &self.query)?.counting_back_from(self.as_of_unix_ns);
        let found = purge.count()?;
        let (count, as_of) = (found.records, self.as_of_unix_ns.to_string());
        match self.believed {
            None => {
                let refused = purge.can_begin().err().map(|error| error.to_string());
                let answer = json!({
                    "count": count, "as_of": as_of, "left": found.left, "refused": refused,
                    "directory": directory.display().to_string(),
                });
                Ok((StatusCode::OK, answer))
            }
            Some(believed) if believed != Some(count) => {
                let error = format!("{count} records match");
                Ok((StatusCode::CONFLICT, json!({ "error": error, "count": count, "as_of": as_of, "left": found.left })))
            }
            Some(_) => {
                let done = purge.run(|_, _| {})?;
                let answer = json!({
                    "records": done.records, "bytes_freed": done.bytes_freed, "groups": done.groups, "left": done.left,
                });
                Ok((StatusCode::OK, answer))
            }
        }
    }
}

/// Removes it where so much matches as whoever asks believes; else tells how much does, and removes nothing.
pub(super) async fn purge(core: &Arc<Core>, asked: &Json) -> Result<Response<Body>, Problem> {
    let asked = Asked::of(asked)?;
    let directory = core.directory().to_owned();
    if directory.as_os_str().is_empty() {
        return Err(Problem::of(StatusCode::CONFLICT, "this page has no store, so there is nothing to delete"));
    }
    let place = Arc::clone(&core.purges).try_acquire_owned().map_err(|_| Problem::busy())?;
    let (tell, told) = oneshot::channel();
    // It may take as long as the store is large, and one store has one at a time.
    let work = move || {
        let _place = place;
        pipeline::hush();
        give_way();
        let _ = tell.send(asked.answer(&directory));
    };
    let made = std::thread::Builder::new().name("campanile-purge".to_owned()).spawn(work);
    made.map_err(|_| Problem::busy())?;
    let done = told.await.map_err(|_| Problem::failed("nothing could be removed"))?;
    let (status, answer) = done.map_err(|error| {
        if error.is_busy() || error.is_not_found() { Problem::of(StatusCode::CONFLICT, error.to_string()) } else { error.into() }
    })?;
    Ok(answer::of(status, answer::JSON, Body::whole(answer.to_string())))
}
