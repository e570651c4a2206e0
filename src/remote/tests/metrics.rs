//! Metrics against the generated types, and against a receiver that misbehaves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{self as proto, metric, number_data_point};
use prost::Message as _;

use super::kit::{ByHand, Server, answer, request, resource};
use crate::exporter::{Exporter, Patience};
use crate::metrics::{Active, OfExporter, OfProcess, Own, Registry, Settings, Snapshot};
use crate::record::Losses;
use crate::record::Reason;
use crate::record::parts::{Parts, Text};
use crate::remote::Notices;
use crate::remote::otlp::{Otlp, Temporality};

const START: u64 = 1_700_000_000_000_000_000;

/// A pipeline's worth of metrics, driven by hand.
struct Measured {
    registry: Registry,
    active: Active,
}

impl Measured {
    fn new() -> Self {
        let settings = Settings { has_body_sizes: true, ..Settings::default() };
        Self { registry: Registry::new(&settings, Arc::new(resource()), START), active: Active::new(true) }
    }

    fn request(&mut self, route: &'static str, ms: u64, change: impl FnOnce(&mut Parts)) -> &mut Self {
        let (place, _) = self.active.enter(Some("GET"), "http");
        self.registry.record(&request(|parts| {
            parts.route = Some(Text::Static(route));
            parts.duration_ns = ms * 1_000_000;
            parts.request_bytes = Some(12);
            parts.response_bytes = 1000;
            change(parts);
        }));
        self.active.leave(&place);
        self
    }

    fn snapshot(&self) -> Snapshot {
        let mut dropped = Losses::default();
        dropped.add(Reason::QueueFull, 3);
        let exporter = OfExporter { name: "memory".into(), dropped: dropped.clone(), delivered: 5, queued: 1 };
        self.registry.snapshot(&self.active, &Own { dropped, exporters: vec![exporter] }, &OfProcess::default())
    }
}

/// What was said, time by hand, and the exporter.
fn exporter(otlp: Otlp) -> (impl Exporter, ByHand, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&said);
    let clock = ByHand::new();
    let notices = Notices::to(move |sentence| hears.lock().unwrap().push(sentence.to_owned()));
    let exporter = otlp.notices(notices).build_metrics().unwrap().with_clock(clock.clone());
    (exporter, clock, said)
}

fn decoded(server: &Server) -> Vec<ExportMetricsServiceRequest> {
    server.received().iter().map(|request| ExportMetricsServiceRequest::decode(&request.body[..]).unwrap()).collect()
}

fn find<'a>(request: &'a ExportMetricsServiceRequest, name: &str) -> Option<&'a proto::Metric> {
    request.resource_metrics[0].scope_metrics[0].metrics.iter().find(|metric| metric.name == name)
}

fn histogram<'a>(request: &'a ExportMetricsServiceRequest, name: &str) -> &'a proto::Histogram {
    match find(request, name).and_then(|metric| metric.data.as_ref()) {
        Some(metric::Data::Histogram(histogram)) => histogram,
        other => panic!("{name} is no histogram: {other:?}"),
    }
}

fn sum<'a>(request: &'a ExportMetricsServiceRequest, name: &str) -> &'a proto::Sum {
    match find(request, name).and_then(|metric| metric.data.as_ref()) {
        Some(metric::Data::Sum(sum)) => sum,
        other => panic!("{name} is no sum: {other:?}"),
    }
}

fn attributes(pairs: &[KeyValue]) -> Vec<String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => format!("{}={text:?}", pair.key),
        Some(any_value::Value::IntValue(number)) => format!("{}={number}", pair.key),
        Some(any_value::Value::BoolValue(value)) => format!("{}={value}", pair.key),
        other => panic!("{other:?}"),
    };
    pairs.iter().map(text).collect()
}

