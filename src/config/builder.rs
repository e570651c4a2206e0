//! From settings to a running telemetry.

use std::fmt;
use std::time::Duration;

use tracing_subscriber::filter::Targets;

use super::control::ControlSettings;
use super::env::Warnings;
use super::errors::ErrorsInCode;
use super::exporters::Told;
use super::http::HttpInCode;
#[cfg(feature = "viewer")]
use super::in_force::{InForce, unsaid};
use super::keep::Detail;
use super::metrics::MetricChanges;
use super::propagation::Propagation;
#[cfg(feature = "viewer")]
use super::release;
use super::settings::Settings;
use super::viewer::ViewerAt;
use super::{Env, Telemetry, exporters, redact, reports, viewer};
use crate::capture::Bodies;
use crate::error::BuildError;
use crate::exporter::Exporter;
use crate::group::GroupBy;
use crate::keep::{Keep, Sampler};
use crate::pipeline::ErasedExporter;
use crate::redact::Redact;

/// Starts a telemetry from the environment, and installs it for the process.
///
/// That is `builder().from_env().init()`; see [`Builder::from_env`] for the variables and [`Telemetry::install`] for
/// what becomes global. Prints on standard error where to look, and which settings it could not follow.
///
/// # Errors
/// When a setting cannot be followed, such as an endpoint without a scheme.
///
/// # Example
/// ```no_run
/// # async fn order() {}
/// # #[cfg(feature = "axum")]
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let telemetry = campanile::init()?;
/// let app = axum::Router::new().route("/orders/{id}", axum::routing::get(order)).layer(telemetry.layer());
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
/// axum::serve(listener, app).with_graceful_shutdown(campanile::shutdown_signal()).await?;
/// telemetry.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub fn init() -> Result<Telemetry, BuildError> {
    builder().from_env().init()
}

/// Begins a telemetry that has no exporters yet and reads nothing from its surroundings.
pub fn builder() -> Builder {
    Builder {
        env: None,
        exporters: Vec::new(),
        resource: Vec::new(),
        sample_ratio: None,
        filter: None,
        redact: Redact::new(),
        has_opentelemetry: false,
        propagation: Propagation::default(),
        metrics: MetricChanges::default(),
        bodies: None,
        http: HttpInCode::default(),
        group_by: GroupBy::default(),
        detail: Detail::default(),
        control: ControlSettings::default(),
        errors: ErrorsInCode::default(),
        report_every: None,
        viewer: None,
    }
}

/// Settings of a telemetry; made by [`builder`].
#[must_use]
pub struct Builder {
    env: Option<Env>,
    exporters: Vec<Box<dyn ErasedExporter>>,
    resource: Vec<(String, String)>,
    sample_ratio: Option<f64>,
    filter: Option<String>,
    pub(super) metrics: MetricChanges,
    has_opentelemetry: bool,
    pub(super) propagation: Propagation,
    bodies: Option<Bodies>,
    pub(super) http: HttpInCode,
    pub(super) group_by: GroupBy,
    pub(super) detail: Detail,
    pub(super) control: ControlSettings,
    pub(super) errors: ErrorsInCode,
    pub(super) report_every: Option<Duration>,
    pub(super) viewer: Option<ViewerAt>,
    redact: Redact,
}

