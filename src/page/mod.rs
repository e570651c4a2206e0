//! The page of one request: everything that its record holds, as people read it.
//!
//! What `campanile show` prints and the local page shows as text. Data in it steers no terminal: what would is escaped.

mod backtrace;
mod body;
mod fate;
mod json;
mod load;
mod sections;
mod spread;
mod timeline;
pub mod units;
mod words;

use crate::record::{Kind, Record};
use crate::store::{Error, Reader, Stored};

pub use self::fate::process;
pub use self::json::json;
pub use self::spread::Spread;
pub use self::words::status;
pub use crate::escape::visible_json;

/// The page of one record, in lines of so many characters where that can be helped.
///
/// The store is asked for what belongs to it: what its trace did outside any request, and for a request that has no
/// record what became of it.
///
/// # Errors
/// When the store cannot be read.
///
/// # Example
/// ```no_run
/// use campanile::page;
/// use campanile::store::Reader;
///
/// let mut reader = Reader::open(".campanile")?;
/// for stored in page::find(&mut reader, "b7ad6b71")? {
///     eprintln!("{}", page::text(&mut reader, &stored, 100)?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn text(reader: &mut Reader, stored: &Stored, width: usize) -> Result<String, Error> {
    let record = stored.record();
    let later = outside(reader, record)?;
    let fate = fate_of(reader, record)?;
    Ok(sections::page(record, stored.resource(), fate.as_deref(), &later, width))
}

/// The page of one record as it stands: the store is asked for nothing.
#[must_use]
pub fn of(stored: &Stored, width: usize) -> String {
    sections::page(stored.record(), stored.resource(), None, &[], width)
}

/// The records that an id names, newest first: of those that [`Reader::by_id`] finds, the requests; where there are none,
/// what is known of those without a record; else what happened outside any request. What is not found is taken for the start
/// of a request id or trace id, where it has 4 characters and is not a whole UUID.
///
/// # Errors
/// When the store cannot be read.
pub fn find(reader: &mut Reader, id: &str) -> Result<Vec<Stored>, Error> {
    let mut found = reader.by_id(id)?;
    if found.is_empty() && (4..36).contains(&id.len()) {
        found = reader.by_start_of_id(id)?;
    }
    for kind in [Kind::Request, Kind::Partial] {
        if found.iter().any(|stored| stored.record().kind() == kind) {
            found.retain(|stored| stored.record().kind() == kind);
            break;
        }
    }
    Ok(found)
}

/// What became of a request that has no record.
pub(crate) fn fate_of(reader: &mut Reader, record: &Record) -> Result<Option<String>, Error> {
    if record.kind() != Kind::Partial {
        return Ok(None);
    }
    let all = reader.unfinished()?;
    Ok(all.iter().find(|it| it.record().span_id() == record.span_id()).map(fate::fate))
}

/// What happened in the same trace outside any request: work that a request left behind. Oldest first.
pub(crate) fn outside(reader: &mut Reader, record: &Record) -> Result<Vec<Stored>, Error> {
    let Some(trace) = record.trace_id() else { return Ok(Vec::new()) };
    let mut found = reader.by_id(&trace.to_string())?;
    found.retain(|stored| !matches!(stored.record().kind(), Kind::Request | Kind::Partial));
    found.sort_by_key(|stored| stored.record().start_unix_ns());
    Ok(found)
}

/// What of it the page says where it happened outside a request, a line for each call, span and event.
#[cfg(feature = "viewer")]
pub(crate) fn lines_outside(outside: &Record) -> Vec<String> {
    sections::said_outside(outside)
}
