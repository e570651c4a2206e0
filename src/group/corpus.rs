//! Pairs of failures of which it is known whether they have one cause.
//!
//! `tests/data/grouping.json` has those that somebody wrote down. `tests/data/grouping/` has what one program really said,
//! built in two versions on two machines with two profiles, where the later one has more lines above its code and newer
//! dependencies. Pairs from code that fails while the test runs are in `tests/grouping`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value as Json;

use super::Fingerprint;
use crate::record::parts::{CauseSlot, FailureSlot, List, OPEN, Origin, Parts, Slot, SpanSlot, Text};
use crate::record::{FailureKind, Outcome, Record, SpanId, SpanKind};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

/// A record as a side of a pair describes it.
fn record(side: &Json) -> Record {
    let mut parts = Parts { outcome: Outcome::Answered, status: Some(500), ..Parts::default() };
    let word = |name: &str| side[name].as_str().unwrap_or_default();
    let mut text = |text: &str| parts.push_text(text, 1 << 20);
    let (method, path, route, key) = (text(word("method")), text(word("path")), text(word("route")), text(word("key")));
    let (type_name, message) = (text(word("type")), text(word("message")));
    let (file, backtrace) = (text(word("file")), text(word("backtrace")));
    let (name, target) = (text(side["span"][0].as_str().unwrap_or_default()), text(side["span"][1].as_str().unwrap_or_default()));
    (parts.method, parts.path, parts.group_key) = (method, path, key);
    parts.route = Some(route).filter(|_| !word("route").is_empty());
    if let Some(status) = side["status"].as_u64() {
        parts.status = u16::try_from(status).ok();
    }
    if let Some(code) = side["rpc_status"].as_u64() {
        (parts.is_rpc, parts.rpc_status) = (true, u8::try_from(code).ok());
    }
    for (name, value) in side["attributes"].as_object().into_iter().flatten() {
        let (name, value) = (parts.push_text(name, 100), parts.push_text(value.as_str().unwrap(), 100));
        parts.set_attribute(name, Slot::Text(value));
    }
    let span = SpanId([7; 8]);
    if side["span"].is_array() {
        let origin = Origin { name, target, file: Text::EMPTY, line: 1, level: tracing::Level::INFO };
        let (kind, fields) = (SpanKind::Internal, List::default());
        parts.spans.push(SpanSlot {
            id: span,
            parent: SpanId::INVALID,
            origin,
            kind,
            error: Text::EMPTY,
            start_ns: 0,
            end_ns: OPEN,
            fields,
        });
    }
    let mut count = 0;
    for cause in side["causes"].as_array().into_iter().flatten() {
        let type_name = parts.push_text(cause[0].as_str().unwrap(), 1000);
        let message = parts.push_text(cause[1].as_str().unwrap(), 1000);
        parts.causes.push(CauseSlot { type_name, message });
        count += 1;
    }
    let kind = match word("kind") {
        "panic" => FailureKind::Panic,
        "status" => FailureKind::Status,
        _ => FailureKind::Attached,
    };
    if side["message"].is_string() || side["type"].is_string() {
        let line = u32::try_from(side["line"].as_u64().unwrap_or_default()).unwrap();
        let causes = (0, count);
        let failure = FailureSlot { type_name, message, file, line, backtrace, causes, ..FailureSlot::new(kind, (span, 1)) };
        parts.failures.push(failure);
    }
    Record::new(Box::new(parts))
}

fn verdict(wrong: &mut Vec<String>, name: &str, same: bool, a: &Record, b: &Record) {
    let (a, b) = (Fingerprint::of(a).unwrap(), Fingerprint::of(b).unwrap());
    if (a.id() == b.id()) != same {
        wrong.push(format!("{name}: should be {}\n  {a:?}\n  {b:?}", if same { "the same" } else { "different" }));
    }
}

#[test]
fn every_verdict_about_a_pair_that_was_written_down_holds() {
    let pairs: Vec<Json> = serde_json::from_str(&fs::read_to_string(format!("{DATA}/grouping.json")).unwrap()).unwrap();
    assert!(pairs.len() >= 60, "{}", pairs.len());
    let mut wrong = Vec::new();
    for pair in &pairs {
        let same = pair["same"].as_bool().unwrap();
        verdict(&mut wrong, pair["name"].as_str().unwrap(), same, &record(&pair["a"]), &record(&pair["b"]));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), pairs.len(), wrong.join("\n"));
}

/// What a run of the program said, by the name of each fault.
fn run(name: &str) -> BTreeMap<String, Record> {
    let text = fs::read_to_string(format!("{DATA}/grouping/{name}.txt")).unwrap();
    let faults = text.split("@@ ").skip(1).map(|block| {
        let (head, backtrace) = block.split_once("\nbacktrace\n").unwrap();
        let mut lines = head.lines();
        let fault = lines.next().unwrap().to_owned();
        let mut side: serde_json::Map<String, Json> =
            lines.map(|line| line.split_once(' ').unwrap()).map(|(name, text)| (name.to_owned(), Json::from(text))).collect();
        side.insert(
            "line".to_owned(),
            side.get("line").and_then(Json::as_str).and_then(|line| line.parse().ok()).unwrap_or(0).into(),
        );
        side.insert("backtrace".to_owned(), backtrace.into());
        (fault, record(&Json::Object(side)))
    });
    faults.collect()
}

#[test]
fn a_fault_of_a_real_program_is_one_group_in_its_next_release_on_another_machine_and_no_other_fault_is() {
    /// Faults that are one: a generic function of two types.
    const SAME: [&str; 2] = ["generic_order", "generic_user"];
    /// Methods of one name, one of them of a trait, which the name of a method does not tell.
    const ALIKE: [&str; 2] = ["method", "trait"];
    /// Two functions of one content, of which an optimising compiler makes one.
    const MERGED: [&str; 2] = ["helper_from_a", "helper_from_b"];
    let mut wrong = Vec::new();
    let mut count = 0;
    for profile in ["debug", "release"] {
        let (old, new) = (run(&format!("{profile}-1.0.0")), run(&format!("{profile}-2.0.0")));
        assert_eq!(old.len(), 15);
        for (a, first) in &old {
            for (b, second) in &new {
                let are = |names: [&str; 2]| names.contains(&a.as_str()) && names.contains(&b.as_str());
                if a != b && (are(ALIKE) || are(MERGED) && profile == "release") {
                    continue;
                }
                let same = a == b || are(SAME);
                verdict(&mut wrong, &format!("{profile}: {a} and {b}"), same, first, second);
                count += 1;
            }
        }
    }
    assert!(count > 400, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn ids_are_those_of_the_first_release() {
    let pairs: Vec<Json> = serde_json::from_str(&fs::read_to_string(format!("{DATA}/grouping.json")).unwrap()).unwrap();
    let of = |name: &str| {
        let pair = pairs.iter().find(|pair| pair["name"] == name).unwrap();
        Fingerprint::of(&record(&pair["a"])).unwrap().id()
    };
    let ids = [
        "numbers in the message",
        "one chain with other values",
        "one helper's helper with two callers",
        "a bare 500 on one route with other ids",
        "one code of one method of grpc",
        "one name for two causes",
    ]
    .map(|name| of(name).to_string());
    assert_eq!(
        ids,
        ["18e4511cf0c70232", "1274561384a6ff49", "19274b2128f0b9b8", "1c2d6c0ce6266fa8", "1ae0db762936ecb1", "102cdc0076961305"]
    );
}
