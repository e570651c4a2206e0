//! Files that are damaged, foreign, newer, or not what they are called. Each test is a case of the bad-input catalogue.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt as _, symlink};
use std::path::{Path, PathBuf};

use campanile::store::{Find, Groups, Reader, Settings, Store};
use rusqlite::Connection;

use crate::app::{App, files, numbers, read, segments};
use crate::child::{Work, start};

/// A closed segment with so many requests, in this directory.
fn closed(directory: &Path, count: u64) -> PathBuf {
    start(directory, Work { count, batch: 100, bytes: 100, ..Work::default() }).finish();
    segments(directory).pop().unwrap()
}

/// Sends requests to an application with this store, which answers each as without one, and says which are read then.
fn lives_on(directory: &Path, first: u64) -> Vec<u64> {
    let app = App::new(directory);
    (first..first + 50).for_each(|number| app.send(number, 10));
    let stats = app.stats();
    assert_eq!((stats.offered, stats.exporters[0].delivered), (50, 50));
    app.close();
    let mut reader = Reader::open(directory).unwrap();
    let mut all: Vec<_> = read(&mut reader).into_keys().collect();
    all.retain(|number| (first..first + 50).contains(number));
    assert_eq!(all.len(), 50, "whatever else is there, they are stored and read");
    all
}

fn overwrite(path: &Path, at: u64, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(4096).collect();
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(&noise, at).unwrap();
}

#[test]
fn st_01_noise_in_the_middle_of_a_file_is_noticed_and_hides_nothing_else() {
    for seed in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let path = closed(directory.path(), 2000);
        let pages = path.metadata().unwrap().len() / 4096;
        overwrite(&path, pages / 2 * 4096, seed);
        let connection = Connection::open(&path).unwrap();
        let check = connection.query_row("PRAGMA quick_check", [], |row| row.get::<_, String>(0));
        assert_ne!(check.as_deref(), Ok("ok"), "ST-01: it is damaged");
        drop(connection);
        lives_on(directory.path(), 100_001);
        let mut reader = Reader::open(directory.path()).unwrap();
        let all = read(&mut reader);
        assert_eq!(reader.warnings().len(), 1, "ST-01: {:?}", reader.warnings());
        assert!(reader.warnings()[0].starts_with(path.file_name().unwrap().to_str().unwrap()), "{:?}", reader.warnings());
        assert!(all.len() > 1500, "ST-01: {} of 2050 are read", all.len());
        assert!(segments(directory.path()).len() == 2, "it stays where somebody can look at it");
    }
}

#[test]
fn st_01_a_file_that_proves_damaged_while_it_is_written_is_moved_aside_and_another_begun() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::new(directory.path());
    (1..=500).for_each(|number| app.send(number, 100));
    app.flush();
    let path = segments(directory.path()).pop().unwrap();
    let other = Connection::open(&path).unwrap();
    let root: i64 = other.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'record'", [], |row| row.get(0)).unwrap();
    // Also what the application has in its memory is not what is there any more.
    other.execute_batch("UPDATE resource SET attributes = attributes").unwrap();
    let busy: i64 = other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
    assert_eq!(busy, 0);
    overwrite(&path, u64::try_from(root - 1).unwrap() * 4096, 7);
    (501..=600).for_each(|number| app.send(number, 100));
    let stats = app.stats();
    assert_eq!((stats.offered, stats.exporters[0].delivered), (600, 600));
    app.close();
    drop(other);
    let moved = path.with_extension("sqlite.damaged");
    assert!(moved.is_file() && !path.exists(), "ST-01: {:?}", files(directory.path()));
    let name = moved.file_name().unwrap().to_str().unwrap();
    assert!(name["segment-".len()..][..16].bytes().all(|byte| byte.is_ascii_digit()), "its name has a timestamp");
    assert_eq!(numbers(directory.path()), (501..=600).collect::<Vec<_>>());
}

