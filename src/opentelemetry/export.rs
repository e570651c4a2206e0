//! Exporters of the OpenTelemetry SDK as exporters of ours.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{self, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use tokio::runtime::Runtime;

use crate::exporter::{Batch, ExportError};
use crate::record::{Reason, Resource};
use crate::remote::otlp::told::{self, SCHEMA_URL, Told};

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
    /// The resource where it is another one than before.
    pub(super) fn new_resource(&mut self, batch: &Batch<'_>) -> Option<opentelemetry_sdk::Resource> {
        if self.resource.as_ref() == Some(batch.resource()) {
            return None;
        }
        self.resource = Some(batch.resource().clone());
        let attributes = told::resource(batch.resource()).map(key_value);
        Some(opentelemetry_sdk::Resource::builder_empty().with_schema_url(attributes, SCHEMA_URL).build())
    }

    /// Waits for one batch.
    ///
    /// Network exporters need a runtime around them, and blocking ones must not be polled by one: they start and end a
    /// runtime of their own. So ours runs beside, on a thread of its own, and this thread does the polling.
    pub(super) fn carry(&mut self, batch: &Batch<'_>, sent: impl Future<Output = OTelSdkResult>) -> Result<(), ExportError> {
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            none => none.insert(tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?),
        };
        let until = Instant::now() + TIMEOUT;
        let until = batch.patience().deadline().map_or(until, |deadline| deadline.min(until));
        // What the exporter does is not to be told in turn.
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        let _entered = runtime.enter();
        match wait(sent, until) {
            Some(result) => result.map_err(failed),
            None if batch.patience().is_over() => {
                Err(ExportError::new(Reason::ShutdownDeadline, "shutdown's deadline has passed"))
            }
            None => Err(ExportError::new(Reason::RetryExpired, "the exporter did not come to an end")),
        }
    }
}

/// Polls a future on this thread until it is done, or until then.
fn wait<T>(future: impl Future<Output = T>, until: Instant) -> Option<T> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = task::Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
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
