//! What gRPC says over HTTP: which requests it makes, its status, its deadline.
//!
//! # Source
//! gRPC over HTTP2 (`PROTOCOL-HTTP2.md`), gRPC-Web (`PROTOCOL-WEB.md`), HTTP to gRPC status code mapping
//! (`http-grpc-status-mapping.md`).

mod messages;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};

pub(crate) use self::messages::Messages;
use crate::percent::Decoded;
use crate::record::parts::{FailureSlot, HeaderSlot, MAX_HEADER_BYTES, Parts, Side, Text};
use crate::record::{FailureKind, Outcome, SpanId, is_rpc_failure, rpc_code};

const UNKNOWN: u8 = 2;
const DEADLINE_EXCEEDED: u8 = 4;
/// The last code that has a name.
const LAST: u8 = 16;
/// A caller's clock began to run before ours: what is left at the end is at most this part of the whole.
const ON_THE_WAY: u64 = 20;

/// In which form messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Frames and trailers of HTTP/2.
    Plain,
    /// gRPC-Web: trailers are the last frame of the body.
    Web,
    /// gRPC-Web in base64, which is not looked into.
    WebText,
}

impl Form {
    /// By the content type: `application/grpc`, alone or followed by `+` or `;`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        Self::named(headers.get(CONTENT_TYPE)?)
    }

    pub(crate) fn named(content_type: &HeaderValue) -> Option<Self> {
        let (start, rest) = content_type.as_bytes().split_at_checked(b"application/grpc".len())?;
        if !start.eq_ignore_ascii_case(b"application/grpc") {
            return None;
        }
        let is_end = |rest: &[u8]| matches!(rest.trim_ascii_start(), [] | [b'+' | b';', ..]);
        let after = |prefix: &[u8]| {
            let (start, rest) = rest.split_at_checked(prefix.len())?;
            start.eq_ignore_ascii_case(prefix).then_some(rest)
        };
        if is_end(rest) {
            Some(Self::Plain)
        } else if after(b"-web-text").is_some_and(is_end) {
            Some(Self::WebText)
        } else {
            after(b"-web").is_some_and(is_end).then_some(Self::Web)
        }
    }
}

/// One call in flight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    form: Form,
    /// When the caller stops waiting, in nanoseconds after the start; `u64::MAX` when it does not.
    deadline_ns: u64,
}

impl Call {
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let form = Form::of(headers)?;
        Some(Self { form, deadline_ns: headers.get("grpc-timeout").and_then(timeout_ns).unwrap_or(u64::MAX) })
    }

    /// Says what nobody said. An answer without a status is none that worked: to the caller it is `UNKNOWN`. A call that
    /// nobody waits for any more, as its deadline is over, has exceeded it.
    pub(crate) fn settle(self, parts: &mut Parts) {
        if parts.rpc_status.is_some() {
            return;
        }
        let is_ok = parts.status == Some(StatusCode::OK.as_u16());
        parts.rpc_status = match parts.outcome {
            Outcome::Answered if is_ok && self.form != Form::WebText => Some(UNKNOWN),
            Outcome::ClientGoneBeforeHead | Outcome::ClientGoneMidBody
                if parts.duration_ns >= self.deadline_ns - self.deadline_ns / ON_THE_WAY =>
            {
                Some(DEADLINE_EXCEEDED)
            }
            _ => None,
        };
    }
}

/// Puts the status that a call was answered with on the record as its failure, where it is an error of the server (or any
/// one, where the settings count those of clients) and no error was seen behind it.
pub(super) fn fail(parts: &mut Parts, span: SpanId) {
    let Some(code) = parts.rpc_status.filter(|code| parts.is_rpc && is_rpc_failure(*code, parts.counts_client_errors)) else {
        return;
    };
    if !parts.failures.is_empty() {
        return;
    }
    let said = |slot: &&HeaderSlot| slot.side != Side::Request && parts.str(slot.name) == "grpc-message";
    let said = parts.headers.iter().rfind(said).and_then(|slot| slot.value).unwrap_or_default();
    let message: Vec<u8> = Decoded::new(parts.str(said)).collect();
    let message = parts.push_bytes(&message, MAX_HEADER_BYTES);
    let failure = FailureSlot::new(FailureKind::Status, (span, parts.duration_ns));
    parts.push_failure(FailureSlot { type_name: Text::Static(rpc_code(code)), message, ..failure });
}

/// The code in a head or in trailers. What is no code is `UNKNOWN`.
pub(crate) fn status(headers: &HeaderMap) -> Option<u8> {
    headers.get("grpc-status").map(status_of)
}

/// The code that a `grpc-status` says.
pub(crate) fn status_of(header: &HeaderValue) -> u8 {
    code(header.as_bytes())
}

fn code(digits: &[u8]) -> u8 {
    let code = match *digits {
        [one @ b'0'..=b'9'] => one - b'0',
        [ten @ b'1'..=b'9', one @ b'0'..=b'9'] => (ten - b'0') * 10 + (one - b'0'),
        _ => UNKNOWN,
    };
    if code > LAST { UNKNOWN } else { code }
}

/// `grpc-timeout`: up to eight digits and a unit.
fn timeout_ns(value: &HeaderValue) -> Option<u64> {
    let (unit, digits) = value.as_bytes().split_last()?;
    let factor: u64 = match unit {
        b'H' => 3_600_000_000_000,
        b'M' => 60_000_000_000,
        b'S' => 1_000_000_000,
        b'm' => 1_000_000,
        b'u' => 1_000,
        b'n' => 1,
        _ => return None,
    };
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
    Some(number.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_content_types_are_grpc() {
        for (content_type, expected) in [
            ("application/grpc", Some(Form::Plain)),
            ("Application/gRPC", Some(Form::Plain)),
            ("application/grpc+proto", Some(Form::Plain)),
            ("application/grpc; charset=utf-8", Some(Form::Plain)),
            ("application/grpc ;x=y", Some(Form::Plain)),
            ("application/grpc-web", Some(Form::Web)),
            ("application/grpc-web+proto", Some(Form::Web)),
            ("application/grpc-web-text", Some(Form::WebText)),
            ("application/grpc-web-text+proto", Some(Form::WebText)),
            ("application/grpcfoo", None),
            ("application/grpc-webfoo", None),
            ("application/grpc/x", None),
            ("application/gr", None),
            ("text/plain; x=application/grpc", None),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
            assert_eq!(Form::of(&headers), expected, "{content_type}");
        }
        assert_eq!(Form::of(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_no_code_is_unknown() {
        for (text, expected) in
            [("0", 0), ("5", 5), ("16", 16), ("17", 2), ("99", 2), ("", 2), ("00", 2), ("+0", 2), (" 0", 2), ("OK", 2)]
        {
            assert_eq!(code(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn a_deadline_has_a_number_and_a_unit() {
        for (text, expected) in [
            ("1S", Some(1_000_000_000)),
            ("100m", Some(100_000_000)),
            ("99999999H", Some(u64::MAX)),
            ("5n", Some(5)),
            ("100000000n", None),
            ("S", None),
            ("", None),
            ("-1S", None),
            ("1s", None),
        ] {
            assert_eq!(timeout_ns(&HeaderValue::from_static(text)), expected, "{text:?}");
        }
    }
}
