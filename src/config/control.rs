//! Whether, and by whom, a running process may be asked for more: `CAMPANILE_CONTROL`, `CAMPANILE_DEBUG_KEY`.

use std::fmt;
use std::path::PathBuf;

use super::Builder;
use super::env::Warnings;
#[cfg(all(feature = "control", feature = "store", unix))]
use super::exporters::causes;
#[cfg(feature = "viewer")]
use super::in_force::{InForce, unsaid};
use super::settings::Settings;
use super::value::Reader;
#[cfg(feature = "control")]
use crate::control::Key;
#[cfg(all(feature = "control", feature = "store", unix))]
use crate::control::Server;
use crate::control::{Control, Tokens};
use crate::error::BuildError;
use crate::layer::Shared;
#[cfg(all(feature = "control", feature = "store", unix))]
use crate::record::Resource;

const SWITCH: &str = "CAMPANILE_CONTROL";
const KEY: &str = "CAMPANILE_DEBUG_KEY";

/// What the environment says; the code may say otherwise.
#[derive(Clone, Default)]
pub(crate) struct ControlSettings {
    /// `None` leaves the choice to the kind of build.
    pub(super) is_on: Option<bool>,
    /// What debug tokens are signed with.
    pub(super) debug_key: Option<String>,
    /// The directory of the store, where there is one.
    pub(super) directory: Option<PathBuf>,
}

impl ControlSettings {
    pub(super) fn from_env(reader: &mut Reader<'_>) -> Self {
        let is_on = reader.word(SWITCH, &[("on", true), ("off", false)]);
        let debug_key = reader.text(KEY).map(str::to_owned);
        let is_long = debug_key.as_ref().is_none_or(|key| key.len() >= MIN_KEY_BYTES);
        if !is_long {
            reader.warnings.push(KEY, format_args!("has fewer than {MIN_KEY_BYTES} bytes and is ignored"));
        }
        if debug_key.is_some() && cfg!(not(feature = "control")) {
            reader.warnings.push(KEY, "needs the feature `control` and is ignored");
        }
        Self { is_on, debug_key: debug_key.filter(|_| is_long), directory: None }
    }

    /// What code sets wins.
    pub(super) fn apply(self, settings: &mut Self) -> Result<(), BuildError> {
        settings.is_on = self.is_on.or(settings.is_on);
        if let Some(key) = self.debug_key {
            if key.len() < MIN_KEY_BYTES {
                return Err(BuildError::new("debug_key", format!("needs at least {MIN_KEY_BYTES} bytes")));
            }
            settings.debug_key = Some(key);
        }
        Ok(())
    }

    #[cfg(feature = "viewer")]
    pub(super) fn tell(&self, all: &mut InForce) {
        all.code("CAMPANILE_CONTROL", self.is_on, |is_on| Some(if is_on { "on" } else { "off" }.to_owned()));
        all.code("CAMPANILE_DEBUG_KEY", self.debug_key.as_ref(), unsaid);
    }
}

/// As [`control::Key`](crate::control::Key) wants it.
const MIN_KEY_BYTES: usize = 32;

impl Builder {
    /// Whether this process may be asked for more from outside while it runs: over the private socket in its store's
    /// directory, and by debug tokens; see [`control`](crate::control). What [`Telemetry::control`](crate::Telemetry::control)
    /// is asked in code is taken in any case.
    ///
    /// # Default
    /// With [`from_env`](Self::from_env): the socket in debug builds that have a store, debug tokens where there is a key of
    /// theirs or the socket's. Else neither, but for tokens where a [`debug_key`](Self::debug_key) is set.
    pub fn control(mut self, is_on: bool) -> Self {
        self.control.is_on = Some(is_on);
        self
    }

    /// What debug tokens are signed with: at least 32 bytes that nobody can guess.
    ///
    /// # Default
    /// The key in the store's directory, where there is a socket; else no token is taken.
    #[cfg(feature = "control")]
    pub fn debug_key(mut self, key: impl Into<String>) -> Self {
        self.control.debug_key = Some(key.into());
        self
    }
}

/// Where a telemetry is asked from outside.
#[derive(Default)]
pub(super) struct Office {
    #[cfg(all(feature = "control", feature = "store", unix))]
    at: Option<(PathBuf, Key, Resource)>,
}

impl Office {
    /// What the settings want of it, and which debug tokens are taken.
    pub(super) fn new(settings: &Settings, warnings: &mut Warnings) -> (Self, Tokens) {
        let tokens = Tokens::none(settings.resource.service_name().to_owned());
        let control = &settings.control;
        if settings.is_off || settings.is_sdk_disabled || control.is_on == Some(false) {
            return (Self::default(), tokens);
        }
        let office = Self::in_store(settings, warnings);
        #[cfg(feature = "control")]
        let tokens = tokens.signed_by(control.debug_key.as_ref().and_then(|key| Key::new(key).ok()).or_else(|| office.key()));
        #[cfg(all(feature = "control", feature = "store", unix))]
        let tokens = match &office.at {
            // Where it cannot be known which are revoked, none is taken.
            Some((directory, ..)) => tokens.noted_in(directory).unwrap_or_else(|error| {
                warnings.push(SWITCH, format_args!("takes no debug token: control.revoked cannot be read: {error}"));
                Tokens::none(settings.resource.service_name().to_owned())
            }),
            None => tokens,
        };
        (office, tokens)
    }

    #[cfg(all(feature = "control", feature = "store", unix))]
    fn in_store(settings: &Settings, warnings: &mut Warnings) -> Self {
        let Some(directory) = &settings.control.directory else {
            if settings.control.is_on == Some(true) {
                warnings.push(SWITCH, "needs a store for its socket; there is none");
            }
            return Self::default();
        };
        if !settings.control.is_on.unwrap_or(cfg!(debug_assertions)) {
            return Self::default();
        }
        match Key::of_store_or_new(directory) {
            Ok(key) => Self { at: Some((directory.clone(), key, settings.resource.clone())) },
            Err(error) => {
                warnings.push(SWITCH, format_args!("is left out: {error}{}", causes(&error)));
                Self::default()
            }
        }
    }

    #[cfg(not(all(feature = "control", feature = "store", unix)))]
    fn in_store(settings: &Settings, warnings: &mut Warnings) -> Self {
        if settings.control.is_on == Some(true) {
            warnings.push(SWITCH, "needs the features `control` and `store`, and Unix");
        }
        Self::default()
    }

    #[cfg(all(feature = "control", feature = "store", unix))]
    fn key(&self) -> Option<Key> {
        self.at.as_ref().map(|(_, key, _)| key.clone())
    }

    #[cfg(all(feature = "control", not(all(feature = "store", unix))))]
    const fn key(&self) -> Option<Key> {
        None
    }

    /// Opens it for as long as the telemetry lives.
    #[cfg(all(feature = "control", feature = "store", unix))]
    pub(super) fn open(self, shared: &Shared, control: &Control, warnings: &mut Warnings) {
        let Some((directory, key, resource)) = self.at else { return };
        match Server::start(&directory, key, control.clone(), &resource) {
            Ok(server) => shared.attach(Box::new(server)),
            Err(error) => warnings.push(SWITCH, format_args!("is left out, no socket can be made: {error}")),
        }
    }

    #[cfg(not(all(feature = "control", feature = "store", unix)))]
    pub(super) const fn open(self, _: &Shared, _: &Control, _: &mut Warnings) {}
}

impl fmt::Debug for ControlSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSettings").field("is_on", &self.is_on).finish_non_exhaustive()
    }
}
