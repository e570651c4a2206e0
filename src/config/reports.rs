//! How often it is reported what is still running.

use std::time::Duration;

use super::Builder;
use super::value::Reader;
use crate::capture::ReportSettings;

const KEY: &str = "CAMPANILE_REPORT_EVERY";

impl Builder {
    /// Time between two reports about a request that is still running.
    ///
    /// The store and the [console](crate::exporter::Console) are given them, and whoever else
    /// [wants them](crate::exporter::Exporter::wants_partial): a first one after 0.4 s, by which `campanile ps` knows of a
    /// request that hangs, then one every so often, or after 1,000 frames of its body. The console has a line for those
    /// from the second on, with pauses that double up to 5 min. They are counted nowhere, and the request's own record
    /// follows. Zero: none are made, and `campanile ps` is empty.
    ///
    /// # Default
    /// 10 s.
    pub fn report_every(mut self, interval: Duration) -> Self {
        self.report_every = Some(interval);
        self
    }
}

/// What the environment asks for.
pub(super) fn read(reader: &mut Reader<'_>) -> ReportSettings {
    if reader.text(KEY).is_some_and(|text| text.eq_ignore_ascii_case("off")) {
        return ReportSettings { every: None };
    }
    ReportSettings { every: reader.duration(KEY).or(Some(ReportSettings::DEFAULT_EVERY)) }
}

/// What code asks for wins.
pub(super) fn apply(every: Option<Duration>, settings: &mut ReportSettings) {
    if let Some(every) = every {
        settings.every = Some(every).filter(|every| !every.is_zero());
    }
}
