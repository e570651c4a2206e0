//! Checkouts, and how they fail: an error with a source that has a source.

use std::io;
use std::num::ParseIntError;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use campanile::InExchange as _;
use campanile::axum::Reported;
use serde::{Deserialize, Serialize};
use tracing::{debug, info, instrument, warn};

use crate::stock::Shop;

#[derive(Debug, Deserialize)]
pub(crate) struct Checkout {
    /// `card_ok`; also `card_unreachable` and `card_garbled`, which fail.
    card: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Receipt {
    order: u64,
    receipt: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckoutError {
    #[error("there is no order {0}")]
    NoOrder(u64),
    #[error("order {0} is paid already")]
    PaidAlready(u64),
    #[error("checkout of order {order} failed")]
    Payment { order: u64, source: PaymentError },
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PaymentError {
    #[error("the payment provider cannot be reached")]
    Unreachable(#[source] io::Error),
    #[error("the payment provider's answer makes no sense")]
    Answer(#[from] ParseIntError),
}

impl IntoResponse for CheckoutError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NoOrder(_) => StatusCode::NOT_FOUND,
            Self::PaidAlready(_) => StatusCode::CONFLICT,
            Self::Payment { .. } => StatusCode::BAD_GATEWAY,
        };
        // The client learns this much; the sources are on the record.
        (status, format!("{self}\n")).into_response()
    }
}

/// `Reported` puts the error on the record, with its type, its sources and the line of the `?`.
pub(crate) async fn checkout(
    State(shop): State<Shop>,
    Path(id): Path<u64>,
    Json(checkout): Json<Checkout>,
) -> Result<Json<Receipt>, Reported<CheckoutError>> {
    campanile::set("order.id", id);
    let order = shop.find_order(id).await.ok_or(CheckoutError::NoOrder(id))?;
    if order.is_paid {
        warn!(order.id = id, "paid already");
        return Err(CheckoutError::PaidAlready(id).into());
    }
    // On a task of its own, and still part of this request.
    let check = tokio::spawn(check_for_fraud(id, order.total_cents).in_exchange());
    let (paid, is_odd) = tokio::join!(charge(&checkout.card, order.total_cents), check);
    let receipt = paid.map_err(|source| CheckoutError::Payment { order: id, source })?;
    let is_odd = is_odd.unwrap_or(true);
    shop.mark_paid(id);
    info!(receipt, total_cents = order.total_cents, is_odd, "order paid");
    Ok(Json(Receipt { order: id, receipt }))
}

#[instrument(skip(card))]
async fn charge(card: &str, amount_cents: u64) -> Result<u64, PaymentError> {
    debug!("asking the payment provider");
    tokio::time::sleep(Duration::from_millis(8)).await;
    let answer = match card {
        "card_unreachable" => {
            let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused by 10.2.0.17:443");
            return Err(PaymentError::Unreachable(refused));
        }
        "card_garbled" => "receipt=??",
        _ => "receipt=20417",
    };
    Ok(answer.trim_start_matches("receipt=").parse()?)
}

/// Whether somebody should have a look.
#[instrument]
async fn check_for_fraud(order: u64, amount_cents: u64) -> bool {
    tokio::time::sleep(Duration::from_millis(4)).await;
    let is_odd = amount_cents > 2_000_000;
    if is_odd {
        warn!(order, amount_cents, "a large order");
    }
    is_odd
}
