//! A running telemetry.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::control::Office;
use super::env::Warnings;
use super::exporters::Told;
use super::settings::Settings;
use crate::capture::{Capture, CaptureFilter, Hub, Rules, Scope, Solo, install_hook};
use crate::control::Control;
use crate::group::GroupBy;
use crate::keep::Quiet;
use crate::layer::{HeadSettings, ObserveClientLayer, ObserveLayer, Shared};
use crate::pipeline::{ErasedExporter, Pipeline, Policies, Report, Stats};
use crate::redact;
use crate::warn::{line, say, warn};

/// The telemetry that was installed last, for whoever has to end the process.
static INSTALLED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

/// A running telemetry: hands out layers, and ends with a report.
///
/// Cheap to clone. When the last clone, the last layer and the last request in flight are gone, what is queued is flushed for up to 2 s;
/// [`shutdown`](Self::shutdown) does the same with a deadline of its own and says how it went.
#[derive(Clone, Debug)]
#[must_use = "dropping the last handle ends it"]
pub struct Telemetry {
    shared: Arc<Shared>,
    control: Control,
    warnings: Arc<[String]>,
    places: Arc<[String]>,
    /// What is said once.
    #[cfg(feature = "store")]
    left_behind: Arc<Mutex<Option<super::left_behind::Notice>>>,
    #[cfg(feature = "viewer")]
    page: super::viewer::Page,
}

impl Telemetry {
    /// Deadline of [`shutdown`](Self::shutdown).
    pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

    pub(super) fn start(
        settings: Settings,
        has_opentelemetry: bool,
        (heads, quiet): (HeadSettings, Quiet),
        exporters: Vec<Box<dyn ErasedExporter>>,
        told: Told,
        mut warnings: Warnings,
        (group_by, rules): (GroupBy, redact::Rules),
    ) -> Self {
        let (office, tokens) = Office::new(&settings, &mut warnings);
        #[cfg(feature = "viewer")]
        let (at, directory) = (settings.viewer, settings.control.directory.clone());
        let keep = settings.keep.unwrap_or_default();
        let policies = Policies { metrics: settings.metrics, quiet, keep, group_by, rules };
        let pipeline = Pipeline::start(settings.resource, exporters, policies);
        let scope = Scope::new(settings.console_filter, settings.level, settings.own_targets);
        let hub = Hub::new(pipeline, settings.sampler, settings.propagators, scope).reporting(settings.reports);
        let hub = hub.counting_client_errors(settings.client_errors);
        let hub = Arc::new(if has_opentelemetry { in_step(hub) } else { hub });
        let bodies = Rules::new(settings.bodies);
        let tokens = Arc::new(tokens);
        let control = Control::new(hub.pipeline.asks().clone(), Arc::clone(&tokens));
        let shared = Shared::new(hub, settings.callers, heads, !settings.is_off, bodies, tokens);
        office.open(&shared, &control, &mut warnings);
        let shared = Arc::new(shared);
        #[cfg(feature = "viewer")]
        let page = super::viewer::Page::open(at, directory, &shared, told.in_force, &mut warnings);
        Self {
            shared,
            control,
            warnings: warnings.into_inner().into(),
            places: told.places.into(),
            #[cfg(feature = "store")]
            left_behind: Arc::new(Mutex::new(told.left_behind)),
            #[cfg(feature = "viewer")]
            page,
        }
    }

    /// The [local page](crate::viewer) of the store as a Tower service, to be mounted behind a sign-in of the application's
    /// own: whoever reaches it sees everything that is stored.
    ///
    /// It asks for no token. Where it stands inside of [`layer`](Self::layer), its own requests are recorded too.
    ///
    /// # Example
    /// ```no_run
    /// # #[cfg(feature = "axum")]
    /// # fn mount(app: axum::Router, sign_in: tower::layer::util::Identity) -> Result<axum::Router, campanile::BuildError> {
    /// let telemetry = campanile::init()?;
    /// let inside = axum::Router::new().nest_service("/debug/requests", telemetry.viewer()).layer(sign_in);
    /// let app = app.layer(telemetry.layer()).merge(inside);
    /// # Ok(app)
    /// # }
    /// ```
    #[cfg(feature = "viewer")]
    #[must_use]
    pub fn viewer(&self) -> crate::viewer::ViewerService {
        self.page.service()
    }

    /// The address of the local page with its token, where it is served: for the one who started the application.
    #[cfg(feature = "viewer")]
    #[must_use]
    pub fn viewer_url(&self) -> Option<&str> {
        self.page.url()
    }

    /// By which code asks for more while it runs: another level, bodies or sampling for one route, user or query.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// The layer that records every request that passes it.
    pub fn layer(&self) -> ObserveLayer {
        ObserveLayer::new(Arc::clone(&self.shared))
    }

    /// The layer for clients: every outgoing request that passes it is a span of the request that it is made for, and
    /// carries the trace on.
    pub fn client_layer(&self) -> ObserveClientLayer {
        ObserveClientLayer::new(Arc::clone(&self.shared))
    }

