//! Where records go: the [`Exporter`] trait and the exporters that write on this machine.
//!
//! Each exporter runs on a thread of its own behind a bounded queue, so a slow one delays neither the application nor
//! another exporter. Exporters that send over a network live in their own modules, such as OTLP.

mod batch;
mod call;
#[cfg(feature = "console")]
mod console;
mod error;
mod file;
mod json;
mod lines;
mod memory;
#[cfg(test)]
mod samples;
#[cfg(feature = "store")]
mod store;
#[cfg(test)]
mod tests;

pub use self::batch::{Batch, Patience};
#[cfg(feature = "console")]
pub use self::console::Console;
pub use self::error::ExportError;
pub use self::file::File;
pub use self::json::{Json, Schema};
pub use self::memory::Memory;
#[cfg(feature = "store")]
pub use self::store::StoreExporter;

pub use crate::escape::{Escape, escape};

use std::borrow::Cow;
use std::time::Duration;

use crate::metrics::Snapshot;

/// Carries finished records out.
///
/// # Contract
/// `export` is called on the exporter's own thread, never twice at once, with at least one record. It may block: only
/// the exporter's own queue fills meanwhile, and what no longer fits is counted. `Ok` means that every record of the
/// batch was delivered, except those given up with [`Batch::lose`]; an error means that the rest was lost for the
/// error's reason. It is not called again with the same records: an exporter that can try again does so inside
/// `export`, with [`Batch::patience`] to wait. A panic is caught and counted; the exporter goes on with the next batch.
/// What it logs through `tracing` or `log` on its own thread is not captured.
///
/// # Example
/// ```
/// use campanile::exporter::{Batch, ExportError, Exporter};
///
/// /// Counts failed requests.
/// #[derive(Default)]
/// struct Failures(u64);
///
/// impl Exporter for Failures {
///     fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
///         self.0 += batch.records().filter(|record| record.is_failed()).count() as u64;
///         Ok(())
///     }
/// }
/// ```
pub trait Exporter: Send + 'static {
    /// Writes or sends a batch.
    ///
    /// # Errors
    /// When records of the batch were lost.
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError>;

    /// Writes or sends the metrics, of an exporter that [wants them](Self::wants_metrics).
    ///
    /// Called every minute or as the settings say, before a flush and at shutdown, on the same thread as
    /// [`export`](Self::export). It may block as that may: a snapshot that waits meanwhile gives way to the next one,
    /// which says all that it said. `patience` ends a wait at shutdown.
    ///
    /// # Errors
    /// When it did not get through. Nothing is lost by that while the pipeline runs: the next snapshot has it too.
    fn export_metrics(&mut self, snapshot: &Snapshot, patience: &Patience) -> Result<(), ExportError> {
        let _ = (snapshot, patience);
        Ok(())
    }

    /// Makes what was exported durable or visible; called when nothing is queued, at flush and at shutdown.
    ///
    /// # Errors
    /// When that fails; nothing is counted as lost for it.
    fn flush(&mut self) -> Result<(), ExportError> {
        Ok(())
    }

    /// The word that reports and counters use for it.
    fn name(&self) -> Cow<'static, str> {
        let path = std::any::type_name::<Self>();
        Cow::Borrowed(path.rsplit("::").next().unwrap_or(path))
    }

    /// Whether it shows events while their request is still running, as records of [`Kind::Live`](crate::record::Kind::Live).
    ///
    /// It is then given requests and events at the console's level only: neither spans nor quieter events outside
    /// requests.
    fn wants_live(&self) -> bool {
        false
    }

    /// Whether it is given reports about requests that are still running, as records of
    /// [`Kind::Partial`](crate::record::Kind::Partial).
    ///
    /// Each replaces the one before of the same span. One without a [number](crate::record::Record::report) takes them back:
    /// the request is in flight no longer, whether its own record arrives or is lost. They are in no count of
    /// [`ExporterStats`](crate::ExporterStats).
    fn wants_partial(&self) -> bool {
        false
    }

    /// Whether it is given metrics. As long as no exporter wants them, none are made.
    fn wants_metrics(&self) -> bool {
        false
    }

    /// Whether it is given records; one that carries nothing but metrics is not.
    fn wants_records(&self) -> bool {
        true
    }

    /// Whether it is given requests that the sampler did not choose and that nothing went wrong with.
    ///
    /// One that says no is given such a request only with an error on it; the others are counted as
    /// [`Reason::Sampled`](crate::record::Reason::Sampled). Where all exporters say no, none shows anything at once and
    /// [no keep rule](crate::Keep::none) can want it, hardly anything of such a request is recorded: one that fails then
    /// has its ids, times, route, status and errors alone.
    ///
    /// # Default
    /// Yes. Exporters that send traces to a collector say no.
    fn wants_unsampled(&self) -> bool {
        true
    }

    /// How much it takes at once.
    fn pace(&self) -> Pace {
        Pace::default()
    }
}

/// When a batch is handed over: at whichever bound is reached first.
///
/// # Default
/// 512 records, no delay: what is there is handed over as soon as the exporter is free. Records of more than 2 MiB wait for
/// nothing in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// Records in one batch, at most.
    pub max_records: usize,
    /// How long the first record of a batch waits for company.
    pub max_delay: Duration,
    /// Records of so many bytes that came within 10 ms are handed over at once: at such a rate there is company enough, and the
    /// processor still has them at hand. Fewer bytes mean more batches.
    pub fast_bytes: usize,
    /// Records in the queue, at most. The queue also has a bound in bytes.
    pub max_queue: usize,
}

impl Default for Pace {
    fn default() -> Self {
        let (max_records, max_delay) = (512, Duration::ZERO);
        Self { max_records, max_delay, fast_bytes: usize::MAX, max_queue: Self::DEFAULT_MAX_QUEUE }
    }
}

impl Pace {
    /// Records in one exporter's queue, at most.
    pub const DEFAULT_MAX_QUEUE: usize = 8192;
}
