//! What the next start says of a process that died: which requests it had in flight.

use crate::record::Record;
use crate::store::{LeftBehind, Store};
use crate::warn::say;

/// Requests that are named.
const MAX_NAMED: usize = 3;
/// Characters of a path.
const MAX_PATH: usize = 80;

/// Tells once, and never to two processes.
#[derive(Debug)]
pub(super) struct Notice(LeftBehind);

impl Notice {
    pub(super) fn of(store: &Store) -> Option<Self> {
        store.left_behind().map(Self)
    }

    /// Says it on standard error.
    pub(super) fn tell(self) {
        say(&text(&self.0));
        self.0.told();
    }
}

fn text(left: &LeftBehind) -> String {
    let requests = left.requests();
    let mut pids: Vec<_> = requests.iter().filter_map(|it| it.resource().attribute("process.pid")).collect();
    pids.sort_unstable();
    pids.dedup();
    let who = match pids.as_slice() {
        [pid] => format!("process {pid} ended"),
        [] => "a process ended".to_owned(),
        several => format!("{} processes ended", several.len()),
    };
    let count = requests.len();
    let noun = if count == 1 { "request" } else { "requests" };
    let named: Vec<_> = requests.iter().take(MAX_NAMED).map(|it| name(it.record())).collect();
    let more = match count.saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{who} with {count} {noun} in flight: {}{more} (campanile ps)", named.join(", "))
}

/// Method, path and id.
fn name(record: &Record) -> String {
    let path: String = record.path().chars().take(MAX_PATH).collect();
    format!("{} {path} {}", record.method(), record.span_id().to_short())
}
