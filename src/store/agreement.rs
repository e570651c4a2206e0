//! The store and the live matcher answer alike, on more than ten thousand queries with every key and operator.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params_from_iter};

use super::{Find, Reader, Settings, Store, unix_ns};
use crate::query::{Bind, Query, keys, sample};
use crate::record::{Losses, Record, Resource};

const QUERIES: u64 = 10_500;
const RECORDS: u64 = 16;

/// Every operator, and what values may look like beside a word.
const OPERATORS: [&str; 14] = [":", "=", "!=", ">", ">=", "<", "<=", "~", "~/", "..", ",", "*", "(", "-"];

/// A query by the seed; now and then with a term of the next key.
fn query(seed: u64) -> String {
    let generated = sample::query(seed, seed.is_multiple_of(3));
    let keys = keys();
    let key = &keys[usize::try_from(seed).unwrap() % keys.len()];
    match seed % 7 {
        0 => key.example().to_owned(),
        1 => format!("{} or ({generated})", key.example()),
        2 => format!("-({}) {generated}", key.example()),
        3 => {
            let terms = [format!("{}!=\"x y\"", key.name()), format!("{}:*", key.name()), key.example().to_owned()];
            let term = terms.into_iter().find(|term| Query::parse(term).is_ok()).unwrap();
            format!("{term} or not ({generated})")
        }
        _ => generated,
    }
}

struct Counts {
    queries: AtomicU64,
    by_columns: AtomicU64,
    pairs: AtomicU64,
    matched: AtomicU64,
}

#[test]
fn the_store_and_the_live_matcher_agree_on_ten_thousand_queries() {
    let directory = tempfile::tempdir().unwrap();
    let mut resource = Resource::default();
    for (name, value) in [("service.name", "shop"), ("service.instance.id", "web-1"), ("service.version", "1.4.2")] {
        resource.set(name, value);
    }
    let now = unix_ns(SystemTime::now());
    let records: Vec<_> = (0..RECORDS).map(|seed| sample::record(seed, now)).collect();
    // Of one segment blocks tell, and of the other not yet.
    let (told, untold) = records.split_at(10);
    let mut closed = Store::open(Settings::new(directory.path())).unwrap();
    closed.append(told, &resource, &Losses::default()).unwrap();
    drop(closed);
    let mut open = Store::open(Settings::new(directory.path())).unwrap();
    open.append(untold, &resource, &Losses::default()).unwrap();

    let zero = || AtomicU64::new(0);
    let counts = Counts { queries: zero(), by_columns: zero(), pairs: zero(), matched: zero() };
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (directory, resource, records, counts) = (directory.path(), &resource, &records, &counts);
            scope.spawn(move || {
                let mut reader = Reader::open(directory).unwrap();
                let segments = super::directory::Directory::existing(directory).unwrap();
                let files: Vec<_> = segments.segments().unwrap().iter().map(|name| segments.file(name)).collect();
                let connections: Vec<_> = files.iter().map(|file| Connection::open(file).unwrap()).collect();
                for seed in (half..QUERIES).step_by(2) {
                    agree(&query(seed), &mut reader, &connections, resource, records, counts);
                }
                assert_eq!(reader.warnings(), [""; 0]);
            });
        }
    });
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (queries, by_columns) = (read(&counts.queries), read(&counts.by_columns));
    let (pairs, matched) = (read(&counts.pairs), read(&counts.matched));
    println!("{queries} queries, {by_columns} of them by columns alone; {pairs} pairs, {matched} of them match");
    assert!(queries >= 10_000 && by_columns > queries / 5, "{queries} {by_columns}");
    assert_eq!(pairs, queries * RECORDS);
    assert!((pairs / 5..pairs * 4 / 5).contains(&matched), "a good share matches, and another does not: {matched} of {pairs}");
    drop(open);
}

fn agree(text: &str, reader: &mut Reader, files: &[Connection], resource: &Resource, records: &[Record], counts: &Counts) {
    // Times count back from the moment of the search: samples lie far from every one that is asked for.
    let now = unix_ns(SystemTime::now());
    let query = Query::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let matching = records.iter().filter(|record| query.matches_from(resource, record, now));
    let expected: Vec<u64> = matching.map(Record::sequence).collect();
    let found = reader.find(&query, &Find { within: Duration::MAX, ..Find::with_limit(1000) }).unwrap();
    let mut found: Vec<u64> = found.iter().map(|stored| stored.record().sequence()).collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{text}");
    let sql = query.to_sql(now, true);
    // The condition never rules out what matches; where it says that it is exact, nothing else passes it.
    let binds: Vec<Box<dyn rusqlite::ToSql>> = sql
        .binds
        .iter()
        .map(|bind| -> Box<dyn rusqlite::ToSql> {
            match bind {
                Bind::Integer(value) => Box::new(*value),
                Bind::Text(text) => Box::new(text.clone()),
                Bind::Blob(bytes) => Box::new(bytes.clone()),
            }
        })
        .collect();
    let mut passed = BTreeSet::new();
    for file in files {
        let mut statement = file.prepare(&format!("SELECT sequence FROM record WHERE {}", sql.text)).unwrap();
        let rows = statement.query_map(params_from_iter(&binds), |row| row.get::<_, i64>(0)).unwrap();
        passed.extend(rows.map(|row| u64::try_from(row.unwrap()).unwrap()));
    }
    if sql.is_exact {
        assert!(passed.iter().eq(&expected), "{text}: {}", sql.text);
        counts.by_columns.fetch_add(1, Ordering::Relaxed);
    } else {
        assert!(expected.iter().all(|number| passed.contains(number)), "{text}: {}", sql.text);
    }
    counts.queries.fetch_add(1, Ordering::Relaxed);
    counts.pairs.fetch_add(records.len() as u64, Ordering::Relaxed);
    counts.matched.fetch_add(expected.len() as u64, Ordering::Relaxed);
}

#[test]
fn every_key_and_every_operator_is_among_the_queries() {
    let all: String = (0..QUERIES).map(|seed| query(seed) + "\n").collect();
    for key in keys() {
        let is_asked =
            OPERATORS.iter().any(|operator| all.contains(&format!("{}{operator}", key.name()))) || all.contains(key.example());
        assert!(is_asked, "{}", key.name());
    }
    for operator in OPERATORS.into_iter().chain([" or ", " and ", "not "]) {
        assert!(all.contains(operator), "{operator}");
    }
}
