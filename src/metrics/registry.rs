//! The sums so far. Owned by the one thread that sees every record, so nothing is locked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::definition::{
    Definition, HTTP_CLIENT, HTTP_SERVER, MAX_BUCKETS, REQUEST_SIZE, RESPONSE_SIZE, RPC_CLIENT, RPC_SERVER, RUNTIME_LAG,
};
use super::set::{Attribute, Set, overflow};
use super::snapshot::{Metric, Numbers, Point, Snapshot};
use super::{Active, OfProcess, Own, Settings, derive};
use crate::record::{Kind, Record, Resource, SpanKind};

/// Every metric that is derived from records.
pub(crate) struct Registry {
    resource: Arc<Resource>,
    start: Instant,
    start_unix_ns: u64,
    has_body_sizes: bool,
    http_server: Family,
    rpc_server: Family,
    http_client: Family,
    rpc_client: Family,
    request_size: Family,
    response_size: Family,
    runtime_lag: Family,
}

impl Registry {
    /// An empty one, that counts from now on.
    pub(crate) fn new(settings: &Settings, resource: Arc<Resource>, start_unix_ns: u64) -> Self {
        let family = |definition| Family::new(definition, settings.max_attribute_sets);
        Self {
            resource,
            start: Instant::now(),
            start_unix_ns,
            has_body_sizes: settings.has_body_sizes,
            http_server: family(&HTTP_SERVER),
            rpc_server: family(&RPC_SERVER),
            http_client: family(&HTTP_CLIENT),
            rpc_client: family(&RPC_CLIENT),
            request_size: family(&REQUEST_SIZE),
            response_size: family(&RESPONSE_SIZE),
            runtime_lag: family(&RUNTIME_LAG),
        }
    }

    /// Counts a finished record.
    pub(crate) fn record(&mut self, record: &Record) {
        match record.kind() {
            Kind::Request if record.is_rpc() => self.rpc_server.measure(&derive::rpc_server(record), record.duration_ns()),
            Kind::Request => {
                let attributes = derive::http_server(record);
                self.http_server.measure(&attributes, record.duration_ns());
                if self.has_body_sizes {
                    if let Some(bytes) = record.request_body_bytes() {
                        self.request_size.measure(&attributes, bytes);
                    }
                    if record.status().is_some() {
                        self.response_size.measure(&attributes, record.response_body_bytes());
                    }
                }
            }
            Kind::Span => {}
            // Of an exchange that is counted, or of none.
            Kind::Event | Kind::Live | Kind::Partial => return,
        }
        // A call that had not ended when the record did has no duration yet.
        for span in record.spans().filter(|span| span.kind() == SpanKind::Client && span.is_finished()) {
            match derive::client(&span) {
                Some(derive::Client::Http(attributes)) => self.http_client.measure(&attributes, span.duration_ns()),
                Some(derive::Client::Rpc(attributes)) => self.rpc_client.measure(&attributes, span.duration_ns()),
                None => {}
            }
        }
    }

    /// Counts how long a task waited for the runtime.
    pub(crate) fn runtime_lag(&mut self, ns: u64) {
        self.runtime_lag.measure(&Set::new(), ns);
    }

    /// Everything up to now.
    pub(crate) fn snapshot(&self, active: &Active, own: &Own, process: &OfProcess) -> Snapshot {
        let families = [
            &self.http_server,
            &self.rpc_server,
            &self.http_client,
            &self.rpc_client,
            &self.request_size,
            &self.response_size,
            &self.runtime_lag,
        ];
        let families = families.into_iter().filter_map(Family::metric);
        let metrics = families.chain(active.metric()).chain(process.metrics()).chain(own.metrics()).collect();
        let passed = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let unix_ns = self.start_unix_ns.saturating_add(passed);
        Snapshot::new(Arc::clone(&self.resource), self.start_unix_ns, unix_ns, metrics)
    }
}

/// One histogram with all its attribute sets.
struct Family {
    definition: &'static Definition,
    max_sets: usize,
    known: HashMap<Box<[u8]>, usize>,
    /// Sets are only ever added at the end. The last one is that of the overflow, once there is one.
    series: Vec<Series>,
    key: Vec<u8>,
}

struct Series {
    attributes: Arc<[Attribute]>,
    count: u64,
    sum: u128,
    buckets: [u64; MAX_BUCKETS],
}

impl Family {
    fn new(definition: &'static Definition, max_sets: usize) -> Self {
        Self { definition, max_sets: max_sets.max(1), known: HashMap::new(), series: Vec::new(), key: Vec::new() }
    }

    /// Counts one measurement, in whole parts of the metric's unit.
    fn measure(&mut self, attributes: &Set<'_>, value: u64) {
        attributes.write_key(&mut self.key);
        let index = match self.known.get(self.key.as_slice()) {
            Some(index) => *index,
            None => self.add(attributes),
        };
        let Definition { bounds, per_unit, .. } = self.definition;
        let bucket = bounds.partition_point(|bound| bound * per_unit < value as f64);
        if let Some(series) = self.series.get_mut(index) {
            series.count += 1;
            series.sum += u128::from(value);
            if let Some(bucket) = series.buckets.get_mut(bucket) {
                *bucket += 1;
            }
        }
    }

    /// Makes room for a set that was not seen before; where there is none, its place is the overflow's.
    fn add(&mut self, attributes: &Set<'_>) -> usize {
        let index = self.series.len();
        // One of the sets is that of the overflow, as the specification counts it.
        if index >= self.max_sets {
            return self.max_sets - 1;
        }
        let is_last = index + 1 == self.max_sets;
        let attributes = if is_last {
            overflow()
        } else {
            self.known.insert(self.key.as_slice().into(), index);
            attributes.to_owned()
        };
        self.series.push(Series { attributes, count: 0, sum: 0, buckets: [0; MAX_BUCKETS] });
        index
    }

    fn metric(&self) -> Option<Metric> {
        let used = self.definition.bounds.len() + 1;
        let point = |series: &Series| {
            let Series { attributes, count, sum, buckets } = series;
            let numbers = Numbers::Histogram { count: *count, sum: *sum, buckets: *buckets, used };
            Point::new(Arc::clone(attributes), numbers).measured(self.definition)
        };
        let points: Vec<_> = self.series.iter().map(point).collect();
        (!points.is_empty()).then(|| Metric::new(self.definition, points))
    }
}
