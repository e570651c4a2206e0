//! A segment as it is without some of its records.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use crate::query::{kind_word, number_column as number};
use crate::record::Kind;
use crate::store::blocks::{Block, Builder};
use crate::store::directory::Directory;
use crate::store::reader::PURGED;
use crate::store::rows::{Rows, Stored};
use crate::store::schema;
use crate::store::segment::{NOTHING_LEFT, open_to_write};

/// The copy while it is made. It goes with this, unless it was finished and has its name.
#[derive(Debug)]
pub(super) struct Copy {
    directory: Directory,
    /// The file's name.
    file: String,
    connection: Option<Connection>,
    /// Versions that have blocks; what was copied and is in none yet.
    blocks: Option<Builder>,
    /// The number of the last row that was looked at.
    last: i64,
    rows: u64,
    resources: HashSet<i64>,
    /// Rows that are reports, which the application may take out at any time.
    reports: Vec<i64>,
}

impl Copy {
    pub(super) fn begin(directory: &Directory, file: String, version: i32) -> Result<Self, crate::store::Error> {
        directory.create_private(&file)?;
        let mut copy = Self {
            directory: directory.clone(),
            file,
            connection: None,
            blocks: schema::has_blocks(version).then(|| Builder::new(1)),
            last: 0,
            rows: 0,
            resources: HashSet::new(),
            reports: Vec::new(),
        };
        copy.open(version).map_err(|error| crate::store::segment::failed(error, "cannot write a copy of it"))?;
        Ok(copy)
    }

    /// Nobody knows the file yet, and one that is not finished is thrown away, so that it needs no journal.
    fn open(&mut self, version: i32) -> rusqlite::Result<()> {
        let connection = open_to_write(&self.path())?;
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; {NOTHING_LEFT}"
        ))?;
        connection.execute_batch("BEGIN")?;
        schema::create_as(&connection, version)?;
        connection.execute_batch("COMMIT")?;
        self.connection = Some(connection);
        Ok(())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join(&self.file)
    }

    /// The number of the last row that was looked at.
    pub(super) const fn last(&self) -> i64 {
        self.last
    }

    /// Copies the rows behind the last one, up to this one, but for those that go. One that cannot be read stays.
    pub(super) fn take(
        &mut self,
        source: &Connection,
        rows: &mut Rows<'_>,
        end: i64,
        mut goes: impl FnMut(&Stored) -> bool,
    ) -> rusqlite::Result<u64> {
        let Some(connection) = &self.connection else { return Ok(0) };
        let transaction = connection.unchecked_transaction()?;
        let mut select =
            source.prepare_cached("SELECT id, resource, data, * FROM record WHERE id > ? AND id <= ? ORDER BY id")?;
        let columns = select.column_count().saturating_sub(3);
        let places = vec!["?"; columns].join(", ");
        let mut insert = transaction.prepare_cached(&format!("INSERT INTO record VALUES ({places})"))?;
        let mut found = select.query([self.last, end])?;
        let mut gone = 0;
        while let Some(row) = found.next()? {
            let id: i64 = row.get(0)?;
            let stored = rows.stored(source, row)?;
            if stored.as_ref().is_some_and(&mut goes) {
                gone += 1;
                continue;
            }
            for column in 0..columns {
                let value: ValueRef<'_> = row.get_ref(column + 3)?;
                insert.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(value))?;
            }
            insert.raw_execute()?;
            self.rows += 1;
            self.resources.insert(row.get(1)?);
            let Some(stored) = stored else { continue };
            if stored.record().kind() == Kind::Partial {
                self.reports.push(id);
            }
            if let Some(blocks) = &mut self.blocks {
                let full = [blocks.skip_to(id), blocks.add(stored.record())];
                full.iter().flatten().try_for_each(|block| block.write(&transaction))?;
            }
        }
        self.last = end;
        drop(insert);
        transaction.commit()?;
        Ok(gone)
    }

    /// Copies what stands beside the records, takes reports out that the original has no more, and leaves a whole file. False
    /// where nothing is in it.
    pub(super) fn finish(&mut self, source: &Connection, gone: u64, now_unix_ns: u64) -> rusqlite::Result<bool> {
        let Some(connection) = self.connection.take() else { return Ok(false) };
        let transaction = connection.unchecked_transaction()?;
        for id in &self.reports {
            let mut is_there = source.prepare_cached("SELECT 1 FROM record WHERE id = ? AND kind = ?")?;
            if !is_there.exists((id, kind_word(Kind::Partial)))? {
                transaction.prepare_cached("DELETE FROM record WHERE id = ?")?.execute([id])?;
                self.rows = self.rows.saturating_sub(1);
            }
        }
        for id in &self.resources {
            let attributes: Option<Vec<u8>> = source
                .prepare_cached("SELECT attributes FROM resource WHERE id = ?")?
                .query_row([id], |row| row.get(0))
                .optional()?;
            if let Some(attributes) = attributes {
                transaction.prepare_cached("INSERT INTO resource VALUES (?, ?)")?.execute((id, attributes))?;
            }
        }
        let mut losses = false;
        let mut select = source.prepare("SELECT id, record, unix_ns, reason, count FROM loss")?;
        let mut found = select.query([])?;
        while let Some(row) = found.next()? {
            let values = (0..5).map(|column| row.get::<_, Value>(column)).collect::<rusqlite::Result<Vec<_>>>()?;
            losses |= values.get(3) != Some(&Value::Text(PURGED.to_owned()));
            transaction.prepare_cached("INSERT INTO loss VALUES (?, ?, ?, ?, ?)")?.execute(params_from_iter(values))?;
        }
        // Not what went, but that it did: a number that is missing is not taken for one that was lost.
        transaction.execute(
            "INSERT INTO loss(record, unix_ns, reason, count) VALUES (?, ?, ?, ?)",
            (self.last, number(now_unix_ns), PURGED, number(gone)),
        )?;
        let last: Option<Block> = self.blocks.as_mut().and_then(Builder::finish);
        last.iter().try_for_each(|block| block.write(&transaction))?;
        transaction.commit()?;
        // As every other segment, so that reports can be taken out of it while it is read.
        connection.execute_batch("PRAGMA journal_mode = WAL;")?;
        connection.close().map_err(|(_, error)| error)?;
        Ok(self.rows > 0 || losses)
    }

    /// Waits until it is on the disk.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        File::open(self.path())?.sync_all()
    }

    /// Puts it where the original is.
    pub(super) fn rename(&self, to: &Path) -> std::io::Result<()> {
        fs::rename(self.path(), to)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        drop(self.connection.take());
        self.directory.remove_file_and_beside(&self.file);
    }
}
