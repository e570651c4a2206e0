use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::types::Value;

use super::*;
use crate::query::sample;
use crate::record::parts::{Parts, Slot, Text};
use crate::record::{Losses, Reason, Record, Resource};
use crate::store::{Cursor, Find, Groups, Settings, Store};

const SECRET: &str = "canary-7f3a-do-not-keep";

fn resource() -> Resource {
    let mut resource = Resource::default();
    resource.set("service.name", "shop");
    resource
}

fn open(directory: &Path) -> Store {
    Store::open(Settings::new(directory)).unwrap()
}

/// A request of this number, whose number is its path too.
fn request(number: u64, text: &str) -> Record {
    let mut parts = Box::<Parts>::default();
    parts.sequence = number;
    parts.span_id = SpanId(number.to_be_bytes());
    parts.start_unix_ns = unix_ns(SystemTime::now());
    parts.status = Some(200);
    let path = format!("/n/{number}/{text}");
    parts.path = parts.push_text(&path, 1000);
    Record::new(parts)
}

fn secret(number: u64) -> Record {
    request(number, SECRET)
}

fn append(store: &mut Store, records: &[Record]) {
    assert_eq!(store.append(records, &resource(), &Losses::default()).unwrap().total(), 0);
}

fn purge(directory: &Path, query: &str) -> Purged {
    Purge::new(directory, &Query::parse(query).unwrap()).unwrap().run(|_, _| ()).unwrap()
}

fn numbers(directory: &Path, query: &str) -> Vec<u64> {
    let mut reader = Reader::open(directory).unwrap();
    let found = reader.find(&Query::parse(query).unwrap(), &Find::with_limit(Find::MAX_LIMIT)).unwrap();
    assert_eq!(reader.warnings(), [""; 0]);
    let mut numbers: Vec<_> = found.iter().map(|stored| stored.record().sequence()).collect();
    numbers.sort_unstable();
    numbers
}

fn files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect()
}

/// The files that hold these bytes. Nothing may be writing: closing a file lets go of the locks on it.
fn files_with(directory: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes);
    files(directory).into_iter().filter(holds).collect()
}

fn segment_files(directory: &Path) -> Vec<PathBuf> {
    let mut segments: Vec<_> =
        files(directory).into_iter().filter(|path| path.extension().is_some_and(|end| end == "sqlite")).collect();
    segments.retain(|path| !path.ends_with("groups.sqlite"));
    segments.sort();
    segments
}

#[test]
fn no_file_holds_the_bytes_of_what_was_purged_and_everything_else_is_found() {
    let directory = tempfile::tempdir().unwrap();
    // One that was closed, one whose process was killed, and one that is being written.
    let mut closed = open(directory.path());
    append(
        &mut closed,
        &(1..=3000).map(|number| if number % 100 == 7 { secret(number) } else { request(number, "x") }).collect::<Vec<_>>(),
    );
    drop(closed);
    let mut killed = open(directory.path());
    append(&mut killed, &[request(3001, "x"), secret(3002)]);
    std::mem::forget(killed);
    let mut running = open(directory.path());
    append(&mut running, &[secret(3003), request(3004, "x")]);
    let mut lost = Losses::default();
    lost.add(Reason::QueueFull, 5);
    running.append(&[request(3005, "x")], &resource(), &lost).unwrap();

    let query = Query::parse(&format!("path~{SECRET}")).unwrap();
    let mut purge = Purge::new(directory.path(), &query).unwrap();
    let counted = purge.count().unwrap();
    assert_eq!((counted.records, counted.segments, counted.left.len()), (32, 3, 0));
    let mut told = Vec::new();
    let purged = purge.run(|done, all| told.push((done, all))).unwrap();
    assert_eq!((purged.records, purged.segments, purged.left.len()), (32, 3, 0), "{purged:?}");
    assert!(purged.bytes_freed > 0, "{purged:?}");
    assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0) && told.last().is_some_and(|(done, all)| done == all), "{told:?}");

    append(&mut running, &[request(3006, "x")]);
    let expected: Vec<u64> = (1..=3006).filter(|number| number % 100 != 7 && ![3002, 3003].contains(number)).collect();
    assert_eq!(numbers(directory.path(), ""), expected[expected.len().saturating_sub(10_000)..]);
    let gaps = Reader::open(directory.path()).unwrap().gaps(0).unwrap();
    assert_eq!(gaps.iter().map(|gap| gap.losses().total()).sum::<u64>(), 5, "what was lost is still told");
    for number in [1_u64, 1024, 1025, 2999, 3001, 3004, 3006] {
        let found = Reader::open(directory.path()).unwrap().by_id(&format!("{number:016x}")).unwrap();
        assert_eq!(found.len(), 1, "{number}");
    }
    assert!(Reader::open(directory.path()).unwrap().by_id(&format!("{:016x}", 107)).unwrap().is_empty());
    drop(running);
    assert_eq!(files_with(directory.path(), SECRET.as_bytes()), [""; 0].map(PathBuf::from));
    assert!(files(directory.path()).iter().all(|path| !path.to_string_lossy().contains(".new")), "nothing is left of the work");
    assert!(!directory.path().join("purge.lock").exists());
}

