//! How much the store may take.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::app::{files, segments};
use crate::child::{Work, start};

/// Bytes of all files, whatever they are called; `None` where one came or went meanwhile.
fn bytes(directory: &Path) -> Option<u64> {
    let before = files(directory);
    let bytes = before.iter().filter_map(|path| path.symlink_metadata().ok()).map(|metadata| metadata.len()).sum();
    (files(directory) == before).then_some(bytes)
}

#[test]
fn st_10_the_size_limit_is_never_exceeded_while_an_application_writes_flat_out() {
    for (max_bytes, size) in [(4_u64 << 20, 3500), (9 << 20, 20), (16 << 20, 60_000)] {
        let directory = tempfile::tempdir().unwrap();
        let count = (4 * max_bytes / (size as u64 + 400)).min(9000);
        let mut child = start(directory.path(), Work { count, batch: 100, bytes: size, max_bytes, ..Work::default() });
        let (is_over, path) = (AtomicBool::new(false), directory.path());
        let (samples, most) = std::thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                let (mut samples, mut most) = (0_u64, 0);
                while !is_over.load(Ordering::Relaxed) {
                    if let Some(bytes) = bytes(path) {
                        samples += 1;
                        most = most.max(bytes);
                    }
                }
                (samples, most)
            });
            while child.wait() {}
            is_over.store(true, Ordering::Relaxed);
            sampler.join().unwrap()
        });
        let end = child.finish();
        println!("{samples} samples, at most {most} of {max_bytes} bytes; {} of {count} are left", end.read);
        assert_eq!((end.delivered, end.lost), (count, 0));
        assert!(most <= max_bytes && samples > 100, "{most} of {max_bytes} bytes in {samples} samples");
        assert!(size < 100 || end.read < count && segments(path).len() > 1, "old ones went: {end:?}");
    }
}

#[test]
fn the_size_limit_holds_for_two_applications_together() {
    let directory = tempfile::tempdir().unwrap();
    let max_bytes = 8 << 20;
    let work = Work { count: 4000, batch: 100, bytes: 3500, max_bytes, ..Work::default() };
    let (mut one, other) = (start(directory.path(), work), start(directory.path(), Work { first: 1_000_001, ..work }));
    let mut most = 0;
    while one.wait() {
        most = most.max(bytes(directory.path()).unwrap_or_default());
    }
    for end in [one.finish(), other.finish()] {
        assert_eq!((end.delivered, end.lost), (work.count, 0));
    }
    assert!(most <= max_bytes, "{most} of {max_bytes} bytes");
}
