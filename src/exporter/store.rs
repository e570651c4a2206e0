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

    fn pace(&self) -> Pace {
        Pace { max_delay: Duration::from_millis(100), ..Pace::default() }
    }
}
