//! Bad input to the command line: the area `cli` of the catalogue.
#![cfg(all(feature = "cli", feature = "axum"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test needs around it may fail as loudly as the test"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use campanile::exporter::StoreExporter;
use campanile::store::{Settings, Store};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// A store with one request to this path.
fn store(path: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::new(directory.path())).unwrap();
    let telemetry = campanile::builder().exporter(StoreExporter::new(store)).build().unwrap();
    let app = axum::Router::new().fallback(async || "ok").layer(telemetry.layer());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
    runtime.block_on(async { app.oneshot(request).await.unwrap().into_body().collect().await.unwrap() });
    drop(telemetry.shutdown_blocking(Duration::from_secs(60)));
    directory
}

fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, store: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.arg("--store").arg(store).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[cfg(unix)]
#[test]
fn cl_01_a_special_file_is_no_store() {
    for special in ["/dev/zero", "/dev/null", "/dev/stdin"] {
        for command in [&["tail"][..], &["search", "x"], &["routes"], &["ps"], &["errors"]] {
            let done = run(command, Path::new(special));
            assert_eq!(done.status.code(), Some(2), "CL-01: {command:?} {special}: {}", said(&done));
            assert!(said(&done).contains(special), "CL-01: {}", said(&done));
        }
    }
}

#[cfg(unix)]
#[test]
fn cl_02_an_export_never_writes_through_a_link() {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    let store = store("/orders");
    let folder = tempfile::tempdir().unwrap();
    let (victim, link, dangling) = (folder.path().join("victim"), folder.path().join("link"), folder.path().join("dangling"));
    fs::write(&victim, "kept").unwrap();
    symlink(&victim, &link).unwrap();
    symlink(folder.path().join("nowhere"), &dangling).unwrap();
    for format in ["csv", "json", "har"] {
        for bad in [&victim, &link, &dangling] {
            let export = ["export", "--format", format, "--out"].map(OsStr::new);
            let done = run(export.into_iter().chain([bad.as_os_str()]), store.path());
            assert_eq!(done.status.code(), Some(5), "CL-02: {}", said(&done));
            assert!(said(&done).contains("--force"), "CL-02: {}", said(&done));
        }
        // With it a file is replaced; a link is still not followed.
        for bad in [&link, &dangling] {
            let export = ["export", "--format", format, "--force", "--out"].map(OsStr::new);
            let done = run(export.into_iter().chain([bad.as_os_str()]), store.path());
            assert_eq!(done.status.code(), Some(5), "CL-02: {}", said(&done));
        }
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept", "CL-02");
    assert!(!folder.path().join("nowhere").exists(), "CL-02");
    let fresh = folder.path().join("fresh.csv");
    let export = ["export", "--format", "csv", "--out"].map(OsStr::new);
    assert!(run(export.into_iter().chain([fresh.as_os_str()]), store.path()).status.success(), "CL-02");
    assert_eq!(fs::metadata(&fresh).unwrap().mode() & 0o777, 0o600, "CL-02");
}

#[test]
fn cl_04_what_stands_after_two_dashes_is_data() {
    let store = store("/a--not-an-option-b");
    let done = run(["search", "--", "--not-an-option"], store.path());
    assert!(matches!(done.status.code(), Some(0 | 1)), "CL-04: {}", said(&done));
    assert!(!said(&done).contains("unexpected argument"), "CL-04: {}", said(&done));
    // As a part of a text it is found, and what looks like the option that is there is none.
    assert!(run(["search", "--", "path~--not-an-option"], store.path()).status.success(), "CL-04");
    let done = run(["search", "--", "--json"], store.path());
    assert!(!String::from_utf8_lossy(&done.stdout).starts_with('{'), "CL-04: {}", said(&done));
}

#[cfg(unix)]
#[test]
fn cl_05_an_argument_that_is_no_text_is_an_error() {
    use std::os::unix::ffi::OsStrExt as _;

    let store = store("/orders");
    let bad = OsStr::from_bytes(b"\xff");
    for command in ["search", "show", "tail", "export", "curl", "replay", "why", "diff", "routes"] {
        let done = run([OsStr::new(command), bad], store.path());
        assert_eq!(done.status.code(), Some(2), "CL-05: {command}: {}", said(&done));
        assert!(!said(&done).contains("panicked"), "CL-05: {}", said(&done));
    }
    // A directory may have such a name.
    let done = run([OsStr::new("search"), OsStr::new("x")], &store.path().join(bad));
    assert_eq!(done.status.code(), Some(4), "CL-05: {}", said(&done));
}

#[test]
fn cl_06_settings_are_shown_without_secrets() {
    for json in [&[][..], &["--json"]] {
        let done = Command::new(env!("CARGO_BIN_EXE_campanile"))
            .args(["config", "show"])
            .args(json)
            .env("CAMPANILE_DEBUG_KEY", "canary-canary-canary-canary-canary")
            .env("CAMPANILE_REDACT_PATTERNS", "canary[0-9]+")
            .env("CAMPANILE_STORE", "postgres://me:canary@db/\u{1b}[2J")
            .env("CAMPANILE_STROE", "canary")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:canary@collector.example/canary?key=canary")
            .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20canary,canary")
            .env("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=canary")
            .env("OTEL_RESOURCE_ATTRIBUTES", "team=shop,password=canary")
            .output()
            .unwrap();
        let said = said(&done);
        assert!(done.status.success(), "CL-06: {said}");
        assert!(!said.contains("canary") && !said.contains('\u{1b}'), "CL-06: {said}");
        for part in ["CAMPANILE_DEBUG_KEY", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "https://collector.example", "environment"] {
            assert!(said.contains(part), "CL-06: {part}: {said}");
        }
        assert!(said.contains("CAMPANILE_STROE is not a setting; did you mean CAMPANILE_STORE?"), "{said}");
    }
}
