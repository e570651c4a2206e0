//! What was asked for while the process runs: read at the head and at the end of requests, changed by hand.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tracing::dispatcher::{self, WeakDispatch};
use tracing::level_filters::LevelFilter;
use tracing::{Dispatch, Level};

use super::Sampler;
use super::ask::{Ask, Scope, is_of_route};
use crate::record::parts::Parts;
use crate::record::{Kind, Record, TraceId};

/// Asks that stand at the same time, at most.
const MAX_ASKS: usize = 64;
/// How long callsites stay open for a level after a request brought the wish for it along.
const RAISED_FOR: Duration = Duration::from_secs(60);

/// Held by whoever changes a list and tells `tracing` of another level, so that the last change is the last one told: its
/// callsites are shared by all telemetries of the process.
static TELLING: Mutex<()> = Mutex::new(());

/// Whether an event or span of this target, file and level is captured by the settings alone.
type Usual = dyn Fn(&str, Option<&str>, Level) -> bool + Send + Sync;

/// The asks of one telemetry. Where there are none, a request pays one load.
#[derive(Clone, Default)]
pub(crate) struct Asks {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    has_any: AtomicBool,
    /// The greatest level that callsites are asked for; 0 where nobody asks.
    level: AtomicU8,
    /// Whether callsites may still be open for more than the settings want.
    is_open: AtomicBool,
    last_id: AtomicU64,
    /// Swapped as a whole; nobody holds the lock for longer than that takes.
    standing: RwLock<Arc<Standing>>,
    /// Whether `tracing` is to be told once more.
    is_stale: AtomicBool,
    /// Levels that requests brought along and the worker has not seen yet; a bit for each.
    brought: AtomicU8,
    usual: OnceLock<Box<Usual>>,
    /// Who listens through a layer of this telemetry.
    listeners: Mutex<Vec<WeakDispatch>>,
}

#[derive(Clone, Default)]
struct Standing {
    asks: Vec<Active>,
    /// Levels that requests brought along, and until when.
    raised: Vec<(Level, Instant)>,
}

/// An ask with its number and its end.
#[derive(Clone)]
pub(crate) struct Active {
    pub(crate) id: u64,
    pub(crate) ask: Arc<Ask>,
    pub(crate) until: Instant,
}

/// What a request that begins is captured with, beyond the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) level: Option<Level>,
    pub(crate) bodies: Trial,
    /// The whole detail may have to stay.
    pub(crate) is_possible: bool,
    /// The whole detail stays, whatever else is found out.
    pub(crate) is_certain: bool,
    /// Whether its trace is sampled, where an ask decides that.
    pub(crate) sampled: Option<bool>,
}

/// Whether something is captured because somebody asked for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trial {
    #[default]
    No,
    /// The end of the request decides whether it stays.
    Perhaps,
    Yes,
}

impl Asks {
    /// Says what the settings capture, so that what is beyond can be told and dropped.
    pub(crate) fn set_usual(&self, usual: Box<Usual>) {
        let _ = self.inner.usual.set(usual);
    }

