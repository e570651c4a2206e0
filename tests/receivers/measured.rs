//! Metrics: what a receiver decoded, and what the store of the same run adds up to.

use std::collections::BTreeMap;

use campanile::record::{Kind, Record};
use campanile::store::Stored;
use serde_json::Value;

use crate::decoded::{Attributes, agent_attributes, list, number, sink_attributes, text};

/// One point as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Point {
    metric: String,
    attributes: Attributes,
    is_delta: bool,
    start: u64,
    time: u64,
    count: u64,
    sum: f64,
    buckets: Vec<u64>,
    bounds: Vec<f64>,
    /// Of a sum.
    value: Option<f64>,
}

/// Count and sum of each set of attributes.
type Totals = BTreeMap<Attributes, (u64, f64)>;

const DURATION: &str = "http.server.request.duration";
const ACTIVE: &str = "http.server.active_requests";
/// Cumulative whatever is preferred.
const UP_DOWN_COUNTERS: [&str; 6] = [
    ACTIVE,
    "campanile.records.queued",
    "process.memory.usage",
    "process.unix.file_descriptor.count",
    "campanile.runtime.worker.count",
    "campanile.runtime.task.count",
];

/// Whether as many requests were counted as there were.
pub(crate) fn is_complete(points: &[Point], requests: usize) -> bool {
    totals(points, DURATION).values().map(|(count, _)| *count).sum::<u64>() >= requests as u64
}

/// Asserts that the durations that arrived are those of the store's records, that what is in flight came back to
/// nothing, and what OTLP prescribes of points.
pub(crate) fn assert_is(points: &[Point], records: &[Stored], is_delta: bool) {
    let mut expected = Totals::new();
    for record in records.iter().map(Stored::record).filter(|record| record.kind() == Kind::Request) {
        let total = expected.entry(attributes(record)).or_default();
        total.0 += 1;
        total.1 += record.duration_ns() as f64 / 1e9;
    }
    let arrived = totals(points, DURATION);
    let counts = |totals: &Totals| -> BTreeMap<Attributes, u64> {
        totals.iter().map(|(attributes, (count, _))| (attributes.clone(), *count)).collect()
    };
    assert_eq!(counts(&arrived), counts(&expected), "requests by their attributes");
    for (attributes, (_, sum)) in &arrived {
        let expected = expected[attributes].1;
        assert!((sum - expected).abs() < 1e-6, "{attributes:?}: {sum} s arrived, {expected} s passed");
    }
    for point in points {
        assert!(point.start > 1_600_000_000_000_000_000 && point.time >= point.start, "{point:?}");
        assert_eq!(point.is_delta, is_delta && !UP_DOWN_COUNTERS.contains(&point.metric.as_str()), "{point:?}");
        let has_overflow = point.attributes.contains_key("otel.metric.overflow");
        assert!(!has_overflow, "{point:?}");
        if point.value.is_none() {
            assert_eq!(point.buckets.iter().sum::<u64>(), point.count, "{point:?}");
            assert_eq!(point.buckets.len(), point.bounds.len() + 1, "{point:?}");
            assert!(point.bounds.is_sorted_by(|one, next| one < next), "{point:?}");
        }
    }
    let last = |name: &str| {
        let of_name = points.iter().filter(|point| point.metric == name);
        of_name.max_by_key(|point| point.time).map(|point| point.time)
    };
    let time = last(ACTIVE).expect("active requests arrived");
    for point in points.iter().filter(|point| point.metric == ACTIVE && point.time == time) {
        assert_eq!(point.value, Some(0.0), "nothing is in flight at the end: {point:?}");
    }
}

/// Deltas are added up; of cumulative points the last one counts.
fn totals(points: &[Point], metric: &str) -> Totals {
    let mut of_metric: Vec<&Point> = points.iter().filter(|point| point.metric == metric).collect();
    of_metric.sort_by_key(|point| point.time);
    let mut totals = Totals::new();
    for point in of_metric {
        let total = totals.entry(point.attributes.clone()).or_default();
        if !point.is_delta {
            *total = (0, 0.0);
        }
        total.0 += point.count;
        total.1 += point.sum;
    }
    totals
}

