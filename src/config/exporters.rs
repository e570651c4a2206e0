//! The exporters that the environment asks for.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::Env;
use super::env::Warnings;
use super::settings::{Console, Settings, StoreAt};
use crate::error::BuildError;
use crate::exporter::{File, Json, Schema};
use crate::pipeline::ErasedExporter;

/// What people are told at the start.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Where to look.
    pub(super) places: Vec<String>,
    /// What was in flight when the process before died.
    #[cfg(feature = "store")]
    pub(super) left_behind: Option<super::left_behind::Notice>,
    /// What the page tells of settings.
    #[cfg(feature = "viewer")]
    pub(super) in_force: super::in_force::InForce,
}

/// Adds them. Returns the directory of the store, where there is one.
pub(super) fn add(
    exporters: &mut Vec<Box<dyn ErasedExporter>>,
    told: &mut Told,
    env: &Env,
    settings: &Settings,
    warnings: &mut Warnings,
) -> Result<Option<PathBuf>, BuildError> {
    add_console(exporters, env, settings, warnings);
    if let Some(path) = &settings.file {
        match File::open(path) {
            Ok(file) => exporters.push(Box::new(file)),
            Err(error) => warnings.push("CAMPANILE_FILE", format_args!("cannot be opened and is left out{}", causes(&error))),
        }
    }
    let directory = add_store(exporters, told, settings, warnings);
    // Bodies leave the machine only where somebody asked for them.
    add_otlp(exporters, &mut told.places, env, settings.bodies.is_some(), warnings)?;
    Ok(directory)
}

/// Whether people look on: a debug build that writes aligned lines on a terminal.
pub(super) fn is_for_people(settings: &Settings) -> bool {
    let is_terminal = std::io::stdout().is_terminal();
    let is_pretty = settings.console.is_none_or(|console| console == Console::Pretty);
    cfg!(debug_assertions) && cfg!(feature = "console") && is_terminal && is_pretty
}

fn add_console(exporters: &mut Vec<Box<dyn ErasedExporter>>, env: &Env, settings: &Settings, warnings: &mut Warnings) {
    let by_place = if std::io::stdout().is_terminal() { Console::Pretty } else { Console::Json };
    let schema = match settings.console.unwrap_or(by_place) {
        Console::Off => return,
        Console::Pretty => {
            #[cfg(feature = "console")]
            return exporters.push(Box::new(pretty(env, warnings)));
            #[cfg(not(feature = "console"))]
            {
                if settings.console.is_some() {
                    warnings.push(
                        "CAMPANILE_CONSOLE",
                        "asks for the pretty console, which needs the feature `console`; JSON lines are written",
                    );
                }
                Schema::Otel
            }
        }
        Console::Json => Schema::Otel,
        Console::Ecs => Schema::Ecs,
        Console::Logfmt => Schema::Logfmt,
    };
    let _ = (env, warnings);
    exporters.push(Box::new(Json::stdout().schema(schema)));
}

/// As wide as the terminal, and in colour where that is known to work and nobody asked for none.
#[cfg(feature = "console")]
fn pretty(env: &Env, warnings: &mut Warnings) -> crate::exporter::Console<std::io::Stdout> {
    let mut console = crate::exporter::Console::stdout();
    if let Some((columns, _)) = terminal_size::terminal_size_of(std::io::stdout()) {
        console = console.width(columns.0.into());
    }
    let is_plain = env.text("NO_COLOR", warnings).is_some() || env.text("TERM", warnings) == Some("dumb");
    console.colour(std::io::stdout().is_terminal() && !is_plain)
}

#[cfg(feature = "store")]
fn add_store(
    exporters: &mut Vec<Box<dyn ErasedExporter>>,
    told: &mut Told,
    settings: &Settings,
    warnings: &mut Warnings,
) -> Option<PathBuf> {
    use super::settings::DEFAULT_STORE_DIRECTORY;
    use crate::exporter::StoreExporter;
    use crate::store::{self, Store};

    let directory = match &settings.store {
        Some(StoreAt::Off) => return None,
        Some(StoreAt::Directory(directory)) => directory.clone(),
        None if cfg!(debug_assertions) => DEFAULT_STORE_DIRECTORY.into(),
        None => return None,
    };
    let mut at = store::Settings::new(directory.clone());
    (at.max_bytes, at.max_age) = (settings.store_max_bytes, settings.store_max_age);
    let shown = at.directory.display().to_string();
    match Store::open(at) {
        Ok(store) => {
            told.left_behind = super::left_behind::Notice::of(&store);
            exporters.push(Box::new(StoreExporter::new(store)));
            told.places.push(format!("store {shown} (read it with `campanile tail`)"));
            Some(directory)
        }
        Err(error) => {
            warnings.push("CAMPANILE_STORE", format_args!("cannot be used and is left out: {error}{}", causes(&error)));
            None
        }
    }
}

#[cfg(not(feature = "store"))]
fn add_store(
    _: &mut Vec<Box<dyn ErasedExporter>>,
    _: &mut Told,
    settings: &Settings,
    warnings: &mut Warnings,
) -> Option<PathBuf> {
    if matches!(settings.store, Some(StoreAt::Directory(_))) {
        warnings.push("CAMPANILE_STORE", "needs the feature `store` and is ignored");
    }
    None
}

#[cfg(feature = "otlp")]
fn add_otlp(
    exporters: &mut Vec<Box<dyn ErasedExporter>>,
    places: &mut Vec<String>,
    env: &Env,
    has_bodies: bool,
    warnings: &mut Warnings,
) -> Result<(), BuildError> {
    let settings = super::otlp::from_env(env, warnings)?;
    if let Some(traces) = settings.traces {
        exporters.push(Box::new(traces.captured_bodies(has_bodies).traces()?));
        places.push("traces to OTLP".to_owned());
    }
    if let Some(logs) = settings.logs {
        exporters.push(Box::new(logs.logs()?));
        places.push("logs to OTLP".to_owned());
    }
    if let Some(metrics) = settings.metrics {
        exporters.push(Box::new(metrics.metrics()?));
        places.push("metrics to OTLP".to_owned());
    }
    Ok(())
}

#[cfg(not(feature = "otlp"))]
fn add_otlp(
    _: &mut Vec<Box<dyn ErasedExporter>>,
    _: &mut Vec<String>,
    env: &Env,
    _: bool,
    warnings: &mut Warnings,
) -> Result<(), BuildError> {
    const KEY: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
    if env.text(KEY, warnings).is_some() {
        warnings.push(KEY, "needs the feature `otlp` and is ignored");
    }
    Ok(())
}

/// The chain behind an error, as the rest of a sentence.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
