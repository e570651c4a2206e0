use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::*;
use crate::record::Record;
use crate::record::parts::{Parts, Text};

fn rules(bodies: Bodies) -> Arc<Rules> {
    Rules::new(Some(bodies)).unwrap()
}

fn idle() -> Pipeline {
    Pipeline::start(crate::record::Resource::default(), Vec::new(), crate::pipeline::Policies::default())
}

fn watch(rules: &Arc<Rules>) -> Watch {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, "text/plain".parse().unwrap())]);
    Watch::new(rules.tap(Way::Response, &Parts::default(), &headers, crate::keep::Trial::No), None).unwrap()
}

/// What remains of the frames.
fn settled(mut watch: Watch, frames: &[&[u8]], status: u16) -> Record {
    for frame in frames {
        watch.see(&Pieces::of(frame));
    }
    let seen = frames.iter().map(|frame| frame.len() as u64).sum();
    let mut record = Record::new(Box::new(Parts { status: Some(status), response_bytes: seen, ..Parts::default() }));
    watch.settle(&mut record, Way::Response, &idle());
    record
}

#[test]
fn the_first_bytes_are_kept_and_all_are_counted() {
    let rules = rules(Bodies::on().max_bytes(5));
    let record = settled(watch(&rules), &[b"abc", b"", b"defg"], 200);
    let body = record.response_body().unwrap();
    assert_eq!((body.content(), body.kept_bytes(), body.seen_bytes(), body.is_truncated()), ("abcde", 5, 7, true));
    assert_eq!(rules.held_bytes(), 0);
}

#[test]
fn a_frame_in_pieces_is_kept_in_order() {
    let rules = rules(Bodies::on());
    let mut watch = watch(&rules);
    watch.see(&Pieces::of(&Bytes::from_static(b"ab").chain(&b"cd"[..]).chain(&b"ef"[..])));
    let mut record = Record::new(Box::new(Parts { response_bytes: 6, ..Parts::default() }));
    watch.settle(&mut record, Way::Response, &idle());
    assert_eq!(record.response_body().unwrap().content(), "abcdef");
}

/// Shows only one piece of itself, as `Buf` allows.
struct OnePiece;

impl Buf for OnePiece {
    fn remaining(&self) -> usize {
        4
    }

    fn chunk(&self) -> &[u8] {
        b"xy"
    }

    fn advance(&mut self, _: usize) {}
}

#[test]
fn nothing_is_kept_behind_what_could_not_be_seen() {
    let rules = rules(Bodies::on());
    let mut watch = watch(&rules);
    watch.see(&Pieces::of(&OnePiece));
    watch.see(&Pieces::of(&&b"later"[..]));
    let mut record = Record::new(Box::new(Parts { response_bytes: 9, ..Parts::default() }));
    watch.settle(&mut record, Way::Response, &idle());
    let body = record.response_body().unwrap();
    assert_eq!((body.content(), body.is_truncated()), ("xy", true));
}

struct Bad;

impl Buf for Bad {
    fn remaining(&self) -> usize {
        4
    }

    fn chunk(&self) -> &[u8] {
        panic!("in chunk")
    }

    fn advance(&mut self, _: usize) {}
}

#[test]
fn a_buffer_that_panics_costs_the_rest_of_the_body() {
    let rules = rules(Bodies::on());
    let mut watch = watch(&rules);
    watch.see(&Pieces::of(&&b"ok"[..]));
    watch.see(&Pieces::of(&Bad));
    watch.see(&Pieces::of(&&b"later"[..]));
    let mut record = Record::new(Box::new(Parts { response_bytes: 11, ..Parts::default() }));
    watch.settle(&mut record, Way::Response, &idle());
    assert_eq!(record.response_body().unwrap().content(), "ok");
}

#[test]
fn what_is_over_the_budget_is_skipped_and_says_so() {
    let rules = rules(Bodies::on().max_bytes(1000).budget_bytes(1500));
    let (mut first, mut second, mut third) = (watch(&rules), watch(&rules), watch(&rules));
    first.see(&Pieces::of(&&[b'a'; 2000][..]));
    second.see(&Pieces::of(&&[b'b'; 300][..]));
    third.see(&Pieces::of(&&[b'c'; 300][..]));
    assert_eq!(rules.held_bytes(), 1300);
    let record = settled(third, &[b"c"], 200);
    assert_eq!(record.response_body().unwrap().skipped(), Some("budget"));
    let record = settled(second, &[&[b'b'; 300]], 200);
    assert_eq!(record.response_body().unwrap().kept_bytes(), 300, "what it had when the budget ended");
    let mut fourth = watch(&rules);
    fourth.see(&Pieces::of(&&b"d"[..]));
    assert_eq!(rules.held_bytes(), 1256, "there is room again");
    drop((first, fourth));
    assert_eq!(rules.held_bytes(), 0);
}

#[test]
fn of_a_request_that_did_not_fail_nothing_stays() {
    let rules = rules(Bodies::failed());
    assert!(settled(watch(&rules), &[b"secret"], 200).response_body().is_none());
    let record = settled(watch(&rules), &[b"why"], 500);
    assert_eq!(record.response_body().unwrap().content(), "why");
    let record = settled(watch(&rules), &[b"secret"], 200);
    assert!(!record.parts().text.contains("secret"), "the bytes never reach the record");
}

#[test]
fn an_empty_body_leaves_nothing() {
    assert!(settled(watch(&rules(Bodies::on())), &[], 200).response_body().is_none());
}

#[test]
fn a_route_that_is_told_late_still_counts() {
    let rules = rules(Bodies::on().only_routes(["/a"]));
    for (route, expected) in [("/a", true), ("/b", false)] {
        let mut watch = watch(&rules);
        watch.see(&Pieces::of(&&b"x"[..]));
        let parts = Parts { route: Some(Text::Static(route)), response_bytes: 1, ..Parts::default() };
        let mut record = Record::new(Box::new(parts));
        watch.settle(&mut record, Way::Response, &idle());
        assert_eq!(record.response_body().is_some(), expected, "{route}");
    }
}

#[test]
fn its_debug_output_has_nothing_of_the_body() {
    let rules = rules(Bodies::on());
    let mut watch = watch(&rules);
    watch.see(&Pieces::of(&&b"canary"[..]));
    assert!(!format!("{watch:?} {rules:?}").contains("canary"));
}
