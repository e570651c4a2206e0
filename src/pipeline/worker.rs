//! The thread between the request threads and the exporters.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::thread;
use std::time::Duration;

use super::held::Held;
use super::lookout::Watch;
use super::measure::Measure;
use super::{Shared, grouping, lane, quiet};
use crate::keep::{Keeper, probe};
use crate::record::parts::Text;
use crate::record::{Reason, Record, Resource};
use crate::redact::Familiar;
use crate::time;
use crate::warn::warn;

/// How often it looks by itself. Nobody wakes it for a record, which is what keeps the request thread cheap.
const POLL: Duration = Duration::from_millis(5);
/// How often it looks at least while more than [`AT_HAND`] records come between two looks.
const SHORTEST_POLL: Duration = Duration::from_micros(500);
/// So many records the processor still has at hand when they are looked at.
const AT_HAND: usize = 64;
/// Empty looks before it sleeps until it is woken.
const PATIENT_POLLS: u32 = 200;
/// Records that are handed on together, at most.
const CHUNK: usize = 256;

/// Starts it; false when there is no thread to be had.
pub(super) fn start(shared: &Arc<Shared>, resource: Arc<Resource>) -> bool {
    let mine = Arc::clone(shared);
    let builder = thread::Builder::new().name("campanile".to_owned());
    let Ok(handle) = builder.spawn(move || run(&mine, resource)) else { return false };
    // The worker may already be running; until this is set it cannot be woken, and until then it does not sleep.
    let _ = shared.worker.set(handle.thread().clone());
    true
}

fn run(shared: &Shared, resource: Arc<Resource>) {
    quiet::hush();
    let mut measure = Measure::new(shared, resource);
    let mut keeper = Keeper::new(shared.keep.clone());
    let mut watch = Watch::new();
    let mut familiar = Familiar::default();
    let mut sequence = 0;
    let mut idle = 0;
    let (mut poll, mut found) = (POLL, 0);
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        while let Some((subject, message)) = shared.sayings.pop() {
            warn(subject, format_args!("{message}"));
        }
        measure.hand_on_if_due(shared);
        let next_end = shared.asks.tick();
        watch.look_if_due(shared);
        let asked = shared.flush_asked.load(Ordering::SeqCst);
        let closing = shared.is_closed.load(Ordering::Acquire);
        let drained = drain(shared, &mut keeper, &mut familiar, &mut measure, &mut sequence, &mut chunk);
        let is_busy = drained > 0;
        found += drained;
        // The lanes have them now.
        chunk.clear();
        measure.look(shared, is_busy);
        if is_busy {
            idle = 0;
            continue;
        }
        let is_flush_due = shared.progress().flush_done < asked;
        if is_flush_due || closing {
            measure.hand_on(shared);
        }
        let mut progress = shared.progress();
        if progress.flush_done < asked {
            progress.flush_done = asked;
            shared.changed.notify_all();
        }
        if closing {
            drop(progress);
            watch.end(shared);
            progress = shared.progress();
            progress.worker_done = true;
            drop(progress);
            shared.changed.notify_all();
            shared.sweep();
            return;
        }
        drop(progress);
        idle += 1;
        if idle < PATIENT_POLLS || shared.worker.get().is_none() {
            poll = next_poll(poll, std::mem::take(&mut found));
            thread::park_timeout(poll);
            continue;
        }
        shared.is_asleep.store(true, Ordering::Relaxed);
        // Pairs with the fences in `offer` and `raise`.
        fence(Ordering::SeqCst);
        if shared.ordinary.is_empty() && shared.important.is_empty() && !shared.asks.has_news() {
            match [measure.may_sleep(shared), watch.may_sleep(shared), next_end].into_iter().flatten().min() {
                Some(time) => thread::park_timeout(time),
                None => thread::park(),
            }
        }
        // Whoever wakes it has something for it; it wakes by itself for what is due, and that alone.
        let was_woken = !shared.is_asleep.swap(false, Ordering::Relaxed);
        idle = if was_woken { 0 } else { PATIENT_POLLS };
    }
}