#[test]
fn metrics_decode_as_opentelemetry_means_them() {
    let mut measured = Measured::new();
    measured.request("/orders/{id}", 5, |_| {}).request("/orders/{id}", 20_000, |_| {}).request("/x", 6, |parts| {
        parts.status = Some(500);
    });
    let server = Server::http(Vec::new());
    let (mut exporter, _, _) = exporter(Otlp::new(server.url()));
    assert!(exporter.wants_metrics() && !exporter.wants_records());
    exporter.export_metrics(&measured.snapshot(), &Patience::default()).unwrap();
    assert!(server.received()[0].head.starts_with("POST /v1/metrics "));
    let [request] = &decoded(&server)[..] else { panic!("one payload") };
    let outer = &request.resource_metrics[0];
    assert_eq!(attributes(&outer.resource.as_ref().unwrap().attributes), ["service.name=\"shop\""]);
    assert_eq!(outer.schema_url, "https://opentelemetry.io/schemas/1.44.0");
    assert_eq!(outer.scope_metrics[0].scope.as_ref().unwrap().name, "campanile");

    let duration = find(request, "http.server.request.duration").unwrap();
    assert_eq!((duration.unit.as_str(), duration.description.as_str()), ("s", "Duration of HTTP server requests."));
    let duration = histogram(request, "http.server.request.duration");
    assert_eq!(duration.aggregation_temporality, proto::AggregationTemporality::Cumulative as i32);
    let [orders, failed] = &duration.data_points[..] else { panic!("{duration:#?}") };
    let expected =
        ["http.request.method=\"GET\"", "url.scheme=\"http\"", "http.route=\"/orders/{id}\"", "http.response.status_code=200"];
    assert_eq!(attributes(&orders.attributes), expected);
    assert!(attributes(&failed.attributes).contains(&"error.type=\"500\"".to_owned()), "{failed:?}");
    assert_eq!((orders.count, orders.sum), (2, Some(20.005)));
    let bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    assert_eq!(orders.explicit_bounds, bounds);
    assert_eq!(orders.bucket_counts, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], "a boundary belongs to the bucket below");
    assert_eq!(orders.start_time_unix_nano, START);
    assert!(orders.time_unix_nano > START);

    let size = histogram(request, "http.server.response.body.size");
    let points = &size.data_points;
    assert_eq!((points[0].count, points[0].sum, points[0].bucket_counts.len()), (2, Some(2000.0), 16));
    assert_eq!(histogram(request, "http.server.request.body.size").data_points[0].sum, Some(24.0));
    for name in ["http.server.request.duration", "http.server.request.body.size", "http.server.response.body.size"] {
        for point in &histogram(request, name).data_points {
            assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count, "{name}");
            assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1, "{name}");
        }
    }

    let active = sum(request, "http.server.active_requests");
    assert!(!active.is_monotonic);
    assert_eq!(attributes(&active.data_points[0].attributes), ["http.request.method=\"GET\"", "url.scheme=\"http\""]);
    assert_eq!(active.data_points[0].value, Some(number_data_point::Value::AsInt(0)));
    let dropped = sum(request, "campanile.records.dropped");
    assert!(dropped.is_monotonic);
    assert_eq!(attributes(&dropped.data_points[0].attributes), ["campanile.reason=\"queue_full\""]);
    assert_eq!(dropped.data_points[1].attributes.len(), 2);
    assert_eq!(dropped.data_points[1].value, Some(number_data_point::Value::AsInt(3)));
}

#[test]
fn cumulative_points_go_on_and_deltas_begin_where_the_last_delivered_one_ended() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let is_delta = temporality == Temporality::Delta;
        let server = Server::http(vec![answer(200, &[], b""), answer(400, &[], b"")]);
        let (mut exporter, _, _) = exporter(Otlp::new(server.url()).temporality(temporality));
        let mut measured = Measured::new();
        let mut results = Vec::new();
        for _ in 0..3 {
            measured.request("/a", 1, |_| {});
            results.push(exporter.export_metrics(&measured.snapshot(), &Patience::default()).is_ok());
        }
        assert_eq!(results, [true, false, true]);
        let requests = decoded(&server);
        let points: Vec<_> =
            requests.iter().map(|request| &histogram(request, "http.server.request.duration").data_points[0]).collect();
        let counts: Vec<u64> = points.iter().map(|point| point.count).collect();
        // The second did not get through, so the third has what both measured.
        assert_eq!(counts, if is_delta { [1, 1, 2] } else { [1, 2, 3] });
        assert!(points.iter().all(|point| point.bucket_counts.iter().sum::<u64>() == point.count));
        let starts: Vec<u64> = points.iter().map(|point| point.start_time_unix_nano).collect();
        let first_end = points[0].time_unix_nano;
        assert_eq!(starts, if is_delta { [START, first_end, first_end] } else { [START; 3] });
        let expected = if is_delta { proto::AggregationTemporality::Delta } else { proto::AggregationTemporality::Cumulative };
        for request in &requests {
            assert_eq!(histogram(request, "http.server.request.duration").aggregation_temporality, expected as i32);
            let active = sum(request, "http.server.active_requests");
            assert_eq!(active.aggregation_temporality, proto::AggregationTemporality::Cumulative as i32, "in every preference");
            assert_eq!(active.data_points[0].start_time_unix_nano, START);
        }
    }
}

