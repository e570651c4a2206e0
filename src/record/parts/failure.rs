//! One error is one failure, however often and wherever it is told.

use super::{CauseSlot, FailureSlot, MAX_FAILURES, Parts, Text};
use crate::record::{FailureKind, SpanId};

impl FailureSlot {
    /// A failure of which nothing is known yet but what it is, where and when.
    pub(crate) const fn new(kind: FailureKind, (span, time_ns): (SpanId, u64)) -> Self {
        Self {
            kind,
            time_ns,
            span,
            type_name: Text::EMPTY,
            message: Text::EMPTY,
            file: Text::EMPTY,
            line: 0,
            backtrace: Text::EMPTY,
            causes: (0, 0),
            event_ns: None,
        }
    }
}

impl Parts {
    /// Appends a failure whose texts and causes are written already; one that is known takes over what is new.
    ///
    /// An error passes several who report it: a log line, a wrapper, the service. What they say of the chain of messages is
    /// the same; the one knows the type, the other the place. Beyond 16 failures it is only counted, unless it is a panic,
    /// which tells more than the one that it takes the place of.
    /// Says whether texts of `new` are in use now.
    pub(crate) fn push_failure(&mut self, new: FailureSlot) -> bool {
        let known = self.failures.iter().position(|known| self.is_one(known, &new));
        if let Some((at, known)) = known.and_then(|at| Some((at, *self.failures.get(at)?))) {
            let merged = self.merge(known, new);
            if let Some(slot) = self.failures.get_mut(at) {
                *slot = merged;
            }
            let texts = |slot: &FailureSlot| (slot.message, slot.causes, slot.file, slot.backtrace);
            return texts(&merged) != texts(&known);
        }
        if self.failures.len() >= MAX_FAILURES {
            self.dropped_failures = self.dropped_failures.saturating_add(1);
            if new.kind != FailureKind::Panic {
                return false;
            }
            self.failures.pop();
        }
        self.failures.push(new);
        true
    }

    /// Whether two failures are the same error.
    fn is_one(&self, one: &FailureSlot, other: &FailureSlot) -> bool {
        match (one.kind == FailureKind::Panic, other.kind == FailureKind::Panic) {
            (true, true) => {
                let places = (self.str(one.file), one.line, self.str(other.file), other.line);
                // One that is resumed on another thread has lost its place.
                self.str(one.message) == self.str(other.message)
                    && (places.0.is_empty() || places.2.is_empty() || (places.0, places.1) == (places.2, places.3))
            }
            (true, false) => self.carries(other, one),
            (false, true) => self.carries(one, other),
            (false, false) => self.is_same_chain(one, other),
        }
    }

    /// Whether an error says that a task has panicked, and with these words.
    fn carries(&self, error: &FailureSlot, panic: &FailureSlot) -> bool {
        let ends_so = |text: &str| {
            text.split_once(" panicked with message ").is_some_and(|(_, said)| said == format!("{:?}", self.str(panic.message)))
        };
        self.messages(error).any(ends_so)
    }

    /// Whether the messages of one chain are the end of the other's: what was wrapped on its way says more at its outer end.
    /// Of two log lines the types must not differ either; elsewhere a type that only hands on another one's words does.
    fn is_same_chain(&self, one: &FailureSlot, other: &FailureSlot) -> bool {
        let (long, short) = if one.causes.1 >= other.causes.1 { (one, other) } else { (other, one) };
        let head = self.str(short.message);
        if head.is_empty() {
            return false;
        }
        let deeper = (long.causes.1 - short.causes.1) as usize;
        let is_end = self.messages(long).skip(deeper).eq(self.messages(short));
        // Of some only the outermost message is known.
        let is_start = short.causes.1 == 0 && self.str(long.message) == head;
        let both_logged = one.kind == FailureKind::Logged && other.kind == FailureKind::Logged;
        (is_end || is_start) && !(both_logged && self.differ(one.type_name, other.type_name))
    }

    fn differ(&self, one: Text, other: Text) -> bool {
        let (one, other) = (self.str(one), self.str(other));
        !one.is_empty() && !other.is_empty() && one != other
    }

    /// What a failure and its causes say, outermost first.
    pub(crate) fn messages(&self, failure: &FailureSlot) -> impl Iterator<Item = &str> {
        let causes = self.causes_of(failure).iter().map(|cause| self.str(cause.message));
        std::iter::once(self.str(failure.message)).chain(causes)
    }

    /// What caused it, outermost first.
    pub(crate) fn causes_of(&self, failure: &FailureSlot) -> &[CauseSlot] {
        let (first, count) = (failure.causes.0 as usize, failure.causes.1 as usize);
        self.causes.get(first..first.saturating_add(count)).unwrap_or_default()
    }

