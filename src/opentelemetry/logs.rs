//! Events and failures through a log exporter of the SDK.

use std::borrow::Cow;
use std::fmt;

use opentelemetry::InstrumentationScope;
use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord, SdkLogger, SdkLoggerProvider};
use tracing::Level;

use super::export::{Carrier, LAST_WORDS, moment, scope};
use super::spans::{of_flags, of_id};
use crate::exporter::{Batch, ExportError, Exporter};
use crate::record::{Record, SpanId};
use crate::remote::chosen;
use crate::remote::otlp::told::{self, EXCEPTION, List, Told};

/// Carries each event of a sampled request, each failure of any, and events outside any request to any log exporter of
/// `opentelemetry_sdk`.
///
/// Attributes are those of the exporter of [`otlp`](crate::otlp). Batches are not tried again: that is the given
/// exporter's own affair.
pub struct Logs<E: LogExporter> {
    exporter: E,
    carrier: Carrier,
    /// Only it can make log records; it has no processor of its own.
    logger: SdkLogger,
    scope: InstrumentationScope,
}

impl<E: LogExporter + 'static> Logs<E> {
    /// Carries log records to `exporter`.
    pub fn new(exporter: E) -> Self {
        let logger = SdkLoggerProvider::builder().build().logger("campanile");
        Self { exporter, carrier: Carrier::default(), logger, scope: scope() }
    }

    fn logs(&self, record: &Record) -> Vec<SdkLogRecord> {
        let events = told::events(record).map(|event| {
            let (name, list) = told::event(record, &event);
            let mut log = self.log(record, event.unix_ns(), event.span_id(), event.level(), list);
            if name == EXCEPTION {
                log.set_event_name(EXCEPTION);
            }
            if !event.message().is_empty() {
                log.set_body(AnyValue::from(event.message().to_owned()));
            }
            log
        });
        let failures = told::failures(record).map(|failure| {
            let unix_ns = record.start_unix_ns().saturating_add(failure.time_ns());
            let mut log = self.log(record, unix_ns, failure.span_id(), Level::ERROR, told::failure(record, &failure));
            log.set_event_name(EXCEPTION);
            log.set_body(AnyValue::from(failure.message().to_owned()));
            log
        });
        events.chain(failures).collect()
    }

    fn log(&self, record: &Record, unix_ns: u64, span: Option<SpanId>, level: Level, list: List) -> SdkLogRecord {
        let mut log = self.logger.create_log_record();
        log.set_timestamp(moment(unix_ns));
        log.set_observed_timestamp(moment(unix_ns));
        log.set_severity_number(severity(level));
        log.set_severity_text(level.as_str());
        if let Some(trace) = record.trace_id() {
            let around = Some(record.span_id()).filter(|id| id.is_valid());
            let trace = opentelemetry::TraceId::from_bytes(trace.0);
            log.set_trace_context(trace, of_id(span.or(around)), Some(of_flags(record.trace_flags())));
        }
        log.add_attributes(list.attributes.into_iter().map(|(key, told)| (key, any(told))));
        log
    }
}

impl<E: LogExporter + 'static> Exporter for Logs<E> {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let (records, _) = chosen(batch, told::in_logs);
        if records.is_empty() {
            return Ok(());
        }
        if let Some(resource) = self.carrier.new_resource(batch) {
            self.exporter.set_resource(&resource);
        }
        let logs: Vec<_> = records.into_iter().flat_map(|record| self.logs(record)).collect();
        let logs: Vec<_> = logs.iter().map(|log| (log, &self.scope)).collect();
        self.carrier.carry(batch, self.exporter.export(LogBatch::new(&logs)))
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("opentelemetry_logs")
    }

    fn wants_unsampled(&self) -> bool {
        false
    }
}

impl<E: LogExporter> Drop for Logs<E> {
    fn drop(&mut self) {
        let _ = self.exporter.shutdown_with_timeout(LAST_WORDS);
    }
}

impl<E: LogExporter> fmt::Debug for Logs<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").finish_non_exhaustive()
    }
}

const fn severity(level: Level) -> Severity {
    match level {
        Level::TRACE => Severity::Trace,
        Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warn,
        Level::ERROR => Severity::Error,
    }
}

fn any(told: Told) -> AnyValue {
    match told {
        Told::Bool(value) => AnyValue::Boolean(value),
        Told::Integer(value) => AnyValue::Int(value),
        Told::Float(value) => AnyValue::Double(value),
        Told::Text(value) => AnyValue::from(value),
        Told::Texts(values) => AnyValue::ListAny(Box::new(values.into_iter().map(AnyValue::from).collect())),
    }
}