impl Builder {
    /// Takes settings and exporters from the environment of this process.
    ///
    /// | variable | what it says | default |
    /// |---|---|---|
    /// | `CAMPANILE` | `off`: requests pass as if there were no layer | on |
    /// | `CAMPANILE_CONSOLE` | `pretty`, `json`, `ecs`, `logfmt`, `off`: what is written on standard output | `pretty` on a terminal, else `json` |
    /// | `CAMPANILE_STORE` | directory of the store, or `off` | `.campanile` in debug builds, else off |
    /// | `CAMPANILE_STORE_MAX_BYTES`, `CAMPANILE_STORE_MAX_AGE` | bounds of the store, such as `1GiB` and `3d` | 512 MiB, 7 days |
    /// | `CAMPANILE_BODIES` | `on`, `off` or `failed`, `request` or `response`, a size such as `16KiB`, with commas between: which [bodies](Bodies) are captured | `on` in debug builds that write `pretty` on a terminal, else `off` |
    /// | `CAMPANILE_FILE` | a file for JSON lines | none |
    /// | `CAMPANILE_VIEWER` | `on`, `off`, a port or a loopback address: where the local page is served, see [`viewer`](Self::viewer) | `on` in debug builds on a terminal that have a store, else `off` |
    /// | `CAMPANILE_REPORT_EVERY` | time between [reports](Builder::report_every) about a request that is still running, such as `30s`, or `off` | `10s` |
    /// | `CAMPANILE_TRUSTED_PROXIES` | proxies that may tell the client: addresses, ranges, `loopback`, `private`, `cloudflare`, `alb`, or `hops:2` | none |
    /// | `CAMPANILE_FORWARDED_BY` | by which header they tell it: `forwarded`, `x-forwarded-for`, `x-real-ip`, `cf-connecting-ip` | the only one that is there |
    /// | `CAMPANILE_TRUNCATE_IP` | `true`: addresses are kept as /24 and /48 | false |
    /// | `CAMPANILE_QUIET_ROUTES` | routes whose requests are told only when they fail, such as `/healthz,/assets/*` | none |
    /// | `CAMPANILE_CLIENT_ERRORS` | `true`: a 4xx [counts as failed](Self::client_errors) | false |
    /// | `CAMPANILE_LEVEL` | least level that is captured of the application's own code | `debug` |
    /// | `CAMPANILE_OWN_TARGETS` | what the application's own code is, as `shop,shop_db` | what cargo did not fetch |
    /// | `CAMPANILE_KEEP` | which requests [keep](Keep) what was captured: `failed`, `slow`, `slow:500ms`, `slow:3x`, `sampled`, `query:status:404`, `rest:info` with commas between; or `all`, or `none` | `all` in debug builds, else `failed,slow,sampled` |
    /// | `CAMPANILE_CONTROL` | `on`, `off`: whether a private socket in the store's directory takes [commands](crate::control), and debug tokens are taken | `on` in debug builds with a store; tokens also where there is a key of theirs |
    /// | `CAMPANILE_DEBUG_KEY` | at least 32 bytes that [debug tokens](crate::control) are signed with | the key in the store's directory |
    /// | `RUST_LOG` | which events the console shows, as `target=level,…` | `info` |
    /// | `CAMPANILE_REDACT_KEYS` | [keys](Redact::key) whose values are secrets too, as `iban,*_note` | none |
    /// | `CAMPANILE_REDACT_PATTERNS` | [regular expressions](Redact::pattern) of what is a secret too, one in each line | none |
    /// | `OTEL_EXPORTER_OTLP_…` | the collector; traces, logs and metrics are sent once an endpoint is named | none |
    /// | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | who is speaking | the executable's name |
    /// | `CAMPANILE_REVISION` | the [commit](Builder::revision) that the application was built from | what the platform tells |
    /// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which traces are sent | all, unless the caller decided |
    /// | `OTEL_BSP_…`, `OTEL_BLRP_…` | batches and queues of traces and logs | |
    /// | `OTEL_PROPAGATORS` | how trace context comes in and goes out: `tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger`, `xray`, `datadog`, `sentry`, `google`, or `none` | `tracecontext,baggage` |
    /// | `CAMPANILE_RESTART_TRACES` | `true`: every request begins a trace, with a link to the caller's | false |
    /// | `CAMPANILE_TRUST_INBOUND_IDS` | `always`, `private`, `never`: whose `x-request-id` is taken over | `always` |
    /// | `CAMPANILE_TRACE_RESPONSE` | `traceresponse`, `server-timing`, `both`, `off`: how answers tell the trace | `off` |
    /// | `CAMPANILE_RECORD_BAGGAGE` | keys of baggage to record, as `tenant,user.id` | none |
    /// | `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` | methods that keep their name | those of HTTP |
    /// | `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_METRIC_EXPORT_TIMEOUT` | how often metrics are sent, and for how long that is tried, in ms | 60000, 30000 |
    /// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative`, `delta` or `lowmemory` | `cumulative` |
    /// | `OTEL_TRACES_EXPORTER`, `OTEL_LOGS_EXPORTER`, `OTEL_METRICS_EXPORTER` | `none`: that signal is not sent | `otlp` |
    /// | `OTEL_SDK_DISABLED` | `true`: nothing is exported | false |
    ///
    /// What is set in code wins over the environment.
    pub fn from_env(self) -> Self {
        self.env(Env::of_process())
    }

