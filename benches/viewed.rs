//! An app with a store and the viewer in a process of its own, and whoever burdens it in others; `viewer` and `responsive` are
//! the benches that start them.
//!
//! `viewed serve DIRECTORY RECORDS one|two` stores so many records, serves, and prints its address: with all its threads on the
//! first core, or wherever there is room. Each line that it reads asks for something: `viewer` where its page is, `threads`
//! what threads of which name have used, `lost` how many records are lost so far, `end` what became of the records since it
//! serves. `viewed flood URL` asks the page, `viewed burn` does nothing but use both cores: where nobody else wants them, until their input ends.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::routing::get;
use campanile::axum::Reported;
use campanile::{Builder, Env, Keep};
use campanile_benches::flood::Flood;
use campanile_benches::machine::{OTHERS, SERVER, give_way, pin, threads};
use campanile_benches::requests;
use campanile_peers::{OrderError, app_with};

/// How long an end may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", directory, records, cores] => {
            serve(Path::new(directory), records.parse().expect("a number"), cores == "one");
        }
        ["flood", url] => {
            let flooded = until_the_end(|is_over| Flood::run(url, is_over));
            println!("{} {} {} {}", flooded.answered, flooded.refused, flooded.messages, flooded.bytes);
        }
        ["burn"] => until_the_end(|is_over| {
            std::thread::scope(|scope| {
                for core in [SERVER, OTHERS] {
                    scope.spawn(move || {
                        pin(&[core]);
                        while !is_over.load(Ordering::Relaxed) {
                            std::hint::spin_loop();
                        }
                    });
                }
            });
        }),
        _ => {
            eprintln!("usage: viewed serve DIRECTORY RECORDS one|two | flood URL | burn");
            std::process::exit(2);
        }
    }
}

/// At the lowest priority, until the input ends.
fn until_the_end<T>(work: impl FnOnce(&AtomicBool) -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Whoever started this is gone, or has had enough.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            is_over.store(true, Ordering::Relaxed);
        });
        give_way();
        work(&is_over)
    })
}

/// The store may become larger than any of this needs.
fn settings(directory: &Path) -> Builder {
    let directory = directory.to_str().expect("a name of letters");
    let env = [
        ("CAMPANILE_STORE", directory),
        ("CAMPANILE_STORE_MAX_BYTES", "64GiB"),
        ("CAMPANILE_CONSOLE", "off"),
        ("CAMPANILE_VIEWER", "off"),
    ];
    campanile::builder().env(env.into_iter().collect::<Env>()).service_name("bench")
}

fn serve(directory: &Path, records: usize, on_one_core: bool) {
    let before = settings(directory).keep(Keep::none()).build().expect("a telemetry");
    requests::fill(&before, records);
    assert_eq!(before.shutdown_blocking(PATIENCE).lost(), 0, "all are stored");
    if on_one_core {
        pin(&[SERVER]);
    } else {
        pin(&[SERVER, OTHERS]);
    }
    let telemetry = settings(directory).viewer_at((Ipv4Addr::LOCALHOST, 0)).init().expect("a telemetry");
    let app = app_with(get(fails)).layer(telemetry.layer());
    let server = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
            println!("{}", listener.local_addr().expect("an address"));
            axum::serve(listener, app).await.expect("it serves");
        });
    };
    std::thread::Builder::new().name("server".to_owned()).spawn(server).expect("a thread");
    for line in std::io::stdin().lines() {
        match line.expect("a line").as_str() {
            "viewer" => println!("{}", telemetry.viewer_url().expect("it is served")),
            "threads" => {
                let mut used: BTreeMap<String, u64> = BTreeMap::new();
                threads().into_iter().for_each(|(name, ns, ..)| *used.entry(name.replace([' ', '='], "_")).or_default() += ns);
                let words = used.into_iter().map(|(name, ns)| format!("{name}={ns}"));
                println!("{}", words.collect::<Vec<_>>().join(" "));
            }
            "lost" => {
                let stats = telemetry.stats();
                let by_exporters: u64 = stats.exporters.iter().map(|of| of.dropped.total()).sum();
                println!("{}", stats.dropped.total() + by_exporters);
            }
            "end" => {
                let report = telemetry.shutdown_blocking(PATIENCE);
                let store = report.stats.exporters.iter().find(|of| of.name == "store").expect("the store");
                println!("{} {} {}", report.stats.offered, store.delivered, report.lost());
                return;
            }
            other => panic!("{other}: no such question"),
        }
    }
}

async fn fails() -> Result<&'static str, Reported<OrderError>> {
    Ok(OrderError::take()?)
}
