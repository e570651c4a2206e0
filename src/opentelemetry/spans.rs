//! Requests and their spans through a span exporter of the SDK.

use std::borrow::Cow;
use std::fmt;

use opentelemetry::trace::{Link, SpanContext, SpanKind, Status, TraceFlags};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};

use super::context::of_ours;
use super::export::{Carrier, LAST_WORDS, failed, key_value, moment, scope};
use crate::capture::ForeignSpan;
use crate::exporter::{Batch, ExportError, Exporter};
use crate::record::{self, Kind, Record};
use crate::remote::chosen;
use crate::remote::otlp::told::{self, List};

/// Carries each sampled request, and the spans inside it, to any span exporter of `opentelemetry_sdk`.
///
/// Attributes are those of the exporter of [`otlp`](crate::otlp). Batches are not tried again: that is the given
/// exporter's own affair.
///
/// # Example
/// ```no_run
/// # fn start(exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static) -> Result<(), campanile::BuildError> {
/// use campanile::opentelemetry::Spans;
///
/// let telemetry = campanile::builder().exporter(Spans::new(exporter)).build()?;
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
pub struct Spans<E: SpanExporter> {
    exporter: E,
    carrier: Carrier,
}

impl<E: SpanExporter + 'static> Spans<E> {
    /// Carries spans to `exporter`.
    pub fn new(exporter: E) -> Self {
        Self { exporter, carrier: Carrier::default() }
    }
}

impl<E: SpanExporter + 'static> Exporter for Spans<E> {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let (records, _) = chosen(batch, told::in_spans);
        if records.is_empty() {
            return Ok(());
        }
        if let Some(resource) = self.carrier.new_resource(batch) {
            self.exporter.set_resource(&resource);
        }
        let spans = records.into_iter().flat_map(spans).collect();
        self.carrier.carry(batch, self.exporter.export(spans))
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        self.exporter.force_flush().map_err(failed)
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("opentelemetry_spans")
    }

    fn wants_unsampled(&self) -> bool {
        false
    }
}

impl<E: SpanExporter> Drop for Spans<E> {
    fn drop(&mut self) {
        let _ = self.exporter.shutdown_with_timeout(LAST_WORDS);
    }
}

impl<E: SpanExporter> fmt::Debug for Spans<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}

fn spans(record: &Record) -> impl Iterator<Item = SpanData> {
    let own = (record.kind() == Kind::Request).then(|| request(record));
    own.into_iter().chain(record.spans().map(|span| child(record, &span)))
}

fn request(record: &Record) -> SpanData {
    let context = context(record, record.span_id());
    let links = record
        .linked_span()
        .map(|(trace_id, span_id, trace_flags)| Link::with_context(of_ours(ForeignSpan { trace_id, span_id, trace_flags }, "")));
    let times = (record.start_unix_ns(), record.end_unix_ns());
    let mut data = data(context, told::name(record), SpanKind::Server, times, record.is_failed(), told::request(record));
    data.parent_span_id = of_id(record.parent_span_id());
    data.parent_span_is_remote = record.parent_is_remote();
    let mut all = SpanLinks::default();
    all.links.extend(links);
    data.links = all;
    data
}

fn child(record: &Record, span: &record::Span<'_>) -> SpanData {
    let around = (record.kind() == Kind::Request).then(|| record.span_id());
    let start = record.start_unix_ns();
    let times = (start.saturating_add(span.start_ns()), start.saturating_add(span.end_ns()));
    let kind = match span.kind() {
        record::SpanKind::Internal => SpanKind::Internal,
        record::SpanKind::Server => SpanKind::Server,
        record::SpanKind::Client => SpanKind::Client,
        record::SpanKind::Producer => SpanKind::Producer,
        record::SpanKind::Consumer => SpanKind::Consumer,
    };
    let context = context(record, span.id());
    let failed = span.error_type().is_some();
    let mut data = data(context, span.name().to_owned(), kind, times, failed, told::child(span));
    data.parent_span_id = of_id(span.parent_id().or(around));
    data
}

fn data(context: SpanContext, name: String, kind: SpanKind, times: (u64, u64), failed: bool, list: List) -> SpanData {
    SpanData {
        span_context: context,
        parent_span_id: opentelemetry::SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: kind,
        name: name.into(),
        start_time: moment(times.0),
        end_time: moment(times.1),
        attributes: list.attributes.into_iter().map(key_value).collect(),
        dropped_attributes_count: list.dropped,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        // Without a description: a message may hold what is private.
        status: if failed { Status::error("") } else { Status::Unset },
        instrumentation_scope: scope(),
    }
}

fn context(record: &Record, span_id: record::SpanId) -> SpanContext {
    let span = ForeignSpan { trace_id: told::trace_id(record), span_id, trace_flags: record.trace_flags() };
    of_ours(span, record.trace_state())
}

pub(super) fn of_id(id: Option<record::SpanId>) -> opentelemetry::SpanId {
    id.map_or(opentelemetry::SpanId::INVALID, |id| opentelemetry::SpanId::from_bytes(id.0))
}

pub(super) const fn of_flags(flags: record::TraceFlags) -> TraceFlags {
    TraceFlags::new(flags.0)
}
