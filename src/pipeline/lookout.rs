//! Who keeps an eye on requests in flight, on the worker's thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::held::Held;
use super::lane::Lane;
use super::worker::redact;
use super::{Pipeline, Shared};
use crate::record::parts::Parts;
use crate::record::{Record, SpanId};
use crate::redact::Familiar;

/// How often the worker has it look while something is in flight. A request that hangs is in the store after twice this,
/// and the tenth of a second that the store takes.
const LOOK: Duration = Duration::from_millis(200);

/// What there is to say of a request in flight.
pub(crate) enum Told {
    /// A report, of [`Kind::Partial`](crate::record::Kind::Partial).
    Report(Box<Parts>),
    /// One that was reported is in flight no longer, whatever becomes of its record.
    Over(SpanId),
}

/// Knows what is in flight, and reports about it.
pub(crate) trait Lookout: Send + Sync {
    /// Whether there is nothing to look at.
    fn is_idle(&self) -> bool;

    /// Hands over what there is to say.
    fn look(&self, take: &mut dyn FnMut(Told));

    /// The telemetry ends, and every report with it.
    fn end(&self, take: &mut dyn FnMut(Told));
}

impl Pipeline {
    /// Has the worker ask `lookout` for reports, where an exporter wants them; once.
    pub(crate) fn watch_with(&self, lookout: Arc<dyn Lookout>) {
        let _ = self.shared.lookout.set(lookout);
    }

    /// Whether an exporter is given reports about requests that are still running.
    pub(crate) fn wants_partial(&self) -> bool {
        self.shared.lanes.iter().any(Lane::wants_partial)
    }

    /// Counts a copy that is made for a report; false where there is no room for such.
    pub(crate) fn admits_copy(&self, copy: &mut Parts) -> bool {
        !self.shared.home.is_half_used() && self.shared.home.charge(copy)
    }

    /// Something is in flight now. Whoever calls this has just held a lock that [`Lookout::is_idle`] takes as well, so that
    /// either the worker saw it there before it went to sleep, or we see that it sleeps.
    pub(crate) fn is_watched(&self) {
        if self.shared.is_asleep.load(std::sync::atomic::Ordering::Relaxed) {
            self.shared.wake();
        }
    }
}

/// The worker's side of it.
pub(super) struct Watch {
    due: Instant,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { due: Instant::now() }
    }

    /// Looks, when it is time.
    pub(super) fn look_if_due(&mut self, shared: &Shared) {
        if let Some(lookout) = shared.lookout.get()
            && self.due <= Instant::now()
        {
            self.due = Instant::now() + LOOK;
            if !lookout.is_idle() {
                report(shared, |take| lookout.look(take));
            }
        }
    }

    /// Takes back what was reported of requests that will have no record.
    pub(super) fn end(&self, shared: &Shared) {
        if let Some(lookout) = shared.lookout.get() {
            report(shared, |take| lookout.end(take));
        }
    }

    /// How long the worker may sleep; `None` for as long as it likes.
    pub(super) fn may_sleep(&self, shared: &Shared) -> Option<Duration> {
        let lookout = shared.lookout.get()?;
        (!lookout.is_idle()).then(|| self.due.saturating_duration_since(Instant::now()))
    }
}

/// Redacts reports and hands them to whoever wants them. They pass no queue and are counted nowhere: what they tell comes
/// again.
fn report(shared: &Shared, ask: impl FnOnce(&mut dyn FnMut(Told))) {
    let (mut chunk, mut over) = (Vec::new(), Vec::new());
    ask(&mut |told| {
        let mut record = match told {
            Told::Report(mut parts) => {
                shared.asks.drop_what_is_on_trial(&mut parts);
                Record::new(parts)
            }
            Told::Over(id) => return over.push(id),
        };
        if shared.home.charge(record.parts_mut()) && redact(shared, &mut record, &mut Familiar::nothing()) {
            chunk.push(Arc::new(Held::new(record, Arc::clone(&shared.home))));
        } else {
            shared.home.recycle(record.into_parts());
        }
    });
    if chunk.is_empty() && over.is_empty() {
        return;
    }
    let at_intake = shared.counts.losses().unasked();
    for lane in shared.lanes.iter().filter(|lane| lane.wants_partial()) {
        lane.push(&chunk, &at_intake);
        lane.push_over(&over);
    }
}
