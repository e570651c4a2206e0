//! Exporters of the OpenTelemetry SDK as exporters of ours.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::runtime::Runtime;

use crate::exporter::{Batch, ExportError};
use crate::record::{Reason, Record, Resource};
use crate::remote::otlp::told::{self, SCHEMA_URL, Share, Told};

/// How long one batch may take; the SDK's own processors give as much.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long an exporter has for its own shutdown, after everything was handed to it.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Carries the records that somebody's exporter wants, and waits for it.
#[derive(Default)]
pub(super) struct Carrier {
    runtime: Option<Runtime>,
    resource: Option<Resource>,
}

impl Carrier {
    /// The records of a batch that are told; those that the sampler left out are counted.
    pub(super) fn wanted<'b>(batch: &Batch<'b>, share: impl Fn(&Record) -> Share) -> Vec<&'b Record> {
        let mut wanted = Vec::new();
        let mut unsampled = 0;
        for record in batch.records() {
            match share(record) {
                Share::Send => wanted.push(record),
                Share::Sampled => unsampled += 1,
                Share::Nothing => {}
            }
        }
        batch.lose(Reason::Sampled, unsampled);
        wanted
    }

    /// The resource where it is another one than before.
    pub(super) fn new_resource(&mut self, batch: &Batch<'_>) -> Option<opentelemetry_sdk::Resource> {
        if self.resource.as_ref() == Some(batch.resource()) {
            return None;
        }
        self.resource = Some(batch.resource().clone());
        let attributes = told::resource(batch.resource()).map(key_value);
        Some(opentelemetry_sdk::Resource::builder_empty().with_schema_url(attributes, SCHEMA_URL).build())
    }

    /// Waits for one batch, on a runtime of its own, as network exporters need one.
    pub(super) fn carry(&mut self, batch: &Batch<'_>, sent: impl Future<Output = OTelSdkResult>) -> Result<(), ExportError> {
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            none => none.insert(tokio::runtime::Builder::new_current_thread().enable_all().build()?),
        };
        let left = batch.patience().deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.unwrap_or(TIMEOUT).min(TIMEOUT);
        // What the exporter does is not to be told in turn.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        match runtime.block_on(async { tokio::time::timeout(timeout, sent).await }) {
            Ok(result) => result.map_err(failed),
            Err(_) if batch.patience().is_over() => {
                Err(ExportError::new(Reason::ShutdownDeadline, "shutdown's deadline has passed"))
            }
            Err(_) => Err(ExportError::new(Reason::RetryExpired, "the exporter did not come to an end")),
        }
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}

/// What an exporter of the SDK says, as a loss. Whether it tried again is its own affair.
pub(super) fn failed(error: OTelSdkError) -> ExportError {
    let (reason, message) = match error {
        OTelSdkError::AlreadyShutdown => (Reason::SinkIoError, "the exporter was shut down by somebody else"),
        OTelSdkError::Timeout(_) => (Reason::RetryExpired, "the exporter ran out of time"),
        OTelSdkError::InternalFailure(_) => (Reason::RejectedByRemote, "the exporter failed"),
    };
    ExportError::new(reason, message).because(error)
}

pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("campanile").with_version(env!("CARGO_PKG_VERSION")).with_schema_url(SCHEMA_URL).build()
}

pub(super) fn key_value((key, told): (String, Told)) -> KeyValue {
    let value = match told {
        Told::Bool(value) => Value::Bool(value),
        Told::Integer(value) => Value::I64(value),
        Told::Float(value) => Value::F64(value),
        Told::Text(value) => Value::String(value.into()),
        Told::Texts(values) => Value::Array(Array::String(values.into_iter().map(StringValue::from).collect())),
    };
    KeyValue::new(key, value)
}

/// A moment; one that no clock can show is the epoch.
pub(super) fn moment(unix_ns: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(unix_ns)).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The name of an exporter that is somebody else's.
pub(super) const fn name(name: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(name)
}
