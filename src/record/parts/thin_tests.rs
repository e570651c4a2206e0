use proptest::prelude::*;

use super::*;
use crate::record::parts::{HeaderSlot, Look, MAX_RECORD_BYTES, Origin, Side};

fn origin(parts: &mut Parts, name: &str, level: Level) -> Origin {
    let name = parts.push_text(name, 100);
    Origin { name, target: Text::Static("shop"), file: Text::EMPTY, line: 1, level }
}

fn event(parts: &mut Parts, time_ns: u64, level: Level, message: &str) -> bool {
    if !parts.admits_event() {
        return false;
    }
    let origin = origin(parts, "event", level);
    let text = parts.push_text(message, 10_000);
    let mut fields = List::default();
    parts.push_field(&mut fields, Text::Static("time"), Slot::U64(time_ns));
    parts.push_field(&mut fields, Text::Static("text"), Slot::Text(text));
    parts.events.push(EventSlot { time_ns, span: SpanId([1; 8]), origin, message: text, fields, shown: false });
    true
}

fn span(parts: &mut Parts, id: u8, parent: u8, end_ns: u64) {
    let origin = origin(parts, &format!("span {id}"), Level::INFO);
    let (id, parent) = (SpanId([id; 8]), SpanId([parent; 8]));
    let (kind, error, fields) = (SpanKind::Internal, Text::EMPTY, List::default());
    parts.push_span(SpanSlot { id, parent, origin, kind, error, start_ns: 0, end_ns, fields });
}

/// A record whose head says something.
fn parts() -> Parts {
    let mut parts = Parts::default();
    parts.path = parts.push_text("/orders/7", 100);
    let value = parts.push_text("text/plain", 100);
    parts.headers.push(HeaderSlot {
        side: Side::Request,
        look: Look::Name,
        name: Text::Static("accept"),
        value: Some(value),
        len: 10,
    });
    let value = Slot::Text(parts.push_text("42", 100));
    parts.set_attribute(Text::Static("user.id"), value);
    parts
}

fn is_whole(parts: &Parts) -> bool {
    let attribute = parts.list(parts.attributes).next().map(|field| field.value);
    let header = parts.headers.first().and_then(|header| header.value);
    parts.str(parts.path) == "/orders/7"
        && header.is_some_and(|value| parts.str(value) == "text/plain")
        && matches!(attribute, Some(Slot::Text(text)) if parts.str(text) == "42")
        && parts.events.iter().all(|event| {
            let mut fields = parts.list(event.fields);
            let time = fields.next().map(|field| field.value);
            let text = fields.next().map(|field| field.value);
            parts.str(event.origin.name) == "event"
                // In a buffer that may not grow, a field may have found no room.
                && time.is_none_or(|time| time == Slot::U64(event.time_ns))
                && text.is_none_or(|text| matches!(text, Slot::Text(text) if parts.str(text) == parts.str(event.message)))
        })
}

#[test]
fn quiet_events_give_way_before_loud_ones_and_old_ones_before_new_ones() {
    let mut parts = parts();
    for index in 0..MAX_EVENTS as u64 {
        let level = if index % 2 == 0 { Level::DEBUG } else { Level::INFO };
        assert!(event(&mut parts, index, level, "a message"));
    }
    assert!(event(&mut parts, MAX_EVENTS as u64, Level::DEBUG, "a message"));
    assert_eq!(parts.events.len() + parts.thinned as usize, MAX_EVENTS + 1);
    let newest = MAX_EVENTS as u64 / 4 * 3;
    let of = |level: Level, from: u64| {
        parts.events.iter().filter(move |event| event.origin.level == level && event.time_ns >= from).count()
    };
    assert_eq!(of(Level::DEBUG, 0), of(Level::DEBUG, newest), "of the older ones no DEBUG is left");
    assert_eq!(of(Level::DEBUG, newest) + of(Level::INFO, newest), MAX_EVENTS / 4 + 1, "the newest quarter is whole");
    assert!(of(Level::INFO, 0) > of(Level::INFO, newest), "and INFO of the older ones is");
    assert!(is_whole(&parts));
}

#[test]
fn what_cannot_give_way_is_not_tried_for_every_event() {
    let mut parts = parts();
    let large = "x".repeat(1000);
    while parts.has_room(2_000) {
        let name = parts.push_text(&large, 1000);
        parts.headers.push(HeaderSlot { side: Side::Request, look: Look::Name, name, value: None, len: 0 });
    }
    for index in 0..100 {
        event(&mut parts, index, Level::INFO, &large);
    }
    assert!(parts.is_stuck && parts.dropped_events > 0);
    assert_eq!(parts.events.len() + (parts.thinned + parts.dropped_events) as usize, 100);
}

#[test]
fn a_full_buffer_takes_the_newest_in_the_room_that_it_has() {
    let mut parts = parts();
    for index in 0..50 {
        assert!(event(&mut parts, index, Level::DEBUG, "some text of some length"));
    }
    parts.is_full = true;
    let size = parts.size_bytes();
    for index in 50..5_000 {
        assert!(event(&mut parts, index, Level::DEBUG, "some text of some length"));
        assert!(parts.size_bytes() <= size, "it does not grow");
    }
    assert_eq!(parts.events.len() + parts.thinned as usize, 5_000);
    assert_eq!(parts.events.last().map(|event| event.time_ns), Some(4_999));
    assert!(parts.events.len() > 20 && is_whole(&parts));
}

