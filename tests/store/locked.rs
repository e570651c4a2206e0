//! Somebody else has the file.

use campanile::store::Settings;
use rusqlite::{Connection, TransactionBehavior};

use crate::app::{App, numbers, segments, told_losses};

#[test]
fn st_08_a_lock_that_nobody_lets_go_of_delays_no_request_and_costs_no_record() {
    let directory = tempfile::tempdir().unwrap();
    let app = App::new(directory.path());
    (1..=20).for_each(|number| app.send(number, 10));
    app.flush();
    let locked = segments(directory.path()).pop().unwrap();
    let mut connection = Connection::open(&locked).unwrap();
    // Held until everything else is done, however long a minute is.
    let lock = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    (21..=2000).for_each(|number| app.send(number, 10));
    let waiting = app.telemetry.stats();
    // What waits for the worker was counted a moment before what waits here, so that they do not add up.
    assert!(waiting.exporters[0].queued <= 1980, "{waiting:?}");
    let stats = app.stats();
    let store = &stats.exporters[0];
    assert_eq!((store.queued, store.delivered + store.dropped.total(), stats.dropped.total()), (0, 2000, 0), "ST-08");
    assert_eq!(store.dropped.total(), 0, "they are in another segment, while the lock still stands");
    assert_eq!(segments(directory.path()).len(), 2);
    drop(lock);
    assert_eq!(numbers(directory.path()), (1..=2000).collect::<Vec<_>>());
    app.close();
}

#[test]
fn st_08_while_the_writer_waits_its_queue_is_bounded_and_what_finds_no_room_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let exporter =
        campanile::exporter::StoreExporter::new(campanile::store::Store::open(Settings::new(directory.path())).unwrap());
    let telemetry = campanile::builder().env(crate::app::quiet()).exporter(exporter).build().unwrap();
    let app = App { telemetry };
    app.send(1, 10);
    app.flush();
    let mut connection = Connection::open(segments(directory.path()).pop().unwrap()).unwrap();
    let lock = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    (2..=20_000).for_each(|number| app.send(number, 10));
    let stats = app.stats();
    let lost = stats.dropped.total() + stats.exporters[0].dropped.total();
    assert_eq!((stats.offered, stats.exporters[0].delivered + lost), (20_000, 20_000), "ST-08: {stats:?}");
    drop(lock);
    app.send(20_001, 10);
    app.flush();
    assert_eq!(numbers(directory.path()).len() as u64, 20_001 - lost);
    assert_eq!(told_losses(directory.path()), lost, "the store tells of the gap");
    app.close();
}
