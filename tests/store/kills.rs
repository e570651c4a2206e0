//! A process that is killed at any moment.

use std::ops::Range;
use std::time::Duration;

use campanile::store::Reader;
use fastrand::Rng;

use crate::app::{files, numbers};
use crate::child::{Work, start};

/// Kills of each application, one after the other in one directory.
const KILLS: u64 = 10;
/// Numbers that each of them may use.
const SPAN: u64 = 1_000_000;

/// `STORE_TEST_KILLS` asks for more.
fn kills() -> u64 {
    std::env::var("STORE_TEST_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

#[test]
fn everything_acknowledged_before_a_kill_is_read() {
    let directories = kills().div_ceil(KILLS);
    let (first, second) = (0..directories / 2, directories / 2..directories);
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| many(second));
        (many(first), other.join().unwrap())
    });
    let (kills, acknowledged, while_writing) = (one.0 + other.0, one.1 + other.1, one.2 + other.2);
    println!("{kills} kills, {acknowledged} requests acknowledged, {while_writing} kills hit an application that had written");
    assert!(kills >= 200 && while_writing * 2 > kills && acknowledged > 8 * kills);
}

fn many(directories: Range<u64>) -> (u64, u64, u64) {
    let (mut killed, mut acknowledged, mut while_writing) = (0, 0, 0);
    for directory in directories {
        let mut random = Rng::with_seed(directory);
        let place = tempfile::tempdir().unwrap();
        let mut rounds = Vec::new();
        for round in 0..KILLS {
            let first = round * SPAN + 1;
            let bytes = random.choice([10, 300, 3000]).unwrap();
            // Small segments, so that many a kill comes while one is begun or the oldest is looked for.
            let work = Work { first, batch: random.u64(1..20), bytes, max_bytes: 64 << 20, ..Work::default() };
            let mut child = start(place.path(), work);
            // Some at its start, others at any moment behind an acknowledgement.
            let acknowledgements = if random.u8(0..6) == 0 { 0 } else { random.u32(1..6) };
            for _ in 0..acknowledgements {
                assert!(child.wait(), "it writes until it is killed");
            }
            let most = if acknowledgements == 0 { 80_000 } else { 15_000 };
            std::thread::sleep(Duration::from_micros(random.u64(0..most)));
            let last = child.kill();
            rounds.push((first, last));
            killed += 1;
            acknowledged += last.map_or(0, |last| last + 1 - first);
            while_writing += u64::from(last.is_some());
        }
        hold(place.path(), &rounds);
    }
    (killed, acknowledged, while_writing)
}

/// All that was acknowledged is there, in order and without a hole, and no file is damaged.
fn hold(directory: &std::path::Path, rounds: &[(u64, Option<u64>)]) {
    if rounds.iter().all(|(_, last)| last.is_none()) && Reader::open(directory).is_err() {
        return;
    }
    let found = numbers(directory);
    for (first, acknowledged) in rounds {
        let of_round: Vec<_> = found.iter().filter(|number| (*first..*first + SPAN).contains(*number)).collect();
        let expected: Vec<u64> = (*first..).take(of_round.len()).collect();
        assert!(of_round.iter().copied().eq(&expected), "without a hole: {of_round:?}");
        assert!(expected.last() >= acknowledged.as_ref(), "{acknowledged:?} was acknowledged, {:?} is there", expected.last());
    }
    let damaged: Vec<_> = files(directory).into_iter().filter(|path| path.to_string_lossy().ends_with(".damaged")).collect();
    assert!(damaged.is_empty(), "{damaged:?}");
    for segment in crate::app::segments(directory) {
        let connection = rusqlite::Connection::open(&segment).unwrap();
        let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok", "{}", segment.display());
    }
}
