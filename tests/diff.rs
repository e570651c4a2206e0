//! `campanile diff` tells what was planted, says when there is too little or nothing, and prints nothing that deceives.
#![cfg(all(feature = "cli", feature = "axum"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test cannot go on without fails it")]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";
/// Breaks a line, clears the screen.
const HOSTILE: &str = "eu\nFAKE \u{1b}[2J";

#[derive(serde::Deserialize)]
struct Order {
    fail: Option<u8>,
    region: String,
}

async fn order(Query(order): Query<Order>) -> StatusCode {
    campanile::set("order.region", order.region.as_str());
    tracing::debug!("looked at the order");
    if order.fail.is_some() {
        tracing::debug!("no stock for order {}", order.region.len());
    }
    if order.fail.is_some() { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

fn run_app(directory: &Path, revision: &str, requests: impl Iterator<Item = Request<Body>>) {
    let store = Store::open(Settings::new(directory)).unwrap();
    let builder = campanile::builder().service_name("shop").service_version("1.0").revision(revision);
    let telemetry = builder.exporter(StoreExporter::new(store)).build().unwrap();
    let app = Router::new().route("/orders/{id}", get(order)).route("/other", get(order)).layer(telemetry.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(telemetry.tracing_layer()), || {
        for request in requests {
            let app = app.clone();
            runtime.block_on(async { app.oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
        }
    });
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
}

fn request(path: &str, index: u32, query: &str, region: &str) -> Request<Body> {
    let region: String = region.bytes().map(|byte| format!("%{byte:02x}")).collect();
    // What has nothing to do with it.
    let language = ["de", "en", "fr"][(index % 3) as usize];
    Request::get(format!("{path}?region={region}{query}"))
        .header("accept-language", language)
        .header("user-agent", ["curl/8.4.0", "k6/0.50"][(index % 2) as usize])
        .body(Body::empty())
        .unwrap()
}

/// 300 requests of the old release and 100 of the new, where those from one region fail; made once.
fn store() -> &'static Path {
    static STORE: OnceLock<TempDir> = OnceLock::new();
    let directory = STORE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let fine = |index: u32| request(&format!("/orders/{index}"), index, "", ["us", "ap"][(index / 2 % 2) as usize]);
        run_app(directory.path(), OLD, (0..300).map(fine));
        let of_new = (0..100).map(|index| match index % 3 {
            0 => request(&format!("/orders/{index}"), index / 3, "&fail=1", HOSTILE),
            _ => fine(index),
        });
        let elsewhere = (0..30).map(|index| request("/other", index, "", HOSTILE));
        run_app(directory.path(), NEW, of_new.chain(elsewhere));
        directory
    });
    directory.path()
}

fn run(arguments: &[&str]) -> Output {
    campanile(arguments).arg("--store").arg(store()).output().unwrap()
}

fn campanile(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.args(arguments).env_remove("CAMPANILE_STORE").env_remove("COLUMNS").env("TZ", "UTC");
    command
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert!(!text.contains('\u{1b}') && text.lines().all(|line| !line.starts_with("FAKE")), "{text}");
    text
}

#[test]
fn what_was_planted_is_told_with_its_counts() {
    let output = run(&["diff", "status:5xx"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<_> = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines[0].starts_with("34 requests match and 366 others of /orders/{id}, "), "{out}");
    let at = |line: &str| lines.iter().position(|found| found == line).unwrap_or_else(|| panic!("{line} in\n{out}"));
    let region = at("order.region=eu\\nFAKE \\u{1b}[2J 34 of 34 (100 %) vs 0 of 366 (0 %)");
    let query = at("url.query key=fail 34 of 34 (100 %) vs 0 of 366 (0 %)");
    let release = at(&format!("vcs.ref.head.revision={NEW} 34 of 34 (100 %) vs 66 of 366 (18 %)"));
    let (before, after) = (at("known when they came"), at("what happened then"));
    assert!(before < region.min(query) && region.max(query) < release && release < after, "the strongest first: {out}");
    at("error.type=500 34 of 34 (100 %) vs 0 of 366 (0 %)");
    at("event=DEBUG no stock for order {} 34 of 34 (100 %) vs 0 of 366 (0 %)");
    for noise in ["looked at", "accept-language", "user_agent", "service.version", "status_code", "url.path"] {
        assert!(!out.contains(noise), "{noise} in\n{out}");
    }
}

#[test]
fn programs_get_the_same_in_json() {
    let output = run(&["diff", "--json", "status:5xx"]);
    let object: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!((&object["selected"], &object["rest"]), (&34.into(), &366.into()));
    let findings = object["findings"].as_array().unwrap();
    let region = findings.iter().find(|finding| finding["name"] == "order.region").unwrap();
    assert_eq!((&region["stage"], &region["value"]), (&"arrival".into(), &HOSTILE.into()));
    assert_eq!((&region["selected_with"], &region["rest_with"]), (&34.into(), &0.into()));
    assert!(region["chance"].as_f64().unwrap() < 1e-9 && region["strength"].as_f64().unwrap() > 0.8, "{region}");
}

#[test]
fn what_makes_no_difference_is_said_so() {
    let output = run(&["diff", "release:1111 (path~5 or path~6)"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(out.contains("108 requests match and 189 others of /orders/{id}, "), "{out}");
    assert!(out.contains("\nNothing stands out: ") && out.lines().count() == 2, "{out}");
}

#[test]
fn a_group_is_compared_by_its_id() {
    let found = run(&["search", "-n1", "--json", "status:5xx"]);
    let line: Value = serde_json::from_str(&text(&found.stdout)).unwrap();
    let group = line["campanile.group"].as_str().unwrap();
    let output = run(&["diff", "--group", group]);
    let out = text(&output.stdout);
    assert!(out.starts_with("34 requests match and 366 others of /orders/{id}, "), "{out}{}", text(&output.stderr));
    assert!(out.contains("http.response.status_code=500 ") && !out.contains("campanile.group"), "{out}");
}

#[test]
fn too_little_is_said_with_what_is_needed() {
    for (query, first) in [
        ("path:/orders/0 status:500", "1 request matches and 300 others of /orders/{id}, "),
        ("route:/other", "30 requests match and 0 others of /other, "),
    ] {
        let output = run(&["diff", query]);
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{query}: {}", text(&output.stderr));
        assert!(out.starts_with(first), "{query}: {out}");
        let needed = "Too few to tell what is different: that needs at least 4 that match and 20 others in the same time.\n";
        assert!(out.ends_with(needed), "{query}: {out}");
    }
}

#[test]
fn what_nothing_matches_ends_with_1_and_what_is_wrong_with_2() {
    let output = run(&["diff", "status:418"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    for wrong in [&["diff", "stauts:500"][..], &["diff"], &["diff", "--group", "a b"]] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_release_is_found_by_the_start_of_its_revision() {
    for (query, expected) in [("release:2222", 130), ("release:1111111", 300), ("release:1.0", 430), ("-release:2222", 300)] {
        let output = campanile(&["search", "-n1000", "--json", "--store"]).arg(store()).args(["--", query]).output().unwrap();
        assert_eq!(text(&output.stdout).lines().count(), expected, "{query}");
    }
}
