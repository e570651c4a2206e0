//! Spans as bars over time.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::escape::escape;
use crate::record::{Record, Span, SpanId, SpanKind};

use super::units::ms;

/// Cells of the names, at most.
const NAMES: usize = 32;
/// Cells of the durations.
const DURATIONS: usize = 10;
/// Levels that are indented.
const MAX_DEPTH: usize = 8;

/// One row for each span, under a row for the request; every bar stands where its span was running.
pub(super) fn rows(record: &Record, width: usize) -> Vec<String> {
    let depths = depths(record);
    let mut labels = vec!["request".to_owned()];
    labels.extend(record.spans().map(|span| label(&span, depths.get(&span.id()).copied().unwrap_or_default())));
    let names = labels.iter().map(|label| label.chars().count()).max().unwrap_or_default().min(NAMES);
    let bars = width.saturating_sub(2 + names + 2 + 2 + DURATIONS).max(20);
    let whole = record.spans().map(|span| span.end_ns()).fold(record.duration_ns(), u64::max).max(1);

    let mut rows = vec![format!("  {:names$}  {}", "", scale(whole, bars))];
    let request = (0, record.duration_ns(), true);
    let times = std::iter::once(request).chain(record.spans().map(|span| (span.start_ns(), span.end_ns(), span.is_finished())));
    for (label, (start, end, is_finished)) in labels.iter().zip(times) {
        let label: String = label.chars().take(names).collect();
        let bar = bar(start, end, is_finished, whole, bars);
        rows.push(format!("  {label:names$}  {bar:bars$}  {:>DURATIONS$}", ms(end.saturating_sub(start))));
    }
    rows
}

fn label(span: &Span<'_>, depth: usize) -> String {
    let mut name = format!("{}{}", "  ".repeat(depth.min(MAX_DEPTH)), escape(span.name()));
    // Of a call, `GET` alone says little.
    if span.kind() == SpanKind::Client
        && let Some(host) = span.field("server.address")
    {
        let _ = write!(name, " {}", escape(&host.to_string()));
    }
    name
}

/// How many other spans of the record stand around each.
fn depths(record: &Record) -> HashMap<SpanId, usize> {
    let mut depths: HashMap<SpanId, usize> = HashMap::new();
    // Spans come in the order in which they began, so parents come first.
    for span in record.spans() {
        let depth = span.parent_id().and_then(|parent| depths.get(&parent)).map_or(0, |depth| depth + 1);
        depths.insert(span.id(), depth);
    }
    depths
}

/// `=` while the span ran, `>` at the end of one that was still open.
fn bar(start: u64, end: u64, is_finished: bool, whole: u64, cells: usize) -> String {
    let from = at(start, whole, cells).min(cells.saturating_sub(1));
    let to = at(end, whole, cells).clamp(from + 1, cells.max(from + 1));
    let length = to - from;
    let mut out = " ".repeat(from);
    out.push_str(&"=".repeat(length - usize::from(!is_finished)));
    if !is_finished {
        out.push('>');
    }
    out
}

/// The cell of a moment.
fn at(ns: u64, whole: u64, cells: usize) -> usize {
    let cell = u128::from(ns) * cells as u128 / u128::from(whole);
    usize::try_from(cell).unwrap_or(cells).min(cells)
}

/// Round numbers above the bars.
fn scale(whole: u64, cells: usize) -> String {
    let (unit, name) = match whole {
        ..1_000_000 => (1_000, "us"),
        1_000_000..10_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let step = step(whole);
    let mut out = String::new();
    for mark in (0..=whole).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let text = format!("{}", mark / unit);
        let cell = at(mark, whole, cells);
        if cell + text.len() > cells {
            break;
        }
        out.push_str(&" ".repeat(cell.saturating_sub(out.len())));
        out.push_str(&text);
    }
    format!("{out} {name}")
}

/// 1, 2 or 5 times a power of ten, so that there are four to ten marks.
fn step(whole: u64) -> u64 {
    let mut power = 1_000_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if whole / step <= 8 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_their_spans_ran() {
        assert_eq!(bar(0, 100, true, 100, 10), "==========");
        assert_eq!(bar(50, 80, true, 100, 10), "     ===");
        assert_eq!(bar(50, 100, false, 100, 10), "     ====>");
        assert_eq!(bar(100, 100, true, 100, 10), "         =", "one at the very end is still seen");
        assert_eq!(bar(0, u64::MAX, true, u64::MAX, 4), "====");
    }

    #[test]
    fn the_scale_has_round_numbers() {
        assert_eq!(scale(61_700_000, 60), "0        10        20        30       40        50        60 ms".to_owned());
        for whole in [1, 999, 1_000, 5_000_000, 9_999_999_999, 3_600_000_000_000, u64::MAX] {
            assert!(scale(whole, 50).starts_with('0'), "{whole}");
        }
    }
}
