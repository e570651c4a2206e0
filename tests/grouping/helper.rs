//! Where every error of the application becomes an answer: one place for all causes.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What can go wrong in the shop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShopError {
    #[error("order {0} is gone")]
    Gone(u64),
    #[error("payment of order {0} was declined by the bank")]
    Declined(u64),
    #[error("order {0} is locked by {1}")]
    Locked(u64, String),
    #[error("article {0} is not in stock")]
    Missing(u64),
    #[error("no answer for {0:?}")]
    Timeout(std::time::Duration),
    #[error("cannot load order {0}")]
    Load(u64, #[source] Box<dyn std::error::Error + Send + Sync>),
}

impl IntoResponse for ShopError {
    fn into_response(self) -> Response {
        campanile::attach(&self);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// Any other error.
pub(crate) struct Other(pub(crate) Box<dyn std::error::Error + Send + Sync>);

impl IntoResponse for Other {
    fn into_response(self) -> Response {
        campanile::attach_dyn(&*self.0);
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

impl From<anyhow::Error> for Other {
    fn from(error: anyhow::Error) -> Self {
        Self(error.into())
    }
}

/// A helper that many call.
#[inline(never)]
pub(crate) fn third(list: &[u64], index: usize) -> u64 {
    list[index]
}
