//! What do writing to the embedded store and reading from it cost, with 1,000, 100,000 and 2,000,000 records in it?
//!
//! Records are those of requests through the layer, with ten request headers each: many routes, ids, browsers and traces, one
//! in a hundred failed, and no detail (`Keep::none()`). They are appended as the store's exporter does it, 512 at a time;
//! making them is not measured. Then the store is asked, each question with ids and words of other records every time; the
//! file is warm, in the system's cache. Values are counted over the newest 100,000 records. Plots go to `plots/store.svg` and
//! `plots/store-append.svg`.
//! `cargo bench -p campanile-benches --bench store` measures; `-- 1000 100000` says how many records, `STORE=directory` where;
//! `ASK=id` asks only the questions that have this in their name.
//! The largest needs 2 GB of disk and some minutes, most of them to make the records: with `KEEP=1` the stores stay, with what
//! writing them took, and the next run with it only asks them.
//!
//! Of each question the median by the clock, and behind it the processor's time, which says more where others use the machine.
//! Lines that begin with `store,` are for plotting: records, question, median in microseconds, 95th percentile, processor's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::query::{Facet, Query};
use campanile::record::{Losses, Record, Resource};
use campanile::store::{Count, Find, Reader, Settings, Store};
use campanile::{Keep, Telemetry};
use campanile_benches::plot::{self, Scale, Series};
use campanile_benches::requests::{RARE, RARE_WORD, Requests};

/// Records in the store, unless the command line says otherwise.
const SIZES: [usize; 3] = [1000, 100_000, 2_000_000];
/// Records of one batch, as the exporter of the store has it.
const BATCH: usize = 512;
/// Requests between two waits for the worker: fewer than an exporter has room for.
const BURST: usize = BATCH;
/// How often each question is asked.
const TIMES: usize = 41;

/// What has to hold at 2,000,000 records, in milliseconds.
const LIMITS_MS: [(&str, f64); 8] = [
    ("request id", 5.0),
    ("short id", 5.0),
    ("short id, six digits", 5.0),
    ("trace id", 5.0),
    ("newest page", 20.0),
    ("newest page, status:500", 20.0),
    ("rare word", 100.0),
    ("counts of route", 100.0),
];
/// What the plot shows of them.
const SHOWN: [&str; 6] =
    ["request id", "short id, six digits", "newest page", "newest page, status:500", "rare word", "counts of route"];
const LIMIT_PER_SECOND: f64 = 50_000.0;

fn main() {
    // Cargo passes `--bench`.
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { SIZES.to_vec() } else { sizes };
    let parent = std::env::var_os("STORE").map_or_else(std::env::temp_dir, PathBuf::from);
    let keep = std::env::var_os("KEEP").is_some();
    let mut results = Vec::new();
    for size in sizes {
        let owner = if keep { "kept".to_owned() } else { std::process::id().to_string() };
        let directory = parent.join(format!("campanile-bench-store-{owner}-{size}"));
        let note = directory.with_extension("txt");
        let known = std::fs::read_to_string(&note).ok().filter(|_| keep).map(|text| Written::from_text(&text));
        let written = known.unwrap_or_else(|| {
            let written = write(&directory, size);
            std::fs::write(&note, written.to_text()).expect("a note beside the store");
            written
        });
        let read = read(&directory, &written.samples);
        if !keep {
            std::fs::remove_dir_all(&directory).expect("the bench's own directory");
            std::fs::remove_file(&note).expect("the bench's own note");
        }
        results.push((size, written, read));
    }
    print(&results);
    // One size makes no line.
    if results.len() > 1 && std::env::var_os("ASK").is_none() {
        draw(&results);
    }
}

/// The time of an append, and of each question that has a limit, over the number of records.
fn draw(results: &[Measured]) {
    let line = |name: &str, of: &dyn Fn(&Measured) -> f64| {
        let points = results.iter().map(|measured| (measured.0 as f64, of(measured))).collect();
        Series { name: name.to_owned(), points }
    };
    let ms = |name: &str, (.., read): &Measured| {
        read.iter().find(|read| read.name == name).map_or(f64::NAN, |read| percentile(&read.open.cpu, 0.5) / 1e3)
    };
    let series: Vec<_> = SHOWN.iter().map(|name| line(name, &|measured| ms(name, measured))).collect();
    let title = "What does a question to the store cost?";
    plot::lines("store", title, "records in the store", "ms of processor time", &series, Scale::LogBoth);
    let appends = line("appended", &|(_, written, _)| written.per_second);
    let title = "How many records does one core append?";
    plot::lines(
        "store-append",
        title,
        "records in the store",
        "records for each second of processor time",
        &[appends],
        Scale::LogX,
    );
}