/// When to look again, after a look that found so many.
fn next_poll(last: Duration, found: usize) -> Duration {
    match found {
        found if found > AT_HAND => (last / 2).max(SHORTEST_POLL),
        found if found < AT_HAND / 4 => (last * 2).min(POLL),
        _ => last,
    }
}

/// Hands on what is there, by way of `chunk`, which is empty, and says how much it was.
fn drain(
    shared: &Shared,
    keeper: &mut Keeper,
    familiar: &mut Familiar,
    measure: &mut Measure,
    sequence: &mut u64,
    chunk: &mut Vec<Arc<Held>>,
) -> usize {
    let mut seen_quiet = 0;
    while chunk.len() + seen_quiet < CHUNK && !(shared.important.is_empty() && shared.ordinary.is_empty()) {
        // Counted before it leaves the queue, so that a snapshot never misses it.
        shared.in_hand.fetch_add(1, Ordering::AcqRel);
        let Some(mut record) = shared.important.pop().or_else(|| shared.ordinary.pop()) else {
            shared.in_hand.fetch_sub(1, Ordering::AcqRel);
            break;
        };
        recognise(&mut record);
        let is_asked = shared.asks.settle(&mut record, time::unix_ns);
        // Before redaction: what does not travel has no secrets to look for. Where an error has to be grouped, it still does.
        keeper.settle(&mut record, is_asked);
        if !shared.is_for_nobody(&record) && !redact(shared, &mut record, familiar) {
            shared.give_back(record, Some(Reason::RedactionError));
            shared.in_hand.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        // After redaction: what its group is called is shown too.
        grouping::group(shared, &mut record);
        measure.vitals(shared, &mut record);
        // After redaction: what names a series is exported too.
        measure.record(&record);
        keeper.finish(&mut record);
        shared.home.discharge(record.parts_mut());
        if is_quiet(shared, &record) {
            shared.give_back(record, Some(Reason::Quiet));
            shared.in_hand.fetch_sub(1, Ordering::AcqRel);
            seen_quiet += 1;
            continue;
        }
        number(&mut record, sequence);
        chunk.push(Arc::new(Held::new(record, Arc::clone(&shared.home))));
    }
    if chunk.is_empty() {
        return seen_quiet;
    }
    let count = chunk.len();
    let at_intake = shared.counts.losses().unasked();
    for lane in &shared.lanes {
        lane.push(chunk, &at_intake);
    }
    shared.counts.forward(count as u64);
    shared.in_hand.fetch_sub(count, Ordering::AcqRel);
    count + seen_quiet
}

impl Shared {
    /// Whether a record is only counted: no exporter is given it, nothing is measured of it and no setting looks at it.
    fn is_for_nobody(&self, record: &Record) -> bool {
        self.only_counts_unsampled && lane::is_unwanted(record)
    }
}

/// Takes its secrets out; false where nobody may see the record. A fault of ours costs this record, and neither its
/// secrets nor those behind it.
pub(super) fn redact(shared: &Shared, record: &mut Record, familiar: &mut Familiar) -> bool {
    catch_unwind(AssertUnwindSafe(|| shared.rules.record_of_many(record, familiar))).is_ok()
}

/// Says which health checker or probe a request came from.
fn recognise(record: &mut Record) {
    let probe = record.user_agent().and_then(probe::of).map(Text::Static);
    record.parts_mut().probe = probe;
}

/// Whether the settings ask not to hear of it.
fn is_quiet(shared: &Shared, record: &Record) -> bool {
    shared.quiet.is_quiet(record).unwrap_or_else(|_| {
        warn("quiet", format_args!("a predicate panicked and is not asked again; the request is kept"));
        false
    })
}

/// Counts it, once for all exporters.
fn number(record: &mut Record, sequence: &mut u64) {
    if !record.kind().is_ahead() {
        *sequence += 1;
        record.parts_mut().sequence = *sequence;
    }
}
