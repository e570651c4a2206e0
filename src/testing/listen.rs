//! How records, spans and events come to the test.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as Values};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::config::Telemetry;
use crate::exporter::{Batch, ExportError, Exporter, Memory, Patience};
use crate::metrics::Snapshot;

/// Records that one test can look at.
const MAX_RECORDS: usize = 100_000;

/// A memory that wakes whoever waits for what comes in.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    pub(super) memory: Memory,
    wakers: Arc<Mutex<Vec<Waker>>>,
}

impl Default for Listener {
    fn default() -> Self {
        Self { memory: Memory::with_max_records(MAX_RECORDS), wakers: Arc::default() }
    }
}

impl Listener {
    /// Has `waker` woken when the next records come in.
    pub(super) fn wake_later(&self, waker: &Waker) {
        let mut wakers = self.wakers();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
    }

    fn wakers(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for Listener {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let done = self.memory.export(batch);
        let woken = std::mem::take(&mut *self.wakers());
        woken.into_iter().for_each(Waker::wake);
        done
    }

    fn export_metrics(&mut self, snapshot: &Snapshot, patience: &Patience) -> Result<(), ExportError> {
        self.memory.export_metrics(snapshot, patience)
    }

    fn wants_metrics(&self) -> bool {
        self.memory.wants_metrics()
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("testing")
    }
}

/// A subscriber that hears for this telemetry alone.
pub(super) fn dispatch(telemetry: &Telemetry) -> Dispatch {
    keep_callsites_open();
    Dispatch::new(Registry::default().with(telemetry.tracing_layer()))
}

/// As long as `tracing` knows of one subscriber only, a callsite that is first met on a thread without it is switched off
/// for everybody. A second one that wants to be asked keeps that from happening to tests that run side by side.
fn keep_callsites_open() {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(Undecided));
}

/// Hears nothing, and has `tracing` ask again each time.
struct Undecided;

impl Subscriber for Undecided {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Values<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
