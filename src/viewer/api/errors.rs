//! Groups of failures with one cause.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json, json};

use super::asked::Asked;
use super::diff;
use crate::contrast;
use crate::query::{Facet, Query};
use crate::store::{Count, Error, Find, Group, Groups, Scan};
use crate::viewer::core::Core;
use crate::viewer::json::ms;
use crate::viewer::params::Params;
use crate::viewer::pool::{Desk, WITHIN};
use crate::viewer::problem::Problem;
use crate::viewer::rows::row;

/// Groups in one answer, those that were seen last.
const MAX_GROUPS: usize = 500;
const MAX_EXAMPLES: usize = 20;
const HOUR_NS: u64 = 60 * 60 * 1_000_000_000;
/// Hours of history.
const MAX_HOURS: u64 = 7 * 24;

/// The groups, those that were seen last first; with a query, those of what matches, and how many of each.
pub(super) async fn errors(core: &Core, params: &Params) -> Result<Json, Problem> {
    let Asked { query, notice } = Asked::of(params)?;
    core.pool
        .run(move |desk| {
            let groups = groups(desk, Groups::list)?;
            let mut warnings = Vec::new();
            let mut matching: Option<HashMap<String, u64>> = None;
            if !query.is_empty()
                && let (Ok(facet), Some(reader)) = (Facet::parse("group"), desk.reader()?)
            {
                let options = Count { within: WITHIN, ..Count::default() };
                let counts = reader.count(&facet, &query, &options)?;
                matching = Some(counts.values().map(|(value, count)| (value.to_owned(), count)).collect());
                warnings = reader.warnings().to_vec();
            }
            let shown = groups.iter().filter_map(|it| {
                let id = it.id().to_string();
                let count = match &matching {
                    Some(matching) => Some(*matching.get(&id)?),
                    None => None,
                };
                let mut group = group(it);
                group.insert("matching".to_owned(), json!(count));
                Some(group)
            });
            let shown: Vec<_> = shown.take(MAX_GROUPS).collect();
            Ok(json!({ "groups": shown, "all": groups.len(), "warnings": warnings, "notice": notice }))
        })
        .await
}

/// One group: its history, requests of it, and what is different about them.
pub(super) async fn one(core: &Core, id: &str) -> Result<Json, Problem> {
    let is_id = (4..=16).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = if is_id { id.to_ascii_lowercase() } else { return Err(Problem::not_found()) };
    core.pool
        .run(move |desk| {
            let mut found = groups(desk, |groups| groups.starting_with(&id))?;
            if found.len() > 1 {
                return Ok(json!({ "groups": found.iter().map(group).collect::<Vec<_>>() }));
            }
            let known = found.pop().ok_or_else(Problem::not_found)?;
            let query = Query::parse(&format!("group:{}", known.id())).map_err(|error| Problem::failed(error.message()))?;
            let (mut examples, mut hours, mut different, mut warnings) = (Vec::new(), Vec::new(), Json::Null, Vec::new());
            if let Some(reader) = desk.reader()? {
                let mut options = Find::with_limit(MAX_EXAMPLES);
                options.within = WITHIN / 4;
                examples = reader.find(&query, &options)?.iter().map(row).collect();
                let last = known.last_unix_ns() / HOUR_NS;
                let mut scan = Scan::of(&query);
                scan.from_unix_ns = Some(last.saturating_sub(MAX_HOURS).saturating_mul(HOUR_NS));
                let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
                reader.scan(&scan, WITHIN / 4, |stored| {
                    *counts.entry(stored.record().start_unix_ns() / HOUR_NS).or_default() += 1;
                    true
                })?;
                hours = counts.into_iter().map(|(hour, count)| json!([ms(hour * HOUR_NS), count])).collect();
                let mut options = contrast::Options::default();
                (options.within, options.max_rest) = (WITHIN / 2, 20_000);
                different = diff::json(&contrast::of(reader, &query, &options, |_| {})?);
                warnings = reader.warnings().to_vec();
            }
            let mut answer = group(&known);
            let more = [
                ("examples", Json::from(examples)),
                ("hours", Json::from(hours)),
                ("different", different),
                ("warnings", json!(warnings)),
            ];
            answer.extend(more.map(|(name, value)| (name.to_owned(), value)));
            Ok(Json::Object(answer))
        })
        .await
}

fn groups(desk: &Desk, ask: impl FnOnce(&Groups) -> Result<Vec<Group>, Error>) -> Result<Vec<Group>, Problem> {
    match Groups::open(desk.directory()) {
        Ok(groups) => Ok(ask(&groups)?),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn group(group: &Group) -> Map<String, Json> {
    let releases = group.releases().map(|release| {
        json!({
            "name": release.name, "count": release.count,
            "first_ms": ms(release.first_unix_ns), "last_ms": ms(release.last_unix_ns),
        })
    });
    let pairs = [
        ("id", json!(group.id().to_string())),
        ("title", json!(group.title())),
        ("state", json!(group.state(crate::time::unix_ns()).as_str())),
        ("count", json!(group.count())),
        ("users", json!(group.users())),
        ("users_are_exact", json!(group.users_are_exact())),
        ("first_ms", ms(group.first_unix_ns())),
        ("last_ms", ms(group.last_unix_ns())),
        ("resolved_ms", group.resolved_unix_ns().map_or(Json::Null, ms)),
        ("resolved_release", json!(group.resolved_release())),
        ("regressed_ms", group.regressed_unix_ns().map_or(Json::Null, ms)),
        ("routes", group.routes().map(|(route, count)| json!({ "route": route, "count": count })).collect()),
        ("releases", releases.collect()),
        ("made_of", group.components().map(|(label, text)| json!([label, text])).collect()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