/// All rows of a segment's record table, by number.
fn rows(path: &Path) -> Vec<(i64, Vec<Value>)> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT * FROM record ORDER BY id").unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, (0..columns).map(|at| row.get_unwrap(at)).collect())));
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_is_left_keeps_its_rows_and_is_found_by_every_query() {
    let directory = tempfile::tempdir().unwrap();
    let now = unix_ns(SystemTime::now());
    let records: Vec<_> = (0..1800).map(|seed| sample::record(seed, now)).collect();
    let mut store = open(directory.path());
    records.chunks(389).for_each(|batch| append(&mut store, batch));
    std::mem::forget(store);
    let path = segment_files(directory.path()).remove(0);
    let mut before = rows(&path);
    // Whole blocks and parts, single rows, the first and the last.
    let query = Query::parse("status:404 or path:/health or ms>1200").unwrap();
    let goes = |record: &Record| query.matches(record, now);
    let purged = Purge::new(directory.path(), &query).unwrap().run(|_, _| ()).unwrap();
    let left: Vec<&Record> = records.iter().filter(|record| !goes(record)).collect();
    assert_eq!(purged.records as usize, records.len() - left.len());
    assert!(left.len() > 300 && purged.records > 300);
    before.retain(|(id, _)| !goes(&records[usize::try_from(*id).unwrap() - 1]));
    assert!(rows(&path) == before, "rows keep their numbers and all they hold");
    let mut reader = Reader::open(directory.path()).unwrap();
    for text in (0..60)
        .map(|seed| sample::query(seed, false))
        .chain(["abcd1234", "stock -status:200", "grüße or invoice"].map(str::to_owned))
    {
        let query = Query::parse(&text).unwrap();
        let expected: Vec<_> = left.iter().filter(|record| query.matches(record, now)).map(|record| record.sequence()).collect();
        let found = reader.find(&query, &Find { within: std::time::Duration::MAX, ..Find::with_limit(10_000) }).unwrap();
        let mut found: Vec<_> = found.iter().map(|stored| stored.record().sequence()).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    let told: i64 = connection
        .query_row(
            "SELECT count(*) FROM record WHERE EXISTS (SELECT 1 FROM block WHERE record.id BETWEEN first AND last)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(told as usize, left.len(), "blocks tell of every row");
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
fn a_long_gap_costs_no_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let records: Vec<_> =
        (1..=9000).map(|number| if (10..8990).contains(&number) { secret(number) } else { request(number, "x") }).collect();
    append(&mut store, &records);
    drop(store);
    assert_eq!(purge(directory.path(), &format!("path~{SECRET}")).records, 8980);
    let connection = rusqlite::Connection::open(&segment_files(directory.path())[0]).unwrap();
    let blocks: i64 = connection.query_row("SELECT count(*) FROM block", [], |row| row.get(0)).unwrap();
    assert_eq!(blocks, 2);
    assert_eq!(numbers(directory.path(), "x").len(), 20);
}

#[test]
fn a_segment_of_which_nothing_is_left_goes_and_its_writer_begins_another() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    append(&mut store, &[request(1, "x"), request(2, "x")]);
    let before = segment_files(directory.path());
    assert_eq!(purge(directory.path(), "").records, 2);
    assert_eq!(segment_files(directory.path()), [""; 0].map(PathBuf::from));
    append(&mut store, &[request(3, "x")]);
    assert_eq!(numbers(directory.path(), ""), [3]);
    assert_ne!(segment_files(directory.path()), before);
}

#[test]
fn whoever_follows_the_store_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    append(&mut store, &[request(1, "x"), secret(2), request(3, "x")]);
    let mut reader = Reader::open(directory.path()).unwrap();
    let mut cursor = Cursor::default();
    let poll = |reader: &mut Reader, cursor: &mut Cursor| -> Vec<u64> {
        reader.poll(&Query::default(), cursor).unwrap().iter().map(|stored| stored.record().sequence()).collect()
    };
    assert_eq!(poll(&mut reader, &mut cursor), [1, 2, 3]);
    append(&mut store, &[request(4, "x"), secret(5)]);
    assert_eq!(purge(directory.path(), &format!("path~{SECRET}")).records, 2);
    assert_eq!(poll(&mut reader, &mut cursor), [4], "what it had is not told again");
    append(&mut store, &[request(6, "x")]);
    assert_eq!(poll(&mut reader, &mut cursor), [6]);
    assert!(reader.find(&Query::parse(&format!("path~{SECRET}")).unwrap(), &Find::default()).unwrap().is_empty());
    assert_eq!(reader.warnings(), [""; 0]);
}

