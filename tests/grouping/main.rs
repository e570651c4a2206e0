//! Errors of code that really fails, in pairs: those with one cause are one group, with and without backtraces.
//!
//! Pairs of two machines, two releases and two compilers, which one test cannot be, stand in `tests/data/grouping.json` and
//! are held by `src/group/corpus.rs`.
#![cfg(feature = "axum")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "errors are what it makes")]

mod helper;
mod orders;
mod stock;

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use campanile::exporter::Memory;
use campanile::record::{GroupId, Kind, Record};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// One cause?
#[derive(Clone, Copy, PartialEq)]
enum Verdict {
    Same,
    Different,
    /// Different, and only a backtrace tells.
    DifferentByBacktrace,
}

use Verdict::{Different, DifferentByBacktrace, Same};

/// What is known of the failures that these two paths lead to.
const PAIRS: &[(&str, &str, Verdict)] = &[
    // One cause, other text.
    ("/orders/1/gone", "/orders/2/gone", Same),
    ("/orders/1/locked/ada", "/orders/2/locked/bob", Same),
    ("/orders/1/timeout", "/orders/250/timeout", Same),
    ("/orders/1/chain", "/orders/2/chain", Same),
    ("/orders/1/anyhow", "/orders/2/anyhow", Same),
    ("/orders/1/boxed", "/orders/2/boxed", Same),
    ("/orders/1/json", "/orders/2/json", Same),
    ("/orders/1/file", "/orders/2/file", Same),
    ("/orders/1/logged", "/orders/2/logged", Same),
    // One helper makes all of these answers; the causes differ.
    ("/orders/1/gone", "/orders/1/declined", Different),
    ("/orders/1/gone", "/stock/1/missing", Different),
    ("/orders/1/declined", "/stock/1/missing", Different),
    ("/orders/1/anyhow", "/orders/1/anyhow-other", Different),
    ("/orders/1/boxed", "/orders/1/boxed-other", Different),
    ("/orders/1/file", "/orders/1/port", Different),
    ("/orders/1/chain", "/orders/1/chain-other", Different),
    ("/orders/1/chain", "/orders/1/gone", Different),
    ("/orders/1/chain", "/orders/1/anyhow", Different),
    ("/orders/1/json", "/orders/1/json-other", Different),
    // Panics.
    ("/orders/7/index", "/orders/9/index", Same),
    ("/orders/7/index", "/orders/7/none", Different),
    ("/orders/7/none", "/orders/8/none", Same),
    ("/orders/7/none", "/stock/7/none", Different),
    ("/orders/7/none", "/orders/7/none-elsewhere", DifferentByBacktrace),
    ("/orders/7/index", "/stock/7/index", Different),
    ("/orders/7/parse", "/orders/8/parse", Same),
    ("/orders/7/parse", "/orders/7/none", Different),
    ("/orders/7/expect", "/orders/7/expect-other", Different),
    ("/orders/7/generic", "/orders/7/generic-other", Same),
    ("/orders/7/closure", "/orders/8/closure", Same),
    ("/orders/7/closure", "/orders/7/index", DifferentByBacktrace),
    ("/orders/7/deep", "/orders/9/deep", Same),
    ("/orders/7/deep", "/orders/7/index", Different),
    ("/orders/7/via-a", "/orders/8/via-a", Same),
    ("/orders/7/via-a", "/orders/7/via-b", DifferentByBacktrace),
    ("/orders/7/later", "/orders/8/later", Same),
    ("/orders/0/divide", "/orders/7/index", Different),
    // Spans, in the place of lines.
    ("/stock/1/in-span", "/stock/2/in-span", Same),
    ("/stock/1/in-span", "/stock/1/in-other-span", Different),
    // Only a status.
    ("/stock/1/down", "/stock/2/down", Same),
    ("/stock/1/down", "/stock/1/other-down", Different),
    ("/stock/1/down", "/stock/1/broken", Different),
    ("/shop.Stock/Get?a=1", "/shop.Stock/Get?a=2", Same),
    ("/shop.Stock/Get?a=1", "/shop.Stock/List", Different),
    ("/shop.Stock/Get?a=1", "/shop.Stock/Lose", Different),
    // Named by the application.
    ("/orders/1/named", "/stock/1/named", Same),
    ("/orders/1/named", "/orders/1/gone", Different),
];

/// What a method of gRPC answers that fails before its first message.
async fn rpc(code: &'static str) -> Response<Body> {
    let answer = Response::builder().header("content-type", "application/grpc").header("grpc-status", code);
    answer.body(Body::empty()).unwrap()
}

fn app() -> Router {
    let rpc = |code: &'static str| axum::routing::any(move || rpc(code));
    Router::new()
        .merge(orders::routes())
        .merge(stock::routes())
        .route("/stock/{id}/down", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/stock/{id}/other-down", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/stock/{id}/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/shop.Stock/Get", rpc("14"))
        .route("/shop.Stock/List", rpc("14"))
        .route("/shop.Stock/Lose", rpc("15"))
}

/// Sends one request for each path, and reads what was recorded.
fn records(paths: &[&str]) -> BTreeMap<String, Record> {
    let memory = Memory::new();
    let telemetry = campanile::builder().exporter(memory.clone()).build().unwrap();
    // Panics are told with their place by the hook alone.
    telemetry.install();
    let app = app().layer(campanile::catch_panic_layer()).layer(telemetry.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for path in paths {
        let is_rpc = path.starts_with("/shop.");
        let request = Request::get(*path).header("content-type", if is_rpc { "application/grpc" } else { "text/plain" });
        runtime.block_on(async {
            let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            response.into_body().collect().await.unwrap();
        });
    }
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
    let of = |record: &Record| record.query().map_or(record.path().to_owned(), |query| format!("{}?{query}", record.path()));
    let requests = memory.records().into_iter().filter(|record| record.kind() == Kind::Request);
    requests.map(|record| (of(&record), record)).collect()
}

#[test]
#[ignore = "run by the two others, each in a process of its own"]
fn the_corpus() {
    let has_backtraces = std::env::var("RUST_BACKTRACE").is_ok_and(|value| value == "1");
    let mut paths: Vec<_> = PAIRS.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
    paths.sort_unstable();
    paths.dedup();
    let records = records(&paths);
    assert_eq!(records.len(), paths.len());
    let group =
        |path: &str| -> GroupId { records.get(path).and_then(Record::group).unwrap_or_else(|| panic!("{path} has no group")) };
    let mut wrong = Vec::new();
    for (a, b, verdict) in PAIRS {
        let same = match verdict {
            Same => true,
            Different => false,
            DifferentByBacktrace => !has_backtraces,
        };
        if (group(a) == group(b)) != same {
            let of = |path: &str| records.get(path).and_then(campanile::group::Fingerprint::of);
            wrong.push(format!("{a} and {b}\n  {:?}\n  {:?}", of(a), of(b)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are not right:\n{}", wrong.len(), PAIRS.len(), wrong.join("\n"));
}

/// Runs the corpus in a process of its own, as whether there are backtraces is decided once for each.
fn run(backtrace: &str) {
    let own = std::env::current_exe().unwrap();
    let arguments = ["--exact", "the_corpus", "--ignored", "--nocapture"];
    let output = Command::new(own).args(arguments).env("RUST_BACKTRACE", backtrace).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let verdict = said.split("are not right").nth(1).unwrap_or(&said);
    assert!(output.status.success(), "{verdict}");
}

#[test]
fn every_verdict_holds_without_backtraces() {
    run("0");
}

#[test]
fn every_verdict_holds_with_backtraces() {
    run("1");
}
