//! `campanile errors`: the groups of errors, and what people say about them.

use std::fmt::Write as _;
use std::path::Path;

use campanile::exporter::escape;
use campanile::store::{Group, GroupState, Groups};
use serde_json::json;

use crate::args::{Errors, ErrorsAction, Sort};
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;
use crate::render::{at, at_utc, cut, now};

/// Cells before what a group is called.
const LEFT: usize = 59;

/// Lists, resolves or opens again.
pub(crate) fn run(args: &Errors, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let groups = Groups::open(place::find(store)?).map_err(none_yet)?;
    match &args.action {
        None => list(args, &groups, output),
        Some(ErrorsAction::Resolve { group, in_release }) => {
            let group = one(&groups, group, output)?;
            if groups.resolve(group.id(), in_release.as_deref())? {
                let release = in_release.as_deref().map(|release| format!(" in {}", escape(release))).unwrap_or_default();
                output.write(&format!("resolved{release}: {}\n", named(&group)))?;
            }
            Ok(())
        }
        Some(ErrorsAction::Reopen { group }) => {
            let group = one(&groups, group, output)?;
            if groups.reopen(group.id())? {
                output.write(&format!("open again: {}\n", named(&group)))?;
            }
            Ok(())
        }
    }
}

/// That nothing has failed yet is no trouble of the store.
pub(crate) fn none_yet(error: campanile::store::Error) -> Failure {
    if error.is_not_found() { Failure::new(Failure::NOTHING, error.to_string()) } else { error.into() }
}

/// The only group that the start of an id fits.
pub(crate) fn one(groups: &Groups, digits: &str, output: &mut Output) -> Result<Group, Failure> {
    let digits = digits.trim();
    let is_id = (1..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        return Err(Failure::new(Failure::USAGE, "a group's id is 1 to 16 hexadecimal digits, as `campanile errors` lists them"));
    }
    let mut found = groups.starting_with(digits)?;
    match found.len() {
        0 => Err(Failure::new(Failure::NOTHING, format!("no group of errors has an id like {digits}"))),
        1 => found.pop().ok_or_else(|| Failure::new(Failure::NOTHING, "no such group")),
        several => {
            for group in &found {
                output.write(&format!("{}  {}\n", group.id(), escape(group.title())))?;
            }
            Err(Failure::new(Failure::SEVERAL, format!("{several} groups have an id like {digits}; give more of it")))
        }
    }
}

fn named(group: &Group) -> String {
    format!("{} {}", short(group), escape(group.title()))
}

fn list(args: &Errors, groups: &Groups, output: &mut Output) -> Result<(), Failure> {
    let now = now();
    let since = args.since(now)?;
    let mut found = groups.list()?;
    found.retain(|group| group.last_unix_ns() >= since && args.state.is_none_or(|state| state.is(group.state(now))));
    match args.sort {
        Sort::Last => {}
        Sort::First => found.sort_by_key(|group| std::cmp::Reverse(group.first_unix_ns())),
        Sort::Count => found.sort_by_key(|group| std::cmp::Reverse(group.count())),
        Sort::Users => found.sort_by_key(|group| std::cmp::Reverse(group.users())),
    }
    if found.is_empty() {
        return Err(Failure::new(Failure::NOTHING, "no group of errors is like that"));
    }
    if !args.common.json {
        let head = format!("{:<8}  {:>7}  {:>6}  {:>6}  {:>6}  {:<9}", "group", "count", "users", "last", "first", "state");
        output.write(&format!("{head:LEFT$}what\n"))?;
    }
    let left_out = found.len().saturating_sub(args.limit);
    for group in found.iter().take(args.limit) {
        output.write(&if args.common.json { object(group, now, None) } else { rows(group, now, output.width()) })?;
    }
    output.flush()?;
    if left_out > 0 {
        output.complain(&format!("{left_out} more; -n shows them"));
    }
    Ok(())
}

