//! Which bodies are captured: the settings.

use crate::keep::is_of_route;

/// Which bodies are captured, and how much of each.
///
/// The first bytes of a body are copied while it streams past; the stream is never delayed or buffered, and nothing is
/// inflated. Secrets are taken out before any exporter sees them. What is recorded: [`Record::request_body`] and
/// [`Record::response_body`].
///
/// # What is never captured
/// Bodies with a `content-encoding`, in another character set than UTF-8 or one close to it, multipart forms, event
/// streams, gRPC messages and what an upgraded connection carries. [`Body::skipped`] says why.
///
/// # When full
/// Of one body at most [`max_bytes`](Self::max_bytes) are kept. All requests in flight together hold at most
/// [`budget_bytes`](Self::budget_bytes); beyond that a body is skipped, as it is while more than 4 MiB of records wait for
/// their exporters.
///
/// # Example
/// ```
/// use campanile::Bodies;
///
/// let bodies = Bodies::failed().max_bytes(16 * 1024).except_routes(["/login"]);
/// let telemetry = campanile::builder().capture_bodies(bodies).build()?;
/// # drop(telemetry);
/// # Ok::<(), campanile::BuildError>(())
/// ```
///
/// [`Record::request_body`]: crate::record::Record::request_body
/// [`Record::response_body`]: crate::record::Record::response_body
/// [`Body::skipped`]: crate::record::Body::skipped
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Bodies {
    pub(super) when: When,
    pub(super) has_requests: bool,
    pub(super) has_responses: bool,
    pub(super) types: Vec<String>,
    only: Vec<String>,
    except: Vec<String>,
    pub(super) max_bytes: usize,
    pub(super) budget_bytes: usize,
}

/// Whose bodies stay on the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Never,
    Failed,
    Always,
}

impl Bodies {
    /// Bytes of one body that are kept.
    pub const DEFAULT_MAX_BYTES: usize = 4 * 1024;
    /// The most that [`max_bytes`](Self::max_bytes) may be.
    pub const LARGEST_MAX_BYTES: usize = 64 * 1024;
    /// Bytes that all requests in flight hold together.
    pub const DEFAULT_BUDGET_BYTES: usize = 4 * 1024 * 1024;

    /// Of every request, both ways.
    pub const fn on() -> Self {
        Self::when(When::Always)
    }

    /// Only of requests that [failed](crate::record::Record::is_failed): of all others, what was captured is thrown away
    /// at the end.
    pub const fn failed() -> Self {
        Self::when(When::Failed)
    }

    /// None.
    pub const fn off() -> Self {
        Self::when(When::Never)
    }

    const fn when(when: When) -> Self {
        Self {
            when,
            has_requests: true,
            has_responses: true,
            types: Vec::new(),
            only: Vec::new(),
            except: Vec::new(),
            max_bytes: Self::DEFAULT_MAX_BYTES,
            budget_bytes: Self::DEFAULT_BUDGET_BYTES,
        }
    }

    /// Those of requests only.
    pub const fn requests_only(mut self) -> Self {
        (self.has_requests, self.has_responses) = (true, false);
        self
    }

    /// Those of responses only.
    pub const fn responses_only(mut self) -> Self {
        (self.has_requests, self.has_responses) = (false, true);
        self
    }

    /// Which content types are captured, such as `application/json` or `text/*`, in place of the default.
    ///
    /// # Default
    /// JSON (also `…+json` and JSON lines), forms (`application/x-www-form-urlencoded`) and text (`text/*`, XML, GraphQL,
    /// JavaScript). Not CSV and YAML: which of their values are secrets cannot be told well enough.
    pub fn content_types<T: Into<String>>(mut self, types: impl IntoIterator<Item = T>) -> Self {
        self.types = types.into_iter().map(|text| text.into().to_ascii_lowercase()).collect();
        self
    }

    /// Only those of these routes, by template such as `/orders/{id}`; a `*` at the end stands for anything. Where no
    /// router tells its routes, the path is compared.
    ///
    /// # Default
    /// All routes.
    pub fn only_routes<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.only = routes.into_iter().map(Into::into).collect();
        self
    }

    /// Not those of these routes, by template or path; a `*` at the end stands for anything. Goes before
    /// [`only_routes`](Self::only_routes).
    ///
    /// # Default
    /// None.
    pub fn except_routes<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.except = routes.into_iter().map(Into::into).collect();
        self
    }

    /// Bytes of one body that are kept, from its start.
    ///
    /// # Default
    /// [`DEFAULT_MAX_BYTES`](Self::DEFAULT_MAX_BYTES). From 1 to [`LARGEST_MAX_BYTES`](Self::LARGEST_MAX_BYTES); anything
    /// else is a [`BuildError`](crate::BuildError).
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Bytes that all requests in flight hold together for their bodies.
    ///
    /// # Default
    /// [`DEFAULT_BUDGET_BYTES`](Self::DEFAULT_BUDGET_BYTES).
    pub const fn budget_bytes(mut self, bytes: usize) -> Self {
        self.budget_bytes = bytes;
        self
    }

    /// What is wrong with it, as the end of a sentence.
    pub(crate) const fn problem(&self) -> Option<&'static str> {
        if self.max_bytes == 0 || self.max_bytes > Self::LARGEST_MAX_BYTES {
            return Some("keeps from 1 to 65536 bytes of a body");
        }
        None
    }

    pub(crate) fn is_off(&self) -> bool {
        self.when == When::Never || !(self.has_requests || self.has_responses)
    }

    /// Whether the routes allow it. A route may still be told later, unless `is_final`.
    pub(super) fn allows(&self, route: Option<&str>, path: &str, is_final: bool) -> bool {
        let is_in = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, route, path));
        !self.leaves_out(route, path) && (self.only.is_empty() || (route.is_none() && !is_final) || is_in(&self.only))
    }

    /// Whether no body of this route is captured, whoever asks.
    pub(super) fn leaves_out(&self, route: Option<&str>, path: &str) -> bool {
        self.except.iter().any(|pattern| matches(pattern, route, path))
    }
}

fn matches(pattern: &str, route: Option<&str>, path: &str) -> bool {
    let is_it = |text: &str| is_of_route(pattern, text);
    route.is_some_and(is_it) || is_it(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_compared_by_template_and_by_path() {
        let bodies = Bodies::on().only_routes(["/orders/{id}", "/api/*"]).except_routes(["/api/login"]);
        for (route, path, expected) in [
            (Some("/orders/{id}"), "/orders/7", true),
            (Some("/orders"), "/orders", false),
            (Some("/api/{name}"), "/api/cats", true),
            (Some("/api/{name}"), "/api/login", false),
            (None, "/api/cats", true),
            (None, "/other", false),
        ] {
            assert_eq!(bodies.allows(route, path, true), expected, "{route:?} {path}");
        }
        assert!(bodies.allows(None, "/other", false), "its route may still be told");
        assert!(!bodies.allows(None, "/api/login", false));
    }

    #[test]
    fn more_than_the_largest_limit_is_a_problem() {
        assert_eq!(Bodies::on().max_bytes(64 * 1024).problem(), None);
        assert!(Bodies::on().max_bytes(64 * 1024 + 1).problem().is_some());
        assert!(Bodies::on().max_bytes(0).problem().is_some());
    }
}
