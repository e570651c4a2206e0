//! A deadline on any runtime, or none: no timer, and no clock that a test may have stopped.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Wakes the task that asked when the time is over.
#[derive(Debug)]
pub(super) struct Alarm {
    end: Instant,
    bell: Option<Arc<Bell>>,
}

#[derive(Debug, Default)]
struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waker: Option<Waker>,
    is_off: bool,
}

impl Alarm {
    pub(super) fn new(within: Duration) -> Self {
        Self { end: Instant::now() + within, bell: None }
    }

    pub(super) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether the time is over; the task is woken when it will be.
    pub(super) fn is_over(&mut self, cx: &Context<'_>) -> bool {
        if self.left().is_zero() {
            return true;
        }
        let end = self.end;
        let bell = self.bell.get_or_insert_with(|| {
            let bell = Arc::<Bell>::default();
            let its = Arc::clone(&bell);
            thread::spawn(move || its.ring_at(end));
            bell
        });
        bell.state.lock().unwrap_or_else(PoisonError::into_inner).waker = Some(cx.waker().clone());
        false
    }
}

impl Bell {
    fn ring_at(&self, end: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if state.is_off || left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(bell) = &self.bell {
            let mut state = bell.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.is_off, state.waker) = (true, None);
            drop(state);
            bell.changed.notify_all();
        }
    }
}
