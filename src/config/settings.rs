//! What the environment asks for, apart from the variables of OTLP.

use std::path::PathBuf;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

use super::control::ControlSettings;
use super::env::{Env, Warnings};
use super::http::HttpSettings;
use super::value::Reader;
use super::viewer::ViewerAt;
use super::{bodies, filter, keep, known, propagation, reports, resource, viewer};
use crate::capture::{Bodies, ReportSettings};
use crate::keep::{Keep, Sampler};
use crate::layer::Callers;
use crate::metrics;
use crate::propagator::Propagators;
use crate::record::Resource;

/// Directory of the store when it is only switched on.
pub(crate) const DEFAULT_STORE_DIRECTORY: &str = ".campanile";
/// Size of the store, in bytes.
pub(crate) const DEFAULT_STORE_MAX_BYTES: u64 = 512 * 1024 * 1024;
/// Age of the oldest records in the store.
pub(crate) const DEFAULT_STORE_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Events and spans below this level are not recorded.
pub(crate) const DEFAULT_LEVEL: LevelFilter = LevelFilter::DEBUG;

/// Typed settings, each with its default where the environment says nothing usable.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `CAMPANILE=off`: nothing is recorded, and requests pass as if there were no layer.
    pub(crate) is_off: bool,
    /// `OTEL_SDK_DISABLED`: nothing is exported; trace context and request ids still pass.
    pub(crate) is_sdk_disabled: bool,
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and what was detected.
    pub(crate) resource: Resource,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub(crate) sampler: Sampler,
    /// `OTEL_PROPAGATORS`: how trace context is read and sent.
    pub(crate) propagators: Propagators,
    /// Which callers are believed, and what they are told.
    pub(crate) callers: Callers,
    /// What is read from heads, and what is quiet.
    pub(crate) http: HttpSettings,
    /// `RUST_LOG`: what the console shows.
    pub(crate) console_filter: Targets,
    /// `CAMPANILE_CONSOLE`; `None` leaves the choice to the kind of build and to the terminal.
    pub(crate) console: Option<Console>,
    /// `CAMPANILE_LEVEL`: which events and spans are recorded.
    pub(crate) level: LevelFilter,
    /// `CAMPANILE_OWN_TARGETS`: what the application's own code is; empty for what cargo did not fetch.
    pub(crate) own_targets: Vec<String>,
    /// `CAMPANILE_KEEP`; `None` leaves the choice to the kind of build.
    pub(crate) keep: Option<Keep>,
    /// `CAMPANILE_STORE`; `None` leaves the choice to the kind of build.
    pub(crate) store: Option<StoreAt>,
    /// `CAMPANILE_STORE_MAX_BYTES`.
    #[cfg_attr(not(any(feature = "store", test)), expect(dead_code, reason = "nothing is stored"))]
    pub(crate) store_max_bytes: u64,
    /// `CAMPANILE_STORE_MAX_AGE`.
    #[cfg_attr(not(any(feature = "store", test)), expect(dead_code, reason = "nothing is stored"))]
    pub(crate) store_max_age: Duration,
    /// `OTEL_METRIC_EXPORT_INTERVAL`, and what code sets.
    pub(crate) metrics: metrics::Settings,
    /// `CAMPANILE_CLIENT_ERRORS`: a 4xx counts as failed.
    pub(crate) client_errors: bool,
    /// `CAMPANILE_BODIES`; `None` leaves the choice to the kind of build and to the terminal.
    pub(crate) bodies: Option<Bodies>,
    /// `CAMPANILE_CONTROL` and `CAMPANILE_DEBUG_KEY`.
    pub(crate) control: ControlSettings,
    /// `CAMPANILE_REPORT_EVERY`: reports about what is still running.
    pub(crate) reports: ReportSettings,
    /// `CAMPANILE_VIEWER`; `None` leaves the choice to the kind of build and to the terminal.
    pub(crate) viewer: Option<ViewerAt>,
    /// `CAMPANILE_FILE`: where JSON lines are written, one for each record.
    pub(crate) file: Option<PathBuf>,
}

/// What is written to the standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Console {
    /// One aligned line for each request, for people.
    Pretty,
    /// One JSON object for each record.
    Json,
    /// The same with the field names of the Elastic Common Schema.
    Ecs,
    /// One line of `key=value` pairs.
    Logfmt,
    /// Nothing.
    Off,
}

