//! `campanile ps`: what is in flight now, and what was when a process died.

use std::path::Path;

use campanile::exporter::escape;
use campanile::page::process;
use campanile::record::{Outcome, Record, Value};
use campanile::store::{Reader, Unfinished};
use serde_json::json;

use crate::args::Ps;
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;
use crate::render::{bytes, moment, now};
use crate::table::table;

/// Prints both, the oldest first: what hangs stands at the top.
pub(crate) fn run(args: &Ps, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let directory = place::find(store)?;
    let mut reader = match Reader::open(&directory) {
        Err(error) if error.is_not_found() && directory.is_dir() => return nothing(),
        opened => opened?,
    };
    let mut all = reader.unfinished()?;
    all.reverse();
    for warning in reader.warnings() {
        output.complain(warning);
    }
    if all.is_empty() {
        return nothing();
    }
    let now = now();
    if args.common.json {
        for it in &all {
            output.write(&line(it, now))?;
        }
        return Ok(());
    }
    let (running, dead): (Vec<_>, Vec<_>) = all.iter().partition(|it| it.is_running());
    if running.is_empty() {
        output.write("nothing is in flight\n")?;
    } else {
        output.write(&rows(&running, "AGE", |record| age(now.saturating_sub(record.start_unix_ns()))))?;
    }
    if !dead.is_empty() {
        output.write("\nended without a record:\n")?;
        output.write(&rows(&dead, "BEGAN", moment))?;
    }
    Ok(())
}

fn nothing() -> Result<(), Failure> {
    Err(Failure::new(Failure::NOTHING, "nothing is in flight"))
}

/// One row for each, under a head.
fn rows(all: &[&Unfinished], first: &str, when: impl Fn(&Record) -> String) -> String {
    table([first, "ID", "METHOD", "IN", "OUT", "STATE", "PROCESS", "PATH"], all.iter().map(|it| row(it, &when)))
}

fn row(it: &Unfinished, when: impl Fn(&Record) -> String) -> [String; 8] {
    let record = it.record();
    let process = process(it);
    let process = if it.is_running() { process } else { format!("{process} died") };
    [
        when(record),
        record.span_id().to_short().to_string(),
        escape(record.method()).to_string(),
        record.request_body_bytes().map(bytes).unwrap_or_default(),
        bytes(record.response_body_bytes()),
        state(record),
        process,
        path(record),
    ]
}

/// The path, and the route where that is another text.
fn path(record: &Record) -> String {
    let path = escape(record.path()).to_string();
    match record.route().filter(|route| *route != record.path()) {
        Some(route) => format!("{path}  ({})", escape(route)),
        None => path,
    }
}

/// How far it is.
fn state(record: &Record) -> String {
    let frames = match record.attribute("campanile.frames") {
        Some(Value::U64(frames)) => format!(", {frames} frames"),
        _ => String::new(),
    };
    match (record.outcome(), record.status()) {
        (Outcome::Upgraded, _) => format!("upgraded{}", frames.replace("frames", "messages")),
        (_, Some(status)) => format!("{status} sending{frames}"),
        (_, None) => "no answer yet".to_owned(),
    }
}

/// A duration for people who wait: `0.8s`, `12.4s`, `5m03s`, `2h10m`, `3d04h`.
fn age(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    match seconds {
        0..=99 => format!("{seconds}.{}s", ns / 100_000_000 % 10),
        100..=5_999 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        6_000..=172_799 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// One object for each, with everything that is known.
fn line(it: &Unfinished, now: u64) -> String {
    let mut all = full::object(it.stored());
    let age_ns = now.saturating_sub(it.record().start_unix_ns());
    all.insert("campanile.running".to_owned(), json!(it.is_running()));
    all.insert("campanile.age_ms".to_owned(), json!(age_ns / 1_000_000));
    all.insert("process.pid".to_owned(), json!(it.resource().attribute("process.pid")));
    full::line(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        for (seconds, text) in [(0, "0.0s"), (12, "12.0s"), (303, "5m03s"), (7_800, "2h10m"), (273_600, "3d04h")] {
            assert_eq!(age(seconds * 1_000_000_000), text);
        }
    }
}
