//! Records as they come in, for pages that follow: one thread reads the store for all of them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;

use super::answer;
use super::body::Body;
use super::core::Core;
use super::params::Params;
use super::pool::{Desk, give_way};
use super::problem::Problem;
use super::rows::row;
use crate::pipeline;
use crate::query::Query;
use crate::store::{Cursor, Find, Reader, Stored, Unfinished};
use crate::time;

/// Between two looks; also between two messages of one page.
const STEP: Duration = Duration::from_millis(250);
/// Rows in a message.
const MAX_ROWS: usize = 200;
/// Reads of the store in one step, of a thousand records each at most; then it goes on from the end.
const MAX_READS: usize = 5;
/// Pages that follow at a time.
const MAX_PAGES: usize = 32;
/// Messages that wait for a page that does not read.
const MAX_WAITING: usize = 4;
/// Where nothing happens, something is sent after it, so that nobody takes the connection for dead.
const SILENCE: Duration = Duration::from_secs(15);
/// Between two looks at what is running.
const RUNNING_EVERY: Duration = Duration::from_secs(1);

/// Pages that follow.
pub(super) struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those that the thread does not know yet.
    new: Vec<Follower>,
    count: usize,
    has_thread: bool,
    is_closed: bool,
}

/// A page that follows.
struct Follower {
    query: Query,
    /// Where it goes on, until it has what everybody has.
    from: Option<Cursor>,
    sender: mpsc::Sender<Bytes>,
    /// The newest rows that it has not been sent.
    rows: VecDeque<Arc<str>>,
    skipped: u64,
    is_told_of_running: bool,
    last: Instant,
}

