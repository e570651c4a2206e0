//! A record's texts and fields, moved into new buffers without what nobody refers to any more.

use super::{BodySlot, FieldSlot, List, NONE, Origin, Parts, Slot, Text, range};

/// On the way from the old buffers to the new ones.
pub(super) struct Pack {
    old_text: String,
    old_fields: Vec<FieldSlot>,
    /// `None` where the text stays as it is.
    text: Option<String>,
    fields: Vec<FieldSlot>,
}

impl Pack {
    /// Moves everything that `parts` refers to into `text`, where there is one, and `fields`, which are empty.
    pub(super) fn run(parts: &mut Parts, text: Option<String>, fields: Vec<FieldSlot>) {
        let old_text = std::mem::take(&mut parts.text);
        let mut pack = Self { old_text, old_fields: std::mem::take(&mut parts.fields), text, fields };
        pack.parts(parts);
        if let Some(text) = pack.text {
            (parts.text, parts.fields) = (text, pack.fields);
        } else {
            // The old buffers are large enough, and are used again.
            (parts.text, parts.fields) = (pack.old_text, pack.old_fields);
            parts.fields.clear();
            parts.fields.append(&mut pack.fields);
        }
    }

    fn parts(&mut self, parts: &mut Parts) {
        // Every field is named, so that a new one that holds text cannot be forgotten.
        let Parts {
            kind: _,
            trace_id: _,
            span_id: _,
            parent_span_id: _,
            trace_flags: _,
            parent_is_remote: _,
            trace_state,
            request_id,
            request_id_source: _,
            inbound_request_id,
            link: _,
            sequence: _,
            start_unix_ns: _,
            head_ns: _,
            first_byte_ns: _,
            duration_ns: _,
            method,
            has_unknown_method: _,
            route,
            path,
            query,
            scheme,
            host,
            port: _,
            protocol_version,
            peer: _,
            client: _,
            client_port: _,
            probe,
            user_agent,
            status: _,
            rpc_status: _,
            is_rpc: _,
            outcome: _,
            request_bytes: _,
            response_bytes: _,
            request_body,
            response_body,
            rpc_request_messages: _,
            rpc_response_messages: _,
            kept: _,
            weight: _,
            counts_client_errors: _,
            is_flagged: _,
            is_asked: _,
            is_sampled_in_vain: _,
            on_trial: _,
            has_extra_bodies: _,
            in_flight: _,
            in_flight_on_route: _,
            vitals: _,
            group: _,
            group_key,
            report: _,
            is_shown: _,
            attributes,
            fields: _,
            headers,
            spans,
            events,
            failures,
            causes,
            redactions,
            dropped_headers: _,
            dropped_fields: _,
            dropped_spans: _,
            dropped_events: _,
            dropped_failures: _,
            thinned: _,
            charged_bytes: _,
            charged_room: _,
            is_full: _,
            has_given: _,
            is_stuck: _,
            text: _,
            scratch: _,
        } = parts;
        for text in [trace_state, request_id, method, path, scheme, protocol_version, group_key] {
            self.text(text);
        }
        for text in [inbound_request_id, route, query, host, probe, user_agent].into_iter().flatten() {
            self.text(text);
        }
        for BodySlot { content, skipped, .. } in [request_body, response_body].into_iter().flatten() {
            self.text(content);
            self.text(skipped);
        }
        for header in headers {
            self.text(&mut header.name);
            header.value.iter_mut().for_each(|value| self.text(value));
        }
        self.list(attributes);
        for span in spans {
            self.origin(&mut span.origin);
            self.text(&mut span.error);
            self.list(&mut span.fields);
        }
        for event in events {
            self.origin(&mut event.origin);
            self.text(&mut event.message);
            self.list(&mut event.fields);
        }
        for failure in failures {
            for text in [&mut failure.type_name, &mut failure.message, &mut failure.file, &mut failure.backtrace] {
                self.text(text);
            }
        }
        for cause in causes {
            self.text(&mut cause.type_name);
            self.text(&mut cause.message);
        }
        for redaction in redactions {
            for text in [&mut redaction.place, &mut redaction.key, &mut redaction.rule] {
                self.text(text);
            }
        }
    }

    fn text(&mut self, text: &mut Text) {
        let (Some(new), Text::Range { start, len }) = (&mut self.text, *text) else { return };
        let start = start as usize;
        let old = self.old_text.get(start..start + len as usize).unwrap_or_default();
        *text = range(new.len(), old.len());
        new.push_str(old);
    }

    fn origin(&mut self, origin: &mut Origin) {
        for text in [&mut origin.name, &mut origin.target, &mut origin.file] {
            self.text(text);
        }
    }

    fn list(&mut self, list: &mut List) {
        let mut at = list.first;
        *list = List::default();
        while let Some(field) = self.old_fields.get(at as usize).copied() {
            let FieldSlot { mut name, mut value, next, digest } = field;
            at = next;
            self.text(&mut name);
            if let Slot::Text(text) = &mut value {
                self.text(text);
            }
            let index = u32::try_from(self.fields.len()).unwrap_or(NONE);
            self.fields.push(FieldSlot { name, value, next: NONE, digest });
            match self.fields.get_mut(list.last as usize) {
                Some(last) => last.next = index,
                None => list.first = index,
            }
            list.last = index;
            list.count += 1;
        }
    }
}
