//! What a remote exporter does with metrics.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

use super::courier::{Courier, Part};
use super::{Notices, Sender};
use crate::exporter::{Batch, ExportError, Exporter, Patience};
use crate::metrics::{Metric, Point, Snapshot};
use crate::record::Reason;

/// A point and the metric that it is of.
pub(super) type Measured<'a> = (&'a Metric, &'a Point);

/// Makes payloads of metrics.
pub(super) trait MetricEncoder: Send + 'static {
    /// Appends the payload for `points`, those of one metric next to each other, to `out`, which is empty.
    fn encode(&mut self, points: &[Measured<'_>], snapshot: &Snapshot, out: &mut Vec<u8>);
}

/// An exporter of metrics out of an encoder and a sender.
///
/// Where deltas are wanted, they are what came since the last snapshot that was delivered: an export that fails takes
/// nothing with it, the next delta is just longer.
pub(super) struct RemoteMetrics<E, S> {
    encoder: E,
    courier: Courier<S>,
    has_deltas: bool,
    delivered: Option<Snapshot>,
}

impl<E, S> RemoteMetrics<E, S> {
    /// A set of metrics is tried for `retry_for`.
    pub(super) fn new(
        name: &'static str,
        retry_for: Duration,
        has_deltas: bool,
        encoder: E,
        sender: S,
        notices: Notices,
    ) -> Self {
        Self { encoder, courier: Courier::new(name, retry_for, sender, notices), has_deltas, delivered: None }
    }

    /// Drives time by hand.
    #[cfg(test)]
    pub(super) fn with_clock(mut self, clock: impl super::clock::Clock + 'static) -> Self {
        self.courier = self.courier.with_clock(clock);
        self
    }
}

impl<E: MetricEncoder, S: Sender> RemoteMetrics<E, S> {
    /// Sends points in one payload, or in as many as the receiver makes us; what is refused is counted.
    fn deliver(&mut self, points: &[Measured<'_>], snapshot: &Snapshot, patience: &Patience) -> Result<u64, ExportError> {
        let began: Instant = self.courier.now();
        let mut rejected = 0;
        let mut rest = vec![points];
        while let Some(part) = rest.pop() {
            if patience.is_over() {
                return Err(ExportError::new(Reason::ShutdownDeadline, "shutdown's deadline has passed"));
            }
            let Self { encoder, courier, .. } = self;
            let sent = match courier.pack(|out| encoder.encode(part, snapshot, out)) {
                Some(payload) => courier.send(payload, patience, began),
                None => Part::Split,
            };
            match sent {
                Part::Delivered => {}
                Part::Partly { rejected: count, message } => {
                    let count = count.min(part.len() as u64);
                    rejected += count;
                    self.courier.raise("partly", format_args!("the receiver rejected {count} points: {message}"));
                }
                Part::Split if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    rest.extend([second, first]);
                }
                Part::Split => return Err(ExportError::new(Reason::TooLarge, "one point is too large")),
                Part::Lost { reason, why } => return Err(ExportError::new(reason, why)),
            }
        }
        Ok(rejected)
    }
}

impl<E: MetricEncoder, S: Sender> Exporter for RemoteMetrics<E, S> {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        Ok(())
    }

    fn export_metrics(&mut self, snapshot: &Snapshot, patience: &Patience) -> Result<(), ExportError> {
        let delta = match &self.delivered {
            Some(delivered) if self.has_deltas => snapshot.since(delivered),
            // The first delta is everything so far.
            None if self.has_deltas => snapshot.since(&Snapshot::empty_of(snapshot)),
            _ => snapshot.clone(),
        };
        let points: Vec<Measured<'_>> =
            delta.metrics().iter().flat_map(|metric| metric.points().iter().map(move |point| (metric, point))).collect();
        if points.is_empty() {
            return Ok(());
        }
        let rejected = self.deliver(&points, &delta, patience)?;
        // What was rejected is not sent again either.
        self.delivered = self.has_deltas.then(|| snapshot.clone());
        match rejected {
            0 => Ok(()),
            count => Err(ExportError::new(Reason::RejectedByRemote, format!("the receiver rejected {count} points"))),
        }
    }

    fn wants_metrics(&self) -> bool {
        true
    }

    fn wants_records(&self) -> bool {
        false
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.courier.name)
    }
}

impl<E, S> fmt::Debug for RemoteMetrics<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteMetrics").field("name", &self.courier.name).finish_non_exhaustive()
    }
}
