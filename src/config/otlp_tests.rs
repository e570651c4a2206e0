//! The environment's cases of the catalogue, by their ids.

use super::*;
use crate::exporter::Exporter;

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c.invalid:4318");

fn read(variables: &[(&str, &str)]) -> (Result<FromEnv, BuildError>, Vec<String>) {
    let env = variables.iter().copied().collect();
    let mut warnings = Warnings::default();
    let read = from_env(&env, &mut warnings);
    (read, warnings.into_inner())
}

/// The environment of a case of the catalogue, with an endpoint where it has none.
fn case(id: &str) -> Vec<(String, String)> {
    let catalogue: serde_json::Value = serde_json::from_str(include_str!("../../tests/data/bad-inputs.json")).unwrap();
    let cases = catalogue["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["id"] == id).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut variables: Vec<_> =
        case["input"]["env"].as_object().unwrap().iter().map(|(key, value)| (key.clone(), text(value))).collect();
    if !variables.iter().any(|(key, _)| key == ENDPOINT.0) {
        variables.push((ENDPOINT.0.to_owned(), ENDPOINT.1.to_owned()));
    }
    variables
}

fn read_case(id: &str) -> (Result<FromEnv, BuildError>, Vec<String>) {
    let variables = case(id);
    let variables: Vec<_> = variables.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    read(&variables)
}

fn traces(read: Result<FromEnv, BuildError>) -> Otlp {
    read.unwrap().traces.unwrap()
}

/// What the pair of exporters says when it cannot be built.
fn refusal(read: Result<FromEnv, BuildError>) -> BuildError {
    match read {
        Err(error) => error,
        Ok(read) => match read.traces.unwrap().traces() {
            Err(error) => error,
            Ok(exporter) => panic!("{} was built", exporter.name()),
        },
    }
}

#[test]
fn en_01_an_endpoint_without_a_scheme_is_refused_with_what_to_write() {
    let error = refusal(read_case("EN-01").0);
    assert_eq!(error.key(), "OTEL_EXPORTER_OTLP_ENDPOINT", "EN-01");
    assert!(error.to_string().contains("write http:// or https://"), "EN-01: {error}");
    assert!(!error.to_string().contains("collector"), "EN-01: {error}");
}

#[test]
fn en_04_credentials_of_the_endpoint_are_never_shown() {
    let (read, warnings) = read_case("EN-04");
    let otlp = traces(read);
    let debug = format!("{otlp:#?} {warnings:?}");
    assert!(!debug.contains("canary-26"), "EN-04: {debug}");
    assert!(otlp.traces().is_ok(), "EN-04");
}

#[test]
fn en_05_headers_are_decoded_and_never_shown() {
    let (read, warnings) = read_case("EN-05");
    let otlp = traces(read);
    let debug = format!("{otlp:#?} {warnings:?}");
    assert!(debug.contains("authorization") && !debug.contains("canary-27"), "EN-05: {debug}");
    let Variable { key, text } = Variable { key: "K".to_owned(), text: "authorization=Bearer%20canary-27,x=1" };
    let decoded = headers(&Variable { key, text }).unwrap();
    let expected = [("authorization".to_owned(), Secret::from("Bearer canary-27")), ("x".to_owned(), Secret::from("1"))];
    assert!(decoded == expected, "EN-05");
}

#[test]
fn en_06_bad_headers_are_told_by_position() {
    let error = refusal(read_case("EN-06").0);
    assert_eq!(error.key(), "OTEL_EXPORTER_OTLP_HEADERS", "EN-06");
    let text = error.to_string();
    for expected in ["1 (no =)", "2 (no name)", "3 (not allowed in a header)"] {
        assert!(text.contains(expected), "EN-06: {text}");
    }
    assert!(!text.contains("novalue") && !text.contains("c:d"), "EN-06: {text}");
}

#[test]
fn en_08_a_number_beyond_all_bounds_leaves_the_default() {
    let (read, warnings) = read_case("EN-08");
    assert!(format!("{:?}", traces(read)).contains("timeout: 10s"), "EN-08");
    assert!(warnings[0].starts_with("OTEL_EXPORTER_OTLP_TIMEOUT "), "EN-08: {warnings:?}");
}

#[test]
fn en_09_a_queue_of_nothing_leaves_the_default() {
    let (read, warnings) = read_case("EN-09");
    let pace = traces(read).traces().unwrap().pace();
    assert_eq!(pace.max_queue, Pace::DEFAULT_MAX_QUEUE, "EN-09");
    assert_eq!(warnings.len(), 1, "EN-09: {warnings:?}");
}

#[test]
fn en_10_a_huge_queue_is_clamped() {
    let (read, warnings) = read_case("EN-10");
    let pace = traces(read).traces().unwrap().pace();
    assert_eq!(pace.max_queue, Pace::DEFAULT_MAX_QUEUE, "EN-10");
    assert!(warnings[0].contains("8192"), "EN-10: {warnings:?}");
}

#[test]
fn without_an_endpoint_otlp_is_off() {
    let (read, warnings) = read(&[("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    let read = read.unwrap();
    assert!(read.traces.is_none() && read.logs.is_none() && warnings.is_empty());
}

#[test]
fn each_signal_can_be_switched_off_and_have_an_endpoint_of_its_own() {
    let on = |variables: &[(&str, &str)]| {
        let read = read(variables).0.unwrap();
        (read.traces.is_some(), read.logs.is_some())
    };
    assert_eq!(on(&[ENDPOINT]), (true, true));
    assert_eq!(on(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]), (false, true));
    assert_eq!(on(&[ENDPOINT, ("OTEL_LOGS_EXPORTER", "console")]), (true, false));
    assert_eq!(on(&[ENDPOINT, ("OTEL_LOGS_EXPORTER", "Console, OTLP")]), (true, true));
    assert_eq!(on(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://c.invalid/logs")]), (false, true));
    let has_metrics = |variables: &[(&str, &str)]| read(variables).0.unwrap().metrics.is_some();
    assert!(has_metrics(&[ENDPOINT]));
    assert!(has_metrics(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c.invalid/metrics")]));
    assert!(!has_metrics(&[ENDPOINT, ("OTEL_METRICS_EXPORTER", "none")]));
    assert!(!has_metrics(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://c.invalid/logs")]));
    let (read, warnings) = read(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "zipkin")]);
    assert!(read.unwrap().traces.is_some() && warnings.len() == 1, "{warnings:?}");
}

#[test]
fn a_protocol_that_is_not_there_is_refused_with_what_is() {
    let error = refusal(read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]).0);
    assert_eq!(
        error.to_string(),
        "OTEL_EXPORTER_OTLP_PROTOCOL asks for http/json, which is not supported: write http/protobuf or grpc"
    );
    let (read, warnings) = read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "thrift")]);
    assert!(traces(read).traces().is_ok() && warnings.len() == 1, "{warnings:?}");
}

#[cfg(not(feature = "otlp-grpc"))]
#[test]
fn grpc_without_its_feature_is_refused_by_name() {
    let error = refusal(read(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).0);
    assert!(error.to_string().contains("otlp-grpc"), "{error}");
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn grpc_takes_an_endpoint_without_a_scheme() {
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let bare = ("OTEL_EXPORTER_OTLP_ENDPOINT", "c.invalid:4317");
    let (read, warnings) = read(&[bare, grpc, ("OTEL_EXPORTER_OTLP_INSECURE", "TRUE")]);
    assert!(traces(read).traces().is_ok() && warnings.is_empty(), "{warnings:?}");
}

#[test]
fn a_signals_own_variable_wins() {
    let (read, _) = read(&[
        ENDPOINT,
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "2000"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "250"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "64"),
    ]);
    let read = read.unwrap();
    assert!(format!("{:?}", read.traces.unwrap()).contains("timeout: 1s"));
    let logs = read.logs.unwrap();
    assert!(format!("{logs:?}").contains("timeout: 2s"));
    let pace = logs.logs().unwrap().pace();
    assert_eq!((pace.max_records, pace.max_delay), (64, Duration::from_millis(250)));
}

#[test]
fn a_certificate_that_is_not_there_is_refused_by_its_variable() {
    let https = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.invalid");
    let error = refusal(read(&[https, ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/secret.pem")]).0);
    assert_eq!(error.key(), "OTEL_EXPORTER_OTLP_CERTIFICATE");
    assert!(!error.to_string().contains("secret"), "{error}");
    let error = refusal(read(&[https, ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/nowhere/key.pem")]).0);
    assert!(!error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn metrics_have_variables_of_their_own() {
    let otlp = |variables: &[(&str, &str)]| {
        let (read, warnings) = read(&[&[ENDPOINT], variables].concat());
        (format!("{:?}", read.unwrap().metrics.unwrap()), warnings)
    };
    let (default, warnings) = otlp(&[]);
    assert!(default.contains("temporality: Cumulative") && default.contains("metric_timeout: 30s"), "{default}");
    assert!(warnings.is_empty());
    for word in ["delta", "LowMemory"] {
        let (read, warnings) = otlp(&[("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", word)]);
        assert!(read.contains("temporality: Delta") && warnings.is_empty(), "{word}: {read} {warnings:?}");
    }
    let own = [("OTEL_METRIC_EXPORT_TIMEOUT", "1500"), ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "250")];
    let (read, warnings) = otlp(&own);
    assert!(read.contains("metric_timeout: 1.5s") && read.contains(" timeout: 250ms"), "{read}");
    assert!(warnings.is_empty());
    for (key, value) in [
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "sometimes"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "soon"),
    ] {
        let (read, warnings) = otlp(&[(key, value)]);
        assert_eq!(read, default, "{key}");
        assert!(warnings.len() == 1 && warnings[0].starts_with(key) && !warnings[0].contains(value), "{warnings:?}");
    }
}
