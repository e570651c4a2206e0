//! One exporter's queue and thread.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::held::Held;
use super::stats::ExporterStats;
use super::{ErasedExporter, after, quiet};
use crate::exporter::{Batch, ExportError, Pace, Patience};
use crate::metrics::Snapshot;
use crate::record::parts::Parts;
use crate::record::{Kind, Losses, Reason, Record, Resource, SpanId};
use crate::warn::warn;

/// Bytes in one exporter's queue, at most.
const MAX_BYTES: usize = 12 * 1024 * 1024;
/// Bytes that are handed over without waiting for company: a batch of records as large as they usually are.
const ENOUGH_BYTES: usize = 2 * 1024 * 1024;
/// What came within this time came fast.
const FAST: Duration = Duration::from_millis(10);
/// Requests whose reports wait to be taken back, at most.
const MAX_OVER: usize = 65_536;
/// Of a queue's room, one part in so many is for records of failed requests.
const FAILED_SHARE: usize = 8;

/// The worker's end of it.
pub(super) struct Lane {
    shared: Arc<LaneShared>,
    wants_live: bool,
    wants_partial: bool,
    wants_records: bool,
    wants_metrics: bool,
    wants_unsampled: bool,
}

struct LaneShared {
    name: String,
    pace: Pace,
    patience: Patience,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Instant, Arc<Held>)>,
    queue_bytes: usize,
    /// What waits is worth a batch, however long it has waited.
    is_enough: bool,
    in_flight: usize,
    /// Requests that were reported and are in flight no longer, and since when the first of them waits.
    over: Vec<SpanId>,
    over_since: Option<Instant>,
    /// The newest metrics that are not exported yet.
    metrics: Option<Snapshot>,
    is_exporting_metrics: bool,
    stats: ExporterStats,
    /// Losses at the intake and here, as of the last batch.
    told: Losses,
    lost_at_intake: Losses,
    flush_asked: u64,
    flush_done: u64,
    is_closing: bool,
    is_done: bool,
}

impl Lane {
    pub(super) fn start(mut exporter: Box<dyn ErasedExporter>, resource: Arc<Resource>) -> Self {
        let face = exporter.exporter();
        let (name, pace) = (face.name(), face.pace());
        let (wants_live, wants_records, wants_metrics) = (face.wants_live(), face.wants_records(), face.wants_metrics());
        let (wants_partial, wants_unsampled) = (face.wants_partial(), face.wants_unsampled());
        let stats = ExporterStats { name: name.clone(), ..ExporterStats::default() };
        let shared = Arc::new(LaneShared {
            name: name.clone(),
            pace,
            patience: Patience::default(),
            state: Mutex::new(State { stats, ..State::default() }),
            changed: Condvar::new(),
        });
        let mine = Arc::clone(&shared);
        let builder = thread::Builder::new().name(format!("campanile-{name}").chars().take(15).collect());
        if builder.spawn(move || mine.run(exporter, &resource)).is_err() {
            warn(&name, format_args!("cannot start a thread; this exporter is off"));
            shared.state().is_done = true;
        }
        Self { shared, wants_live, wants_partial, wants_records, wants_metrics, wants_unsampled }
    }

    pub(super) const fn wants_live(&self) -> bool {
        self.wants_live
    }

    pub(super) const fn wants_partial(&self) -> bool {
        self.wants_partial
    }

    pub(super) const fn wants_metrics(&self) -> bool {
        self.wants_metrics
    }

    /// Whether it may be told of a request that is not sampled and that nothing went wrong with.
    pub(super) const fn sees_unsampled(&self) -> bool {
        self.wants_records && (self.wants_unsampled || self.wants_live || self.wants_partial)
    }

