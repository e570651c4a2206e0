//! A request is sent again, as it was or changed, to this machine alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

use super::event::{checked, one};
use super::target;
use crate::pipeline;
use crate::record::{Kind, Record};
use crate::replay::{BodyChange, Change, Comparison, Line, Request, Sending, compare};
use crate::viewer::core::Core;
use crate::viewer::json::ms;
use crate::viewer::pool::Desk;
use crate::viewer::problem::Problem;

/// How long one may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How long the store is looked at for the record of what was sent, and how often.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(20);

/// Sends it and tells what changed.
pub(super) async fn replay(core: &Arc<Core>, asked: &Json) -> Result<Json, Problem> {
    let id = checked(asked.get("id").and_then(Json::as_str).unwrap_or_default())?;
    let stored = core.pool.run_quick(move |desk| one(desk, &id)).await?;
    let request = Request::of(stored.record(), None).ok_or_else(|| Problem::wrong("it is no request"))?.anew();
    let request = changed(request, asked)?;
    target::address(&request, stored.record())?;
    let place = Arc::clone(&core.replays).try_acquire_owned().map_err(|_| Problem::busy())?;
    let (tell, told) = oneshot::channel();
    let directory = core.directory().to_owned();
    let send = move || {
        let _place = place;
        pipeline::hush();
        let _ = tell.send(send(&request, stored.record(), Desk::new(directory)));
    };
    let made = std::thread::Builder::new().name("campanile-replay".to_owned()).spawn(send);
    made.map_err(|_| Problem::busy())?;
    told.await.unwrap_or_else(|_| Err(Problem::failed("the request could not be sent")))
}

/// The request with what the page changed of it. It goes where it went.
fn changed(mut request: Request, asked: &Json) -> Result<Request, Problem> {
    let text = |name: &str| match asked.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Problem::wrong(format!("{name} is a text"))),
    };
    if let Some(method) = text("method")? {
        request.method = method;
    }
    if let Some(path) = text("path")? {
        let is_path =
            path.starts_with('/') && path.chars().all(|char| !char.is_whitespace() && !char.is_control() && char != '#');
        let after_scheme = request.url.find("://").map_or(0, |at| at + 3);
        let end = request.url.get(after_scheme..).and_then(|rest| rest.find(['/', '?']));
        let end = end.map_or(request.url.len(), |at| after_scheme + at);
        if !is_path {
            return Err(Problem::wrong("path begins with a slash and has neither spaces nor a fragment"));
        }
        request.url.replace_range(end.., &path);
    }
    if let Some(headers) = asked.get("headers").filter(|headers| !headers.is_null()) {
        let headers: Option<Vec<_>> = headers.as_array().and_then(|all| all.iter().map(pair).collect());
        request.headers = headers.ok_or_else(|| Problem::wrong("headers are pairs of a name and a value"))?;
    }
    if let Some(body) = text("body")? {
        request.body = body.into_bytes();
    }
    Ok(request)
}

fn pair(pair: &Json) -> Option<(String, String)> {
    match pair.as_array().map(Vec::as_slice) {
        Some([Json::String(name), Json::String(value)]) => Some((name.to_ascii_lowercase(), value.clone())),
        _ => None,
    }
}

fn send(request: &Request, before: &Record, desk: Desk) -> Result<Json, Problem> {
    let sending = Sending { within: WITHIN, ..Sending::default() };
    let after = request.send_blocking(&sending).map_err(|error| {
        if error.is_request() { Problem::wrong(error.to_string()) } else { Problem::no_answer(error.to_string()) }
    })?;
    let stored = stored(desk, before, &after);
    let mut comparison = compare(before, &after);
    if let (Some(stored), [_, now]) = (&stored, &mut comparison.duration_ns) {
        // As the application saw both.
        *now = stored.duration_ns();
    }
    let headers = after.response_headers().map(|header| json!([header.name(), header.value()]));
    let body = after.response_body();
    Ok(json!({
        "request": { "method": request.method, "url": request.url },
        "answer": {
            "status": after.status(),
            "headers": headers.collect::<Vec<_>>(),
            "body": body.map(|body| body.content()),
            "skipped": body.and_then(|body| body.skipped()),
            "truncated": body.is_some_and(|body| body.is_truncated()),
            "ms": ms(comparison.duration_ns[1]),
        },
        "record_id": stored.map(|record| record.span_id().to_string()),
        "is_same": comparison.is_same(),
        "differences": differences(&comparison),
        "notes": request.notes().iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}

/// The application's own record of what was sent, where it writes to this store.
fn stored(mut desk: Desk, before: &Record, after: &Record) -> Option<Record> {
    let started = Instant::now();
    let reader = desk.reader().ok()??;
    while !after.request_id().is_empty() && started.elapsed() < PATIENCE {
        let is_it = |record: &Record| {
            record.kind() == Kind::Request
                && record.start_unix_ns() > before.start_unix_ns()
                && record.span_id() != before.span_id()
        };
        if let Some(stored) = reader.by_id(after.request_id()).ok()?.iter().find(|stored| is_it(stored.record())) {
            return Some(stored.record().clone());
        }
        std::thread::sleep(LOOK);
    }
    None
}

/// What changed in the answer, one by one.
fn differences(comparison: &Comparison) -> Vec<Json> {
    let mut all = Vec::new();
    let [before, after] = comparison.status;
    if before != after {
        all.push(json!({ "where": "status", "before": before, "after": after }));
    }
    let [before, after] = comparison.outcome;
    if before != after {
        all.push(json!({ "where": "outcome", "before": before.as_str(), "after": after.as_str() }));
    }
    let [before, after] = comparison.duration_ns;
    all.push(json!({ "where": "duration_ms", "before": ms(before), "after": ms(after) }));
    let change = |side: &str, change: &Change| json!({ "where": format!("{side} {}", change.place), "before": change.before, "after": change.after });
    all.extend(comparison.headers.iter().map(|it| change("header", it)));
    match &comparison.body {
        BodyChange::Same => {}
        BodyChange::Unknown(why) => all.push(json!({ "where": "body", "before": null, "after": null, "note": why })),
        BodyChange::Json(changes) => all.extend(changes.iter().map(|it| change("body", it))),
        BodyChange::Lines(lines) => {
            let line = |line: &Line| match line {
                Line::Same(text) => json!([" ", text]),
                Line::Before(text) => json!(["-", text]),
                Line::After(text) => json!(["+", text]),
            };
            all.push(
                json!({ "where": "body", "before": null, "after": null, "lines": lines.iter().map(line).collect::<Vec<_>>() }),
            );
        }
    }
    all
}
