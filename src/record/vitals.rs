//! What a process looked like at one moment.

/// What the process looked like when a request met trouble, as it was last seen: no more than 2 s before.
///
/// What nobody can tell is absent: memory, files and processor time elsewhere than on Linux, and a runtime that is not
/// tokio's. Of several runtimes it is the one that served the first request.
///
/// # Unit
/// In the names; a ratio is a share from 0 to 1, of one core for [`cpu_ratio`](Self::cpu_ratio), which may be more than 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Vitals {
    /// When that was measured, in nanoseconds since 1970.
    pub unix_ns: u64,
    /// Physical memory in use: the resident set.
    pub memory_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_files: Option<u32>,
    /// Processor time over the last interval, in cores.
    pub cpu_ratio: Option<f64>,
    /// How long a task that was ready waited until the runtime polled it: the last one that was tried, or the one that still
    /// waits where that is longer.
    pub runtime_lag_ns: Option<u64>,
    /// The share of time that the runtime's workers were not idle.
    pub runtime_busy_ratio: Option<f64>,
    /// Tasks of the runtime that are alive.
    pub runtime_tasks: Option<u32>,
}
