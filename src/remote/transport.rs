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
/// How long connections get to notice that their other end was closed while nobody looked.
const SETTLE: Duration = Duration::from_millis(1);

/// Made at the first attempt.
#[derive(Default)]
pub(super) struct Reactor {
    runtime: Option<Runtime>,
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
        let is_first = self.runtime.is_none();
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            empty => {
                let runtime = Builder::new_current_thread().enable_all().build().map_err(Stopped::NoRuntime)?;
                empty.insert(runtime)
            }
        };
        runtime.block_on(async {
            if !is_first {
                // The runtime stood still since the last attempt. Without this, a connection that its other end has
                // closed meanwhile would be taken for a live one.
                tokio::time::sleep(SETTLE).await;
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
        })
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
