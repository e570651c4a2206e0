//! Questions that the page asks, and what it is answered.

mod asked;
mod compare;
mod complete;
mod copies;
mod course;
mod diff;
mod earlier;
mod errors;
mod event;
mod events;
mod facets;
mod health;
mod purge;
mod replay;
mod routes;
mod running;
mod span;
mod target;

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
    if let ["events", id, name] = path {
        let copy = copies::Copy::of(name).ok_or_else(Problem::not_found)?;
        return copies::copy(core, id, copy, params).await;
    }
    question(core, path, params).await.map(|answer| answer::json(&answer))
}

/// The answer to a question, as JSON.
pub(super) async fn question(core: &Arc<Core>, path: &[&str], params: &Params) -> Result<Json, Problem> {
    match path {
        ["events"] => events::events(core, params).await,
        ["events", id] => event::event(core, id).await,
        ["facets"] => facets::facets(core, params).await,
        ["course"] => course::course(core, params).await,
        ["complete"] => complete::complete(core, params).await,
        ["errors"] => errors::errors(core, params).await,
        ["errors", group] => errors::one(core, group).await,
        ["routes"] => routes::routes(core, params).await,
        ["running"] => running::running(core).await,
        ["health"] => health::health(core).await,
        ["diff"] => diff::diff(core, params).await,
        ["earlier"] => earlier::earlier(core, params).await,
        ["compare"] => compare::compare(core, params).await,
        _ => Err(Problem::not_found()),
    }
}

/// Changes something.
pub(super) async fn change(core: &Arc<Core>, path: &[&str], asked: &Json) -> Result<Response<Body>, Problem> {
    let answer = match path {
        ["replay"] => replay::replay(core, asked).await?,
        ["purge"] => return purge::purge(core, asked).await,
        _ => return Err(Problem::not_found()),
    };
    Ok(answer::json(&answer))
}
