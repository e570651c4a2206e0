//! Counts values row by row.

use std::collections::HashMap;
use std::time::Instant;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::Search;
use super::count::{Count, Counts};
use crate::query::Facet;
use crate::record::GroupId;
use crate::store::rows::Rows;
use crate::store::{codec, schema, turns};

/// Different values that are counted, at most.
pub(super) const MAX_VALUES: usize = 10_000;
/// A longer value is not counted by itself, in bytes.
pub(super) const MAX_VALUE_BYTES: usize = 256;
/// Rows between two looks at the clock.
pub(super) const STEP: u64 = 128;

pub(super) struct Counting<'a> {
    facets: &'a [Facet],
    options: &'a Count,
    started: Instant,
    /// Of each facet.
    tallies: Vec<Tally>,
    /// Records that match.
    records: u64,
    is_late: bool,
    /// Rows that were read.
    rows: u64,
}

/// Where the value of a row is.
enum Place {
    /// In the column of this number.
    Column(usize),
    /// With who wrote it, by this name.
    Resource(&'static str),
    /// In what has to be decoded.
    Record,
}

impl<'a> Counting<'a> {
    pub(super) fn new(facets: &'a [Facet], options: &'a Count) -> Self {
        let tallies = facets.iter().map(|_| Tally::default()).collect();
        Self { facets, options, started: Instant::now(), tallies, records: 0, is_late: false, rows: 0 }
    }

    /// Counts these rows: all of them match. Only what no column tells is decoded.
    pub(super) fn rows(
        &mut self,
        connection: &Connection,
        rows: &mut Rows<'_>,
        from: &str,
        binds: Vec<Value>,
    ) -> rusqlite::Result<()> {
        let column = |facet: &Facet| facet.column(schema::has_groups(rows.version));
        let is_decoded = self.facets.iter().any(|facet| column(facet).is_none() && facet.resource_attribute().is_none());
        let mut selected = vec!["id", "resource", if is_decoded { "data" } else { "NULL" }];
        let mut place = |facet: &Facet| match column(facet) {
            Some(column) => {
                selected.push(column);
                Place::Column(selected.len() - 1)
            }
            None => facet.resource_attribute().map_or(Place::Record, Place::Resource),
        };
        let places: Vec<_> = self.facets.iter().map(&mut place).collect();
        let mut decoded = self.facets.iter().zip(&places).filter(|(_, place)| matches!(place, Place::Record));
        if is_decoded && decoded.all(|(facet, _)| facet.is_attribute()) {
            rows.decode = codec::decode_start;
        }
        let is_of_resource = places.iter().any(|place| matches!(place, Place::Resource(_)));
        let mut statement = connection.prepare_cached(&format!("SELECT {} FROM {from}", selected.join(", ")))?;
        let mut found = statement.query(params_from_iter(binds))?;
        while self.goes_on()
            && let Some(row) = found.next()?
        {
            let stored = if is_decoded { rows.stored(connection, row)? } else { None };
            if is_decoded && stored.is_none() {
                rows.damaged = true;
                self.pass_row();
                continue;
            }
            let resource = if is_of_resource { Some(rows.resource(connection, row.get(1)?)?) } else { None };
            for ((facet, place), tally) in self.facets.iter().zip(&places).zip(&mut self.tallies) {
                match place {
                    Place::Column(at) => match row.get_ref(*at)? {
                        ValueRef::Text(text) => tally.add(std::str::from_utf8(text).ok()),
                        ValueRef::Integer(number) => tally.add(Some(&number.to_string())),
                        ValueRef::Blob(bytes) => {
                            let group = bytes.first_chunk().map(|bytes| GroupId(u64::from_be_bytes(*bytes)).to_string());
                            tally.add(group.as_deref());
                        }
                        _ => {}
                    },
                    Place::Resource(name) => tally.add(resource.as_ref().and_then(|resource| resource.attribute(name))),
                    Place::Record => {
                        let value = stored.as_ref().and_then(|stored| facet.of(stored.resource(), stored.record()));
                        tally.add(value.as_deref());
                    }
                }
            }
            self.records += 1;
            self.pass_row();
        }
        Ok(())
    }

    /// Counts the records of these rows that match.
    pub(super) fn records(
        &mut self,
        connection: &Connection,
        rows: &mut Rows<'_>,
        from: &str,
        binds: Vec<Value>,
        search: &Search<'_>,
    ) -> rusqlite::Result<()> {
        rows.each(connection, &format!("SELECT id, resource, data FROM {from}"), binds, |_, stored| {
            if let Some(stored) = stored.filter(|stored| search.matches(stored)) {
                for (facet, tally) in self.facets.iter().zip(&mut self.tallies) {
                    tally.add(facet.of(stored.resource(), stored.record()).as_deref());
                }
                self.records += 1;
            }
            self.pass_row();
            self.goes_on()
        })
    }

    pub(super) fn goes_on(&self) -> bool {
        self.records < self.options.records && !self.is_late
    }

    fn pass_row(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(STEP) {
            self.look_at_the_clock();
        }
    }

    pub(super) fn look_at_the_clock(&mut self) {
        turns::take();
        self.is_late = self.started.elapsed() > self.options.within;
    }

    /// Of each facet.
    pub(super) fn done(self) -> Vec<Counts> {
        let Self { tallies, records, is_late, .. } = self;
        tallies.into_iter().map(|tally| tally.done(records, is_late)).collect()
    }
}

/// The values of one facet.
#[derive(Default)]
struct Tally {
    values: HashMap<Box<str>, u64>,
    others: u64,
}

impl Tally {
    fn add(&mut self, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        if let Some(count) = self.values.get_mut(value) {
            *count += 1;
        } else if self.values.len() < MAX_VALUES && value.len() <= MAX_VALUE_BYTES {
            self.values.insert(value.into(), 1);
        } else {
            self.others += 1;
        }
    }

    fn done(self, records: u64, is_late: bool) -> Counts {
        let mut values: Vec<_> = self.values.into_iter().map(|(value, count)| (value.into(), count)).collect();
        values.sort_unstable_by(|one: &(String, u64), other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        Counts { values, records, others: self.others, is_late }
    }
}
