//! Tells the history of groups anew from the records that are left.

use std::collections::HashMap;

use rusqlite::TransactionBehavior;
use rusqlite::limits::Limit;

use crate::query::Query;
use crate::record::GroupId;
use crate::store::directory::{Directory, GROUPS};
use crate::store::groups::{Writable, described, group, open_writable};
use crate::store::segment::{NOTHING_LEFT, failed};
use crate::store::{Error, Find, Reader};

/// Records of a group that are looked at, at most; the newest.
const MAX_RECORDS: usize = 1000;

/// For groups of which so many records went. Says how many groups are gone, and how many bytes.
pub(super) fn tell_anew(directory: &Directory, gone: &HashMap<GroupId, u64>) -> Result<(u64, u64), Error> {
    if gone.is_empty() || !directory.path().join(GROUPS).exists() {
        return Ok((0, 0));
    }
    let before = directory.bytes_of_groups();
    let Writable::Ready(mut connection) = open_writable(directory)? else {
        return Err(Error::new(crate::store::error::Kind::Io, format!("{GROUPS} cannot be written and stays as it is")));
    };
    let cannot = |error| failed(error, format!("{GROUPS} cannot be written anew"));
    connection.busy_timeout(super::exchange::PATIENCE).map_err(cannot)?;
    connection.execute_batch(NOTHING_LEFT).map_err(cannot)?;
    let mut reader = match Reader::open(directory.path()) {
        Ok(reader) => Some(reader),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for (id, gone) in gone {
        let left = match &mut reader {
            Some(reader) => {
                let query = Query::parse(&format!("group:{id}")).unwrap_or_default();
                reader.find(&query, &Find::with_limit(MAX_RECORDS))?
            }
            None => Vec::new(),
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(cannot)?;
        let Some(known) = group(&transaction, *id).map_err(cannot)? else { continue };
        if let Some(newest) = left.first() {
            let mut told = described(*id, newest.record());
            left.iter().for_each(|stored| told.see_record(stored.record(), None));
            known.told_from(told, *gone).write(&transaction).map_err(cannot)?;
        } else {
            transaction.execute("DELETE FROM error_group WHERE id = ?", [id.0.to_be_bytes()]).map_err(cannot)?;
            removed += 1;
        }
        transaction.commit().map_err(cannot)?;
    }
    // Applications keep this file open, so it is rewritten in itself: afterwards there is neither a free page in it nor a log.
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1).map_err(cannot)?;
    connection.execute_batch("VACUUM").map_err(cannot)?;
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)).map_err(cannot)?;
    drop(connection);
    if is_busy != 0 {
        let message = format!("{GROUPS} was rewritten, but somebody has been reading its log for too long: purge again");
        return Err(Error::new(crate::store::error::Kind::Busy, message));
    }
    Ok((removed, before.saturating_sub(directory.bytes_of_groups())))
}
