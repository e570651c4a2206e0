//! The stock, whose every handler fails.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;

use crate::helper::ShopError;

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/stock/{id}/missing", get(|Path(id): Path<u64>| async move { ShopError::Missing(id) }))
        .route("/stock/{id}/none", get(none))
        .route("/stock/{id}/index", get(index))
        .route("/stock/{id}/in-span", get(in_span))
        .route("/stock/{id}/in-other-span", get(in_other_span))
        .route("/stock/{id}/named", get(named))
}

async fn none(Path(id): Path<u64>) -> String {
    tokio::task::yield_now().await;
    (id == 0).then_some(id).unwrap().to_string()
}

async fn index(Path(id): Path<usize>) -> String {
    let list = std::hint::black_box(vec![1, 2, 3]);
    list[id].to_string()
}

fn fail(id: u64) -> axum::http::StatusCode {
    campanile::attach(&ShopError::Missing(id));
    axum::http::StatusCode::INTERNAL_SERVER_ERROR
}

async fn in_span(Path(id): Path<u64>) -> axum::http::StatusCode {
    tracing::info_span!("count_stock").in_scope(|| fail(id))
}

async fn in_other_span(Path(id): Path<u64>) -> axum::http::StatusCode {
    tracing::info_span!("order_more").in_scope(|| fail(id))
}

async fn named(Path(id): Path<u64>) -> ShopError {
    campanile::group("the warehouse is closed");
    ShopError::Missing(id)
}
