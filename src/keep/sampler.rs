//! The head decision: whether a trace is sampled, made before anything is known about the request's end.

use crate::error::BuildError;
use crate::record::threshold::NUMBERS;
use crate::record::{TraceFlags, TraceId};

/// Decides at the head whether a request is sampled.
///
/// # Default
/// [`Sampler::DEFAULT`]: the caller's decision, and everything where there is no caller.
///
/// # Source
/// OpenTelemetry, `OTEL_TRACES_SAMPLER`. A ratio is decided from the trace id alone, as in the `ProbabilitySampler`: all
/// services of a trace decide alike, and what a lower ratio samples a higher one samples too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sampler {
    /// Sampled are the trace ids whose last 56 bits are not below this.
    threshold: u64,
    asks_parent: bool,
}

impl Sampler {
    /// The caller's decision, else everything.
    pub(crate) const DEFAULT: Self = Self::ALWAYS_ON.parent_based();
    /// Everything.
    pub(crate) const ALWAYS_ON: Self = Self { threshold: 0, asks_parent: false };
    /// Nothing.
    pub(crate) const ALWAYS_OFF: Self = Self { threshold: NUMBERS, asks_parent: false };

    /// A share of all traces, from 0 (none) to 1 (all).
    ///
    /// # Errors
    /// When `ratio` is below 0, above 1 or not a number.
    pub(crate) fn ratio(ratio: f64) -> Result<Self, BuildError> {
        if !(0.0..=1.0).contains(&ratio) {
            return Err(BuildError::new("sample_ratio", "needs a number from 0 to 1"));
        }
        /// Of the 14 digits of a threshold, the first 8 count: exact enough, and short enough not to be taken for the number
        /// of a card in `tracestate`.
        const EXACT: u64 = !0xff_ffff;
        // In range and not NaN, so the cast is exact to the last bit that a double has.
        Ok(Self { threshold: ((1.0 - ratio) * NUMBERS as f64) as u64 & EXACT, asks_parent: false })
    }

    /// Follows the caller where there is one, and decides by itself only for new traces.
    #[must_use]
    pub(crate) const fn parent_based(self) -> Self {
        Self { asks_parent: true, ..self }
    }

    /// The threshold that its own decisions go by, where there is a choice: below it a trace is not sampled. `None` where
    /// the caller decided.
    pub(crate) fn threshold(&self, parent: Option<TraceFlags>) -> Option<u64> {
        let is_own = parent.is_none() || !self.asks_parent;
        Some(self.threshold).filter(|threshold| is_own && *threshold > 0)
    }

    /// `parent` holds the flags of a valid trace context that came in.
    pub(crate) fn sample(&self, parent: Option<TraceFlags>, trace_id: TraceId) -> bool {
        match parent {
            Some(flags) if self.asks_parent => flags.is_sampled(),
            _ => {
                let number = u128::from_be_bytes(trace_id.0) as u64 % NUMBERS;
                number >= self.threshold
            }
        }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOWEST: TraceId = TraceId([255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0]);
    const HIGHEST: TraceId = TraceId([0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255]);
    const SAMPLED: Option<TraceFlags> = Some(TraceFlags::SAMPLED);
    const NOT_SAMPLED: Option<TraceFlags> = Some(TraceFlags::RANDOM);

    #[test]
    fn the_default_follows_the_caller_and_samples_new_traces() {
        for trace_id in [LOWEST, HIGHEST] {
            assert!(Sampler::default().sample(None, trace_id));
            assert!(Sampler::default().sample(SAMPLED, trace_id));
            assert!(!Sampler::default().sample(NOT_SAMPLED, trace_id));
        }
    }

    #[test]
    fn without_parent_the_caller_is_not_asked() {
        for parent in [None, SAMPLED, NOT_SAMPLED] {
            assert!(Sampler::ALWAYS_ON.sample(parent, LOWEST));
            assert!(!Sampler::ALWAYS_OFF.sample(parent, HIGHEST));
            assert!(Sampler::ratio(0.5).unwrap().sample(parent, HIGHEST));
            assert!(!Sampler::ratio(0.5).unwrap().sample(parent, LOWEST));
        }
        assert!(Sampler::ALWAYS_OFF.parent_based().sample(SAMPLED, LOWEST));
        assert!(!Sampler::ALWAYS_OFF.parent_based().sample(None, HIGHEST));
    }

    #[test]
    fn the_ends_of_the_range_are_all_and_nothing() {
        assert_eq!(Sampler::ratio(1.0).unwrap(), Sampler::ALWAYS_ON);
        assert_eq!(Sampler::ratio(0.0).unwrap(), Sampler::ALWAYS_OFF);
        assert_eq!(Sampler::ratio(-0.0).unwrap(), Sampler::ALWAYS_OFF);
    }

    #[test]
    fn a_ratio_outside_the_range_is_an_error_without_the_value() {
        for ratio in [1.5, -0.1, f64::NAN, f64::INFINITY] {
            let error = Sampler::ratio(ratio).unwrap_err();
            assert_eq!(error.to_string(), "sample_ratio needs a number from 0 to 1", "EN-30");
        }
    }

    #[test]
    fn the_share_is_near_the_ratio() {
        let sampler = Sampler::ratio(0.25).unwrap();
        let mut rng = fastrand::Rng::with_seed(7);
        let sampled = (0..40_000).filter(|_| sampler.sample(None, TraceId(rng.u128(..).to_be_bytes()))).count();
        assert!((9_600..10_400).contains(&sampled), "{sampled} of 40000 at a ratio of 0.25");
    }

    proptest! {
        #[test]
        fn a_higher_ratio_samples_what_a_lower_one_does(low in 0.0..=1.0, high in 0.0..=1.0, id: [u8; 16]) {
            prop_assume!(low <= high);
            let sample = |ratio| Sampler::ratio(ratio).unwrap().sample(None, TraceId(id));
            prop_assert!(!sample(low) || sample(high));
        }
    }
}
