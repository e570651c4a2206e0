//! A page that is flooded takes nothing from the application that serves it.
#![cfg(all(feature = "viewer", feature = "console"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails so")]

mod viewed;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use campanile::query::Query;
use campanile::store::{Find, Reader};
use campanile::{Builder, Env};

use self::viewed::{Client, PATIENCE, get, send};

/// Requests before the flood, each with a text that has to be looked through.
const STORED: usize = 2_000;
const QUESTIONS: usize = 200;
/// Questions that are answered at a time.
const MAX_QUERIES: usize = 8;

#[test]
fn vw_30_questions_beyond_what_is_answered_at_a_time_are_refused_and_requests_do_not_notice() {
    let directory = tempfile::tempdir().unwrap();
    let env: Env = [("CAMPANILE_STORE", directory.path().to_str().unwrap()), ("CAMPANILE_CONSOLE", "off")].into_iter().collect();
    let telemetry = Builder::viewer_at(campanile::builder().env(env), ([127, 0, 0, 1], 0)).build().unwrap();
    let client = Client::of(telemetry.viewer_url().expect("it is served"));
    let text = "b".repeat(2_000);
    for number in 0..STORED {
        let text = text.clone();
        send(&telemetry, get(&format!("/orders/{number}")), move || tracing::info!("{text}"));
    }
    assert!(telemetry.flush(PATIENCE));

    let target = format!("/api/events?q={}", "a".repeat(50));
    let (refused, answered, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    let served = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..QUESTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let head = format!("GET {target} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n", client.address, client.cookie());
                    match client.try_ask(&head, "").map(|answer| answer.status) {
                        Some(200) => answered.fetch_add(1, Ordering::Relaxed),
                        // One that finds no room may also find its connection closed.
                        Some(503) | None => refused.fetch_add(1, Ordering::Relaxed),
                        Some(other) => panic!("VW-30: {other}"),
                    }
                })
            })
            .collect();
        let requests = scope.spawn(|| {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                send(&telemetry, get("/during"), || {});
                most.fetch_max(query_threads(), Ordering::Relaxed);
                count += 1;
            }
            count
        });
        let done: usize = askers.into_iter().map(|asker| asker.join().map_or(0, |_| 1)).sum();
        assert_eq!(done, QUESTIONS);
        is_over.store(true, Ordering::Relaxed);
        requests.join().unwrap()
    });
    assert!(refused.into_inner() > 0 && answered.into_inner() > 0, "VW-30: some are answered, others refused");
    assert!(most.into_inner() <= MAX_QUERIES, "VW-30: at most 8 queries at once");
    // Each request was answered as ever (`send` saw to it), and has its record.
    assert!(telemetry.flush(PATIENCE));
    let report = telemetry.shutdown_blocking(PATIENCE);
    assert_eq!(report.lost(), 0, "VW-30");
    let mut reader = Reader::open(directory.path()).unwrap();
    let found = reader.find(&Query::parse("path:/during").unwrap(), &Find::with_limit(Find::MAX_LIMIT)).unwrap();
    assert_eq!(found.len(), served.min(Find::MAX_LIMIT), "VW-30: the instrumented service is not slowed");
    let closed = client.try_ask("GET / HTTP/1.1\r\n", "");
    assert!(closed.is_none(), "the page ends with the telemetry");
}

/// Threads of this process that ask the store, where that can be seen.
fn query_threads() -> usize {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("campanile-query")).count()
}
