//! Shells are offered commands, options, ids and, inside queries, what is stored.
#![cfg(all(feature = "cli", feature = "axum", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what a test needs around it may fail as loudly as the test")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

fn store() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::new(directory.path())).unwrap();
    let telemetry = campanile::builder().exporter(StoreExporter::new(store)).build().unwrap();
    let order = async || {
        campanile::set("order.state", "it's (new)");
        StatusCode::OK
    };
    let app = axum::Router::new().route("/orders/{id}", get(order)).route("/fail", get(async || StatusCode::BAD_GATEWAY));
    let app = app.layer(telemetry.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for path in ["/orders/1", "/orders/2", "/fail"] {
        let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        runtime.block_on(async { app.clone().oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
    }
    drop(telemetry.shutdown_blocking(Duration::from_secs(60)));
    directory
}

fn lines(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    let done = command.args(arguments).env("CAMPANILE_STORE", directory).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{arguments:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

const BREAKS: &str = " \t\n\"'@><=;|&(:";

#[test]
fn every_kind_of_word_is_offered() {
    let store = store();
    let offered = |line: &str| lines(store.path(), &["complete", "bash", line, BREAKS]);
    assert_eq!(offered("campanile sea"), ["search "]);
    assert_eq!(offered("cat x | campanile rou"), ["routes "]);
    assert!(!offered("campanile ").contains(&"complete ".to_owned()), "it is the shell's own");
    assert_eq!(offered("campanile routes --so"), ["--sort "]);
    assert_eq!(offered("campanile routes --sort p"), ["p95 "]);
    assert_eq!(offered("campanile show ").len(), 3);
    assert_eq!(offered("campanile search 'status:5xx rou"), ["status:5xx route:/fail"]);
    assert_eq!(offered("campanile search status:5xx rou"), ["route:/fail"], "a query may be several words");
    assert_eq!(offered("campanile search route:/or"), ["/orders/{id}"], "behind what the shell does not replace");
    assert_eq!(offered("campanile search 'order.state:"), [r#"order.state:"it'\''s (new)""#]);
    assert_eq!(offered("campanile search \"order.state:"), [r#"order.state:\"it's (new)\""#]);
    assert_eq!(offered("campanile search order.state:"), [r#"\"it\'s\ \(new\)\""#]);
    assert_eq!(offered("campanile search -- rou").first().unwrap(), "route:/orders/{id}");
    assert_eq!(offered("campanile search --store /nowhere meth"), ["method:"], "without a store there are keys");
    assert!(offered("campanile nonsense 'x").is_empty());
}

#[test]
fn counts_stand_beside_values_where_a_shell_shows_them() {
    let store = store();
    let offered = lines(store.path(), &["complete", "fish", "campanile search route:"]);
    assert_eq!(offered, ["route:/orders/{id}\t2 requests", "route:/fail\t1 request"]);
    let offered = lines(store.path(), &["complete", "zsh", "campanile search 'status:5xx route:"]);
    assert_eq!(offered, ["status:5xx route:/fail\tstatus:5xx route:/fail  1 request"]);
}

#[test]
fn bash_takes_what_it_is_offered() {
    let store = store();
    let script = r#"
        complete() { :; }
        source <("$1" completions bash)
        COMP_LINE="campanile search 'status:5xx rou"
        COMP_POINT=${#COMP_LINE}
        _campanile "$1"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", env!("CARGO_BIN_EXE_campanile")]).env("CAMPANILE_STORE", store.path());
    let done = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "status:5xx route:/fail\n", "{:?}", String::from_utf8(done.stderr));
}
