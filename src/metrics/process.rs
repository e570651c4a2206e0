//! What the process takes, and how its runtime keeps up.

use super::definition::{CPU_TIME, Definition, MEMORY, OPEN_FILES, RUNTIME_BUSY, RUNTIME_TASKS, RUNTIME_WORKERS};
use super::set::Set;
use super::snapshot::{Metric, Numbers, Point};

/// Numbers of the process, as they are now; those that are not known are absent.
#[derive(Debug, Default)]
pub(crate) struct OfProcess {
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) open_files: Option<u32>,
    /// Processor time so far: in its own code, in the system's.
    pub(crate) cpu_ns: Option<(u64, u64)>,
    pub(crate) runtime_busy_ns: Option<u64>,
    pub(crate) runtime_workers: Option<u32>,
    pub(crate) runtime_tasks: Option<u32>,
}

impl OfProcess {
    pub(super) fn metrics(&self) -> impl Iterator<Item = Metric> {
        let cpu = self.cpu_ns.map(|(user, system)| {
            let mode = |mode, ns| {
                let mut attributes = Set::new();
                attributes.push("cpu.mode", mode);
                point(&CPU_TIME, &attributes, ns)
            };
            Metric::new(&CPU_TIME, vec![mode("user", user), mode("system", system)])
        });
        let one = |definition: &'static Definition, number: Option<u64>| {
            number.map(|number| Metric::new(definition, vec![point(definition, &Set::new(), number)]))
        };
        [
            one(&MEMORY, self.memory_bytes),
            one(&OPEN_FILES, self.open_files.map(u64::from)),
            cpu,
            one(&RUNTIME_BUSY, self.runtime_busy_ns),
            one(&RUNTIME_WORKERS, self.runtime_workers.map(u64::from)),
            one(&RUNTIME_TASKS, self.runtime_tasks.map(u64::from)),
        ]
        .into_iter()
        .flatten()
    }
}

fn point(definition: &'static Definition, attributes: &Set<'_>, number: u64) -> Point {
    Point::new(attributes.to_owned(), Numbers::Sum(i64::try_from(number).unwrap_or(i64::MAX))).measured(definition)
}
