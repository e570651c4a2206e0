//! `campanile purge` says how much it is, asks, and removes it for good.
#![cfg(feature = "cli")]
#![expect(clippy::unwrap_used, reason = "what a test cannot go on without fails it")]

use std::convert::Infallible;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use bytes::Bytes;
use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::Full;
use tempfile::TempDir;
use tower::{ServiceBuilder, ServiceExt as _};

const SECRET: &str = "canary-5d1e-of-a-customer";

/// A store with 20 requests, of which four have the secret in their path.
fn store() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let exporter = StoreExporter::new(Store::open(Settings::new(directory.path())).unwrap());
    let telemetry = campanile::builder().service_name("shop").exporter(exporter).build().unwrap();
    let answer = |_: Request<_>| std::future::ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("ok"))));
    for number in 0..20 {
        let path = if number % 5 == 0 { format!("/customers/{SECRET}") } else { format!("/orders/{number}") };
        let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(answer);
        let request = Request::get(path).body(Full::<Bytes>::default()).unwrap();
        drop(service.oneshot(request).now_or_never().unwrap());
    }
    drop(telemetry.shutdown_blocking(Duration::from_secs(60)));
    directory
}

fn run(store: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.args(arguments).arg("--store").arg(store).env_remove("CAMPANILE_STORE").stdin(Stdio::null());
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn left(store: &Path) -> usize {
    text(&run(store, &["search", "--json", "path~/"]).stdout).lines().count()
}

fn holds_secret(store: &Path) -> bool {
    let files = std::fs::read_dir(store).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()))
}

#[test]
fn cl_08_it_prints_the_count_first_and_removes_nothing_unless_it_is_told_yes() {
    let store = store();
    for arguments in [&["purge", "--before", "2999-01-01"][..], &["purge", "--all"]] {
        let output = run(store.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "CL-08");
        assert_eq!(text(&output.stdout), "20 records in 1 segment match.\n", "CL-08");
        assert_eq!(text(&output.stderr), "campanile: nothing was removed: say --yes to remove these records for good\n");
    }
    let output = run(store.path(), &["purge", "--dry-run", "path:/orders/*"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "16 records in 1 segment match.\n"));
    assert_eq!(left(store.path()), 20);
    assert!(holds_secret(store.path()));
    let output = run(store.path(), &["purge", "--before", "2999-01-01", "--yes"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(left(store.path()), 0);
}

#[test]
fn what_was_purged_is_in_no_file_and_the_rest_is_found() {
    let store = store();
    let output = run(store.path(), &["purge", "--yes", &format!("path~{SECRET}"), "status:200"]);
    assert_eq!(text(&output.stderr), "");
    let said = text(&output.stdout);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((output.status.code(), lines[0]), (Some(0), "4 records in 1 segment match."));
    assert!(lines[1].starts_with("Removed 4 records for good; ") && lines[1].ends_with(" are free."), "{said}");
    assert!(!holds_secret(store.path()));
    assert_eq!(left(store.path()), 16);
    let output = run(store.path(), &["purge", "--yes", &format!("path~{SECRET}")]);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(1), "campanile: nothing matches\n"));
}

#[test]
fn json_tells_all_of_it_in_one_line() {
    let store = store();
    let line = |arguments: &[&str]| -> serde_json::Value {
        let output = run(store.path(), arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout).lines().count(), 1);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let counted = line(&["purge", "--json", "--dry-run", "path:/orders/*"]);
    assert_eq!((&counted["matched"], &counted["removed"]), (&16.into(), &0.into()));
    let removed = line(&["purge", "--json", "--yes", "path:/orders/1,/orders/2"]);
    assert_eq!((&removed["matched"], &removed["removed"], removed["left"].as_array().unwrap().len()), (&2.into(), &2.into(), 0));
    assert!(removed["freed_bytes"].is_u64());
}

#[test]
fn what_is_to_go_has_to_be_said() {
    let store = store();
    for (arguments, complaint) in [
        (&["purge", "--yes"][..], "required arguments were not provided"),
        (&["purge", "--yes", ""], "the query asks for nothing"),
        (&["purge", "--yes", "--before", "yesterday"], "'yesterday' is no time"),
        (&["purge", "--yes", "--before", "1d\" or \"x"], "is no time"),
        (&["purge", "--yes", "statsu:500"], "statsu"),
        (&["purge", "--all", "status:500"], "cannot be used with"),
    ] {
        let output = run(store.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(complaint), "{arguments:?}: {}", text(&output.stderr));
    }
    assert_eq!(left(store.path()), 20);
}
