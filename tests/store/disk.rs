//! A disk on which there is no room, or nothing can be written.

use std::path::Path;
use std::process::{Command, Stdio};

use campanile::store::{Find, Reader};

use crate::app::{App, files, numbers, segments};
use crate::child::{Work, start, start_in};

/// This program with the shell in front of it.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(std::env::current_exe().unwrap());
    command
}

#[test]
fn a_file_that_may_not_grow_loses_no_acknowledged_record_uncounted() {
    let directory = tempfile::tempdir().unwrap();
    // 1 MiB in blocks of 512 bytes, and no signal: writing fails.
    let command = shell("trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"");
    let end = start_in(command, directory.path(), Work { count: 3000, batch: 50, bytes: 2000, ..Work::default() }).finish();
    println!("{end:?}, {} segments", segments(directory.path()).len());
    assert_eq!((end.offered, end.delivered + end.lost), (3000, 3000));
    assert_eq!((end.read, end.told), (end.delivered, end.lost), "what is not read is told to be lost");
    assert!(end.read > 500, "it goes on in another file: {end:?}");
    let named = |end: &str| files(directory.path()).iter().filter(|path| path.to_string_lossy().ends_with(end)).count();
    assert_eq!(named(".damaged"), 0, "a file that is full is not damaged");
}

/// Whether a disk can be made for one process without being anybody in particular.
fn has_namespaces() -> bool {
    let made = Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).stderr(Stdio::null()).status();
    let can = made.is_ok_and(|status| status.success());
    if !can {
        let line = "a small disk and a read-only directory: this system makes none for a test (unshare --user --mount)";
        println!("left out: {line}");
        if let Some(path) = std::env::var_os("TEST_LEFT_OUT") {
            let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
            std::io::Write::write_all(&mut file, format!("{line}\n").as_bytes()).unwrap();
        }
    }
    can
}

/// This program, with what this mounts.
fn mounted(mount: &str) -> Command {
    let mut command = Command::new("unshare");
    let script = format!("{mount}; exec \"$0\" \"$@\"");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", &script]).arg(std::env::current_exe().unwrap());
    command
}

#[test]
fn a_disk_that_is_full_costs_no_answer_and_every_record_is_counted() {
    if !has_namespaces() {
        return;
    }
    // One that always has too little left, and one that has at first. Requests are larger there, to fill it.
    for (size, bytes, stores_some) in [("100m", 10, false), ("264m", 6000, true)] {
        let directory = tempfile::tempdir().unwrap();
        let command = mounted(&format!("mount -t tmpfs -o size={size},mode=700 none '{}'", directory.path().display()));
        let end = start_in(command, directory.path(), Work { count: 2500, batch: 50, bytes, ..Work::default() }).finish();
        println!("{size}: {end:?}");
        assert_eq!((end.offered, end.delivered + end.lost), (2500, 2500));
        assert!(end.lost > 0 && (end.delivered > 0) == stores_some, "{end:?}");
        assert!(end.read == end.delivered, "what was stored is read: {end:?}");
    }
}

/// Is this program again, where nothing can be written; on its own it does nothing.
#[test]
fn a_reader_of_its_own() {
    let Ok(directory) = std::env::var("STORE_TEST_READER") else { return };
    let directory = Path::new(&directory);
    assert_eq!(std::fs::write(directory.join("probe"), "").unwrap_err().kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    assert_eq!(numbers(&directory.join("closed")), (1..=300).collect::<Vec<_>>());
    let found = Reader::open(directory.join("closed")).unwrap().find(&"path:/n/17/*".parse().unwrap(), &Find::default()).unwrap();
    assert_eq!(found.len(), 1);
    // Its process was killed. Its log cannot be read without a place for locks beside it, and nobody is told less than that.
    let mut killed = Reader::open(directory.join("killed")).unwrap();
    let read = crate::app::read(&mut killed).len() as u64;
    println!("killed: {read} read, {:?}", killed.warnings());
    assert!(read > 0 || killed.warnings().len() == 1, "{:?}", killed.warnings());
    // An application that is told to store here says that it cannot, and answers as ever.
    let store = directory.join("closed");
    let env = [("CAMPANILE_STORE", store.to_str().unwrap()), ("CAMPANILE_CONSOLE", "off")].into_iter().collect();
    let telemetry = campanile::builder().env(env).exporter(campanile::exporter::Memory::new()).build().unwrap();
    assert!(telemetry.warnings().iter().any(|warning| warning.starts_with("CAMPANILE_STORE ")), "{:?}", telemetry.warnings());
    let app = App { telemetry };
    (1..=50).for_each(|number| app.send(number, 10));
    assert_eq!(app.stats().offered, 50);
    let query = "status:203".parse().unwrap();
    let error = campanile::store::Purge::new(&store, &query).unwrap().run(|_, _| ()).unwrap_err();
    assert!(error.is_unusable_directory() && error.to_string().contains("cannot be written"), "{error}");
}

#[test]
fn where_nothing_can_be_written_what_can_be_read_is_read_and_the_application_answers() {
    if !has_namespaces() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    start(&directory.path().join("closed"), Work { count: 300, ..Work::default() }).finish();
    let mut killed = start(&directory.path().join("killed"), Work::default());
    assert!((0..20).all(|_| killed.wait()));
    killed.kill();
    let path = directory.path().display();
    let mut command = mounted(&format!("mount --bind '{path}' '{path}'; mount -o remount,ro,bind '{path}'"));
    command.args(["--exact", "disk::a_reader_of_its_own", "--nocapture"]);
    let output = command.env("STORE_TEST_READER", directory.path()).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
