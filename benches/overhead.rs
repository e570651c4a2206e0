//! What does a stack cost each request, on the request's thread and in all threads? The baseline is the bare service.
//!
//! Each stack runs in a process of its own, because subscribers are global; this program starts itself once for each.
//! The processes take turns, round after round, and each round is compared with the bare app's of the same turn.
//!
//! ```text
//! cargo bench -p campanile-benches --bench overhead                          all routes and stacks
//! cargo bench -p campanile-benches --bench overhead -- users 40              one route, 40 rounds
//! cargo bench -p campanile-benches --bench overhead -- users otlp assembled  some stacks, beside the bare app
//! ```

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use campanile_benches::allocations::{self, Counting};
use campanile_benches::stacks::{STACKS, Stack, key};
use campanile_benches::{Driver, PAUSE, Route, sink};

/// Requests in one round.
const REQUESTS: u64 = 500;
/// Rounds, unless the command line says otherwise.
const ROUNDS: usize = 15;

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["child", stack, route, sink] = words[..] {
        return child(stack, Route::parse(route).expect("a route"), sink.parse().expect("an address"));
    }
    let routes: Vec<Route> = words.iter().filter_map(|word| Route::parse(word)).collect();
    let rounds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    let named = |name: &str| words.contains(&name);
    let all = !STACKS.iter().any(|(name, _)| named(name));
    let chosen: Vec<(&str, &str)> = STACKS.into_iter().filter(|(name, _)| all || *name == "bare" || named(name)).collect();
    let sink = sink::start();
    for route in Route::ALL {
        if routes.is_empty() || routes.contains(&route) {
            measure(route, rounds, &chosen, sink);
        }
    }
}

/// What one round of one stack took; times in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Round {
    thread_ns: u64,
    process_ns: u64,
    thread_allocations: u64,
    allocations: u64,
}

impl Round {
    fn now() -> Self {
        Self {
            thread_ns: cpu_ns(libc::CLOCK_THREAD_CPUTIME_ID),
            process_ns: cpu_ns(libc::CLOCK_PROCESS_CPUTIME_ID),
            thread_allocations: allocations::of_thread(),
            allocations: allocations::of_process(),
        }
    }

    const fn since(self, before: Self) -> Self {
        Self {
            thread_ns: self.thread_ns - before.thread_ns,
            process_ns: self.process_ns - before.process_ns,
            thread_allocations: self.thread_allocations - before.thread_allocations,
            allocations: self.allocations - before.allocations,
        }
    }
}

/// Serves rounds: one line in, one line out; the end of the input asks for the count of what was delivered.
fn child(name: &str, route: Route, sink: SocketAddr) {
    let stack = Stack::new(name, sink).expect("a stack");
    let mut driver = Driver::new(&stack, route);
    let mut sent = 0;
    for line in std::io::stdin().lines() {
        let count: u64 = line.expect("a line").parse().expect("a number");
        if count == 0 {
            break;
        }
        let mut on_thread = Round::default();
        let before = Round::now();
        driver.run(count, PAUSE, |driver, count| {
            let before = Round::now();
            driver.burst(count);
            let burst = Round::now().since(before);
            on_thread.thread_ns += burst.thread_ns;
            on_thread.thread_allocations += burst.thread_allocations;
        });
        sent += count;
        stack.flush(sent, route);
        let all = Round::now().since(before);
        println!("{} {} {} {}", on_thread.thread_ns, all.process_ns, on_thread.thread_allocations, all.allocations);
    }
    let (due, delivered) = (stack.due(route).times(sent), stack.delivered(&key(name)));
    println!("{} {}", due.total(), delivered.total());
    assert!(due == delivered || !stack.is_ours(), "{name}: delivered {delivered:?}, due {due:?}");
}

/// A stack's process.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    rounds: Vec<Round>,
}

