//! How each route fares.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde_json::{Value as Json, json};

use super::asked::Asked;
use super::span::{Span, count, times};
use crate::page::Spread;
use crate::record::{Outcome, Record};
use crate::store::{Scan, Scanned};
use crate::viewer::core::Core;
use crate::viewer::json::ms;
use crate::viewer::params::Params;
use crate::viewer::pool::WITHIN;
use crate::viewer::problem::Problem;

/// Routes that are told apart; clients cannot make up more, as a path without a route is not one.
const MAX_ROUTES: usize = 2_000;
/// Routes in one answer, those with the most requests.
const MAX_SHOWN: usize = 200;
const PARTS: usize = 30;

/// What is known of a route without keeping its requests.
struct Tally {
    requests: u64,
    failed: u64,
    /// By the first digit of the status.
    classes: [u64; 10],
    duration_ns: Spread,
    slowest: Option<(String, u64)>,
    course: Vec<u64>,
    errors: Vec<u64>,
}

impl Tally {
    fn new(parts: usize) -> Self {
        Self {
            requests: 0,
            failed: 0,
            classes: [0; 10],
            duration_ns: Spread::new(),
            slowest: None,
            course: vec![0; parts],
            errors: vec![0; parts],
        }
    }

    fn add(&mut self, record: &Record, part: Option<usize>) {
        let times = times(record);
        self.requests += times;
        count(&mut self.course, part, times);
        if record.is_failed() {
            self.failed += times;
            count(&mut self.errors, part, times);
        }
        count(&mut self.classes, Some(record.status().map_or(0, |status| usize::from(status / 100))), times);
        // What was handed over goes on as long as somebody likes.
        if record.outcome() != Outcome::Upgraded {
            let took = record.duration_ns();
            self.duration_ns.add(took, times);
            if self.slowest.as_ref().is_none_or(|(_, most)| *most < took) {
                self.slowest = Some((record.span_id().to_string(), took));
            }
        }
    }

    fn json(&self, method: &str, route: &str) -> Json {
        let share = |share| self.duration_ns.per_mille(share).map_or(Json::Null, ms);
        let class = |digit: usize| self.classes.get(digit).copied().unwrap_or_default();
        json!({
            "method": method,
            "route": route,
            "requests": self.requests,
            "failed": self.failed,
            "status_4xx": class(4),
            "status_5xx": class(5),
            "p50_ms": share(500),
            "p95_ms": share(950),
            "p99_ms": share(990),
            "slowest": self.slowest.as_ref().map(|(id, took)| json!({ "id": id, "ms": ms(*took) })),
            "course": self.course,
            "errors": self.errors,
        })
    }
}

/// The routes of what matches, those with the most requests first.
pub(super) async fn routes(core: &Core, params: &Params) -> Result<Json, Problem> {
    let Asked { query, notice } = Asked::of(params)?;
    let span = Span::of(params, &query, PARTS)?;
    core.pool
        .run(move |desk| {
            let mut routes: HashMap<(String, Option<String>), Tally> = HashMap::new();
            let (mut counted, mut others, mut scanned) = (0_u64, 0_u64, Scanned::Whole);
            if let Some(reader) = desk.reader()? {
                let mut scan = Scan::of(&query);
                (scan.from_unix_ns, scan.before_unix_ns) = (Some(span.from_unix_ns), Some(span.until_unix_ns()));
                scanned = reader.scan(&scan, WITHIN, |stored| {
                    let record = stored.record();
                    counted += 1;
                    // Clients make up methods: those are one.
                    let method = record.known_method().unwrap_or("(other)");
                    let key = (method.to_owned(), record.route().map(str::to_owned));
                    if routes.len() < MAX_ROUTES || routes.contains_key(&key) {
                        routes
                            .entry(key)
                            .or_insert_with(|| Tally::new(span.parts))
                            .add(record, span.part(record.start_unix_ns()));
                    } else {
                        others += 1;
                    }
                    true
                })?;
            }
            let mut all: Vec<_> = routes.into_iter().collect();
            all.sort_by(|(a, x), (b, y)| (Reverse(x.requests), &a.1, &a.0).cmp(&(Reverse(y.requests), &b.1, &b.0)));
            let shown =
                all.iter().take(MAX_SHOWN).map(|((method, route), tally)| tally.json(method, route.as_deref().unwrap_or("")));
            Ok(json!({
                "from_ms": ms(span.from_unix_ns),
                "step_ms": ms(span.step_ns),
                "routes": shown.collect::<Vec<_>>(),
                "all": all.len(),
                "others": others,
                "counted": counted,
                "is_partial": scanned != Scanned::Whole,
                "notice": notice,
            }))
        })
        .await
}
