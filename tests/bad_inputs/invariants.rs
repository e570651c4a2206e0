//! The seven invariants of the catalogue, which hold for every case.

use std::panic;
use std::sync::{Mutex, Once};

use campanile::record::Kind;

use crate::outputs::{Outputs, is_hidden};
use crate::run::Seen;
use crate::service::{Got, Place, is_control};

/// Panics that no script of this test asked for.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Writes down every panic that comes from outside of this test; those of tests themselves fail them anyway.
pub(crate) fn watch_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map_or_else(String::new, ToString::to_string);
            if place.starts_with("tests/") {
                // A panic of a script is no news; one of a check is.
                if info.payload().downcast_ref::<&str>() != Some(&SCRIPTED) && !info.payload().is::<u64>() {
                    before(info);
                }
            } else {
                before(info);
                PANICS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(info.to_string());
            }
        }));
    });
}

/// What a script says when it is told to panic.
pub(crate) const SCRIPTED: &str = "told to panic";

pub(crate) fn hold(seen: &Seen<'_>) {
    let (id, place, outputs) = (&seen.case.id, seen.place, &seen.outputs);
    // 1. No panic and no exit: the control was answered, which `send` saw to.
    let panics = PANICS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    assert!(panics.is_empty(), "{id}: {panics:#?}");
    drop(panics);

    // 2. The same answer as without the layer; frames, trailers, hints and ends where they can be seen.
    // 3. Not delayed: in this process, ready after as many polls.
    assert_eq!(seen.observed.comparable(), seen.bare.comparable(), "{id} {place:?}: as without the layer");

    // 4. Exactly one record of what the server handed on.
    let requests = outputs.records.iter().filter(|record| record.kind() == Kind::Request);
    let (control, own): (Vec<_>, Vec<_>) = requests.partition(|record| is_control(record));
    assert_eq!(own.len(), usize::from(!seen.is_refused), "{id} {place:?}: one record: {own:?}");
    assert_eq!(control.len(), usize::from(place != Place::InProcess), "{id} {place:?}: one record of the control");
    if seen.is_refused {
        let status = seen.bare.status().unwrap_or_else(|| panic!("{id}: {:?}", seen.bare));
        assert!((400..500).contains(&status), "{id} {place:?}: the server refuses it itself, with {status}");
        assert_ne!(place, Place::InProcess, "{id}: nobody refuses here");
    } else if let Got::Wire(_) = seen.observed
        && seen.observed.status().is_some()
    {
        assert_eq!(seen.observed.headers("x-request-id"), [own[0].request_id()], "{id} {place:?}: the request id is echoed");
    }

    // 5. What is lost is counted: `read` saw that the ledger balances, and here nothing has to be lost.
    assert_eq!(outputs.stats.dropped.total(), 0, "{id}: {:?}", outputs.stats);
    for exporter in &outputs.stats.exporters {
        assert_eq!(exporter.dropped.total(), 0, "{id}: {exporter:?}");
    }
    texts(id, outputs);
}

/// 6. and 7.: one physical line for each record, valid UTF-8, JSON that parses, and nothing that hides.
pub(crate) fn texts(id: &str, outputs: &Outputs) {
    for (name, bytes) in &outputs.lines {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{id} {name}: {error}"));
        assert!(text.is_empty() || text.ends_with('\n'), "{id} {name}: whole lines only");
        assert!(!text.chars().any(|char| char != '\n' && is_hidden(char)), "{id} {name}: {text:?}");
        let lines = text.split_terminator('\n').count() as u64;
        // All of them show events at once, so each was given the same.
        let delivered = outputs.stats.exporters.iter().find(|exporter| exporter.name == "json").unwrap().delivered;
        if *name == "file" {
            let requests = outputs.records.len() as u64;
            assert!(lines >= requests, "{id} {name}: {lines} lines for {requests} records");
        } else {
            assert_eq!(lines, delivered, "{id} {name}: one line for each record");
        }
        for line in text.lines() {
            match *name {
                "logfmt" => assert!(line.starts_with("ts="), "{id} {name}: {line}"),
                _ => drop(
                    serde_json::from_str::<serde_json::Map<_, _>>(line).unwrap_or_else(|error| panic!("{id}: {error}: {line}")),
                ),
            }
        }
    }
    let console = std::str::from_utf8(&outputs.console).unwrap();
    assert!(!console.chars().any(|char| char != '\n' && is_hidden(char)), "{id} console: {console:?}");
    let has_tree = outputs.records.iter().any(campanile::record::Record::is_failed);
    let begins_a_record = |line: &str| line.get(1..3).is_some_and(|hour| hour.bytes().all(|byte| byte.is_ascii_digit()));
    for line in console.lines() {
        assert!(begins_a_record(line) || has_tree && line.starts_with("  "), "{id} console: {line:?} of\n{console}");
    }
    // With colour, only colours were added.
    let coloured = std::str::from_utf8(&outputs.coloured).unwrap();
    assert_eq!(without_colours(coloured).lines().count(), console.lines().count(), "{id}: {coloured}");
    assert!(!without_colours(coloured).chars().any(|char| char != '\n' && is_hidden(char)), "{id} coloured: {coloured:?}");
    for shown in [&outputs.shown, &outputs.shown_json] {
        let shown = std::str::from_utf8(shown).unwrap();
        assert!(!shown.chars().any(|char| char != '\n' && is_hidden(char)), "{id} campanile show: {shown:?}");
    }
    for line in std::str::from_utf8(&outputs.shown_json).unwrap().lines() {
        drop(serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{id}: {error}: {line}")));
    }
}

/// Without the codes that select colours, which are all that a console of ours writes.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_once('m').unwrap_or_else(|| panic!("a code that is no colour: {part:?}"));
        assert!(code.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "{code:?}");
        out.push_str(rest);
    }
    out
}
