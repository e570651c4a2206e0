use std::time::Duration;

use super::*;
use crate::record::parts::{FailureSlot, Parts, Text};
use crate::record::{FailureKind, Kept, Record, SpanId, TraceFlags};

fn decided(keep: Keep, change: impl FnOnce(&mut Parts)) -> Option<Kept> {
    decided_of(&mut Keeper::new(keep), change)
}

fn decided_of(keeper: &mut Keeper, change: impl FnOnce(&mut Parts)) -> Option<Kept> {
    let mut parts = Parts { method: Text::Static("GET"), route: Some(Text::Static("/")), status: Some(200), ..Parts::default() };
    change(&mut parts);
    keeper.decide(&Record::new(Box::new(parts)), false)
}

#[test]
fn where_several_rules_hold_the_first_of_the_list_is_told() {
    let keep = || Keep::all().slow(Duration::from_millis(1)).query("status:404").sampled();
    assert_eq!(decided(keep(), |_| {}), Some(Kept::All));
    assert_eq!(decided(keep(), |parts| parts.trace_flags = TraceFlags::SAMPLED), Some(Kept::Sampled));
    let matched = |parts: &mut Parts| (parts.status, parts.trace_flags) = (Some(404), TraceFlags::SAMPLED);
    assert_eq!(decided(keep(), matched), Some(Kept::Matched));
    let failing = |parts: &mut Parts| (parts.status, parts.duration_ns, parts.is_flagged) = (Some(500), 2_000_000, true);
    assert_eq!(decided(keep(), failing), Some(Kept::Failed));
    let slow = |parts: &mut Parts| (parts.duration_ns, parts.is_flagged) = (1_000_000, true);
    assert_eq!(decided(keep(), slow), Some(Kept::Slow));
    let flagged = |parts: &mut Parts| (parts.is_flagged, parts.trace_flags) = (true, TraceFlags::SAMPLED);
    assert_eq!(decided(keep(), flagged), Some(Kept::Flagged));
}

#[test]
fn somebody_who_asks_gets_it_whatever_the_settings_say() {
    let mut keeper = Keeper::new(Keep::none());
    let record = Record::new(Box::default());
    assert_eq!((keeper.decide(&record, true), keeper.decide(&record, false)), (Some(Kept::Asked), None));
}

#[test]
fn slow_for_its_route_is_slow_by_default() {
    let mut keeper = Keeper::new(Keep::new());
    for _ in 0..200 {
        assert_eq!(decided_of(&mut keeper, |parts| parts.duration_ns = 20_000_000), None);
    }
    assert_eq!(decided_of(&mut keeper, |parts| parts.duration_ns = 200_000_000), Some(Kept::Slow));
}

#[test]
fn only_what_may_be_kept_is_captured() {
    use tracing::level_filters::LevelFilter;
    for (keep, sampled, unsampled) in [
        (Keep::new(), LevelFilter::TRACE, LevelFilter::TRACE),
        (Keep::none(), LevelFilter::OFF, LevelFilter::OFF),
        (Keep::none().sampled(), LevelFilter::TRACE, LevelFilter::OFF),
        (Keep::none().rest(tracing::Level::INFO), LevelFilter::INFO, LevelFilter::INFO),
        (Keep::none().query("status:404"), LevelFilter::TRACE, LevelFilter::TRACE),
    ] {
        assert_eq!((keep.least_at_head(true, false), keep.least_at_head(false, false)), (sampled, unsampled), "{keep:?}");
        assert_eq!(keep.least_at_head(false, true), LevelFilter::TRACE, "somebody asks: {keep:?}");
    }
}

#[test]
fn a_task_that_panicked_keeps_the_detail_of_a_request_that_was_answered_well() {
    let panicked = |parts: &mut Parts| parts.failures.push(FailureSlot::new(FailureKind::Panic, (SpanId::INVALID, 1)));
    assert_eq!(decided(Keep::failed(), panicked), Some(Kept::Failed));
    assert_eq!(decided(Keep::failed(), |_| {}), None);
}
