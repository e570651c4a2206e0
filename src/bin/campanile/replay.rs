//! `campanile replay`: sends a request again and tells what changed in the answer.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use campanile::exporter::escape;
use campanile::record::{Kind, Outcome, Record};
use campanile::replay::{BodyChange, Change, Comparison, Error, Line, Request, Sending, compare};
use campanile::store::Reader;
use serde_json::{Value as Json, json};

use crate::args::Replay;
use crate::confirm::confirm;
use crate::failure::Failure;
use crate::full;
use crate::output::{Colour, Output};
use crate::render::{bytes, cut, ms};
use crate::{place, show};

/// How long the store is looked at for the record of what was sent.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// Differences of one kind that are shown.
const SHOWN: usize = 40;
/// Lines around a difference that are shown.
const AROUND: usize = 2;

/// Finds one request, sends it, and prints what came of it.
pub(crate) fn run(args: &Replay, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::open(place::find(store)?)?;
    let found = show::one(&mut reader, &args.id, false, output)?;
    let before = found.record();
    let request = Request::of(before, args.url.as_deref());
    let mut request =
        request.ok_or_else(|| Failure::new(Failure::NOTHING, format!("{} is no request", escape(&args.id))))?.anew();
    for (name, value) in &args.headers {
        request.set_header(name, value);
    }
    let shown = format!("{} {}", escape(&request.method), escape(request.url.split('?').next().unwrap_or_default()));
    if !request.is_safe() && !request.is_loopback() {
        confirm(args.yes, &format!("{shown} may change something there: it is not on this machine."))?;
    }
    for note in request.notes() {
        output.complain(&note.to_string());
    }
    let mut sending = Sending::default();
    sending.within = Duration::from_secs(args.seconds.max(1));
    let after = request.send_blocking(&sending).map_err(failed)?;
    let stored = stored(&mut reader, before, &after);
    let mut comparison = compare(before, &after);
    if let Some(stored) = &stored {
        // As the application saw both.
        comparison.duration_ns[1] = stored.duration_ns();
    }
    let id = stored.as_ref().map_or_else(|| after.request_id().to_owned(), |record| record.span_id().to_short().to_string());
    if args.common.json {
        output.write(&json(&request, before, &after, &comparison, &id))
    } else {
        output.write(&format!("{shown} again\n\n{}", text(&comparison, &after, &id, output)))
    }
}

fn failed(error: Error) -> Failure {
    let code = if error.is_request() { Failure::USAGE } else { Failure::NO_ANSWER };
    Failure::new(code, error.to_string())
}

/// The application's own record of what was sent, where it writes to this store.
fn stored(reader: &mut Reader, before: &Record, after: &Record) -> Option<Record> {
    let started = Instant::now();
    while !after.request_id().is_empty() && started.elapsed() < PATIENCE {
        let mut all = reader.by_id(after.request_id()).ok()?.into_iter();
        let is_it = |record: &Record| record.kind() == Kind::Request && record.start_unix_ns() > before.start_unix_ns();
        if let Some(stored) = all.find(|stored| is_it(stored.record()) && stored.record().span_id() != before.span_id()) {
            return Some(stored.record().clone());
        }
        thread::sleep(LOOK);
    }
    None
}

/// What changed, a row for each, under a label where another kind begins.
fn text(comparison: &Comparison, after: &Record, id: &str, output: &Output) -> String {
    let status = |status: Option<u16>| status.map_or_else(|| "none".to_owned(), |status| status.to_string());
    let mut rows = vec![("status", pair(&comparison.status.map(status), output))];
    if comparison.outcome[0] != comparison.outcome[1] {
        rows.push(("outcome", pair(&comparison.outcome.map(|outcome| outcome.as_str().to_owned()), output)));
    }
    let [before, now] = comparison.duration_ns.map(ms);
    rows.push(("time", format!("{before} -> {now}")));
    rows.extend(changes("headers", &comparison.headers, output));
    match &comparison.body {
        BodyChange::Same if after.response_body_bytes() == 0 => {}
        BodyChange::Same => rows.push(("body", format!("{}, as before", bytes(after.response_body_bytes())))),
        BodyChange::Unknown(why) => rows.push(("body", format!("not compared: {}", escape(why)))),
        BodyChange::Json(all) => rows.extend(changes("body", all, output)),
        BodyChange::Lines(all) => rows.extend(lines(all, output).into_iter().map(|line| ("body", line))),
        _ => {}
    }
    if !id.is_empty() {
        rows.push(("", String::new()));
        rows.push(("next", format!("campanile show {}", escape(id))));
    }
    let mut out = String::new();
    let mut last = "";
    for (label, text) in rows {
        let shown = if label == last { "" } else { label };
        out.push_str(format!("{shown:10}{text}").trim_end());
        out.push('\n');
        last = label;
    }
    out
}