    /// Hands metrics over. Those that still wait give way: the newer ones say the same and more.
    pub(super) fn push_metrics(&self, snapshot: &Snapshot) {
        if !self.wants_metrics {
            return;
        }
        let mut state = self.shared.state();
        if !state.is_done {
            state.metrics = Some(snapshot.clone());
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Queues records; what finds no room is dropped and counted.
    pub(super) fn push(&self, records: &[Arc<Held>], lost_at_intake: &Losses) {
        if !self.wants_records {
            return;
        }
        let shared = &*self.shared;
        let now = Instant::now();
        let mut state = shared.state();
        state.lost_at_intake = lost_at_intake.clone();
        let (was_empty, was_enough) = (state.queue.is_empty(), state.is_enough);
        for held in records {
            let record: &Record = (**held).as_ref();
            if !self.wants(record) {
                continue;
            }
            let is_report = record.kind() == Kind::Partial;
            state.stats.offered += u64::from(!is_report);
            if !self.wants_unsampled && is_unwanted(record) {
                // A decision, not an accident: nobody has to be told.
                state.stats.dropped.add(Reason::Sampled, 1);
                state.told.add(Reason::Sampled, 1);
                continue;
            }
            if state.is_done {
                if is_report {
                    continue;
                }
                let reason = if state.is_closing { Reason::ShutdownDeadline } else { Reason::InternalPanic };
                state.stats.dropped.add(reason, 1);
                continue;
            }
            // A report takes no room that a record may need: what it tells comes again.
            let may_fill = !is_report && record.is_failed();
            let room = |all: usize| match may_fill {
                _ if is_report => all / 2,
                true => all,
                false => all - all / FAILED_SHARE,
            };
            let bytes = held.size();
            let has_room = state.queue.len() < room(shared.pace.max_queue.max(1)) && state.queue_bytes + bytes <= room(MAX_BYTES);
            if has_room {
                state.queue_bytes += bytes;
                state.queue.push_back((now, Arc::clone(held)));
            } else if !is_report {
                state.stats.dropped.add(Reason::QueueFull, 1);
            }
        }
        state.is_enough |= shared.has_enough(&state) || shared.has_enough_fast(&state, now);
        let (is_first, is_enough) = (was_empty && !state.queue.is_empty(), state.is_enough && !was_enough);
        drop(state);
        // What waits for company looks at the clock by itself: a wake-up for each of many hands-on would only cost time.
        if is_first || is_enough {
            shared.changed.notify_all();
        }
    }

    /// Takes back reports. That finds room when a report does not: no reader is to see in flight what is not.
    pub(super) fn push_over(&self, ids: &[SpanId]) {
        let mut state = self.shared.state();
        if ids.is_empty() || state.is_done || state.over.len() > MAX_OVER {
            return;
        }
        state.over.extend_from_slice(ids);
        state.over_since.get_or_insert_with(Instant::now);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Who shows events at once shows those that the console's filter lets through, and of the rest only requests.
    fn wants(&self, record: &Record) -> bool {
        match record.kind() {
            Kind::Request => true,
            Kind::Live => self.wants_live,
            Kind::Partial => self.wants_partial,
            Kind::Event => !self.wants_live || record.events().any(|event| event.was_shown()),
            Kind::Span => !self.wants_live,
        }
    }

    pub(super) fn stats(&self) -> ExporterStats {
        let state = self.shared.state();
        let queued = (state.counted() + state.in_flight) as u64;
        ExporterStats { queued, ..state.stats.clone() }
    }

    /// Asks for what is queued now to be exported and flushed; gives a ticket to wait with.
    pub(super) fn ask_flush(&self) -> u64 {
        let mut state = self.shared.state();
        state.flush_asked += 1;
        self.shared.changed.notify_all();
        state.flush_asked
    }

    /// Waits for a flush that was asked for; false when `until` comes first.
    pub(super) fn await_flush(&self, ticket: u64, until: Instant) -> bool {
        self.wait_until(self.shared.state(), until, |state| state.is_done || state.flush_done >= ticket)
    }

    /// Tells it to end; everything has to be over at `deadline`.
    pub(super) fn close(&self, deadline: Instant) {
        self.shared.patience.end_at(deadline);
        self.shared.state().is_closing = true;
        self.shared.changed.notify_all();
    }

    /// Waits for its end; whatever is left at `deadline` is counted as dropped. False when something was left.
    pub(super) fn join(&self, deadline: Instant) -> bool {
        let in_time = self.wait_until(self.shared.state(), deadline, |state| state.is_done);
        let mut state = self.shared.state();
        if !state.is_done {
            let left = state.counted() + state.in_flight;
            state.stats.dropped.add(Reason::ShutdownDeadline, left as u64);
            state.queue.clear();
            state.queue_bytes = 0;
            state.in_flight = 0;
            state.stats.metrics_failed += u64::from(state.metrics.take().is_some() || state.is_exporting_metrics);
            state.is_done = true;
        }
        in_time
    }

    fn wait_until(&self, mut state: MutexGuard<'_, State>, until: Instant, reached: impl Fn(&State) -> bool) -> bool {
        while !reached(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Whether it is a request that the sampler did not choose, without an error that is told all the same.
pub(super) fn is_unwanted(record: &Record) -> bool {
    record.kind() == Kind::Request && !record.trace_flags().is_sampled() && !record.has_exception()
}

impl State {
    /// Records that wait, without reports.
    fn counted(&self) -> usize {
        self.queue.iter().filter(|(_, held)| is_counted(held)).count()
    }
}

/// Whether it is a record, and no report about a request that is still running.
fn is_counted(held: &Held) -> bool {
    held.as_ref().kind() != Kind::Partial
}

impl LaneShared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_enough(&self, state: &State) -> bool {
        state.queue.len() >= self.pace.max_records || state.queue_bytes >= ENOUGH_BYTES
    }

    fn has_enough_fast(&self, state: &State, now: Instant) -> bool {
        let first = state.queue.front().map(|(since, _)| *since);
        state.queue_bytes >= self.pace.fast_bytes && first.is_some_and(|since| now.duration_since(since) <= FAST)
    }

    /// The exporter's thread.
    fn run(&self, mut exporter: Box<dyn ErasedExporter>, resource: &Resource) {
        quiet::hush();
        while let Some(work) = self.next(&mut *exporter) {
            match work {
                Work::Records { batch, over, lost_before } => {
                    self.export(&mut *exporter, (&batch, &over), &lost_before, resource)
                }
                Work::Metrics(snapshot) => self.export_metrics(&mut *exporter, &snapshot),
            }
        }
        flush(&self.name, &mut *exporter);
        // Its files are closed before shutdown says that it is over: the process may end right after that.
        if catch_unwind(AssertUnwindSafe(|| drop(exporter))).is_err() {
            warn(&self.name, format_args!("the exporter panicked while it was dropped"));
        }
        self.state().is_done = true;
        self.changed.notify_all();
    }

    /// What is to be done next; `None` at the end.
    fn next(&self, exporter: &mut dyn ErasedExporter) -> Option<Work> {
        let mut state = self.state();
        loop {
            if state.is_done {
                return None;
            }
            if let Some(snapshot) = state.metrics.take() {
                // First: it is rare, and a stream of records must not keep it waiting.
                state.is_exporting_metrics = true;
                return Some(Work::Metrics(snapshot));
            }
            let hurried = state.is_closing || state.flush_done < state.flush_asked;
            let first = state.queue.front().map(|(since, _)| *since).into_iter().chain(state.over_since).min();
            let first = first.map(|since| after(since, self.pace.max_delay));
            let now = Instant::now();
            let is_due = first.is_some_and(|due| hurried || due <= now || state.is_enough);
            if is_due {
                return Some(self.take(&mut state));
            }
            if state.queue.is_empty() && state.over.is_empty() && state.flush_done < state.flush_asked {
                let ticket = state.flush_asked;
                drop(state);
                flush(&self.name, exporter);
                state = self.state();
                state.flush_done = ticket;
                self.changed.notify_all();
                continue;
            }
            if state.is_closing {
                return None;
            }
            state = match first {
                Some(due) => self.changed.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn take(&self, state: &mut State) -> Work {
        let count = state.queue.len().min(self.pace.max_records.max(1));
        let batch: Vec<_> = state.queue.drain(..count).map(|(_, held)| held).collect();
        let mut over = Vec::new();
        let bytes: usize = batch.iter().map(|held| held.size()).sum();
        state.queue_bytes -= bytes;
        state.is_enough = self.has_enough(state);
        // Behind the records, so that none of them comes after it was taken back.
        if state.queue.is_empty() {
            let count = state.over.len().min(self.pace.max_records.max(1));
            over.extend(state.over.drain(..count));
            state.over_since = state.over_since.filter(|_| !state.over.is_empty());
        }
        state.in_flight = batch.iter().filter(|held| is_counted(held)).count();
        let mut all = state.lost_at_intake.clone();
        for (reason, count) in state.stats.dropped.iter() {
            all.add(reason, count);
        }
        let lost_before = all.since(&state.told);
        state.told = all;
        Work::Records { batch, over, lost_before }
    }

    fn export(
        &self,
        exporter: &mut dyn ErasedExporter,
        (held, over): (&[Arc<Held>], &[SpanId]),
        lost_before: &Losses,
        resource: &Resource,
    ) {
        let records = held.iter().map(|held| Arc::clone(held) as Arc<dyn AsRef<Record> + Send + Sync>);
        let records: Vec<_> = records.chain(over.iter().map(|id| Arc::new(Over::of(*id)) as _)).collect();
        let batch = Batch::new(&records, resource, lost_before, &self.patience);
        // The text too is made inside: an error's own `Display` may panic.
        let result = catch_unwind(AssertUnwindSafe(|| {
            exporter.exporter().export(&batch).map_err(|error| (error.reason(), with_causes(&error)))
        }))
        .unwrap_or_else(|_| Err((Reason::InternalPanic, "the exporter panicked".to_owned())));
        let mut given_up = batch.given_up();
        let counted = held.iter().filter(|held| is_counted(held)).count();
        let rest = (counted as u64).saturating_sub(given_up.total());
        let mut state = self.state();
        if state.is_done {
            // Shutdown did not wait for us and has counted this batch already.
            return;
        }
        state.in_flight = 0;
        match &result {
            Ok(()) => state.stats.delivered += rest,
            Err((reason, _)) => given_up.add(*reason, rest),
        }
        for (reason, count) in given_up.iter() {
            state.stats.dropped.add(reason, count);
            if reason == Reason::Sampled {
                // A decision, not an accident: nobody has to be told.
                state.told.add(reason, count);
            }
        }
        drop(state);
        self.changed.notify_all();
        if let Err((_, text)) = result {
            warn(&self.name, format_args!("{text}; lost: {given_up}"));
        }
    }

    fn export_metrics(&self, exporter: &mut dyn ErasedExporter, snapshot: &Snapshot) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            exporter.exporter().export_metrics(snapshot, &self.patience).map_err(|error| with_causes(&error))
        }))
        .unwrap_or_else(|_| Err("the exporter panicked".to_owned()));
        let mut state = self.state();
        if state.is_done {
            return;
        }
        state.is_exporting_metrics = false;
        match &result {
            Ok(()) => state.stats.metrics_delivered += 1,
            Err(_) => state.stats.metrics_failed += 1,
        }
        drop(state);
        self.changed.notify_all();
        if let Err(text) = result {
            warn(&self.name, format_args!("{text}; the next export has these metrics too"));
        }
    }
}

/// A report that takes the earlier ones back.
struct Over(Record);

impl Over {
    fn of(span_id: SpanId) -> Self {
        Self(Record::new(Box::new(Parts { kind: Kind::Partial, span_id, ..Parts::default() })))
    }
}

impl AsRef<Record> for Over {
    fn as_ref(&self) -> &Record {
        &self.0
    }
}

/// What the exporter is called for.
enum Work {
    /// A batch, which reports are taken back, and what was lost since the batch before.
    Records {
        batch: Vec<Arc<Held>>,
        over: Vec<SpanId>,
        lost_before: Losses,
    },
    Metrics(Snapshot),
}

fn flush(name: &str, exporter: &mut dyn ErasedExporter) {
    match catch_unwind(AssertUnwindSafe(|| exporter.exporter().flush().map_err(|error| with_causes(&error)))) {
        Ok(Ok(())) => {}
        Ok(Err(text)) => warn(name, format_args!("cannot flush: {text}")),
        Err(_) => warn(name, format_args!("the exporter panicked while flushing")),
    }
}

fn with_causes(error: &ExportError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    for _ in 0..8 {
        let Some(error) = cause else { break };
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