/// A group in two or three lines: numbers and what it is called; its first cause; where it was seen, and in which releases.
fn rows(group: &Group, now: u64, width: usize) -> String {
    let state = group.state(now);
    let numbers = format!(
        "{:<8}  {:>7}  {:>6}  {:>6}  {:>6}  {:<9}",
        short(group),
        group.count(),
        users(group),
        age(now, group.last_unix_ns()),
        age(now, group.first_unix_ns()),
        state.as_str(),
    );
    let room = width.saturating_sub(LEFT).max(20);
    let mut out = format!("{numbers:LEFT$}{}\n", cut(&escape(group.title()).to_string(), room));
    if let Some((_, cause)) = group.components().filter(|(label, _)| *label == "cause").last() {
        let _ = writeln!(out, "{:LEFT$}{}", "", cut(&format!("caused by: {}", escape(short_type(cause))), room));
    }
    let mut routes: Vec<String> = group.routes().take(3).map(|(route, _)| escape(route).to_string()).collect();
    if group.routes().len() > routes.len() {
        routes.push(format!("{} more", group.routes().len() - routes.len()));
    }
    let where_and_when: Vec<String> = [routes.join(", "), releases(group)].into_iter().filter(|text| !text.is_empty()).collect();
    if !where_and_when.is_empty() {
        let _ = writeln!(out, "{:LEFT$}{}", "", cut(&where_and_when.join(" · "), room));
    }
    out
}

/// Without the path of the type that it begins with.
fn short_type(cause: &str) -> &str {
    let type_name = cause.split_once(": ").map_or("", |(type_name, _)| type_name);
    let is_path = !type_name.contains(|char: char| char.is_whitespace() || char == '<');
    type_name.rfind("::").filter(|_| is_path).and_then(|at| cause.get(at + 2..)).unwrap_or(cause)
}

/// The first and the last release.
fn releases(group: &Group) -> String {
    let name = |release: Option<&campanile::store::Release>| release.map(|it| escape(&it.name).to_string());
    match (name(group.releases().next()), name(group.releases().last())) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}"),
        (Some(only), _) => only,
        _ => String::new(),
    }
}

/// Enough digits to tell it from others, and few enough to type.
pub(crate) fn short(group: &Group) -> String {
    group.id().to_short()
}

/// How many users, with a mark where it is only about right.
pub(crate) fn users(group: &Group) -> String {
    format!("{}{}", if group.users_are_exact() { "" } else { "~" }, group.users())
}

/// A group as one JSON object in a line, with the span ids of requests where they are told.
pub(crate) fn object(group: &Group, now: u64, requests: Option<&[String]>) -> String {
    let moment = |unix_ns: u64| at_utc(unix_ns);
    let routes: Vec<_> = group.routes().map(|(route, count)| json!({ "route": route, "count": count })).collect();
    let releases: Vec<_> = group
        .releases()
        .map(|it| {
            let (first, last) = (moment(it.first_unix_ns), moment(it.last_unix_ns));
            json!({ "release": it.name, "count": it.count, "first_seen": first, "last_seen": last })
        })
        .collect();
    let components: Vec<_> = group.components().map(|(label, text)| json!({ "label": label, "text": text })).collect();
    let mut object = json!({
        "group": group.id().to_string(),
        "title": group.title(),
        "state": group.state(now).as_str(),
        "count": group.count(),
        "users": group.users(),
        "users_are_exact": group.users_are_exact(),
        "first_seen": moment(group.first_unix_ns()),
        "last_seen": moment(group.last_unix_ns()),
        "resolved": group.resolved_unix_ns().map(moment),
        "resolved_in": group.resolved_release(),
        "regressed": group.regressed_unix_ns().map(moment),
        "routes": routes,
        "releases": releases,
        "components": components,
    });
    if let (Some(requests), Some(object)) = (requests, object.as_object_mut()) {
        object.insert("requests".to_owned(), json!(requests));
    }
    full::line(object)
}

/// How long ago, in a few cells.
fn age(now: u64, unix_ns: u64) -> String {
    let seconds = now.saturating_sub(unix_ns) / 1_000_000_000;
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// What the history says about a group's state.
pub(crate) fn standing(group: &Group, now: u64) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(resolved) = group.resolved_unix_ns() {
        let release = group.resolved_release().map(|release| format!(", in release {}", escape(release))).unwrap_or_default();
        rows.push(("resolved", format!("{}{release}", at(resolved))));
    }
    if let (GroupState::Regressed, Some(regressed)) = (group.state(now), group.regressed_unix_ns()) {
        rows.push(("regressed", at(regressed)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        let now = 10 * 86_400 * 1_000_000_000;
        for (seconds, text) in [(0, "now"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86_400 * 3, "3 d")] {
            assert_eq!(age(now, now - seconds * 1_000_000_000), text);
        }
        assert_eq!(age(0, 5), "now", "a clock may be late");
    }
}
