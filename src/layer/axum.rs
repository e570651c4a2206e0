//! For handlers of axum: the request's handle as an extractor, and an error that reports itself.

use std::convert::Infallible;
use std::error::Error;
use std::panic::Location;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::capture::{Handle, attach_at};

/// The error of a handler, put on the request's record with its type, sources and the place of the `?`.
///
/// # Example
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Response};
/// use campanile::axum::Reported;
///
/// #[derive(Debug)]
/// struct OutOfStock;
/// # impl std::fmt::Display for OutOfStock {
/// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("out of stock") }
/// # }
/// # impl std::error::Error for OutOfStock {}
/// impl IntoResponse for OutOfStock {
///     fn into_response(self) -> Response {
///         StatusCode::CONFLICT.into_response()
///     }
/// }
///
/// fn reserve() -> Result<(), OutOfStock> {
///     Err(OutOfStock)
/// }
///
/// async fn order() -> Result<&'static str, Reported<OutOfStock>> {
///     reserve()?;
///     Ok("done")
/// }
/// ```
#[derive(Debug)]
pub struct Reported<E> {
    error: E,
    location: &'static Location<'static>,
}

impl<E> Reported<E> {
    /// The error itself.
    #[must_use]
    pub fn into_inner(self) -> E {
        self.error
    }
}

impl<E: Error + 'static> From<E> for Reported<E> {
    #[track_caller]
    fn from(error: E) -> Self {
        Self { error, location: Location::caller() }
    }
}

impl<E: Error + IntoResponse + 'static> IntoResponse for Reported<E> {
    fn into_response(self) -> Response {
        attach_at(&self.error, self.location);
        self.error.into_response()
    }
}

/// Extracts the request's handle; without the layer there is none, and the extraction answers 500.
impl<S: Sync> FromRequestParts<S> for Handle {
    type Rejection = MissingLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, MissingLayer> {
        parts.extensions.get::<Self>().cloned().ok_or(MissingLayer)
    }
}

/// Extracts the request's handle where there is one.
impl<S: Sync> OptionalFromRequestParts<S> for Handle {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// The handle of a request was extracted where no layer had opened one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MissingLayer;

impl std::fmt::Display for MissingLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the request has not passed campanile's layer")
    }
}

impl Error for MissingLayer {}

impl IntoResponse for MissingLayer {
    fn into_response(self) -> Response {
        (http::StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}
