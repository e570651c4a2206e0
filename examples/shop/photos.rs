//! Photos: a body that streams in, and one that streams out.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use tracing::{debug, info};

use crate::stock::Shop;

const MAX_BYTES: usize = 1 << 20;
const CHUNK_BYTES: usize = 16 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("the upload broke off after {received_bytes} bytes")]
    BrokeOff { received_bytes: usize, source: axum::Error },
    #[error("a photo has at most {MAX_BYTES} bytes")]
    TooLarge,
}

impl IntoResponse for UploadError {
    fn into_response(self) -> Response {
        // The last place that knows the error.
        campanile::attach(&self);
        let status = match self {
            Self::BrokeOff { .. } => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        };
        (status, format!("{self}\n")).into_response()
    }
}

pub(crate) async fn upload(State(shop): State<Shop>, Path(id): Path<u32>, body: Body) -> Result<StatusCode, UploadError> {
    campanile::set("product.id", id);
    let mut photo = BytesMut::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|source| UploadError::BrokeOff { received_bytes: photo.len(), source })?;
        if photo.len() + chunk.len() > MAX_BYTES {
            return Err(UploadError::TooLarge);
        }
        debug!(chunk_bytes = chunk.len(), "received");
        photo.extend_from_slice(&chunk);
    }
    info!(photo_bytes = photo.len(), "photo stored");
    shop.keep_photo(id, photo.freeze());
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn download(State(shop): State<Shop>, Path(id): Path<u32>) -> Result<Response, StatusCode> {
    let photo = shop.photo(id).ok_or(StatusCode::NOT_FOUND)?;
    let chunks = stream::unfold(photo, async |mut rest: Bytes| {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        let chunk = rest.split_to(rest.len().min(CHUNK_BYTES));
        Some((Ok::<_, Infallible>(chunk), rest))
    });
    Ok(([(CONTENT_TYPE, "image/jpeg")], Body::from_stream(chunks)).into_response())
}
