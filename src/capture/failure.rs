//! Errors with all that is known of them.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;

use super::{current, handle};
use crate::record::parts::{CauseSlot, FailureSlot, MAX_FAILURES, MAX_FIELD_BYTES, Parts, Text};
use crate::record::{FailureKind, SpanId};

/// Puts an error on the record of the current request, with its type, its sources and the caller's location.
///
/// Meant for the place where an error becomes a response, such as `IntoResponse::into_response`, which is the last that
/// knows it. Outside a request it does nothing. The same error is worth attaching once.
///
/// # Example
/// ```
/// # #[derive(Debug)] struct AppError;
/// # impl std::fmt::Display for AppError { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str("x") } }
/// # impl std::error::Error for AppError {}
/// impl AppError {
///     fn into_response(self) -> http::Response<String> {
///         campanile::attach(&self);
///         http::Response::builder().status(500).body("internal error".to_owned()).unwrap()
///     }
/// }
/// ```
#[track_caller]
pub fn attach<E: Error + 'static>(error: &E) {
    attach_at(error, Location::caller());
}

/// [`attach`] for whoever noted the location before.
pub(crate) fn attach_at<E: Error + 'static>(error: &E, location: &'static Location<'static>) {
    attach_described(Described { type_name: known_name::<E>(error), error }, location);
}

/// [`attach`] for an error behind `dyn Error`, such as that of `anyhow` or a `Box<dyn Error>`.
///
/// Its type's name is recorded where it is one of the common types that can be told at run time, else it is absent.
#[track_caller]
pub fn attach_dyn(error: &(dyn Error + 'static)) {
    attach_described(Described { type_name: common_name(error), error }, Location::caller());
}

fn attach_described(error: Described<'_>, location: &'static Location<'static>) {
    handle::on_current(|parts, span, now_ns| {
        describe(parts, FailureKind::Attached, (span, now_ns), &error, Some(location));
    });
}

/// An error, and its type's name where that is known for certain.
struct Described<'a> {
    type_name: Option<&'static str>,
    error: &'a (dyn Error + 'static),
}

/// Writes a failure with its sources into `parts`; `at` is the span and the time.
fn describe(
    parts: &mut Parts,
    kind: FailureKind,
    at: (SpanId, u64),
    described: &Described<'_>,
    location: Option<&'static Location<'static>>,
) {
    if !parts.admits_failure() {
        return;
    }
    // An error's own `Display` and `source` run here; what they log is not captured again.
    let _ = current::once(|| {
        let message = parts.push_fmt(MAX_FIELD_BYTES, format_args!("{}", described.error));
        let first = u32::try_from(parts.causes.len()).unwrap_or(u32::MAX);
        let mut count = 0;
        let mut cause = source_of(described.error);
        while let Some(error) = cause {
            if count as usize == MAX_FAILURES {
                break;
            }
            let message = parts.push_fmt(MAX_FIELD_BYTES, format_args!("{error}"));
            parts.causes.push(CauseSlot { type_name: static_or_empty(common_name(error)), message });
            count += 1;
            cause = source_of(error);
        }
        parts.failures.push(FailureSlot {
            kind,
            time_ns: at.1,
            span: at.0,
            type_name: static_or_empty(described.type_name),
            message,
            file: static_or_empty(location.map(|location| location.file())),
            line: location.map_or(0, Location::line),
            backtrace: Text::EMPTY,
            causes: (first, count),
        });
    });
}

/// Writes a failure of which only the text is known.
pub(crate) fn describe_text(
    parts: &mut Parts,
    kind: FailureKind,
    at: (SpanId, u64),
    type_name: Option<&'static str>,
    text: fmt::Arguments<'_>,
) {
    let message = current::once(|| parts.push_fmt(MAX_FIELD_BYTES, text)).unwrap_or_default();
    push_text(parts, kind, at, static_or_empty(type_name), message);
}

/// [`describe_text`] for texts that are in `parts` already; runs nobody's code.
pub(super) fn push_text(parts: &mut Parts, kind: FailureKind, at: (SpanId, u64), type_name: Text, message: Text) {
    if !parts.admits_failure() {
        return;
    }
    parts.failures.push(FailureSlot {
        kind,
        time_ns: at.1,
        span: at.0,
        type_name,
        message,
        file: Text::EMPTY,
        line: 0,
        backtrace: Text::EMPTY,
        causes: (0, 0),
    });
}

/// A service's or body's error, whatever its type: its sources where it is a boxed error, and always its own text.
pub(crate) fn describe_any<E: fmt::Display + 'static>(parts: &mut Parts, kind: FailureKind, at: (SpanId, u64), error: &E) {
    if let Some(boxed) = boxed(error) {
        return describe(parts, kind, at, &Described { type_name: common_name(boxed), error: boxed }, None);
    }
    describe_text(parts, kind, at, Some(std::any::type_name::<E>()), format_args!("{error}"));
}