#[test]
fn nothing_is_lost_while_somebody_writes_and_reads_as_fast_as_can_be() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(directory.path());
    settings.max_bytes = 64 * 1024 * 1024;
    let done = AtomicBool::new(false);
    let mut first = open(directory.path());
    append(&mut first, &[request(u64::MAX - 1, "x")]);
    /// Also where a check fails.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (written, rounds) = thread::scope(|scope| {
        let is_done = Done(&done);
        let writer = scope.spawn(|| {
            let mut store = Store::open(settings).unwrap();
            let mut written = 0;
            while !done.load(Ordering::Relaxed) && written < 60_000 {
                let batch: Vec<_> = (written + 1..=written + 50)
                    .map(|number| if number % 10 == 3 { secret(number) } else { request(number, "x") })
                    .collect();
                append(&mut store, &batch);
                written += 50;
            }
            written
        });
        let reader = scope.spawn(|| {
            let mut reader = Reader::open(directory.path()).unwrap();
            let (mut cursor, mut seen) = (Cursor::default(), Vec::new());
            while !done.load(Ordering::Relaxed) {
                seen.extend(reader.poll(&Query::default(), &mut cursor).unwrap().iter().map(|stored| stored.record().sequence()));
                reader.find(&Query::parse("x status:200").unwrap(), &Find::with_limit(20)).unwrap();
            }
            assert_eq!(reader.warnings(), [""; 0]);
            let all = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(all, seen.len(), "nothing is told twice");
        });
        let mut rounds = 0;
        while rounds < 12 && !writer.is_finished() {
            let purged = purge(directory.path(), &format!("path~{SECRET}"));
            assert_eq!(purged.left, [""; 0]);
            rounds += u32::from(purged.records > 0);
        }
        drop(is_done);
        reader.join().unwrap();
        (writer.join().unwrap(), rounds)
    });
    assert!(rounds > 2 && written > 1000, "{rounds} {written}");
    purge(directory.path(), &format!("path~{SECRET}"));
    let mut reader = Reader::open(directory.path()).unwrap();
    let (mut left, query) = (Vec::new(), Query::default());
    reader
        .scan(&crate::store::Scan::of(&query), std::time::Duration::MAX, |stored| {
            left.push(stored.record().sequence());
            true
        })
        .unwrap();
    left.sort_unstable();
    left.pop();
    assert_eq!(left, (1..=written).filter(|number| number % 10 != 3).collect::<Vec<_>>());
    assert_eq!(reader.gaps(0).unwrap().len(), 0);
    drop(first);
    assert_eq!(files_with(directory.path(), SECRET.as_bytes()), [""; 0].map(PathBuf::from));
}

