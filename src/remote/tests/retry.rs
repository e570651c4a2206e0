//! What is the same for every remote exporter, against a scripted sender.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::kit::{ByHand, Exported, export, request};
use crate::exporter::{Pace, Patience};
use crate::record::{Kind, Reason, Record, Resource, TraceFlags};
use crate::remote::clock::{Clock as _, System};
use crate::remote::{Answer, Encoder, MAX_PAYLOAD_BYTES, Notices, Remote, Sender, Verdict};

/// One byte for each record, or as many as it is told.
struct Sizes(usize);

impl Encoder for Sizes {
    fn verdict(&self, record: &Record) -> Verdict {
        match record.kind() {
            Kind::Live => Verdict::Nothing,
            _ if record.trace_flags().is_sampled() => Verdict::Send,
            _ => Verdict::Sampled,
        }
    }

    fn encode(&mut self, records: &[&Record], _: &Resource, out: &mut Vec<u8>) {
        out.resize(records.len() * self.0, 0);
    }
}

type Log = Arc<Mutex<Vec<Bytes>>>;

/// Answers from a list, then with success.
struct Script(Vec<Answer>, Log);

impl Sender for Script {
    fn send(&mut self, payload: &Bytes, _: &Patience) -> Answer {
        self.1.lock().unwrap().push(payload.clone());
        if self.0.is_empty() { Answer::Delivered } else { self.0.remove(0) }
    }
}

fn run(records: Vec<Record>, size: usize, answers: Vec<Answer>, patience: &Patience) -> (Exported, Vec<usize>, Vec<Duration>) {
    let (clock, log) = (ByHand::new(), Log::default());
    let sender = Script(answers, Arc::clone(&log));
    let mut remote = Remote::new("test", Pace::default(), Sizes(size), sender, Notices::default()).with_clock(clock.clone());
    let exported = export(&mut remote, records, patience);
    let sizes = log.lock().unwrap().iter().map(Bytes::len).collect();
    (exported, sizes, clock.waits())
}

fn records(count: usize) -> Vec<Record> {
    (0..count).map(|_| request(|_| {})).collect()
}

fn retry(after: Option<u64>) -> Answer {
    Answer::Retry { after: after.map(Duration::from_secs), why: "down".into() }
}

fn seconds(waits: &[Duration]) -> Vec<u64> {
    waits.iter().map(Duration::as_secs).collect()
}

#[test]
fn waits_double_to_thirty_seconds_and_end_after_three_hundred() {
    let (exported, sizes, waits) = run(records(3), 1, (0..100).map(|_| retry(None)).collect(), &Patience::default());
    assert_eq!(seconds(&waits), [1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30]);
    assert_eq!(sizes.len(), 14);
    assert_eq!(exported.lost(Reason::RetryExpired), 3);
    assert_eq!(exported.error.as_deref(), Some("down"));
}

#[test]
fn jitter_is_between_nothing_and_the_bound() {
    let bound = Duration::from_secs(30);
    let all: Vec<_> = (0..1000).map(|_| System.jitter(bound)).collect();
    assert!(all.iter().all(|wait| *wait <= bound));
    assert!(all.iter().any(|wait| *wait < bound / 4) && all.iter().any(|wait| *wait > bound * 3 / 4));
}

#[test]
fn a_receiver_that_asks_for_a_pause_gets_it_up_to_an_hour() {
    let answers = vec![retry(Some(7)), retry(Some(u64::MAX))];
    let (exported, sizes, waits) = run(records(2), 1, answers, &Patience::default());
    assert_eq!(seconds(&waits), [7, 3600]);
    assert_eq!((exported.delivered, sizes), (2, vec![2, 2, 2]));
}

#[test]
fn a_pause_that_was_asked_for_is_the_last_one_when_the_time_is_over() {
    let answers = vec![retry(Some(3600)), retry(Some(1))];
    let (exported, _, waits) = run(records(2), 1, answers, &Patience::default());
    assert_eq!(seconds(&waits), [3600]);
    assert_eq!(exported.lost(Reason::RetryExpired), 2);
}

#[test]
fn what_is_too_large_is_halved_to_single_records_in_order() {
    let answers = vec![Answer::Split, Answer::Split, Answer::Delivered, Answer::Split];
    let (exported, sizes, _) = run(records(5), 1, answers, &Patience::default());
    assert_eq!(sizes, [5, 2, 1, 1, 3]);
    assert_eq!((exported.lost(Reason::TooLarge), exported.delivered), (1, 4));
}

#[test]
fn a_payload_over_the_limit_is_never_sent() {
    let size = MAX_PAYLOAD_BYTES * 2 / 3;
    let (exported, sizes, _) = run(records(2), size, Vec::new(), &Patience::default());
    assert_eq!((exported.delivered, sizes), (2, vec![size, size]));
    let (exported, sizes, _) = run(records(1), MAX_PAYLOAD_BYTES + 1, Vec::new(), &Patience::default());
    assert_eq!((exported.lost(Reason::TooLarge), sizes.len()), (1, 0));
}

#[test]
fn more_than_was_sent_cannot_be_rejected() {
    let answers = vec![Answer::Partly { rejected: u64::MAX, message: String::new() }];
    let (exported, sizes, _) = run(records(4), 1, answers, &Patience::default());
    assert_eq!((exported.lost(Reason::RejectedByRemote), sizes.len()), (4, 1));
}

#[test]
fn unsampled_requests_are_counted_and_live_ones_are_not() {
    let mut all = records(2);
    all.push(request(|parts| parts.trace_flags = TraceFlags::default()));
    all.push(request(|parts| parts.kind = Kind::Live));
    let (exported, sizes, _) = run(all, 1, vec![Answer::Never { why: "no".into() }], &Patience::default());
    assert_eq!(sizes, [2]);
    assert_eq!((exported.lost(Reason::Sampled), exported.lost(Reason::RejectedByRemote), exported.delivered), (1, 2, 1));
}

#[test]
fn shutdown_gives_one_last_attempt_without_a_wait() {
    let patience = Patience::default();
    patience.end_at(Instant::now() + Duration::from_millis(500));
    let (exported, sizes, waits) = run(records(1), 1, vec![retry(None)], &patience);
    assert_eq!((exported.delivered, sizes.len(), waits.len()), (1, 2, 0));
    let (exported, sizes, _) = run(records(1), 1, vec![retry(None), retry(None)], &patience);
    assert_eq!((exported.lost(Reason::ShutdownDeadline), sizes.len()), (1, 2));
    let (exported, sizes, _) = run(records(1), 1, vec![retry(Some(1))], &patience);
    assert_eq!((exported.lost(Reason::ShutdownDeadline), sizes.len()), (1, 1));
}

#[test]
fn nothing_is_sent_after_the_deadline() {
    let patience = Patience::default();
    patience.end_at(Instant::now());
    let (exported, sizes, _) = run(records(2), 1, Vec::new(), &patience);
    assert_eq!((exported.lost(Reason::ShutdownDeadline), sizes.len()), (2, 0));
}
