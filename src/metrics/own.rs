//! What the pipeline tells of itself.

use super::definition::{DROPPED, EXPORTED, QUEUED};
use super::set::Set;
use super::snapshot::{Metric, Numbers, Point};
use crate::record::Losses;

/// Counts of the pipeline, up to now.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// What was lost before any exporter had it.
    pub(crate) dropped: Losses,
    pub(crate) exporters: Vec<OfExporter>,
}

/// Counts of one exporter.
#[derive(Debug)]
pub(crate) struct OfExporter {
    pub(crate) name: String,
    pub(crate) dropped: Losses,
    pub(crate) delivered: u64,
    pub(crate) queued: u64,
}

impl Own {
    pub(super) fn metrics(&self) -> impl Iterator<Item = Metric> {
        let (mut dropped, mut exported, mut queued) = (Vec::new(), Vec::new(), Vec::new());
        for (reason, count) in self.dropped.iter() {
            let mut attributes = Set::new();
            attributes.push("campanile.reason", reason.as_str());
            dropped.push(point(&attributes, count));
        }
        for exporter in &self.exporters {
            let mut attributes = Set::new();
            attributes.push("campanile.exporter", exporter.name.as_str());
            exported.push(point(&attributes, exporter.delivered));
            queued.push(point(&attributes, exporter.queued));
            for (reason, count) in exporter.dropped.iter() {
                let mut attributes = Set::new();
                attributes.push("campanile.exporter", exporter.name.as_str());
                attributes.push("campanile.reason", reason.as_str());
                dropped.push(point(&attributes, count));
            }
        }
        [(&DROPPED, dropped), (&EXPORTED, exported), (&QUEUED, queued)]
            .into_iter()
            .filter(|(_, points)| !points.is_empty())
            .map(|(definition, points)| Metric::new(definition, points))
    }
}

fn point(attributes: &Set<'_>, count: u64) -> Point {
    Point::new(attributes.to_owned(), Numbers::Sum(i64::try_from(count).unwrap_or(i64::MAX)))
}
