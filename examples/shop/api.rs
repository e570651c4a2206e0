//! The routes.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, warn};

use crate::stock::{Item, Order, Product, Shop};
use crate::{checkout, photos};

pub(crate) fn router(shop: Shop) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/products", get(products))
        .route("/products/{id}", get(product))
        .route("/products/{id}/photo", put(photos::upload).get(photos::download))
        .route("/orders", post(place_order))
        .route("/orders/{id}", get(order))
        .route("/orders/{id}/checkout", post(checkout::checkout))
        .route("/reports/sales", get(sales))
        .route("/events", get(events))
        .route("/debug/panic", get(panics))
        .fallback(async || (StatusCode::NOT_FOUND, "there is nothing here\n"))
        .with_state(shop)
        .layer(from_fn(know_user))
        // Inside the telemetry's layer, so that clients get an answer and the record gets the panic.
        .layer(campanile::catch_panic_layer())
}

async fn know_user(request: Request, next: Next) -> Response {
    if let Some(user) = user(request.headers()) {
        campanile::set("user.id", user);
    }
    next.run(request).await
}

/// Who asks: the `x-user` header, or whoever the token belongs to.
fn user(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text("x-user").or_else(|| match text("authorization")?.strip_prefix("Bearer ")? {
        "tower-captain" => Some("ada"),
        _ => None,
    })
}

#[derive(Debug, Deserialize)]
struct Page {
    limit: Option<usize>,
}

async fn products(State(shop): State<Shop>, Query(page): Query<Page>) -> Json<Vec<Product>> {
    Json(shop.products(page.limit.unwrap_or(20)).await)
}

async fn product(State(shop): State<Shop>, Path(id): Path<u32>) -> Result<Json<Product>, (StatusCode, String)> {
    campanile::set("product.id", id);
    let Some(product) = shop.product(id).await else {
        return Err((StatusCode::NOT_FOUND, format!("there is no product {id}\n")));
    };
    if product.in_stock < 8 {
        warn!(product.id = id, product.in_stock, "nearly sold out");
    }
    Ok(Json(product))
}

#[derive(Debug, Deserialize)]
struct NewOrder {
    items: Vec<Item>,
}

async fn place_order(
    State(shop): State<Shop>,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<Order>), (StatusCode, String)> {
    match shop.order(new.items).await {
        Ok(order) => {
            campanile::set("order.id", order.id);
            info!(total_cents = order.total_cents, "order placed");
            Ok((StatusCode::CREATED, Json(order)))
        }
        Err(product) => Err((StatusCode::UNPROCESSABLE_ENTITY, format!("there is no product {product}\n"))),
    }
}

async fn order(State(shop): State<Shop>, Path(id): Path<u64>) -> Result<Json<Order>, StatusCode> {
    campanile::set("order.id", id);
    shop.find_order(id).await.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn sales(State(shop): State<Shop>) -> Json<Value> {
    let (orders, total_cents) = shop.sales().await;
    warn!(orders, "the sales report reads every order");
    Json(json!({ "orders": orders, "total_cents": total_cents }))
}

/// Stock levels as they change; `limit` ends the stream.
async fn events(State(shop): State<Shop>, Query(page): Query<Page>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let products = shop.products(usize::MAX).await;
    let changes = stream::iter(products.into_iter().cycle().take(page.limit.unwrap_or(usize::MAX)));
    Sse::new(changes.then(async |product| {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let change = json!({ "product": product.id, "in_stock": product.in_stock });
        Ok(Event::default().event("stock").data(change.to_string()))
    }))
}

/// What a bug looks like: the mean of nothing.
async fn panics(Query(page): Query<Page>) -> String {
    let prices: Vec<u64> = (1..=12).map(|price| price * 1_000).skip(page.limit.unwrap_or(12)).collect();
    let mean = prices.iter().sum::<u64>() / prices.len() as u64;
    mean.to_string()
}
