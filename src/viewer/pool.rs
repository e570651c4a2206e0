//! Threads that ask the store: a few, each with a reader of its own, so that neither a request nor another page waits.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::problem::Problem;
use crate::pipeline;
use crate::store::{Reader, turns};

/// Questions that are answered at a time, where there are as many cores.
const MAX_THREADS: usize = 8;
/// Where there are fewer: two that take long, and one for what takes a moment.
const LEAST_THREADS: usize = 3;
/// Questions that wait.
const MAX_WAITING: usize = 16;
/// How long one waits, at most.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// How long an answer may take.
pub(super) const WITHIN: Duration = Duration::from_secs(2);
/// A thread without work ends after it.
const IDLE: Duration = Duration::from_secs(30);

/// Asks the store.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    directory: PathBuf,
    state: Mutex<State>,
    wake: Condvar,
    /// Questions that are answered at a time: many more than there are cores would only be in each other's way, and the
    /// application's.
    max_threads: usize,
}

#[derive(Default)]
struct State {
    /// Those that take a moment, which come first.
    quick: VecDeque<Job>,
    waiting: VecDeque<Job>,
    /// Those of the others that are being answered.
    long: usize,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

struct Job {
    since: Instant,
    work: Box<Work>,
}

/// Is given nothing where it has waited too long.
type Work = dyn FnOnce(Option<&mut Desk>) + Send;

/// What a thread reads with.
pub(super) struct Desk {
    directory: PathBuf,
    reader: Option<Reader>,
}

impl Desk {
    pub(super) const fn new(directory: PathBuf) -> Self {
        Self { directory, reader: None }
    }

    /// The reader; `None` as long as nothing is stored.
    pub(super) fn reader(&mut self) -> Result<Option<&mut Reader>, Problem> {
        if self.reader.is_none() {
            match Reader::open(&self.directory) {
                Ok(reader) => self.reader = Some(reader),
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.reader.as_mut())
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Pool {
    pub(super) fn new(directory: &Path) -> Self {
        let cores = std::thread::available_parallelism().map_or(LEAST_THREADS, usize::from);
        let max_threads = cores.clamp(LEAST_THREADS, MAX_THREADS);
        let shared = Shared { directory: directory.to_owned(), state: Mutex::default(), wake: Condvar::new(), max_threads };
        Self { shared: Arc::new(shared) }
    }

    /// Has a thread do it; refused where too many others wait.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk) -> Result<T, Problem> + Send + 'static,
    {
        self.put(work, false).await
    }

    /// The same for what takes a moment, such as one request by its id: it waits for nothing that takes long.
    pub(super) async fn run_quick<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk) -> Result<T, Problem> + Send + 'static,
    {
        self.put(work, true).await
    }

    async fn put<T, F>(&self, work: F, is_quick: bool) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&mut Desk) -> Result<T, Problem> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let work = move |desk: Option<&mut Desk>| {
            // Nobody may be waiting for it any more.
            if !tell.is_closed() {
                let _ = tell.send(desk.map_or_else(|| Err(Problem::busy()), work));
            }
        };
        if !self.shared.take(Job { since: Instant::now(), work: Box::new(work) }, is_quick) {
            return Err(Problem::busy());
        }
        told.await.unwrap_or_else(|_| Err(Problem::failed("the question could not be answered")))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        state.quick.clear();
        state.waiting.clear();
        drop(state);
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, job: Job, is_quick: bool) -> bool {
        let mut state = self.lock();
        let queue = if is_quick { &mut state.quick } else { &mut state.waiting };
        if queue.len() >= MAX_WAITING {
            return false;
        }
        queue.push_back(job);
        self.wake.notify_one();
        if state.idle < state.quick.len() + state.waiting.len() && state.threads < self.max_threads {
            state.threads += 1;
            drop(state);
            let shared = Arc::clone(self);
            let made = std::thread::Builder::new().name("campanile-query".to_owned()).spawn(move || shared.serve());
            if made.is_err() {
                let mut state = self.lock();
                state.threads -= 1;
                if state.threads == 0 {
                    state.quick.clear();
                    state.waiting.clear();
                    return false;
                }
            }
        }
        true
    }

    fn serve(&self) {
        pipeline::hush();
        give_way();
        let mut desk = Desk::new(self.directory.clone());
        while let Some((job, is_quick)) = self.next() {
            let fits = (job.since.elapsed() <= MAX_WAIT).then_some(());
            let work = AssertUnwindSafe(|| (job.work)(fits.map(|()| &mut desk)));
            if catch_unwind(work).is_err() {
                desk.reader = None;
            }
            if !is_quick {
                self.lock().long -= 1;
            }
        }
    }

    /// The next one, and whether it is a quick one; `None` when the thread is to end.
    fn next(&self) -> Option<(Job, bool)> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.quick.pop_front() {
                return Some((job, true));
            }
            // One thread is left to what takes a moment. Whoever ends a long one takes the next.
            if state.long + 1 < self.max_threads
                && let Some(job) = state.waiting.pop_front()
            {
                state.long += 1;
                return Some((job, false));
            }
            if state.is_closed {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let (back, waited) = self.wake.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

/// Requests come first where the processor is short.
pub(super) fn give_way() {
    turns::give_way();
    // Elsewhere this would be said of the whole process.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, 10);
}