    /// What both tell of the same error.
    fn merge(&mut self, known: FailureSlot, new: FailureSlot) -> FailureSlot {
        let (first, last) = if new.time_ns < known.time_ns { (new, known) } else { (known, new) };
        let mut merged = self.fuller(known, new);
        (merged.time_ns, merged.span) = (first.time_ns, first.span);
        merged.event_ns = first.event_ns.or(last.event_ns);
        if merged.backtrace == Text::EMPTY {
            merged.backtrace = if first.backtrace == Text::EMPTY { last.backtrace } else { first.backtrace };
        }
        if merged.kind == FailureKind::Panic {
            return merged;
        }
        merged.kind = if rank(first.kind) > rank(last.kind) { first.kind } else { last.kind };
        for other in [known, new] {
            self.learn_types(&mut merged, &other);
        }
        // The nearest to where it arose; a line of the log is only where somebody told of it.
        let both = [first, last];
        let mut places = both.iter().filter(|slot| slot.file != Text::EMPTY);
        if let Some(place) = places.clone().find(|slot| slot.kind != FailureKind::Logged).or_else(|| places.next()) {
            (merged.file, merged.line) = (place.file, place.line);
        }
        merged
    }

    /// The one of two that says more: a panic with its place, a longer chain, or who reported it.
    fn fuller(&self, known: FailureSlot, new: FailureSlot) -> FailureSlot {
        let weight = |slot: &FailureSlot| {
            let is_panic = slot.kind == FailureKind::Panic;
            (is_panic, is_panic && !self.str(slot.file).is_empty(), slot.causes.1, rank(slot.kind))
        };
        if weight(&new) > weight(&known) { new } else { known }
    }

    /// Names of types that `other` knows and `failure` does not, along their chains from the inner end.
    fn learn_types(&mut self, failure: &mut FailureSlot, other: &FailureSlot) {
        let Some(deeper) = failure.causes.1.checked_sub(other.causes.1) else { return };
        let is_end = self.messages(failure).skip(deeper as usize).eq(self.messages(other));
        if !is_end {
            if failure.type_name == Text::EMPTY && self.str(failure.message) == self.str(other.message) {
                failure.type_name = other.type_name;
            }
            return;
        }
        let types: Vec<Text> =
            std::iter::once(other.type_name).chain(self.causes_of(other).iter().map(|cause| cause.type_name)).collect();
        for (at, type_name) in (deeper..).zip(types) {
            match at.checked_sub(1) {
                None if failure.type_name == Text::EMPTY => failure.type_name = type_name,
                None => {}
                Some(cause) => {
                    let slot = self.causes.get_mut(failure.causes.0.saturating_add(cause) as usize);
                    if let Some(slot) = slot.filter(|slot| slot.type_name == Text::EMPTY) {
                        slot.type_name = type_name;
                    }
                }
            }
        }
    }
}