/// Ids of some of the records, spread over all of them.
#[derive(Default)]
struct Samples {
    requests: Vec<String>,
    shorts: Vec<String>,
    traces: Vec<String>,
}

/// How many records there were, what writing them took, and what reading does.
type Measured = (usize, Written, Vec<Read>);

struct Written {
    samples: Samples,
    per_second: f64,
    cpu_ns: f64,
    wall_ns: f64,
    bytes: f64,
    files: usize,
    /// The slowest append, in milliseconds.
    slowest_ms: f64,
}

impl Written {
    /// A line of figures, and one for each sample.
    fn to_text(&self) -> String {
        let Self { samples, per_second, cpu_ns, wall_ns, bytes, files, slowest_ms } = self;
        let mut text = format!("{per_second} {cpu_ns} {wall_ns} {bytes} {files} {slowest_ms}\n");
        for ((request, short), trace) in samples.requests.iter().zip(&samples.shorts).zip(&samples.traces) {
            text.push_str(&format!("{request} {short} {trace}\n"));
        }
        text
    }

    fn from_text(text: &str) -> Self {
        let mut lines = text.lines();
        let figures: Vec<f64> =
            lines.next().expect("figures").split(' ').map(|figure| figure.parse().expect("a figure")).collect();
        let [per_second, cpu_ns, wall_ns, bytes, files, slowest_ms] = figures[..] else { panic!("six figures") };
        let mut samples = Samples::default();
        for line in lines {
            let mut ids = line.split(' ').map(str::to_owned);
            let mut next = || ids.next().expect("three ids");
            samples.requests.push(next());
            samples.shorts.push(next());
            samples.traces.push(next());
        }
        Self { samples, per_second, cpu_ns, wall_ns, bytes, files: files as usize, slowest_ms }
    }
}

fn write(directory: &Path, size: usize) -> Written {
    let mut settings = Settings::new(directory);
    settings.max_bytes = 64 << 30;
    let mut store = Store::open(settings).expect("a store");
    let mut source = Source::new(size);
    let (mut samples, mut cpu, mut wall, mut slowest) = (Samples::default(), 0, Duration::ZERO, Duration::ZERO);
    let mut done = 0;
    while done < size {
        let (records, resource) = source.make(BURST.min(size - done));
        for batch in records.chunks(BATCH) {
            let (began, cpu_began) = (Instant::now(), thread_cpu_ns());
            let lost = store.append(batch, &resource, &Losses::default()).expect("a batch is stored");
            cpu += thread_cpu_ns() - cpu_began;
            wall += began.elapsed();
            slowest = slowest.max(began.elapsed());
            assert_eq!(lost.total(), 0, "a record is missing");
        }
        let step = (size / TIMES / 4).max(1);
        for (_, record) in records.iter().enumerate().filter(|(index, _)| (done + index).is_multiple_of(step)) {
            samples.requests.push(record.request_id().to_owned());
            samples.shorts.push(record.span_id().to_short().to_string());
            samples.traces.extend(record.trace_id().map(|id| id.to_string()));
        }
        done += records.len();
    }
    let (began, cpu_began) = (Instant::now(), thread_cpu_ns());
    drop(store);
    cpu += thread_cpu_ns() - cpu_began;
    wall += began.elapsed();
    let files: Vec<_> = std::fs::read_dir(directory).expect("the store").map(|file| file.expect("a file")).collect();
    let bytes: u64 = files.iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum();
    let segments = files.iter().filter(|file| file.path().extension().is_some_and(|end| end == "sqlite")).count();
    let each = |total: f64| total / size as f64;
    Written {
        samples,
        per_second: 1e9 / each(cpu as f64),
        cpu_ns: each(cpu as f64),
        wall_ns: each(wall.as_nanos() as f64),
        bytes: each(bytes as f64),
        files: segments,
        slowest_ms: slowest.as_secs_f64() * 1e3,
    }
}

