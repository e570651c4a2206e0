//! What a process looked like at one moment.

/// What the process looked like when a request failed, as it was last measured.
///
/// # Unit
/// In the names; a ratio is a share from 0 to 1, of one core for [`cpu_ratio`](Self::cpu_ratio), which may be more than 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Vitals {
    /// When that was measured, in nanoseconds since 1970.
    pub unix_ns: u64,
    /// Memory in use that is not shared out to disk: the resident set.
    pub memory_bytes: Option<u64>,
    /// Open file descriptors.
    pub open_files: Option<u32>,
    /// Processor time over the last interval, in cores.
    pub cpu_ratio: Option<f64>,
    /// How long a task that was ready waited until the runtime polled it.
    pub runtime_lag_ns: Option<u64>,
    /// The share of time that the runtime's workers were not idle.
    pub runtime_busy_ratio: Option<f64>,
    /// Tasks of the runtime that are alive.
    pub runtime_tasks: Option<u32>,
}
