//! A request as a command or as a test, to be pasted.

use std::sync::Arc;

use http::Response;
use serde_json::json;

use super::event::{checked, one};
use crate::replay::{self, Command};
use crate::viewer::answer;
use crate::viewer::body::Body;
use crate::viewer::core::Core;
use crate::viewer::params::Params;
use crate::viewer::problem::Problem;

/// What it is written as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Copy {
    Curl,
    Httpie,
    RustTest,
}

impl Copy {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "curl" => Some(Self::Curl),
            "httpie" => Some(Self::Httpie),
            "rust" => Some(Self::RustTest),
            _ => None,
        }
    }
}

/// The text alone, or with what is not as it was.
pub(super) async fn copy(core: &Arc<Core>, id: &str, copy: Copy, params: &Params) -> Result<Response<Body>, Problem> {
    let id = checked(id)?;
    let command: Command = core
        .pool
        .run_quick(move |desk| {
            let stored = one(desk, &id)?;
            let record = stored.record();
            let written = match copy {
                Copy::Curl => replay::curl(record, None),
                Copy::Httpie => replay::httpie(record, None),
                Copy::RustTest => replay::rust_test(record),
            };
            written.ok_or_else(|| Problem::wrong("it is no request"))
        })
        .await?;
    if params.text("json").is_some() {
        let notes: Vec<_> = command.notes.iter().map(ToString::to_string).collect();
        return Ok(answer::json(&json!({ "text": command.text, "notes": notes })));
    }
    Ok(answer::text(command.text))
}
