//! What the settings add to the table, and take from it.

use std::fmt;
use std::hash::RandomState;

use http::HeaderName;
use regex::bytes::{RegexBuilder, RegexSetBuilder};

use super::header::header_is_secret;
use super::key::{MAX_BYTES, OwnKeys, normal};
use super::path::{MAX_PATHS, Paths};
use super::rules::{OwnHeaders, Patterns, Rules};
use crate::error::BuildError;

/// Rules of redaction beside those that are always there; given to [`Builder::redact`](crate::Builder::redact).
///
/// Without any, known secrets are out: headers that are not known to be harmless, values of keys such as `password` and
/// `*_token` in queries, forms, JSON and fields, and in any text what looks like credentials, a JSON web token, a private
/// key, a user and password in a URL, a payment card or a well-known API key. `REDACTED` stands in their place.
///
/// `Debug` shows how many rules there are, and none of them.
///
/// # Example
/// ```
/// use campanile::Redact;
///
/// let redact = Redact::new()
///     .key("iban")
///     .path("$.user.email")
///     .pattern(r"\bCH\d{19}\b")
///     .show_key("page_token")
///     .show_header("x-tenant");
/// let telemetry = campanile::builder().redact(redact).build()?;
/// # drop(telemetry);
/// # Ok::<(), campanile::BuildError>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Redact {
    keys: Vec<String>,
    shown_keys: Vec<String>,
    paths: Vec<String>,
    patterns: Vec<String>,
    shown_headers: Vec<String>,
    hidden_headers: Vec<String>,
    has_hashes: bool,
    is_off: bool,
}

impl Redact {
    /// Most patterns.
    pub const MAX_PATTERNS: usize = 64;
    /// Most bytes of all patterns together, compiled.
    pub const MAX_PATTERN_BYTES: usize = 1024 * 1024;

    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of this key is a secret: in queries, forms, JSON at any depth, fields, attributes, and in text as
    /// `key=value`, `key: value` and `<key>value</key>`.
    ///
    /// Case, `-` and `_` do not matter, and of a name with segments such as `user.iban` the last one counts. A key that
    /// begins with `*` stands for all that end so. At most 32 letters and digits.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.keys.push(key.into());
        self
    }

    /// The value of this key is none, whatever the table says; for false alarms such as `page_token`.
    ///
    /// What looks like a secret is still taken out of it.
    pub fn show_key(mut self, key: impl Into<String>) -> Self {
        self.shown_keys.push(key.into());
        self
    }

    /// What is at this place of a JSON body is a secret: `$.user.email`, `$.items[*].note`, `$[0]`, `$.*.name`.
    ///
    /// Names are compared without case. Of a form, `$.name` is the field of that name. At most 64 paths.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// What this regular expression finds in any text is a secret. A number of a field or of JSON in which it finds
    /// something is one as a whole.
    ///
    /// The syntax is that of the crate `regex`, classes such as `\d` and `\w` are those of ASCII; its time is linear in
    /// the text. At most [`MAX_PATTERNS`](Self::MAX_PATTERNS), together at most
    /// [`MAX_PATTERN_BYTES`](Self::MAX_PATTERN_BYTES) when compiled.
    pub fn pattern(mut self, regex: impl Into<String>) -> Self {
        self.patterns.push(regex.into());
        self
    }

    /// Keeps the value of this header; by default only those of known, harmless ones are. Secrets that are known by their
    /// shape are still taken out of it.
    ///
    /// `authorization`, `cookie` and the like cannot be shown: that is an error.
    pub fn show_header(mut self, name: impl Into<String>) -> Self {
        self.shown_headers.push(name.into());
        self
    }

    /// Leaves the value of this header out, the names of cookies too, and [`Record::user_agent`](crate::record::Record::user_agent) with it where
    /// it is that one.
    pub fn hide_header(mut self, name: impl Into<String>) -> Self {
        self.hidden_headers.push(name.into());
        self
    }

    /// Whether each redaction carries a [short hash](crate::record::Redaction::hash) of what was taken out, so that equal
    /// secrets can be told from different ones. Its key is random and lives as long as the process.
    ///
    /// # Default
    /// False.
    pub fn hashes(mut self, has_hashes: bool) -> Self {
        self.has_hashes = has_hashes;
        self
    }

    /// Switches redaction off: secrets in queries, bodies, fields and messages go to every exporter as they are.
    ///
    /// Values of headers are left out all the same, but for those of [`show_header`](Self::show_header).
    pub fn export_secrets_in_clear_text(mut self) -> Self {
        self.is_off = true;
        self
    }

    /// Ready to use; `key` is how the setting is called that `patterns` came from.
    pub(crate) fn rules(&self) -> Result<Rules, BuildError> {
        if self.paths.len() > MAX_PATHS {
            return Err(BuildError::new("redact.path", format!("is given more than {MAX_PATHS} times")));
        }
        let mut paths = Paths::default();
        for (index, path) in self.paths.iter().enumerate() {
            if !paths.add(path) {
                let problem = format!("is not of the form $.name[*].name (number {})", index + 1);
                return Err(BuildError::new("redact.path", problem));
            }
        }
        let shown = headers("redact.show_header", &self.shown_headers)?;
        if let Some(secret) = shown.iter().find(|name| header_is_secret(name.as_str())) {
            return Err(BuildError::new("redact.show_header", format!("cannot show {secret}: it holds secrets")));
        }
        Ok(Rules {
            headers: OwnHeaders { shown, hidden: headers("redact.hide_header", &self.hidden_headers)? },
            keys: OwnKeys::new(keys("redact.key", &self.keys)?, keys("redact.show_key", &self.shown_keys)?),
            paths,
            patterns: patterns(&self.patterns)?,
            hasher: self.has_hashes.then(RandomState::new),
            is_off: self.is_off,
        })
    }
}

