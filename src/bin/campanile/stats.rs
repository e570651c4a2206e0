//! `campanile stats`: what matches, in numbers.

use std::path::Path;

use campanile::record::Outcome;
use campanile::store::Reader;
use serde_json::json;

use crate::args::Stats;
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;
use crate::render::{at, bytes, grouped, missing, ms, share};
use crate::tally::{Tally, each, times};

/// Bars of the course over time.
const BARS: usize = 60;
const SIGNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Shares of the latency that are shown, in a thousandth.
const SHARES: [u64; 4] = [500, 900, 950, 990];

/// Everything that is counted.
struct Sums {
    tally: Tally,
    outcomes: [u64; Outcome::ALL.len()],
    received: u64,
    sent: u64,
    /// When each began and how many it stands for; thinned out where they get many, so that it stays small.
    course: Course,
}

/// Sums up and prints.
pub(crate) fn run(args: &Stats, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let query = args.matching.query()?;
    let mut reader = Reader::open(place::find(store)?)?;
    let mut sums =
        Sums { tally: Tally::new(), outcomes: [0; Outcome::ALL.len()], received: 0, sent: 0, course: Course::default() };
    each(&mut reader, &query, args.seconds, output, |record| {
        sums.tally.add(record);
        let times = times(record);
        let at = Outcome::ALL.iter().position(|outcome| *outcome == record.outcome());
        if let Some(count) = at.and_then(|at| sums.outcomes.get_mut(at)) {
            *count += times;
        }
        sums.received = sums.received.saturating_add(record.request_body_bytes().unwrap_or_default().saturating_mul(times));
        sums.sent = sums.sent.saturating_add(record.response_body_bytes().saturating_mul(times));
        sums.course.add(record.start_unix_ns(), times, record.is_failed());
    })?;
    output.write(&if args.common.json { line(&sums) } else { text(&sums) })?;
    output.flush()?;
    for gap in reader.gaps(sums.tally.first_unix_ns)? {
        output.complain(&missing(gap.losses()));
    }
    Ok(())
}

fn text(sums: &Sums) -> String {
    let Sums { tally, outcomes, received, sent, course } = sums;
    let all = tally.requests;
    let with_share = |count: u64| format!("{} ({})", grouped(count), share(count, all));
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            out.push_str(&format!("{name:<9} {value}\n"));
        }
    };
    row("requests", &format!("{}, {} to {}", grouped(all), at(tally.first_unix_ns), at(tally.last_unix_ns)));
    row("failed", &if tally.failed == 0 { "none".to_owned() } else { with_share(tally.failed) });
    let classes = (1..=9).chain([0]).map(|digit| (digit, tally.class(digit))).filter(|(_, count)| *count > 0);
    let classes = classes.map(|(digit, count)| match digit {
        0 => format!("none {}", with_share(count)),
        digit => format!("{digit}xx {}", with_share(count)),
    });
    row("status", &classes.collect::<Vec<_>>().join("   "));
    let ended = Outcome::ALL.iter().zip(outcomes).filter(|(_, count)| **count > 0);
    let ended = ended.map(|(outcome, count)| format!("{} {}", outcome.as_str(), with_share(*count)));
    row("ended", &ended.collect::<Vec<_>>().join("   "));
    let shares = SHARES.iter().filter_map(|share| Some(format!("p{} {}", share / 10, ms(tally.duration_ns.per_mille(*share)?))));
    let slowest = tally.slowest.iter().map(|(id, took)| format!("slowest {} ({id})", ms(*took)));
    row("latency", &shares.chain(slowest).collect::<Vec<_>>().join("   "));
    row("bodies", &format!("{} in   {} out", bytes(*received), bytes(*sent)));
    let bars = course.bars(tally.first_unix_ns, tally.last_unix_ns);
    if bars.len() > 1 {
        let each = tally.span_ns() / bars.len() as u64;
        let (requests, failed): (Vec<u64>, Vec<u64>) = bars.into_iter().unzip();
        let most = |bars: &[u64]| grouped(bars.iter().copied().max().unwrap_or_default());
        row("course", &format!("{}  each {}, at most {}", drawn(&requests), ms(each), most(&requests)));
        if tally.failed > 0 {
            row("", &format!("{}  failed, at most {}", drawn(&failed), most(&failed)));
        }
    }
    out
}