fn pair([before, now]: &[String; 2], output: &Output) -> String {
    if before == now {
        return format!("{now}, as before");
    }
    format!("{} -> {}", output.paint(Colour::Red, before), output.paint(Colour::Green, now))
}

fn changes<'a>(label: &'a str, all: &[Change], output: &Output) -> Vec<(&'a str, String)> {
    let side = |value: &str| cut(&escape(value).to_string(), 200);
    let one = |change: &Change| {
        let before = change.before.as_deref().map(|value| output.paint(Colour::Red, &side(value)));
        let after = change.after.as_deref().map(|value| output.paint(Colour::Green, &side(value)));
        let said = match (before, after) {
            (Some(before), Some(after)) => format!("{before} -> {after}"),
            (Some(before), None) => format!("{before} -> gone"),
            (None, after) => format!("new: {}", after.unwrap_or_default()),
        };
        (label, format!("{}  {said}", escape(&change.place)))
    };
    let mut rows: Vec<_> = all.iter().take(SHOWN).map(one).collect();
    if all.len() > SHOWN {
        rows.push((label, format!("and {} more differences; --json has them", all.len() - SHOWN)));
    }
    rows
}

/// What differs, and a little around it.
fn lines(all: &[Line], output: &Output) -> Vec<String> {
    let is_near = |at: usize| {
        let (from, to) = (at.saturating_sub(AROUND), (at + AROUND + 1).min(all.len()));
        all.get(from..to).unwrap_or_default().iter().any(|line| !matches!(line, Line::Same(_)))
    };
    let side = |value: &str| cut(&escape(value).to_string(), 200);
    let (mut rows, mut has_gap) = (Vec::new(), false);
    for (at, line) in all.iter().enumerate() {
        if !is_near(at) {
            if !has_gap {
                rows.push("  ⋮".to_owned());
            }
            has_gap = true;
            continue;
        }
        has_gap = false;
        rows.push(match line {
            Line::Before(line) => output.paint(Colour::Red, &format!("- {}", side(line))),
            Line::After(line) => output.paint(Colour::Green, &format!("+ {}", side(line))),
            Line::Same(line) => format!("  {}", side(line)),
            _ => String::new(),
        });
        if rows.len() >= SHOWN {
            rows.push("  ⋮ and more; --json has all".to_owned());
            break;
        }
    }
    rows
}

fn json(request: &Request, before: &Record, after: &Record, comparison: &Comparison, id: &str) -> String {
    let change = |change: &Change| json!({ "place": change.place, "before": change.before, "after": change.after });
    let line = |line: &Line| match line {
        Line::Before(line) => json!(["-", line]),
        Line::After(line) => json!(["+", line]),
        Line::Same(line) => json!([" ", line]),
        _ => Json::Null,
    };
    let body = match &comparison.body {
        BodyChange::Same => json!({ "same": true }),
        BodyChange::Unknown(why) => json!({ "same": null, "why": why }),
        BodyChange::Json(all) => json!({ "same": false, "values": all.iter().map(change).collect::<Json>() }),
        BodyChange::Lines(all) => json!({ "same": false, "lines": all.iter().map(line).collect::<Json>() }),
        _ => Json::Null,
    };
    full::line(json!({
        "same": comparison.is_same(),
        "method": request.method,
        "url": request.url,
        "before": { "span_id": before.span_id().to_string(), "request_id": before.request_id() },
        "after": { "id": id, "request_id": after.request_id() },
        "status": comparison.status,
        "outcome": comparison.outcome.map(Outcome::as_str),
        "duration_ns": comparison.duration_ns,
        "body_bytes": comparison.body_bytes,
        "headers": comparison.headers.iter().map(change).collect::<Json>(),
        "body": body,
        "notes": request.notes().iter().map(ToString::to_string).collect::<Json>(),
    }))
}
