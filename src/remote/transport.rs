//! A runtime of an exporter's own, on the exporter's own thread.
//!
//! Never the application's: what is sent must not depend on whether that one is busy, blocked or gone.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::exporter::Patience;

/// How often an attempt looks whether shutdown has begun.
const LOOK: Duration = Duration::from_millis(25);
/// After a pause of so long between two attempts, connections get time to settle; under load there is none.
const PAUSE: Duration = Duration::from_millis(25);
/// How long connections get to notice that their other end was closed while nobody looked.
const SETTLE: Duration = Duration::from_millis(1);
/// Looks at connections in place of that, where no time passed: each lets the tasks run that the one before woke.
const LOOKS: u32 = 3;

/// Made at the first attempt.
#[derive(Default)]
pub(super) struct Reactor {
    runtime: Option<Runtime>,
    /// When the last attempt ended.
    last: Option<Instant>,
}

/// Why an attempt has no answer.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Its time was over, or shutdown's deadline came.
    Late,
    /// The runtime could not be made.
    NoRuntime(io::Error),
}

impl Reactor {
    /// Runs one attempt to its end, to `timeout`, or to shutdown's deadline.
    ///
    /// `attempt` is called inside the runtime, so it may start tasks.
    pub(super) fn run<F: Future>(
        &mut self,
        timeout: Duration,
        patience: &Patience,
        attempt: impl FnOnce() -> F,
    ) -> Result<F::Output, Stopped> {
        let pause = self.last.map(|last| last.elapsed());
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            empty => {
                let runtime = Builder::new_current_thread().enable_all().build().map_err(Stopped::NoRuntime)?;
                empty.insert(runtime)
            }
        };
        let answered = runtime.block_on(async {
            // The runtime stood still since the last attempt. Without this, a connection that its other end has closed
            // meanwhile would be taken for a live one.
            match pause {
                Some(pause) if pause >= PAUSE => tokio::time::sleep(SETTLE).await,
                Some(_) => look_around().await,
                None => {}
            }
            // What does not fit a clock is as good as no limit.
            let until = Instant::now().checked_add(timeout);
            let mut attempt = std::pin::pin!(attempt());
            loop {
                let ends = [until, patience.deadline()].into_iter().flatten().min();
                let left = ends.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()));
                if left.is_zero() {
                    return Err(Stopped::Late);
                }
                if let Ok(answer) = tokio::time::timeout(left.min(LOOK), attempt.as_mut()).await {
                    return Ok(answer);
                }
            }
        });
        self.last = Some(Instant::now());
        answered
    }
}

/// Lets the runtime see what has happened to its connections by now, without waiting for anything.
async fn look_around() {
    for _ in 0..LOOKS {
        tokio::task::yield_now().await;
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        // A name look-up runs on a thread that cannot be interrupted; waiting for it would delay shutdown.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Reactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactor").field("started", &self.runtime.is_some()).finish()
    }
}
