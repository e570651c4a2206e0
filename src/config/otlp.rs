//! The OTLP exporters from `OTEL_*`.
//!
//! OTLP is on only when an endpoint is configured, for all signals (`OTEL_EXPORTER_OTLP_ENDPOINT`) or for one
//! (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `…_LOGS_…`, `…_METRICS_…`): without a collector, the default endpoint
//! of the specification would only make a service that retries for ever. `OTEL_TRACES_EXPORTER`,
//! `OTEL_LOGS_EXPORTER` and `OTEL_METRICS_EXPORTER` switch a signal off when they name others than `otlp`. Proxy variables are not read.
//!
//! Not followed: `OTEL_BSP_EXPORT_TIMEOUT` and `OTEL_BLRP_EXPORT_TIMEOUT`, as the timeout is one attempt's.
//!
//! # Source
//! OpenTelemetry specification 1.60.0, environment variables.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::env::{Env, Warnings};
use crate::BuildError;
use crate::exporter::Pace;
use crate::remote::otlp::{Compression, Otlp, Protocol, Secret, Temporality};

/// What the environment asks for.
#[derive(Debug, Default)]
pub(crate) struct FromEnv {
    /// Settings of the exporter of spans.
    pub(crate) traces: Option<Otlp>,
    /// Settings of the exporter of log records.
    pub(crate) logs: Option<Otlp>,
    /// Settings of the exporter of metrics.
    pub(crate) metrics: Option<Otlp>,
}

/// Reads the variables of all signals.
///
/// # Errors
/// When following a variable is impossible and ignoring it would send data elsewhere or not at all.
pub(crate) fn from_env(env: &Env, warnings: &mut Warnings) -> Result<FromEnv, BuildError> {
    let mut read = Variables { env, warnings, said: Vec::new() };
    let traces = signal(&mut read, "TRACES")?.map(|otlp| pace(&mut read, "BSP", otlp));
    let logs = signal(&mut read, "LOGS")?.map(|otlp| pace(&mut read, "BLRP", otlp));
    let metrics = signal(&mut read, "METRICS")?.map(|otlp| metrics(&mut read, otlp));
    Ok(FromEnv { traces, logs, metrics })
}

/// The environment, and what is to be said about it.
struct Variables<'a> {
    env: &'a Env,
    warnings: &'a mut Warnings,
    /// Keys that were warned about: a variable of all signals is read for each.
    said: Vec<String>,
}

/// A variable that is set.
struct Variable<'a> {
    key: String,
    text: &'a str,
}

