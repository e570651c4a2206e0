//! Writes records into the embedded store, where the command line reads them.
//!
//! Records are committed a tenth of a second after they arrive, many in one transaction, so that they can be read within
//! two tenths; a crash of the process loses what was not committed, a power cut up to the last second. A file that can
//! no longer be written is set aside and another begun; what could not be stored is counted and noted in the store, so
//! that readers see the gap. To see that it works: `campanile tail`.

use std::borrow::Cow;
use std::time::Duration;

use super::{Batch, ExportError, Exporter, Pace};
use crate::record::Reason;
use crate::store::Store;

/// Writes records into the embedded store.
#[derive(Debug)]
pub struct StoreExporter {
    store: Store,
}

impl StoreExporter {
    /// Writes to this store.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Exporter for StoreExporter {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let lost = self.store.append(batch.records(), batch.resource(), batch.lost_before()).map_err(|error| {
            let reason = if error.is_disk_full() { Reason::DiskFloor } else { Reason::SinkIoError };
            ExportError::new(reason, "cannot write to the store").because(error)
        })?;
        for (reason, count) in lost.iter() {
            batch.lose(reason, count);
        }
        Ok(())
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("store")
    }

    fn wants_partial(&self) -> bool {
        true
    }

    fn pace(&self) -> Pace {
        Pace { max_delay: Duration::from_millis(100), ..Pace::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::exporter::Patience;
    use crate::record::{Losses, Record, Resource};
    use crate::store::{Find, Reader, Settings};

    struct Shared(Record);

    impl AsRef<Record> for Shared {
        fn as_ref(&self) -> &Record {
            &self.0
        }
    }

    #[test]
    fn what_is_exported_can_be_read_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let mut exporter = StoreExporter::new(Store::open(Settings::new(directory.path())).unwrap());
        let records: Vec<Arc<dyn AsRef<Record> + Send + Sync>> =
            (0..20).map(|_| Arc::new(Shared(Record::new(Box::default()))) as _).collect();
        let (resource, patience) = (Resource::default(), Patience::default());
        let mut lost = Losses::default();
        lost.add(Reason::QueueFull, 3);
        let batch = Batch::new(&records, &resource, &lost, &patience);
        exporter.export(&batch).unwrap();
        assert_eq!(batch.given_up().total(), 0);
        let mut reader = Reader::open(directory.path()).unwrap();
        assert_eq!(reader.find(&Default::default(), &Find::default()).unwrap().len(), 20);
        assert_eq!(reader.gaps(0).unwrap()[0].losses(), &lost);
    }
}
