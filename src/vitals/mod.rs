//! What the process looks like right now: memory, open files, processor time, and how its runtime keeps up.
//!
//! Looked at from the pipeline's own thread, about once a second while requests come: a few small files below `/proc`,
//! counts that the runtime of tokio keeps anyway, and one task of a single poll that is given to that runtime to see how
//! long it waits. No request thread reads a file or waits; the first request lends its runtime's handle, which keeps no
//! runtime alive and holds up none that ends.
//!
//! # Where it is known
//! Memory, files and processor time on Linux. The runtime where the crate is built with tokio (`axum`, `otlp`) and a
//! request was served inside one; of several runtimes, the one that served the first request. What is not known is absent.

#[cfg(not(any(feature = "axum", feature = "otlp")))]
mod no_runtime;
mod process;
#[cfg(any(feature = "axum", feature = "otlp"))]
mod runtime;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

#[cfg(not(any(feature = "axum", feature = "otlp")))]
use self::no_runtime as runtime;
use self::process::Process;
pub(crate) use self::runtime::Host;
use self::runtime::Watched;
use crate::record::Vitals;
use crate::time;

/// How often the process is looked at.
pub(crate) const PACE: Duration = Duration::from_secs(1);
/// An older look is not "that moment" any more.
const TOO_OLD: Duration = Duration::from_secs(2);
/// Over less time than this, processor time is too coarse for a ratio.
const LEAST_INTERVAL: Duration = Duration::from_millis(200);

/// Looks at the process, and remembers what it saw last. Belongs to one thread.
pub(crate) struct Sampler {
    process: Process,
    /// `None` once it panicked, in a hook of the application's.
    runtime: Option<Watched>,
    /// When `process` and `runtime` were looked at last; `None` before the first look.
    looked: Option<Instant>,
    unix_ns: u64,
    /// Processor time and moment that the ratio counts from.
    cpu_from: (Instant, Option<Duration>),
    cpu_ratio: Option<f64>,
}

impl Sampler {
    /// One that has not looked yet, and counts processor time from now on.
    pub(crate) fn new() -> Self {
        let process = Process::default();
        let cpu_from = (Instant::now(), process::cpu().map(|cpu| cpu.total()));
        Self { process, runtime: Some(Watched::default()), looked: None, unix_ns: 0, cpu_from, cpu_ratio: None }
    }

    /// Looks again where the last look is older than [`PACE`].
    pub(crate) fn keep_pace(&mut self, host: &Host) {
        self.look(host, PACE);
    }

    /// What the process looks like: as it was seen last, or as it is now where that is too long ago.
    pub(crate) fn vitals(&mut self, host: &Host) -> Vitals {
        self.look(host, TOO_OLD);
        Vitals {
            unix_ns: self.unix_ns,
            memory_bytes: self.process.memory_bytes,
            open_files: self.process.open_files,
            cpu_ratio: self.cpu_ratio.map(to_thousandths),
            // Not of the last look: a task that waits right now says the most.
            runtime_lag_ns: self.runtime.as_mut().and_then(Watched::lag_ns),
            runtime_busy_ratio: self.runtime.as_ref().and_then(Watched::busy_ratio).map(to_thousandths),
            runtime_tasks: self.tasks(),
        }
    }

    fn look(&mut self, host: &Host, max_age: Duration) {
        let now = Instant::now();
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < max_age) {
            return;
        }
        self.looked = Some(now);
        self.unix_ns = time::unix_ns();
        self.process = Process::read();
        if let Some(runtime) = &mut self.runtime {
            // A hook that the application gave to its runtime runs with every new task.
            let looked = catch_unwind(AssertUnwindSafe(|| runtime.look(host, now)));
            self.runtime = self.runtime.take().filter(|_| looked.is_ok());
        }
        let (from, before) = self.cpu_from;
        let passed = now.saturating_duration_since(from);
        let total = self.process.cpu.map(|cpu| cpu.total());
        if passed >= LEAST_INTERVAL {
            let spent = total.zip(before).map(|(total, before)| total.saturating_sub(before));
            self.cpu_ratio = spent.map(|spent| spent.as_secs_f64() / passed.as_secs_f64());
            self.cpu_from = (now, total);
        }
    }

    /// How long the last task waited that the runtime polled; once for each.
    pub(crate) fn take_lag_ns(&mut self) -> Option<u64> {
        self.runtime.as_mut().and_then(Watched::take_lag_ns)
    }

    /// Memory in use, in bytes.
    pub(crate) fn memory_bytes(&self) -> Option<u64> {
        self.process.memory_bytes
    }

    pub(crate) fn open_files(&self) -> Option<u32> {
        self.process.open_files
    }

    /// Processor time of this process so far, in its own code and in the system's.
    pub(crate) fn cpu_ns(&self) -> Option<(u64, u64)> {
        self.process.cpu.map(|cpu| (time::ns(cpu.user), time::ns(cpu.system)))
    }

    /// Time that the runtime's workers were not idle, all of them together, since it was first seen.
    pub(crate) fn busy_ns(&self) -> Option<u64> {
        self.runtime.as_ref().and_then(Watched::busy_ns)
    }

    /// Threads of the runtime that poll tasks.
    pub(crate) fn workers(&self) -> Option<u32> {
        self.runtime.as_ref().and_then(Watched::workers)
    }

    /// Tasks of the runtime that are alive.
    pub(crate) fn tasks(&self) -> Option<u32> {
        self.runtime.as_ref().and_then(Watched::tasks)
    }
}

/// More digits than these were never measured.
fn to_thousandths(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}
