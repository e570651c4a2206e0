//! What is captured of a request, and which requests keep it: `CAMPANILE_LEVEL`, `CAMPANILE_OWN_TARGETS`,
//! `CAMPANILE_KEEP`.

use std::time::Duration;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::Builder;
#[cfg(feature = "viewer")]
use super::in_force::{InForce, unsaid};
use super::settings::Settings;
use super::value::Reader;
use crate::error::BuildError;
use crate::keep::Keep;

const KEY: &str = "CAMPANILE_KEEP";

/// What code sets, which wins.
#[derive(Debug, Default)]
pub(super) struct Detail {
    level: Option<LevelFilter>,
    own_targets: Option<Vec<String>>,
    keep: Option<Keep>,
}

impl Detail {
    pub(super) fn apply(self, settings: &mut Settings) -> Result<(), BuildError> {
        if let Some(problem) = self.keep.as_ref().and_then(Keep::problem) {
            return Err(BuildError::new("keep", problem.to_owned()));
        }
        settings.level = self.level.unwrap_or(settings.level);
        settings.keep = self.keep.or(settings.keep.take());
        if let Some(own) = self.own_targets {
            settings.own_targets = own;
        }
        Ok(())
    }

    #[cfg(feature = "viewer")]
    pub(super) fn tell(&self, all: &mut InForce) {
        all.code("CAMPANILE_LEVEL", self.level, |level| Some(level.to_string()));
        all.code("CAMPANILE_OWN_TARGETS", self.own_targets.as_ref(), |own| Some(own.join(",")));
        all.code("CAMPANILE_KEEP", self.keep.as_ref(), unsaid);
    }
}

impl Builder {
    /// Least level of the events and spans that are captured of the application's own code, whatever the console shows. Of
    /// others, INFO and above is captured, or less where this asks for less.
    ///
    /// What is captured travels where [`keep`](Self::keep) says so.
    ///
    /// # Default
    /// DEBUG.
    pub fn level(mut self, level: impl Into<LevelFilter>) -> Self {
        self.detail.level = Some(level.into());
        self
    }

    /// What counts as the application's own code: these targets and everything below them, such as `shop` for
    /// `shop::orders`. An empty list asks for the default.
    ///
    /// # Default
    /// Code whose file was not fetched by cargo: it lies neither below a registry's sources nor below a git checkout.
    pub fn own_targets<T: Into<String>>(mut self, targets: impl IntoIterator<Item = T>) -> Self {
        self.detail.own_targets = Some(targets.into_iter().map(Into::into).collect());
        self
    }

    /// Which requests keep what was captured in detail.
    ///
    /// # Default
    /// [`Keep::new`]; with [`from_env`](Self::from_env), in a debug build, [`Keep::all`].
    pub fn keep(mut self, keep: Keep) -> Self {
        self.detail.keep = Some(keep);
        self
    }
}

/// Targets between commas or spaces.
pub(super) fn own_targets(reader: &mut Reader<'_>) -> Vec<String> {
    let text = reader.text("CAMPANILE_OWN_TARGETS").unwrap_or_default();
    text.split([',', ' ']).filter(|target| !target.is_empty()).map(str::to_owned).collect()
}

/// Words between commas: `failed`, `slow`, `slow:500ms`, `slow:3x`, `sampled`, `rest:info`, `query:` and a query; or only
/// `all` or `none`. A comma in quotes belongs to its query.
///
/// A word that cannot be followed is left out with a warning; failed requests are kept all the same.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<Keep> {
    let text = reader.text(KEY)?;
    let mut keep = Keep::failed();
    for (index, word) in words(text).into_iter().enumerate() {
        let is = |known: &str| word.eq_ignore_ascii_case(known);
        let (name, value) = word.split_once(':').map_or((word, None), |(name, value)| (name, Some(value.trim())));
        let named = |known: &str| name.eq_ignore_ascii_case(known);
        let next = if is("all") {
            Some(Keep::all())
        } else if is("none") {
            Some(Keep::none())
        } else if is("failed") {
            Some(keep.clone())
        } else if is("sampled") {
            Some(keep.clone().sampled())
        } else if named("slow") {
            slow(keep.clone(), value)
        } else if named("rest") {
            value.and_then(|level| level.parse::<Level>().ok()).map(|level| keep.clone().rest(level))
        } else if named("query") {
            value.map(|query| keep.clone().query(query)).filter(|keep| keep.problem().is_none())
        } else {
            None
        };
        match next {
            Some(next) => keep = next,
            None => reader.warnings.push(KEY, format_args!("has a part {} that cannot be followed and is left out", index + 1)),
        }
    }
    Some(keep)
}

/// `slow`, `slow:3x` of what the route usually takes, or `slow:500ms`.
fn slow(keep: Keep, value: Option<&str>) -> Option<Keep> {
    let Some(value) = value else { return Some(keep.slower_than(Keep::DEFAULT_SLOWER_THAN)) };
    if let Some(times) = value.strip_suffix(['x', 'X']) {
        return Some(keep.slower_than(times.parse().ok()?)).filter(|keep| keep.problem().is_none());
    }
    let at = value.find(|char: char| !char.is_ascii_digit())?;
    let (number, unit) = value.split_at_checked(at)?;
    let unit = match unit.trim_start() {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        _ => return None,
    };
    Some(keep.slow(unit.checked_mul(number.parse().ok()?)?))
}

/// Splits at commas that do not stand in quotes.
fn words(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let parts = text.split(|char: char| {
        is_quoted ^= char == '"';
        char == ',' && !is_quoted
    });
    parts.map(str::trim).filter(|word| !word.is_empty()).collect()
}
