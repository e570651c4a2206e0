//! What is known of one group.

use rusqlite::{Connection, Row, params};

use super::users::Users;
use crate::query::number_column as number;
use crate::record::{GroupId, Record};
use crate::store::codec::{decode_pairs, encode_pairs};

/// Routes that are told one by one, and releases.
const MAX_ROUTES: usize = 16;
const MAX_RELEASES: usize = 16;
/// Bytes of one of their names.
const MAX_NAME_BYTES: usize = 120;
const MAX_TITLE_BYTES: usize = 240;
/// Parts of the fingerprint that are kept, and bytes of each.
const MAX_COMPONENTS: usize = 16;
const MAX_COMPONENT_BYTES: usize = 300;
const DAY_NS: u64 = 24 * 60 * 60 * 1_000_000_000;

/// A group of errors with its history.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) id: GroupId,
    pub(super) title: String,
    pub(super) components: Vec<(String, String)>,
    pub(super) first_unix_ns: u64,
    pub(super) last_unix_ns: u64,
    pub(super) count: u64,
    pub(super) routes: Vec<(String, u64)>,
    pub(super) releases: Vec<Release>,
    pub(super) users: Users,
    pub(super) resolved_unix_ns: Option<u64>,
    pub(super) resolved_release: Option<String>,
    pub(super) regressed_unix_ns: Option<u64>,
}

/// A release of the application that a group was seen in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// `service.version`, with the revision of the sources behind a `+` where it is known.
    pub name: String,
    /// When the group was first seen in it, in nanoseconds since 1970.
    pub first_unix_ns: u64,
    /// When it was last seen in it, in nanoseconds since 1970.
    pub last_unix_ns: u64,
    /// How often.
    pub count: u64,
}

/// How a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupState {
    /// First seen less than a day ago.
    New,
    /// Seen for longer, and not resolved.
    Open,
    /// Resolved, and not seen since.
    Resolved,
    /// Resolved, and seen again.
    Regressed,
}

impl GroupState {
    /// The word that every output uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Regressed => "regressed",
        }
    }
}

impl Group {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> GroupId {
        self.id
    }

    /// What people call it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What made its fingerprint: labels and texts, as in [`Fingerprint::components`](crate::group::Fingerprint::components).
    pub fn components(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.components.iter().map(|(label, text)| (label.as_str(), text.as_str()))
    }

    /// When it was first seen, in nanoseconds since 1970.
    #[must_use]
    pub const fn first_unix_ns(&self) -> u64 {
        self.first_unix_ns
    }

    /// When it was last seen, in nanoseconds since 1970.
    #[must_use]
    pub const fn last_unix_ns(&self) -> u64 {
        self.last_unix_ns
    }

