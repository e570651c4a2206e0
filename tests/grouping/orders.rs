//! Orders, whose every handler fails.

use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;

use crate::helper::{Other, ShopError, third};

pub(crate) fn routes() -> Router {
    Router::new()
        .route("/orders/{id}/gone", get(|Path(id): Path<u64>| async move { ShopError::Gone(id) }))
        .route("/orders/{id}/declined", get(|Path(id): Path<u64>| async move { ShopError::Declined(id) }))
        .route("/orders/{id}/locked/{by}", get(|Path((id, by)): Path<(u64, String)>| async move { ShopError::Locked(id, by) }))
        .route(
            "/orders/{id}/timeout",
            get(|Path(id): Path<u64>| async move { ShopError::Timeout(Duration::from_millis(id * 7)) }),
        )
        .route("/orders/{id}/chain", get(|Path(id): Path<u64>| async move { ShopError::Load(id, query(id, "row").into()) }))
        .route(
            "/orders/{id}/chain-other",
            get(|Path(id): Path<u64>| async move { ShopError::Load(id, query(id, "table").into()) }),
        )
        .route("/orders/{id}/anyhow", get(|Path(id): Path<u64>| async move { Other::from(fetch(id).unwrap_err()) }))
        .route(
            "/orders/{id}/anyhow-other",
            get(|Path(id): Path<u64>| async move { Other::from(anyhow::anyhow!("order {id} has no lines")) }),
        )
        .route("/orders/{id}/boxed", get(|Path(id): Path<u64>| async move { Other(format!("order {id} is stuck").into()) }))
        .route(
            "/orders/{id}/boxed-other",
            get(|Path(id): Path<u64>| async move { Other(format!("order {id} is unpaid").into()) }),
        )
        .route(
            "/orders/{id}/json",
            get(|Path(id): Path<u64>| async move { Other(json(&format!("{}[1,", " ".repeat(id as usize))).into()) }),
        )
        .route("/orders/{id}/json-other", get(|Path(id): Path<u64>| async move { Other(json(&format!("\"{id}\"")).into()) }))
        .route(
            "/orders/{id}/file",
            get(|Path(id): Path<u64>| async move { Other(std::fs::read(format!("/no/such/{id}")).unwrap_err().into()) }),
        )
        .route("/orders/{id}/port", get(|| async { Other("no port".parse::<u16>().unwrap_err().into()) }))
        .route("/orders/{id}/logged", get(logged))
        .route("/orders/{id}/named", get(named))
        .route("/orders/{id}/index", get(index))
        .route("/orders/{id}/none", get(none))
        .route("/orders/{id}/none-elsewhere", get(none_elsewhere))
        .route("/orders/{id}/parse", get(parse))
        .route("/orders/{id}/expect", get(|| async { expect("a config") }))
        .route("/orders/{id}/expect-other", get(|| async { expect("a customer") }))
        .route("/orders/{id}/generic", get(|Path(id): Path<u64>| async move { cast::<u8>(id) }))
        .route("/orders/{id}/generic-other", get(|Path(id): Path<u64>| async move { cast::<i8>(id) }))
        .route("/orders/{id}/closure", get(closure))
        .route("/orders/{id}/deep", get(|Path(id): Path<u64>| async move { deep(id) }))
        .route("/orders/{id}/via-a", get(|Path(id): Path<u64>| async move { via_a(id) }))
        .route("/orders/{id}/via-b", get(|Path(id): Path<u64>| async move { via_b(id) }))
        .route("/orders/{id}/later", get(later))
        .route("/orders/{id}/divide", get(|Path(id): Path<u64>| async move { (100 / std::hint::black_box(id)).to_string() }))
}

#[derive(Debug, thiserror::Error)]
#[error("{what} {id} is missing")]
struct QueryError {
    id: u64,
    what: &'static str,
}

fn query(id: u64, what: &'static str) -> QueryError {
    QueryError { id, what }
}

fn fetch(id: u64) -> anyhow::Result<()> {
    Err(query(id, "row")).with_context(|| format!("cannot fetch order {id}"))
}

fn json(text: &str) -> serde_json::Error {
    serde_json::from_str::<Vec<u64>>(text).unwrap_err()
}

async fn logged(Path(id): Path<u64>) -> StatusCode {
    let error = query(id, "row");
    tracing::error!(error = &error as &dyn std::error::Error, "cannot render");
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn named(Path(id): Path<u64>) -> ShopError {
    campanile::group("the warehouse is closed");
    ShopError::Gone(id)
}

async fn index(Path(id): Path<usize>) -> String {
    let list = std::hint::black_box(vec![1, 2, 3]);
    list[id].to_string()
}

async fn none(Path(id): Path<u64>) -> String {
    find(id).await.unwrap().to_string()
}

async fn none_elsewhere(Path(id): Path<u64>) -> String {
    let found = find(id).await;
    found.unwrap().to_string()
}

async fn find(id: u64) -> Option<u64> {
    tokio::task::yield_now().await;
    (id == 0).then_some(id)
}

async fn parse(Path(id): Path<u64>) -> String {
    format!("x{id}").parse::<u64>().unwrap().to_string()
}

fn expect(what: &str) -> String {
    std::hint::black_box(None::<u64>).expect(what).to_string()
}

fn cast<T: TryFrom<u64>>(id: u64) -> String {
    let _ = T::try_from(id * 1000).ok().unwrap();
    String::new()
}

async fn closure(Path(id): Path<usize>) -> String {
    let list = std::hint::black_box([1, 2, 3]);
    let pick = |add: usize| list[id + add];
    (0..2).map(pick).sum::<u64>().to_string()
}

#[inline(never)]
fn deep(left: u64) -> String {
    if left == 0 {
        panic!("too deep")
    }
    std::hint::black_box(deep(left - 1))
}

#[inline(never)]
fn via_a(id: u64) -> String {
    third(&[1], id as usize).to_string()
}

#[inline(never)]
fn via_b(id: u64) -> String {
    format!("b{}", third(&[1], id as usize))
}

/// Fails in a task of its own.
async fn later(Path(id): Path<u64>) -> String {
    tokio::spawn(async move { find(id).await.expect("somebody") }).await.unwrap().to_string()
}
