//! One fuzzer for everything; `CAMPANILE_FUZZ` names the target. See `scripts/fuzz`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod exchange;
#[cfg(fuzzing)]
mod redact;
#[cfg(fuzzing)]
mod seeds;

#[cfg(fuzzing)]
mod targets {
    use std::sync::OnceLock;

    use campanile::fuzzing;

    type Target = (&'static str, fn(&[u8]));

    const TARGETS: [Target; 14] = [
        ("context", fuzzing::context),
        ("baggage", fuzzing::baggage),
        ("request-id", fuzzing::request_id),
        ("forwarded", fuzzing::forwarded),
        ("query", fuzzing::query),
        ("text", fuzzing::text),
        ("search", fuzzing::search),
        ("messages", fuzzing::messages),
        ("answer", fuzzing::answer),
        ("json", crate::redact::json),
        ("form", crate::redact::form),
        ("shapes", crate::redact::shapes),
        ("cookies", crate::redact::cookies),
        ("exchange", crate::exchange::exchange),
    ];

    static TARGET: OnceLock<Target> = OnceLock::new();

    /// Prints the names where they are asked for, and fills an empty corpus.
    fn begin() {
        let name = std::env::var("CAMPANILE_FUZZ").unwrap_or_default();
        if name == "list" {
            TARGETS.iter().for_each(|(name, _)| println!("{name}"));
            std::process::exit(0);
        }
        let Some(target) = TARGETS.into_iter().find(|(known, _)| *known == name) else {
            eprintln!("CAMPANILE_FUZZ names no target: {name:?}");
            std::process::exit(2);
        };
        TARGET.set(target).expect("begins once");
        if let Some(directory) = std::env::var_os("CAMPANILE_FUZZ_SEEDS") {
            crate::seeds::write(name.as_str(), directory.as_ref()).expect("seeds can be written");
        }
    }

    libfuzzer_sys::fuzz_target!(init: begin(), |data: &[u8]| {
        if let Some((_, run)) = TARGET.get() {
            run(data);
        }
    });
}

#[cfg(not(fuzzing))]
fn main() {
    // `fuzz` is nothing without libFuzzer's flags.
    let _ = campanile::builder();
}