/// Where the store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreAt {
    /// Nowhere.
    Off,
    /// In this directory.
    Directory(PathBuf),
}

impl Settings {
    /// Reads them; what cannot be followed becomes a warning and the default, never an error.
    pub(crate) fn from_env(env: &Env, warnings: &mut Warnings) -> Self {
        let resource = resource::detect(env, warnings);
        known::warn_of_unknown(env, warnings);
        let mut reader = Reader::new(env, warnings);
        Self {
            is_off: reader.word("CAMPANILE", &[("on", false), ("off", true)]).unwrap_or_default(),
            is_sdk_disabled: reader.bool("OTEL_SDK_DISABLED"),
            resource,
            sampler: sampler(&mut reader),
            propagators: propagation::propagators(&mut reader),
            callers: propagation::callers(&mut reader),
            http: HttpSettings::from_env(&mut reader),
            console_filter: filter::read("RUST_LOG", &mut reader),
            console: reader.word("CAMPANILE_CONSOLE", CONSOLES),
            level: reader.word("CAMPANILE_LEVEL", LEVELS).unwrap_or(DEFAULT_LEVEL),
            own_targets: keep::own_targets(&mut reader),
            keep: keep::read(&mut reader),
            store: reader.text("CAMPANILE_STORE").map(store_at),
            store_max_bytes: reader.bytes("CAMPANILE_STORE_MAX_BYTES").unwrap_or(DEFAULT_STORE_MAX_BYTES),
            store_max_age: reader.duration("CAMPANILE_STORE_MAX_AGE").unwrap_or(DEFAULT_STORE_MAX_AGE),
            metrics: super::metrics::settings(&mut reader),
            client_errors: reader.bool("CAMPANILE_CLIENT_ERRORS"),
            bodies: bodies::read(&mut reader),
            control: ControlSettings::from_env(&mut reader),
            reports: reports::read(&mut reader),
            viewer: viewer::read(&mut reader),
            file: reader.text("CAMPANILE_FILE").map(PathBuf::from),
        }
    }
}

impl Default for Settings {
    /// Those of an empty environment.
    fn default() -> Self {
        Self::from_env(&Env::default(), &mut Warnings::default())
    }
}

const CONSOLES: &[(&str, Console)] = &[
    ("pretty", Console::Pretty),
    ("json", Console::Json),
    ("ecs", Console::Ecs),
    ("logfmt", Console::Logfmt),
    ("off", Console::Off),
];

const LEVELS: &[(&str, LevelFilter)] = &[
    ("trace", LevelFilter::TRACE),
    ("debug", LevelFilter::DEBUG),
    ("info", LevelFilter::INFO),
    ("warn", LevelFilter::WARN),
    ("error", LevelFilter::ERROR),
    ("off", LevelFilter::OFF),
];

/// `on` and `off` in their usual spellings; anything else is a directory.
fn store_at(text: &str) -> StoreAt {
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is_one_of(&["off", "0", "false"]) {
        StoreAt::Off
    } else if is_one_of(&["on", "1", "true"]) {
        StoreAt::Directory(DEFAULT_STORE_DIRECTORY.into())
    } else {
        StoreAt::Directory(text.into())
    }
}

#[derive(Clone, Copy)]
enum Root {
    Always,
    Never,
    Ratio,
}

/// Names of samplers: what they decide, and whether the caller's decision comes first.
const SAMPLERS: &[(&str, (Root, bool))] = &[
    ("parentbased_always_on", (Root::Always, true)),
    ("parentbased_always_off", (Root::Never, true)),
    ("parentbased_traceidratio", (Root::Ratio, true)),
    ("always_on", (Root::Always, false)),
    ("always_off", (Root::Never, false)),
    ("traceidratio", (Root::Ratio, false)),
];

fn sampler(reader: &mut Reader<'_>) -> Sampler {
    let Some((root, asks_parent)) = reader.word("OTEL_TRACES_SAMPLER", SAMPLERS) else { return Sampler::DEFAULT };
    let own = match root {
        Root::Always => Sampler::ALWAYS_ON,
        Root::Never => Sampler::ALWAYS_OFF,
        Root::Ratio => {
            let read = |text: &str| text.parse().ok().and_then(|ratio| Sampler::ratio(ratio).ok());
            reader.parsed("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1", read).unwrap_or(Sampler::ALWAYS_ON)
        }
    };
    if asks_parent { own.parent_based() } else { own }
}

#[cfg(test)]
mod tests;
