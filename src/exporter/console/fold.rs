//! Health checks that went well: one line for all that are alike, in place of one each.

use super::Look;
use super::cells::{clean, cut_end, cut_middle, duration, fill, pad, pad_left, width};
use super::paint::Colour;
use super::request::{AFTER_TIME, DURATION, GAP, METHOD, STATUS, route, status};
use crate::record::{Kind, Outcome, Record};

/// Lines that are gathered at the same time; a probe beyond them is shown at once.
const MAX_FOLDS: usize = 64;
/// Durations that are kept of each; of more, the newest.
const MAX_DURATIONS: usize = 256;
/// Cells of a place and of a probe's name, at most.
const MAX_PLACE: usize = 160;
const MAX_NAME: usize = 40;

/// What is gathered and not yet told.
#[derive(Default)]
pub(super) struct Folds(Vec<Fold>);

struct Fold {
    probe: String,
    place: String,
    status: String,
    colour: Option<Colour>,
    first_unix_ns: u64,
    last_unix_ns: u64,
    count: u64,
    durations_ns: Vec<u64>,
    /// Where its line ends in the text that is being written.
    told: Option<usize>,
}

impl Folds {
    /// Gathers a probe that went well; false when the record has to be shown.
    pub(super) fn take(&mut self, record: &Record) -> bool {
        let Some(probe) = record.probe().filter(|_| went_well(record)) else { return false };
        let (probe, place) = (cut_end(&clean(probe), MAX_NAME), cut_middle(&route(record), MAX_PLACE));
        let (status, colour) = status(record);
        let is_it = |fold: &&mut Fold| fold.told.is_none() && fold.probe == probe && fold.place == place && fold.status == status;
        let (first_unix_ns, last_unix_ns) = (record.start_unix_ns(), record.end_unix_ns());
        if let Some(fold) = self.0.iter_mut().find(is_it) {
            fold.add(record.duration_ns());
            fold.last_unix_ns = last_unix_ns;
        } else if self.0.len() < MAX_FOLDS {
            let (count, durations_ns) = (1, vec![record.duration_ns()]);
            self.0.push(Fold { probe, place, status, colour, first_unix_ns, last_unix_ns, count, durations_ns, told: None });
        } else {
            return false;
        }
        true
    }

    /// Appends the lines of those that have been gathered for `window_ns` or longer, whichever way the clock went.
    pub(super) fn write_due(&mut self, out: &mut String, look: &Look, now_unix_ns: u64, window_ns: u64) {
        for fold in &mut self.0 {
            if fold.told.is_none() && now_unix_ns.abs_diff(fold.first_unix_ns) >= window_ns {
                fold.write(out, look);
            }
        }
    }

    /// Appends the lines of all.
    pub(super) fn write_all(&mut self, out: &mut String, look: &Look) {
        self.write_due(out, look, 0, 0);
    }

    /// Forgets those whose line got through; the others are told again.
    pub(super) fn settle(&mut self, written_bytes: usize) {
        self.0.retain_mut(|fold| fold.told.take().is_none_or(|end| end > written_bytes));
    }
}

/// Only what nobody has to look at: an answer of 2xx or 3xx, whole, with no error on the record.
fn went_well(record: &Record) -> bool {
    record.kind() == Kind::Request
        && record.outcome() == Outcome::Answered
        && record.failures().len() == 0
        && record.status().is_some_and(|status| (200..400).contains(&status))
        && record.rpc_status().is_none_or(|code| code == 0)
}

impl Fold {
    fn add(&mut self, duration_ns: u64) {
        let at = usize::try_from(self.count).unwrap_or_default() % MAX_DURATIONS;
        match self.durations_ns.get_mut(at) {
            Some(oldest) => *oldest = duration_ns,
            None => self.durations_ns.push(duration_ns),
        }
        self.count = self.count.saturating_add(1);
    }

    fn write(&mut self, out: &mut String, look: &Look) {
        self.durations_ns.sort_unstable();
        let rank = (self.durations_ns.len() * 99).div_ceil(100);
        let p99 = self.durations_ns.get(rank.saturating_sub(1)).copied().unwrap_or_default();
        look.time(out, self.last_unix_ns);
        pad(out, "·", METHOD + GAP);
        let mut cell = String::new();
        pad_left(&mut cell, &self.status, STATUS);
        look.paint.push(out, &cell, self.colour);
        fill(out, GAP);
        pad_left(out, &format!("{}x", self.count), DURATION);
        fill(out, GAP);
        let tail = format!("  ({})  p99 {}", self.probe, duration(p99));
        let used = AFTER_TIME + METHOD + GAP + STATUS + GAP + DURATION + GAP + width(&tail);
        out.push_str(&cut_middle(&self.place, look.width.saturating_sub(used).max(8)));
        out.push_str(&tail);
        out.push('\n');
        self.told = Some(out.len());
    }
}
