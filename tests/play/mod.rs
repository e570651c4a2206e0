//! Generated exchanges: what a client sends, what the service does with it, and how the client takes the answer.
//!
//! A case is made from a number, so that a number is enough to see a difference again.

#![allow(dead_code, unused_imports, reason = "each test file uses its own part")]

mod body;
mod case;
mod drive;
mod service;
mod stack;

use std::ops::Range;

pub(crate) use self::body::{Planned, header_map};
pub(crate) use self::case::{Act, Case, Flavour, Plan, Reads, Step};
pub(crate) use self::drive::{Trace, drive};
pub(crate) use self::service::{Log, Play, headers_but, is_ours, number};
pub(crate) use self::stack::{Stack, Telemetries, Variant, boxed, cloned, combinations, in_flight};

/// As many numbers as wanted: the same ones every time, but other and more ones where `PROPTEST_CASES` asks for many.
///
/// `PROPTEST_RNG_SEED` names where they begin.
pub(crate) fn numbers(count: u64, part: u64) -> Range<u64> {
    let variable = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let cases = variable("PROPTEST_CASES");
    let times = (cases.unwrap_or(256) / 1_000).clamp(1, 10);
    let seed = variable("PROPTEST_RNG_SEED");
    let first = seed.unwrap_or_else(|| if times > 1 { fastrand::u64(..1 << 20) } else { 7 });
    let first = (first << 28) + (part << 24);
    first..first + count * times
}

/// Lets panics that were asked for pass without a word on standard error.
pub(crate) fn hush() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let payload = panic.payload();
            let message = payload.downcast_ref::<&str>().copied().or_else(|| Some(payload.downcast_ref::<String>()?.as_str()));
            if message.is_some_and(|message| !message.starts_with("told to panic")) {
                previous(panic);
            }
        }));
    });
}
