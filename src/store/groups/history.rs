//! Writes the history, while the store is written.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior, params};

use super::file::{self, Groups, Writable};
use super::row::{Group, cut};
use crate::group::Fingerprint;
use crate::query::number_column as number;
use crate::record::{GroupId, Record, Resource};
use crate::store::directory::Directory;
use crate::store::segment::is_damage;

/// Groups whose sightings wait in memory, at most.
const MAX_PENDING: usize = 1000;
/// Bytes of the store for each group.
const BYTES_PER_GROUP: u64 = 16 * 1024;
/// Releases whose order is known.
const MAX_RELEASES: i64 = 1000;
/// How long a file that could not be written is left in peace.
const PAUSE: Duration = Duration::from_secs(5);

/// The history of groups while it is written.
#[derive(Debug)]
pub(in crate::store) struct History {
    directory: Directory,
    max_groups: u64,
    connection: Option<Connection>,
    pending: BTreeMap<GroupId, Group>,
    /// What speaks, and the release that was noted of it.
    release: Option<String>,
    noted: Option<String>,
    /// Not before then, after a failure.
    not_before: Option<Instant>,
    /// The file is somebody else's.
    is_off: bool,
}

impl History {
    pub(in crate::store) fn new(directory: Directory, max_bytes: u64) -> Self {
        Self {
            directory,
            max_groups: (max_bytes / BYTES_PER_GROUP).min(Groups::MAX_GROUPS as u64),
            connection: None,
            pending: BTreeMap::new(),
            release: None,
            noted: None,
            not_before: None,
            is_off: false,
        }
    }

    /// Counts a record that belongs to a group, in memory.
    pub(in crate::store) fn see(&mut self, record: &Record, resource: &Resource) {
        let Some(id) = record.group().filter(|_| !self.is_off && !record.kind().is_ahead()) else { return };
        if self.release.is_none() {
            self.release = release(resource);
        }
        let is_known = self.pending.contains_key(&id);
        if !is_known && self.pending.len() >= MAX_PENDING {
            return;
        }
        let group = self.pending.entry(id).or_insert_with(|| described(id, record));
        if !group.is_described() && is_known {
            group.describe_as(described(id, record));
        }
        group.see_record(record, self.release.as_deref());
    }

    /// Writes what was seen, in one transaction; what cannot be written waits.
    pub(in crate::store) fn write(&mut self, resource: &Resource, now_unix_ns: u64) {
        if self.release.is_none() {
            self.release = release(resource);
        }
        let has_news = !self.pending.is_empty() || self.release != self.noted;
        let is_paused = self.not_before.is_some_and(|until| Instant::now() < until);
        if self.is_off || !has_news || is_paused || self.directory.is_nearly_full() {
            return;
        }
        match self.try_write(now_unix_ns) {
            Ok(()) => {
                self.pending.clear();
                self.noted.clone_from(&self.release);
                self.not_before = None;
            }
            Err(damage) => {
                self.connection = None;
                if damage {
                    self.directory.set_aside(file::NAME);
                }
                self.not_before = Some(Instant::now() + PAUSE);
            }
        }
    }

    /// Once more, without regard to what failed before.
    pub(in crate::store) fn write_at_last(&mut self, now_unix_ns: u64) {
        self.not_before = None;
        if !self.pending.is_empty() {
            self.write(&Resource::default(), now_unix_ns);
        }
    }

    /// The error tells whether the file is damaged.
    fn try_write(&mut self, now_unix_ns: u64) -> Result<(), bool> {
        // A file that was removed is begun anew, not written where nobody sees it.
        if !self.directory.path().join(file::NAME).exists() {
            self.connection = None;
        }
        if self.connection.is_none() {
            match file::open_writable(&self.directory) {
                Ok(Writable::Ready(connection)) => self.connection = Some(connection),
                Ok(Writable::Refused) => {
                    self.is_off = true;
                    self.pending.clear();
                    return Ok(());
                }
                Err(_) => return Err(false),
            }
        }
        let Some(connection) = &mut self.connection else { return Err(false) };
        let release = self.release.as_deref();
        commit(connection, &self.pending, release, now_unix_ns, self.max_groups).map_err(|error| is_damage(&error))
    }
}

fn commit(
    connection: &mut Connection,
    pending: &BTreeMap<GroupId, Group>,
    release: Option<&str>,
    now_unix_ns: u64,
    max_groups: u64,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(release) = release {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO release(name, first_unix_ns) VALUES (?, ?)")?
            .execute(params![release, number(now_unix_ns)])?;
        transaction
            .prepare_cached(
                "DELETE FROM release WHERE name IN (SELECT name FROM release ORDER BY first_unix_ns DESC LIMIT -1 OFFSET ?)",
            )?
            .execute([MAX_RELEASES])?;
    }
    let mut is_longer = false;
    for (id, seen) in pending {
        let known = file::group(&transaction, *id)?;
        is_longer |= known.is_none();
        let mut group = known.unwrap_or_else(|| Group::new(*id, "", std::iter::empty()));
        if group.regressed_unix_ns.is_none() && is_regression(&transaction, &group, seen, release)? {
            group.regressed_unix_ns = Some(seen.last_unix_ns);
        }
        group.add(seen.clone());
        group.write(&transaction)?;
    }
    if is_longer {
        prune(&transaction, max_groups)?;
    }
    transaction.commit()
}

