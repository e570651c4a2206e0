//! The end's decision: whether the detail of a request travels, and why.

use super::Keep;
use super::history::History;
use crate::record::{Kept, Kind, Record};

/// Decides about finished requests, one after the other.
pub(crate) struct Keeper {
    keep: Keep,
    history: History,
}

impl Keeper {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, history: History::default() }
    }

    /// Why the detail of a finished request is kept; `None` where only its summary is. `is_asked` says that somebody asked
    /// for it while the process ran.
    pub(crate) fn decide(&mut self, record: &Record, is_asked: bool) -> Option<Kept> {
        let keep = &self.keep;
        // Asked first and of every request: the history has to know all of them.
        let is_slow = keep.slower.is_some_and(|times| self.history.is_slow(record, times))
            || keep.slow_ns.is_some_and(|least| record.duration_ns() >= least);
        let rules: [(Kept, &dyn Fn() -> bool); 7] = [
            (Kept::Failed, &|| keep.failed && record.has_exception()),
            (Kept::Slow, &|| is_slow),
            (Kept::Flagged, &|| keep.failed && record.is_flagged()),
            (Kept::Asked, &|| is_asked),
            (Kept::Matched, &|| keep.queries.iter().any(|query| query.matches(record, record.end_unix_ns()))),
            // The flag was sent on and stands; detail is not for whoever has the token of somebody else.
            (Kept::Sampled, &|| keep.sampled && record.trace_flags().is_sampled() && !record.is_sampled_in_vain()),
            (Kept::All, &|| keep.all),
        ];
        rules.into_iter().find(|(_, holds)| holds()).map(|(kept, _)| kept)
    }

    /// Puts the decision on the record, and takes what does not travel off it. What is no finished request stays as it is.
    pub(crate) fn settle(&mut self, record: &mut Record, is_asked: bool) {
        if record.kind() != Kind::Request {
            return;
        }
        let kept = self.decide(record, is_asked);
        let parts = record.parts_mut();
        parts.kept = kept;
        if kept != Some(Kept::Sampled) {
            // It is here for a reason that holds for every request like it.
            parts.weight = None;
        }
        if kept.is_none() && !is_grouped(record) {
            record.parts_mut().summarise(self.keep.rest);
        }
    }

    /// Takes the rest of the detail off a summary: client spans, which had to be measured first, and everything where an
    /// error had to be grouped first.
    pub(crate) fn finish(&self, record: &mut Record) {
        if record.kind() == Kind::Request && record.kept().is_none() {
            if is_grouped(record) {
                record.parts_mut().summarise(self.keep.rest);
            }
            record.parts_mut().drop_spans();
        }
    }
}

/// Whether it belongs to a group of errors. Which one is told by the spans around the error too, and has to be the same
/// whether they travel or not.
fn is_grouped(record: &Record) -> bool {
    record.has_exception()
}