/// The stream of what matches, behind a place where that is given.
pub(super) fn answer(core: &Core, params: &Params, headers: &HeaderMap) -> Result<Response<Body>, Problem> {
    let text = params.text("q").unwrap_or_default();
    let query = Query::parse(text).unwrap_or_else(|_| Query::for_text(text));
    // A browser that connects again tells where it was.
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let from = match last.or_else(|| params.text("cursor")).filter(|text| !text.is_empty()) {
        Some(text) => Some(Cursor::parse(text).ok_or_else(|| Problem::wrong("cursor is none that was given out"))?),
        None => None,
    };
    let receiver = core.live.follow(query, from)?;
    let mut response = answer::of(StatusCode::OK, "text/event-stream", Body::stream(receiver));
    // A proxy must not wait until there is more.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

impl Live {
    pub(super) fn new(directory: &Path) -> Self {
        Self { shared: Arc::new(Shared { directory: directory.to_owned(), state: Mutex::default() }) }
    }

    /// Pages that follow now, as far as is known.
    pub(super) fn count(&self) -> usize {
        self.shared.lock().count
    }

    fn follow(&self, query: Query, from: Option<Cursor>) -> Result<mpsc::Receiver<Bytes>, Problem> {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        // The head of the answer goes with it, so that the page knows at once that it follows.
        let _ = sender.try_send(Bytes::from_static(b": following\n\n"));
        let follower =
            Follower { query, from, sender, rows: VecDeque::new(), skipped: 0, is_told_of_running: false, last: Instant::now() };
        let mut state = self.shared.lock();
        if state.is_closed || state.count >= MAX_PAGES {
            return Err(Problem::busy());
        }
        state.count += 1;
        state.new.push(follower);
        if !state.has_thread {
            let shared = Arc::clone(&self.shared);
            let made = std::thread::Builder::new().name("campanile-live".to_owned()).spawn(move || shared.serve());
            if made.is_err() {
                state.new.clear();
                state.count = 0;
                return Err(Problem::busy());
            }
            state.has_thread = true;
        }
        Ok(receiver)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until nobody follows any more.
    fn serve(&self) {
        pipeline::hush();
        give_way();
        let mut tail = Tail::new(self.directory.clone());
        let mut followers: Vec<Follower> = Vec::new();
        loop {
            {
                let mut state = self.lock();
                followers.append(&mut state.new);
                followers.retain(|follower| !follower.sender.is_closed());
                state.count = followers.len();
                if state.is_closed || followers.is_empty() {
                    state.has_thread = false;
                    return;
                }
            }
            let step = std::panic::AssertUnwindSafe(|| tail.step(&mut followers));
            if std::panic::catch_unwind(step).is_err() {
                tail = Tail::new(self.directory.clone());
            }
            std::thread::sleep(STEP);
        }
    }
}

/// Where everybody is.
struct Tail {
    desk: Desk,
    /// `None` before the first look.
    at: Option<Cursor>,
    running: Option<Json>,
    next_look: Instant,
}

impl Tail {
    fn new(directory: PathBuf) -> Self {
        Self { desk: Desk::new(directory), at: None, running: None, next_look: Instant::now() }
    }

    fn step(&mut self, followers: &mut [Follower]) {
        let Ok(Some(reader)) = self.desk.reader() else {
            // Whatever comes first is all new.
            self.at = Some(Cursor::default());
            return followers.iter_mut().for_each(Follower::keep_alive);
        };
        let now = time::unix_ns();
        let mut at = self.at.take().map_or_else(|| end(reader), Some).unwrap_or_default();
        let (found, missed) = read(reader, &Query::default(), &mut at);
        let mut rows: Vec<Option<Arc<str>>> = vec![None; found.len()];
        for follower in followers.iter_mut() {
            match follower.from.take() {
                // It may be sent the same row once more by the next step; pages know a row by its id.
                Some(mut from) => {
                    let (found, missed) = read(reader, &follower.query, &mut from);
                    follower.skipped += missed;
                    found.iter().for_each(|stored| follower.add(line(stored)));
                }
                None => {
                    follower.skipped += missed;
                    for (stored, row) in found.iter().zip(&mut rows) {
                        if follower.query.matches_from(stored.resource(), stored.record(), now) {
                            follower.add(Arc::clone(row.get_or_insert_with(|| line(stored))));
                        }
                    }
                }
            }
        }
        let cursor = at.to_string();
        self.at = Some(at);
        let mut is_new = false;
        if self.next_look <= Instant::now() {
            self.next_look = Instant::now() + RUNNING_EVERY;
            let running = running(&reader.unfinished().unwrap_or_default());
            is_new = self.running.as_ref() != Some(&running);
            self.running = Some(running);
        }
        for follower in followers {
            if is_new || !follower.is_told_of_running {
                let message = self.running.as_ref().map(|running| format!("event: running\ndata: {running}\n\n"));
                follower.is_told_of_running = message.is_some_and(|message| follower.send(message));
            }
            follower.tell(&cursor);
        }
    }
}

/// What is behind this place, and how many records were passed over because there were too many.
fn read(reader: &mut Reader, query: &Query, at: &mut Cursor) -> (Vec<Stored>, u64) {
    let mut all = Vec::new();
    for _ in 0..MAX_READS {
        let Ok(mut found) = reader.poll(query, at) else { return (all, 0) };
        let is_last = found.is_empty();
        all.append(&mut found);
        if is_last {
            return (all, 0);
        }
    }
    // Nobody reads so fast.
    let behind = at.clone();
    if let Some(end) = end(reader) {
        *at = end;
    }
    (all, at.since(&behind))
}

/// The end of the store as it is now.
fn end(reader: &mut Reader) -> Option<Cursor> {
    reader.find(&Query::default(), &Find::with_limit(0)).ok()?;
    Some(reader.position())
}

fn line(stored: &Stored) -> Arc<str> {
    Json::Object(row(stored)).to_string().into()
}

/// How many run, and which: those that hang stand still, so the list changes when one begins or ends.
fn running(all: &[Unfinished]) -> Json {
    let ids: Vec<_> = all.iter().take(MAX_ROWS).map(|it| it.record().span_id().to_short().to_string()).collect();
    let count = all.iter().filter(|it| it.is_running()).count();
    json!({ "running": count, "dead": all.len() - count, "ids": ids })
}

impl Follower {
    fn add(&mut self, row: Arc<str>) {
        if self.rows.len() >= MAX_ROWS {
            self.rows.pop_front();
            self.skipped += 1;
        }
        self.rows.push_back(row);
    }

    /// Sends what it has not seen; what finds no room waits, the newest of it.
    fn tell(&mut self, cursor: &str) {
        if self.rows.is_empty() && self.skipped == 0 {
            return self.keep_alive();
        }
        let rows = self.rows.iter().rev().map(AsRef::as_ref).collect::<Vec<_>>().join(",");
        let data = format!("{{\"records\":[{rows}],\"skipped\":{}}}", self.skipped);
        if self.send(format!("id: {cursor}\nevent: records\ndata: {data}\n\n")) {
            self.rows.clear();
            self.skipped = 0;
        }
    }

    fn keep_alive(&mut self) {
        if self.last.elapsed() >= SILENCE {
            self.send(": nothing new\n\n".to_owned());
        }
    }

    fn send(&mut self, message: String) -> bool {
        let is_sent = self.sender.try_send(message.into()).is_ok();
        if is_sent {
            self.last = Instant::now();
        }
        is_sent
    }
}