impl Process {
    fn start(stack: &str, route: &str, sink: SocketAddr) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["child", stack, route, &sink.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Nothing of the surroundings goes into the comparison.
        let telling = |name: &str| ["CAMPANILE", "OTEL_", "SENTRY_", "RUST_"].iter().any(|start| name.starts_with(start));
        for (name, _) in std::env::vars().filter(|(name, _)| telling(name)) {
            command.env_remove(name);
        }
        let mut child = command.spawn().expect("a process");
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().expect("its output")));
        Self { child, input, output, rounds: Vec::new() }
    }

    fn ask(&mut self, count: u64) -> Vec<u64> {
        writeln!(self.input.as_mut().expect("its input"), "{count}").expect("it listens");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it answers");
        line.split_whitespace().map(|number| number.parse().expect("a number")).collect()
    }

    fn round(&mut self, count: u64) -> Round {
        let [thread_ns, process_ns, thread_allocations, allocations] = self.ask(count)[..] else { panic!("four numbers") };
        Round { thread_ns, process_ns, thread_allocations, allocations }
    }
}

fn measure(route: Route, rounds: usize, stacks: &[(&str, &str)], sink: SocketAddr) {
    eprintln!("{}: {} stacks, {rounds} rounds", route.name(), stacks.len());
    let mut processes: Vec<Process> = stacks.iter().map(|(stack, _)| Process::start(stack, route.name(), sink)).collect();
    for process in &mut processes {
        // The first fills pools and caches.
        process.round(REQUESTS);
    }
    for round in 1..=rounds {
        for process in &mut processes {
            let round = process.round(REQUESTS);
            process.rounds.push(round);
        }
        eprint!("\r{round} of {rounds} ");
    }
    eprintln!();
    let bare = processes[0].rounds.clone();
    let base = |at: usize| if at == 0 { vec![Round::default(); rounds] } else { bare.clone() };
    let rows: Vec<Row> = processes.iter_mut().enumerate().map(|(at, process)| Row::of(process, &base(at))).collect();
    print(route, rounds, stacks, &rows);
}

/// A line of the table, each number for one request and above the bare app; of the bare app, all of it.
struct Row {
    thread_ns: f64,
    process_ns: f64,
    thread_allocations: f64,
    allocations: f64,
    due: u64,
    delivered: u64,
}

impl Row {
    fn of(process: &mut Process, base: &[Round]) -> Self {
        let [due, delivered] = process.ask(0)[..] else { panic!("two numbers") };
        // One that loses what it must not says so and fails.
        assert!(process.child.wait().is_ok_and(|ended| ended.success()), "a cost is worth nothing where records are lost");
        // Taken round by round, so that a slow moment of the machine hits both sides.
        let over = |of: fn(&Round) -> u64| {
            let pairs = process.rounds.iter().zip(base);
            median(pairs.map(|(round, base)| of(round) as f64 - of(base) as f64).collect()) / REQUESTS as f64
        };
        Self {
            thread_ns: over(|round| round.thread_ns),
            process_ns: over(|round| round.process_ns),
            thread_allocations: over(|round| round.thread_allocations),
            allocations: over(|round| round.allocations),
            due,
            delivered,
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

fn print(route: Route, rounds: usize, stacks: &[(&str, &str)], rows: &[Row]) {
    let mut out =
        format!("\n{}: one request above the bare app, median of {rounds} rounds of {REQUESTS} requests\n\n", route.name());
    let full = stacks.iter().position(|(name, _)| *name == "assembled").and_then(|at| rows.get(at)).map(|row| row.thread_ns);
    let head = ["thread ns", "all ns", "allocations, thread", "all", "assembled / it", "delivered"];
    let _ = writeln!(out, "| stack | {} |\n|---|{}", head.join(" | "), "---:|".repeat(head.len()));
    for (at, ((stack, what), row)) in stacks.iter().zip(rows).enumerate() {
        let [thread, all] =
            [row.thread_ns, row.process_ns].map(|ns| if at == 0 { format!("({ns:.0})") } else { format!("{ns:.0}") });
        let [of_thread, of_all] = [row.thread_allocations, row.allocations];
        let times = full.filter(|_| at > 0).map_or_else(String::new, |full| format!("{:.1}", full / row.thread_ns));
        let share = if row.due == 0 { String::new() } else { format!("{:.0} %", 100.0 * row.delivered as f64 / row.due as f64) };
        let _ = writeln!(out, "| `{stack}`: {what} | {thread} | {all} | {of_thread:.1} | {of_all:.1} | {times} | {share} |");
    }
    println!("{out}");
}

/// Processor time that the thread or the process has used.
fn cpu_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is that of a live `timespec`.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "the clock exists");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
