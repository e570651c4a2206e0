//! The variables that are read: names, defaults, and which of them hold secrets. A misspelt one of ours is noticed.

use super::env::{Env, Warnings};

/// A variable that is read.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) nature: Nature,
    /// What counts where it is not set, in a few words.
    pub(super) default: &'static str,
    /// What it says, in a few words.
    pub(super) help: &'static str,
}

/// What may be shown of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// All but what looks like a secret.
    Plain,
    /// Nothing.
    Secret,
    /// Scheme, host and port.
    Url,
    /// How many there are: a name may be a misplaced value.
    Headers,
}

const fn row(name: &'static str, nature: Nature, default: &'static str, help: &'static str) -> Known {
    Known { name, nature, default, help }
}

/// Every variable that begins with the name of this crate, and those of others. What begins with `OTEL_EXPORTER_OTLP_` may
/// also be said of one signal, as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`.
pub(super) const KNOWN: &[Known] = &[
    row("CAMPANILE", Nature::Plain, "on", "off: requests pass as if there were no layer"),
    row(
        "CAMPANILE_BODIES",
        Nature::Plain,
        "on in debug builds that write aligned lines on a terminal, else off",
        "which bodies are captured: on, off or failed, request or response, a size such as 16KiB",
    ),
    row("CAMPANILE_CLIENT_ERRORS", Nature::Plain, "false", "true: a 4xx counts as failed"),
    row(
        "CAMPANILE_CONSOLE",
        Nature::Plain,
        "pretty on a terminal, else json",
        "what is written on standard output: pretty, json, ecs, logfmt or off",
    ),
    row(
        "CAMPANILE_CONTROL",
        Nature::Plain,
        "on in debug builds with a store, else off",
        "whether commands and debug tokens are taken: on or off",
    ),
    row("CAMPANILE_DEBUG_KEY", Nature::Secret, "the key in the store's directory", "what debug tokens are signed with"),
    row("CAMPANILE_FILE", Nature::Plain, "none", "a file for JSON lines"),
    row("CAMPANILE_FORWARDED_BY", Nature::Plain, "the only one that is there", "by which header proxies tell the client"),
    row(
        "CAMPANILE_KEEP",
        Nature::Plain,
        "all in debug builds, else failed,slow,sampled",
        "which requests keep what was captured",
    ),
    row("CAMPANILE_LEVEL", Nature::Plain, "debug", "least level that is captured of the application's own code"),
    row("CAMPANILE_OWN_TARGETS", Nature::Plain, "what cargo did not fetch", "what the application's own code is"),
    row("CAMPANILE_QUIET_ROUTES", Nature::Plain, "none", "routes whose requests are told only when they fail"),
    row("CAMPANILE_RECORD_BAGGAGE", Nature::Plain, "none", "keys of baggage to record"),
    row("CAMPANILE_REDACT_KEYS", Nature::Plain, "none", "keys whose values are secrets too"),
    row("CAMPANILE_REDACT_PATTERNS", Nature::Secret, "none", "regular expressions of what is a secret too, one in each line"),
    row("CAMPANILE_REPORT_EVERY", Nature::Plain, "10s", "time between reports about a request that is still running, or off"),
    row("CAMPANILE_RESTART_TRACES", Nature::Plain, "false", "true: every request begins a trace"),
    row("CAMPANILE_REVISION", Nature::Plain, "what the platform tells", "the commit that the application was built from"),
    row("CAMPANILE_STORE", Nature::Plain, ".campanile in debug builds, else off", "directory of the store, or off"),
    row("CAMPANILE_STORE_MAX_AGE", Nature::Plain, "7d", "how long a record is stored"),
    row("CAMPANILE_STORE_MAX_BYTES", Nature::Plain, "512MiB", "how large the store may get"),
    row(
        "CAMPANILE_TRACE_RESPONSE",
        Nature::Plain,
        "off",
        "how answers tell the trace: traceresponse, server-timing, both or off",
    ),
    row("CAMPANILE_TRUNCATE_IP", Nature::Plain, "false", "true: addresses are kept as /24 and /48"),
    row("CAMPANILE_TRUSTED_PROXIES", Nature::Plain, "none", "proxies that may tell the client"),
    row("CAMPANILE_TRUST_INBOUND_IDS", Nature::Plain, "always", "whose x-request-id is taken over: always, private or never"),
    row(
        "CAMPANILE_VIEWER",
        Nature::Plain,
        "on in debug builds on a terminal with a store, else off",
        "the local page: on, off, a port or a loopback address",
    ),
    row("RUST_LOG", Nature::Plain, "info", "which events the console shows"),
    row("OTEL_SERVICE_NAME", Nature::Plain, "unknown_service and the executable's name", "who is speaking"),
    row("OTEL_RESOURCE_ATTRIBUTES", Nature::Plain, "none", "what else is known of who is speaking"),
    row("OTEL_SDK_DISABLED", Nature::Plain, "false", "true: nothing is exported"),
    row("OTEL_PROPAGATORS", Nature::Plain, "tracecontext,baggage", "how trace context comes in and goes out"),
    row("OTEL_TRACES_SAMPLER", Nature::Plain, "parentbased_always_on", "which traces are sent"),
    row("OTEL_TRACES_SAMPLER_ARG", Nature::Plain, "1", "the share of traces that are sent, where the sampler takes one"),
    row("OTEL_TRACES_EXPORTER", Nature::Plain, "otlp", "none: spans are not sent"),
    row("OTEL_LOGS_EXPORTER", Nature::Plain, "otlp", "none: log records are not sent"),
    row("OTEL_METRICS_EXPORTER", Nature::Plain, "otlp", "none: metrics are not sent"),
    row("OTEL_EXPORTER_OTLP_ENDPOINT", Nature::Url, "none: nothing is sent", "the collector"),
    row("OTEL_EXPORTER_OTLP_PROTOCOL", Nature::Plain, "http/protobuf", "http/protobuf or grpc"),
    row("OTEL_EXPORTER_OTLP_HEADERS", Nature::Headers, "none", "headers that are sent with everything"),
    row("OTEL_EXPORTER_OTLP_COMPRESSION", Nature::Plain, "none", "none or gzip"),
    row("OTEL_EXPORTER_OTLP_TIMEOUT", Nature::Plain, "10000", "how long an attempt may take, in ms"),
    row(
        "OTEL_EXPORTER_OTLP_INSECURE",
        Nature::Plain,
        "false",
        "true: plain connections for an endpoint of gRPC without a scheme",
    ),
    row("OTEL_EXPORTER_OTLP_CERTIFICATE", Nature::Plain, "the system's", "a file of certificates that are trusted"),
    row("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", Nature::Plain, "none", "a file with our own certificate"),
    row("OTEL_EXPORTER_OTLP_CLIENT_KEY", Nature::Plain, "none", "a file with the key of our own certificate"),
    row("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", Nature::Plain, "cumulative", "cumulative, delta or lowmemory"),
    row(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        Nature::Plain,
        "explicit_bucket_histogram",
        "no other is supported",
    ),
    row("OTEL_BSP_MAX_QUEUE_SIZE", Nature::Plain, "8192", "spans that wait to be sent"),
    row("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Nature::Plain, "512", "spans that are sent at once"),
    row("OTEL_BSP_SCHEDULE_DELAY", Nature::Plain, "1000", "how long spans wait for others, in ms"),
    row("OTEL_BLRP_MAX_QUEUE_SIZE", Nature::Plain, "8192", "log records that wait to be sent"),
    row("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", Nature::Plain, "512", "log records that are sent at once"),
    row("OTEL_BLRP_SCHEDULE_DELAY", Nature::Plain, "1000", "how long log records wait for others, in ms"),
    row("OTEL_METRIC_EXPORT_INTERVAL", Nature::Plain, "60000", "how often metrics are sent, in ms"),
    row("OTEL_METRIC_EXPORT_TIMEOUT", Nature::Plain, "30000", "for how long that is tried, in ms"),
    row("OTEL_METRICS_EXEMPLAR_FILTER", Nature::Plain, "none are sent", "exemplars are not supported"),
    row("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", Nature::Plain, "those of HTTP", "methods that keep their name"),
];

/// A name as it is read: also of one signal.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    let of_all = ["TRACES_", "LOGS_", "METRICS_"].iter().find_map(|signal| {
        let rest = name.strip_prefix(OTLP)?.strip_prefix(signal)?;
        KNOWN.iter().find(|known| known.name.strip_prefix(OTLP) == Some(rest))
    });
    KNOWN.iter().find(|known| known.name == name).or(of_all)
}

