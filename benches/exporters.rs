//! What does one more exporter cost each request? The baseline is the same app without a layer.
//!
//! Exporters count records and throw them away, so what is left is what handing on costs: each has a queue and a thread of
//! its own. A run in which any of them misses a record fails.
//! `cargo bench -p campanile-benches --bench exporters` measures and draws; `-- 9 2000` says rounds and requests of one.

use std::time::Duration;

use campanile::{Keep, Telemetry};
use campanile_benches::gauge::{Counted, Users};
use campanile_benches::machine::{process_ns, thread_ns};
use campanile_benches::plot::{self, Scale, Series};
use campanile_benches::turns::{self, Answers, Way, table};
use tokio::runtime::Runtime;

/// Rounds, and requests of one round, unless the command line says otherwise.
const ROUNDS: usize = 15;
const REQUESTS: usize = 2000;
/// Requests in a row; then comes a pause, in which the worker looks for records by itself, as it does in a server.
const BURST: usize = 100;
const PAUSE: Duration = Duration::from_millis(8);
const EXPORTERS: [&str; 7] = ["none", "one", "two", "three", "four", "five", "six"];
/// Columns of an answer: nanoseconds of one request, on its own thread and on all.
const COLUMNS: [&str; 2] = ["its own thread", "all threads"];

fn main() {
    if turns::serve(|name| {
        let count = EXPORTERS.into_iter().position(|known| known == name).expect("a way");
        let mut stack = Stack::new(count);
        move |_| stack.run()
    }) {
        return;
    }
    let rounds = turns::numbers().first().copied().unwrap_or(ROUNDS);
    let answers = turns::take(&EXPORTERS.map(|name| Way::new(name, [""])), rounds);
    println!("\nProcessor time of one request above the bare app, ns; median of {rounds} rounds.");
    let above = |count: usize, column| answers.above(EXPORTERS[count], "", (EXPORTERS[0], ""), column);
    let rows: Vec<_> = (1..EXPORTERS.len()).map(|count| row(&answers, count, above)).collect();
    println!("{}", table(&["exporters", COLUMNS[0], COLUMNS[1], "all threads, of one exporter"], &rows));
    let series = COLUMNS.into_iter().enumerate().map(|(column, name)| Series {
        name: name.to_owned(),
        points: (1..EXPORTERS.len()).map(|count| (count as f64, above(count, column))).collect(),
    });
    let title = "A request by the number of exporters, above the bare app";
    plot::lines("exporters", title, "exporters", "ns of processor time", &series.collect::<Vec<_>>(), Scale::Linear);
}

fn row(answers: &Answers, count: usize, above: impl Fn(usize, usize) -> f64) -> Vec<String> {
    let more = answers.above(EXPORTERS[count], "", (EXPORTERS[1], ""), 1);
    let numbers = [format!("{:.0}", above(count, 0)), format!("{:.0}", above(count, 1)), format!("{more:+.0}")];
    [count.to_string()].into_iter().chain(numbers).collect()
}

/// The app with so many exporters behind it.
struct Stack {
    users: Users,
    behind: Option<Telemetry>,
    exporters: Vec<Counted>,
    runtime: Runtime,
}

impl Stack {
    fn new(count: usize) -> Self {
        let exporters: Vec<Counted> = std::iter::repeat_with(Counted::default).take(count).collect();
        let builder = campanile::builder().keep(Keep::all());
        let builder = exporters.iter().fold(builder, |builder, exporter| builder.exporter(exporter.clone()));
        let behind = (count > 0).then(|| builder.init().expect("a telemetry"));
        let app = behind.iter().fold(campanile_benches::app(), |app, telemetry| app.layer(telemetry.layer()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        Self { users: Users::of(app), behind, exporters, runtime }
    }

    fn run(&mut self) -> Vec<f64> {
        let requests = turns::numbers().get(1).copied().unwrap_or(REQUESTS);
        let already: Vec<u64> = self.exporters.iter().map(Counted::total).collect();
        let (before, mut on_thread, mut left) = (process_ns(), 0, requests);
        while left > 0 {
            let burst = left.min(BURST);
            let began = thread_ns();
            self.runtime.block_on(async {
                for _ in 0..burst {
                    self.users.ask().await;
                }
            });
            on_thread += thread_ns() - began;
            left -= burst;
            std::thread::sleep(PAUSE);
        }
        if let Some(telemetry) = &self.behind {
            assert!(telemetry.flush(Duration::from_secs(60)), "the flush ended in time");
        }
        let all = process_ns() - before;
        for (exporter, already) in self.exporters.iter().zip(already) {
            assert_eq!(exporter.total() - already, requests as u64, "a record is missing");
        }
        [on_thread, all].map(|ns| ns as f64 / requests as f64).to_vec()
    }
}
