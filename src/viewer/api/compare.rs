//! Two requests side by side.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::event::{checked, one};
use crate::record::{Record, SpanKind};
use crate::store::Stored;
use crate::viewer::core::Core;
use crate::viewer::detail;
use crate::viewer::json::{ms, value};
use crate::viewer::params::Params;
use crate::viewer::problem::Problem;

/// Differences that are told.
const MAX: usize = 500;

/// Both records, and where they differ.
pub(super) async fn compare(core: &Arc<Core>, params: &Params) -> Result<Json, Problem> {
    let id = |name: &str| checked(params.text(name).unwrap_or_default());
    let (a, b) = (id("a")?, id("b")?);
    let shared = Arc::clone(core);
    core.pool
        .run(move |desk| {
            let (a, b) = (one(desk, &a)?, one(desk, &b)?);
            let mut differences = Vec::new();
            let (before, after) = (facts(&a), facts(&b));
            for (place, value) in &before {
                let other = after.get(place);
                if other != Some(value) {
                    differences.push(json!({ "where": place, "before": value, "after": other }));
                }
            }
            let new = after.iter().filter(|(place, _)| !before.contains_key(*place));
            differences.extend(new.map(|(place, value)| json!({ "where": place, "before": null, "after": value })));
            differences.truncate(MAX);
            let both = [&a, &b].map(|stored| Json::Object(detail::record(stored, &shared.sources)));
            let [a, b] = both;
            Ok(json!({ "a": a, "b": b, "differences": differences }))
        })
        .await
}

/// What is known of a request, by its place; what is different every time is left out.
fn facts(stored: &Stored) -> BTreeMap<String, Json> {
    const OF_ITS_OWN: [&str; 8] =
        ["date", "x-request-id", "traceparent", "tracestate", "content-length", "age", "x-campanile-link", "traceresponse"];
    let record = stored.record();
    let mut facts: BTreeMap<String, Json> = BTreeMap::new();
    let known = [
        ("status", json!(record.status())),
        ("outcome", json!(record.outcome().as_str())),
        ("method", json!(record.method())),
        ("path", json!(record.path())),
        ("query", json!(record.query())),
        ("route", json!(record.route())),
        ("duration_ms", ms(record.duration_ns())),
        ("request.bytes", json!(record.request_body_bytes())),
        ("response.bytes", json!(record.response_body_bytes())),
        ("release", json!(stored.resource().attribute("service.version"))),
        ("revision", json!(stored.resource().attribute("vcs.ref.head.revision"))),
        ("error.type", json!(record.error_type())),
        ("error.message", json!(record.failure().map(|failure| failure.message()))),
        ("events", json!(record.events().count())),
        ("spans", json!(record.spans().count())),
    ];
    facts.extend(known.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)));
    let sides = [("request", record.request_headers().collect::<Vec<_>>()), ("response", record.response_headers().collect())];
    for (side, headers) in sides {
        for header in headers.iter().filter(|header| !OF_ITS_OWN.contains(&header.name())) {
            facts.insert(format!("{side}.header.{}", header.name()), json!(header.value()));
        }
    }
    for (side, body) in [("request", record.request_body()), ("response", record.response_body())] {
        if let Some(body) = body {
            facts.insert(format!("{side}.body"), json!(body.content()));
        }
    }
    for field in record.attributes() {
        facts.insert(format!("field.{}", field.name()), value(field.value()));
    }
    for (name, (count, ns)) in spans(record) {
        facts.insert(format!("span.{name}.count"), json!(count));
        facts.insert(format!("span.{name}.ms"), ms(ns));
    }
    facts
}

/// Spans by name: how many, and how long all of them took.
fn spans(record: &Record) -> BTreeMap<String, (u64, u64)> {
    let mut spans: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for span in record.spans() {
        let name = match span.field("server.address") {
            Some(address) if span.kind() == SpanKind::Client => format!("{} {address}", span.name()),
            _ => span.name().to_owned(),
        };
        let (count, ns) = spans.entry(name).or_default();
        (*count, *ns) = (*count + 1, ns.saturating_add(span.duration_ns()));
    }
    spans
}