/// Which kind says most of what an error did.
const fn rank(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::Panic => 6,
        FailureKind::Body => 5,
        FailureKind::Service => 4,
        FailureKind::Attached => 3,
        FailureKind::Rejection => 2,
        FailureKind::Status => 1,
        FailureKind::Logged => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PANIC: FailureKind = FailureKind::Panic;
    const ATTACHED: FailureKind = FailureKind::Attached;
    const LOGGED: FailureKind = FailureKind::Logged;

    /// A failure by its kind, place, and the types and messages of its chain.
    fn push(parts: &mut Parts, kind: FailureKind, at: u64, place: &'static str, chain: &[(&'static str, &'static str)]) {
        let first = u32::try_from(parts.causes.len()).unwrap();
        for (type_name, message) in &chain[1..] {
            parts.causes.push(CauseSlot { type_name: Text::Static(type_name), message: Text::Static(message) });
        }
        let slot = FailureSlot {
            type_name: Text::Static(chain[0].0),
            message: Text::Static(chain[0].1),
            file: Text::Static(place),
            line: u32::from(!place.is_empty()),
            causes: (first, u32::try_from(chain.len() - 1).unwrap()),
            event_ns: (kind == LOGGED).then_some(at),
            ..FailureSlot::new(kind, (SpanId::INVALID, at))
        };
        parts.push_failure(slot);
    }

    type Chain<'a> = Vec<(&'a str, &'a str)>;

    fn told(parts: &Parts) -> Vec<(FailureKind, &str, Chain<'_>)> {
        let told = |failure: &FailureSlot| {
            let mut chain = vec![(parts.str(failure.type_name), parts.str(failure.message))];
            chain.extend(parts.causes_of(failure).iter().map(|cause| (parts.str(cause.type_name), parts.str(cause.message))));
            (failure.kind, parts.str(failure.file), chain)
        };
        parts.failures.iter().map(told).collect()
    }

    #[test]
    fn an_error_that_is_logged_and_then_attached_is_one_failure() {
        let mut parts = Parts::default();
        push(&mut parts, LOGGED, 1, "log.rs", &[("", "cannot save"), ("io::Error", "disk full")]);
        push(&mut parts, ATTACHED, 2, "handler.rs", &[("shop::Error", "cannot save"), ("", "disk full")]);
        let chain = vec![("shop::Error", "cannot save"), ("io::Error", "disk full")];
        assert_eq!(told(&parts), [(ATTACHED, "handler.rs", chain)]);
        assert_eq!((parts.failures[0].time_ns, parts.failures[0].event_ns), (1, Some(1)));
    }

    #[test]
    fn an_error_that_is_wrapped_on_its_way_is_one_failure_with_the_whole_chain() {
        for order in [[0, 1], [1, 0]] {
            let mut parts = Parts::default();
            for which in order {
                match which {
                    0 => push(&mut parts, ATTACHED, 1, "inner.rs", &[("shop::Disk", "disk full")]),
                    _ => push(&mut parts, ATTACHED, 2, "outer.rs", &[("", "cannot save"), ("", "disk full")]),
                }
            }
            let chain = vec![("", "cannot save"), ("shop::Disk", "disk full")];
            assert_eq!(told(&parts), [(ATTACHED, "inner.rs", chain)], "{order:?}");
        }
    }

    #[test]
    fn an_error_of_which_only_the_text_is_known_is_the_one_that_says_the_same() {
        let mut parts = Parts::default();
        push(&mut parts, ATTACHED, 1, "a.rs", &[("shop::Error", "cannot save"), ("", "disk full")]);
        push(&mut parts, FailureKind::Service, 2, "", &[("Wrapper", "cannot save")]);
        let chain = vec![("shop::Error", "cannot save"), ("", "disk full")];
        assert_eq!(told(&parts), [(FailureKind::Service, "a.rs", chain)]);
    }

    #[test]
    fn different_errors_stay_apart() {
        let mut parts = Parts::default();
        push(&mut parts, ATTACHED, 1, "a.rs", &[("A", "cannot save"), ("", "disk full")]);
        push(&mut parts, ATTACHED, 2, "a.rs", &[("A", "cannot save"), ("", "disk gone")]);
        push(&mut parts, LOGGED, 3, "b.rs", &[("io::Error", "not found")]);
        push(&mut parts, LOGGED, 4, "c.rs", &[("shop::Error", "not found")]);
        push(&mut parts, PANIC, 5, "d.rs", &[("", "boom")]);
        push(&mut parts, PANIC, 6, "e.rs", &[("", "boom")]);
        push(&mut parts, ATTACHED, 7, "", &[("A", "")]);
        push(&mut parts, ATTACHED, 8, "", &[("B", "")]);
        assert_eq!(parts.failures.len(), 8);
    }

    #[test]
    fn a_panic_that_is_resumed_or_handed_on_as_an_error_is_one_failure() {
        let mut parts = Parts::default();
        push(&mut parts, PANIC, 3, "", &[("", "bo\"om")]);
        push(&mut parts, PANIC, 1, "task.rs", &[("", "bo\"om")]);
        push(&mut parts, ATTACHED, 4, "handler.rs", &[("JoinError", "task 7 panicked with message \"bo\\\"om\"")]);
        assert_eq!(told(&parts), [(PANIC, "task.rs", vec![("", "bo\"om")])]);
        let mut parts = Parts::default();
        push(&mut parts, ATTACHED, 4, "handler.rs", &[("Mail", "no mail"), ("", "task 7 panicked with message \"boom\"")]);
        push(&mut parts, PANIC, 1, "task.rs", &[("", "boom")]);
        assert_eq!(told(&parts), [(PANIC, "task.rs", vec![("", "boom")])]);
    }

    #[test]
    fn a_panic_finds_room_where_errors_have_taken_it() {
        let mut parts = Parts::default();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q"];
        for name in names {
            push(&mut parts, ATTACHED, 1, "", &[("", name)]);
            push(&mut parts, ATTACHED, 1, "", &[("", name)]);
        }
        assert_eq!((parts.failures.len(), parts.dropped_failures), (MAX_FAILURES, 2));
        push(&mut parts, PANIC, 2, "", &[("", "boom")]);
        assert_eq!((parts.failures.len(), parts.dropped_failures), (MAX_FAILURES, 3));
        assert_eq!(parts.failures[MAX_FAILURES - 1].kind, PANIC);
    }
}
