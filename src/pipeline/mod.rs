//! From finished records to exporters: a bounded queue, one worker, one thread for each exporter.
//!
//! A [`Pipeline`] is a value; several may live in one process. [`Pipeline::offer`] is all that a request's thread ever
//! calls: it pushes a pointer into a bounded queue and returns, whatever the exporters do. The worker takes records
//! out, redacts them, numbers them and hands them to every exporter's own queue, its *lane*.

mod grouping;
mod held;
mod lane;
mod lookout;
mod measure;
#[cfg(feature = "viewer")]
mod onlooker;
mod quiet;
mod shutdown;
mod stats;
mod worker;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use self::held::Home;
use self::lane::Lane;
pub(crate) use self::lookout::{Lookout, Told};
#[cfg(feature = "viewer")]
pub(crate) use self::onlooker::Onlooker;
#[cfg(any(feature = "viewer", all(feature = "control", feature = "store", unix)))]
pub(crate) use self::quiet::hush;
pub(crate) use self::quiet::is_quiet;
use self::stats::Counts;
pub use self::stats::{ExporterStats, Report, Stats};
use crate::exporter::Exporter;
use crate::group::GroupBy;
use crate::keep::{Asks, Keep, Quiet};
use crate::metrics::{self, Active, Place};
use crate::record::parts::Parts;
use crate::record::{Reason, Record, Resource};
use crate::redact::Rules;
use crate::vitals::Host;
use crate::warn::warn;

/// Records that wait for the worker, at most; a record of a failed request may wait beyond that, up to a quarter more.
const QUEUE: usize = 8192;
/// Bytes of all records in memory, at most.
const BUDGET_BYTES: usize = 32 * 1024 * 1024;

/// Takes finished records and never waits.
#[derive(Clone)]
pub(crate) struct Pipeline {
    shared: Arc<Shared>,
}

/// What request threads, the worker and whoever asks for numbers share.
struct Shared {
    ordinary: ArrayQueue<Record>,
    important: ArrayQueue<Record>,
    home: Arc<Home>,
    counts: Counts,
    /// Records that the worker has taken and not yet handed on.
    in_hand: AtomicUsize,
    /// The worker sleeps until someone wakes it; otherwise it looks by itself every few milliseconds.
    is_asleep: AtomicBool,
    is_closed: AtomicBool,
    flush_asked: AtomicU64,
    worker: OnceLock<Thread>,
    progress: Mutex<Progress>,
    changed: Condvar,
    lanes: Vec<Lane>,
    quiet: Quiet,
    group_by: GroupBy,
    keep: Keep,
    /// What request threads have to say; the worker says it, as writing may block.
    sayings: ArrayQueue<(&'static str, &'static str)>,
    wants_live: bool,
    is_blind: bool,
    only_counts_unsampled: bool,
    /// Who reports about requests in flight.
    lookout: OnceLock<Arc<dyn Lookout>>,
    metrics: metrics::Settings,
    active: Active,
    /// Whose runtime requests run on.
    host: Host,
    rules: Rules,
    asks: Asks,
}

/// What the settings say about records on their way.
#[derive(Default)]
pub(crate) struct Policies {
    pub(crate) metrics: metrics::Settings,
    pub(crate) quiet: Quiet,
    pub(crate) keep: Keep,
    pub(crate) group_by: GroupBy,
    pub(crate) rules: Rules,
}

/// What flush and shutdown wait for.
#[derive(Debug, Default)]
struct Progress {
    flush_done: u64,
    worker_done: bool,
    report: Option<Report>,
}

impl Pipeline {
    /// Starts the worker and one thread for each exporter.
    ///
    /// A thread that cannot be started costs its records, which are counted; it never fails the application.
    pub(crate) fn start(resource: Resource, exporters: Vec<Box<dyn ErasedExporter>>, policies: Policies) -> Self {
        let Policies { metrics, quiet, keep, group_by, rules } = policies;
        let resource = Arc::new(resource);
        let lanes: Vec<_> = exporters.into_iter().map(|exporter| Lane::start(exporter, Arc::clone(&resource))).collect();
        let (has_lanes, sees_unsampled) = (!lanes.is_empty(), lanes.iter().any(Lane::sees_unsampled));
        let shared = Arc::new(Shared {
            ordinary: ArrayQueue::new(QUEUE),
            important: ArrayQueue::new(QUEUE / 4),
            home: Arc::new(Home::new(BUDGET_BYTES)),
            counts: Counts::default(),
            in_hand: AtomicUsize::new(0),
            is_asleep: AtomicBool::new(false),
            is_closed: AtomicBool::new(!has_lanes),
            flush_asked: AtomicU64::new(0),
            worker: OnceLock::new(),
            sayings: ArrayQueue::new(8),
            progress: Mutex::default(),
            changed: Condvar::new(),
            wants_live: lanes.iter().any(Lane::wants_live),
            is_blind: !sees_unsampled
                && keep.least_at_head(false, false) == LevelFilter::OFF
                && !quiet.looks_into_records()
                && group_by.is_empty(),
            only_counts_unsampled: !sees_unsampled && !lanes.iter().any(Lane::wants_metrics) && quiet.is_empty(),
            lookout: OnceLock::new(),
            metrics,
            active: Active::new(lanes.iter().any(Lane::wants_metrics)),
            host: Host::default(),
            lanes,
            quiet,
            group_by,
            keep,
            rules,
            asks: Asks::default(),
        });
        if has_lanes && !worker::start(&shared, resource) {
            shared.abort();
            warn("pipeline", format_args!("cannot start a thread; nothing is exported"));
        }
        Self { shared }
    }

