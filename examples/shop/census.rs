//! Counts records by kind, to check that every request was recorded.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use campanile::exporter::{Batch, ExportError, Exporter};
use campanile::record::Kind;

#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    requests: Arc<AtomicU64>,
}

impl Census {
    /// Requests that were recorded so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Exporter for Census {
    fn export(&mut self, batch: &Batch<'_>) -> Result<(), ExportError> {
        let requests = batch.records().filter(|record| record.kind() == Kind::Request).count();
        self.requests.fetch_add(requests as u64, Ordering::Relaxed);
        Ok(())
    }

    fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed("census")
    }
}
