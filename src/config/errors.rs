//! What counts as an error.

use super::Builder;
#[cfg(feature = "viewer")]
use super::in_force::{InForce, yes};
use super::settings::Settings;

/// What is set in code, and wins.
#[derive(Debug, Default)]
pub(super) struct ErrorsInCode {
    client_errors: Option<bool>,
}

impl ErrorsInCode {
    pub(super) fn apply(self, settings: &mut Settings) {
        settings.client_errors = self.client_errors.unwrap_or(settings.client_errors);
    }

    #[cfg(feature = "viewer")]
    pub(super) fn tell(&self, all: &mut InForce) {
        all.code("CAMPANILE_CLIENT_ERRORS", self.client_errors, yes);
    }
}

impl Builder {
    /// Whether an answer that tells the client of a mistake of its own counts as failed: a 4xx, and every code of gRPC but
    /// `OK`. Its error is then an exception, its span has the status of an error, and its record is kept like that of any
    /// failure.
    ///
    /// # Default
    /// false, as the conventions have it for servers: only a 5xx, and what is an error of the server in gRPC.
    ///
    /// # Source
    /// OpenTelemetry semantic conventions 1.44.0, HTTP server spans, status.
    pub fn client_errors(mut self, count: bool) -> Self {
        self.errors.client_errors = Some(count);
        self
    }
}