fn keys(setting: &str, keys: &[String]) -> Result<Vec<Box<str>>, BuildError> {
    let normal = |(index, key): (usize, &String)| {
        normal(key)
            .ok_or_else(|| BuildError::new(setting, format!("needs 1 to {MAX_BYTES} letters and digits (number {})", index + 1)))
    };
    keys.iter().enumerate().map(normal).collect()
}

fn headers(setting: &str, names: &[String]) -> Result<Vec<HeaderName>, BuildError> {
    let parse = |(index, name): (usize, &String)| {
        HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| BuildError::new(setting, format!("is not the name of a header (number {})", index + 1)))
    };
    names.iter().enumerate().map(parse).collect()
}

/// No cause is named: that of the engine shows the pattern, which may itself tell what is secret.
fn patterns(patterns: &[String]) -> Result<Option<Patterns>, BuildError> {
    const KEY: &str = "redact.pattern";
    const KIB: usize = Redact::MAX_PATTERN_BYTES / 1024;
    if patterns.is_empty() {
        return Ok(None);
    }
    if patterns.len() > Redact::MAX_PATTERNS {
        return Err(BuildError::new(KEY, format!("is given more than {} times", Redact::MAX_PATTERNS)));
    }
    let mut each = Vec::with_capacity(patterns.len());
    for (index, pattern) in patterns.iter().enumerate() {
        let built = RegexBuilder::new(pattern).unicode(false).size_limit(Redact::MAX_PATTERN_BYTES).build();
        each.push(built.map_err(|error| {
            let problem = match error {
                regex::Error::CompiledTooBig(_) => format!("is too large: compiled it takes more than {KIB} KiB"),
                _ => "is not a regular expression".to_owned(),
            };
            BuildError::new(KEY, format!("{problem} (number {})", index + 1))
        })?);
    }
    let any = RegexSetBuilder::new(patterns).unicode(false).size_limit(Redact::MAX_PATTERN_BYTES).build();
    let any = any.map_err(|_| BuildError::new(KEY, format!("is too large: compiled all take more than {KIB} KiB")))?;
    Ok(Some(Patterns { any, each }))
}

impl fmt::Debug for Redact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redact")
            .field("keys", &self.keys.len())
            .field("paths", &self.paths.len())
            .field("patterns", &self.patterns.len())
            .field("is_off", &self.is_off)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::header::known;

    #[test]
    fn en_22_a_pattern_that_compiles_to_a_huge_program_is_refused() {
        for pattern in ["(a{1,1000}){1,1000}", "(canary", r"\p{Greek}", "a(?=b)"] {
            let error = Redact::new().pattern(pattern).rules().unwrap_err();
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert_eq!(error.key(), "redact.pattern", "EN-22");
            assert!(!format!("{error} {source} {error:?}").contains(pattern), "EN-22: the value is shown: {error}");
        }
        let many = (0..=Redact::MAX_PATTERNS).fold(Redact::new(), |redact, _| redact.pattern("a"));
        assert!(many.rules().is_err());
        let large = (0..60).fold(Redact::new(), |redact, number| redact.pattern(format!("{number}[a-z]{{1,500}}")));
        assert!(large.rules().is_err(), "together they are too large");
    }

    #[test]
    fn what_cannot_be_followed_is_an_error_that_names_the_setting() {
        for (redact, key) in [
            (Redact::new().path("user.email"), "redact.path"),
            (Redact::new().key("--"), "redact.key"),
            (Redact::new().show_key(""), "redact.show_key"),
            (Redact::new().show_header("a b"), "redact.show_header"),
            (Redact::new().show_header("Cookie"), "redact.show_header"),
            (Redact::new().show_header("x-acme-token"), "redact.show_header"),
            (Redact::new().hide_header(""), "redact.hide_header"),
        ] {
            assert_eq!(redact.rules().unwrap_err().key(), key);
        }
        assert!(!format!("{:?}", Redact::new().pattern("canary").key("canary")).contains("canary"));
    }

    #[test]
    fn headers_of_the_settings_are_shown_and_hidden() {
        let rules = Redact::new().show_header("X-Note").hide_header("user-agent").rules().unwrap();
        let shows = |name: &'static str| rules.shows_header(&HeaderName::from_static(name), known(name));
        assert!(shows("x-note") && shows("accept"));
        assert!(!shows("user-agent") && !shows("x-other") && !shows("authorization"));
    }
}
