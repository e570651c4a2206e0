//! What was lost, by reason.

use std::fmt;

/// Why something was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A bounded queue had no room; the newest was dropped.
    QueueFull,
    /// The byte budget for everything in memory was used up.
    MemoryBudget,
    /// One record alone was larger than the receiver takes.
    TooLarge,
    /// A record could not be encoded.
    EncodeError,
    /// The receiver refused it for good.
    RejectedByRemote,
    /// The receiver could not be reached for as long as retries last.
    RetryExpired,
    /// The sampler decided against it.
    Sampled,
    /// Shutdown's deadline came first.
    ShutdownDeadline,
    /// Writing to a file, a terminal or the store failed.
    SinkIoError,
    /// An exporter panicked, or its thread could not be started.
    InternalPanic,
    /// The disk that the store is on is nearly full.
    DiskFloor,
    /// A setting asked not to hear of requests like it, and it went well.
    Quiet,
    /// Its secrets could not be taken out.
    RedactionError,
}

impl Reason {
    /// Every reason, in a fixed order.
    pub const ALL: [Self; 13] = [
        Self::QueueFull,
        Self::MemoryBudget,
        Self::TooLarge,
        Self::EncodeError,
        Self::RejectedByRemote,
        Self::RetryExpired,
        Self::Sampled,
        Self::ShutdownDeadline,
        Self::SinkIoError,
        Self::InternalPanic,
        Self::DiskFloor,
        Self::Quiet,
        Self::RedactionError,
    ];

    /// The word that every output uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::MemoryBudget => "memory_budget",
            Self::TooLarge => "too_large",
            Self::EncodeError => "encode_error",
            Self::RejectedByRemote => "rejected_by_remote",
            Self::RetryExpired => "retry_expired",
            Self::Sampled => "sampled",
            Self::ShutdownDeadline => "shutdown_deadline",
            Self::SinkIoError => "sink_io_error",
            Self::InternalPanic => "internal_panic",
            Self::DiskFloor => "disk_floor",
            Self::Quiet => "quiet",
            Self::RedactionError => "redaction_error",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Counts by [`Reason`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses([u64; Reason::ALL.len()]);

impl Losses {
    /// How many were lost for this reason.
    #[must_use]
    pub fn of(&self, reason: Reason) -> u64 {
        self.0.get(reason as usize).copied().unwrap_or_default()
    }

    /// How many were lost in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The reasons that have a count, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().zip(self.0.iter().copied()).filter(|(_, count)| *count > 0)
    }

    /// Counts `count` more.
    pub(crate) fn add(&mut self, reason: Reason, count: u64) {
        if let Some(slot) = self.0.get_mut(reason as usize) {
            *slot = slot.saturating_add(count);
        }
    }

    /// Without what was left out because a setting asked for it.
    pub(crate) fn unasked(mut self) -> Self {
        if let Some(slot) = self.0.get_mut(Reason::Quiet as usize) {
            *slot = 0;
        }
        self
    }

    /// What `self` has more than `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut out = Self::default();
        for ((slot, now), before) in out.0.iter_mut().zip(&self.0).zip(&earlier.0) {
            *slot = now.saturating_sub(*before);
        }
        out
    }
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (reason, count) in self.iter() {
            write!(f, "{separator}{reason} {count}")?;
            separator = ", ";
        }
        if separator.is_empty() { f.write_str("nothing") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_place() {
        let mut losses = Losses::default();
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            losses.add(reason, index as u64 + 1);
        }
        for (index, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(losses.of(reason), index as u64 + 1, "{reason}");
        }
        assert_eq!(losses.total(), 91);
    }
}