/// One question: what it is called, and how long it took each time, in microseconds, with a reader that is open and with one
/// that is opened for it.
struct Read {
    name: &'static str,
    open: Times,
    fresh: Times,
}

/// By the clock, and by the processor's.
#[derive(Default)]
struct Times {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Times {
    fn add(&mut self, work: impl FnOnce()) {
        let (began, cpu) = (Instant::now(), thread_cpu_ns());
        work();
        self.cpu.push((thread_cpu_ns() - cpu) as f64 / 1e3);
        self.wall.push(began.elapsed().as_secs_f64() * 1e6);
    }

    fn in_ms(&self) -> String {
        format!("{:.2} ({:.2})", percentile(&self.wall, 0.5) / 1e3, percentile(&self.cpu, 0.5) / 1e3)
    }
}

fn read(directory: &Path, samples: &Samples) -> Vec<Read> {
    let page = Find::with_limit(50);
    let all = samples.requests.len();
    // Ids from everywhere, in no order of time.
    let pick = |list: &[String], turn: usize| list[(turn * 7919 + 13) % all].clone();
    let query = |text: &str| Query::parse(text).expect("a query");
    let find = |reader: &mut Reader, text: &str, expected: std::ops::RangeInclusive<usize>| {
        let found = reader.find(&query(text), &page).expect("an answer").len();
        assert!(expected.contains(&found), "{text}: {found}");
    };
    let count = |reader: &mut Reader, key: &str, text: &str| {
        let counts = reader.count(&Facet::parse(key).expect("a key"), &query(text), &Count::default()).expect("an answer");
        assert!(counts.records() > 0 && !counts.is_late(), "{key} of {text}");
    };
    let by_id = |reader: &mut Reader, id: &str| assert!(!reader.by_id(id).expect("an answer").is_empty(), "{id}");
    type Ask<'a> = Box<dyn Fn(&mut Reader, usize) + 'a>;
    let questions: [(&'static str, Ask<'_>); 17] = [
        ("request id", Box::new(|reader, turn| by_id(reader, &pick(&samples.requests, turn)))),
        ("short id", Box::new(|reader, turn| by_id(reader, &pick(&samples.shorts, turn)))),
        ("short id, six digits", Box::new(|reader, turn| by_id(reader, &pick(&samples.shorts, turn)[..6]))),
        ("trace id", Box::new(|reader, turn| by_id(reader, &pick(&samples.traces, turn)))),
        (
            "an id that is not there",
            Box::new(|reader, turn| {
                let id = format!("0192f0c1-7c2d-7000-8000-{turn:012x}");
                assert!(reader.by_id(&id).expect("an answer").is_empty());
            }),
        ),
        ("newest page", Box::new(|reader, _| find(reader, "", 50..=50))),
        ("newest page, status:500", Box::new(|reader, _| find(reader, "status:500", 1..=50))),
        ("newest page, one route", Box::new(|reader, _| find(reader, "route:/users/{id}/orders", 50..=50))),
        ("status:418, which is rare", Box::new(|reader, _| find(reader, "status:418", RARE..=RARE))),
        ("rare word", Box::new(|reader, _| find(reader, RARE_WORD, RARE..=RARE))),
        ("a word that is not there", Box::new(|reader, turn| find(reader, &format!("absent{turn}"), 0..=0))),
        ("common word", Box::new(|reader, _| find(reader, "orders", 50..=50))),
        ("counts of route", Box::new(|reader, _| count(reader, "route", ""))),
        ("counts of status", Box::new(|reader, _| count(reader, "status", ""))),
        ("counts of path", Box::new(|reader, _| count(reader, "path", ""))),
        ("counts of route, outcome:answered", Box::new(|reader, _| count(reader, "route", "outcome:answered"))),
        ("counts of an attribute", Box::new(|reader, _| count(reader, "order.id", ""))),
    ];
    let asked = std::env::var("ASK").unwrap_or_default();
    let mut results = Vec::new();
    for (name, ask) in questions.iter().filter(|(name, _)| name.contains(&asked)) {
        let mut reader = Reader::open(directory).expect("a store");
        ask(&mut reader, 0);
        let began = Instant::now();
        let (mut open, mut fresh) = (Times::default(), Times::default());
        for turn in 1..=TIMES {
            // What takes seconds is asked less often.
            if began.elapsed() > Duration::from_secs(20) && turn > 3 {
                break;
            }
            open.add(|| ask(&mut reader, turn));
            fresh.add(|| ask(&mut Reader::open(directory).expect("a store"), turn));
        }
        assert!(reader.warnings().is_empty(), "{name}: {:?}", reader.warnings());
        results.push(Read { name, open, fresh });
    }
    results
}

/// Makes records: requests through the layer, which end in memory.
struct Source {
    requests: Requests,
    telemetry: Telemetry,
    taken: Taken,
}

impl Source {
    fn new(size: usize) -> Self {
        let taken = Taken::default();
        let telemetry = campanile::builder().keep(Keep::none()).exporter(taken.clone()).build().expect("a telemetry");
        Self { requests: Requests::new(&telemetry, size), telemetry, taken }
    }