#[test]
fn st_02_an_empty_file_is_initialised_or_passed_over_and_stops_nobody() {
    let directory = tempfile::tempdir().unwrap();
    closed(directory.path(), 20);
    let empty = directory.path().join("segment-0000000000000001-0000000a.sqlite");
    fs::write(&empty, "").unwrap();
    // The history of groups is shared: what is empty there is begun.
    let groups = directory.path().join("groups.sqlite");
    fs::write(&groups, "").unwrap();
    assert!(Groups::open(directory.path()).unwrap_err().is_not_found());
    lives_on(directory.path(), 101);
    let directory_of_one = tempfile::tempdir().unwrap();
    fs::write(directory_of_one.path().join("groups.sqlite"), "").unwrap();
    let store = Store::open(Settings::new(directory_of_one.path())).unwrap();
    let exporter = campanile::exporter::StoreExporter::new(store);
    let telemetry =
        campanile::builder().env(crate::app::quiet()).resource("service.version", "1.2.3").exporter(exporter).build().unwrap();
    let app = App { telemetry };
    app.send(1, 10);
    app.close();
    let releases = Groups::open(directory_of_one.path()).unwrap().releases().unwrap();
    assert_eq!(releases[0].0, "1.2.3", "ST-02: initialised");
    assert_eq!(numbers(directory.path()).len(), 70);
    assert_eq!(fs::read(&empty).unwrap(), b"", "nobody else's file is touched");
}

#[test]
fn st_04_a_newer_file_is_read_by_nobody_and_written_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = closed(directory.path(), 20);
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let groups = directory.path().join("groups.sqlite");
    Connection::open(&groups)
        .unwrap()
        .execute_batch("CREATE TABLE later(a); PRAGMA application_id = 1128353095; PRAGMA user_version = 99")
        .unwrap();
    let before = (fs::read(&path).unwrap(), fs::read(&groups).unwrap());
    lives_on(directory.path(), 101);
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(read(&mut reader).len(), 50);
    assert_eq!(reader.warnings().len(), 1);
    assert!(reader.warnings()[0].ends_with("it was written by a newer version of campanile"), "ST-04: {:?}", reader.warnings());
    let refused = Groups::open(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("newer version of campanile"), "ST-04: {refused}");
    assert!((fs::read(&path).unwrap(), fs::read(&groups).unwrap()) == before, "ST-04: neither is written");
}

#[test]
fn st_05_a_file_that_was_copied_without_its_log_opens_with_what_is_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::with(with_limit(directory.path(), 16 << 20));
    let path = segments(directory.path()).pop().unwrap();
    let written = || path.metadata().map(|metadata| (metadata.len(), metadata.modified().unwrap())).unwrap();
    let mut sent = 0;
    let mut send = |count: u64| {
        (sent + 1..=sent + count).for_each(|number| app.send(number, 1000));
        app.flush();
        sent += count;
        sent
    };
    // Some of the log was carried over, and then came what is only there.
    while written().0 < 400_000 {
        send(10);
    }
    let in_log = loop {
        let before = written();
        let sent = send(10);
        if written() == before {
            break sent;
        }
    };
    let copies = tempfile::tempdir().unwrap();
    fs::copy(&path, copies.path().join(path.file_name().unwrap())).unwrap();
    // The application goes on in another segment, which is copied whole.
    let next = loop {
        send(20);
        let next = segments(directory.path()).pop().unwrap();
        if next != path {
            break next;
        }
    };
    app.close();
    fs::copy(&next, copies.path().join(next.file_name().unwrap())).unwrap();
    let mut reader = Reader::open(copies.path()).unwrap();
    let all: Vec<_> = read(&mut reader).into_keys().collect();
    let held = all.iter().zip(1..).take_while(|(number, expected)| **number == *expected).count() as u64;
    assert!(held > 50 && held < in_log, "ST-05: the start of it is there: {all:?}");
    let (first, last) = (all[usize::try_from(held).unwrap()], *all.last().unwrap());
    assert!(first > in_log && all.len() as u64 == held + last + 1 - first, "and all that came in the next: {all:?}");
    // By their sequence it is known how many are not.
    assert_eq!(reader.warnings().len(), 1, "{:?}", reader.warnings());
    let missing = first - held - 1;
    assert!(
        reader.warnings()[0].contains(&format!("{missing} records")),
        "ST-05: {missing} are missing: {:?}",
        reader.warnings()
    );
}