/// Whether a group that was resolved was seen where it should not be any more.
fn is_regression(connection: &Connection, group: &Group, seen: &Group, release: Option<&str>) -> rusqlite::Result<bool> {
    let Some(resolved) = group.resolved_unix_ns else { return Ok(false) };
    let (Some(fixed), Some(release)) = (group.resolved_release.as_deref(), release) else {
        return Ok(seen.last_unix_ns > resolved);
    };
    if is_release(release, fixed) {
        return Ok(true);
    }
    let mut statement = connection.prepare_cached("SELECT name, first_unix_ns FROM release")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let known = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let first = |is: &dyn Fn(&str) -> bool| known.iter().filter(|(name, _)| is(name)).map(|(_, first)| *first).min();
    // Before the release is there that resolves it, every other one is an older one.
    let Some(fixed) = first(&|name| is_release(name, fixed)) else { return Ok(false) };
    Ok(first(&|name| name == release).is_none_or(|release| release > fixed))
}

/// Whether a release is what somebody calls it: by its whole name, its version, or at least 7 digits of its revision.
fn is_release(name: &str, called: &str) -> bool {
    let (version, revision) = name.rsplit_once('+').unwrap_or((name, name));
    name == called || version == called || called.len() >= 7 && (revision.starts_with(called) || called.starts_with(revision))
}

/// Removes what was seen least recently, unresolved groups first, and a little more, so as not to do it each time.
fn prune(connection: &Connection, max_groups: u64) -> rusqlite::Result<()> {
    let count: i64 = connection.query_row("SELECT count(*) FROM error_group", [], |row| row.get(0))?;
    let too_many = count - number(max_groups);
    if too_many > 0 {
        let sql = "DELETE FROM error_group WHERE id IN
                   (SELECT id FROM error_group ORDER BY resolved_unix_ns IS NOT NULL, last_unix_ns LIMIT ?)";
        connection.execute(sql, [too_many + number(max_groups / 100)])?;
    }
    Ok(())
}

/// The release that speaks: its version, and the revision of its sources.
fn release(resource: &Resource) -> Option<String> {
    let version = resource.attribute("service.version").filter(|version| !version.is_empty());
    let revision = resource.attribute("vcs.ref.head.revision").filter(|revision| !revision.is_empty());
    let short = |revision: &str| cut(revision, 12).to_owned();
    match (version, revision) {
        (Some(version), Some(revision)) if !version.contains(&short(revision)) => {
            Some(format!("{}+{}", cut(version, 100), short(revision)))
        }
        (Some(version), _) => Some(cut(version, 100).to_owned()),
        (None, Some(revision)) => Some(short(revision)),
        (None, None) => None,
    }
}

/// A group as this record shows it. Of a summary it may be unknown what made the fingerprint: the spans that the error
/// happened in are gone.
pub(in crate::store) fn described(id: GroupId, record: &Record) -> Group {
    let fingerprint = Fingerprint::of(record);
    let title = fingerprint.as_ref().map_or("", |fingerprint| fingerprint.title());
    let whole = fingerprint.iter().filter(|fingerprint| fingerprint.id() == id);
    let components = whole.flat_map(|fingerprint| fingerprint.components());
    Group::new(id, title, components.map(|component| (component.label(), component.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_a_version_and_a_revision_and_goes_by_either() {
        let named = |version: &str, revision: &str| {
            let mut resource = Resource::default();
            resource.set("service.version", version);
            resource.set("vcs.ref.head.revision", revision);
            release(&resource)
        };
        let revision = "9d59409acf479dfa0df1aa568182e43e43df8bbe";
        assert_eq!(named("1.4.2", revision).as_deref(), Some("1.4.2+9d59409acf47"));
        assert_eq!(named("1.4.2", "").as_deref(), Some("1.4.2"));
        assert_eq!(named("", revision).as_deref(), Some("9d59409acf47"));
        assert_eq!(named("1.4.2-9d59409acf47", revision).as_deref(), Some("1.4.2-9d59409acf47"));
        assert_eq!(named("", ""), None);
        for (called, expected) in [
            ("1.4.2", true),
            ("1.4.2+9d59409acf47", true),
            ("9d59409", true),
            (revision, true),
            ("9d59", false),
            ("1.4", false),
            ("1.4.20", false),
        ] {
            assert_eq!(is_release("1.4.2+9d59409acf47", called), expected, "{called}");
        }
        assert!(is_release("1.4.2", "1.4.2") && !is_release("1.4.2", "1.4.3"));
    }
}