    /// Notes who listens through a layer of this telemetry.
    pub(crate) fn heard_by(&self, dispatch: &Dispatch) {
        let mut listeners = self.inner.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|known| known.upgrade().is_some());
        listeners.push(dispatch.downgrade());
    }

    /// Has every callsite ask again which levels are wanted.
    ///
    /// Where there is only one subscriber, `tracing` asks that of the thread: on a thread without it, all would be off.
    fn ask_again(&self) {
        let listeners = self.inner.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(dispatch) = listeners.iter().find_map(WeakDispatch::upgrade) {
            // What it asks is other people's code, whose panic must not end whoever tells it.
            let ask = || dispatcher::with_default(&dispatch, tracing::callsite::rebuild_interest_cache);
            let _ = catch_unwind(AssertUnwindSafe(ask));
        }
    }

    /// Takes an ask and gives it a number; `None` when as many as may be are standing.
    pub(crate) fn add(&self, ask: Ask, now: Instant) -> Option<u64> {
        let id = self.inner.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let until = now + ask.lasting.min(Ask::LONGEST);
        let active = Active { id, ask: Arc::new(ask), until };
        let is_taken = self.change(now, |standing| {
            let has_room = standing.asks.len() < MAX_ASKS;
            if has_room {
                standing.asks.push(active);
            }
            has_room
        });
        is_taken.then_some(id)
    }

    /// Ends an ask; false when there is none of this number.
    pub(crate) fn revoke(&self, id: u64, now: Instant) -> bool {
        self.change(now, |standing| {
            let before = standing.asks.len();
            standing.asks.retain(|active| active.id != id);
            standing.asks.len() < before
        })
    }

    /// Those that stand, the oldest first.
    pub(crate) fn list(&self, now: Instant) -> Vec<Active> {
        self.standing().asks.iter().filter(|active| active.until > now).cloned().collect()
    }

    /// Notes a level that a request brought along; true where the worker has to see to it.
    ///
    /// It opens callsites at its next [`tick`](Self::tick): what `tracing` then asks is other people's code, and no request
    /// waits for that.
    #[must_use]
    pub(crate) fn raise(&self, level: Level, now: Instant) -> bool {
        // Prolonged now and then, and not with each request.
        let is_raised = |(known, end): &(Level, Instant)| *known == level && *end > now + RAISED_FOR / 2;
        let bit = 1 << number(level);
        !self.standing().raised.iter().any(is_raised) && self.inner.brought.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Whether the worker has yet to see a level that a request brought along.
    pub(crate) fn has_news(&self) -> bool {
        self.inner.brought.load(Ordering::Relaxed) != 0
    }

    fn raise_what_was_brought(&self, now: Instant) {
        let brought = self.inner.brought.swap(0, Ordering::Relaxed);
        let levels = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE];
        self.change(now, |standing| {
            for level in levels.into_iter().filter(|level| brought & 1 << number(*level) != 0) {
                standing.raised.retain(|(known, _)| *known != level);
                standing.raised.push((level, now + RAISED_FOR));
            }
        });
    }

    /// Removes what has ended, and returns when the next one does.
    pub(crate) fn tick(&self) -> Option<Duration> {
        if self.has_news() {
            self.raise_what_was_brought(Instant::now());
        }
        // A callsite that came up at that very moment, or another subscriber, may have asked before the level was there.
        if self.inner.is_stale.load(Ordering::Relaxed) && self.inner.is_stale.swap(false, Ordering::Relaxed) {
            let _telling = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
            self.ask_again();
        }
        if !self.inner.is_open.load(Ordering::Relaxed) && !self.inner.has_any.load(Ordering::Relaxed) {
            return None;
        }
        let now = Instant::now();
        self.tick_at(now);
        self.standing().ends().min().map(|end| end.saturating_duration_since(now))
    }

    fn tick_at(&self, now: Instant) {
        if self.standing().ends().any(|end| end <= now) {
            self.change(now, |_| ());
        }
    }

    /// Whether callsites are open for more than the settings want, so that each event has to be asked for its request.
    pub(crate) fn is_open(&self) -> bool {
        self.inner.is_open.load(Ordering::Relaxed)
    }

    /// Whether anybody asks for anything.
    pub(crate) fn has_any(&self) -> bool {
        self.inner.has_any.load(Ordering::Relaxed)
    }

    /// The greatest level that anybody asks for.
    pub(crate) fn level(&self) -> LevelFilter {
        from_number(self.inner.level.load(Ordering::Relaxed))
    }

    /// What of a request is captured that begins now.
    pub(crate) fn at_head(&self, route: Option<&str>, trace_id: TraceId) -> Wanted {
        let mut wanted = Wanted::default();
        if !self.inner.has_any.load(Ordering::Relaxed) {
            return wanted;
        }
        let now = Instant::now();
        for Active { ask, .. } in self.standing().asks.iter().filter(|active| active.until > now) {
            let is_certain = match (&ask.scope, route) {
                (Scope::Route(wanted), Some(route)) if is_of_route(wanted, route) => true,
                (Scope::Route(_), Some(_)) => continue,
                _ => false,
            };
            let is_chosen = is_chosen(ask, trace_id);
            if is_certain && ask.share.is_some() {
                wanted.sampled = Some(is_chosen || wanted.sampled == Some(true));
            }
            if is_chosen {
                wanted.want(ask.level, ask.has_bodies, is_certain);
            }
        }
        wanted
    }

    /// Decides about a finished request whether its detail was asked for, and drops of all others what was captured only
    /// because it might have been. The clock is only read where an ask stands.
    pub(crate) fn settle(&self, record: &mut Record, now_unix_ns: impl FnOnce() -> u64) -> bool {
        let is_request = record.kind() == Kind::Request;
        let parts = record.parts_mut();
        if !is_request || (!parts.is_asked && !parts.on_trial && !self.inner.has_any.load(Ordering::Relaxed)) {
            return false;
        }
        if !parts.is_asked {
            let is_asked = self.wants(record, now_unix_ns());
            record.parts_mut().is_asked = is_asked;
        }
        let parts = record.parts_mut();
        self.drop_what_is_on_trial(parts);
        parts.is_asked
    }

    /// Drops what was captured only because somebody may have asked for it. A report about a running request goes without
    /// it too: whether it was asked for is known at the end.
    pub(crate) fn drop_what_is_on_trial(&self, parts: &mut Parts) {
        if parts.on_trial && !parts.is_asked {
            self.drop_extras(parts);
        }
    }

    /// Whether an ask that stands has this finished request in its scope.
    fn wants(&self, record: &Record, now_unix_ns: u64) -> bool {
        let now = Instant::now();
        let trace_id = record.trace_id().unwrap_or_default();
        let is_wanted = |active: &Active| is_chosen(&active.ask, trace_id) && active.ask.matches(record, now_unix_ns);
        self.standing().asks.iter().filter(|active| active.until > now).any(is_wanted)
    }

    fn drop_extras(&self, parts: &mut Parts) {
        if let Some(usual) = self.inner.usual.get() {
            parts.retain_detail(|target, file, level| usual(target, file, level));
        }
        if parts.has_extra_bodies {
            (parts.request_body, parts.response_body) = (None, None);
        }
    }

    fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.inner.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the list, without what has ended; where that changes the greatest level, `tracing` is told.
    fn change<T>(&self, now: Instant, change: impl FnOnce(&mut Standing) -> T) -> T {
        let inner = &*self.inner;
        let _telling = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = Standing::clone(&self.standing());
        new.asks.retain(|active| active.until > now);
        new.raised.retain(|(_, until)| *until > now);
        let result = change(&mut new);
        let (has_any, level) = (!new.asks.is_empty(), new.level());
        *inner.standing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        inner.has_any.store(has_any, Ordering::Relaxed);
        if inner.level.load(Ordering::Relaxed) != level {
            // Open before the first event can come, and closed after the last one.
            inner.is_open.store(true, Ordering::Relaxed);
            inner.level.store(level, Ordering::Relaxed);
            self.ask_again();
            inner.is_open.store(level > 0, Ordering::Relaxed);
            inner.is_stale.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Wanted {
    /// Adds what is wanted for one more reason.
    pub(crate) fn want(&mut self, level: Option<Level>, bodies: bool, is_certain: bool) {
        self.is_possible = true;
        self.is_certain |= is_certain;
        // The greater level is the one that lets more through.
        self.level = self.level.max(level);
        if bodies {
            self.bodies = self.bodies.max(if is_certain { Trial::Yes } else { Trial::Perhaps });
        }
    }

    /// Whether more is captured than the settings say, and only the end of the request decides whether that stays.
    pub(crate) fn is_on_trial(&self) -> bool {
        !self.is_certain && (self.level.is_some() || self.bodies != Trial::No)
    }

    /// Whether an event or span of this level is captured.
    pub(crate) fn captures(&self, level: Level, is_own: bool) -> bool {
        let least = if is_own { self.level } else { self.level.map(|level| level.min(Level::DEBUG)) };
        least.is_some_and(|least| level <= least)
    }
}

impl Standing {
    fn ends(&self) -> impl Iterator<Item = Instant> {
        self.asks.iter().map(|active| active.until).chain(self.raised.iter().map(|(_, until)| *until))
    }

    fn level(&self) -> u8 {
        let levels = self.asks.iter().filter_map(|active| active.ask.level).chain(self.raised.iter().map(|(level, _)| *level));
        levels.map(number).max().unwrap_or_default()
    }
}

/// Whether the request's trace belongs to the share that is asked for.
fn is_chosen(ask: &Ask, trace_id: TraceId) -> bool {
    let Some(share) = ask.share else { return true };
    Sampler::ratio(share).is_ok_and(|sampler| sampler.sample(None, trace_id))
}

const fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

const fn from_number(number: u8) -> LevelFilter {
    match number {
        0 => LevelFilter::OFF,
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

impl fmt::Debug for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asks").field("standing", &self.standing().asks.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;
    use crate::record::parts::{Slot, Text};

    const TRACE: TraceId = TraceId([1; 16]);

    fn record(user: &'static str) -> Record {
        let mut parts = Box::new(Parts { route: Some(Text::Static("/orders/{id}")), status: Some(200), ..Parts::default() });
        parts.set_attribute(Text::Static("user.id"), Slot::Text(Text::Static(user)));
        Record::new(parts)
    }

    fn settled(asks: &Asks, mut record: Record) -> bool {
        asks.settle(&mut record, || 0)
    }

    #[test]
    fn a_route_decides_at_the_head_and_all_else_at_the_end() {
        let (asks, now) = (Asks::default(), Instant::now());
        assert_eq!(asks.at_head(Some("/orders/{id}"), TRACE), Wanted::default());
        let route = asks.add(Ask::route("/orders/{id}").level(Level::TRACE).bodies(), now).unwrap();
        let certain =
            Wanted { level: Some(Level::TRACE), bodies: Trial::Yes, is_possible: true, is_certain: true, sampled: None };
        assert_eq!(asks.at_head(Some("/orders/{id}"), TRACE), certain);
        assert_eq!(asks.at_head(Some("/other"), TRACE), Wanted::default());
        let perhaps = Wanted { bodies: Trial::Perhaps, is_certain: false, ..certain };
        assert_eq!(asks.at_head(None, TRACE), perhaps, "the route may still be told");
        assert!(asks.revoke(route, now) && !asks.revoke(route, now));
        assert_eq!(asks.at_head(Some("/orders/{id}"), TRACE), Wanted::default());

        asks.add(Ask::user("42"), now).unwrap();
        assert!(!asks.at_head(Some("/orders/{id}"), TRACE).is_certain);
        assert!(settled(&asks, record("42")) && !settled(&asks, record("421")));
        asks.add(Ask::query(Query::parse("status:2xx user:7").unwrap()), now).unwrap();
        assert!(settled(&asks, record("7")) && !settled(&asks, record("8")));
    }

    #[test]
    fn what_has_ended_is_gone_and_the_level_with_it() {
        let (asks, now) = (Asks::default(), Instant::now());
        asks.add(Ask::user("1").level(Level::DEBUG).lasting(Duration::from_secs(60)), now).unwrap();
        asks.add(Ask::user("2").level(Level::TRACE).lasting(Duration::from_secs(30)), now).unwrap();
        assert_eq!((asks.level(), asks.is_open()), (LevelFilter::TRACE, true));
        asks.tick_at(now + Duration::from_secs(31));
        assert_eq!((asks.level(), asks.list(now).len()), (LevelFilter::DEBUG, 1));
        asks.tick_at(now + Duration::from_secs(61));
        assert_eq!((asks.level(), asks.is_open(), asks.list(now).len()), (LevelFilter::OFF, false, 0));
        assert_eq!(asks.tick(), None);
        assert!(asks.raise(Level::TRACE, now) && !asks.raise(Level::TRACE, now), "the worker is told once");
        assert_eq!((asks.level(), asks.has_news()), (LevelFilter::OFF, true), "which sees to it, and no request");
        asks.raise_what_was_brought(now);
        assert_eq!((asks.level(), asks.has_news()), (LevelFilter::TRACE, false));
        assert!(!asks.raise(Level::TRACE, now) && asks.raise(Level::TRACE, now + RAISED_FOR / 2), "it is prolonged in time");
        assert!(asks.raise(Level::DEBUG, now));
        asks.raise_what_was_brought(now);
        assert_eq!(asks.level(), LevelFilter::TRACE);
        asks.tick_at(now + RAISED_FOR);
        assert_eq!((asks.level(), asks.is_open()), (LevelFilter::OFF, false));
    }

    #[test]
    fn a_share_decides_by_the_trace_alike_at_both_ends() {
        let (asks, now) = (Asks::default(), Instant::now());
        asks.add(Ask::route("/orders/{id}").sample(0.5), now).unwrap();
        let low = TraceId([0; 16]);
        let high = TraceId([255; 16]);
        let wanted = |trace_id| asks.at_head(Some("/orders/{id}"), trace_id);
        assert_eq!((wanted(low).sampled, wanted(low).is_certain), (Some(false), false));
        assert_eq!((wanted(high).sampled, wanted(high).is_certain), (Some(true), true));
        let mut chosen = record("1");
        chosen.parts_mut().trace_id = high;
        assert!(settled(&asks, chosen) && !settled(&asks, record("1")));
    }

    #[test]
    fn the_list_is_bounded() {
        let (asks, now) = (Asks::default(), Instant::now());
        for number in 0..MAX_ASKS {
            assert!(asks.add(Ask::user(number.to_string()), now).is_some());
        }
        assert_eq!(asks.add(Ask::user("more"), now), None);
        assert!(asks.add(Ask::user("more"), now + Ask::DEFAULT_LASTING).is_some(), "the others have ended");
    }

    #[test]
    fn other_peoples_code_is_not_captured_below_debug() {
        let wanted = Wanted { level: Some(Level::TRACE), ..Wanted::default() };
        assert!(wanted.captures(Level::TRACE, true) && wanted.captures(Level::DEBUG, false));
        assert!(!wanted.captures(Level::TRACE, false) && !Wanted::default().captures(Level::ERROR, true));
    }
}
