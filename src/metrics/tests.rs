use std::sync::Arc;

use super::*;
use crate::record::parts::{List, Origin, Parts, SpanSlot, Text};
use crate::record::{Kind as Of, Record, Resource, SpanKind};

fn registry(max_attribute_sets: usize) -> Registry {
    Registry::new(&Settings { max_attribute_sets, ..Settings::default() }, Arc::new(Resource::default()), 1)
}

fn snapshot(registry: &Registry) -> Snapshot {
    registry.snapshot(&Active::new(false), &Own::default(), &OfProcess::default())
}

fn request(change: impl FnOnce(&mut Parts)) -> Record {
    let mut parts = Parts {
        method: Text::Static("GET"),
        scheme: Text::Static("http"),
        path: Text::Static("/secret/path"),
        status: Some(200),
        ..Parts::default()
    };
    change(&mut parts);
    Record::new(Box::new(parts))
}

fn routed(route: &str) -> Record {
    request(|parts| parts.route = Some(parts.push_text(route, 4096)))
}

fn describe(point: &Point) -> String {
    point.attributes().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_boundary_belongs_to_the_bucket_below_it() {
    for definition in [&definition::HTTP_SERVER, &definition::RESPONSE_SIZE] {
        for (index, bound) in definition.bounds.iter().enumerate() {
            let at = (bound * definition.per_unit).round() as u64;
            for (value, expected) in [(at, index), (at + 1, index + 1)] {
                let mut registry = registry(10);
                registry.record(&request(|parts| parts.duration_ns = value));
                if definition.unit == "s" {
                    let snapshot = snapshot(&registry);
                    let Data::Histogram { buckets, .. } = snapshot.metrics()[0].points()[0].data() else { panic!() };
                    assert_eq!(buckets.iter().position(|count| *count == 1), Some(expected), "{bound} {value}");
                }
            }
            assert!(definition.bounds.len() < definition::MAX_BUCKETS);
        }
    }
}

#[test]
fn beyond_the_limit_there_is_one_point_for_all() {
    let mut registry = registry(5);
    for number in 0..100 {
        registry.record(&routed(&format!("/{number}")));
    }
    registry.record(&routed("/0"));
    let snapshot = snapshot(&registry);
    let points = snapshot.metric("http.server.request.duration").unwrap().points();
    assert_eq!(points.len(), 5, "the overflow is one of them");
    let (overflow, others) = points.split_last().unwrap();
    assert_eq!(describe(overflow), "otel.metric.overflow=true");
    assert!(overflow.is_overflow() && !others.iter().any(Point::is_overflow));
    let Data::Histogram { count, .. } = overflow.data() else { panic!() };
    assert_eq!(count, 96);
    assert_eq!(snapshot.metrics()[0].count(&[("http.route", "/0")]), 2, "what was known before stays known");
    assert_eq!(snapshot.metrics()[0].count(&[]), 101, "nothing is lost");
}

#[test]
fn texts_are_cut_at_a_characters_border() {
    let mut registry = registry(10);
    registry.record(&routed(&"é".repeat(2000)));
    registry.record(&routed(&format!("x{}", "é".repeat(2000))));
    let snapshot = snapshot(&registry);
    let lengths: Vec<_> =
        snapshot.metrics()[0].points().iter().map(|point| point.attribute("http.route").unwrap().to_string().len()).collect();
    assert_eq!(lengths, [256, 255]);
}

#[test]
fn attributes_that_only_look_alike_are_told_apart() {
    let mut registry = registry(10);
    registry.record(&request(|parts| parts.scheme = Text::Static("httphttp.route")));
    registry.record(&request(|parts| (parts.scheme, parts.route) = (Text::Static("http"), Some(Text::Static("")))));
    registry.record(&request(|parts| parts.route = Some(Text::Static("\u{1}\u{0}"))));
    registry.record(&request(|parts| parts.route = Some(Text::Static("\u{1}"))));
    assert_eq!(snapshot(&registry).metrics()[0].points().len(), 4);
}

#[test]
fn only_requests_count() {
    let mut registry = registry(10);
    for kind in [Of::Event, Of::Live, Of::Span] {
        registry.record(&request(|parts| parts.kind = kind));
    }
    assert!(snapshot(&registry).metrics().is_empty());
}

#[test]
fn grpc_has_a_metric_of_its_own() {
    let mut registry = registry(10);
    let call = |code: Option<u8>, status| {
        request(|parts| {
            (parts.is_rpc, parts.rpc_status, parts.status) = (true, code, Some(status));
            parts.path = Text::Static("/pkg.Greeter/Hello");
        })
    };
    for (code, status) in [(Some(0), 200), (Some(5), 200), (Some(13), 200), (Some(12), 200)] {
        registry.record(&call(code, status));
    }
    let snapshot = snapshot(&registry);
    assert_eq!(snapshot.metrics().len(), 1);
    let points: Vec<_> = snapshot.metric("rpc.server.call.duration").unwrap().points().iter().map(describe).collect();
    let expected = [
        "rpc.system.name=grpc rpc.method=pkg.Greeter/Hello rpc.response.status_code=OK",
        "rpc.system.name=grpc rpc.method=pkg.Greeter/Hello rpc.response.status_code=NOT_FOUND",
        "rpc.system.name=grpc rpc.method=pkg.Greeter/Hello rpc.response.status_code=INTERNAL error.type=INTERNAL",
        "rpc.system.name=grpc rpc.method=_OTHER rpc.response.status_code=UNIMPLEMENTED error.type=UNIMPLEMENTED",
    ];
    assert_eq!(points, expected);
}

#[test]
fn client_spans_count_by_what_they_called() {
    let mut registry = registry(10);
    let span = |kind, fields: &[(&'static str, &'static str)], end_ns| {
        request(|parts| {
            parts.kind = Of::Span;
            let mut list = List::default();
            for (name, value) in fields {
                parts.push_field(&mut list, Text::Static(name), crate::record::parts::Slot::Text(Text::Static(value)));
            }
            let origin = Origin {
                name: Text::Static("GET"),
                target: Text::EMPTY,
                file: Text::EMPTY,
                line: 0,
                level: tracing::Level::INFO,
            };
            let (id, parent) = Default::default();
            parts.spans.push(SpanSlot { id, parent, origin, kind, error: Text::EMPTY, start_ns: 0, end_ns, fields: list });
        })
    };
    let http = [("http.request.method", "GET"), ("server.address", "api.invalid"), ("error.type", "timeout")];
    registry.record(&span(SpanKind::Client, &http, 2_000_000));
    registry.record(&span(SpanKind::Internal, &http, 2_000_000));
    registry.record(&span(SpanKind::Client, &http, crate::record::parts::OPEN));
    registry.record(&span(SpanKind::Client, &[("db.system.name", "sqlite")], 1));
    registry.record(&span(SpanKind::Client, &[("rpc.system.name", "grpc"), ("rpc.method", "a.B/C")], 1));
    let snapshot = snapshot(&registry);
    let of = |name: &str| snapshot.metric(name).unwrap().points().iter().map(describe).collect::<Vec<_>>();
    let expected = ["http.request.method=GET server.address=api.invalid error.type=timeout"];
    assert_eq!(of("http.client.request.duration"), expected);
    assert_eq!(snapshot.metric("http.client.request.duration").unwrap().count(&[]), 1);
    assert_eq!(of("rpc.client.call.duration"), ["rpc.system.name=grpc rpc.method=a.B/C"]);
}

#[test]
fn a_difference_has_only_what_is_new() {
    let mut registry = registry(3);
    registry.record(&routed("/a"));
    registry.record(&routed("/b"));
    let before = snapshot(&registry);
    registry.record(&routed("/b"));
    registry.record(&routed("/c"));
    let after = snapshot(&registry);
    let delta = after.since(&before);
    let points: Vec<_> = delta.metrics()[0].points().iter().map(describe).collect();
    assert_eq!(points.len(), 2, "{points:?}");
    assert!(points[0].contains("/b") && points[1].contains("overflow"), "{points:?}");
    assert_eq!(delta.metrics()[0].count(&[]), 2);
    assert_eq!((delta.start_unix_ns(), delta.unix_ns()), (before.unix_ns(), after.unix_ns()));
    assert!(after.since(&after).metrics().is_empty());
}

#[test]
fn the_table_of_requests_in_flight_has_a_place_for_everything() {
    let active = Active::new(true);
    let places = [
        active.enter(Some("GET"), "http"),
        active.enter(Some("QUERY"), "https"),
        active.enter(Some("BREW"), "http"),
        active.enter(None, ""),
        active.enter(None, "gopher"),
    ];
    let places = places.map(|(place, _)| place);
    let points = |active: &Active| {
        let metric = active.metric().unwrap();
        let text = |point: &Point| format!("{} {:?}", describe(point), point.data());
        metric.points().iter().map(text).collect::<Vec<_>>()
    };
    let expected = [
        "http.request.method=GET url.scheme=http Sum(1)",
        "http.request.method=QUERY url.scheme=https Sum(1)",
        "http.request.method=_OTHER url.scheme=http Sum(1)",
        "http.request.method=_OTHER Sum(2)",
    ];
    assert_eq!(points(&active), expected);
    places.iter().for_each(|place| active.leave(place));
    assert!(points(&active).iter().all(|point| point.ends_with("Sum(0)")), "they are shown at 0 from now on");
    let untold = Active::new(false);
    let (place, in_flight) = untold.enter(Some("GET"), "http");
    assert_eq!((in_flight, untold.in_flight()), (1, 1), "how many there are is known all the same");
    untold.leave(&place);
    assert_eq!(untold.in_flight(), 0);
    assert!(untold.metric().is_none());
}
