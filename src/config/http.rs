//! Settings of what is read from heads, and of what is too quiet to be told.

use super::Builder;
#[cfg(feature = "viewer")]
use super::in_force::{InForce, unsaid, yes};
use super::settings::Settings;
use super::value::Reader;
use crate::keep::Quiet;
use crate::layer::HeadSettings;
use crate::propagator::forwarded::{ForwardedBy, Proxies, TrustedProxies};
use crate::record::Record;

/// What the environment says; the code may say otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpSettings {
    /// `CAMPANILE_TRUSTED_PROXIES`.
    trusted_proxies: TrustedProxies,
    /// `CAMPANILE_FORWARDED_BY`.
    forwarded_by: Option<ForwardedBy>,
    /// `CAMPANILE_TRUNCATE_IP`.
    truncate_ip: bool,
    /// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`.
    known_methods: Option<Vec<String>>,
    /// `CAMPANILE_QUIET_ROUTES`.
    quiet_routes: Vec<String>,
}

impl HttpSettings {
    pub(super) fn from_env(reader: &mut Reader<'_>) -> Self {
        let list = "a list of addresses, ranges such as 10.0.0.0/8, loopback, private, cloudflare and alb, nor hops:N, nor none";
        Self {
            trusted_proxies: reader.parsed("CAMPANILE_TRUSTED_PROXIES", list, |text| text.parse().ok()).unwrap_or_default(),
            forwarded_by: reader.word("CAMPANILE_FORWARDED_BY", ForwardedBy::WORDS),
            truncate_ip: reader.bool("CAMPANILE_TRUNCATE_IP"),
            known_methods: reader.parsed("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "a list of methods", methods),
            quiet_routes: reader
                .parsed("CAMPANILE_QUIET_ROUTES", "a list of routes, each beginning with /", routes)
                .unwrap_or_default(),
        }
    }
}

/// Methods are tokens; of a list without any nothing was meant.
fn methods(text: &str) -> Option<Vec<String>> {
    let methods: Vec<_> = parts(text).map(str::to_owned).collect();
    let are_methods = methods.iter().all(|method| http::Method::from_bytes(method.as_bytes()).is_ok());
    (are_methods && !methods.is_empty()).then_some(methods)
}

fn routes(text: &str) -> Option<Vec<String>> {
    parts(text).all(|route| route.starts_with('/')).then(|| parts(text).map(str::to_owned).collect())
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// What was set in code.
#[derive(Default)]
pub(super) struct HttpInCode {
    trusted_proxies: Option<TrustedProxies>,
    forwarded_by: Option<ForwardedBy>,
    truncate_ip: Option<bool>,
    known_methods: Option<Vec<String>>,
    quiet_routes: Option<Vec<String>>,
    quiet: Quiet,
}

impl HttpInCode {
    /// What is set in code wins.
    pub(super) fn settle(self, settings: &Settings) -> (HeadSettings, Quiet) {
        let env = settings.http.clone();
        let trusted = self.trusted_proxies.unwrap_or(env.trusted_proxies);
        let heads = HeadSettings {
            proxies: Proxies::new(trusted, self.forwarded_by.or(env.forwarded_by)).map(Box::new),
            truncates_ip: self.truncate_ip.unwrap_or(env.truncate_ip),
            known_methods: self.known_methods.or(env.known_methods).map(Vec::into_boxed_slice),
        };
        let mut quiet = self.quiet;
        for route in self.quiet_routes.unwrap_or(env.quiet_routes) {
            quiet.route(route);
        }
        (heads, quiet)
    }

    #[cfg(feature = "viewer")]
    pub(super) fn tell(&self, all: &mut InForce) {
        all.code("CAMPANILE_TRUSTED_PROXIES", self.trusted_proxies.as_ref(), unsaid);
        all.code("CAMPANILE_FORWARDED_BY", self.forwarded_by.as_ref(), unsaid);
        all.code("CAMPANILE_TRUNCATE_IP", self.truncate_ip, yes);
        all.code("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", self.known_methods.as_ref(), |it| Some(it.join(",")));
        all.code("CAMPANILE_QUIET_ROUTES", self.quiet_routes.as_ref(), |it| Some(it.join(",")));
    }
}

/// What is read from the heads of requests, and which requests are not told.
impl Builder {
    /// The proxies in front, whose word about client, scheme and host is taken.
    ///
    /// # Default
    /// None: scheme, host and client are those of the connection.
    ///
    /// # Example
    /// ```
    /// use campanile::{ForwardedBy, TrustedProxies};
    ///
    /// let proxies: TrustedProxies = "10.0.0.0/8,loopback".parse()?;
    /// let builder = campanile::builder().trusted_proxies(proxies).forwarded_by(ForwardedBy::XForwarded);
    /// # drop(builder);
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.http.trusted_proxies = Some(proxies);
        self
    }

    /// Which headers trusted proxies tell the client by.
    ///
    /// # Default
    /// What a preset of the trusted proxies says; else the only convention that a request follows. Of two, none is
    /// believed.
    pub fn forwarded_by(mut self, by: ForwardedBy) -> Self {
        self.http.forwarded_by = Some(by);
        self
    }

    /// Whether addresses of clients and peers are kept without their last part: the first 24 bits of IPv4, the first 48
    /// of IPv6.
    ///
    /// Ports stay. Values of headers that tell addresses (`forwarded`, `x-forwarded-for`, `x-real-ip`,
    /// `cf-connecting-ip` and the like) are then withheld. Whom to trust is decided by whole addresses.
    ///
    /// # Default
    /// false: exact.
    pub fn truncate_ip(mut self, truncate: bool) -> Self {
        self.http.truncate_ip = Some(truncate);
        self
    }

    /// The methods that keep their name, in place of the usual ones; any other is exported as `_OTHER`, with at most 32
    /// bytes of what was sent beside it.
    ///
    /// # Default
    /// `CONNECT`, `DELETE`, `GET`, `HEAD`, `OPTIONS`, `PATCH`, `POST`, `PUT`, `QUERY`, `TRACE`.
    ///
    /// # Source
    /// OpenTelemetry semantic conventions 1.44.0, `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`: compared with case.
    pub fn known_methods<T: Into<String>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.http.known_methods = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    /// Routes whose requests are counted and not handed to exporters, unless they failed.
    ///
    /// A route is compared as a whole with the matched template, or with the path where none matched; one that ends in
    /// `*` stands for all that begin so. A request with an error on it is kept whatever its status. Events that the
    /// console shows at once are shown all the same.
    ///
    /// # Default
    /// None.
    pub fn quiet_routes<T: Into<String>>(mut self, routes: impl IntoIterator<Item = T>) -> Self {
        self.http.quiet_routes = Some(routes.into_iter().map(Into::into).collect());
        self
    }

    /// Requests that are counted and not handed to exporters, unless they failed, by anything that the record tells; may
    /// be called several times.
    ///
    /// It is asked on a thread of the pipeline, for every finished request without a failure: what is slow here fills
    /// the queue. One that panics keeps the record and is not asked again.
    ///
    /// # Example
    /// ```
    /// let builder = campanile::builder().quiet(|record| record.probe().is_some() && record.duration_ns() < 50_000_000);
    /// # drop(builder);
    /// ```
    pub fn quiet(mut self, predicate: impl Fn(&Record) -> bool + Send + Sync + 'static) -> Self {
        self.http.quiet.predicate(Box::new(predicate));
        self
    }
}
