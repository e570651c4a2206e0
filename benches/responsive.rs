//! How long does the viewer's page take from an input to the next paint, with 2,000,000 records stored and 2,000 requests a second
//! coming in? The limit is 100 ms.
//!
//! An app with a store and the viewer is driven at that rate; its page is open in headless Chromium, follows what comes in, and is
//! given inputs as a person gives them. Times are those of the browser's own trace: `EventTiming` for keys and clicks, from the
//! moment of the input to the frame that shows what came of it, `EventLatency` for the wheel; for an input that leads to another
//! page, until the first content of that is painted. `tests/viewer_browser/cases/responsive.mjs` gives the inputs. Everything
//! shares the machine's cores: the app, whoever asks it, and the browser, which draws without a graphics card.
//! `cargo bench -p campanile-benches --bench responsive`; `-- records=2000000 rate=2000 rounds=3` says how; `TRACE=file` keeps the
//! trace.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use campanile_benches::machine::{OTHERS, SERVER, pin};
use campanile_benches::pace::Paced;
use campanile_benches::served::Served;

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok());
    let (records, rate, rounds) =
        (number("records").unwrap_or(2_000_000), number("rate").unwrap_or(2_000), number("rounds").unwrap_or(3));
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
    let installed = Command::new(project.join("scripts/browser")).status().expect("a script");
    assert!(installed.success(), "a browser");

    pin(&[SERVER, OTHERS]);
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().to_str().expect("a name of letters");
    let mut server = Served::start(env!("CARGO_BIN_EXE_viewed"), &["serve", store, &records.to_string(), "two"]);
    let (address, page) = (server.address, server.ask("viewer"));
    let is_over = AtomicBool::new(false);
    let (sent, seen, looked) = std::thread::scope(|scope| {
        let driver = scope.spawn(|| {
            let (mut sent, mut seen) = (0, Vec::new());
            while !is_over.load(Ordering::Relaxed) {
                let paced = Paced::of(address, rate, 1);
                sent += paced.count();
                seen.push(paced);
            }
            (sent, Paced::all(seen))
        });
        let looked = Command::new("node")
            .arg(project.join("tests/viewer_browser/cases/responsive.mjs"))
            .env("PACKAGES", project.join("target/browser"))
            .env("PICTURES", project.join("target/browser/pictures"))
            .env("PAGE", page)
            .env("APPLICATION", format!("http://{address}"))
            .env("ROUNDS", rounds.to_string())
            .stdin(Stdio::null())
            .status();
        is_over.store(true, Ordering::Relaxed);
        let (sent, seen) = driver.join().expect("it asked");
        (sent, seen, looked.expect("node runs"))
    });
    let [offered, stored, lost] = server.numbers("end")[..] else { panic!("three numbers") };
    println!("\n{records} records before, then {offered} of {sent} requests at {rate}/s: {stored} stored, {lost} lost");
    let ms = |share: f64| seen.us(share) / 1e3;
    println!("the app meanwhile: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms", ms(0.5), ms(0.99), ms(0.999));
    assert!(looked.success(), "the page was looked at to the end");
    assert_eq!((offered, stored + lost), (sent, sent), "every request has its record, or is counted");
}
