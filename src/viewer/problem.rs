//! Why a question has no answer.

use http::StatusCode;
use serde_json::{Value as Json, json};

use crate::store;

/// Why, as the page is told.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    message: String,
    /// Where in the query, in characters.
    at: Option<usize>,
}

impl Problem {
    pub(super) fn of(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), at: None }
    }

    /// The question is wrong.
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, message)
    }

    /// There is nothing here.
    pub(super) fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND, "there is nothing here")
    }

    /// Nobody has time.
    pub(super) fn busy() -> Self {
        Self::of(StatusCode::SERVICE_UNAVAILABLE, "too many questions at a time: ask again in a moment")
    }

    /// It must not be asked.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::of(StatusCode::FORBIDDEN, message)
    }

    /// Nobody knows who asks.
    pub(super) fn unknown() -> Self {
        Self::of(StatusCode::UNAUTHORIZED, "open the address with the token first, as it was printed at the start")
    }

    /// Whoever was asked on behalf of the page did not answer.
    pub(super) fn no_answer(message: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_GATEWAY, message)
    }

    /// It went wrong here.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Where in the query it is.
    pub(super) fn at(self, at: usize) -> Self {
        Self { at: Some(at), ..self }
    }

    pub(super) fn json(&self) -> Json {
        match self.at {
            Some(at) => json!({ "error": self.message, "at": at }),
            None => json!({ "error": self.message }),
        }
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Self::failed(format!("the store cannot be read: {error}"))
    }
}