/// A report about the request of this number.
fn report(number: u64) -> Record {
    let mut parts = secret(number).into_parts();
    (parts.kind, parts.sequence, parts.report) = (Kind::Partial, 0, Some(0));
    Record::new(parts)
}

#[test]
fn reports_about_a_request_go_with_it_wherever_they_are() {
    let directory = tempfile::tempdir().unwrap();
    // Its process died before it could take the report out of another segment.
    let mut store = open(directory.path());
    append(&mut store, &[report(1), report(2), request(3, "x")]);
    std::mem::forget(store);
    let mut store = open(directory.path());
    // Replaced in the segment that is written; what it held is overwritten at once.
    append(&mut store, &[report(4), request(5, "x")]);
    append(&mut store, &[request(4, "x")]);
    let mut record = request(1, "x").into_parts();
    record.status = Some(418);
    append(&mut store, &[Record::new(record)]);
    assert_eq!(purge(directory.path(), "status:418").records, 2);
    let left: Vec<_> =
        Reader::open(directory.path()).unwrap().unfinished().unwrap().iter().map(|it| it.record().span_id()).collect();
    assert_eq!(left, [SpanId(2_u64.to_be_bytes())]);
    assert_eq!(purge(directory.path(), &format!("path~{SECRET}")).records, 1, "a report that matches goes by itself");
    drop(store);
    assert_eq!(files_with(directory.path(), SECRET.as_bytes()), [""; 0].map(PathBuf::from));
}

/// A failure of a user that the application named the group of.
fn failed(number: u64, group: &str, user: &str) -> Record {
    let mut parts = request(number, "x").into_parts();
    parts.status = Some(500);
    let key = parts.push_text(group, 100);
    parts.group_key = key;
    let user = parts.push_text(user, 100);
    parts.set_attribute(Text::Static("user.id"), Slot::Text(user));
    let route = parts.push_text(&format!("/{group}"), 100);
    parts.route = Some(route);
    let mut record = Record::new(parts);
    record.parts_mut().group = crate::group::Fingerprint::of(&record).map(|fingerprint| fingerprint.id());
    record
}

#[test]
fn the_history_of_groups_tells_of_what_is_left_and_of_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    append(&mut store, &[failed(1, SECRET, "ada"), failed(2, "both", "ada"), failed(3, "both", "ada"), failed(4, "both", "bob")]);
    append(&mut store, &[failed(5, "other", "eve")]);
    let purged = purge(directory.path(), "user:ada");
    assert_eq!((purged.records, purged.groups, purged.left.len()), (3, 1, 0), "{purged:?}");
    let groups = Groups::open(directory.path()).unwrap().list().unwrap();
    let mut told: Vec<_> = groups.iter().map(|group| (group.title().to_owned(), group.count(), group.users())).collect();
    told.sort();
    assert_eq!(told, [("both".to_owned(), 1, 1), ("other".to_owned(), 1, 1)]);
    // It is written on.
    append(&mut store, &[failed(6, "both", "eve")]);
    let both = Groups::open(directory.path()).unwrap().list().unwrap().into_iter().find(|group| group.title() == "both").unwrap();
    assert_eq!((both.count(), both.users()), (2, 2));
    drop(store);
    assert_eq!(files_with(directory.path(), SECRET.as_bytes()), [""; 0].map(PathBuf::from));
    let ada = (crate::group::hash(["user", "ada"]) as u32).to_le_bytes();
    assert_eq!(files_with(directory.path(), &ada), [""; 0].map(PathBuf::from), "not even as a hash");
}

