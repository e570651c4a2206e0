//! What was taken, delivered and lost: the ledger of a pipeline.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::record::{Losses, Reason};

/// Counters that any thread adds to.
#[derive(Debug, Default)]
pub(super) struct Counts {
    offered: AtomicU64,
    live: AtomicU64,
    forwarded: AtomicU64,
    lost: [AtomicU64; Reason::ALL.len()],
    refused_ids: AtomicU64,
    refused_tokens: AtomicU64,
}

impl Counts {
    pub(super) fn offer(&self, is_live: bool) {
        self.offered.fetch_add(1, Ordering::Relaxed);
        if is_live {
            self.live.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn forward(&self, count: u64) {
        self.forwarded.fetch_add(count, Ordering::AcqRel);
    }

    pub(super) fn lose(&self, reason: Reason, count: u64) {
        if let Some(counter) = self.lost.get(reason as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(super) fn refuse_id(&self) {
        self.refused_ids.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refuse_token(&self) {
        self.refused_tokens.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn losses(&self) -> Losses {
        let mut losses = Losses::default();
        for (reason, counter) in Reason::ALL.into_iter().zip(&self.lost) {
            losses.add(reason, counter.load(Ordering::Relaxed));
        }
        losses
    }

    pub(super) fn snapshot(&self, queued: u64, memory_bytes: usize, exporters: Vec<ExporterStats>) -> Stats {
        Stats {
            offered: self.offered.load(Ordering::Relaxed),
            live: self.live.load(Ordering::Relaxed),
            forwarded: self.forwarded.load(Ordering::Acquire),
            dropped: self.losses(),
            queued,
            memory_bytes,
            inbound_ids_refused: self.refused_ids.load(Ordering::Relaxed),
            debug_tokens_refused: self.refused_tokens.load(Ordering::Relaxed),
            body_bytes: 0,
            exporters,
        }
    }
}

/// What a pipeline took, handed on and lost, up to now.
///
/// # Shape
/// When nothing is moving, `offered == forwarded + dropped.total() + queued`, and of each exporter
/// `offered == delivered + dropped.total() + queued`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Records that were finished, and events that were shown while their request was still running.
    pub offered: u64,
    /// How many of `offered` were such events.
    pub live: u64,
    /// Records that were handed on to the exporters.
    pub forwarded: u64,
    /// Records that were lost before any exporter had them, and those that settings asked to leave out
    /// ([`Reason::Quiet`]).
    pub dropped: Losses,
    /// Records that wait to be handed on.
    pub queued: u64,
    /// Memory that all records in the pipeline take, in bytes.
    pub memory_bytes: usize,
    /// Requests whose `x-request-id` was not taken: not of the right form, more than one, or of a peer that is not trusted.
    pub inbound_ids_refused: u64,
    /// Debug tokens that were refused: forged, expired, revoked, or for another service or user.
    pub debug_tokens_refused: u64,
    /// What requests in flight hold of [captured bodies](crate::Bodies), in bytes.
    pub body_bytes: usize,
    /// The exporters, in the order in which they were added.
    pub exporters: Vec<ExporterStats>,
}

/// What one exporter was given, delivered and lost, up to now.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ExporterStats {
    /// The exporter's name.
    pub name: String,
    /// Records that were handed to it.
    pub offered: u64,
    /// Records that it delivered.
    pub delivered: u64,
    /// Records that were lost on the way.
    pub dropped: Losses,
    /// Records that wait, those in the exporter's hands included.
    pub queued: u64,
    /// Exports of metrics that succeeded.
    pub metrics_delivered: u64,
    /// Exports of metrics that failed. What they held is in the next one; after shutdown's there is none.
    pub metrics_failed: u64,
}

/// How a shutdown went.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The final counts; whatever was still waiting at the deadline is counted as dropped.
    pub stats: Stats,
    /// How long it took.
    pub took: Duration,
    /// Whether everything was over before the deadline.
    pub in_time: bool,
}

impl Report {
    /// Records that were lost anywhere on the way, exporter by exporter. What settings asked to leave out is not lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let before = self.stats.dropped.clone().unasked().total();
        self.stats.exporters.iter().fold(before, |sum, exporter| sum + exporter.dropped.total())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = self.stats.offered.saturating_sub(self.stats.live);
        write!(f, "{records} record{}", if records == 1 { "" } else { "s" })?;
        if self.stats.live > 0 {
            write!(f, " and {} events shown at once", self.stats.live)?;
        }
        write!(f, " in {:.1?}", self.took)?;
        for exporter in &self.stats.exporters {
            let is_of_metrics = exporter.offered == 0 && exporter.metrics_delivered + exporter.metrics_failed > 0;
            if is_of_metrics {
                write!(f, "; {}: {} exports delivered", exporter.name, exporter.metrics_delivered)?;
            } else {
                write!(f, "; {}: {} delivered", exporter.name, exporter.delivered)?;
            }
            if exporter.metrics_failed > 0 {
                write!(f, ", exports of metrics that failed: {}", exporter.metrics_failed)?;
            }
            if exporter.dropped.total() > 0 {
                write!(f, ", dropped: {}", exporter.dropped)?;
            }
        }
        if self.stats.dropped.total() > 0 {
            write!(f, "; dropped before export: {}", self.stats.dropped)?;
        }
        if self.in_time { Ok(()) } else { f.write_str("; not finished in time") }
    }
}
