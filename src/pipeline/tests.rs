use std::sync::mpsc;

use super::*;
use crate::exporter::{Batch, ExportError, Pace};
use crate::record::{Kind, Outcome};

/// Takes batches when it is told to.
struct Stuck {
    gate: mpsc::Receiver<()>,
    entered: mpsc::Sender<()>,
}

impl Exporter for Stuck {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        let _ = self.entered.send(());
        let _ = self.gate.recv();
        Ok(())
    }
}

/// Delivers to a channel.
struct Count {
    sender: mpsc::Sender<usize>,
    fast_bytes: usize,
}

impl Count {
    fn new(sender: mpsc::Sender<usize>) -> Self {
        Self { sender, fast_bytes: usize::MAX }
    }
}

impl Exporter for Count {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let _ = self.sender.send(batch.records().len());
        Ok(())
    }

    fn pace(&self) -> Pace {
        Pace { max_delay: Duration::from_secs(3600), fast_bytes: self.fast_bytes, ..Pace::default() }
    }
}

struct Panics;

impl Exporter for Panics {
    fn export(&mut self, _: &Batch<'_>) -> Result<(), ExportError> {
        panic!("in an exporter");
    }
}

fn start(resource: Resource, exporters: Vec<Box<dyn ErasedExporter>>) -> Pipeline {
    Pipeline::start(resource, exporters, Policies::default())
}

fn record(pipeline: &Pipeline, outcome: Outcome) -> Record {
    let mut parts = pipeline.parts();
    parts.kind = Kind::Request;
    parts.outcome = outcome;
    Record::new(parts)
}

fn balance(stats: &Stats) {
    assert_eq!(stats.offered, stats.forwarded + stats.dropped.total() + stats.queued, "{stats:?}");
    for exporter in &stats.exporters {
        assert_eq!(exporter.offered, exporter.delivered + exporter.dropped.total() + exporter.queued, "{stats:?}");
    }
}

#[test]
fn a_flush_delivers_what_waits_for_company() {
    let (sender, receiver) = mpsc::channel();
    let pipeline = start(Resource::default(), vec![Box::new(Count::new(sender))]);
    for _ in 0..10 {
        pipeline.offer(record(&pipeline, Outcome::Answered));
    }
    assert!(pipeline.flush(Duration::from_secs(60)));
    assert_eq!(receiver.try_iter().sum::<usize>(), 10);
    let stats = pipeline.stats();
    assert_eq!((stats.offered, stats.exporters[0].delivered, stats.memory_bytes), (10, 10, 0));
    balance(&stats);
}

#[test]
fn records_that_are_large_or_come_fast_wait_for_no_company() {
    for (records, bytes, fast_bytes) in [(4, 600_000, usize::MAX), (1, 2_000, 1_000)] {
        let (sender, receiver) = mpsc::channel();
        let pipeline = start(Resource::default(), vec![Box::new(Count { sender, fast_bytes })]);
        for _ in 0..records {
            let mut record = record(&pipeline, Outcome::Answered);
            record.parts_mut().push_text(&"x".repeat(bytes), bytes);
            pipeline.offer(record);
        }
        assert!(receiver.recv_timeout(Duration::from_secs(60)).is_ok(), "nobody flushes, and its time is an hour");
    }
}