fn with_limit(directory: &Path, max_bytes: u64) -> Settings {
    let mut settings = Settings::new(directory);
    settings.max_bytes = max_bytes;
    settings
}

#[test]
fn st_06_a_file_with_anything_but_our_tables_is_refused_and_nothing_of_it_runs() {
    let directory = tempfile::tempdir().unwrap();
    let good = closed(directory.path(), 20);
    let hostile = [
        "CREATE TRIGGER planted AFTER INSERT ON loss BEGIN SELECT load_extension('/tmp/planted'); END",
        "CREATE VIEW planted AS SELECT load_extension('/tmp/planted')",
        "DROP TABLE resource; CREATE VIEW resource AS SELECT 1 AS id, writefile('/tmp/planted', x'00') AS attributes",
        "ALTER TABLE record ADD COLUMN planted AS (load_extension('/tmp/planted')) VIRTUAL",
        "ALTER TABLE loss ADD COLUMN planted AS (readfile('/etc/passwd'))",
        "CREATE INDEX planted ON record(abs(duration_ns))",
        "CREATE TABLE planted(a CHECK (a > 0))",
    ];
    for (number, text) in (1..).zip(hostile) {
        let path = directory.path().join(format!("segment-{number:016}-00000000.sqlite"));
        fs::copy(&good, &path).unwrap();
        let connection = Connection::open(&path).unwrap();
        // Functions that do not exist here are declared as they would be by a program that has them.
        if connection.execute_batch(text).is_err() {
            let column = text.rsplit(" COLUMN ").next().unwrap();
            let plant = format!(
                "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'reason TEXT', '{}, reason TEXT') WHERE name = 'loss'",
                column.replace('\'', "''")
            );
            connection.execute_batch(&plant).unwrap();
        }
    }
    lives_on(directory.path(), 101);
    let mut reader = Reader::open(directory.path()).unwrap();
    assert_eq!(read(&mut reader).len(), 70);
    reader.find(&"abcd1234 or path~n".parse().unwrap(), &Find::default()).unwrap();
    assert_eq!(reader.warnings().len(), hostile.len(), "ST-06: {:#?}", reader.warnings());
    assert!(!Path::new("/tmp/planted").exists());
}

#[test]
fn st_09_a_link_is_never_followed() {
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    let store = |name: &str| outside.path().join(name);
    // The directory itself.
    symlink(outside.path(), store("link")).unwrap();
    assert!(Store::open(Settings::new(store("link"))).unwrap_err().to_string().contains("is a symbolic link"), "ST-09");
    symlink("/etc/passwd", store("passwd")).unwrap();
    assert!(Store::open(Settings::new(store("passwd"))).unwrap_err().is_unusable_directory(), "ST-09");
    assert!(Reader::open(store("passwd")).is_err());
    // Every file that has a name of ours.
    let directory = outside.path().join("store");
    closed(&directory, 20);
    for name in [
        "segment-0000000000000001-0000000a.sqlite",
        "segment-0000000000000001-0000000a.sqlite-wal",
        "segment-0000000000000002-0000000a.sqlite.new",
        "segment-0000000000000003-0000000a.sqlite.damaged",
        "instance-0000000a.lock",
        "purge.lock",
    ] {
        symlink(&victim, directory.join(name)).unwrap();
    }
    let groups = directory.join("groups.sqlite");
    let _ = fs::remove_file(&groups);
    symlink(&victim, &groups).unwrap();
    lives_on(&directory, 101);
    let query = "path:/n/1/*".parse().unwrap();
    assert!(campanile::store::Purge::new(&directory, &query).unwrap().run(|_, _| ()).is_err(), "ST-09");
    fs::remove_file(directory.join("purge.lock")).unwrap();
    let done = campanile::store::Purge::new(&directory, &query).unwrap().run(|_, _| ()).unwrap();
    assert_eq!(done.records, 1, "{done:?}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "root:x:0:0:root:/root:/bin/sh\n", "ST-09");
    assert!(Groups::open(&directory).is_err(), "ST-09");
    assert!(
        File::open(&victim).unwrap().metadata().unwrap().permissions().readonly()
            == victim.metadata().unwrap().permissions().readonly()
    );
}