    /// [`from_env`](Self::from_env) with an environment given as a value.
    pub fn env(mut self, env: Env) -> Self {
        self.env = Some(env);
        self
    }

    /// Adds an exporter; it gets a thread and a queue of its own.
    pub fn exporter(mut self, exporter: impl Exporter) -> Self {
        self.exporters.push(Box::new(exporter));
        self
    }

    /// `service.name`.
    ///
    /// # Default
    /// `unknown_service:` and the executable's name.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.resource("service.name", name)
    }

    /// Sets an attribute of the resource.
    pub fn resource(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.push((key.into(), value.into()));
        self
    }

    /// The share of traces that begin here and are exported, from 0 to 1; a caller's decision is followed.
    ///
    /// The store and the console get every request all the same.
    ///
    /// # Default
    /// 1.
    pub fn sample_ratio(mut self, ratio: f64) -> Self {
        self.sample_ratio = Some(ratio);
        self
    }

    /// Which events the console shows at once, in the form of `RUST_LOG`: `info,my_app::db=debug`.
    ///
    /// # Default
    /// `info`.
    pub fn filter(mut self, directives: impl Into<String>) -> Self {
        self.filter = Some(directives.into());
        self
    }

    /// Keeps the current `opentelemetry::Context` in step with the current request, in both directions; see
    /// [`opentelemetry`](crate::opentelemetry).
    ///
    /// # Default
    /// They do not know of each other.
    #[cfg(feature = "opentelemetry")]
    pub fn opentelemetry(mut self) -> Self {
        self.has_opentelemetry = true;
        self
    }

    /// Which bodies of requests and responses are captured.
    ///
    /// # Default
    /// None; with [`from_env`](Self::from_env), in a debug build that writes aligned lines on a terminal,
    /// [`Bodies::on`]. They then stay on this machine: [`Otlp`](crate::otlp::Otlp) sends them only where they are asked
    /// for.
    pub fn capture_bodies(mut self, bodies: Bodies) -> Self {
        self.bodies = Some(bodies);
        self
    }

    /// Which secrets are taken out beside those that always are, and which of those are none.
    ///
    /// What the environment asks for is added.
    ///
    /// # Default
    /// [`Redact::new`].
    pub fn redact(mut self, redact: Redact) -> Self {
        self.redact = redact;
        self
    }

    /// Starts it. Touches nothing global: no subscriber, no panic hook.
    ///
    /// # Errors
    /// When a setting cannot be followed. A store or a file that cannot be opened is only a
    /// [warning](Telemetry::warnings): an application starts whatever its disk looks like.
    pub fn build(self) -> Result<Telemetry, BuildError> {
        #[cfg(feature = "viewer")]
        let in_force = self.in_force();
        let mut warnings = Warnings::default();
        let mut settings = match &self.env {
            Some(env) => Settings::from_env(env, &mut warnings),
            None => Settings::default(),
        };
        for (key, value) in self.resource {
            settings.resource.set(key, value);
        }
        if let Some(ratio) = self.sample_ratio {
            settings.sampler = Sampler::ratio(ratio)?.parent_based();
        }
        if let Some(filter) = self.filter {
            let parsed = filter.parse::<Targets>();
            settings.console_filter =
                parsed.map_err(|error| BuildError::new("filter", "is not of the form target=level,…").because(error))?;
        }
        self.propagation.apply(&mut settings);
        self.errors.apply(&mut settings);
        self.metrics.apply(&mut settings.metrics);
        self.detail.apply(&mut settings)?;
        if self.env.is_some() && cfg!(debug_assertions) {
            settings.keep.get_or_insert_with(Keep::all);
        }
        self.control.apply(&mut settings.control)?;
        reports::apply(self.report_every, &mut settings.reports);
        settings.viewer = self.viewer.or(settings.viewer);
        viewer::check(&settings, self.viewer.is_some())?;
        if self.env.is_none() {
            settings.viewer.get_or_insert(ViewerAt::Off);
        }
        if let Some(bodies) = self.bodies {
            if let Some(problem) = bodies.problem() {
                return Err(BuildError::new("capture_bodies", problem));
            }
            settings.bodies = Some(bodies);
        }
        let rules = match &self.env {
            Some(env) => redact::rules(self.redact, env, &mut warnings)?,
            None => self.redact.rules()?,
        };
        let mut exporters = self.exporters;
        let mut told = Told::default();
        #[cfg(feature = "viewer")]
        {
            told.in_force = in_force;
        }
        if settings.is_off || settings.is_sdk_disabled {
            exporters.clear();
        } else if let Some(env) = &self.env {
            settings.control.directory = exporters::add(&mut exporters, &mut told, env, &settings, &mut warnings)?;
            if settings.bodies.is_none() && exporters::is_for_people(&settings) {
                settings.bodies = Some(Bodies::on());
                told.places.push("bodies 4 KiB each way (CAMPANILE_BODIES=off keeps none)".to_owned());
            }
        }
        let http = self.http.settle(&settings);
        Ok(Telemetry::start(settings, self.has_opentelemetry, http, exporters, told, warnings, (self.group_by, rules)))
    }

    /// The settings as the page tells them.
    #[cfg(feature = "viewer")]
    pub(super) fn in_force(&self) -> InForce {
        let mut all = InForce::of(self.env.as_ref());
        all.code("OTEL_TRACES_SAMPLER", self.sample_ratio, |_| Some("parentbased_traceidratio".to_owned()));
        all.code("OTEL_TRACES_SAMPLER_ARG", self.sample_ratio, |ratio| Some(ratio.to_string()));
        all.code("RUST_LOG", self.filter.clone(), Some);
        all.code("CAMPANILE_BODIES", self.bodies.as_ref(), unsaid);
        for (variable, attribute) in [("OTEL_SERVICE_NAME", "service.name"), ("CAMPANILE_REVISION", release::REVISION)] {
            let set = self.resource.iter().rev().find(|(name, _)| name == attribute);
            all.code(variable, set, |(_, value)| Some(value.clone()));
        }
        all.code("CAMPANILE_REPORT_EVERY", self.report_every, |every| Some(format!("{every:?}")));
        all.code("CAMPANILE_VIEWER", self.viewer, |at| Some(at.to_string()));
        self.propagation.tell(&mut all);
        self.metrics.tell(&mut all);
        self.http.tell(&mut all);
        self.detail.tell(&mut all);
        self.control.tell(&mut all);
        self.errors.tell(&mut all);
        all
    }

    /// [`build`](Self::build), then [`Telemetry::install`].
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn init(self) -> Result<Telemetry, BuildError> {
        let telemetry = self.build()?;
        telemetry.install();
        Ok(telemetry)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("env", &self.env).field("exporters", &self.exporters.len()).finish_non_exhaustive()
    }
}
