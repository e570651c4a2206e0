//! What a receiver's answer means.
//!
//! # Source
//! OTLP 1.11.0, "OTLP/HTTP response" and "OTLP/gRPC response"; google.rpc.Status and RetryInfo.

use std::time::{Duration, SystemTime};

use http::StatusCode;

use super::proto::{Reader, Wire};
use crate::remote::Answer;
use crate::remote::notice::shown;

/// What a success says about parts: `partial_success` of an export response.
pub(in crate::remote) fn success(body: &[u8]) -> Answer {
    // A body that cannot be read is no error: the status has said that the payload was taken.
    match partial_success(body) {
        Some((rejected, message)) if rejected > 0 || !message.is_empty() => Answer::Partly { rejected, message: shown(&message) },
        _ => Answer::Delivered,
    }
}

/// Count and message of an `Export…ServiceResponse`.
fn partial_success(body: &[u8]) -> Option<(u64, String)> {
    let (mut rejected, mut message) = (0, String::new());
    let mut response = Reader::new(body);
    while let Some((field, wire)) = response.next()? {
        let (1, Wire::Bytes(partial)) = (field, wire) else { continue };
        let mut partial = Reader::new(partial);
        while let Some((field, wire)) = partial.next()? {
            match (field, wire) {
                // An int64: what is negative is nothing.
                (1, Wire::Varint(count)) => rejected = u64::try_from(count.cast_signed()).unwrap_or_default(),
                (2, Wire::Bytes(text)) => message = String::from_utf8_lossy(text).into_owned(),
                _ => {}
            }
        }
    }
    Some((rejected, message))
}

/// The message of a `google.rpc.Status`.
pub(in crate::remote) fn status_message(body: &[u8]) -> Option<String> {
    let mut status = Reader::new(body);
    let mut message = None;
    while let Some((field, wire)) = status.next()? {
        if let (2, Wire::Bytes(text)) = (field, wire) {
            message = Some(shown(std::str::from_utf8(text).ok()?));
        }
    }
    message.filter(|message| !message.is_empty())
}

/// The `retry_delay` of a `RetryInfo` among the details of a `google.rpc.Status`.
#[cfg(feature = "otlp-grpc")]
pub(in crate::remote) fn retry_delay(status: &[u8]) -> Option<Duration> {
    const RETRY_INFO: &[u8] = b"google.rpc.RetryInfo";
    let mut status = Reader::new(status);
    while let Some((field, wire)) = status.next()? {
        let (3, Wire::Bytes(detail)) = (field, wire) else { continue };
        let (mut is_retry_info, mut value) = (false, &[][..]);
        let mut detail = Reader::new(detail);
        while let Some((field, wire)) = detail.next()? {
            match (field, wire) {
                (1, Wire::Bytes(url)) => is_retry_info = url.rsplit(|byte| *byte == b'/').next() == Some(RETRY_INFO),
                (2, Wire::Bytes(bytes)) => value = bytes,
                _ => {}
            }
        }
        if is_retry_info {
            return duration_of(value);
        }
    }
    None
}

/// Field 1 of a `RetryInfo`, a `google.protobuf.Duration`; absent or negative is zero.
#[cfg(feature = "otlp-grpc")]
fn duration_of(retry_info: &[u8]) -> Option<Duration> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut info = Reader::new(retry_info);
    while let Some((field, wire)) = info.next()? {
        let (1, Wire::Bytes(duration)) = (field, wire) else { continue };
        let mut duration = Reader::new(duration);
        while let Some((field, wire)) = duration.next()? {
            match (field, wire) {
                (1, Wire::Varint(value)) => seconds = u64::try_from(value.cast_signed()).unwrap_or_default(),
                (2, Wire::Varint(value)) => nanos = u32::try_from(value).unwrap_or_default().min(999_999_999),
                _ => {}
            }
        }
    }
    Some(Duration::new(seconds, nanos))
}

/// The statuses after which the same payload can be sent again.
pub(super) const fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// `Retry-After`: whole seconds or a date; `None` for anything else, which leaves the wait to the backoff.
///
/// Digits beyond every clock are a very long wait; it is clamped where waits are made.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    if let Ok(at) = httpdate::parse_http_date(value) {
        return Some(at.duration_since(now).unwrap_or_default());
    }
    // Not in the standard, but sent: fractions and exponents. NaN and what is negative say nothing.
    match value.parse::<f64>() {
        Ok(seconds) if seconds >= 0.0 => Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_overflows() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (value, expected) in [
            ("120", Some(Duration::from_secs(120))),
            ("99999999999999999999999", Some(Duration::from_secs(u64::MAX))),
            ("1e300", Some(Duration::MAX)),
            ("inf", Some(Duration::MAX)),
            ("1.5", Some(Duration::from_millis(1500))),
            ("NaN", None),
            ("-1", None),
            ("", None),
            ("soon", None),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(Duration::ZERO)),
            ("Tue, 14 Nov 2023 22:14:20 GMT", Some(Duration::from_secs(60))),
        ] {
            assert_eq!(retry_after(value, now), expected, "{value:?}");
        }
        assert!(retry_after("Fri, 31 Dec 9999 23:59:59 GMT", now).unwrap() > Duration::from_secs(3600));
    }

    #[test]
    fn an_empty_partial_success_is_a_success() {
        assert_eq!(success(b""), Answer::Delivered);
        assert_eq!(success(&[0x0a, 0]), Answer::Delivered);
        assert_eq!(success(&[0x0a, 2, 0x08, 7]), Answer::Partly { rejected: 7, message: String::new() });
        assert_eq!(success(&[0x0a, 3, 0x12, 1, b'x']), Answer::Partly { rejected: 0, message: "x".into() });
        let negative = [0x0a, 11, 0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(success(&negative), Answer::Delivered);
    }
}
