//! Ids that nobody chose: fast, from a generator of each thread's own.

use crate::record::{SpanId, TraceId};

/// A new trace id, all bytes random.
pub(crate) fn trace_id() -> TraceId {
    loop {
        let id = TraceId(fastrand::u128(..).to_be_bytes());
        if id.is_valid() {
            return id;
        }
    }
}

/// A new span id.
pub(crate) fn span_id() -> SpanId {
    loop {
        let id = SpanId(fastrand::u64(..).to_be_bytes());
        if id.is_valid() {
            return id;
        }
    }
}
