use fastrand::Rng;

use super::read::Sides;
use super::*;
use crate::query::Query;
use crate::record::parts::{EventSlot, HeaderSlot, Look, Origin, Parts, Side, Slot, Text};
use crate::record::{Kept, Record, Resource, SpanId};

const REGIONS: [&str; 5] = ["eu", "us", "ap", "sa", "af"];
const AGENTS: [&str; 4] = ["curl/8.4.0", "python-requests/2.31", "my-app/3.1", "k6/0.50"];

/// A request whose values have nothing to do with each other.
fn random(rng: &mut Rng) -> Box<Parts> {
    let mut parts = Box::new(Parts::default());
    parts.route = Some(Text::Static("/orders/{id}"));
    parts.path = parts.push_text(&format!("/orders/{}", rng.u32(..500)), 100);
    parts.method = Text::Static(rng.choice(["GET", "POST"]).unwrap());
    parts.user_agent = Some(Text::Static(AGENTS[rng.usize(..4)]));
    parts.host = Some(Text::Static("shop.example"));
    parts.status = Some(200);
    parts.peer = Some(format!("10.0.0.{}:80", rng.u8(..)).parse().unwrap());
    parts.duration_ns = rng.u64(1_000_000..50_000_000);
    parts.in_flight = Some(rng.u32(1..20));
    parts.set_attribute(Text::Static("order.region"), Slot::Text(Text::Static(REGIONS[rng.usize(..5)])));
    parts.set_attribute(Text::Static("order.lines"), Slot::I64(rng.i64(1..20)));
    if rng.bool() {
        let id = parts.push_text(&rng.u64(..).to_string(), 100);
        parts.set_attribute(Text::Static("user.id"), Slot::Text(id));
    }
    for name in ["accept-language", "accept", "x-plan"] {
        let value = Some(Text::Static(rng.choice(["a", "b", "c", "d"]).unwrap()));
        parts.headers.push(HeaderSlot { side: Side::Request, look: Look::Name, name: Text::Static(name), value, len: 1 });
    }
    for flag in 0..10 {
        let name = parts.push_text(&format!("flag.{flag}"), 100);
        parts.set_attribute(name, Slot::Bool(rng.u32(..8) == 0));
    }
    parts
}

fn resource(version: &str) -> Resource {
    let mut resource = Resource::default();
    resource.set("service.name", "shop");
    resource.set("service.version", version);
    resource
}

/// Compares two sides of so many requests, changed by what is planted.
fn compare(
    seed: u64,
    (selected, rest): (u32, u32),
    mut plant: impl FnMut(&mut Parts, bool, &mut Rng) -> &'static str,
) -> Contrast {
    let (mut rng, mut sides) = (Rng::with_seed(seed), Sides::default());
    for index in 0..selected + rest {
        let mut parts = random(&mut rng);
        let is_selected = index < selected;
        let version = plant(&mut parts, is_selected, &mut rng);
        let record = Record::new(parts);
        if is_selected {
            sides.select_record(&record, &resource(version));
        } else {
            sides.compare_record(&record, &resource(version));
        }
    }
    sides.judge(&Query::default())
}

fn names(contrast: &Contrast) -> Vec<String> {
    let of = |finding: &Finding| match &finding.difference {
        Difference::Value { value, .. } => format!("{}={}", finding.name, value.as_deref().unwrap_or("nothing")),
        Difference::Numbers { above, .. } => format!("{} {}", finding.name, if *above > 0.5 { "larger" } else { "smaller" }),
    };
    contrast.findings.iter().map(of).collect()
}

