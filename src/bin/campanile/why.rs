//! `campanile why`: what makes a group one, its history, and requests to look at.

use std::fmt::Write as _;
use std::path::Path;

use campanile::exporter::escape;
use campanile::page::status;
use campanile::query::Query;
use campanile::store::{Find, Group, Groups, Reader, Stored};

use crate::args::Why;
use crate::errors::{none_yet, object, one, standing, users};
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::render::{at, moment, now};

/// Cells of the words on the left.
const LABEL: usize = 10;

/// Finds a group and explains it.
pub(crate) fn run(args: &Why, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let directory = place::find(store)?;
    let groups = Groups::open(&directory).map_err(none_yet)?;
    let group = one(&groups, &args.group, output)?;
    let mut warnings = Vec::new();
    // The history outlives the requests.
    let requests = match Reader::open(&directory) {
        Ok(mut reader) => {
            let found = reader.find(&Query::parse(&format!("group:{}", group.id()))?, &Find::with_limit(args.limit))?;
            warnings.extend_from_slice(reader.warnings());
            found
        }
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    if args.common.json {
        let ids: Vec<_> = requests.iter().map(|stored| stored.record().span_id().to_string()).collect();
        output.write(&object(&group, now(), Some(&ids)))?;
    } else {
        output.write(&text(&group, &requests))?;
    }
    output.flush()?;
    for warning in &warnings {
        output.complain(warning);
    }
    Ok(())
}

fn text(group: &Group, requests: &[Stored]) -> String {
    let now = now();
    let mut out = String::new();
    let _ = writeln!(out, "{}  {}\n{}\n", group.id(), group.state(now).as_str(), escape(group.title()));
    let many = |count: u64, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let by = if group.users() == 0 {
        String::new()
    } else {
        format!(" by {} user{}", users(group), if group.users() == 1 { "" } else { "s" })
    };
    row(&mut out, "seen", &format!("{}{by}", many(group.count(), "time")));
    row(&mut out, "first", &seen(group.first_unix_ns(), group.releases().next().map(|it| it.name.as_str())));
    let last = group.releases().max_by_key(|release| release.last_unix_ns);
    row(&mut out, "last", &seen(group.last_unix_ns(), last.map(|it| it.name.as_str())));
    for (label, text) in standing(group, now) {
        row(&mut out, label, &text);
    }
    block(&mut out, "routes", group.routes().map(|(route, count)| format!("{count:>7}  {}", escape(route))));
    let releases = group
        .releases()
        .map(|it| format!("{:>7}  {}, {} to {}", it.count, escape(&it.name), at(it.first_unix_ns), at(it.last_unix_ns)));
    block(&mut out, "releases", releases);
    let parts = group.components().map(|(label, text)| format!("{:<9} {}", escape(label).to_string(), escape(text)));
    block(&mut out, "made of", parts);
    let shown = requests.iter().map(|stored| {
        let record = stored.record();
        let place = escape(record.route().unwrap_or_else(|| record.path())).to_string();
        format!("{}  {}  {:>3}  {} {place}", record.span_id().to_short(), moment(record), status(record), escape(record.method()))
    });
    block(&mut out, "requests", shown);
    match requests.first() {
        Some(newest) => {
            let _ = writeln!(out, "\ncampanile show {} has all of the newest", newest.record().span_id().to_short());
        }
        None => out.push_str("\nNone of its requests is stored any more.\n"),
    }
    out
}

fn seen(unix_ns: u64, release: Option<&str>) -> String {
    let release = release.map(|release| format!(", in {}", escape(release))).unwrap_or_default();
    format!("{}{release}", at(unix_ns))
}

fn row(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "{label:LABEL$}{text}");
}

fn block(out: &mut String, label: &str, rows: impl Iterator<Item = String>) {
    for (index, text) in rows.enumerate() {
        if index == 0 {
            out.push('\n');
        }
        row(out, if index == 0 { label } else { "" }, text.trim_end());
    }
}
