//! One request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Response;
use http::header::{CONTENT_DISPOSITION, HeaderValue};
use serde_json::{Value as Json, json};

use super::target;
use crate::archive::{Format, Share, Writer};
use crate::page;
use crate::query::Query;
use crate::record::Record;
use crate::store::{Find, Groups, Reader, Scan, Stored};
use crate::viewer::answer;
use crate::viewer::body::Body;
use crate::viewer::core::Core;
use crate::viewer::detail;
use crate::viewer::json::ms;
use crate::viewer::pool::{Desk, WITHIN};
use crate::viewer::problem::Problem;
use crate::viewer::rows::row;

/// Requests that an id may stand for, as the page lists them.
const MAX_MATCHES: usize = 100;
/// Characters in a line of the page as text.
const WIDTH: usize = 100;

/// Everything about it, and what stands before and behind it.
pub(super) async fn event(core: &Arc<Core>, id: &str) -> Result<Json, Problem> {
    let id = checked(id)?;
    let shared = Arc::clone(core);
    core.pool
        .run_quick(move |desk| {
            let mut found = find(desk, &id)?;
            if found.len() > 1 {
                found.truncate(MAX_MATCHES);
                return Ok(json!({ "matches": found.iter().map(row).collect::<Vec<_>>() }));
            }
            let stored = found.pop().ok_or_else(Problem::not_found)?;
            let alike = alike(desk, stored.record());
            let Some(reader) = desk.reader()? else { return Err(Problem::not_found()) };
            let mut record = detail::record(&stored, &shared.sources);
            record.insert("fate".to_owned(), json!(page::fate_of(reader, stored.record())?));
            let later = page::outside(reader, stored.record())?;
            record.insert("later".to_owned(), later.iter().map(|it| outside(it, stored.record())).collect::<Vec<_>>().into());
            record.insert("replay".to_owned(), target::told(stored.record()));
            let (previous, next) = neighbours(reader, stored.record())?;
            Ok(json!({
                "record": record, "previous": previous, "next": next, "alike": alike, "warnings": reader.warnings(),
            }))
        })
        .await
}

/// What its trace did outside it, as that page says it too.
fn outside(stored: &Stored, record: &Record) -> Json {
    let mut row = row(stored);
    let after = stored.record().start_unix_ns().saturating_sub(record.start_unix_ns());
    row.insert("after_ms".to_owned(), ms(after));
    row.insert("lines".to_owned(), json!(page::lines_outside(stored.record())));
    Json::Object(row)
}

/// The page that `campanile show` prints.
pub(in crate::viewer) async fn text(core: &Arc<Core>, id: &str) -> Result<String, Problem> {
    let id = checked(id)?;
    core.pool
        .run_quick(move |desk| {
            let stored = one(desk, &id)?;
            let Some(reader) = desk.reader()? else { return Err(Problem::not_found()) };
            Ok(page::text(reader, &stored, WIDTH)?)
        })
        .await
}

/// The request as a file of this kind.
pub(in crate::viewer) async fn file(core: &Arc<Core>, id: &str, kind: &'static str) -> Result<Response<Body>, Problem> {
    match kind {
        "txt" => text(core, id).await.map(answer::text),
        "json" => {
            let id = checked(id)?;
            let json = core.pool.run_quick(move |desk| Ok(page::json(&one(desk, &id)?))).await?;
            Ok(answer::of(http::StatusCode::OK, answer::JSON, Body::whole(json)))
        }
        _ => {
            let id = checked(id)?;
            let packed = move |desk: &mut Desk| {
                let stored = one(desk, &id)?;
                Ok((stored.record().span_id().to_short(), packed(&stored, kind)?))
            };
            let (short, bytes) = core.pool.run_quick(packed).await?;
            let media_type = if kind == "zip" { "application/zip" } else { answer::JSON };
            let mut response = answer::of(http::StatusCode::OK, media_type, Body::whole(bytes));
            let name = format!("attachment; filename=\"{short}.{kind}\"");
            if let Ok(name) = HeaderValue::try_from(name) {
                response.headers_mut().insert(CONTENT_DISPOSITION, name);
            }
            Ok(response)
        }
    }
}