#[test]
fn noise_gives_no_findings_in_at_least_95_of_100_runs() {
    for sizes in [(42, 500), (8, 100), (200, 200), (4, 500)] {
        let loud: Vec<_> =
            (0..60).map(|seed| compare(seed, sizes, |_, _, _| "1")).filter(|contrast| !contrast.findings.is_empty()).collect();
        assert!(loud.len() <= 3, "{sizes:?}: {:?}", loud.iter().map(names).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_planted_is_found_and_nothing_else() {
    for seed in 0..20 {
        let contrast = compare(seed, (42, 960), |parts, is_selected, rng| {
            let is_there = if is_selected { rng.u32(..42) > 0 } else { rng.u32(..80) == 0 };
            if is_there {
                parts.set_attribute(Text::Static("order.region"), Slot::Text(Text::Static("zz")));
            }
            if is_selected { "2" } else { rng.choice(["1", "1", "1", "2"]).unwrap() }
        });
        assert_eq!(names(&contrast), ["order.region=zz", "service.version=2"], "seed {seed}");
        let Difference::Value { selected_with, selected, rest_with, rest, .. } = contrast.findings[0].difference else {
            panic!("a value")
        };
        assert!(selected_with >= 38 && selected == 42 && rest_with < 40 && rest == 960);
    }
}

#[test]
fn what_is_missing_is_found_too() {
    let contrast = compare(1, (30, 300), |parts, is_selected, _| {
        if !is_selected {
            parts.set_attribute(Text::Static("session"), Slot::Bool(true));
        }
        "1"
    });
    assert_eq!(names(&contrast), ["session=nothing"]);
}

#[test]
fn larger_and_smaller_numbers_are_found() {
    let contrast = compare(2, (40, 400), |parts, is_selected, rng| {
        if is_selected {
            parts.duration_ns += 100_000_000;
            parts.in_flight = Some(rng.u32(30..60));
        } else {
            parts.response_bytes = rng.u64(1000..2000);
        }
        "1"
    });
    let expected = ["campanile.in_flight larger", "http.response.body.size smaller", "http.server.request.duration larger"];
    assert_eq!(names(&contrast), expected);
}

#[test]
fn a_mix_of_routes_explains_nothing() {
    // Most that fail are on one of two routes, and everything else goes with the route.
    let contrast = compare(3, (200, 2000), |parts, is_selected, rng| {
        let is_pdf = rng.u32(..10) < if is_selected { 9 } else { 2 };
        parts.route = Some(Text::Static(if is_pdf { "/orders/{id}/pdf" } else { "/orders/{id}" }));
        parts.host = Some(Text::Static(if is_pdf { "pdf.example" } else { "shop.example" }));
        "1"
    });
    assert_eq!(names(&contrast), ["http.route=/orders/{id}/pdf"]);
    assert_eq!(contrast.routes, ["/orders/{id}/pdf", "/orders/{id}"]);
}

#[test]
fn events_are_compared_among_those_that_tell_their_detail() {
    let event = |parts: &mut Parts, text: &'static str| {
        let level = tracing::Level::DEBUG;
        let origin = Origin { name: Text::EMPTY, target: Text::EMPTY, file: Text::EMPTY, line: 0, level };
        let message = Text::Static(text);
        let fields = Default::default();
        parts.events.push(EventSlot { time_ns: 0, span: SpanId([1; 8]), origin, message, fields, shown: false });
    };
    let contrast = compare(4, (40, 1000), |parts, is_selected, rng| {
        // Summaries of what went well say nothing of what they would have said.
        let is_kept = is_selected || rng.u32(..10) == 0;
        if is_kept {
            parts.kept = Some(if is_selected { Kept::Failed } else { Kept::Sampled });
            event(parts, "began 17");
            if is_selected {
                event(parts, "cache miss for key 17");
            }
        }
        "1"
    });
    assert_eq!(names(&contrast), ["event=DEBUG cache miss for key {}"]);
    let Difference::Value { rest, .. } = contrast.findings[0].difference else { panic!("a value") };
    assert!((60..140).contains(&rest), "only what was kept counts: {rest}");
}

#[test]
fn little_data_says_nothing() {
    let plant = |parts: &mut Parts, is_selected: bool, _: &mut Rng| {
        parts.status = Some(if is_selected { 500 } else { 200 });
        "1"
    };
    for sizes in [(0, 100), (3, 100), (100, 19)] {
        let contrast = compare(5, sizes, plant);
        assert!(!contrast.is_enough() && contrast.findings.is_empty(), "{sizes:?}");
    }
    assert_eq!(
        names(&compare(5, (4, 40), plant)),
        ["campanile.error.class=error", "error.type=500", "http.response.status_code=500"]
    );
}

#[test]
fn what_the_query_names_is_left_out() {
    let mut sides = Sides::default();
    let mut rng = Rng::with_seed(6);
    for index in 0..200 {
        let mut parts = random(&mut rng);
        parts.status = Some(if index < 50 { 503 } else { 200 });
        let record = Record::new(parts);
        if index < 50 { sides.select_record(&record, &resource("1")) } else { sides.compare_record(&record, &resource("1")) }
    }
    let contrast = sides.judge(&Query::parse("status:503").unwrap());
    let names = names(&contrast);
    assert!(names.contains(&"error.type=503".to_owned()), "a consequence, and told as one: {names:?}");
    assert!(!names.iter().any(|name| name.starts_with("http.response.status_code")), "{names:?}");
    assert!(contrast.findings.iter().all(|finding| finding.stage == Stage::Course));
}
