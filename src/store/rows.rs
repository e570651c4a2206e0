//! From rows to records.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, Row, params_from_iter, types::Value};

use super::blocks::Layout;
use super::directory::Name;
use super::segment::is_damage;
use super::{Error, codec, turns};
use crate::record::{Record, Resource};

/// A record as it was stored.
#[derive(Debug)]
pub struct Stored {
    record: Record,
    resource: Arc<Resource>,
}

impl Stored {
    /// The record.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Who wrote it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }
}

/// Turns rows into records.
pub(super) struct Rows<'a> {
    pub(super) name: &'a Name,
    /// The version of the tables.
    pub(super) version: i32,
    /// What is known of its blocks.
    pub(super) layout: Layout,
    pub(super) resources: &'a mut HashMap<(Name, i64), Arc<Resource>>,
    /// The one that was wanted last, and its row.
    pub(super) resource: Option<(i64, Arc<Resource>)>,
    /// Whether a record could not be read.
    pub(super) damaged: bool,
    /// Reads a record, or the start of one.
    pub(super) decode: fn(&[u8]) -> Result<Record, Error>,
}

impl Rows<'_> {
    /// Hands over each row's number and record until told to stop; `None` for a record that cannot be read.
    pub(super) fn each(
        &mut self,
        connection: &Connection,
        sql: &str,
        binds: Vec<Value>,
        mut take: impl FnMut(i64, Option<Stored>) -> bool,
    ) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(binds))?;
        while let Some(row) = rows.next()? {
            turns::take();
            let stored = self.stored(connection, row)?;
            self.damaged |= stored.is_none();
            if !take(row.get(0)?, stored) {
                break;
            }
        }
        Ok(())
    }

    /// Hands over the records of the rows whose numbers this selects, as [`each`](Self::each) does.
    pub(super) fn each_of(
        &mut self,
        connection: &Connection,
        sql: &str,
        binds: Vec<Value>,
        mut take: impl FnMut(Option<Stored>) -> bool,
    ) -> rusqlite::Result<()> {
        let mut numbers = connection.prepare_cached(sql)?;
        let mut numbers = numbers.query(params_from_iter(binds))?;
        let mut one = connection.prepare_cached("SELECT id, resource, data FROM record WHERE id = ?")?;
        while let Some(row) = numbers.next()? {
            turns::take();
            let mut rows = one.query([row.get::<_, i64>(0)?])?;
            let stored = match rows.next() {
                Ok(Some(row)) => self.stored(connection, row)?,
                // A report may have been replaced meanwhile.
                Ok(None) => continue,
                Err(error) if is_damage(&error) => None,
                Err(error) => return Err(error),
            };
            self.damaged |= stored.is_none();
            if !take(stored) {
                break;
            }
        }
        Ok(())
    }

    /// From a row that begins with the number, the resource and the record.
    pub(super) fn stored(&mut self, connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<Stored>> {
        let Ok(record) = (self.decode)(row.get_ref(2)?.as_blob().unwrap_or_default()) else { return Ok(None) };
        let resource = self.resource(connection, row.get(1)?)?;
        Ok(Some(Stored { record, resource }))
    }

    pub(super) fn resource(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<Arc<Resource>> {
        if let Some((known, resource)) = &self.resource
            && *known == row
        {
            return Ok(Arc::clone(resource));
        }
        let resource = self.resource_of(connection, row)?;
        self.resource = Some((row, Arc::clone(&resource)));
        Ok(resource)
    }

    fn resource_of(&mut self, connection: &Connection, row: i64) -> rusqlite::Result<Arc<Resource>> {
        let key = (self.name.clone(), row);
        if let Some(known) = self.resources.get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut statement = connection.prepare_cached("SELECT attributes FROM resource WHERE id = ?")?;
        let attributes: Vec<u8> = statement.query_map([row], |row| row.get(0))?.next().transpose()?.unwrap_or_default();
        let mut resource = Resource::default();
        for (name, value) in codec::decode_pairs(&attributes) {
            resource.set(name, value);
        }
        let resource = Arc::new(resource);
        self.resources.insert(key, Arc::clone(&resource));
        Ok(resource)
    }
}
