//! `campanile routes`: how each route fares.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::Path;

use campanile::exporter::escape;
use campanile::record::Record;
use campanile::store::Reader;
use serde_json::json;

use crate::args::{Routes, RoutesSort};
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;
use crate::render::{cut, grouped, ms, share};
use crate::table::table;
use crate::tally::{Tally, each};

/// Routes that are told apart; clients cannot make up more, as a path without a route is not one.
const MAX_ROUTES: usize = 10_000;
/// Cells of a route, at most.
const ROUTE: usize = 60;

/// Sums up and prints.
pub(crate) fn run(args: &Routes, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.matching.query()?;
    let mut reader = Reader::open(place::find(store)?)?;
    let mut routes: HashMap<(String, String), Tally> = HashMap::new();
    let mut others = 0_u64;
    each(&mut reader, &query, args.seconds, output, |record| {
        let key = (method(record).to_owned(), record.route().unwrap_or_default().to_owned());
        if routes.len() < MAX_ROUTES || routes.contains_key(&key) {
            routes.entry(key).or_insert_with(Tally::new).add(record);
        } else {
            others += 1;
        }
    })?;
    let mut rows: Vec<_> = routes.into_iter().collect();
    rows.sort_by(|(a, _), (b, _)| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    rows.sort_by_key(|(_, tally)| {
        Reverse(match args.sort {
            RoutesSort::Requests => tally.requests,
            RoutesSort::Failed => tally.failed,
            RoutesSort::P95 => tally.duration_ns.per_mille(950).unwrap_or_default(),
            RoutesSort::Route => 0,
        })
    });
    let all = rows.len();
    rows.truncate(args.limit);
    if args.common.json {
        for ((method, route), tally) in &rows {
            output.write(&line(method, route, tally))?;
        }
    } else {
        let head = ["ROUTE", " REQUESTS", " FAILED", " 4XX", " 5XX", " P50", " P95", " P99", " SLOWEST", "ITS ID"];
        output.write(&table(head, rows.iter().map(|((method, route), tally)| row(method, route, tally))))?;
    }
    output.flush()?;
    if all > rows.len() {
        output.complain(&format!("these are {} of {all} routes; -n shows more", rows.len()));
    }
    if others > 0 {
        output.complain(&format!("{others} requests of further routes were left out"));
    }
    Ok(())
}

/// Clients make up methods: those are one.
fn method(record: &Record) -> &str {
    record.known_method().unwrap_or("(other)")
}

fn row(method: &str, route: &str, tally: &Tally) -> [String; 10] {
    let route = if route.is_empty() { "(no route)".to_owned() } else { escape(route).to_string() };
    let per_mille = |share| tally.duration_ns.per_mille(share).map(ms).unwrap_or_default();
    let count = |count: u64| if count == 0 { "-".to_owned() } else { grouped(count) };
    let failed = if tally.failed == 0 { "-".to_owned() } else { share(tally.failed, tally.requests) };
    let (id, slowest) = tally.slowest.as_ref().map(|(id, took)| (id.clone(), ms(*took))).unwrap_or_default();
    [
        cut(&format!("{} {route}", escape(method)), ROUTE),
        grouped(tally.requests),
        failed,
        count(tally.class(4)),
        count(tally.class(5)),
        per_mille(500),
        per_mille(950),
        per_mille(990),
        slowest,
        id,
    ]
}

fn line(method: &str, route: &str, tally: &Tally) -> String {
    let per_mille = |share| tally.duration_ns.per_mille(share);
    full::line(json!({
        "http.request.method": method,
        "http.route": (!route.is_empty()).then_some(route),
        "requests": tally.requests,
        "failed": tally.failed,
        "status_4xx": tally.class(4),
        "status_5xx": tally.class(5),
        "p50_ns": per_mille(500),
        "p95_ns": per_mille(950),
        "p99_ns": per_mille(990),
        "slowest_ns": tally.slowest.as_ref().map(|(_, took)| took),
        "slowest_id": tally.slowest.as_ref().map(|(id, _)| id),
        "first_unix_ns": tally.first_unix_ns,
        "last_unix_ns": tally.last_unix_ns,
    }))
}
