//! The command line reads what an application stored, says clearly when it cannot, and prints nothing that deceives.
#![cfg(all(feature = "cli", feature = "axum"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test needs around it may fail as loudly as the test"
)]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tower::ServiceExt as _;
use tracing_subscriber::layer::SubscriberExt as _;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// Breaks a line, clears the screen, reorders text.
const HOSTILE: &str = "bad\nFAKE \u{1b}[2J\u{9b}31m\u{202e}gnp";

#[derive(Debug, thiserror::Error)]
#[error("cannot render {HOSTILE}")]
struct RenderError(#[source] std::num::ParseIntError);

async fn order() -> &'static str {
    campanile::set("user.id", 42);
    tracing::info!(lines = 3, "loaded order");
    "ok"
}

async fn fail() -> StatusCode {
    let span = tracing::info_span!("render", page = HOSTILE);
    let _entered = span.enter();
    tracing::warn!(hostile = HOSTILE, "{HOSTILE}");
    let error = RenderError("x".parse::<u8>().expect_err("no number"));
    campanile::attach(&error);
    StatusCode::INTERNAL_SERVER_ERROR
}

/// Runs an application on this store and sends it these paths.
fn write(directory: &Path, paths: &[&str]) {
    let store = Store::open(Settings::new(directory)).unwrap();
    let telemetry = campanile::builder().service_name("shop").exporter(StoreExporter::new(store)).build().unwrap();
    let app = Router::new().route("/orders/{id}", get(order)).route("/fail", get(fail)).layer(telemetry.layer());
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        for path in paths {
            let request = Request::get(*path)
                .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
                .header("authorization", "Bearer very-secret")
                .header("accept", "text/html")
                .body(Body::empty())
                .unwrap();
            runtime.block_on(async {
                let response = app.clone().oneshot(request).await.unwrap();
                response.into_body().collect().await.unwrap();
            });
        }
    });
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
}

/// A store with three requests, made once.
fn store() -> &'static Path {
    static STORE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = STORE.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        write(&path, &["/orders/1?token=abc", "/orders/2", "/fail"]);
        (directory, path)
    });
    path
}

fn campanile(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.args(arguments).env_remove("CAMPANILE_STORE").env_remove("COLUMNS").env("TZ", "UTC");
    command
}

