//! All metrics at one moment.

use std::fmt;
use std::sync::Arc;

use super::definition::{Definition, Kind, MAX_BUCKETS};
use super::set::Attribute;
use crate::record::{Resource, Value};

/// All metrics at one moment; cheap to clone.
///
/// # Shape
/// Cumulative: every number counts from [`start_unix_ns`](Self::start_unix_ns), when the pipeline began, to
/// [`unix_ns`](Self::unix_ns). [`since`](Self::since) has what came between two of them.
#[derive(Clone)]
pub struct Snapshot {
    all: Arc<All>,
}

struct All {
    resource: Arc<Resource>,
    /// When the pipeline began.
    origin_unix_ns: u64,
    start_unix_ns: u64,
    unix_ns: u64,
    is_delta: bool,
    metrics: Vec<Metric>,
}

impl Snapshot {
    pub(crate) fn new(resource: Arc<Resource>, start_unix_ns: u64, unix_ns: u64, metrics: Vec<Metric>) -> Self {
        let origin_unix_ns = start_unix_ns;
        Self { all: Arc::new(All { resource, origin_unix_ns, start_unix_ns, unix_ns, is_delta: false, metrics }) }
    }

    /// What there was when the pipeline of `snapshot` began: nothing.
    #[cfg(feature = "otlp")]
    pub(crate) fn empty_of(snapshot: &Self) -> Self {
        let All { resource, start_unix_ns, .. } = &*snapshot.all;
        Self::new(Arc::clone(resource), *start_unix_ns, *start_unix_ns, Vec::new())
    }

    /// Who is speaking.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.all.resource
    }

    /// From when on up-down-counters count, which a difference leaves as they are.
    #[cfg(feature = "otlp")]
    pub(crate) fn origin_unix_ns(&self) -> u64 {
        self.all.origin_unix_ns
    }

    /// From when on the numbers count, in nanoseconds since 1970.
    #[must_use]
    pub fn start_unix_ns(&self) -> u64 {
        self.all.start_unix_ns
    }

    /// When it was taken, in nanoseconds since 1970. It goes by the monotonic clock, so it never runs backwards.
    #[must_use]
    pub fn unix_ns(&self) -> u64 {
        self.all.unix_ns
    }

    /// Whether it is the difference of two others, made with [`since`](Self::since).
    #[must_use]
    pub fn is_delta(&self) -> bool {
        self.all.is_delta
    }

    /// The metrics that have points.
    #[must_use]
    pub fn metrics(&self) -> &[Metric] {
        &self.all.metrics
    }

    /// One metric, by its name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.all.metrics.iter().find(|metric| metric.name() == name)
    }

    /// What came after `earlier`: of histograms and counters the difference, without points that have not changed; of
    /// up-down-counters the value itself, as no preference of OpenTelemetry's makes deltas of them.
    ///
    /// Both have to be of the same pipeline, and cumulative.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let metrics = self.all.metrics.iter().filter_map(|metric| metric.since(earlier.metric(metric.name()))).collect();
        let all = All {
            resource: Arc::clone(&self.all.resource),
            origin_unix_ns: self.all.origin_unix_ns,
            start_unix_ns: earlier.all.unix_ns,
            unix_ns: self.all.unix_ns,
            is_delta: true,
            metrics,
        };
        Self { all: Arc::new(all) }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.all.metrics).finish()
    }
}

/// One metric and its points.
#[derive(Clone)]
pub struct Metric {
    definition: &'static Definition,
    points: Vec<Point>,
}

impl Metric {
    pub(super) const fn new(definition: &'static Definition, points: Vec<Point>) -> Self {
        Self { definition, points }
    }

