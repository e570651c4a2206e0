//! Cores, processor time and memory, as Linux tells them, and the median of what was measured.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a core that is kept [awake] is offered to nobody.
const TURN: Duration = Duration::from_micros(100);
/// Where servers run with all their threads.
pub const SERVER: usize = 0;
/// Where whoever asks and whoever receives telemetry run.
pub const OTHERS: usize = 1;

/// Keeps the calling thread, and those that it starts from now on, on these cores.
pub fn pin(cores: &[usize]) {
    // SAFETY: a set of no cores is all zeros, and the pointer is that of a live set of this size.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cores.iter().for_each(|core| libc::CPU_SET(*core, &mut set));
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    assert_eq!(result, 0, "two cores: one for the server, one for the rest");
}

/// The calling thread, and those that it starts from now on, run only where nobody else wants to.
pub fn give_way() {
    schedule(libc::SCHED_IDLE);
}

fn schedule(policy: libc::c_int) {
    // SAFETY: the pointer is that of a live `sched_param`.
    let result = unsafe {
        let parameters: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(0, policy, &raw const parameters)
    };
    assert_eq!(result, 0, "anybody may give way");
}

/// Keeps a core from going to rest while this lasts, and offers it to whoever wants it ten times a millisecond. Nobody has to
/// interrupt that core for those who wait there [in patience](patiently), and they find more when their turn comes.
pub fn awake<T>(core: usize, work: impl FnOnce() -> T) -> T {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&is_over);
        scope.spawn(|| {
            pin(&[core]);
            // SAFETY: it takes numbers alone.
            let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
            assert_eq!(result, 0, "anybody may be nice");
            while !is_over.load(Ordering::Relaxed) {
                let since = Instant::now();
                while since.elapsed() < TURN {
                    std::hint::spin_loop();
                }
                std::thread::yield_now();
            }
        });
        work()
    })
}

/// Does the work, threads and processes that it starts included, without ever taking a core from somebody who uses it.
pub fn patiently<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let patient = || {
        schedule(libc::SCHED_BATCH);
        work()
    };
    std::thread::scope(|scope| scope.spawn(patient).join().expect("it works"))
}

/// The calling thread, and those that it starts from now on, wake from a sleep when they should, and not up to 50 µs later.
pub fn wake_in_time() {
    // SAFETY: it takes numbers alone.
    let result = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
    assert_eq!(result, 0, "Linux");
}

/// Processor time that the process has used, in the kernel too.
pub fn process_ns() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Processor time that this thread has used.
pub fn thread_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a live `timespec`.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "the clock exists");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Memory of the process that is in use now, and the most that ever was, in KiB.
pub fn resident_kib() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    (line("VmRSS:"), line("VmHWM:"))
}

/// What each thread of the process has used so far: its name, nanoseconds on a core, and how often it gave way of its own
/// and of somebody else's accord.
pub fn threads() -> Vec<(String, u64, u64, u64)> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    let of = |task: fs::DirEntry| {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).ok();
        let (name, times, status) = (read("comm")?, read("schedstat")?, read("status")?);
        let times = times.split_whitespace().next()?.parse().ok()?;
        let switches = |name: &str| status.lines().find_map(|line| line.strip_prefix(name))?.trim().parse().ok();
        Some((name.trim().to_owned(), times, switches("voluntary_ctxt_switches:")?, switches("nonvoluntary_ctxt_switches:")?))
    };
    tasks.filter_map(|task| of(task.ok()?)).collect()
}

/// The one in the middle.
pub fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}