    /// Hands a finished record over; never waits. What finds no room is dropped and counted.
    pub(crate) fn offer(&self, mut record: Record) {
        let shared = &*self.shared;
        shared.counts.offer(record.kind().is_ahead());
        if shared.is_closed.load(Ordering::Acquire) {
            // Without exporters there is nothing to lose; after shutdown everything is.
            let reason = (!shared.lanes.is_empty()).then_some(Reason::ShutdownDeadline);
            return shared.give_back(record, reason);
        }
        if !shared.home.charge(record.parts_mut()) {
            return shared.give_back(record, Some(Reason::MemoryBudget));
        }
        let queue = if record.is_failed() { &shared.important } else { &shared.ordinary };
        if let Err(record) = queue.push(record) {
            return shared.give_back(record, Some(Reason::QueueFull));
        }
        // Pairs with the fence in the worker: either it sees the record before it sleeps, or we see that it sleeps.
        fence(Ordering::SeqCst);
        if shared.is_asleep.load(Ordering::Relaxed) || queue.len() * 2 > queue.capacity() {
            shared.wake();
        }
        if shared.is_closed.load(Ordering::SeqCst) && shared.progress().worker_done {
            // Shutdown came in between, and nobody else looks into the queue any more.
            shared.sweep();
        }
    }

    /// Has the worker say something on standard error, at most once a minute for each subject.
    pub(crate) fn warn(&self, subject: &'static str, message: &'static str) {
        let _ = self.shared.sayings.push((subject, message));
    }

    /// Counts a request id of a caller that was not taken.
    pub(crate) fn count_refused_id(&self) {
        self.shared.counts.refuse_id();
    }

    /// Counts what a buffer in use has grown against the budget. Where it may not grow, what is new in it takes the place of
    /// what is old.
    #[inline]
    pub(crate) fn charge(&self, parts: &mut Parts) {
        self.shared.home.charge_in_flight(parts);
    }

    /// Lets a buffer that could not grow any more grow again, where there is room by now.
    pub(crate) fn reconsider(&self, parts: &mut Parts) {
        if parts.is_full {
            self.charge(parts);
        }
    }

    /// Which requests keep their detail.
    pub(crate) fn keep(&self) -> &Keep {
        &self.shared.keep
    }

    /// Whether so much waits for the exporters that what is large had better stay out, for there to be room for records.
    pub(crate) fn is_crowded(&self) -> bool {
        self.shared.home.is_crowded()
    }

    /// An empty buffer, used before where there is one.
    pub(crate) fn parts(&self) -> Box<Parts> {
        self.shared.home.parts()
    }

    /// Takes a buffer back that became no record.
    pub(crate) fn recycle(&self, parts: Box<Parts>) {
        self.shared.home.recycle(parts);
    }

    /// A request arrives: its place among those in flight, and how many there are with it.
    pub(crate) fn arrive(&self, method: Option<&str>, scheme: &str) -> (Place, u32) {
        let shared = &*self.shared;
        shared.host.notice();
        let arrived = shared.active.enter(method, scheme);
        // Woken by the first one, the worker looks at the process while requests run, also at one that hangs. A wake-up
        // that is missed here costs no more than that.
        if arrived.1 == 1 && shared.is_asleep.load(Ordering::Relaxed) {
            shared.wake();
        }
        arrived
    }

    /// Where requests in flight are counted.
    pub(crate) fn active(&self) -> &Active {
        &self.shared.active
    }

    /// What may be copied into a record, and what is taken out of it again.
    pub(crate) fn rules(&self) -> &Rules {
        &self.shared.rules
    }

    /// What was asked for while the process runs.
    pub(crate) fn asks(&self) -> &Asks {
        &self.shared.asks
    }

    /// Has the worker open callsites for a level that a request brought along.
    pub(crate) fn raise(&self, level: Level) {
        if self.shared.asks.raise(level, Instant::now()) {
            // Pairs with the fence in the worker, as in `offer`.
            fence(Ordering::SeqCst);
            if self.shared.is_asleep.load(Ordering::Relaxed) {
                self.shared.wake();
            }
        }
    }

    /// Counts a debug token that was refused.
    pub(crate) fn count_refused_token(&self) {
        self.shared.counts.refuse_token();
    }

