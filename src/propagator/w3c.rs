//! W3C Trace Context, Level 2: `traceparent` and `tracestate`.
//!
//! Whatever is not exactly right restarts the trace; a bad `tracestate` is dropped alone. Lengths are checked before
//! contents, and nothing is allocated unless several `tracestate` lines have to be joined.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::value::{Lines, trim};
use super::{Outgoing, Remote};
use crate::record::{SpanId, TraceFlags, TraceId, parse_hex};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Length of a `traceparent` of version 00, in bytes.
const PARENT_BYTES: usize = 55;
/// Members of a `tracestate`.
const MAX_MEMBERS: usize = 32;
/// Longest key and longest value of a member, in bytes.
const MAX_PART_BYTES: usize = 256;
/// The longest `tracestate` that 32 full members can make. Only white space and empty members could be longer.
const MAX_STATE_BYTES: usize = MAX_MEMBERS * (2 * MAX_PART_BYTES + 2);

/// Reads the caller's trace context; `None` means that a new trace begins here.
pub(super) fn read(headers: &HeaderMap) -> Option<Remote<'_>> {
    context(headers, Lines::of(headers, &TRACEPARENT), || Lines::of(headers, &TRACESTATE))
}

/// The same where it is known, or can be found out, how often both come.
#[inline]
pub(super) fn context<'h>(
    headers: &'h HeaderMap,
    traceparent: Lines<'h>,
    tracestate: impl FnOnce() -> Lines<'h>,
) -> Option<Remote<'h>> {
    let (trace_id, parent_id, flags) = parent(traceparent.only()?)?;
    let state = match tracestate() {
        Lines::None => Cow::Borrowed(""),
        Lines::One(line) => valid_state(trim(line.as_bytes())).map(Cow::Borrowed).unwrap_or_default(),
        Lines::Many => joined_state(headers),
    };
    Some(Remote { trace_id, parent_id: Some(parent_id), flags: Some(flags), state })
}

/// Writes both headers; a `tracestate` that belongs to another trace goes.
pub(super) fn write(outgoing: &Outgoing<'_>, headers: &mut HeaderMap) {
    let _ = headers.try_insert(&TRACEPARENT, traceparent(outgoing.trace_id, outgoing.span_id, outgoing.flags));
    match HeaderValue::from_str(outgoing.state) {
        Ok(state) if !state.is_empty() => drop(headers.try_insert(&TRACESTATE, state)),
        _ => drop(headers.remove(&TRACESTATE)),
    }
}

/// Version 00.
pub(super) fn traceparent(trace_id: TraceId, span_id: SpanId, flags: TraceFlags) -> HeaderValue {
    let (trace, span) = (trace_id.to_hex(), span_id.to_hex());
    let known = flags.0 & KNOWN_FLAGS;
    let parts = [b"00-", trace.as_str().as_bytes(), b"-", span.as_str().as_bytes(), b"-0", &[b'0' + known]];
    let mut text = [0; PARENT_BYTES];
    for (slot, byte) in text.iter_mut().zip(parts.into_iter().flatten()) {
        *slot = *byte;
    }
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

const KNOWN_FLAGS: u8 = TraceFlags::SAMPLED.0 | TraceFlags::RANDOM.0;

#[inline]
fn parent(value: &[u8]) -> Option<(TraceId, SpanId, TraceFlags)> {
    let (head, rest) = value.split_first_chunk::<PARENT_BYTES>()?;
    let (version, head) = head.split_first_chunk::<2>()?;
    let (trace_id, head) = head.strip_prefix(b"-")?.split_first_chunk::<32>()?;
    let (parent_id, head) = head.strip_prefix(b"-")?.split_first_chunk::<16>()?;
    let flags = head.strip_prefix(b"-")?;

    let [version] = parse_hex(version)?;
    match (version, rest) {
        // Only later versions may go on, and they do so after a dash.
        (0xff, _) | (0, [_, ..]) => return None,
        (_, [] | [b'-', ..]) => {}
        _ => return None,
    }
    let (trace_id, parent_id, [flags]) = (TraceId(parse_hex(trace_id)?), SpanId(parse_hex(parent_id)?), parse_hex(flags)?);
    (trace_id.is_valid() && parent_id.is_valid()).then_some((trace_id, parent_id, TraceFlags(flags & KNOWN_FLAGS)))
}

/// The `tracestate` lines, joined in order; empty when any of them is invalid.
fn joined_state(headers: &HeaderMap) -> Cow<'_, str> {
    let mut joined = Vec::new();
    for value in headers.get_all(&TRACESTATE) {
        if joined.len() + value.len() > MAX_STATE_BYTES {
            return Cow::Borrowed("");
        }
        joined.extend_from_slice(value.as_bytes());
        joined.push(b',');
    }
    joined.pop();
    valid_state(trim(&joined)).map(|state| Cow::Owned(state.to_owned())).unwrap_or_default()
}

/// The text itself, when it is a list of at most 32 members with different keys.
fn valid_state(list: &[u8]) -> Option<&str> {
    if list.len() > MAX_STATE_BYTES {
        return None;
    }
    let mut keys: [&[u8]; MAX_MEMBERS] = [&[]; MAX_MEMBERS];
    let mut count = 0;
    for member in list.split(|byte| *byte == b',').map(trim).filter(|member| !member.is_empty()) {
        let key = member_key(member)?;
        // The 33rd finds no slot.
        let (before, free) = keys.split_at_mut_checked(count)?;
        if before.contains(&key) {
            return None;
        }
        *free.first_mut()? = key;
        count += 1;
    }
    if count == 0 { None } else { std::str::from_utf8(list).ok() }
}

/// The key of a valid member.
fn member_key(member: &[u8]) -> Option<&[u8]> {
    let at = member.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (member.get(..at)?, member.get(at + 1..)?);
    let (first, others) = key.split_first()?;
    let starts = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let goes_on = |byte: &u8| starts(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@');
    let is_key = key.len() <= MAX_PART_BYTES && starts(first) && others.iter().all(goes_on);
    let fits = (1..=MAX_PART_BYTES).contains(&value.len());
    (is_key && fits && value.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'=')).then_some(key)
}

#[cfg(test)]
mod tests;
