//! Metrics, from `OTEL_METRIC_*` and from code.
//!
//! # Source
//! OpenTelemetry specification 1.60.0, periodic exporting metric reader.

use std::time::Duration;

use super::Builder;
#[cfg(feature = "viewer")]
use super::in_force::InForce;
use super::value::Reader;
use crate::metrics::Settings;

/// What code sets, which wins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MetricChanges {
    interval: Option<Duration>,
    max_attribute_sets: Option<usize>,
    has_body_sizes: bool,
}

impl MetricChanges {
    pub(super) fn apply(self, settings: &mut Settings) {
        if let Some(interval) = self.interval {
            settings.interval = interval.max(Duration::from_millis(1));
        }
        settings.max_attribute_sets = self.max_attribute_sets.unwrap_or(settings.max_attribute_sets);
        settings.has_body_sizes |= self.has_body_sizes;
    }

    #[cfg(feature = "viewer")]
    pub(super) fn tell(&self, all: &mut InForce) {
        all.code("OTEL_METRIC_EXPORT_INTERVAL", self.interval, |interval| Some(interval.as_millis().to_string()));
    }
}

impl Builder {
    /// How often [metrics](crate::metrics) are handed to the exporters that want them.
    ///
    /// # Default
    /// [`metrics::DEFAULT_INTERVAL`](crate::metrics::DEFAULT_INTERVAL), a minute. Zero counts as a millisecond.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metrics.interval = Some(interval);
        self
    }

    /// How many sets of attributes one metric may have.
    ///
    /// # Default
    /// [`metrics::DEFAULT_MAX_ATTRIBUTE_SETS`](crate::metrics::DEFAULT_MAX_ATTRIBUTE_SETS).
    ///
    /// # When full
    /// Every further set counts for one whose only attribute is `otel.metric.overflow`; it is one of the `count`.
    pub fn max_metric_attribute_sets(mut self, count: usize) -> Self {
        self.metrics.max_attribute_sets = Some(count);
        self
    }

    /// Whether the sizes of bodies are metrics too: `http.server.request.body.size` and
    /// `http.server.response.body.size`.
    ///
    /// # Default
    /// They are not. The conventions leave them to whoever asks.
    pub fn body_size_metrics(mut self, measure: bool) -> Self {
        self.metrics.has_body_sizes = measure;
        self
    }
}

/// Of an empty environment the defaults.
pub(super) fn settings(reader: &mut Reader<'_>) -> Settings {
    let milliseconds = |text: &str| text.parse().ok().filter(|number| *number > 0).map(Duration::from_millis);
    let interval = reader.parsed("OTEL_METRIC_EXPORT_INTERVAL", "a whole number of milliseconds above 0", milliseconds);
    if reader.text("OTEL_METRICS_EXEMPLAR_FILTER").is_some_and(|filter| filter.eq_ignore_ascii_case("always_on")) {
        reader.warnings.push("OTEL_METRICS_EXEMPLAR_FILTER", "asks for exemplars, which are not sent");
    }
    let mut settings = Settings::default();
    settings.interval = interval.unwrap_or(settings.interval);
    settings
}
