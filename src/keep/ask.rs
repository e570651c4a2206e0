//! What somebody asks for while the process runs.

use std::fmt;
use std::time::Duration;

use tracing::Level;

use crate::query::Query;
use crate::record::Record;

/// Asks for the whole detail of some requests, for a limited time.
///
/// Requests in its scope keep everything that was captured of them ([`Kept::Asked`](crate::record::Kept::Asked)), and more
/// is captured where it says so. It is taken by [`Control::ask`](crate::control::Control::ask) or
/// `campanile control ask`, ends by itself, and can be revoked.
///
/// # What it costs
/// The route of a request is known when it arrives, where the layer stands inside the router: then only that route's
/// requests are captured in more detail. A user, another attribute or what a query asks is known at the end: until then
/// every request is captured so, and what was captured beyond the settings of those that do not match is dropped again.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use campanile::control::Ask;
/// use tracing::Level;
///
/// let telemetry = campanile::builder().build()?;
/// let ask = Ask::route("/orders/{id}").level(Level::TRACE).bodies().lasting(Duration::from_secs(5 * 60));
/// let id = telemetry.control().ask(ask)?;
/// assert!(telemetry.control().revoke(id));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Ask {
    pub(crate) scope: Scope,
    pub(crate) level: Option<Level>,
    pub(crate) has_bodies: bool,
    pub(crate) share: Option<f64>,
    pub(crate) lasting: Duration,
}

/// Which requests are meant.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// A template, or the start of one before a `*`; the path where no router tells its routes.
    Route(String),
    Attribute {
        name: String,
        value: String,
    },
    Query(Query),
}

impl Ask {
    /// How long it lasts: 15 minutes.
    pub const DEFAULT_LASTING: Duration = Duration::from_secs(15 * 60);
    /// The longest that it may last: a day.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    /// The longest route, name and value, in bytes.
    pub const MAX_TEXT_BYTES: usize = 1024;

    /// Requests of a route, by its template such as `/orders/{id}`; a `*` at the end stands for anything. Where no router
    /// tells its routes, the path is compared.
    pub fn route(route: impl Into<String>) -> Self {
        Self::of(Scope::Route(route.into()))
    }

    /// Requests of one user, by the attribute `user.id` that the application [sets](crate::set).
    pub fn user(id: impl Into<String>) -> Self {
        Self::attribute("user.id", id)
    }

    /// Requests on whose record this attribute has this value, as text.
    pub fn attribute(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self::of(Scope::Attribute { name: name.into(), value: value.into() })
    }

    /// Requests that match a query when they end.
    pub fn query(query: Query) -> Self {
        Self::of(Scope::Query(query))
    }

    const fn of(scope: Scope) -> Self {
        Self { scope, level: None, has_bodies: false, share: None, lasting: Self::DEFAULT_LASTING }
    }

    /// Captures events and spans of the application's own code down to this level, and of all other code too, but there
    /// not below DEBUG.
    ///
    /// A filter that is put up for the whole subscriber hides events from it, as from everything else; what the `log` crate
    /// hands on is decided when the telemetry is installed.
    ///
    /// # Default
    /// What is captured anyway.
    pub const fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    /// Captures bodies both ways, with the limits of [`Bodies`](crate::Bodies).
    ///
    /// Where the settings switch bodies off by name ([`Bodies::off`](crate::Bodies::off)), or leave a route out, they stay
    /// out.
    ///
    /// # Default
    /// What the settings say.
    pub const fn bodies(mut self) -> Self {
        self.has_bodies = true;
        self
    }

    /// Asks for this share of the requests only, from 0 to 1, decided from the trace id. Where a request's route tells
    /// when it arrives that it is in scope, its trace is sampled where it was chosen and not sampled where it was not,
    /// whatever its caller decided.
    ///
    /// # Default
    /// All, and sampling stays as it is.
    pub const fn sample(mut self, share: f64) -> Self {
        self.share = Some(share);
        self
    }

    /// For how long; at most [`LONGEST`](Self::LONGEST).
    ///
    /// # Default
    /// [`DEFAULT_LASTING`](Self::DEFAULT_LASTING).
    pub const fn lasting(mut self, time: Duration) -> Self {
        self.lasting = time;
        self
    }

    /// What is wrong with it, as the end of a sentence.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let is_bad = |text: &str| text.is_empty() || text.len() > Self::MAX_TEXT_BYTES;
        match &self.scope {
            Scope::Route(route) if is_bad(route) || !route.starts_with(['/', '*']) => {
                return Some("needs a route such as /orders/{id}");
            }
            Scope::Attribute { name, value } if is_bad(name) || is_bad(value) => {
                return Some("needs an attribute and its value, of 1 to 1024 bytes each");
            }
            Scope::Query(query) if query.is_empty() => return Some("needs a query that says something"),
            Scope::Route(_) | Scope::Attribute { .. } | Scope::Query(_) => {}
        }
        if self.share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return Some("needs a share from 0 to 1");
        }
        if self.lasting.is_zero() || self.lasting > Self::LONGEST {
            return Some("lasts from a moment to 24 hours");
        }
        None
    }

    /// Whether a finished request is in its scope.
    pub(super) fn matches(&self, record: &Record, now_unix_ns: u64) -> bool {
        match &self.scope {
            Scope::Route(route) => is_of_route(route, record.route().unwrap_or_else(|| record.path())),
            Scope::Attribute { name, value } => is_value(record, name, value),
            Scope::Query(query) => query.matches(record, now_unix_ns),
        }
    }
}

/// Which requests are meant and what is wanted of them, on one line; nothing in it is escaped but by who shows it.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Scope::Route(route) => write!(f, "route {route}")?,
            Scope::Attribute { name, value } => write!(f, "{name} {value}")?,
            Scope::Query(query) => write!(f, "query {query}")?,
        }
        f.write_str(": all detail")?;
        if let Some(level) = self.level {
            write!(f, ", level {}", level.as_str().to_ascii_lowercase())?;
        }
        if self.has_bodies {
            f.write_str(", bodies")?;
        }
        match self.share {
            Some(share) => write!(f, ", of a share of {share}"),
            None => Ok(()),
        }
    }
}

/// Whether a route or path is the one that is meant: as a whole, or by its start before a `*`.
pub(crate) fn is_of_route(wanted: &str, place: &str) -> bool {
    wanted.strip_suffix('*').map_or(wanted == place, |start| place.starts_with(start))
}

/// Whether an attribute has this value, as text.
pub(crate) fn is_value(record: &Record, name: &str, value: &str) -> bool {
    use crate::record::Value;
    record.attribute(name).is_some_and(|found| match found {
        Value::Str(text) => text == value,
        other => other.to_string() == value,
    })
}
