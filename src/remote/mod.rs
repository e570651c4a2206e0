//! Exporters that send over a network: an [`Encoder`] makes a payload of records, a [`Sender`] carries it to the
//! receiver, and [`Remote`] does what is the same for all of them: batches, retries, halving, deadlines and counting.
//! [`RemoteMetrics`] does the same for metrics; both send through a [`Courier`](courier::Courier).
//!
//! What a peer sends is never trusted: little of it is read, its numbers are checked, and its texts are escaped before
//! they are shown.

mod clock;
mod courier;
mod measured;
mod notice;
pub mod otlp;
mod retry;
mod secret;
mod tls;
mod transport;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;

use self::measured::{Measured, MetricEncoder, RemoteMetrics};
pub(crate) use self::notice::Notices;
use self::retry::Remote;
pub use self::secret::Secret;
use crate::exporter::{Batch, Patience};
use crate::record::{Reason, Record, Resource};

/// A payload larger than this is not sent, as OTLP 1.11.0 asks for.
const MAX_PAYLOAD_BYTES: usize = 64 * 1024 * 1024;
/// How much of an answer is read; the connection is closed after that.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes into the payload.
    Send,
    /// It holds nothing for this receiver, so there is nothing to lose either.
    Nothing,
    /// The sampler decided against its trace.
    Sampled,
}

/// The records of a batch that are to be sent, and how many the sampler left out, which are counted as lost.
pub(crate) fn chosen<'b>(batch: &Batch<'b>, verdict: impl Fn(&Record) -> Verdict) -> (Vec<&'b Record>, u64) {
    let (mut chosen, mut unsampled) = (Vec::new(), 0);
    for record in batch.records() {
        match verdict(record) {
            Verdict::Send => chosen.push(record),
            Verdict::Nothing => {}
            Verdict::Sampled => unsampled += 1,
        }
    }
    if unsampled > 0 {
        batch.lose(Reason::Sampled, unsampled);
    }
    (chosen, unsampled)
}

/// Makes payloads.
trait Encoder: Send + 'static {
    /// Whether a record belongs into the payload.
    fn verdict(&self, record: &Record) -> Verdict;

    /// Appends the payload for `records` to `out`, which is empty.
    fn encode(&mut self, records: &[&Record], resource: &Resource, out: &mut Vec<u8>);
}

/// Carries payloads.
trait Sender: Send + 'static {
    /// Makes of an encoded payload the bytes that every attempt sends, such as by compressing; or takes it as it is.
    fn pack(&mut self, encoded: &mut Vec<u8>) -> Bytes {
        Bytes::from(std::mem::take(encoded))
    }

    /// One attempt; it ends at the sender's own timeout or at shutdown's deadline, whichever is earlier.
    fn send(&mut self, payload: &Bytes, patience: &Patience) -> Answer;
}

/// What became of a payload.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The receiver has it.
    Delivered,
    /// The receiver has it, with something to say about parts of it.
    Partly { rejected: u64, message: String },
    /// Trying again can help, after this time at least.
    Retry { after: Option<Duration>, why: String },
    /// It is too large for the receiver.
    Split,
    /// Trying again cannot help.
    Never { why: String },
}
