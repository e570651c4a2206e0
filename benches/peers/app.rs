//! The app, as people write it who log through `tracing`.

use std::error::Error;
use std::fmt;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

/// The routes of [`Route`](crate::Route).
pub fn app() -> Router {
    app_with(get(fails))
}

/// The same with another `fails`: each stack has its own way to report errors.
pub fn app_with(fails: MethodRouter) -> Router {
    Router::new().route("/users/{id}", get(users)).route("/hello", get(hello)).route("/echo", post(echo)).route("/fails", fails)
}

async fn users(Path(id): Path<u64>) -> Json<User> {
    tracing::info!(user.id = id, "looking up a user");
    Json(load(id).await)
}

#[tracing::instrument(skip_all, fields(user.id = id))]
async fn load(id: u64) -> User {
    tracing::debug!(rows = 1, table = "users", "query done");
    User::of(id)
}

async fn fails() -> Result<&'static str, OrderError> {
    let failed = OrderError::take();
    if let Err(error) = &failed {
        tracing::error!(error = error as &dyn Error, "the order was not taken");
    }
    failed
}

pub(crate) async fn hello() -> &'static str {
    "hello, world\n"
}

pub(crate) async fn echo(Json(order): Json<Order>) -> Json<Order> {
    Json(order)
}

/// What `users` answers.
#[derive(Serialize)]
pub(crate) struct User {
    id: u64,
    name: &'static str,
    plan: &'static str,
}

impl User {
    pub(crate) const fn of(id: u64) -> Self {
        Self { id, name: "Ada Lovelace", plan: "pro" }
    }
}

/// What `echo` reads and answers.
#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    id: String,
    customer: String,
    address: String,
    note: String,
    is_gift: bool,
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    sku: String,
    name: String,
    count: u32,
    price_cents: u64,
}

/// What goes wrong in `fails`, with three causes below it.
#[derive(Debug)]
pub struct OrderError {
    order: u64,
    source: StockError,
}

impl OrderError {
    /// Never takes an order.
    ///
    /// # Errors
    /// Always.
    pub fn take() -> Result<&'static str, Self> {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        Err(Self { order: 981, source: StockError { sku: "A-4711", source: PoolError { host: "db-1", source: refused } } })
    }
}

impl IntoResponse for OrderError {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, "the order was not taken\n").into_response()
    }
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot take order {}", self.order)
    }
}

impl Error for OrderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[derive(Debug)]
struct StockError {
    sku: &'static str,
    source: PoolError,
}

impl fmt::Display for StockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot reserve {}", self.sku)
    }
}

impl Error for StockError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

#[derive(Debug)]
struct PoolError {
    host: &'static str,
    source: std::io::Error,
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection to {}", self.host)
    }
}

impl Error for PoolError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
