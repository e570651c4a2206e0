//! A panic that ends the process: the record is on disk before, with its place and its backtrace, and the hook that was there
//! is still called.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what a test cannot go on without fails it"
)]
#![cfg(all(feature = "store", unix))]

mod program;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use campanile::query::Query;
use campanile::record::{FailureKind, Frame, Kind, Outcome};
use campanile::store::{Find, Reader, Stored};
use serde_json::Value;

/// A program of its own, as only a whole build can have its panics abort. Its target directory stays, so that it is built
/// once.
const MANIFEST: &str = r#"
[package]
name = "dies"
version = "0.0.0"
edition = "2024"

[dependencies]
campanile = { path = "ROOT", default-features = false, features = ["store"] }
http = "1"
tower = { version = "0.5", default-features = false, features = ["util"] }

[profile.dev]
debug = "line-tables-only"
panic = "abort"

[workspace]
"#;

/// Builds the program, and says where it is.
fn build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("panic_abort");
    std::fs::create_dir_all(place.join("src")).unwrap();
    let manifest = MANIFEST.replace("ROOT", root.to_str().unwrap());
    write_where_new(&place.join("Cargo.toml"), &manifest);
    write_where_new(&place.join("src/main.rs"), include_str!("program.rs"));
    // The same versions as here, so that nothing has to be fetched.
    std::fs::copy(root.join("Cargo.lock"), place.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--manifest-path"]).arg(place.join("Cargo.toml"));
    let built = cargo.arg("--target-dir").arg(place.join("target")).env_remove("RUSTFLAGS").output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    place.join("target/debug/dies")
}

fn write_where_new(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|known| known == text) {
        return;
    }
    std::fs::write(path, text).unwrap();
}

/// Where the program writes, and how it is to die; variables, as tests leave no room for arguments.
const DIRECTORY: &str = "DIES_IN";
const HOW: &str = "DIES_HOW";

/// What a program left behind that died in this way.
struct Left {
    directory: tempfile::TempDir,
    output: Output,
}

impl Left {
    fn by(command: &mut Command, how: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let command = command.env(DIRECTORY, directory.path()).env(HOW, how);
        let output = command.env("RUST_BACKTRACE", "1").output().unwrap();
        assert!(!output.status.success(), "it dies: {}", String::from_utf8_lossy(&output.stderr));
        Self { directory, output }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.directory.path().join("requests.json")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn stored(&self) -> Vec<Stored> {
        let mut reader = Reader::open(self.directory.path().join("store")).unwrap();
        reader.find(&Query::default(), &Find::default()).unwrap()
    }
}

fn aborting() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    Command::new(PROGRAM.get_or_init(build))
}

#[test]
fn with_panic_abort_the_record_is_on_disk_before_the_process_ends() {
    let left = Left::by(&mut aborting(), "handler");
    assert!(left.said().contains("the handler panicked"), "the hook that was there: {}", left.said());
    let stored = left.stored();
    assert_eq!(stored.len(), 1);
    let record = stored[0].record();
    assert_eq!((record.path(), record.outcome()), ("/order", Outcome::Panicked));
    assert_eq!(record.attribute("user.id").map(|value| value.to_string()).as_deref(), Some("42"));
    let failure = record.failure().unwrap();
    assert_eq!((failure.kind(), failure.message()), (FailureKind::Panic, "the handler panicked"));
    assert!(failure.file().is_some_and(|file| file.ends_with("src/main.rs")) && failure.line().is_some());
    let own: Vec<_> = failure.frames().filter(Frame::is_own).map(|frame| frame.function()).collect();
    assert!(own.iter().any(|function| function.contains("die")), "{own:?}\n{:?}", failure.backtrace());
    let lines = left.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["exception.message"], "the handler panicked");
}

#[test]
fn with_panic_abort_a_panic_elsewhere_is_a_record_of_its_own() {
    for (how, is_tied) in [("task", true), ("thread", false)] {
        let left = Left::by(&mut aborting(), how);
        let stored = left.stored();
        assert_eq!(stored.len(), 1, "{how}");
        let record = stored[0].record();
        assert_eq!(record.kind(), Kind::Event);
        assert_eq!(record.trace_id().is_some(), is_tied);
        assert_eq!(record.failure().unwrap().message(), format!("the {how} panicked"));
        assert_eq!(left.lines().len(), 1);
    }
}

#[test]
fn a_panic_in_a_destructor_while_another_unwinds_leaves_the_record_on_disk() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let left = Left::by(command.args(["--ignored", "--exact", "--nocapture", "child_that_panics_twice"]), "twice");
    let stored = left.stored();
    assert_eq!(stored.len(), 1);
    let record = stored[0].record();
    assert_eq!((record.path(), record.outcome()), ("/order", Outcome::Panicked));
    let messages: Vec<_> = record.failures().map(|failure| failure.message()).collect();
    assert!(messages.starts_with(&["the handler panicked", "and its destructor"]), "{messages:?}");
    assert_eq!(left.lines().len(), 1);
}

#[test]
#[ignore = "runs in a process of its own"]
fn child_that_panics_twice() {
    program::main();
}