    /// A layer for a `tracing-subscriber` registry of your own, so that events and spans join their requests.
    ///
    /// It takes what it wants whatever the other layers' own filters say. A filter that is put up for the whole
    /// registry hides things from it too; that is said once.
    ///
    /// # Example
    /// ```
    /// use tracing_subscriber::layer::SubscriberExt as _;
    ///
    /// let telemetry = campanile::builder().build()?;
    /// let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
    /// # drop(subscriber);
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    pub fn tracing_layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let hub = Arc::clone(&self.shared.hub);
        Capture::new(Arc::clone(&hub)).with_filter(CaptureFilter(hub))
    }

    /// A subscriber of its own, for a thread or a scope in which nobody else listens: the one that
    /// [`install`](Self::install) makes the process's.
    ///
    /// It keeps the spans itself, at a fraction of what a registry costs, and other layers cannot be put on top of it.
    ///
    /// # Example
    /// ```
    /// let telemetry = campanile::builder().build()?;
    /// tracing::subscriber::with_default(telemetry.subscriber(), || tracing::info!("a record of its own"));
    /// # Ok::<(), campanile::BuildError>(())
    /// ```
    pub fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        Solo::new(Arc::clone(&self.shared.hub))
    }

    /// Makes it the process's own: tracing subscriber, records of the `log` crate, panic hook.
    ///
    /// A subscriber or logger that is installed already stays, with one warning; the panic hook that was there before
    /// is still called. Prints on standard error where to look, which settings could not be followed, and once which
    /// requests were in flight when the process before died.
    pub fn install(&self) {
        *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&self.shared);
        for warning in &*self.warnings {
            say(warning);
        }
        if !self.shared.is_on {
            return;
        }
        let hub = &self.shared.hub;
        install_hook(hub);
        if hub.is_subscribed() {
            // The application composes `tracing_layer` into a subscriber of its own.
            return self.tell_places();
        }
        if tracing::subscriber::set_global_default(Solo::new(Arc::clone(hub))).is_err() {
            hub.unsubscribe();
            warn(
                "tracing",
                format_args!(
                    "another subscriber is installed; add `.with(telemetry.tracing_layer())` to it to see events and spans"
                ),
            );
        } else {
            // Somebody else's logger stays, and its records go where it sends them.
            let _ = tracing_log::LogTracer::builder().with_max_level(hub.scope().max_log_level()).init();
        }
        self.tell_places();
    }

    fn tell_places(&self) {
        let places: Vec<_> = self.page_place().into_iter().chain(self.places.iter().cloned()).collect();
        if !places.is_empty() {
            line(&format!("campanile {}: {}", env!("CARGO_PKG_VERSION"), places.join(", ")));
        }
        #[cfg(feature = "store")]
        if let Some(notice) = self.left_behind.lock().unwrap_or_else(PoisonError::into_inner).take() {
            notice.tell();
        }
    }

    #[cfg(feature = "viewer")]
    fn page_place(&self) -> Option<String> {
        self.page.url().map(|url| format!("page {url}"))
    }

    #[cfg(not(feature = "viewer"))]
    const fn page_place(&self) -> Option<String> {
        None
    }

    /// Settings that could not be followed, one sentence each. No sentence holds a value, but for the directory of a store
    /// that cannot be used.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What was taken, delivered and lost so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.shared.hub.pipeline.stats();
        stats.body_bytes = self.shared.bodies.as_ref().map_or(0, |rules| rules.held_bytes());
        stats
    }

    /// Waits until everything that was finished before has reached its exporters; false when `within` was not enough.
    ///
    /// Blocks the calling thread.
    #[must_use]
    pub fn flush(&self, within: Duration) -> bool {
        self.shared.hub.pipeline.flush(within)
    }

    /// Ends it, within [`SHUTDOWN_DEADLINE`](Self::SHUTDOWN_DEADLINE), on any async runtime.
    pub fn shutdown(&self) -> impl Future<Output = Report> + Send + use<> {
        self.shutdown_within(Self::SHUTDOWN_DEADLINE)
    }

    /// Ends it, within `deadline`. What is not delivered then is counted as dropped.
    ///
    /// It begins when this is called, and goes on even if the future is dropped.
    pub fn shutdown_within(&self, deadline: Duration) -> impl Future<Output = Report> + Send + use<> {
        self.shared.end_page();
        self.shared.hub.pipeline.shutdown(deadline)
    }

    /// [`shutdown_within`](Self::shutdown_within) for a thread that may wait.
    pub fn shutdown_blocking(&self, deadline: Duration) -> Report {
        self.shared.end_page();
        self.shared.hub.pipeline.shutdown_blocking(deadline)
    }
}

#[cfg(feature = "opentelemetry")]
fn in_step(hub: Hub) -> Hub {
    hub.with_foreign(Box::new(crate::opentelemetry::Bridge))
}

#[cfg(not(feature = "opentelemetry"))]
const fn in_step(hub: Hub) -> Hub {
    hub
}

/// Ends the telemetry that was installed, for whoever is about to end the process.
#[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only the signal needs it"))]
pub(super) fn end_installed(within: Duration) {
    let installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
    if let Some(shared) = installed {
        shared.end_page();
        shared.hub.pipeline.shutdown_blocking(within);
    }
}
