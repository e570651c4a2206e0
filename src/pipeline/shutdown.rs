//! The end of a pipeline, with a deadline on every step.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::stats::Report;
use super::{Pipeline, Shared, after, quiet};

impl Pipeline {
    /// Ends it from a thread that may wait.
    pub(crate) fn shutdown_blocking(&self, within: Duration) -> Report {
        self.shared.shut_down(within)
    }

    /// Ends it without blocking the caller's thread, on any runtime or none.
    ///
    /// Begins at once, so that a future that is dropped still ends the pipeline.
    pub(crate) fn shutdown(&self, within: Duration) -> Shutdown {
        let state = Arc::new(Mutex::new((None, None::<Waker>)));
        let (shared, done) = (Arc::clone(&self.shared), Arc::clone(&state));
        let run = move || {
            quiet::hush();
            let report = shared.shut_down(within);
            let mut state = done.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = Some(report);
            if let Some(waker) = state.1.take() {
                drop(state);
                waker.wake();
            }
        };
        // No thread to be had: nothing is left but to wait here, which is bounded too.
        let run = Arc::new(Mutex::new(Some(run)));
        let on_thread = Arc::clone(&run);
        let take = |run: &Mutex<Option<_>>| run.lock().unwrap_or_else(PoisonError::into_inner).take();
        let spawned = thread::Builder::new().name("campanile-end".to_owned()).spawn(move || {
            if let Some(run) = take(&on_thread) {
                run();
            }
        });
        if spawned.is_err()
            && let Some(run) = take(&run)
        {
            run();
        }
        Shutdown { state }
    }
}

impl Shared {
    /// Ends what could not even begin: there is no worker.
    pub(super) fn abort(&self) {
        self.progress().worker_done = true;
        let _ = self.shut_down(Duration::ZERO);
    }

    /// Waits for the report of a shutdown that someone has begun; none when `until` comes first.
    pub(super) fn await_report(&self, until: Instant) -> Option<Report> {
        let mut progress = self.progress();
        while progress.report.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            progress = self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        progress.report.clone()
    }

    fn shut_down(&self, within: Duration) -> Report {
        let start = Instant::now();
        let deadline = after(start, within);
        let is_first = !self.is_closed.swap(true, Ordering::SeqCst);
        if !is_first {
            // Someone else is at it, or was: the answer is the same.
            let report = if self.lanes.is_empty() { None } else { self.await_report(deadline) };
            return report.unwrap_or_else(|| Report {
                stats: self.stats(),
                took: start.elapsed(),
                in_time: self.lanes.is_empty(),
            });
        }
        self.wake();
        let mut progress = self.progress();
        while !progress.worker_done {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            progress = self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut in_time = progress.worker_done;
        drop(progress);
        // All are told before the first is waited for: the deadline is one for all.
        for lane in &self.lanes {
            lane.close(deadline);
        }
        for lane in &self.lanes {
            in_time &= lane.join(deadline);
        }
        self.sweep();
        let report = Report { stats: self.stats(), took: start.elapsed(), in_time };
        self.progress().report = Some(report.clone());
        self.changed.notify_all();
        report
    }
}

/// A shutdown under way; gives the report when it is over.
#[must_use = "the report is lost when nobody awaits it"]
pub(crate) struct Shutdown {
    state: Arc<Mutex<(Option<Report>, Option<Waker>)>>,
}

impl Future for Shutdown {
    type Output = Report;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Report> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = &state.0 {
            return Poll::Ready(report.clone());
        }
        state.1 = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown").finish_non_exhaustive()
    }
}