fn run(arguments: &[&str]) -> Output {
    campanile(arguments).arg("--store").arg(store()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    for hidden in ['\u{1b}', '\u{9b}', '\u{202e}', '\r'] {
        assert!(!text.contains(hidden), "{hidden:?} in {text}");
    }
    assert!(text.lines().all(|line| !line.starts_with("FAKE")), "{text}");
    text
}

/// The short id of the newest request that matches.
fn id_of(query: &str) -> String {
    let output = run(&["search", "-n1", "--json", query]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    line["span_id"].as_str().unwrap()[..8].to_owned()
}

/// A store of one request whose caller was not believed.
fn write_distrusting(directory: &Path) {
    let store = Store::open(Settings::new(directory)).unwrap();
    let telemetry = campanile::builder()
        .exporter(StoreExporter::new(store))
        .restart_traces(true)
        .trust_inbound_ids(campanile::TrustIds::Never)
        .build()
        .unwrap();
    let app = Router::new().route("/orders/{id}", get(order)).layer(telemetry.layer());
    let request = Request::get("/orders/1")
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .header("x-request-id", "strangers-id")
        .body(Body::empty())
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(app.oneshot(request)).unwrap();
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
}

#[test]
fn show_tells_what_was_not_believed_of_the_caller() {
    let directory = tempfile::tempdir().unwrap();
    write_distrusting(directory.path());
    let run = |arguments: &[&str]| campanile(arguments).arg("--store").arg(directory.path()).output().unwrap();
    let line: serde_json::Value = serde_json::from_slice(&run(&["search", "--json", "kind:request"]).stdout).unwrap();
    let id = line["span_id"].as_str().unwrap();
    let page = text(&run(&["show", id]).stdout);
    assert!(page.contains(&format!("link      {TRACE} · the caller's, not continued · span 00f067aa0ba902b7")), "{page}");
    assert!(page.contains("(generated) · not taken: strangers-id"), "{page}");
    let all: serde_json::Value = serde_json::from_slice(&run(&["show", "--json", id]).stdout).unwrap();
    assert_eq!(all["campanile.link.trace_id"], TRACE);
    assert_eq!(all["campanile.link.span_id"], "00f067aa0ba902b7");
    assert_eq!(all["campanile.request.id.inbound"], "strangers-id");
}

#[test]
fn search_prints_what_matches_the_newest_last() {
    let output = run(&["search", "kind:request"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found: Vec<_> = out.lines().filter(|line| line.contains("  GET  ")).collect();
    assert_eq!(found.len(), 3, "{out}");
    assert!(found[0].contains("200") && found[0].contains("/orders/{id}") && found[0].contains("user.id=42"), "{out}");
    assert!(found[2].contains("500") && found[2].contains("/fail"), "{out}");
    assert!(out.contains("└ RenderError: cannot render bad\\nFAKE \\u{1b}[2J"), "{out}");
    assert!(out.contains("├ caused by: ParseIntError: invalid digit") && out.contains("└ tests"), "{out}");
}

#[test]
fn search_in_json_is_one_object_a_line() {
    let output = run(&["search", "--json", "since:1h"]);
    let out = text(&output.stdout);
    assert_eq!(out.lines().count(), 3, "{out}");
    for line in out.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&object["trace_id"], &object["service.name"]), (&TRACE.into(), &"shop".into()));
    }
}

#[test]
fn what_nothing_matches_ends_with_1() {
    let output = run(&["search", "status:418"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    let output = run(&["show", "0000000000000000"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no request has the id 0000000000000000"));
}

#[test]
fn a_malformed_query_is_shown_with_the_place() {
    let output = run(&["search", "status:5xx stauts:5xx"]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    let lines: Vec<_> = err.lines().collect();
    let caret = lines.iter().find_map(|line| line.find('^')).unwrap();
    assert!(err.contains("did you mean 'status'?") && lines[1][caret..].starts_with("stauts"), "{err}");
    assert_eq!(run(&["search", "status:\u{1b}[2J\u{202e}"]).status.code(), Some(2));
}

#[test]
fn trouble_is_found_by_its_class_and_shown_with_the_load() {
    let found = run(&["search", "--json", "class:error in_flight:1"]);
    let line: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!((&line["url.path"], &line["campanile.error.class"]), (&"/fail".into(), &"error".into()));
    assert_eq!((&line["campanile.in_flight"], &line["campanile.route.in_flight"]), (&1.into(), &1.into()));
    assert!(line["campanile.runtime.lag_ms"].is_number(), "{line}");
    let all: serde_json::Value = serde_json::from_slice(&run(&["show", "--json", &id_of("status:200")]).stdout).unwrap();
    assert!(all["campanile.in_flight"].is_null(), "a line stays short: {all}");
    assert_eq!(all["campanile.record.in_flight"], 1, "here it stands all the same");
    assert!(all["campanile.record.vitals"].is_null(), "{all}");
    assert_eq!(run(&["search", "class:saturated"]).status.code(), Some(1));
}

#[test]
fn show_tells_everything_about_one_request() {
    let id = id_of("status:500");
    for id in [&id, &id[..6]] {
        let output = run(&["show", id]);
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        for part in [
            "GET /fail  ->  500 in ",
            "load      1 in flight when it came, 1 on its route",
            "process   ",
            "error     ",
            "├ caused by: ",
            "cli.rs:",
            "\n  render ",
            "===",
            "authorization: ‹redacted 18 B: credentials›",
            "accept: text/html",
            "WARN   cli: bad\\nFAKE",
        ] {
            assert!(out.contains(part), "{part:?} is missing in\n{out}");
        }
        assert!(!out.contains("very-secret"), "{out}");
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn other(request: Request<Body>) -> Result<http::Response<Body>, BoxError> {
    match request.uri().host() {
        Some("stock.example") => Ok(http::Response::builder().status(503).body(Body::from("busy"))?),
        _ => Err("nobody is there".into()),
    }
}

/// Asks others: one that answers, one that does not.
async fn buy(telemetry: campanile::Telemetry) -> &'static str {
    let client = tower::ServiceBuilder::new().layer(telemetry.client_layer()).service_fn(other);
    for uri in ["http://stock.example/items?token=very-secret", "https://user:very-secret@bank.example/pay"] {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = uri.parse().unwrap();
        request.extensions_mut().insert(campanile::ResendCount(2));
        if let Ok(response) = client.clone().oneshot(request).await {
            let _ = response.into_body().collect().await.unwrap();
        }
    }
    "bought"
}

#[test]
fn show_tells_whom_a_request_asked() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::new(directory.path())).unwrap();
    let telemetry = campanile::builder().exporter(StoreExporter::new(store)).build().unwrap();
    let asked = telemetry.clone();
    let app = Router::new().route("/buy", get(move || buy(asked.clone()))).layer(telemetry.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = app.oneshot(Request::get("/buy").body(Body::empty()).unwrap()).await.unwrap();
        response.into_body().collect().await.unwrap();
    });
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));
    let run = |arguments: &[&str]| campanile(arguments).arg("--store").arg(directory.path()).output().unwrap();
    let found = run(&["search", "--json", "/buy"]);
    let line: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let id = line["span_id"].as_str().unwrap();
    let out = text(&run(&["show", id]).stdout);
    for part in [
        "GET http://stock.example/items?token=REDACTED  ->  503 in ",
        "GET https://REDACTED:REDACTED@bank.example/pay  ->  _OTHER in ",
        " ms (resend 2)",
        "  GET stock.example ",
        "WARN   campanile::client: GET bank.example failed  exception.type=_OTHER  exception.message=nobody is there",
    ] {
        assert!(out.contains(part), "{part} in\n{out}");
    }
    assert!(!out.contains("very-secret"), "{out}");
    let all: serde_json::Value = serde_json::from_slice(&run(&["show", "--json", id]).stdout).unwrap();
    let span = &all["campanile.record.spans"][0];
    assert_eq!((&span["kind"], &span["error_type"]), (&"client".into(), &"503".into()));
}

#[test]
fn show_prints_bodies_with_a_line_for_each_value() {
    use campanile::Bodies;

    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::new(directory.path())).unwrap();
    let bodies = Bodies::on().max_bytes(40);
    let telemetry = campanile::builder().capture_bodies(bodies).exporter(StoreExporter::new(store)).build().unwrap();
    let echo = |body: String| async move { ([("content-type", "text/plain")], format!("{HOSTILE} {body}")) };
    let app = Router::new().route("/echo", axum::routing::post(echo)).layer(telemetry.layer());
    let request = Request::post("/echo").header("content-type", "application/json").header("x-request-id", "with-bodies");
    let request = request.body(Body::from(r#"{"item":"nut","count":[1,2]}"#)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { app.oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));

    let show = |arguments: &[&str]| {
        let output = campanile(arguments).arg("with-bodies").arg("--store").arg(directory.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout)
    };
    let page = show(&["show"]);
    let lines: Vec<_> = page.lines().map(str::trim).collect();
    let cut = format!("body {} B, truncated: the first 40 B", HOSTILE.len() + 29);
    for expected in ["body 28 B", r#""item": "nut","#, "1,", "]", &cut] {
        assert!(lines.iter().any(|line| line.ends_with(expected)), "{expected} in {page}");
    }
    let json: serde_json::Value = serde_json::from_str(&show(&["show", "--json"])).unwrap();
    let (request, response) = (&json["campanile.record.request_body"], &json["campanile.record.response_body"]);
    assert_eq!(request["content"], r#"{"item":"nut","count":[1,2]}"#);
    assert_eq!((&response["kept_bytes"], &response["truncated"]), (&40.into(), &true.into()));
}

#[test]
fn show_tells_what_was_redacted_and_why() {
    let id = id_of("path:/orders/1");
    let page = text(&run(&["show", &id]).stdout);
    assert!(page.contains("?token=REDACTED"), "{page}");
    let line = "redacted  url.query token: 3 B: access, refresh, id, session or CSRF token";
    assert!(page.lines().any(|found| found == line), "{page}");
    let json: serde_json::Value = serde_json::from_slice(&run(&["show", "--json", &id]).stdout).unwrap();
    let told = &json["campanile.record.redactions"];
    assert_eq!((&told[0]["key"], &told[0]["len_bytes"]), (&"authorization".into(), &18.into()), "{told}");
    assert_eq!((&told[1]["place"], &told[1]["hash"]), (&"url.query".into(), &serde_json::Value::Null), "{told}");
}

#[test]
fn show_in_json_has_every_part() {
    let output = run(&["show", "--json", &id_of("status:500")]);
    let out = text(&output.stdout);
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out.lines().count(), 1);
    assert_eq!(object["campanile.record.spans"][0]["name"], "render");
    assert_eq!(object["campanile.record.events"][0]["message"], HOSTILE);
    assert_eq!(object["campanile.record.failures"][0]["causes"][0]["message"], "invalid digit found in string");
    assert!(!out.contains("very-secret"), "{out}");
}

#[test]
fn an_id_of_several_requests_lists_them() {
    let output = run(&["show", TRACE]);
    assert_eq!(output.status.code(), Some(3));
    let out = text(&output.stdout);
    assert!(out.lines().count() == 3 && out.contains("200  GET /orders/{id}") && out.contains("500  GET /fail"), "{out}");
    for bad in ["abc", "", "no spaces"] {
        assert_eq!(run(&["show", bad]).status.code(), Some(2), "{bad:?}");
    }
}

#[test]
fn the_start_of_a_request_id_or_trace_id_names_it() {
    let line = run(&["search", "-n1", "--json", "status:500"]);
    let line: serde_json::Value = serde_json::from_slice(&line.stdout).unwrap();
    let request = line["campanile.request.id"].as_str().unwrap();
    let title = text(&run(&["show", request]).stdout).lines().next().unwrap().to_owned();
    for start in [&request[..18], &request[..35], &request[..20].to_uppercase()] {
        let output = run(&["show", start]);
        assert_eq!(output.status.code(), Some(0), "{start}");
        assert_eq!(text(&output.stdout).lines().next(), Some(title.as_str()), "{start}");
    }
    let of_trace = run(&["show", &TRACE[..12]]);
    assert_eq!((of_trace.status.code(), &of_trace.stdout), (Some(3), &run(&["show", TRACE]).stdout));
    assert_eq!(run(&["search", &format!("trace:{}", &TRACE[..12])]).stdout, run(&["search", &format!("trace:{TRACE}")]).stdout);
    assert_eq!(run(&["show", "01a20a1c-0000"]).status.code(), Some(1));
}

#[test]
fn a_store_that_is_missing_or_no_store_is_told_with_its_place() {
    let empty = tempfile::tempdir().unwrap();
    let missing = empty.path().join("nowhere");
    let file = empty.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let special = if cfg!(unix) { Path::new("/dev/zero") } else { file.as_path() };
    for (bad, code) in [(missing.as_path(), 4), (file.as_path(), 2), (special, 2)] {
        let output = campanile(&["search", "x", "--store"]).arg(bad).output().unwrap();
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains(&bad.display().to_string()) && err.contains("--store DIR"), "{err}");
    }
    let output = campanile(&["search", "x"]).current_dir(empty.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("neither in"));
}

#[test]
fn the_store_is_found_above_and_in_the_environment() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join(".campanile"), &["/orders/7"]);
    let below = root.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let output = campanile(&["search", "status:200"]).current_dir(&below).output().unwrap();
    assert!(text(&output.stdout).contains("/orders/{id}"), "{}", text(&output.stderr));
    let elsewhere = tempfile::tempdir().unwrap();
    let output =
        campanile(&["search", "status:500"]).current_dir(elsewhere.path()).env("CAMPANILE_STORE", store()).output().unwrap();
    assert!(text(&output.stdout).contains("/fail"), "{}", text(&output.stderr));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let id = id_of("status:500");
    for arguments in [&["search", "since:1h"][..], &["search", "--help"], &["tail"], &["show", &id]] {
        let mut command = campanile(arguments);
        command.arg("--store").arg(store()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn tail_goes_on_across_restarts_of_the_application() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("store");
    write(&directory, &["/orders/1", "/orders/2"]);
    let mut child = campanile(&["tail", "-n1", "--json", "--store"]).arg(&directory).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || {
        let line: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        line["url.path"].as_str().unwrap().to_owned()
    };
    assert_eq!(next(), "/orders/2", "the last match comes first");
    for path in ["/fail", "/orders/3"] {
        write(&directory, &[path]);
        assert_eq!(next(), path);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn help_has_examples_and_every_key() {
    for command in ["tail", "show", "search"] {
        let output = campanile(&[command, "--help"]).output().unwrap();
        let out = text(&output.stdout);
        assert!(output.status.success() && out.contains("Examples:") && out.contains("Exit codes:"), "{out}");
    }
    let out = text(&campanile(&["search", "--help"]).output().unwrap().stdout);
    assert!(campanile::query::keys().iter().all(|key| out.contains(key.name()) && out.contains(key.example())), "{out}");
    assert_eq!(campanile(&["search", "--nonsense"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn show_tells_what_a_request_left_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = Store::open(Settings::new(&path)).unwrap();
    let telemetry = campanile::builder().exporter(StoreExporter::new(store)).build().unwrap();
    let (give, take) = std::sync::mpsc::channel();
    let accept = move || {
        give.send(campanile::current().unwrap()).unwrap();
        std::future::ready("accepted")
    };
    let app = Router::new().route("/mail", get(accept)).layer(telemetry.layer());
    let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    let id = tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(app.oneshot(Request::get("/mail").body(Body::empty()).unwrap())).unwrap();
        drop(runtime.block_on(response.into_body().collect()));
        let request: campanile::Handle = take.recv().unwrap();
        request.run(|| tracing::info_span!("send", to = "ada").in_scope(|| tracing::info!("mail is out")));
        request.span_id().to_string()
    });
    drop(telemetry.shutdown_blocking(Duration::from_secs(10)));

    let output = campanile(&["show", &id[..8], "--store"]).arg(&path).output().unwrap();
    let shown = text(&output.stdout);
    let (_, later) = shown.split_once("\nlater ").expect(&shown);
    assert!(later.contains("mail is out") && later.contains("span   send in") && later.contains("to=ada"), "{shown}");
    assert!(shown.starts_with("GET /mail  ->  200"), "{shown}");
}

#[test]
fn routes_are_listed_with_how_they_fare() {
    let output = run(&["routes", "--sort", "failed"]);
    let table = text(&output.stdout);
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..5], ["ROUTE", "REQUESTS", "FAILED", "4XX", "5XX"], "{table}");
    assert_eq!(rows[1][..6], ["GET", "/fail", "1", "100", "%", "-"], "{table}");
    assert_eq!(rows[2][..4], ["GET", "/orders/{id}", "2", "-"], "{table}");
    assert_eq!(rows[1].last(), Some(&id_of("status:500").as_str()), "{table}");

    let output = run(&["routes", "--json", "-n1", "--sort", "requests"]);
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["http.route"], &line["requests"], &line["status_5xx"]), (&"/orders/{id}".into(), &2.into(), &0.into()));
    assert!(line["p50_ns"].as_u64().unwrap() <= line["slowest_ns"].as_u64().unwrap(), "{line}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("these are 1 of 2 routes"));
    assert_eq!(run(&["routes", "status:418"]).status.code(), Some(1));
}

#[test]
fn stats_sum_up_what_matches() {
    let output = run(&["stats"]);
    let page = text(&output.stdout);
    for expected in ["requests  3, ", "failed    1 (33 %)", "2xx 2 (67 %)", "5xx 1 (33 %)", "answered 3 (100 %)"] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    let line: serde_json::Value = serde_json::from_slice(&run(&["stats", "--json", "route:/orders/{id}"]).stdout).unwrap();
    let told = (&line["requests"], &line["failed"], &line["status"]["2xx"], &line["response_bytes"]);
    assert_eq!(told, (&2.into(), &0.into(), &2.into(), &4.into()));
    assert_eq!(run(&["stats", "stauts:5xx"]).status.code(), Some(2));
}

#[test]
fn a_request_becomes_an_http_archive() {
    let archive = |arguments: &[&str]| -> serde_json::Value {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let one = archive(&["har", &id_of("status:500")]);
    assert_eq!(one["log"]["version"], "1.2");
    let entry = &one["log"]["entries"][0];
    assert_eq!((&entry["request"]["method"], &entry["response"]["status"]), (&"GET".into(), &500.into()));
    assert_eq!(entry["response"]["statusText"], "Internal Server Error");
    let headers = entry["request"]["headers"].as_array().unwrap();
    let withheld = headers.iter().find(|header| header["name"] == "authorization").unwrap();
    assert_eq!((&withheld["value"], &withheld["comment"]), (&"".into(), &"the value is not stored".into()));
    let timings = &entry["timings"];
    let sum = timings["wait"].as_f64().unwrap() + timings["receive"].as_f64().unwrap();
    assert!((sum - entry["time"].as_f64().unwrap()).abs() < 1e-6, "{entry}");

    let all = archive(&["export", "--format", "har", "route:/orders/{id}"]);
    let entries = all["log"]["entries"].as_array().unwrap();
    let mut urls: Vec<_> = entries.iter().map(|entry| entry["request"]["url"].as_str().unwrap()).collect();
    urls.sort_unstable();
    assert_eq!(urls, ["http://localhost/orders/1?token=REDACTED", "http://localhost/orders/2"]);
    let pairs = entries.iter().map(|entry| &entry["request"]["queryString"]).find(|pairs| **pairs != serde_json::json!([]));
    assert_eq!(pairs, Some(&serde_json::json!([{ "name": "token", "value": "REDACTED" }])));
    assert_eq!(run(&["har"]).status.code(), Some(2));
}

#[test]
fn what_matches_is_exported_to_a_file_of_ones_own() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out.csv");
    let export = |more: &[&str]| {
        let output = run(&[&["export", "--format", "csv", "--out", file.to_str().unwrap()], more].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(export(&[]), (Some(0), String::new()));
    let table = std::fs::read_to_string(&file).unwrap();
    assert_eq!((table.lines().count(), table.lines().next().unwrap().split(',').count()), (4, 19), "{table}");
    let failed = table.lines().find(|line| line.contains("/fail")).unwrap();
    assert!(failed.contains(",\"GET\",\"/fail\",\"/fail\",500,answered,"), "{failed}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);

    let (code, said) = export(&["status:500"]);
    assert_eq!(code, Some(5), "it is there already");
    assert!(said.contains("is there already") && std::fs::read_to_string(&file).unwrap() == table);
    assert_eq!(export(&["--force", "status:500"]).0, Some(0));
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);

    let lines = run(&["export", "status:200"]);
    let ids: Vec<serde_json::Value> = text(&lines.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|line| line["campanile.record.events"][0]["message"] == "loaded order"), "{ids:?}");
    assert_eq!(run(&["export", "status:418"]).status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn an_export_follows_no_link() {
    let directory = tempfile::tempdir().unwrap();
    let (kept, link) = (directory.path().join("kept"), directory.path().join("link"));
    std::fs::write(&kept, "mine").unwrap();
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    for more in [&[][..], &["--force"]] {
        let output = run(&[&["export", "--out", link.to_str().unwrap()], more].concat());
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "mine");
    }
}

#[test]
fn a_shell_takes_the_completions_that_are_printed_for_it() {
    let output = run(&["completions", "bash"]);
    assert_eq!(output.status.code(), Some(0));
    let script = format!("{}\ncomplete -p campanile", text(&output.stdout));
    let shell = Command::new("bash").args(["--norc", "-c", &script]).output().expect("a bash");
    assert!(shell.status.success() && text(&shell.stdout).contains("campanile"), "{shell:?}");
    for shell in ["zsh", "fish"] {
        assert!(text(&run(&["completions", shell]).stdout).contains(&format!("campanile complete {shell}")), "{shell}");
    }
    assert_eq!(run(&["completions", "perl"]).status.code(), Some(2));
}
