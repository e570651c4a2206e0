//! Where to send to, and how.

use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::encode::{Logs, Sends, Traces};
use super::encode_metric::Metrics;
use super::endpoint::{Endpoint, header};
use super::{Secret, Signal, Transport};
use crate::BuildError;
use crate::exporter::{Exporter, Pace};
use crate::remote::tls::{Files, Named};
use crate::remote::{Encoder, Notices, Remote, RemoteMetrics};

/// Some 60 usual records: what the processor still has at hand together with what is written of it.
const FAST_BYTES: usize = 256 * 1024;

/// How OTLP is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// Protobuf over HTTP/1.1, usually port 4318.
    #[default]
    HttpProtobuf,
    /// gRPC, usually port 4317. Needs the feature `otlp-grpc`.
    Grpc,
}

/// Whether payloads are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// As they are.
    #[default]
    None,
    /// gzip.
    Gzip,
}

/// From when on the numbers of metrics count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Temporality {
    /// From the start of the process.
    #[default]
    Cumulative,
    /// From the last export that got through; up-down-counters from the start of the process all the same.
    Delta,
}

/// Settings of the OTLP exporters.
///
/// # Example
/// ```
/// use campanile::otlp::Otlp;
///
/// # fn main() -> Result<(), campanile::BuildError> {
/// let otlp = Otlp::new("http://localhost:4318").header("x-api-key", "…");
/// let (traces, logs, metrics) = (otlp.clone().traces()?, otlp.clone().logs()?, otlp.metrics()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Otlp {
    /// A secret because it may hold a user and a password.
    endpoint: Secret,
    endpoint_key: String,
    is_exact: bool,
    protocol: Protocol,
    headers: Vec<(String, Secret)>,
    sends: Sends,
    least: LevelFilter,
    compression: Compression,
    timeout: Duration,
    files: Files,
    pace: Pace,
    metric_timeout: Duration,
    temporality: Temporality,
    notices: Notices,
}

impl Otlp {
    /// How long one attempt may take.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long the first record of a batch waits for company.
    pub const DEFAULT_DELAY: Duration = Duration::from_secs(1);

    /// How long one set of metrics is tried.
    pub const DEFAULT_METRIC_TIMEOUT: Duration = Duration::from_secs(30);

    /// Sends to a base URL such as `http://localhost:4318`; over HTTP, `v1/traces`, `v1/logs` and `v1/metrics` are
    /// appended.
    ///
    /// A user and a password in it are sent as basic authorization.
    pub fn new(endpoint: impl Into<Secret>) -> Self {
        Self {
            endpoint: endpoint.into(),
            endpoint_key: "Otlp::new".to_owned(),
            is_exact: false,
            protocol: Protocol::default(),
            headers: Vec::new(),
            sends: Sends::default(),
            least: LevelFilter::TRACE,
            compression: Compression::default(),
            timeout: Self::DEFAULT_TIMEOUT,
            files: Files::default(),
            pace: Pace { max_delay: Self::DEFAULT_DELAY, fast_bytes: FAST_BYTES, ..Pace::default() },
            metric_timeout: Self::DEFAULT_METRIC_TIMEOUT,
            temporality: Temporality::default(),
            notices: Notices::to(crate::warn::say),
        }
    }

