//! Two applications in one directory, and whoever reads it meanwhile.

use std::collections::BTreeMap;

use campanile::query::Query;
use campanile::store::{Cursor, Find, Reader};

use crate::app::{numbers, read};
use crate::child::{Work, start};

#[test]
fn two_applications_write_one_store_and_whoever_follows_it_hears_of_each_request_once() {
    let directory = tempfile::tempdir().unwrap();
    let count = 1500;
    let mut one = start(directory.path(), Work { count, batch: 5, ..Work::default() });
    let other = start(directory.path(), Work { first: 1_000_001, count, batch: 9, ..Work::default() });
    assert!(one.wait());
    let mut reader = Reader::open(directory.path()).unwrap();
    let (mut cursor, mut heard) = (Cursor::default(), BTreeMap::<u64, u32>::new());
    let mut follow = || {
        for stored in reader.poll(&Query::default(), &mut cursor).unwrap() {
            let number = stored.record().path().split('/').nth(2).unwrap().parse().unwrap();
            *heard.entry(number).or_default() += 1;
        }
        assert_eq!(reader.warnings(), [""; 0]);
        heard.len() as u64
    };
    while one.wait() {
        follow();
    }
    for end in [one.finish(), other.finish()] {
        assert_eq!((end.offered, end.delivered, end.lost), (count, count, 0));
    }
    while follow() < 2 * count {}
    assert!(heard.values().all(|times| *times == 1));
    let expected: Vec<u64> = (1..=count).chain(1_000_001..=1_000_000 + count).collect();
    assert_eq!(numbers(directory.path()), expected);
}

#[test]
fn whoever_reads_during_ageing_finds_the_newest_without_a_hole() {
    let directory = tempfile::tempdir().unwrap();
    // Eight times the store.
    let work = Work { count: 9000, batch: 50, bytes: 3500, max_bytes: 4 << 20, ..Work::default() };
    let mut child = start(directory.path(), work);
    let mut reader: Option<Reader> = None;
    let (mut pages, mut oldest) = (0, 1);
    while child.wait() {
        let acknowledged = child.acknowledged.unwrap();
        let reader = reader.get_or_insert_with(|| Reader::open(directory.path()).unwrap());
        let found = reader.find(&Query::parse("status:203").unwrap(), &Find::with_limit(100)).unwrap();
        let mut seen: Vec<u64> = found.iter().map(|it| it.record().path().split('/').nth(2).unwrap().parse().unwrap()).collect();
        seen.reverse();
        assert!(*seen.last().unwrap() >= acknowledged, "{acknowledged} was acknowledged: {seen:?}");
        assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seen:?}");
        let all = read(reader);
        assert!(all.values().all(|times| *times == 1));
        oldest = oldest.max(*all.keys().next().unwrap());
        pages += 1;
        assert_eq!(reader.warnings(), [""; 0]);
    }
    assert!(oldest > work.count / 2 && pages > 20, "{pages} pages, the oldest is {oldest}");
    child.finish();
    let left = numbers(directory.path());
    assert_eq!(left, (left[0]..=work.count).collect::<Vec<_>>(), "only the oldest are gone");
}