#[test]
fn a_delta_without_news_leaves_quiet_metrics_out() {
    let server = Server::http(Vec::new());
    let (mut exporter, _, _) = exporter(Otlp::new(server.url()).temporality(Temporality::Delta));
    let mut measured = Measured::new();
    measured.request("/a", 1, |_| {});
    for _ in 0..2 {
        exporter.export_metrics(&measured.snapshot(), &Patience::default()).unwrap();
    }
    let requests = decoded(&server);
    assert!(find(&requests[0], "http.server.request.duration").is_some());
    assert!(find(&requests[1], "http.server.request.duration").is_none(), "{:#?}", requests[1]);
    assert!(find(&requests[1], "http.server.active_requests").is_some());
}

#[test]
fn metrics_are_tried_for_their_own_time_and_then_left_to_the_next_export() {
    let server = Server::http(vec![answer(503, &[], b""); 100]);
    let (mut exporter, clock, said) = exporter(Otlp::new(server.url()));
    let mut measured = Measured::new();
    let snapshot = measured.request("/a", 1, |_| {}).snapshot();
    let error = exporter.export_metrics(&snapshot, &Patience::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::RetryExpired);
    let waits: Duration = clock.waits().iter().sum();
    assert!(waits <= Duration::from_secs(30) && clock.waits().len() > 3, "{:?}", clock.waits());
    let bodies: Vec<_> = server.received().into_iter().map(|request| request.body).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "every attempt sends the same bytes");
    assert!(said.lock().unwrap()[0].contains("trying again"));
}

#[test]
fn points_that_are_too_many_for_the_receiver_come_in_parts() {
    let server = Server::http(vec![answer(413, &[], b"")]);
    let (mut exporter, _, _) = exporter(Otlp::new(server.url()));
    let mut measured = Measured::new();
    measured.request("/a", 1, |_| {}).request("/b", 1, |_| {}).request("/c", 1, |_| {});
    exporter.export_metrics(&measured.snapshot(), &Patience::default()).unwrap();
    let requests = decoded(&server);
    let points = |request: &ExportMetricsServiceRequest| {
        let metrics = request.resource_metrics[0].scope_metrics[0].metrics.iter();
        metrics
            .map(|metric| match metric.data.as_ref().unwrap() {
                metric::Data::Histogram(histogram) => histogram.data_points.len(),
                metric::Data::Sum(sum) => sum.data_points.len(),
                other => panic!("{other:?}"),
            })
            .sum::<usize>()
    };
    assert_eq!(requests.len(), 3);
    assert_eq!(points(&requests[0]), points(&requests[1]) + points(&requests[2]));
}

#[test]
fn rejected_points_are_told_and_not_sent_again() {
    // ExportMetricsServiceResponse { partial_success: { rejected_data_points: 2, error_message: "no" } }
    let partial = [0x0a, 6, 0x08, 2, 0x12, 2, b'n', b'o'];
    let server = Server::http(vec![answer(200, &[("content-type", "application/x-protobuf")], &partial)]);
    let (mut exporter, _, said) = exporter(Otlp::new(server.url()).temporality(Temporality::Delta));
    let mut measured = Measured::new();
    measured.request("/a", 1, |_| {});
    let error = exporter.export_metrics(&measured.snapshot(), &Patience::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::RejectedByRemote);
    assert_eq!(said.lock().unwrap()[0], "otlp_metrics: the receiver rejected 2 points: no");
    exporter.export_metrics(&measured.snapshot(), &Patience::default()).unwrap();
    assert!(find(&decoded(&server)[1], "http.server.request.duration").is_none());
}