/// What an outgoing request's error is called: a word or a type's name, of low cardinality.
///
/// A client wraps the reason several times; what is known by name is looked for in the whole chain.
pub(super) fn error_type<E: fmt::Display + 'static>(error: &E) -> &'static str {
    let Some(first) = as_error(error) else { return std::any::type_name::<E>() };
    let chain = || std::iter::successors(Some(first), |error| source_of(*error)).take(MAX_FAILURES);
    if chain().any(is_timeout) {
        return "timeout";
    }
    if boxed(error).is_none() {
        return std::any::type_name::<E>();
    }
    chain().find_map(common_name).unwrap_or("_OTHER")
}

/// What an error and its sources say, in one line.
pub(super) fn chain_of<E: fmt::Display + 'static>(error: &E) -> impl fmt::Display + '_ {
    ChainOf { text: error, sources: as_error(error).and_then(source_of) }
}

struct ChainOf<'a, E> {
    text: &'a E,
    sources: Option<&'a (dyn Error + 'static)>,
}

impl<E: fmt::Display> fmt::Display for ChainOf<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.text, f)?;
        let sources = std::iter::successors(self.sources, |error| source_of(*error));
        sources.take(MAX_FAILURES).try_for_each(|error| write!(f, ": {error}"))
    }
}

/// The error with its sources, where its type is one that can be told at run time.
fn as_error<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    let any: &dyn Any = error;
    macro_rules! first_of {
        ($($type:ty),* $(,)?) => {
            $(if let Some(error) = any.downcast_ref::<$type>() { return Some(error); })*
        };
    }
    if let Some(error) = boxed(error) {
        return Some(error);
    }
    first_of!(std::io::Error);
    #[cfg(feature = "otlp")]
    first_of!(hyper_util::client::legacy::Error, hyper::Error);
    #[cfg(feature = "otlp-grpc")]
    first_of!(tonic::Status, tonic::transport::Error);
    #[cfg(any(feature = "axum", feature = "otlp"))]
    first_of!(tokio::time::error::Elapsed);
    #[cfg(feature = "tower-http")]
    first_of!(tower::timeout::error::Elapsed, tower::load_shed::error::Overloaded);
    None
}

/// What is inside, where `error` is a boxed one.
fn boxed<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    let any: &dyn Any = error;
    if let Some(error) = any.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return Some(&**error);
    }
    any.downcast_ref::<Box<dyn Error + Send>>()
        .map(|error| &**error as _)
        .or_else(|| any.downcast_ref::<Box<dyn Error>>().map(|error| &**error))
}

fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| error.source())).unwrap_or_default()
}

fn static_or_empty(text: Option<&'static str>) -> Text {
    text.map_or(Text::EMPTY, Text::Static)
}

/// The name of `E`, or what it is known by where `E` itself only wraps.
fn known_name<E: Error + 'static>(error: &E) -> Option<&'static str> {
    is_timeout(error).then_some("timeout").or_else(|| Some(std::any::type_name::<E>()))
}

/// The names of types that can be told behind `dyn Error`.
fn common_name(error: &(dyn Error + 'static)) -> Option<&'static str> {
    macro_rules! first_of {
        ($($type:ty),* $(,)?) => {
            $(if error.is::<$type>() { return Some(std::any::type_name::<$type>()); })*
        };
    }
    if is_timeout(error) {
        return Some("timeout");
    }
    first_of!(
        std::io::Error,
        std::fmt::Error,
        std::str::Utf8Error,
        std::string::FromUtf8Error,
        std::num::ParseIntError,
        std::num::ParseFloatError,
        std::num::TryFromIntError,
        std::str::ParseBoolError,
        std::net::AddrParseError,
        std::time::SystemTimeError,
        std::env::VarError,
        std::sync::mpsc::RecvError,
        std::convert::Infallible,
        http::Error,
        uuid::Error,
    );
    #[cfg(feature = "axum")]
    first_of!(axum::Error);
    #[cfg(feature = "otlp")]
    first_of!(hyper_util::client::legacy::Error, hyper::Error);
    #[cfg(feature = "otlp-grpc")]
    first_of!(tonic::Status);
    #[cfg(feature = "tower-http")]
    first_of!(tower::load_shed::error::Overloaded);
    None
}

/// Whether an error says that something took too long.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<std::io::Error>() {
        return error.kind() == std::io::ErrorKind::TimedOut;
    }
    #[cfg(any(feature = "axum", feature = "otlp"))]
    if error.is::<tokio::time::error::Elapsed>() {
        return true;
    }
    #[cfg(feature = "tower-http")]
    if error.is::<tower::timeout::error::Elapsed>() {
        return true;
    }
    false
}