#[test]
fn a_stuck_exporter_costs_its_own_queue_and_every_loss_is_counted() {
    let (open, gate) = mpsc::channel();
    let (entered, has_entered) = mpsc::channel();
    let (sender, receiver) = mpsc::channel();
    let pipeline = start(Resource::default(), vec![Box::new(Stuck { gate, entered }), Box::new(Count::new(sender))]);
    pipeline.offer(record(&pipeline, Outcome::Answered));
    has_entered.recv().unwrap();
    for index in 0..30_000 {
        pipeline.offer(record(&pipeline, if index % 10 == 0 { Outcome::Failed } else { Outcome::Answered }));
        assert!(pipeline.stats().memory_bytes <= BUDGET_BYTES);
    }
    // The healthy exporter is not held up by the stuck one.
    let mut progress = pipeline.shared.progress();
    let ticket = pipeline.shared.flush_asked.fetch_add(1, Ordering::SeqCst) + 1;
    pipeline.shared.wake();
    while progress.flush_done < ticket {
        progress = pipeline.shared.changed.wait(progress).unwrap();
    }
    drop(progress);
    assert!(pipeline.shared.lanes[1].await_flush(pipeline.shared.lanes[1].ask_flush(), Instant::now() + Duration::from_secs(60)));
    let stats = pipeline.stats();
    balance(&stats);
    assert_eq!(stats.offered, 30_001);
    assert_eq!(stats.exporters[0].queued, stats.exporters[0].offered - stats.exporters[0].dropped.of(Reason::QueueFull));
    assert!(stats.exporters[0].dropped.of(Reason::QueueFull) > 0);
    assert_eq!(receiver.try_iter().sum::<usize>() as u64, stats.exporters[1].delivered);
    drop(open);
    let report = pipeline.shutdown_blocking(Duration::from_secs(60));
    assert!(report.in_time);
    balance(&report.stats);
    assert_eq!(report.stats.memory_bytes, 0);
}

#[test]
fn shutdown_returns_at_its_deadline_and_counts_what_is_left() {
    let (_open, gate) = mpsc::channel();
    let (entered, has_entered) = mpsc::channel();
    let pipeline = start(Resource::default(), vec![Box::new(Stuck { gate, entered })]);
    pipeline.offer(record(&pipeline, Outcome::Answered));
    has_entered.recv().unwrap();
    for _ in 0..99 {
        pipeline.offer(record(&pipeline, Outcome::Answered));
    }
    let report = pipeline.shutdown_blocking(Duration::from_millis(50));
    assert!(!report.in_time);
    assert_eq!(report.stats.exporters[0].dropped.of(Reason::ShutdownDeadline), 100);
    balance(&report.stats);
    let again = pipeline.shutdown_blocking(Duration::from_secs(60));
    assert_eq!(again.stats.offered, report.stats.offered);
    pipeline.offer(record(&pipeline, Outcome::Answered));
    assert_eq!(pipeline.stats().dropped.of(Reason::ShutdownDeadline), 1);
}

#[test]
fn a_panicking_exporter_is_counted_and_goes_on() {
    let pipeline = start(Resource::default(), vec![Box::new(Panics)]);
    for _ in 0..2 {
        pipeline.offer(record(&pipeline, Outcome::Answered));
        assert!(pipeline.flush(Duration::from_secs(60)));
    }
    let stats = pipeline.stats();
    assert_eq!(stats.exporters[0].dropped.of(Reason::InternalPanic), 2);
    balance(&stats);
}

#[test]
fn without_exporters_nothing_runs_and_nothing_is_lost() {
    let pipeline = start(Resource::default(), Vec::new());
    pipeline.offer(record(&pipeline, Outcome::Answered));
    assert!(pipeline.flush(Duration::ZERO));
    let report = pipeline.shutdown_blocking(Duration::ZERO);
    assert_eq!((report.stats.offered, report.lost()), (1, 0));
    balance(&report.stats);
}

#[test]
fn an_asynchronous_shutdown_needs_no_runtime() {
    let (sender, receiver) = mpsc::channel();
    let pipeline = start(Resource::default(), vec![Box::new(Count::new(sender))]);
    pipeline.offer(record(&pipeline, Outcome::Answered));
    struct Unpark(Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = std::pin::pin!(pipeline.shutdown(Duration::from_secs(60)));
    let report = loop {
        match std::future::Future::poll(future.as_mut(), &mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(report) => break report,
            std::task::Poll::Pending => std::thread::park(),
        }
    };
    assert!(report.in_time);
    assert_eq!(receiver.try_iter().sum::<usize>(), 1);
}
