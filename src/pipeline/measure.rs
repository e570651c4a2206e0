//! Metrics on the worker's thread: counts every record, and hands everything on when it is time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lane::Lane;
use super::stats::Stats;
use super::{Shared, after};
use crate::metrics::{OfExporter, Own, Registry};
use crate::record::{Record, Resource};
use crate::time;

/// The worker's hand on the registry; nothing at all where no exporter wants metrics.
pub(super) struct Measure(Option<On>);

struct On {
    registry: Registry,
    due: Instant,
}

impl Measure {
    pub(super) fn new(shared: &Shared, resource: Arc<Resource>) -> Self {
        let on = shared.lanes.iter().any(Lane::wants_metrics).then(|| On {
            registry: Registry::new(&shared.metrics, resource, time::unix_ns()),
            due: after(Instant::now(), shared.metrics.interval),
        });
        Self(on)
    }

    pub(super) fn record(&mut self, record: &Record) {
        if let Some(on) = &mut self.0 {
            on.registry.record(record);
        }
    }

    /// Hands on what there is, when the interval is over.
    pub(super) fn hand_on_if_due(&mut self, shared: &Shared) {
        if let Some(on) = &mut self.0
            && on.due <= Instant::now()
        {
            on.due = after(Instant::now(), shared.metrics.interval);
            self.hand_on(shared);
        }
    }

    /// Hands on what there is, now.
    pub(super) fn hand_on(&self, shared: &Shared) {
        let Some(on) = &self.0 else { return };
        let snapshot = on.registry.snapshot(&shared.active, &own(shared.stats()));
        for lane in &shared.lanes {
            lane.push_metrics(&snapshot);
        }
    }

    /// How long the worker may sleep; `None` for as long as it likes.
    pub(super) fn may_sleep(&self) -> Option<Duration> {
        self.0.as_ref().map(|on| on.due.saturating_duration_since(Instant::now()))
    }
}

/// The ledger as metrics tell it.
fn own(stats: Stats) -> Own {
    // What settings asked to leave out is not lost.
    let mut own = Own { dropped: stats.dropped.unasked(), exporters: Vec::new() };
    for exporter in stats.exporters {
        match own.exporters.iter_mut().find(|known: &&mut OfExporter| known.name == exporter.name) {
            // Two of one name are one to whoever reads it.
            Some(known) => {
                exporter.dropped.iter().for_each(|(reason, count)| known.dropped.add(reason, count));
                known.delivered += exporter.delivered;
                known.queued += exporter.queued;
            }
            None => {
                let crate::pipeline::ExporterStats { name, dropped, delivered, queued, .. } = exporter;
                own.exporters.push(OfExporter { name, dropped, delivered, queued });
            }
        }
    }
    own
}