    /// Whether an exporter shows events while their request is running.
    pub(crate) fn wants_live(&self) -> bool {
        self.shared.wants_live
    }

    /// Whether nobody can ever see a request that is not sampled, but for its errors: no exporter, no rule about its end and
    /// no predicate of the settings.
    pub(crate) fn is_blind(&self) -> bool {
        self.shared.is_blind
    }

    /// What was taken, delivered and lost so far.
    pub(crate) fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Waits until everything that was offered before has reached its exporters; false when `within` was not enough.
    pub(crate) fn flush(&self, within: Duration) -> bool {
        let shared = &*self.shared;
        let until = after(Instant::now(), within);
        if shared.is_closed.load(Ordering::Acquire) {
            return shared.lanes.is_empty() || shared.await_report(until).is_some();
        }
        let ticket = shared.flush_asked.fetch_add(1, Ordering::SeqCst) + 1;
        shared.wake();
        let mut progress = shared.progress();
        while progress.flush_done < ticket && !progress.worker_done {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            progress = shared.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(progress);
        // All are asked before the first is waited for: one that is stuck keeps no other from flushing.
        let tickets: Vec<_> = shared.lanes.iter().map(|lane| (lane, lane.ask_flush())).collect();
        tickets.into_iter().fold(true, |all, (lane, ticket)| lane.await_flush(ticket, until) && all)
    }
}

impl Shared {
    fn progress(&self) -> std::sync::MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.is_asleep.store(false, Ordering::Relaxed);
        if let Some(worker) = self.worker.get() {
            worker.unpark();
        }
    }

    /// Counts what came too late for the worker as dropped; only once that has ended.
    fn sweep(&self) {
        while let Some(record) = self.important.pop().or_else(|| self.ordinary.pop()) {
            self.give_back(record, Some(Reason::ShutdownDeadline));
        }
    }

    /// Takes back the buffer of a record that nobody will see.
    fn give_back(&self, record: Record, reason: Option<Reason>) {
        match reason {
            Some(reason) => self.counts.lose(reason, 1),
            None => self.counts.forward(1),
        }
        self.home.recycle(record.into_parts());
    }

    fn stats(&self) -> Stats {
        let queued = self.ordinary.len() + self.important.len() + self.in_hand.load(Ordering::Acquire);
        self.counts.snapshot(queued as u64, self.home.used_bytes(), self.lanes.iter().map(Lane::stats).collect())
    }
}

/// A moment after `start`, however long `within` is.
fn after(start: Instant, within: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    start.checked_add(within).or_else(|| start.checked_add(YEAR)).unwrap_or(start)
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// An [`Exporter`] behind a pointer.
pub(crate) trait ErasedExporter: Send {
    fn exporter(&mut self) -> &mut dyn DynExporter;
}

/// The methods of [`Exporter`], without its `Sized` parts.
pub(crate) trait DynExporter {
    fn export(&mut self, batch: &crate::exporter::Batch<'_>) -> Result<(), crate::exporter::ExportError>;
    fn flush(&mut self) -> Result<(), crate::exporter::ExportError>;
    fn export_metrics(
        &mut self,
        snapshot: &metrics::Snapshot,
        patience: &crate::exporter::Patience,
    ) -> Result<(), crate::exporter::ExportError>;
    fn name(&self) -> String;
    fn wants_live(&self) -> bool;
    fn wants_partial(&self) -> bool;
    fn wants_records(&self) -> bool;
    fn wants_metrics(&self) -> bool;
    fn wants_unsampled(&self) -> bool;
    fn pace(&self) -> crate::exporter::Pace;
}

impl<E: Exporter> ErasedExporter for E {
    fn exporter(&mut self) -> &mut dyn DynExporter {
        self
    }
}

impl<E: Exporter> DynExporter for E {
    fn export(&mut self, batch: &crate::exporter::Batch<'_>) -> Result<(), crate::exporter::ExportError> {
        Exporter::export(self, batch)
    }

    fn flush(&mut self) -> Result<(), crate::exporter::ExportError> {
        Exporter::flush(self)
    }

    fn export_metrics(
        &mut self,
        snapshot: &metrics::Snapshot,
        patience: &crate::exporter::Patience,
    ) -> Result<(), crate::exporter::ExportError> {
        Exporter::export_metrics(self, snapshot, patience)
    }

    fn name(&self) -> String {
        Exporter::name(self).into_owned()
    }

    fn wants_live(&self) -> bool {
        Exporter::wants_live(self)
    }

    fn wants_partial(&self) -> bool {
        Exporter::wants_partial(self)
    }

    fn wants_records(&self) -> bool {
        Exporter::wants_records(self)
    }

    fn wants_metrics(&self) -> bool {
        Exporter::wants_metrics(self)
    }

    fn wants_unsampled(&self) -> bool {
        Exporter::wants_unsampled(self)
    }

    fn pace(&self) -> crate::exporter::Pace {
        Exporter::pace(self)
    }
}

#[cfg(test)]
mod tests;