const OTLP: &str = "OTEL_EXPORTER_OTLP_";

/// Most letters that may be wrong in a name for which another one is suggested.
const MAX_WRONG: usize = 3;

/// Warns of names that nothing reads.
pub(super) fn warn_of_unknown(env: &Env, warnings: &mut Warnings) {
    let ours = || KNOWN.iter().map(|known| known.name).filter(|name| name.starts_with("CAMPANILE"));
    let unknown = |name: &&str| name.starts_with("CAMPANILE_") && !ours().any(|known| known == *name);
    for name in env.names().filter(unknown) {
        let shown = name.escape_default().to_string();
        let closest = ours().map(|known| (distance(name, known), known)).min();
        match closest.filter(|(wrong, _)| *wrong <= MAX_WRONG) {
            Some((_, known)) => warnings.push(&shown, format_args!("is not a setting; did you mean {known}?")),
            None => warnings.push(&shown, "is not a setting"),
        }
    }
}

/// Bytes to insert, remove or change until `a` is `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (index, left) in a.bytes().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (slot, right) in row.iter_mut().zip(std::iter::once(None).chain(b.bytes().map(Some))) {
            let next = match right {
                None => before,
                Some(right) => (diagonal + usize::from(left != right)).min(*slot + 1).min(before + 1),
            };
            diagonal = std::mem::replace(slot, next);
            before = next;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_changes() {
        for (a, b, expected) in [("", "", 0), ("a", "", 1), ("", "abc", 3), ("kitten", "sitting", 3), ("store", "stroe", 2)] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn a_misspelt_name_is_noticed() {
        let names = ["CAMPANILE", "CAMPANILE_STORE", "CAMPANILE_STROE", "CAMPANILE_VIEWER_PORT", "CAMPANILE_\n", "OTHER"];
        let env: Env = names.map(|name| (name, "canary")).into_iter().collect();
        let mut warnings = Warnings::default();
        warn_of_unknown(&env, &mut warnings);
        let expected = [
            "CAMPANILE_\\n is not a setting; did you mean CAMPANILE?",
            "CAMPANILE_STROE is not a setting; did you mean CAMPANILE_STORE?",
            "CAMPANILE_VIEWER_PORT is not a setting",
        ];
        assert_eq!(warnings.into_inner(), expected);
    }
}
