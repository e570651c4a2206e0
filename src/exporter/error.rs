//! What can go wrong while records are carried out.

use std::error::Error;
use std::fmt;

use crate::record::Reason;

/// Records of a batch that were lost, and why.
#[derive(Debug)]
pub struct ExportError {
    reason: Reason,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ExportError {
    /// A loss for `reason`; `message` is one lower-case sentence.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The reason that the loss is counted under.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<std::io::Error> for ExportError {
    fn from(error: std::io::Error) -> Self {
        Self::new(Reason::SinkIoError, "cannot write").because(error)
    }
}
