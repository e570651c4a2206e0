//! Names of our own attributes, which complete what OTLP tells of a record.

/// Everything about a record that OTLP has no place for. It stands on the record's first span, else on its first log record,
/// and makes it one that was written here.
pub(super) const RECORD: &str = "campanile.record";
/// The level of a span of `tracing`.
pub(super) const LEVEL: &str = "campanile.span.level";
/// A span that had not ended.
pub(super) const OPEN: &str = "campanile.span.open";
/// A span or an event that names no span around it.
pub(super) const TOP: &str = "campanile.top";
/// A log record that stands for a failure alone, and for no event.
pub(super) const FAILURE_ALONE: &str = "campanile.failure.alone";
/// Values of the trailers of this name.
pub(super) const TRAILER: &str = "campanile.response.trailer.";
/// What kind of failure an event tells of, as `otlp` writes it.
pub(super) const FAILURE_KIND: &str = "campanile.failure.kind";
/// Which group it made its record belong to, as `otlp` writes it.
pub(super) const GROUP: &str = "campanile.group";
