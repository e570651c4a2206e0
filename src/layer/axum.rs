//! For handlers of axum: the request's handle as an extractor, and an error that reports itself.

use std::backtrace::Backtrace;
use std::convert::Infallible;
use std::error::Error;
use std::panic::Location;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::capture::{Handle, attach_at, backtrace};

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
    /// Of the place of the `?`, where the environment asks for one: later, the handler is no longer on the stack.
    backtrace: Option<Box<Backtrace>>,
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
        Self { error, location: Location::caller(), backtrace: backtrace().map(Box::new) }
    }
}

impl<E: Error + IntoResponse + 'static> IntoResponse for Reported<E> {
    fn into_response(self) -> Response {
        attach_at(&self.error, self.location, self.backtrace.as_deref());
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Body;
    use axum::routing::post;
    use axum::{Json, Router};
    use http::{Request, StatusCode};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use crate::exporter::Memory;
    use crate::record::FailureKind;

    #[tokio::test]
    async fn what_an_extractor_refuses_is_on_the_record_with_its_reason() {
        let memory = Memory::new();
        let telemetry = crate::builder().exporter(memory.clone()).build().unwrap();
        let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(telemetry.tracing_layer()));
        let app = Router::new().route("/", post(async |_: Json<u64>| ())).layer(telemetry.layer());
        let request = Request::post("/").header("content-type", "application/json").body(Body::from("\"x\"")).unwrap();
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let body = response.into_body().collect().await.unwrap().to_bytes();

        let records = memory.wait_for(1, Duration::from_secs(5));
        let failure = records[0].failure().unwrap();
        assert_eq!(failure.kind(), FailureKind::Rejection);
        assert_eq!(failure.message().as_bytes(), body);
        assert!(failure.type_name().is_some_and(|name| name.ends_with("JsonDataError")), "{:?}", failure.type_name());
    }
}
