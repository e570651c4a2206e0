//! What is measured on the worker's thread: the process itself, and metrics of every record, handed on when it is time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::lane::Lane;
use super::stats::Stats;
use super::{Shared, after};
use crate::metrics::{OfExporter, OfProcess, Own, Registry};
use crate::record::{Kind, Record, Resource};
use crate::time;
use crate::vitals::{PACE, Sampler};

/// The worker's hand on the process and on the registry.
pub(super) struct Measure {
    process: Sampler,
    /// Nothing at all where no exporter wants metrics.
    metrics: Option<On>,
}

struct On {
    registry: Registry,
    due: Instant,
}

impl Measure {
    pub(super) fn new(shared: &Shared, resource: Arc<Resource>) -> Self {
        let metrics = shared.lanes.iter().any(Lane::wants_metrics).then(|| On {
            registry: Registry::new(&shared.metrics, resource, time::unix_ns()),
            due: after(Instant::now(), shared.metrics.interval),
        });
        Self { process: Sampler::new(), metrics }
    }

    /// Looks at the process while there is something to do or a request in flight, at the sampler's pace.
    pub(super) fn look(&mut self, shared: &Shared, is_busy: bool) {
        if is_busy || shared.active.in_flight() > 0 {
            self.process.keep_pace(&shared.host);
            self.count_lag();
        }
    }

    /// Puts on a request that ended in trouble what the process looks like.
    pub(super) fn vitals(&mut self, shared: &Shared, record: &mut Record) {
        if record.kind() == Kind::Request && record.error_class().is_some() {
            record.parts_mut().vitals = Some(self.process.vitals(&shared.host));
            self.count_lag();
        }
    }

    fn count_lag(&mut self) {
        let lag_ns = self.process.take_lag_ns();
        if let (Some(on), Some(lag_ns)) = (&mut self.metrics, lag_ns) {
            on.registry.runtime_lag(lag_ns);
        }
    }

    pub(super) fn record(&mut self, record: &Record) {
        if let Some(on) = &mut self.metrics {
            on.registry.record(record);
        }
    }

    /// Hands on what there is, when the interval is over.
    pub(super) fn hand_on_if_due(&mut self, shared: &Shared) {
        if let Some(on) = &mut self.metrics
            && on.due <= Instant::now()
        {
            on.due = after(Instant::now(), shared.metrics.interval);
            self.hand_on(shared);
        }
    }

    /// Hands on what there is, now.
    pub(super) fn hand_on(&mut self, shared: &Shared) {
        if self.metrics.is_none() {
            return;
        }
        // Also where nothing comes: what the process takes is asked of one that idles too.
        self.process.keep_pace(&shared.host);
        self.count_lag();
        let Some(on) = &self.metrics else { return };
        let snapshot = on.registry.snapshot(&shared.active, &own(shared.stats()), &of_process(&self.process));
        for lane in &shared.lanes {
            lane.push_metrics(&snapshot);
        }
    }

    /// How long the worker may sleep; `None` for as long as it likes.
    pub(super) fn may_sleep(&self, shared: &Shared) -> Option<Duration> {
        let due = self.metrics.as_ref().map(|on| on.due.saturating_duration_since(Instant::now()));
        let pace = (shared.active.in_flight() > 0).then_some(PACE);
        [due, pace].into_iter().flatten().min()
    }
}

fn of_process(process: &Sampler) -> OfProcess {
    OfProcess {
        memory_bytes: process.memory_bytes(),
        open_files: process.open_files(),
        cpu_ns: process.cpu_ns(),
        runtime_busy_ns: process.busy_ns(),
        runtime_workers: process.workers(),
        runtime_tasks: process.tasks(),
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
