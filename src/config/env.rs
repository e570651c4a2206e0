//! The environment as a value, so that nothing depends on the process it runs in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

/// Names and values of environment variables.
///
/// `Debug` shows the names only.
#[derive(Clone, Default)]
pub struct Env {
    variables: BTreeMap<String, OsString>,
}

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// Sets `key` to `value`, unless it is set already; empty counts as unset.
    ///
    /// # Example
    /// ```
    /// let env = campanile::Env::of_process().or("OTEL_SERVICE_NAME", "shop").or("CAMPANILE_STORE", "off");
    /// let telemetry = campanile::builder().env(env).build()?;
    /// # drop(telemetry);
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    #[must_use]
    pub fn or(mut self, key: impl Into<String>, value: impl Into<OsString>) -> Self {
        let known = self.variables.entry(key.into()).or_default();
        if known.is_empty() {
            *known = value.into();
        }
        self
    }

    /// All names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// The value of `key`; empty counts as unset. One that is not Unicode is unset too, with a warning.
    pub(crate) fn text(&self, key: &str, warnings: &mut Warnings) -> Option<&str> {
        let value = self.variables.get(key)?;
        if value.is_empty() {
            return None;
        }
        let text = value.to_str();
        if text.is_none() {
            warnings.push(key, "is not Unicode and is ignored");
        }
        text
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let variables = pairs.into_iter().filter_map(|(key, value)| Some((key.into().into_string().ok()?, value.into())));
        Self { variables: variables.collect() }
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// Settings that were not followed, one sentence each; no sentence holds a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Warnings(Vec<String>);

impl Warnings {
    /// `problem` completes the sentence "KEY …".
    pub(crate) fn push(&mut self, key: &str, problem: impl fmt::Display) {
        self.0.push(format!("{key} {problem}"));
    }

    pub(crate) fn into_inner(self) -> Vec<String> {
        self.0
    }
}
