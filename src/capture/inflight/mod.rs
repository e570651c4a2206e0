//! Requests in flight: the list of them, and reports about those that take long.
//!
//! Every request is entered when it begins and leaves when its record is finished or lost. The worker looks at the list
//! a few times a second. A request that has been running for a while is *started*: a first report is made of what
//! the list itself knows. Later it is asked for: whoever polls it next leaves a copy of its parts so far, with its events;
//! where nobody polls, the worker reports what the list knows. So nothing is ever woken for a report, and a request's own
//! thread pays for the list one short lock at each end, and one look at a flag for each poll.

mod listed;
mod report;
mod upgraded;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

pub(super) use self::listed::Listed;
pub use self::upgraded::{Upgraded, upgraded};
use super::Link;
use crate::pipeline::{Lookout, Told};
use crate::record::SpanId;
use crate::time::Stopwatch;

/// How long a request may run before it is reported.
const STARTED_NS: u64 = 400_000_000;
/// Reports of one look, at most; the rest comes with the next.
const MAX_REPORTS: usize = 512;
/// Parts of the list with a lock of their own.
const SHARDS: usize = 16;

/// How often it is reported what is still running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReportSettings {
    /// `None` where nothing is reported, and nothing listed.
    pub(crate) every: Option<Duration>,
}

impl ReportSettings {
    pub(crate) const DEFAULT_EVERY: Duration = Duration::from_secs(10);
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self { every: Some(Self::DEFAULT_EVERY) }
    }
}

/// The list.
pub(crate) struct InFlight {
    /// Time between two reports about one request; `None` where nobody wants any.
    every: Option<Duration>,
    shards: [Mutex<Shard>; SHARDS],
    /// Reported ones that have left. Their records follow or are lost; either way they are in flight no longer.
    gone: Mutex<Vec<SpanId>>,
    /// Where the last look began, so that no part of the list always comes last.
    turn: AtomicUsize,
    screen: Mutex<Screen>,
}

#[derive(Default)]
struct Shard {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
}

struct Slot {
    link: Weak<Link>,
    since: Stopwatch,
}

/// Lines of reports on a console, in the current interval.
struct Screen {
    since: Instant,
    lines: u32,
}

impl Screen {
    /// Lines in one interval, at most.
    const MAX_LINES: u32 = 8;
}

impl InFlight {
    pub(crate) fn new(settings: ReportSettings, is_wanted: bool) -> Self {
        Self {
            every: settings.every.filter(|_| is_wanted),
            shards: std::array::from_fn(|_| Mutex::default()),
            gone: Mutex::default(),
            turn: AtomicUsize::new(0),
            screen: Mutex::new(Screen { since: Instant::now(), lines: 0 }),
        }
    }

    /// Whether anything is listed.
    pub(super) const fn is_on(&self) -> bool {
        self.every.is_some()
    }

    /// Lists a request.
    pub(super) fn enter(&self, link: &Arc<Link>) {
        let Some(listed) = link.listed.as_ref().filter(|_| self.is_on()) else { return };
        let mut shard = self.shard(link.span_id);
        let slot = Some(Slot { link: Arc::downgrade(link), since: link.start });
        let place = match shard.free.pop() {
            Some(place) => {
                if let Some(free) = shard.slots.get_mut(place as usize) {
                    *free = slot;
                }
                place
            }
            None => {
                let Ok(place) = u32::try_from(shard.slots.len()) else { return };
                shard.slots.push(slot);
                place
            }
        };
        listed.take_place(place);
        drop(shard);
        link.hub.pipeline.is_watched();
    }

    /// Takes it off the list; a second time does nothing.
    pub(super) fn leave(&self, link: &Link) {
        let Some(listed) = &link.listed else { return };
        let Some(place) = listed.give_place() else { return };
        let mut shard = self.shard(link.span_id);
        if let Some(slot) = shard.slots.get_mut(place as usize) {
            *slot = None;
        }
        shard.free.push(place);
        drop(shard);
        if listed.is_reported() {
            lock(&self.gone).push(link.span_id);
        }
    }

    fn shard(&self, id: SpanId) -> MutexGuard<'_, Shard> {
        // Random in every byte.
        let [first, ..] = id.0;
        let [shard, ..] = &self.shards;
        lock(self.shards.get(usize::from(first) % SHARDS).unwrap_or(shard))
    }

    /// Whether a console still has room for a line; that there are more is said once in a while.
    fn has_screen(&self, link: &Link, every: Duration) -> bool {
        let mut screen = lock(&self.screen);
        if screen.since.elapsed() >= every {
            *screen = Screen { since: Instant::now(), lines: 0 };
        }
        screen.lines += 1;
        let has_room = screen.lines <= Screen::MAX_LINES;
        if !has_room {
            link.hub.pipeline.warn("in flight", "more requests are running than are shown; `campanile ps` lists all");
        }
        has_room
    }

    fn tell_gone(&self, take: &mut dyn FnMut(Told)) {
        let gone = std::mem::take(&mut *lock(&self.gone));
        for span_id in gone {
            take(Told::Over(span_id));
        }
    }
}

impl Lookout for InFlight {
    fn is_idle(&self) -> bool {
        let is_empty = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            shard.free.len() == shard.slots.len()
        };
        self.shards.iter().all(is_empty) && lock(&self.gone).is_empty()
    }

    fn look(&self, take: &mut dyn FnMut(Told)) {
        self.tell_gone(take);
        let Some(every) = self.every else { return };
        let (first, mut left) = (self.turn.fetch_add(1, Ordering::Relaxed), MAX_REPORTS);
        let mut old = Vec::new();
        for shard in self.shards.iter().cycle().skip(first % SHARDS).take(SHARDS) {
            let is_old = |slot: &&Slot| slot.since.ns() >= STARTED_NS;
            old.extend(lock(shard).slots.iter().flatten().filter(is_old).map(|slot| Weak::clone(&slot.link)));
            // Nothing is let go of under the lock: the last one of a link takes the same lock to leave.
            for link in old.drain(..).filter_map(|link| link.upgrade()) {
                if left > 0
                    && let Some(parts) = report::due(&link, every, || self.has_screen(&link, every))
                {
                    take(Told::Report(parts));
                    left -= 1;
                }
            }
        }
    }

    fn end(&self, take: &mut dyn FnMut(Told)) {
        self.tell_gone(take);
        for shard in &self.shards {
            let all: Vec<_> = lock(shard).slots.iter().flatten().map(|slot| Weak::clone(&slot.link)).collect();
            for link in all.into_iter().filter_map(|link| link.upgrade()) {
                if link.listed.as_deref().is_some_and(Listed::is_reported) {
                    take(Told::Over(link.span_id));
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
