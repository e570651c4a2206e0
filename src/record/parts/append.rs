//! One buffer is appended to another: what was left in an inbox becomes part of its request.

use super::{BodySlot, CauseSlot, EventSlot, FailureSlot, List, MAX_EVENT_BYTES, NONE, Origin, Parts, Slot, SpanSlot, Text};

impl Parts {
    /// Appends a copy of an event of `other`, without its span's.
    pub(crate) fn append_event(&mut self, other: &Self, event: &EventSlot) {
        let mut copy = |text: Text| match text {
            Text::Range { .. } => self.push_text(other.str(text), MAX_EVENT_BYTES),
            text @ Text::Static(_) => text,
        };
        let origin = event.origin;
        let origin = Origin { name: copy(origin.name), target: copy(origin.target), file: copy(origin.file), ..origin };
        let message = copy(event.message);
        let mut fields = List::default();
        for field in other.list(event.fields) {
            let mut copy = |text: Text| self.push_text(other.str(text), MAX_EVENT_BYTES);
            let name = copy(field.name);
            let value = match field.value {
                Slot::Text(text) => Slot::Text(copy(text)),
                value => value,
            };
            self.push_field(&mut fields, name, value);
        }
        self.events.push(EventSlot { origin, message, fields, ..*event });
    }

    /// Appends everything that `other` holds; a span that both know by id is closed and completed here.
    pub(crate) fn append(&mut self, other: &Self) {
        self.dropped_fields = self.dropped_fields.saturating_add(other.dropped_fields);
        self.dropped_spans = self.dropped_spans.saturating_add(other.dropped_spans);
        self.dropped_events = self.dropped_events.saturating_add(other.dropped_events);
        self.dropped_failures = self.dropped_failures.saturating_add(other.dropped_failures);
        self.thinned = self.thinned.saturating_add(other.thinned);
        self.is_flagged |= other.is_flagged;
        // All of it at once: from here on texts of `other` are referred to by their places.
        if !self.makes_room(other.used_bytes()) {
            let count = |number: usize| u32::try_from(number).unwrap_or(NONE);
            self.dropped_fields = self.dropped_fields.saturating_add(other.attributes.count);
            self.dropped_spans = self.dropped_spans.saturating_add(count(other.spans.len()));
            self.dropped_events = self.dropped_events.saturating_add(count(other.events.len()));
            self.dropped_failures = self.dropped_failures.saturating_add(count(other.failures.len()));
            return;
        }
        let by = u32::try_from(self.text.len()).unwrap_or(NONE);
        self.text.push_str(&other.text);
        let slot = |value: Slot| match value {
            Slot::Text(text) => Slot::Text(text.shifted(by)),
            value => value,
        };
        for span in &other.spans {
            let known = self.spans.iter().position(|mine| mine.id == span.id);
            if known.is_none() && !self.admits_span_in_place() {
                continue;
            }
            let mut fields = known.and_then(|index| self.spans.get(index)).map_or_else(List::default, |mine| mine.fields);
            for field in other.list(span.fields) {
                self.set_field(&mut fields, field.name.shifted(by), slot(field.value));
            }
            if let Some(mine) = known.and_then(|index| self.spans.get_mut(index)) {
                mine.fields = fields;
                mine.end_ns = mine.end_ns.min(span.end_ns);
                if span.error != Text::EMPTY {
                    mine.error = span.error.shifted(by);
                }
            } else {
                self.spans.push(SpanSlot { fields, origin: span.origin.shifted(by), error: span.error.shifted(by), ..*span });
            }
        }
        for event in &other.events {
            if !self.admits_event_in_place() {
                continue;
            }
            let mut fields = List::default();
            for field in other.list(event.fields) {
                self.push_field(&mut fields, field.name.shifted(by), slot(field.value));
            }
            self.events.push(EventSlot {
                fields,
                origin: event.origin.shifted(by),
                message: event.message.shifted(by),
                ..*event
            });
        }
        for field in other.list(other.attributes) {
            self.set_attribute(field.name.shifted(by), slot(field.value));
        }
        let body = |body: BodySlot| BodySlot { content: body.content.shifted(by), skipped: body.skipped.shifted(by), ..body };
        self.request_body = other.request_body.map(body).or(self.request_body);
        self.response_body = other.response_body.map(body).or(self.response_body);
        self.rpc_request_messages = other.rpc_request_messages.or(self.rpc_request_messages);
        self.rpc_response_messages = other.rpc_response_messages.or(self.rpc_response_messages);
        if other.group_key != Text::EMPTY {
            self.group_key = other.group_key.shifted(by);
        }
        for failure in &other.failures {
            let first = u32::try_from(self.causes.len()).unwrap_or(NONE);
            for cause in other.causes_of(failure) {
                self.causes.push(CauseSlot { type_name: cause.type_name.shifted(by), message: cause.message.shifted(by) });
            }
            self.push_failure(FailureSlot {
                type_name: failure.type_name.shifted(by),
                message: failure.message.shifted(by),
                file: failure.file.shifted(by),
                backtrace: failure.backtrace.shifted(by),
                causes: (first, failure.causes.1),
                ..*failure
            });
        }
    }
}
