//! The host's async runtime: how long what is ready waits there, and how busy it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeMetrics};

use crate::time::ns;

/// Where request threads leave a handle to their runtime, when one is wanted.
#[derive(Debug)]
pub(crate) struct Host {
    is_wanted: AtomicBool,
    /// Held to move a handle in or out, and for nothing else.
    handle: Mutex<Option<Handle>>,
}

impl Default for Host {
    fn default() -> Self {
        Self { is_wanted: AtomicBool::new(true), handle: Mutex::default() }
    }
}

impl Host {
    /// On a request's thread: lends its runtime, once for each time that one is wanted.
    pub(crate) fn notice(&self) {
        if self.is_wanted.load(Ordering::Relaxed) && self.is_wanted.swap(false, Ordering::Relaxed) {
            let found = Handle::try_current().ok();
            *self.handle.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
    }

    fn take(&self) -> Option<Handle> {
        let handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner).take();
        if handle.is_none() {
            // The next request may run on one. Asked for no more often than somebody looks.
            self.is_wanted.store(true, Ordering::Relaxed);
        }
        handle
    }
}

/// A runtime under watch, and what was seen of it.
#[derive(Default)]
pub(super) struct Watched {
    handle: Option<Handle>,
    /// The task that has not been polled yet, or was not asked about.
    probe: Option<(Instant, Arc<Probe>)>,
    last_lag_ns: Option<u64>,
    /// The last lag, until it is counted.
    fresh_lag_ns: Option<u64>,
    /// When it was looked at, and the busy time of all its workers then.
    before: Option<(Instant, Duration)>,
    busy: Duration,
    busy_ratio: Option<f64>,
    workers: u32,
    tasks: u32,
}

impl Watched {
    pub(super) fn look(&mut self, host: &Host, now: Instant) {
        self.ask_probe();
        if self.handle.is_none() {
            self.handle = host.take();
            self.before = None;
        }
        let Some(handle) = &self.handle else { return };
        let metrics = handle.metrics();
        self.workers = u32::try_from(metrics.num_workers()).unwrap_or(u32::MAX);
        self.tasks = u32::try_from(metrics.num_alive_tasks()).unwrap_or(u32::MAX);
        let busy = busy(&metrics);
        if let Some((then, before)) = self.before {
            let (passed, spent) = (now.saturating_duration_since(then), busy.saturating_sub(before));
            self.busy = self.busy.saturating_add(spent);
            let share = spent.as_secs_f64() / (passed.as_secs_f64() * f64::from(self.workers.max(1)));
            // A worker's time is counted when it comes back from a task. One that was sent at the last look and waits still
            // says that none of them did.
            let is_stuck = self.waits_ns().is_some();
            self.busy_ratio = Some(if is_stuck { 1.0 } else { share.clamp(0.0, 1.0) }).filter(|share| share.is_finite());
        }
        self.before = Some((now, busy));
        if self.probe.is_none() {
            let (probe, sent) = (Arc::new(Probe::default()), Instant::now());
            let task = Task(Arc::clone(&probe));
            drop(handle.spawn(async move { task.polled(sent) }));
            self.probe = Some((sent, probe));
        }
    }

    /// Looks whether the task was polled. One that went without belonged to a runtime that is over.
    fn ask_probe(&mut self) {
        let Some((_, probe)) = &self.probe else { return };
        match probe.lag_ns.load(Ordering::Acquire) {
            Probe::WAITS => {}
            Probe::GONE => *self = Self { busy: self.busy, last_lag_ns: self.last_lag_ns, ..Self::default() },
            lag_ns => (self.probe, self.last_lag_ns, self.fresh_lag_ns) = (None, Some(lag_ns), Some(lag_ns)),
        }
    }

    /// How long the task waits that is still to be polled.
    fn waits_ns(&self) -> Option<u64> {
        let (sent, probe) = self.probe.as_ref()?;
        (probe.lag_ns.load(Ordering::Acquire) == Probe::WAITS).then(|| ns(sent.elapsed()))
    }

    /// How long the last task waited, or the one waits that is not polled yet where that is longer.
    pub(super) fn lag_ns(&mut self) -> Option<u64> {
        self.ask_probe();
        let known = self.last_lag_ns.filter(|_| self.handle.is_some());
        known.max(self.waits_ns())
    }

    pub(super) fn take_lag_ns(&mut self) -> Option<u64> {
        self.ask_probe();
        self.fresh_lag_ns.take()
    }

    pub(super) const fn busy_ratio(&self) -> Option<f64> {
        self.busy_ratio
    }

    pub(super) fn busy_ns(&self) -> Option<u64> {
        self.before.map(|_| ns(self.busy))
    }

    pub(super) fn workers(&self) -> Option<u32> {
        self.handle.as_ref().map(|_| self.workers)
    }

    pub(super) fn tasks(&self) -> Option<u32> {
        self.handle.as_ref().map(|_| self.tasks)
    }
}

/// Time that the workers were not idle, all of them together.
fn busy(metrics: &RuntimeMetrics) -> Duration {
    (0..metrics.num_workers()).map(|worker| metrics.worker_total_busy_duration(worker)).sum()
}

/// How long a task was ready before it was polled.
#[derive(Debug, Default)]
struct Probe {
    lag_ns: AtomicU64,
}

impl Probe {
    const WAITS: u64 = 0;
    const GONE: u64 = u64::MAX;
}

/// The task's own end of it.
struct Task(Arc<Probe>);

impl Task {
    fn polled(self, sent: Instant) {
        self.0.lag_ns.store(ns(sent.elapsed()).clamp(1, Probe::GONE - 1), Ordering::Release);
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let _ = self.0.lag_ns.compare_exchange(Probe::WAITS, Probe::GONE, Ordering::Release, Ordering::Relaxed);
    }
}