fn line(sums: &Sums) -> String {
    let Sums { tally, outcomes, received, sent, .. } = sums;
    let ended: serde_json::Map<_, _> =
        Outcome::ALL.iter().zip(outcomes).map(|(outcome, count)| (outcome.as_str().to_owned(), json!(count))).collect();
    let classes: serde_json::Map<_, _> = (1..=9)
        .map(|digit| (format!("{digit}xx"), json!(tally.class(digit))))
        .chain([("none".to_owned(), json!(tally.class(0)))])
        .collect();
    let per_mille = |share| tally.duration_ns.per_mille(share);
    full::line(json!({
        "requests": tally.requests,
        "failed": tally.failed,
        "status": classes,
        "outcome": ended,
        "p50_ns": per_mille(500),
        "p90_ns": per_mille(900),
        "p95_ns": per_mille(950),
        "p99_ns": per_mille(990),
        "slowest_ns": tally.slowest.as_ref().map(|(_, took)| took),
        "slowest_id": tally.slowest.as_ref().map(|(id, _)| id),
        "request_bytes": received,
        "response_bytes": sent,
        "first_unix_ns": tally.first_unix_ns,
        "last_unix_ns": tally.last_unix_ns,
    }))
}

/// Bars of eight heights; what is not nothing can be seen.
fn drawn(bars: &[u64]) -> String {
    let most = bars.iter().copied().max().unwrap_or_default().max(1);
    let sign = |count: u64| match count {
        0 => ' ',
        count => {
            let height = (u128::from(count) * SIGNS.len() as u128).div_ceil(u128::from(most)).max(1) - 1;
            usize::try_from(height).ok().and_then(|height| SIGNS.get(height)).copied().unwrap_or('█')
        }
    };
    bars.iter().map(|count| sign(*count)).collect()
}

/// How many requests began in each span of time; a span is doubled where there are too many of them.
#[derive(Debug)]
struct Course {
    spans: std::collections::BTreeMap<u64, (u64, u64)>,
    /// In nanoseconds.
    width: u64,
}

impl Default for Course {
    fn default() -> Self {
        Self { spans: std::collections::BTreeMap::new(), width: 1_000_000 }
    }
}

impl Course {
    /// Many more than bars, so that each bar has a fair share.
    const MAX_SPANS: usize = 64 * BARS;

    fn add(&mut self, unix_ns: u64, times: u64, is_failed: bool) {
        self.put(unix_ns / self.width, (times, if is_failed { times } else { 0 }));
        while self.spans.len() > Self::MAX_SPANS {
            self.width = self.width.saturating_mul(2);
            for (at, counts) in std::mem::take(&mut self.spans) {
                self.put(at / 2, counts);
            }
        }
    }

    fn put(&mut self, at: u64, (requests, failed): (u64, u64)) {
        let counts = self.spans.entry(at).or_default();
        (counts.0, counts.1) = (counts.0 + requests, counts.1 + failed);
    }

    /// Requests and failures of equal parts of the time between.
    fn bars(&self, first_unix_ns: u64, last_unix_ns: u64) -> Vec<(u64, u64)> {
        let span = last_unix_ns.saturating_sub(first_unix_ns);
        if span == 0 {
            return Vec::new();
        }
        let mut bars = vec![(0, 0); BARS];
        for (at, (requests, failed)) in &self.spans {
            let since = at.saturating_mul(self.width).saturating_sub(first_unix_ns);
            let bar = u128::from(since) * BARS as u128 / (u128::from(span) + 1);
            if let Some(counts) = usize::try_from(bar).ok().and_then(|bar| bars.get_mut(bar.min(BARS - 1))) {
                (counts.0, counts.1) = (counts.0 + requests, counts.1 + failed);
            }
        }
        bars
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_counts_all_however_many_there_are() {
        let mut course = Course::default();
        for second in 0..100_000 {
            course.add(second * 1_000_000_000, 2, second % 10 == 0);
        }
        assert!(course.spans.len() <= Course::MAX_SPANS);
        let bars = course.bars(0, 99_999 * 1_000_000_000);
        assert_eq!(bars.len(), BARS);
        assert_eq!(bars.iter().map(|bar| bar.0).sum::<u64>(), 200_000);
        assert_eq!(bars.iter().map(|bar| bar.1).sum::<u64>(), 20_000);
        assert!(bars.iter().all(|bar| (3_000..=3_700).contains(&bar.0)), "{bars:?}");
    }

    #[test]
    fn what_is_not_nothing_can_be_seen() {
        assert_eq!(drawn(&[0, 1, 500, 1000]), " ▁▄█");
    }
}
