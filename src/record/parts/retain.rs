//! Detail is taken out of a record again.

use tracing::Level;

use super::{Origin, Parts, SpanSlot};
use crate::record::SpanKind;

impl Parts {
    /// Keeps only the events and spans whose target, file and level are `usual`, and client spans: others know them by their
    /// id. What goes was never asked for, so it counts as nothing that is missing.
    pub(crate) fn retain_detail(&mut self, usual: impl Fn(&str, Option<&str>, Level) -> bool) {
        let is_extra = |origin: &Origin| {
            let file = Some(self.str(origin.file)).filter(|file| !file.is_empty());
            !usual(self.str(origin.target), file, origin.level)
        };
        let goes_event: Vec<_> = self.events.iter().map(|event| is_extra(&event.origin)).collect();
        let is_extra_span = |span: &SpanSlot| span.kind != SpanKind::Client && is_extra(&span.origin);
        let goes_span: Vec<_> = self.spans.iter().map(is_extra_span).collect();
        if !goes_event.iter().chain(&goes_span).any(|goes| *goes) {
            return;
        }
        let goes = |list: &[bool], index: usize| list.get(index).copied().unwrap_or_default();
        let thinned = self.thinned;
        self.take_out(|index, _| goes(&goes_span, index), |index, _| goes(&goes_event, index));
        self.thinned = thinned;
        self.put_fields_together();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::SpanId;
    use crate::record::parts::{EventSlot, List, Text};

    #[test]
    fn what_was_inside_a_span_that_goes_belongs_to_the_one_around_it() {
        let origin = |level| Origin { name: Text::EMPTY, target: Text::EMPTY, file: Text::EMPTY, line: 0, level };
        let mut parts = Parts::default();
        for (id, parent, level) in [(1, 0, Level::INFO), (2, 1, Level::TRACE), (3, 2, Level::TRACE), (4, 3, Level::INFO)] {
            parts.spans.push(SpanSlot {
                id: SpanId([id; 8]),
                parent: SpanId([parent; 8]),
                origin: origin(level),
                kind: SpanKind::Internal,
                error: Text::EMPTY,
                start_ns: 0,
                end_ns: 9,
                fields: List::default(),
            });
            parts.events.push(EventSlot {
                time_ns: 0,
                span: SpanId([id; 8]),
                origin: origin(Level::INFO),
                message: Text::EMPTY,
                fields: List::default(),
                shown: false,
            });
        }
        parts.retain_detail(|_, file, level| file.is_none() && level <= Level::INFO);
        let spans: Vec<_> = parts.spans.iter().map(|span| (span.id.0[0], span.parent.0[0])).collect();
        let events: Vec<_> = parts.events.iter().map(|event| event.span.0[0]).collect();
        assert_eq!((spans, events), (vec![(1, 0), (4, 1)], vec![1, 1, 1, 4]));
        assert_eq!(parts.thinned, 0);
    }
}
