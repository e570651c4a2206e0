//! A purge while an application writes as fast as it can.

use campanile::query::Query;
use campanile::store::{Purge, Reader};

use crate::app::{numbers, told_losses};
use crate::child::{Work, start};

#[test]
fn an_application_that_writes_flat_out_loses_nothing_to_a_purge() {
    let directory = tempfile::tempdir().unwrap();
    let count = 6000;
    let mut child = start(directory.path(), Work { count, batch: 40, ..Work::default() });
    assert!(child.wait());
    // Everything whose number ends in 3, again and again.
    let query = Query::parse("path~/n.\\d*3.x*$/").unwrap();
    let (mut rounds, mut purged) = (0, 0);
    while child.wait() {
        let done = Purge::new(directory.path(), &query).unwrap().run(|_, _| ()).unwrap();
        assert_eq!(done.left, [""; 0]);
        purged += done.records;
        rounds += u32::from(done.records > 0);
    }
    let end = child.finish();
    assert_eq!((end.offered, end.delivered, end.lost), (count, count, 0));
    assert!(rounds > 3, "{rounds} purges met an application that wrote");
    purged += Purge::new(directory.path(), &query).unwrap().run(|_, _| ()).unwrap().records;
    assert_eq!(purged, count / 10);
    assert_eq!(numbers(directory.path()), (1..=count).filter(|number| number % 10 != 3).collect::<Vec<_>>());
    assert_eq!(told_losses(directory.path()), 0);
}

#[test]
fn a_purge_that_is_killed_loses_nothing_and_the_next_one_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    start(directory.path(), Work { count: 3000, batch: 500, ..Work::default() }).finish();
    // What a purge leaves that was killed in the middle, and in the last moment before the exchange.
    let segment = crate::app::segments(directory.path()).pop().unwrap();
    let half = segment.with_extension("sqlite.new");
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    assert_eq!(numbers(directory.path()), (1..=3000).collect::<Vec<_>>());
    let query = Query::parse("path:/n/7/*").unwrap();
    let done = Purge::new(directory.path(), &query).unwrap().run(|_, _| ()).unwrap();
    assert_eq!((done.records, done.left.len()), (1, 0));
    assert!(!half.exists());
    assert_eq!(numbers(directory.path()).len(), 2999);
    assert!(Reader::open(directory.path()).unwrap().find(&query, &Default::default()).unwrap().is_empty());
}