#[test]
fn a_copy_that_was_never_finished_is_swept_away_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    append(&mut store, &[request(1, "x")]);
    let name = segment_files(directory.path())[0].file_name().unwrap().to_str().unwrap().to_owned();
    let stay = ["mine.new", "segment-1.sqlite.new", "groups.sqlite.new"];
    let put = |name: &str| fs::write(directory.path().join(name), SECRET).unwrap();
    let go = [format!("{name}.new"), format!("{name}.new-wal")];
    let sweeps: [&dyn Fn(); 2] =
        [&|| drop(open(directory.path())), &|| assert_eq!(purge(directory.path(), "status:404").records, 0)];
    for sweep in sweeps {
        go.iter().map(String::as_str).chain(stay).for_each(put);
        sweep();
        assert!(go.iter().all(|name| !directory.path().join(name).exists()));
        assert!(stay.iter().all(|name| directory.path().join(name).exists()));
    }
    // As long as somebody is at it nobody sweeps, and nobody else begins.
    let lock = Lock::take(&Directory::existing(directory.path()).unwrap()).unwrap();
    put(&go[0]);
    drop(open(directory.path()));
    assert!(directory.path().join(&go[0]).exists());
    let query = Query::default();
    assert!(Purge::new(directory.path(), &query).unwrap().run(|_, _| ()).unwrap_err().is_busy());
    drop(lock);
    assert_eq!(purge(directory.path(), "").records, 1);
}

#[test]
fn segments_of_every_schema_stay_of_theirs() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for version in ["store-1", "store-2", "store-3"] {
        let directory = tempfile::tempdir().unwrap();
        for file in files(&data.join(version)) {
            fs::copy(&file, directory.path().join(file.file_name().unwrap())).unwrap();
        }
        let path = segment_files(directory.path()).remove(0);
        let declared = || {
            let connection = rusqlite::Connection::open(&path).unwrap();
            let number: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            (number, schema::objects(&connection).unwrap())
        };
        let (before, all) = (declared(), rows(&path));
        let (first, last) = (all.first().unwrap(), all.last().unwrap());
        let status = |row: &(i64, Vec<Value>)| format!("{:?}", row.1[14]);
        let count = all.iter().filter(|row| status(row) == status(first)).count();
        let Value::Integer(wanted) = first.1[14] else { panic!("{version}: {first:?}") };
        let purged = purge(directory.path(), &format!("status:{wanted}"));
        assert_eq!(purged.records as usize, count, "{version}");
        if count < all.len() {
            assert_eq!(declared(), before, "{version}");
            assert_eq!(rows(&path).len(), all.len() - count, "{version} {last:?}");
            assert!(!numbers(directory.path(), "").is_empty());
        }
    }
}

#[test]
fn files_that_cannot_be_looked_into_are_named() {
    let directory = tempfile::tempdir().unwrap();
    append(&mut open(directory.path()), &[request(1, "x")]);
    let good = segment_files(directory.path()).remove(0);
    let file = |number: u32, end: &str| directory.path().join(format!("segment-{number:016}-00000000.sqlite{end}"));
    fs::write(file(1, ""), "no database".repeat(1000)).unwrap();
    fs::copy(&good, file(2, "")).unwrap();
    rusqlite::Connection::open(file(2, "")).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    fs::write(file(3, ".damaged"), SECRET).unwrap();
    fs::write(directory.path().join("groups.sqlite.damaged"), SECRET).unwrap();
    let before = fs::read(file(2, "")).unwrap();
    let query = Query::parse("status:200").unwrap();
    let mut purge = Purge::new(directory.path(), &query).unwrap();
    assert_eq!(purge.count().unwrap().left.len(), 4);
    let purged = purge.run(|_, _| ()).unwrap();
    assert_eq!((purged.records, purged.left.len()), (1, 4), "{purged:#?}");
    assert!(purged.left.iter().any(|line| line.contains("newer version")), "{purged:#?}");
    assert!(fs::read(file(2, "")).unwrap() == before && file(1, "").exists() && file(3, ".damaged").exists());
}