#[test]
fn memory_that_is_short_is_given_back() {
    let mut parts = parts();
    for index in 0..1_500 {
        event(&mut parts, index, Level::DEBUG, "some text of some length");
    }
    assert!(parts.size_bytes() > 200_000);
    parts.fit(20_000);
    assert!(parts.size_bytes() < 25_000, "{}", parts.size_bytes());
    assert_eq!(parts.events.len() + parts.thinned as usize, 1_500);
    assert_eq!(parts.events.last().map(|event| event.time_ns), Some(1_499));
    assert!(is_whole(&parts));
}

#[test]
fn what_was_inside_a_span_that_went_is_in_the_one_around_it() {
    let mut parts = parts();
    span(&mut parts, 1, 9, OPEN);
    span(&mut parts, 2, 1, 5);
    span(&mut parts, 3, 2, 4);
    span(&mut parts, 4, 3, OPEN);
    event(&mut parts, 1, Level::INFO, "inside");
    parts.events[0].span = SpanId([3; 8]);
    parts.take_out(|_, span| span.end_ns != OPEN, |_, _| false);
    assert_eq!(parts.spans.iter().map(|span| (span.id.0[0], span.parent.0[0])).collect::<Vec<_>>(), [(1, 9), (4, 1)]);
    assert_eq!((parts.events[0].span, parts.thinned), (SpanId([1; 8]), 2));
    assert_eq!((parts.span_at(3, SpanId([4; 8])), parts.span_at(2, SpanId([3; 8]))), (Some(1), None));
}

#[test]
fn a_summary_leaves_client_spans_until_they_are_measured() {
    let mut parts = parts();
    span(&mut parts, 1, 9, 5);
    span(&mut parts, 2, 1, 5);
    parts.spans[1].kind = SpanKind::Client;
    event(&mut parts, 1, Level::INFO, "said");
    event(&mut parts, 2, Level::WARN, "said louder");
    parts.summarise(LevelFilter::WARN);
    assert_eq!((parts.spans.len(), parts.events.len(), parts.fields.len()), (1, 1, 3));
    assert_eq!(parts.spans[0].parent, SpanId([9; 8]));
    parts.drop_spans();
    assert_eq!((parts.spans.len(), parts.events.len(), parts.thinned), (0, 1, 3));
    assert!(is_whole(&parts));
}

proptest! {
    #[test]
    fn whatever_is_written_is_kept_or_counted_and_whole(
        lengths in prop::collection::vec((0usize..4_000, 0u8..5), 1..3_000),
        full_at in 0usize..4_000,
    ) {
        let mut parts = parts();
        let text = "é".repeat(2_000);
        for (index, (length, level)) in lengths.iter().enumerate() {
            parts.is_full |= index == full_at;
            let level = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR][usize::from(*level)];
            event(&mut parts, index as u64, level, &text[..*length / 2 * 2]);
            prop_assert!(parts.used_bytes() <= MAX_RECORD_BYTES + MAX_EVENT_BYTES);
        }
        prop_assert_eq!(parts.events.len() + (parts.thinned + parts.dropped_events) as usize, lengths.len());
        prop_assert!(is_whole(&parts));
    }
}

#[test]
fn what_is_appended_is_whole_though_older_detail_gives_way_to_it() {
    let mut parts = parts();
    for time_ns in 0..MAX_EVENTS as u64 {
        assert!(event(&mut parts, time_ns, Level::DEBUG, &format!("own {time_ns}")));
    }
    for id in 0..MAX_SPANS {
        let origin = origin(&mut parts, "own", Level::INFO);
        let id = SpanId((1 << 32 | id as u64).to_be_bytes());
        let (kind, error, fields) = (SpanKind::Internal, Text::EMPTY, List::default());
        parts.push_span(SpanSlot { id, parent: SpanId::INVALID, origin, kind, error, start_ns: 0, end_ns: 1, fields });
    }
    let mut other = Parts::default();
    span(&mut other, 9, 0, OPEN);
    let value = other.push_text("of the span", 100);
    let mut fields = List::default();
    other.push_field(&mut fields, Text::Static("key"), Slot::Text(value));
    other.spans[0].fields = fields;
    assert!(event(&mut other, 1_000_000, Level::INFO, "left by a task"));
    other.group_key = other.push_text("named", 100);
    parts.append(&other);
    assert!(parts.thinned > 0);
    let last = parts.events.last().unwrap();
    assert_eq!(parts.str(last.message), "left by a task");
    assert_eq!(parts.str(last.origin.name), "event");
    assert_eq!(parts.str(parts.group_key), "named");
    let span = parts.spans.last().unwrap();
    assert_eq!(parts.str(span.origin.name), "span 9");
    let value = parts.list(span.fields).next().map(|field| (parts.str(field.name), field.value));
    assert!(matches!(value, Some(("key", Slot::Text(text))) if parts.str(text) == "of the span"), "{value:?}");
    assert!(is_whole(&parts));
}