    fn make(&mut self, count: usize) -> (Vec<Record>, Resource) {
        self.requests.send(count);
        assert!(self.telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
        let taken = std::mem::take(&mut *self.taken.0.lock().expect("nobody panics"));
        assert_eq!(taken.0.len(), count, "a record is missing");
        taken
    }
}

/// Keeps records for whoever takes them out.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<(Vec<Record>, Resource)>>);

impl Exporter for Taken {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let mut taken = self.0.lock().expect("nobody panics");
        taken.0.extend(batch.records().cloned());
        taken.1 = batch.resource().clone();
        Ok(())
    }
}

fn print(results: &[(usize, Written, Vec<Read>)]) {
    let row = |name: &str, of: &dyn Fn(&Measured) -> String| {
        println!("| {name} | {} |", results.iter().map(of).collect::<Vec<_>>().join(" | "));
    };
    row("records", &|(size, ..)| size.to_string());
    println!("|---|{}", "---:|".repeat(results.len()));
    row("appended/s, one core", &|(_, written, _)| format!("{:.0}", written.per_second));
    row("CPU ns for each", &|(_, written, _)| format!("{:.0}", written.cpu_ns));
    row("wall ns for each", &|(_, written, _)| format!("{:.0}", written.wall_ns));
    row("slowest append, ms", &|(_, written, _)| format!("{:.1}", written.slowest_ms));
    row("bytes for each", &|(_, written, _)| format!("{:.0}", written.bytes));
    row("segments", &|(_, written, _)| written.files.to_string());
    let names: Vec<_> = results.first().map_or_else(Vec::new, |(.., read)| read.iter().map(|read| read.name).collect());
    for (index, name) in names.iter().enumerate() {
        row(&format!("{name}, ms"), &|(.., read)| read[index].open.in_ms());
        row(&format!("{name}, reader opened for it, ms"), &|(.., read)| read[index].fresh.in_ms());
    }
    println!();
    for (size, written, read) in results {
        println!("store,{size},append,{:.3},,{:.3}", written.wall_ns / 1e3, written.cpu_ns / 1e3);
        for Read { name, open, .. } in read {
            let [median, most, cpu] =
                [(&open.wall, 0.5), (&open.wall, 0.95), (&open.cpu, 0.5)].map(|(of, part)| percentile(of, part));
            println!("store,{size},{},{median:.1},{most:.1},{cpu:.1}", name.replace(',', ""));
        }
    }
    let Some((size, written, read)) = results.iter().find(|(size, ..)| *size >= 2_000_000) else { return };
    println!("\nlimits at {size} records:");
    let verdict = |holds: bool| if holds { "holds" } else { "FALLS SHORT" };
    println!(
        "- append {:.0}/s, at least {LIMIT_PER_SECOND:.0}/s: {}",
        written.per_second,
        verdict(written.per_second >= LIMIT_PER_SECOND)
    );
    for (name, limit) in LIMITS_MS {
        let Some(read) = read.iter().find(|read| read.name == name) else { continue };
        let median = percentile(&read.open.wall, 0.5) / 1e3;
        println!("- {name} {} ms, at most {limit} ms: {}", read.open.in_ms(), verdict(median <= limit));
    }
}

fn percentile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0, "a clock");
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
