//! The same route as the build before served it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::event::{checked, one};
use crate::query::{Query, quoted};
use crate::record::{Record, Resource};
use crate::store::{Find, Reader, Stored};
use crate::viewer::core::Core;
use crate::viewer::params::Params;
use crate::viewer::pool::WITHIN;
use crate::viewer::problem::Problem;
use crate::viewer::rows::row;

/// Requests that are looked at, newest first.
const MAX: usize = 500;
const RELEASE: [&str; 2] = ["service.version", "vcs.ref.head.revision"];
const INSTANCE: &str = "service.instance.id";
const SERVICE: &str = "service.name";

/// The newest request of the same method and route that ended well and was recorded by a build before; where none did, the
/// newest that did not. A build before is another release, or a process that recorded nothing more when this request came.
pub(super) async fn earlier(core: &Arc<Core>, params: &Params) -> Result<Json, Problem> {
    let id = checked(params.text("id").unwrap_or_default())?;
    core.pool
        .run(move |desk| {
            let stored = one(desk, &id)?;
            let Some(reader) = desk.reader()? else { return Err(Problem::not_found()) };
            if stored.record().method().is_empty() {
                return Err(Problem::wrong("it is no request"));
            }
            let mut search = Search { stored: &stored, has_ended: HashMap::new() };
            let well = search.first(reader, "status<400", |record| !record.is_failed())?;
            let found = match well {
                Some(found) => Some((found, true)),
                None => search.first(reader, "", |_| true)?.map(|found| (found, false)),
            };
            Ok(match found {
                Some((found, is_well)) => json!({
                    "earlier": row(&found),
                    "by": if is_other_release(found.resource(), stored.resource()) { "release" } else { "process" },
                    "release": release(found.resource()), "this_release": release(stored.resource()), "is_well": is_well,
                    "warnings": reader.warnings(),
                }),
                None => json!({ "earlier": null, "this_release": release(stored.resource()), "warnings": reader.warnings() }),
            })
        })
        .await
}

struct Search<'a> {
    stored: &'a Stored,
    /// Instances by whether they recorded nothing more when the request came.
    has_ended: HashMap<String, bool>,
}

impl Search<'_> {
    fn first(&mut self, reader: &mut Reader, more: &str, is_wanted: fn(&Record) -> bool) -> Result<Option<Stored>, Problem> {
        let (record, resource) = (self.stored.record(), self.stored.resource());
        let place = match record.route() {
            Some(route) => format!("route:{}", quoted(route)),
            None => format!("path:{}", quoted(record.path())),
        };
        let mut query = format!("kind:request method:{} {place} {more}", quoted(record.method()));
        for (key, name) in [("service", SERVICE), ("-instance", INSTANCE)] {
            if let Some(value) = resource.attribute(name) {
                query.push_str(&format!(" {key}:{}", quoted(value)));
            }
        }
        // Whatever it holds that no query can say, nothing is like it.
        let Ok(query) = Query::parse(&query) else { return Ok(None) };
        let mut options = Find::with_limit(MAX);
        (options.within, options.before_unix_ns) = (WITHIN / 4, Some(record.start_unix_ns()));
        for found in reader.find(&query, &options)? {
            if is_wanted(found.record()) && self.is_of_a_build_before(reader, &found)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn is_of_a_build_before(&mut self, reader: &mut Reader, found: &Stored) -> Result<bool, Problem> {
        if is_other_release(found.resource(), self.stored.resource()) {
            return Ok(true);
        }
        // Without a name nobody can tell which process it was.
        let Some(instance) = found.resource().attribute(INSTANCE) else { return Ok(false) };
        if self.stored.resource().attribute(INSTANCE).is_none_or(|own| own == instance) {
            return Ok(false);
        }
        if let Some(known) = self.has_ended.get(instance) {
            return Ok(*known);
        }
        let since = self.stored.record().start_unix_ns();
        let last = match Query::parse(&format!("instance:{}", quoted(instance))) {
            Ok(query) => {
                let mut options = Find::with_limit(1);
                options.within = Duration::from_millis(200);
                reader.find(&query, &options)?.pop()
            }
            Err(_) => None,
        };
        // Another process of the same release beside it is its twin.
        let has_ended = last.is_some_and(|last| last.record().start_unix_ns() < since);
        self.has_ended.insert(instance.to_owned(), has_ended);
        Ok(has_ended)
    }
}

/// Whether both tell their release, and not the same.
fn is_other_release(one: &Resource, other: &Resource) -> bool {
    RELEASE.iter().any(|name| one.attribute(name).zip(other.attribute(name)).is_some_and(|(one, other)| one != other))
}

/// Version and revision, as far as they are known.
fn release(resource: &Resource) -> Option<String> {
    let parts: Vec<_> = RELEASE.iter().filter_map(|name| resource.attribute(name)).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}
