//! What can go wrong while a telemetry pipeline is built.

use std::error::Error;
use std::fmt;

/// A setting that cannot be followed.
///
/// Names the key and says what to write instead; never shows the value, which may be a secret.
#[derive(Debug)]
pub struct BuildError {
    key: String,
    problem: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BuildError {
    /// `problem` completes the sentence "KEY …", such as "needs a scheme: write http:// or https:// before the host".
    pub(crate) fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { key: key.into(), problem: problem.into(), source: None }
    }

    /// The same for a setting that goes by another name.
    #[must_use]
    pub(crate) fn of(self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self }
    }

    /// Adds the cause.
    #[must_use]
    pub(crate) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The environment variable or builder method that was set.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.problem)
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
