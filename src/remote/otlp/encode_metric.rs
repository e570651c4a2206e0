//! Metrics to export requests, written straight into protobuf.

use std::ptr;

use super::encode::{Head, attribute};
use super::proto;
use crate::metrics::{Data, Kind, Metric, Point, Snapshot};
use crate::remote::{Measured, MetricEncoder};

/// `AggregationTemporality`.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;
/// Fields of a `Metric` that say what kind it is.
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;

/// Metrics, as an `ExportMetricsServiceRequest`.
#[derive(Default)]
pub(in crate::remote) struct Metrics {
    head: Head,
}

impl MetricEncoder for Metrics {
    fn encode(&mut self, points: &[Measured<'_>], snapshot: &Snapshot, out: &mut Vec<u8>) {
        self.head.around(snapshot.resource(), out, |out| {
            for group in points.chunk_by(|(one, _), (other, _)| ptr::eq(*one, *other)) {
                if let [(metric, _), ..] = group {
                    write_metric(out, metric, group.iter().map(|(_, point)| *point), snapshot);
                }
            }
        });
    }
}

fn write_metric<'a>(out: &mut Vec<u8>, metric: &Metric, points: impl Iterator<Item = &'a Point>, snapshot: &Snapshot) {
    // An up-down-counter is cumulative whatever is preferred: it counts from the beginning.
    let is_delta = snapshot.is_delta() && metric.kind() != Kind::UpDownCounter;
    let start_unix_ns = if is_delta { snapshot.start_unix_ns() } else { snapshot.origin_unix_ns() };
    let whole = proto::begin(out, 2);
    proto::bytes(out, 1, metric.name().as_bytes());
    proto::bytes(out, 2, metric.description().as_bytes());
    proto::bytes(out, 3, metric.unit().as_bytes());
    let data = proto::begin(out, if metric.kind() == Kind::Histogram { HISTOGRAM } else { SUM });
    for point in points {
        write_point(out, metric, point, (start_unix_ns, snapshot.unix_ns()));
    }
    proto::number(out, 2, if is_delta { DELTA } else { CUMULATIVE });
    proto::number(out, 3, u64::from(metric.kind() == Kind::Counter));
    proto::end(out, data);
    proto::end(out, whole);
}

fn write_point(out: &mut Vec<u8>, metric: &Metric, point: &Point, (start, end): (u64, u64)) {
    let whole = proto::begin(out, 1);
    proto::fixed64(out, 2, start);
    proto::fixed64(out, 3, end);
    // The two kinds of points have their attributes in different fields.
    let attributes = match point.data() {
        Data::Sum(value) => {
            proto::fixed64(out, 6, value.cast_unsigned());
            7
        }
        Data::Amount(value) => {
            proto::fixed64(out, 4, value.to_bits());
            7
        }
        Data::Histogram { count, sum, buckets } => {
            proto::fixed64(out, 4, count);
            proto::fixed64(out, 5, sum.to_bits());
            packed(out, 6, buckets.iter().copied());
            packed(out, 7, metric.bounds().iter().map(|bound| bound.to_bits()));
            9
        }
    };
    for (name, value) in point.attributes() {
        attribute(out, attributes, name, value);
    }
    proto::end(out, whole);
}

/// A list of numbers of 8 bytes each.
fn packed(out: &mut Vec<u8>, field: u32, numbers: impl ExactSizeIterator<Item = u64>) {
    proto::varint(out, u64::from(field << 3 | 2));
    proto::varint(out, 8 * numbers.len() as u64);
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}
