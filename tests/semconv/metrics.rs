//! HTTP metrics.

use opentelemetry_proto::tonic::metrics::v1::AggregationTemporality;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::client::asking;
use crate::rule::{Expect, Play, Rule, get, rule, that};
use crate::sink::attributes;

const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const SIZES: &[f64] = &[0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];

/// A histogram with one point, which counts one.
pub(crate) fn histogram(name: &'static str, unit: &'static str, description: &'static str, bounds: &'static [f64]) -> Expect {
    that(move |told| {
        let metric = told.arrived.metric(name).unwrap_or_else(|| panic!("{name}: {:#?}", told.arrived.metrics));
        assert_eq!((metric.unit.as_str(), metric.description.as_str()), (unit, description), "{name}");
        let [point] = told.arrived.histogram(name) else { panic!("{metric:#?}") };
        assert_eq!((point.count, point.explicit_bounds.as_slice()), (1, bounds), "{name}");
    })
}

/// The attributes of the only point.
pub(crate) fn keys(name: &'static str, expected: &'static [&'static str]) -> Expect {
    that(move |told| {
        let [point] = told.arrived.histogram(name) else { panic!("{:#?}", told.arrived.metrics) };
        let keys: Vec<_> = attributes(&point.attributes).into_keys().collect();
        assert_eq!(keys, expected, "{name}");
    })
}

pub(crate) fn rules() -> Vec<Rule> {
    const SERVER: &str = "http.server.request.duration";
    const CLIENT: &str = "http.client.request.duration";
    let told = "user-agent: canary\nx-forwarded-for: 198.51.100.7\ntraceparent: \
                00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut rules = vec![
        rule(
            "requests have a duration",
            get("/orders/17", ""),
            [histogram(SERVER, "s", "Duration of HTTP server requests.", SECONDS)],
        ),
        rule(
            "outgoing requests have a duration",
            asking("/orders/7"),
            [histogram(CLIENT, "s", "Duration of HTTP client requests.", SECONDS)],
        ),
        rule(
            "a duration has the route and the status, and nothing of path, query, trace or client",
            get("/orders/17?q=canary", told),
            [keys(
                SERVER,
                &["http.request.method", "http.response.status_code", "http.route", "network.protocol.version", "url.scheme"],
            )],
        ),
        rule(
            "a duration has no route where none matched",
            get("/nowhere/17", told),
            [keys(SERVER, &["http.request.method", "http.response.status_code", "network.protocol.version", "url.scheme"])],
        ),
        rule(
            "a duration has the error, and no status without a response",
            Play::Fails,
            [keys(SERVER, &["error.type", "http.request.method", "network.protocol.version", "url.scheme"])],
        ),
        rule(
            "the duration of an outgoing request has the server, and no URL",
            asking("/orders/7?q=canary"),
            [keys(
                CLIENT,
                &[
                    "http.request.method",
                    "http.response.status_code",
                    "network.protocol.version",
                    "server.address",
                    "server.port",
                ],
            )],
        ),
        rule(
            "the duration of an outgoing request without a response has the error",
            Play::OutgoingNobody,
            [keys(CLIENT, &["error.type", "http.request.method", "server.address", "server.port"])],
        ),
        rule("active requests are a sum that goes up and down, from the beginning", get("/orders/17", ""), [that(active)]),
        rule("what is too many sets goes into one point with one attribute", get("/retry", ""), [that(overflow)])
            .with(|builder| builder.max_metric_attribute_sets(1)),
        rule(
            "sizes of bodies are measured only where that is asked for",
            get("/orders/17", ""),
            [that(|told| {
                let is_size = |name: &str| name.ends_with("body.size");
                assert!(!told.arrived.metrics.iter().any(|metric| is_size(&metric.name)));
            })],
        ),
        rule(
            "a request that is not sampled counts all the same",
            get("/orders/17", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
            [that(|told| {
                assert!(told.arrived.spans.is_empty());
                assert_eq!(told.arrived.histogram(SERVER)[0].count, 1);
            })],
        ),
    ];
    for (name, description) in [
        ("http.server.request.body.size", "Size of HTTP server request bodies."),
        ("http.server.response.body.size", "Size of HTTP server response bodies."),
    ] {
        let expected = [
            histogram(name, "By", description, SIZES),
            keys(
                name,
                &["http.request.method", "http.response.status_code", "http.route", "network.protocol.version", "url.scheme"],
            ),
        ];
        let asked = rule(format!("{name} is measured where that is asked for"), get("/orders/17", ""), expected);
        rules.push(asked.with(|builder| builder.body_size_metrics(true)));
    }
    rules
}

fn active(told: &crate::rule::Told) {
    let metric = told.arrived.metric("http.server.active_requests").unwrap();
    assert_eq!(metric.unit, "{request}");
    assert_eq!(metric.description, "Number of active HTTP server requests.");
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:#?}") };
    assert!(!sum.is_monotonic && sum.aggregation_temporality() == AggregationTemporality::Cumulative);
    assert_eq!(sum.data_points.len(), 1);
}

fn overflow(told: &crate::rule::Told) {
    let [point] = told.arrived.histogram("http.client.request.duration") else { panic!("{:#?}", told.arrived.metrics) };
    let attributes: Vec<_> = attributes(&point.attributes).into_iter().collect();
    assert_eq!(attributes, [("otel.metric.overflow".to_owned(), "bool:true".to_owned())]);
    assert_eq!(point.count, 2);
}
