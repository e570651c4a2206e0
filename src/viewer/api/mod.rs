//! Questions that the page asks, and what it is answered.

mod asked;
mod event;
mod events;

use std::sync::Arc;

use http::Response;
use serde_json::Value as Json;

use super::answer;
use super::body::Body;
use super::core::Core;
use super::params::Params;
use super::problem::Problem;

pub(super) use self::event::{file, text};

/// Paths that change something.
const CHANGES: [&str; 2] = ["replay", "purge"];

pub(super) fn is_change(path: &[&str]) -> bool {
    matches!(path, [name] if CHANGES.contains(name))
}

/// Answers a question.
pub(super) async fn read(core: &Arc<Core>, path: &[&str], params: &Params) -> Result<Response<Body>, Problem> {
    question(core, path, params).await.map(|answer| answer::json(&answer))
}

/// The answer to a question, as JSON.
pub(super) async fn question(core: &Arc<Core>, path: &[&str], params: &Params) -> Result<Json, Problem> {
    match path {
        ["events"] => events::events(core, params).await,
        ["events", id] => event::event(core, id).await,
        _ => Err(Problem::not_found()),
    }
}

/// Changes something.
pub(super) async fn change(_: &Arc<Core>, _: &[&str], _: &Json) -> Result<Response<Body>, Problem> {
    Err(Problem::not_found())
}