impl<'a> Variables<'a> {
    fn get(&mut self, key: String) -> Option<Variable<'a>> {
        let text = self.env.text(&key, self.warnings)?.trim();
        (!text.is_empty()).then_some(Variable { key, text })
    }

    /// The signal's own variable, or the one for all signals.
    fn of_signal(&mut self, signal: &str, name: &str) -> Option<Variable<'a>> {
        self.get(format!("OTEL_EXPORTER_OTLP_{signal}_{name}")).or_else(|| self.get(format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    fn warn(&mut self, key: &str, problem: impl fmt::Display) {
        if !self.said.iter().any(|said| said == key) {
            self.said.push(key.to_owned());
            self.warnings.push(key, problem);
        }
    }

    /// A number of at least `least`; anything else is ignored with a warning.
    fn number(&mut self, variable: &Variable<'_>, least: u64) -> Option<u64> {
        let number = variable.text.parse().ok().filter(|number| *number >= least);
        if number.is_none() {
            self.warn(&variable.key, format_args!("is not a whole number from {least} on and is ignored"));
        }
        number
    }
}

fn signal(read: &mut Variables<'_>, signal: &str) -> Result<Option<Otlp>, BuildError> {
    if !is_wanted(read, signal) {
        return Ok(None);
    }
    let own = read.get(format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
    let is_own = own.is_some();
    let Some(endpoint) = own.or_else(|| read.get("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned())) else { return Ok(None) };
    let protocol = protocol(read, signal)?;
    let url = with_scheme(read, signal, protocol, endpoint.text);
    let otlp = if is_own { Otlp::exact(url) } else { Otlp::new(url) };
    let mut otlp = otlp.endpoint_key(&endpoint.key).protocol(protocol);
    if let Some(variable) = read.of_signal(signal, "HEADERS") {
        for (name, value) in headers(&variable)? {
            otlp = otlp.header(name, value);
        }
    }
    if let Some(variable) = read.of_signal(signal, "COMPRESSION") {
        match variable.text.to_ascii_lowercase().as_str() {
            "gzip" => otlp = otlp.compression(Compression::Gzip),
            "none" => {}
            _ => read.warn(&variable.key, "is neither none nor gzip and is ignored"),
        }
    }
    if let Some(variable) = read.of_signal(signal, "TIMEOUT")
        && let Some(milliseconds) = read.number(&variable, 0)
    {
        otlp = otlp.timeout(Duration::from_millis(milliseconds));
    }
    if let Some(Variable { key, text }) = read.of_signal(signal, "CERTIFICATE") {
        otlp = otlp.certificate_of(&key, PathBuf::from(text));
    }
    if let Some(Variable { key, text }) = read.of_signal(signal, "CLIENT_CERTIFICATE") {
        otlp = otlp.client_chain_of(&key, PathBuf::from(text));
    }
    if let Some(Variable { key, text }) = read.of_signal(signal, "CLIENT_KEY") {
        otlp = otlp.client_key_of(&key, PathBuf::from(text));
    }
    Ok(Some(otlp))
}

/// Whether the list of exporters has `otlp`; it does when it is not set.
fn is_wanted(read: &mut Variables<'_>, signal: &str) -> bool {
    let Some(list) = read.get(format!("OTEL_{signal}_EXPORTER")) else { return true };
    let (mut is_wanted, mut is_known) = (false, false);
    for name in list.text.split(',') {
        match name.trim().to_ascii_lowercase().as_str() {
            "otlp" => (is_wanted, is_known) = (true, true),
            "none" => return false,
            "console" => is_known = true,
            "" => {}
            _ => read.warn(&list.key, "names an exporter other than otlp, console and none, which is ignored"),
        }
    }
    // What names nothing known is as good as not set.
    is_wanted || !is_known
}

fn protocol(read: &mut Variables<'_>, signal: &str) -> Result<Protocol, BuildError> {
    let Some(variable) = read.of_signal(signal, "PROTOCOL") else { return Ok(Protocol::default()) };
    match variable.text.to_ascii_lowercase().as_str() {
        "http/protobuf" => Ok(Protocol::HttpProtobuf),
        "grpc" if cfg!(feature = "otlp-grpc") => Ok(Protocol::Grpc),
        "grpc" => Err(BuildError::new(variable.key, "asks for grpc, which needs the crate's feature otlp-grpc")),
        "http/json" => {
            Err(BuildError::new(variable.key, "asks for http/json, which is not supported: write http/protobuf or grpc"))
        }
        _ => {
            read.warn(&variable.key, "is neither http/protobuf nor grpc and is ignored");
            Ok(Protocol::default())
        }
    }
}

/// Over gRPC an endpoint may come without a scheme; what it means is then a variable of its own.
fn with_scheme(read: &mut Variables<'_>, signal: &str, protocol: Protocol, endpoint: &str) -> Secret {
    if protocol != Protocol::Grpc || endpoint.contains("://") {
        return Secret::from(endpoint);
    }
    let insecure = read.of_signal(signal, "INSECURE");
    let is_insecure = insecure.is_some_and(|variable| {
        let is_true = variable.text.eq_ignore_ascii_case("true");
        if !is_true && !variable.text.eq_ignore_ascii_case("false") {
            read.warn(&variable.key, "is neither true nor false and counts as false");
        }
        is_true
    });
    Secret::from(format!("{}://{endpoint}", if is_insecure { "http" } else { "https" }))
}

/// `name=value,name=value`, values percent-encoded. What is wrong is told by its position, as a name may be a misplaced
/// value.
fn headers(variable: &Variable<'_>) -> Result<Vec<(String, Secret)>, BuildError> {
    let (mut headers, mut problems) = (Vec::new(), Vec::new());
    for (index, pair) in variable.text.split(',').enumerate() {
        let position = index + 1;
        if pair.trim().is_empty() {
            continue;
        }
        let Some((name, value)) = pair.split_once('=') else {
            problems.push(format!("{position} (no =)"));
            continue;
        };
        let name = name.trim();
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8();
        match value {
            _ if name.is_empty() => problems.push(format!("{position} (no name)")),
            Ok(value) if Otlp::is_valid_header(name, &value) => {
                headers.push((name.to_owned(), Secret::from(value.into_owned())));
            }
            _ => problems.push(format!("{position} (not allowed in a header)")),
        }
    }
    if problems.is_empty() {
        return Ok(headers);
    }
    let problems = problems.join(", ");
    Err(BuildError::new(&variable.key, format!("has bad pairs at position {problems}: write name=value,name=value")))
}

/// The batch processor's variables.
fn pace(read: &mut Variables<'_>, processor: &str, otlp: Otlp) -> Otlp {
    let mut max_records = Pace::default().max_records;
    let mut delay = Otlp::DEFAULT_DELAY;
    let mut max_queue = Pace::DEFAULT_MAX_QUEUE;
    if let Some(variable) = read.get(format!("OTEL_{processor}_MAX_QUEUE_SIZE"))
        && let Some(number) = read.number(&variable, 1)
    {
        let limit = Pace::DEFAULT_MAX_QUEUE;
        max_queue = usize::try_from(number).unwrap_or(usize::MAX).min(limit);
        if number > limit as u64 {
            read.warn(&variable.key, format_args!("is larger than {limit}, which is used instead"));
        }
    }
    if let Some(variable) = read.get(format!("OTEL_{processor}_MAX_EXPORT_BATCH_SIZE"))
        && let Some(number) = read.number(&variable, 1)
    {
        max_records = usize::try_from(number).unwrap_or(usize::MAX);
        if max_records > max_queue {
            read.warn(&variable.key, "is larger than the queue, whose size is used instead");
        }
    }
    if let Some(variable) = read.get(format!("OTEL_{processor}_SCHEDULE_DELAY"))
        && let Some(milliseconds) = read.number(&variable, 0)
    {
        delay = Duration::from_millis(milliseconds);
    }
    otlp.max_queue(max_queue).pace(max_records.min(max_queue), delay)
}

/// The periodic reader's timeout, and what metrics look like.
fn metrics(read: &mut Variables<'_>, mut otlp: Otlp) -> Otlp {
    if let Some(variable) = read.get("OTEL_METRIC_EXPORT_TIMEOUT".to_owned())
        && let Some(milliseconds) = read.number(&variable, 0)
    {
        otlp = otlp.metric_timeout(Duration::from_millis(milliseconds));
    }
    if let Some(variable) = read.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE".to_owned()) {
        match variable.text.to_ascii_lowercase().as_str() {
            "cumulative" => {}
            // They differ in observable counters only, which the metrics of requests are not.
            "delta" | "lowmemory" => otlp = otlp.temporality(Temporality::Delta),
            _ => read.warn(&variable.key, "is none of cumulative, delta and lowmemory and is ignored"),
        }
    }
    if let Some(variable) = read.get("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION".to_owned())
        && !variable.text.eq_ignore_ascii_case("explicit_bucket_histogram")
    {
        read.warn(&variable.key, "asks for something other than explicit_bucket_histogram, which is not supported");
    }
    otlp
}

#[cfg(test)]
#[path = "otlp_tests.rs"]
mod tests;
