//! Which release is running: its version and its revision.

use super::Builder;
use super::env::{Env, Warnings};
use crate::record::Resource;

const VERSION: &str = "service.version";
pub(super) const REVISION: &str = "vcs.ref.head.revision";

/// Who wants to say it himself.
const OWN: &str = "CAMPANILE_REVISION";

/// What was said when the library was compiled.
const COMPILED: Option<&str> = option_env!("CAMPANILE_REVISION");

/// Where platforms and images tell the commit to the running process.
///
/// # Source
/// The documentation of Heroku (dyno metadata; the second name is the older one), Render, Railway and Vercel (default
/// environment variables) and Datadog (source code integration). The last three are names that images commonly have.
const REVISIONS: &[&str] = &[
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "VERCEL_GIT_COMMIT_SHA",
    "DD_GIT_COMMIT_SHA",
    "SOURCE_VERSION",
    "GIT_COMMIT",
    "GIT_SHA",
];

/// Where they tell the version: Datadog's unified service tagging, and Heroku as OpenTelemetry's conventions want it.
const VERSIONS: &[&str] = &["DD_VERSION", "HEROKU_RELEASE_VERSION"];

/// Adds what is known of the release. Lists of resource attributes come afterwards and win.
pub(super) fn detect(resource: &mut Resource, env: &Env, warnings: &mut Warnings) {
    if let Some(version) = VERSIONS.iter().find_map(|key| env.text(key, warnings)) {
        resource.set(VERSION, version.trim());
    }
    let own = env.text(OWN, warnings).or(COMPILED).map(str::trim).filter(|text| !text.is_empty());
    // Names that others use for other things too count only where there is a commit behind them.
    let found = own.or_else(|| REVISIONS.iter().filter_map(|key| env.text(key, warnings)).find(|text| is_commit(text)));
    if let Some(revision) = found {
        resource.set(REVISION, revision);
    }
}

/// Whether it is a commit's hash, or the start of one.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Builder {
    /// `service.version`, such as `env!("CARGO_PKG_VERSION")` of the application.
    ///
    /// # Default
    /// With [`from_env`](Self::from_env), `service.version` of `OTEL_RESOURCE_ATTRIBUTES`, else `DD_VERSION` or
    /// `HEROKU_RELEASE_VERSION`; else absent.
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.resource(VERSION, version)
    }

    /// `vcs.ref.head.revision`: the commit that the application was built from. An empty one sets nothing, so that what may
    /// be missing can be given too.
    ///
    /// # Default
    /// The variable `CAMPANILE_REVISION` of the environment in which this library was compiled; cargo compiles it again when
    /// that changes. With [`from_env`](Self::from_env) the same variable of the running process comes before it, and what
    /// Heroku, Render, Railway, Vercel, Datadog and images tell in `SOURCE_VERSION`, `GIT_COMMIT` or `GIT_SHA` behind it,
    /// where that is a commit's hash. `vcs.ref.head.revision` in `OTEL_RESOURCE_ATTRIBUTES` comes before them all.
    ///
    /// # Source
    /// OpenTelemetry semantic conventions 1.44.0, VCS (in development).
    ///
    /// # Example
    /// ```
    /// let builder = campanile::builder()
    ///     .service_version(env!("CARGO_PKG_VERSION"))
    ///     .revision(option_env!("GIT_COMMIT").unwrap_or_default());
    /// # drop(builder);
    /// ```
    pub fn revision(self, revision: impl Into<String>) -> Self {
        let revision = revision.into();
        if revision.is_empty() { self } else { self.resource(REVISION, revision) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected<const N: usize>(variables: [(&str, &str); N]) -> (Option<String>, Option<String>) {
        let mut resource = Resource::default();
        detect(&mut resource, &variables.into_iter().collect(), &mut Warnings::default());
        let of = |name| resource.attribute(name).map(str::to_owned);
        (of(VERSION), of(REVISION))
    }

    const COMMIT: &str = "9d59409acf479dfa0df1aa568182e43e43df8bbe";

    #[test]
    fn what_a_platform_tells_is_taken_where_it_is_a_commit() {
        for name in REVISIONS {
            assert_eq!(detected([(name, COMMIT)]).1.as_deref(), Some(COMMIT), "{name}");
            for other in ["main", "", "v1.2.3", "arn:aws:s3:::bucket/source.zip", "HEAD"] {
                assert_eq!(detected([(name, other)]).1.as_deref(), COMPILED, "{name}={other}");
            }
        }
        assert_eq!(detected([("DD_VERSION", "1.4.2")]).0.as_deref(), Some("1.4.2"));
        assert_eq!(detected([("SOURCE_VERSION", "main"), ("GIT_COMMIT", COMMIT)]).1.as_deref(), Some(COMMIT));
    }

    #[test]
    fn our_own_variable_comes_first_and_may_be_any_text() {
        let found = detected([(OWN, " build-17\n"), ("GIT_COMMIT", COMMIT)]);
        assert_eq!(found.1.as_deref(), Some("build-17"));
        assert_eq!(detected([(OWN, "  ")]).1.as_deref(), None);
    }
}
