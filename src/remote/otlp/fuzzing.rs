//! What receivers send and are sent, for the fuzzer.

#![allow(clippy::expect_used, clippy::panic, reason = "a promise that is broken has to end the fuzzer")]

use std::time::{Duration, SystemTime};

use super::{answer, encode};
use crate::record::{Record, Resource};
use crate::remote::{Answer, Encoder as _};

/// Bodies and headers of answers: whatever a receiver sends is read without harm, and nothing hidden is shown of it.
pub fn answer(data: &[u8]) {
    let shown = match answer::success(data) {
        Answer::Partly { message, .. } => Some(message),
        _ => None,
    };
    for text in shown.into_iter().chain(answer::status_message(data)) {
        assert!(!text.chars().any(crate::escape::is_hidden), "{text:?}");
    }
    #[cfg(feature = "otlp-grpc")]
    let _ = answer::retry_delay(data);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let text = String::from_utf8_lossy(data);
    let _ = answer::retry_after(&text, now);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let expected = Duration::from_secs(text.parse().unwrap_or(u64::MAX));
        assert_eq!(answer::retry_after(&text, now), Some(expected));
    }
}

/// A record as the export requests of traces and of logs.
pub fn otlp(record: &Record) -> [Vec<u8>; 2] {
    let (mut traces, mut logs) = (Vec::new(), Vec::new());
    let resource = Resource::default();
    encode::Traces::with(encode::Sends { headers: true, bodies: true }).encode(&[record], &resource, &mut traces);
    encode::Logs::with(tracing::level_filters::LevelFilter::TRACE).encode(&[record], &resource, &mut logs);
    [traces, logs]
}
