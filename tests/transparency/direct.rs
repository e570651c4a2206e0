//! On `Service` and `Body` themselves: every poll, hint, end, frame, error and panic.

use std::collections::BTreeMap;

use crate::play::{Case, Flavour, Play, Stack, Telemetries, Trace, boxed, combinations, drive, numbers};

/// How many cases a stack gets before its records are looked at.
const AT_ONCE: usize = 100;

pub(crate) fn compare() -> u64 {
    let numbers: Vec<_> = numbers(7_000, 0).collect();
    for (numbers, (stack, variant)) in numbers.chunks(AT_ONCE).zip(combinations()) {
        let seen = Telemetries::new(stack, variant);
        let _subscribed = seen.subscribe(stack);
        let mut expected = BTreeMap::new();
        for number in numbers {
            let case = Case::new(*number, Flavour::Direct);
            let (bare, service_bare) = run(&case, stack, None);
            let (with, service_with) = run(&case, stack, Some(&seen));
            assert_eq!(with, bare, "outside: {stack:?}, {}, {case:#?}", variant.0);
            assert_eq!(service_with, service_bare, "inside: {stack:?}, {}, {case:#?}", variant.0);
            expected.extend(bare.outcome.map(|outcome| (*number, outcome)));
        }
        crate::one_record_each(&seen, expected);
    }
    numbers.len() as u64
}

fn run(case: &Case, stack: Stack, seen: Option<&Telemetries>) -> (Trace, Vec<String>) {
    // A layer that makes answers of panics has nothing to do where there are none.
    let stack = if seen.is_none() && !case.panics() { Stack::Once } else { stack };
    let play = Play::one(case);
    let log = play.log.clone();
    let trace = drive(case, boxed(stack, seen, play));
    (trace, log.take().remove(&case.number).unwrap_or_default())
}