/// The request as an HTTP archive, or as a share with its page.
fn packed(stored: &Stored, kind: &str) -> Result<Vec<u8>, Problem> {
    let failed = |error: std::io::Error| Problem::failed(format!("it cannot be written: {error}"));
    if kind == "zip" {
        let mut bytes = Vec::new();
        let share = Share::new().with_pages(|stored| page::of(stored, WIDTH));
        share.write(&mut bytes, |take| take(stored)).map_err(failed)?;
        return Ok(bytes);
    }
    let mut writer = Writer::new(Format::Har, Vec::new());
    writer.write(stored).and_then(|()| writer.finish()).map_err(failed)
}

/// An id is digits: the start of a short one, a UUID, or a trace's. Anything else is nobody's.
pub(super) fn checked(id: &str) -> Result<String, Problem> {
    let is_digits = id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_uuid = id.len() == 36 && id.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    let is_one =
        (is_digits && (8..=32).contains(&id.len())) || (is_uuid && id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()));
    if is_one { Ok(id.to_ascii_lowercase()) } else { Err(Problem::not_found()) }
}

/// What an id stands for, newest first.
pub(super) fn find(desk: &mut Desk, id: &str) -> Result<Vec<Stored>, Problem> {
    match desk.reader()? {
        Some(reader) => Ok(page::find(reader, id)?),
        None => Ok(Vec::new()),
    }
}

/// The one that it stands for.
pub(super) fn one(desk: &mut Desk, id: &str) -> Result<Stored, Problem> {
    let mut found = find(desk, id)?;
    if found.len() > 1 {
        return Err(Problem::wrong(format!("{} requests have this id: give more of it", found.len())));
    }
    found.pop().ok_or_else(Problem::not_found)
}

/// How often its failure was seen.
fn alike(desk: &Desk, record: &Record) -> Option<u64> {
    let group = record.group()?.to_string();
    let found = Groups::open(desk.directory()).ok()?.starting_with(&group).ok()?;
    found.first().map(crate::store::Group::count)
}

/// The requests of the same route before it and behind it.
fn neighbours(reader: &mut Reader, record: &Record) -> Result<(Option<String>, Option<String>), Problem> {
    let Some(route) = record.route() else { return Ok((None, None)) };
    let quoted = route.replace('\\', "\\\\").replace('"', "\\\"");
    let Ok(query) = Query::parse(&format!("kind:request route:\"{quoted}\"")) else { return Ok((None, None)) };
    let mut options = Find::with_limit(1);
    (options.within, options.before_unix_ns) = (WITHIN / 4, Some(record.start_unix_ns()));
    let before = reader.find(&query, &options)?.pop();
    let behind = first_behind(reader, &query, record)?;
    let id = |stored: &Stored| stored.record().span_id().to_string();
    Ok((before.as_ref().map(id), behind))
}

/// The first one behind it: in windows that get longer, as the store is read from its end.
fn first_behind(reader: &mut Reader, query: &Query, record: &Record) -> Result<Option<String>, Problem> {
    let (started, within) = (Instant::now(), WITHIN / 4);
    let mut from = record.start_unix_ns().saturating_add(1);
    let mut width = Duration::from_millis(100);
    let now = crate::time::unix_ns();
    while from <= now && started.elapsed() < within {
        let before = from.saturating_add(u64::try_from(width.as_nanos()).unwrap_or(u64::MAX));
        let mut scan = Scan::of(query);
        (scan.from_unix_ns, scan.before_unix_ns) = (Some(from), Some(before));
        let mut first: Option<(u64, String)> = None;
        reader.scan(&scan, within.saturating_sub(started.elapsed()), |stored| {
            let start = stored.record().start_unix_ns();
            if first.as_ref().is_none_or(|(known, _)| start < *known) {
                first = Some((start, stored.record().span_id().to_string()));
            }
            true
        })?;
        if let Some((_, id)) = first {
            return Ok(Some(id));
        }
        (from, width) = (before, width * 10);
    }
    Ok(None)
}