    /// Least level of the events that are sent as log records; failures are sent whatever it says.
    ///
    /// # Default
    /// TRACE: whatever was [kept](crate::Keep).
    pub fn level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.least = level.into();
        self
    }

    /// Sends to exactly this URL, with nothing appended.
    pub fn exact(url: impl Into<Secret>) -> Self {
        Self { is_exact: true, endpoint_key: "Otlp::exact".to_owned(), ..Self::new(url) }
    }

    /// How it is carried.
    ///
    /// # Default
    /// [`Protocol::HttpProtobuf`].
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Adds a header to every request, such as an API key; the same name again replaces the value.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        let name = name.into();
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        self.headers.push((name, value.into()));
        self
    }

    /// Whether payloads are compressed.
    ///
    /// # Default
    /// [`Compression::None`].
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// How long one attempt may take, from connecting to the last byte of the answer.
    ///
    /// # Default
    /// [`Otlp::DEFAULT_TIMEOUT`]. Zero means no limit; shutdown's deadline ends an attempt in any case.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A PEM file with the certificates to trust, instead of the system's.
    pub fn certificate(self, path: impl Into<PathBuf>) -> Self {
        self.certificate_of("Otlp::certificate", path.into())
    }

    /// PEM files with our own certificate chain and its private key, for receivers that ask who is calling.
    pub fn client_certificate(self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.client_chain_of("Otlp::client_certificate", chain.into()).client_key_of("Otlp::client_certificate", key.into())
    }

    /// When a batch is sent: after so many records, or so long after the first. Where records come faster than 256 KiB of them
    /// in 10 ms, it is sent with fewer.
    ///
    /// # Default
    /// 512 records, [`Otlp::DEFAULT_DELAY`].
    ///
    /// # When full
    /// The queue holds 8,192 records; what no longer fits is dropped and counted.
    pub fn pace(mut self, max_records: usize, max_delay: Duration) -> Self {
        self.pace.max_records = max_records.max(1);
        self.pace.max_delay = max_delay;
        self
    }

    /// Whether the headers of requests and responses go along as attributes (`http.request.header.<name>`), as far as
    /// their values are recorded at all.
    ///
    /// # Default
    /// They do not. The conventions leave them to whoever asks.
    pub fn captured_headers(mut self, send: bool) -> Self {
        self.sends.headers = send;
        self
    }

    /// Whether captured [bodies](crate::Bodies) go along as attributes (`http.request.body.content`,
    /// `http.response.body.content`).
    ///
    /// # Default
    /// They do not; with [`Builder::from_env`](crate::Builder::from_env) they do where `CAMPANILE_BODIES` or
    /// [`Builder::capture_bodies`](crate::Builder::capture_bodies) asks for them.
    pub fn captured_bodies(mut self, send: bool) -> Self {
        self.sends.bodies = send;
        self
    }

    /// How long one set of metrics is tried, attempts and waits together.
    ///
    /// # Default
    /// [`Otlp::DEFAULT_METRIC_TIMEOUT`]. Zero means no limit: the newest set then waits behind it.
    pub fn metric_timeout(mut self, timeout: Duration) -> Self {
        self.metric_timeout = timeout;
        self
    }

    /// From when on the numbers of metrics count.
    ///
    /// # Default
    /// [`Temporality::Cumulative`].
    pub fn temporality(mut self, temporality: Temporality) -> Self {
        self.temporality = temporality;
        self
    }

    /// The exporter of spans.
    ///
    /// # Errors
    /// When a setting cannot be followed, such as an endpoint without a scheme.
    pub fn traces(self) -> Result<impl Exporter, BuildError> {
        let encoder = Traces::with(self.sends);
        self.build(Signal::Traces, encoder)
    }

    /// The exporter of log records.
    ///
    /// # Errors
    /// When a setting cannot be followed, such as an endpoint without a scheme.
    pub fn logs(self) -> Result<impl Exporter, BuildError> {
        let least = self.least;
        self.build(Signal::Logs, Logs::with(least))
    }

    /// The exporter of metrics.
    ///
    /// # Errors
    /// When a setting cannot be followed, such as an endpoint without a scheme.
    pub fn metrics(self) -> Result<impl Exporter, BuildError> {
        self.build_metrics()
    }

    pub(in crate::remote) fn build_metrics(self) -> Result<RemoteMetrics<Metrics, Transport>, BuildError> {
        let signal = Signal::Metrics;
        let retry_for = if self.metric_timeout.is_zero() { Duration::MAX } else { self.metric_timeout };
        let has_deltas = self.temporality == Temporality::Delta;
        let (transport, notices) = self.transport(signal)?;
        Ok(RemoteMetrics::new(signal.exporter_name(), retry_for, has_deltas, Metrics::default(), transport, notices))
    }

    /// The exporter of spans with its insides.
    #[cfg(test)]
    pub(in crate::remote) fn build_traces(self) -> Result<Remote<Traces, Transport>, BuildError> {
        let encoder = Traces::with(self.sends);
        self.build(Signal::Traces, encoder)
    }

    fn build<E: Encoder>(self, signal: Signal, encoder: E) -> Result<Remote<E, Transport>, BuildError> {
        let pace = self.pace;
        let (transport, notices) = self.transport(signal)?;
        Ok(Remote::new(signal.exporter_name(), pace, encoder, transport, notices))
    }

    fn transport(self, signal: Signal) -> Result<(Transport, Notices), BuildError> {
        let exact = self.is_exact || self.protocol == Protocol::Grpc;
        let endpoint = Endpoint::parse(&self.endpoint_key, self.endpoint.expose(), (!exact).then(|| signal.path()))?;
        let mut headers = ::http::HeaderMap::new();
        if let Some(authorization) = endpoint.authorization()? {
            headers.insert(::http::header::AUTHORIZATION, authorization);
        }
        for (name, value) in &self.headers {
            let (name, value) = header(name, value)?;
            headers.insert(name, value);
        }
        let timeout = if self.timeout.is_zero() { Duration::MAX } else { self.timeout };
        let gzip = self.compression == Compression::Gzip;
        let transport = match self.protocol {
            Protocol::HttpProtobuf => {
                let http = super::http::Http::new(endpoint, headers, gzip, timeout, &self.files)?;
                Transport::Http(Box::new(http))
            }
            #[cfg(feature = "otlp-grpc")]
            Protocol::Grpc => {
                let grpc = super::grpc::Grpc::new(signal, endpoint, headers, gzip, timeout, &self.files)?;
                Transport::Grpc(Box::new(grpc))
            }
            #[cfg(not(feature = "otlp-grpc"))]
            Protocol::Grpc => {
                let _ = (endpoint, headers, gzip, timeout);
                return Err(BuildError::new("Protocol::Grpc", "needs the crate's feature otlp-grpc"));
            }
        };
        Ok((transport, self.notices))
    }
}

/// What the configuration needs beyond the public methods: which variable a setting came from.
impl Otlp {
    /// The setting that errors about the endpoint name.
    pub(crate) fn endpoint_key(mut self, key: &str) -> Self {
        key.clone_into(&mut self.endpoint_key);
        self
    }

    pub(crate) fn certificate_of(mut self, key: &str, path: PathBuf) -> Self {
        self.files.trusted = Some(Named { key: key.to_owned(), path });
        self
    }

    pub(crate) fn client_chain_of(mut self, key: &str, path: PathBuf) -> Self {
        self.files.chain = Some(Named { key: key.to_owned(), path });
        self
    }

    pub(crate) fn client_key_of(mut self, key: &str, path: PathBuf) -> Self {
        self.files.key = Some(Named { key: key.to_owned(), path });
        self
    }

    /// Records in the queue, at most.
    pub(crate) fn max_queue(mut self, records: usize) -> Self {
        self.pace.max_queue = records;
        self
    }

    /// Where the exporter's own sentences go, instead of standard error.
    #[cfg(test)]
    pub(crate) fn notices(mut self, notices: Notices) -> Self {
        self.notices = notices;
        self
    }

    /// Checks that a header can be sent.
    pub(crate) fn is_valid_header(name: &str, value: &str) -> bool {
        header(name, &Secret::from(value)).is_ok()
    }
}
