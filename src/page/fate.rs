//! What became of a request that has no record.

use super::units::ms;
use crate::escape::escape;
use crate::store::Unfinished;

/// Name and number of the process that a request without a record runs in, or ran in.
#[must_use]
pub fn process(it: &Unfinished) -> String {
    let text = |name: &str| it.resource().attribute(name).map(|value| escape(value).to_string());
    let name = text("service.name").unwrap_or_default();
    match text("process.pid") {
        Some(pid) => format!("{name} {pid}").trim_start().to_owned(),
        None => name,
    }
}

/// Whether it runs, or its process died.
pub(super) fn fate(it: &Unfinished) -> String {
    let last = ms(it.record().duration_ns());
    match it.is_running() {
        true => format!("still running; what is shown was known after {last} · process {}", process(it)),
        false => format!("unknown: process {} died while it was running; last heard of after {last}", process(it)),
    }
}