    /// How many records belong to it.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Different values of `user.id`: exact up to 128, then about.
    ///
    /// The store has no id here, only 32 bits of a hash of each. That is pseudonymous, not anonymous: where ids are few or can
    /// be guessed, whoever can read the store can try out which of them are among these.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.users.count()
    }

    /// Whether [`users`](Self::users) is exact.
    #[must_use]
    pub const fn users_are_exact(&self) -> bool {
        self.users.is_exact()
    }

    /// Routes that it was seen on, and how often; at most 16, those that came first.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.routes.iter().map(|(route, count)| (route.as_str(), *count))
    }

    /// Releases that it was seen in, in the order in which it was: the first one and the latest 15.
    pub fn releases(&self) -> impl ExactSizeIterator<Item = &Release> {
        self.releases.iter()
    }

    /// How it stands at this moment, in nanoseconds since 1970.
    #[must_use]
    pub const fn state(&self, now_unix_ns: u64) -> GroupState {
        match (self.resolved_unix_ns, self.regressed_unix_ns) {
            (Some(_), Some(_)) => GroupState::Regressed,
            (Some(_), None) => GroupState::Resolved,
            (None, _) if now_unix_ns.saturating_sub(self.first_unix_ns) < DAY_NS => GroupState::New,
            (None, _) => GroupState::Open,
        }
    }

    /// When it was resolved, in nanoseconds since 1970.
    #[must_use]
    pub const fn resolved_unix_ns(&self) -> Option<u64> {
        self.resolved_unix_ns
    }

    /// The release that resolved it, where one was named.
    #[must_use]
    pub fn resolved_release(&self) -> Option<&str> {
        self.resolved_release.as_deref()
    }

    /// When it was first seen after it was resolved, in nanoseconds since 1970.
    #[must_use]
    pub const fn regressed_unix_ns(&self) -> Option<u64> {
        self.regressed_unix_ns
    }

    /// One that was not seen yet.
    pub(super) fn new<'a>(id: GroupId, title: &str, components: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let components =
            components.take(MAX_COMPONENTS).map(|(label, text)| (label.to_owned(), cut(text, MAX_COMPONENT_BYTES).to_owned()));
        Self {
            id,
            title: cut(title, MAX_TITLE_BYTES).to_owned(),
            components: components.collect(),
            first_unix_ns: u64::MAX,
            last_unix_ns: 0,
            count: 0,
            routes: Vec::new(),
            releases: Vec::new(),
            users: Users::default(),
            resolved_unix_ns: None,
            resolved_release: None,
            regressed_unix_ns: None,
        }
    }

    /// Whether it is known what made its fingerprint.
    pub(super) const fn is_described(&self) -> bool {
        !self.components.is_empty()
    }

    /// Calls it what `other` is called, and takes over what made its fingerprint.
    pub(super) fn describe_as(&mut self, other: Self) {
        (self.title, self.components) = (other.title, other.components);
    }

    /// Counts one record.
    pub(in crate::store) fn see_record(&mut self, record: &Record, release: Option<&str>) {
        let user = record.attribute("user.id").map(|user| user.to_string());
        let route = record.rpc_method().or_else(|| record.route());
        self.see(record.end_unix_ns(), route, release, user.as_deref());
    }

    /// The group when so many of its records are gone: what it was called and whom it met is told by those that are left.
    pub(in crate::store) fn told_from(self, left: Self, gone: u64) -> Self {
        Self {
            count: self.count.saturating_sub(gone).max(left.count),
            title: left.title,
            components: left.components,
            routes: left.routes,
            users: left.users,
            last_unix_ns: left.last_unix_ns,
            ..self
        }
    }

    fn see(&mut self, unix_ns: u64, route: Option<&str>, release: Option<&str>, user: Option<&str>) {
        self.first_unix_ns = self.first_unix_ns.min(unix_ns);
        self.last_unix_ns = self.last_unix_ns.max(unix_ns);
        self.count += 1;
        if let Some(route) = route {
            self.add_route(route, 1);
        }
        if let Some(name) = release {
            let name = cut(name, MAX_NAME_BYTES).to_owned();
            self.add_release(Release { name, first_unix_ns: unix_ns, last_unix_ns: unix_ns, count: 1 });
        }
        if let Some(user) = user {
            self.users.add(user);
        }
    }

    /// Adds what was seen meanwhile; its names are the newer ones.
    pub(super) fn add(&mut self, other: Self) {
        if other.is_described() || !self.is_described() {
            self.title = other.title;
            self.components = other.components;
        }
        self.first_unix_ns = self.first_unix_ns.min(other.first_unix_ns);
        self.last_unix_ns = self.last_unix_ns.max(other.last_unix_ns);
        self.count = self.count.saturating_add(other.count);
        other.routes.iter().for_each(|(route, count)| self.add_route(route, *count));
        other.releases.into_iter().for_each(|release| self.add_release(release));
        self.users.merge(&other.users);
    }

    fn add_route(&mut self, route: &str, count: u64) {
        let route = cut(route, MAX_NAME_BYTES);
        if let Some((_, known)) = self.routes.iter_mut().find(|(known, _)| known == route) {
            *known = known.saturating_add(count);
        } else if self.routes.len() < MAX_ROUTES {
            self.routes.push((route.to_owned(), count));
        }
    }

    fn add_release(&mut self, release: Release) {
        if let Some(known) = self.releases.iter_mut().find(|known| known.name == release.name) {
            known.first_unix_ns = known.first_unix_ns.min(release.first_unix_ns);
            known.last_unix_ns = known.last_unix_ns.max(release.last_unix_ns);
            known.count = known.count.saturating_add(release.count);
        } else {
            self.releases.push(release);
        }
        self.releases.sort_by_key(|release| release.first_unix_ns);
        if self.releases.len() > MAX_RELEASES {
            // Where it all began is worth more than what came right after it.
            self.releases.remove(1);
        }
    }

    /// The columns that [`read`](Self::read) wants, in its order.
    pub(super) const COLUMNS: &str = "id, title, components, first_unix_ns, last_unix_ns, count, routes, releases, users,
        resolved_unix_ns, resolved_release, regressed_unix_ns";

    /// From a row of [`COLUMNS`](Self::COLUMNS).
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let unsigned = |at: usize| row.get::<_, i64>(at).map(|value| u64::try_from(value).unwrap_or_default());
        let optional =
            |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.and_then(|value| u64::try_from(value).ok()));
        let blob = |at: usize| Ok::<_, rusqlite::Error>(row.get_ref(at)?.as_blob().unwrap_or_default());
        let routes = decode_pairs(blob(6)?).into_iter().map(|(route, count)| (route, count.parse().unwrap_or_default()));
        let releases = decode_pairs(blob(7)?).into_iter().map(|(name, numbers)| {
            let mut numbers = numbers.split(' ').map(|number| number.parse().unwrap_or_default());
            let mut next = || numbers.next().unwrap_or_default();
            Release { name, first_unix_ns: next(), last_unix_ns: next(), count: next() }
        });
        Ok(Self {
            id: GroupId(u64::from_be_bytes(row.get(0)?)),
            title: row.get(1)?,
            components: decode_pairs(blob(2)?).into_iter().take(MAX_COMPONENTS).collect(),
            first_unix_ns: unsigned(3)?,
            last_unix_ns: unsigned(4)?,
            count: unsigned(5)?,
            routes: routes.take(MAX_ROUTES).collect(),
            releases: releases.take(MAX_RELEASES).collect(),
            users: Users::of_bytes(blob(8)?),
            resolved_unix_ns: optional(9)?,
            resolved_release: row.get(10)?,
            regressed_unix_ns: optional(11)?,
        })
    }

    /// Writes it over what was there.
    pub(in crate::store) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let routes: Vec<_> = self.routes.iter().map(|(route, count)| (route.as_str(), count.to_string())).collect();
        let releases: Vec<_> = self
            .releases
            .iter()
            .map(|it| (it.name.as_str(), format!("{} {} {}", it.first_unix_ns, it.last_unix_ns, it.count)))
            .collect();
        let sql = format!("INSERT OR REPLACE INTO error_group({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", Self::COLUMNS);
        connection.prepare_cached(&sql)?.execute(params![
            self.id.0.to_be_bytes(),
            self.title,
            encode_pairs(self.components()),
            number(self.first_unix_ns),
            number(self.last_unix_ns),
            number(self.count),
            encode_pairs(routes.iter().map(|(name, text)| (*name, text.as_str()))),
            encode_pairs(releases.iter().map(|(name, text)| (*name, text.as_str()))),
            self.users.to_bytes(),
            self.resolved_unix_ns.map(number),
            self.resolved_release,
            self.regressed_unix_ns.map(number),
        ])?;
        Ok(())
    }
}

pub(super) fn cut(text: &str, max: usize) -> &str {
    crate::record::parts::cut_at(text, max).0
}
