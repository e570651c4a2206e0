//! What can be told of an error whose type is not known: its name, its sources.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::record::parts::MAX_FAILURES;

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

/// An error with its sources, in one line.
pub(super) struct ChainOf<'a, E> {
    pub(super) text: &'a E,
    pub(super) sources: Option<&'a (dyn Error + 'static)>,
}

impl<E: fmt::Display> fmt::Display for ChainOf<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.text, f)?;
        let sources = std::iter::successors(self.sources, |error| source_of(*error));
        sources.take(MAX_FAILURES).try_for_each(|error| write!(f, ": {error}"))
    }
}

/// The error with its sources, where its type is one that can be told at run time.
pub(super) fn as_error<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
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
    #[cfg(feature = "axum")]
    first_of!(axum::Error);
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
pub(super) fn boxed<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    let any: &dyn Any = error;
    if let Some(error) = any.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return Some(&**error);
    }
    any.downcast_ref::<Box<dyn Error + Send>>()
        .map(|error| &**error as _)
        .or_else(|| any.downcast_ref::<Box<dyn Error>>().map(|error| &**error))
}

pub(super) fn source_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| error.source())).unwrap_or_default()
}

/// The name of `E`, or what it is known by where `E` itself only wraps.
pub(super) fn known_name<E: Error + 'static>(error: &E) -> Option<&'static str> {
    is_timeout(error).then_some("timeout").or_else(|| Some(std::any::type_name::<E>()))
}

/// The names of types that can be told behind `dyn Error`.
pub(super) fn common_name(error: &(dyn Error + 'static)) -> Option<&'static str> {
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
    #[cfg(any(feature = "axum", feature = "otlp"))]
    first_of!(tokio::task::JoinError);
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