/// The attributes that the conventions prescribe.
fn attributes(record: &Record) -> Attributes {
    let mut attributes = Attributes::new();
    let mut text = |name: &str, value: Option<&str>| {
        attributes.extend(value.map(|value| (name.to_owned(), format!("string:{value}"))));
    };
    text("http.request.method", Some(record.method()));
    text("url.scheme", Some(record.scheme()));
    text("http.route", record.route());
    text("error.type", record.error_type());
    text("network.protocol.version", Some(record.protocol_version()));
    attributes.extend(record.status().map(|status| ("http.response.status_code".to_owned(), format!("int:{status}"))));
    attributes
}

fn floats(values: &Value) -> Vec<f64> {
    list(values).filter_map(Value::as_f64).collect()
}

/// The sink's form, see `sink.py`.
pub(crate) fn of_sink(dump: &Value) -> Vec<Point> {
    let point = |point: &Value| Point {
        metric: text(&point["metric"]),
        attributes: sink_attributes(&point["attributes"]),
        is_delta: point["temporality"] == "AGGREGATION_TEMPORALITY_DELTA",
        start: number(&point["start"]),
        time: number(&point["time"]),
        count: number(&point["count"]),
        sum: point["sum"].as_f64().unwrap_or_default(),
        buckets: list(&point["buckets"]).map(number).collect(),
        bounds: floats(&point["bounds"]),
        value: point["value"].as_f64(),
    };
    list(&dump["metrics"]).map(point).collect()
}

/// The test agent's form: protobuf's own JSON with the names of the fields.
pub(crate) fn of_test_agent(payloads: &Value) -> Vec<Point> {
    let scopes = list(payloads).flat_map(|payload| list(&payload["resource_metrics"]));
    let metrics = scopes.flat_map(|outer| list(&outer["scope_metrics"])).flat_map(|inner| list(&inner["metrics"]));
    let mut points = Vec::new();
    for metric in metrics {
        let data = if metric["sum"].is_null() { &metric["histogram"] } else { &metric["sum"] };
        for point in list(&data["data_points"]) {
            points.push(Point {
                metric: text(&metric["name"]),
                attributes: agent_attributes(&point["attributes"]),
                is_delta: data["aggregation_temporality"] == "AGGREGATION_TEMPORALITY_DELTA",
                start: number(&point["start_time_unix_nano"]),
                time: number(&point["time_unix_nano"]),
                count: number(&point["count"]),
                sum: point["sum"].as_f64().unwrap_or_default(),
                buckets: list(&point["bucket_counts"]).map(number).collect(),
                bounds: floats(&point["explicit_bounds"]),
                value: point["as_int"].as_str().and_then(|value| value.parse().ok()).or_else(|| point["as_double"].as_f64()),
            });
        }
    }
    points
}

/// Rotel's form: a line for each field.
pub(crate) fn of_rotel(output: &str) -> Vec<Point> {
    let (mut points, mut metric, mut point) = (Vec::new(), Point::default(), None::<Point>);
    for line in output.lines() {
        let begins_point = line.starts_with("HistogramDataPoints #") || line.starts_with("NumberDataPoints #");
        if begins_point || ["Metric #", "Resource", "Span #", "LogRecord #"].iter().any(|start| line.starts_with(start)) {
            points.extend(point.take());
            point = begins_point.then(|| metric.clone());
            if line.starts_with("Metric #") {
                metric = Point::default();
            }
            continue;
        }
        let (name, value) = line.trim().trim_start_matches("-> ").split_once(": ").unwrap_or_default();
        let Some(point) = &mut point else {
            match name {
                "Name" => value.clone_into(&mut metric.metric),
                "AggregationTemporality" => metric.is_delta = value == "AGGREGATION_TEMPORALITY_DELTA",
                _ => {}
            }
            continue;
        };
        match name {
            "StartTimestamp" => point.start = value.parse().unwrap_or_default(),
            "Timestamp" => point.time = value.parse().unwrap_or_default(),
            "Count" => point.count = value.parse().unwrap_or_default(),
            "Sum" => point.sum = value.parse().unwrap_or_default(),
            "Value" => point.value = value.parse().ok(),
            name if name.starts_with("ExplicitBounds #") => point.bounds.extend(value.parse::<f64>()),
            // Without a colon of its own after the number.
            name if name.starts_with("Buckets #") => point.buckets.extend(value.parse::<u64>()),
            name if line.contains("-> ") => {
                let (kind, value) = value.trim_end_matches(')').split_once('(').unwrap_or_default();
                let kind = if kind == "Str" { "string".to_owned() } else { kind.to_ascii_lowercase() };
                point.attributes.insert(name.to_owned(), format!("{kind}:{value}"));
            }
            _ => {}
        }
    }
    points.extend(point);
    points
}