    /// Its name, such as `http.server.request.duration`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.definition.name
    }

    /// Its unit, in UCUM's notation: `s`, `By`, `{request}`.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        self.definition.unit
    }

    /// What it says.
    #[must_use]
    pub const fn description(&self) -> &'static str {
        self.definition.description
    }

    /// How its numbers are meant.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.definition.kind
    }

    /// The upper boundaries of a histogram's buckets, each inclusive, in [`unit`](Self::unit); of a sum none.
    #[must_use]
    pub const fn bounds(&self) -> &'static [f64] {
        self.definition.bounds
    }

    /// One point for each set of attributes.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Of the points that have all of these attributes, the sums and the counts of measurements, added up.
    ///
    /// # Example
    /// ```
    /// # fn check(snapshot: &campanile::metrics::Snapshot) {
    /// let duration = snapshot.metric("http.server.request.duration").expect("a request was made");
    /// assert_eq!(duration.count(&[("http.route", "/orders/{id}"), ("http.response.status_code", "200")]), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn count(&self, attributes: &[(&str, &str)]) -> i64 {
        let has = |point: &&Point| {
            attributes.iter().all(|(name, value)| point.attribute(name).is_some_and(|known| known.to_string() == *value))
        };
        let count = |point: &Point| match point.data() {
            Data::Sum(value) => value,
            #[expect(clippy::cast_possible_truncation, reason = "a cast of a float stops at the bounds")]
            Data::Amount(value) => value as i64,
            Data::Histogram { count, .. } => i64::try_from(count).unwrap_or(i64::MAX),
        };
        self.points.iter().filter(has).map(count).fold(0, i64::saturating_add)
    }

    fn since(&self, earlier: Option<&Self>) -> Option<Self> {
        if self.kind() == Kind::UpDownCounter {
            return Some(self.clone());
        }
        let before = earlier.map(|metric| metric.points.as_slice()).unwrap_or_default();
        let find = |index: usize, point: &Point| {
            // Points are only ever added at the end, so they mostly stand where they stood.
            let same = before.get(index).filter(|known| known.has_attributes_of(point));
            same.or_else(|| before.iter().find(|known| known.has_attributes_of(point)))
        };
        let points = self.points.iter().enumerate();
        let points: Vec<_> = points.filter_map(|(index, point)| point.since(find(index, point))).collect();
        (!points.is_empty()).then_some(Self { definition: self.definition, points })
    }
}

impl fmt::Debug for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metric").field("name", &self.name()).field("points", &self.points).finish()
    }
}

/// The numbers of one set of attributes.
#[derive(Clone)]
pub struct Point {
    attributes: Arc<[Attribute]>,
    numbers: Numbers,
    per_unit: f64,
}

/// What is counted, in whole numbers, so that nothing is lost to rounding however long it goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Numbers {
    Sum(i64),
    Histogram { count: u64, sum: u128, buckets: [u64; MAX_BUCKETS], used: usize },
}

/// What a point says.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Data<'a> {
    /// The value of a counter.
    Sum(i64),
    /// The value of a counter whose unit is counted in parts, such as time in seconds.
    Amount(f64),
    /// Measurements.
    #[non_exhaustive]
    Histogram {
        /// How many.
        count: u64,
        /// All of them together, in the metric's unit.
        sum: f64,
        /// How many lie up to each boundary and above the one before; the last are those above all. They add up to
        /// `count`.
        buckets: &'a [u64],
    },
}

impl Point {
    pub(super) const fn new(attributes: Arc<[Attribute]>, numbers: Numbers) -> Self {
        Self { attributes, numbers, per_unit: 1.0 }
    }

    pub(super) const fn measured(mut self, definition: &Definition) -> Self {
        self.per_unit = definition.per_unit;
        self
    }

    /// Its attributes.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = (&'static str, Value<'_>)> + Clone {
        self.attributes.iter().map(|attribute| (attribute.name, attribute.value.view()))
    }

    /// The value of one attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Value<'_>> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Whether it stands for all that found no room among the metric's attribute sets.
    #[must_use]
    pub fn is_overflow(&self) -> bool {
        self.attribute("otel.metric.overflow").is_some()
    }

    /// What it says.
    #[must_use]
    pub fn data(&self) -> Data<'_> {
        match &self.numbers {
            #[expect(clippy::float_cmp, reason = "a constant, as it was written")]
            Numbers::Sum(value) if self.per_unit == 1.0 => Data::Sum(*value),
            Numbers::Sum(value) => Data::Amount(*value as f64 / self.per_unit),
            Numbers::Histogram { count, sum, buckets, used } => Data::Histogram {
                count: *count,
                sum: *sum as f64 / self.per_unit,
                buckets: buckets.get(..*used).unwrap_or_default(),
            },
        }
    }

    fn has_attributes_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.attributes, &other.attributes) || self.attributes == other.attributes
    }

    /// The difference; `None` where there is none.
    fn since(&self, earlier: Option<&Self>) -> Option<Self> {
        let numbers = match (self.numbers, earlier.map(|point| point.numbers)) {
            (Numbers::Sum(value), Some(Numbers::Sum(before))) => Numbers::Sum(value.saturating_sub(before)),
            (
                Numbers::Histogram { count, sum, mut buckets, used },
                Some(Numbers::Histogram { count: count_before, sum: sum_before, buckets: before, .. }),
            ) => {
                buckets.iter_mut().zip(before).for_each(|(bucket, before)| *bucket = bucket.saturating_sub(before));
                let (count, sum) = (count.saturating_sub(count_before), sum.saturating_sub(sum_before));
                Numbers::Histogram { count, sum, buckets, used }
            }
            (numbers, _) => numbers,
        };
        let is_nothing = matches!(numbers, Numbers::Sum(0) | Numbers::Histogram { count: 0, .. });
        (!is_nothing).then(|| Self { numbers, ..self.clone() })
    }
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        map.entries(self.attributes());
        map.entry(&"=", &self.data()).finish()
    }
}
