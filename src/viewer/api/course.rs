//! Requests, failures and latency over time.

use serde_json::{Value as Json, json};

use super::asked::Asked;
use super::span::{Span, count, times};
use crate::page::Spread;
use crate::record::Outcome;
use crate::store::{Scan, Scanned};
use crate::viewer::core::Core;
use crate::viewer::json::ms;
use crate::viewer::params::Params;
use crate::viewer::pool::WITHIN;
use crate::viewer::problem::Problem;

/// Where one class of latency ends, in milliseconds.
const EDGES_MS: [f64; 14] = [0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 10e3];
const PARTS: usize = 60;

/// The course of what matches.
pub(super) async fn course(core: &Core, params: &Params) -> Result<Json, Problem> {
    let Asked { query, .. } = Asked::of(params)?;
    let span = Span::of(params, &query, PARTS)?;
    core.pool
        .run(move |desk| {
            let (mut requests, mut errors) = (vec![0; span.parts], vec![0; span.parts]);
            let mut cells = vec![[0_u64; EDGES_MS.len() + 1]; span.parts];
            let mut spreads: Vec<_> = std::iter::repeat_with(Spread::new).take(span.parts).collect();
            let (mut counted, mut scanned) = (0_u64, Scanned::Whole);
            if let Some(reader) = desk.reader()? {
                let mut scan = Scan::of(&query);
                (scan.from_unix_ns, scan.before_unix_ns) = (Some(span.from_unix_ns), Some(span.until_unix_ns()));
                scanned = reader.scan(&scan, WITHIN, |stored| {
                    let (record, times) = (stored.record(), times(stored.record()));
                    let part = span.part(record.start_unix_ns());
                    counted += 1;
                    count(&mut requests, part, times);
                    if record.is_failed() {
                        count(&mut errors, part, times);
                    }
                    // What was handed over goes on as long as somebody likes.
                    if record.outcome() != Outcome::Upgraded
                        && let Some(cells) = part.and_then(|part| cells.get_mut(part))
                    {
                        count(cells, Some(class(record.duration_ns())), times);
                        if let Some(spread) = part.and_then(|part| spreads.get_mut(part)) {
                            spread.add(record.duration_ns(), times);
                        }
                    }
                    true
                })?;
            }
            let cells: Vec<_> = cells.iter().map(|row| row.to_vec()).collect();
            let below = |share| spreads.iter().map(|spread| spread.per_mille(share).map(ms)).collect::<Vec<_>>();
            Ok(json!({
                "from_ms": ms(span.from_unix_ns),
                "step_ms": ms(span.step_ns),
                "requests": requests,
                "errors": errors,
                "latency": { "edges_ms": EDGES_MS, "cells": cells, "p50": below(500), "p95": below(950), "p99": below(990) },
                "counted": counted,
                "is_partial": scanned != Scanned::Whole,
            }))
        })
        .await
}

fn class(duration_ns: u64) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "of hours, nanoseconds are lost")]
    let ms = duration_ns as f64 / 1e6;
    EDGES_MS.iter().position(|edge| ms < *edge).unwrap_or(EDGES_MS.len())
}
