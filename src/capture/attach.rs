//! Errors that the application reports.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use super::error::known_name;
use super::failure::{Told, describe};
use super::handle;
use crate::record::FailureKind;

/// Puts an error on the record of the current request, with its type, its sources and the caller's location.
///
/// Meant for the place where an error becomes a response, such as `IntoResponse::into_response`, which is the last that
/// knows it. Outside a request it does nothing. An error that is attached twice, or logged with `tracing::error!` as well,
/// is one failure. With `RUST_BACKTRACE` (or `RUST_LIB_BACKTRACE`) set as for `std::backtrace::Backtrace::capture`, the
/// backtrace of the caller is on the record too.
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
    put(Told { type_name: known_name::<E>(error), ..Told::new(error) }.at(Location::caller()));
}

/// [`attach`] for whoever noted the place before, and the backtrace where one is wanted.
pub(crate) fn attach_at<E: Error + 'static>(error: &E, location: &'static Location<'static>, backtrace: Option<&Backtrace>) {
    put(Told { type_name: known_name::<E>(error), backtrace, ..Told::new(error) }.at(location));
}

/// [`attach`] for an error behind `dyn Error`, such as a `Box<dyn Error>`.
///
/// Its type's name is recorded where it is one of the common types that can be told at run time, else it is absent.
#[track_caller]
pub fn attach_dyn(error: &(dyn Error + 'static)) {
    put(Told::new(error).at(Location::caller()));
}

/// [`attach`] for a report: an error of `anyhow` or `eyre`, or a `Box<dyn Error + Send + Sync>`.
///
/// The backtrace that the report took when it was made is recorded, as is the place that `eyre` notes: both are nearer to
/// the error than the caller. They are read from what its `Debug` prints, so that no version of either is depended on.
///
/// # Example
/// ```
/// # fn send_mail() -> Result<(), Box<dyn std::error::Error + Send + Sync>> { Err("no route to host".into()) }
/// if let Err(error) = send_mail() {
///     campanile::attach_report(&error);
/// }
/// ```
#[track_caller]
pub fn attach_report<R>(report: &R)
where
    R: Deref<Target = dyn Error + Send + Sync + 'static> + fmt::Debug,
{
    let error: &(dyn Error + 'static) = &**report;
    put(Told { report: Some(report), ..Told::new(error) }.at(Location::caller()));
}

/// The backtrace of whoever calls, where the environment asks for one.
pub(crate) fn backtrace() -> Option<Backtrace> {
    Some(Backtrace::capture()).filter(|backtrace| backtrace.status() == BacktraceStatus::Captured)
}

fn put(told: Told<'_>) {
    handle::on_current(|parts, span, now_ns| {
        let here = if told.backtrace.is_none() { backtrace() } else { None };
        describe(parts, FailureKind::Attached, (span, now_ns), &Told { backtrace: told.backtrace.or(here.as_ref()), ..told });
    });
}
