//! The handle by which code asks for more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::Kind;
use super::{Error, Tokens};
use crate::keep::{Ask, Asks};

/// Changes what a running telemetry captures and keeps; made by [`Telemetry::control`](crate::Telemetry::control).
///
/// Cheap to clone. It does not keep the telemetry alive.
#[derive(Clone, Debug)]
pub struct Control {
    asks: Asks,
    tokens: Arc<Tokens>,
}

/// An ask that stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standing {
    /// Its number, by which it is revoked.
    pub id: u64,
    /// What was asked for.
    pub ask: Ask,
    /// Time until it ends by itself.
    pub left: Duration,
}

impl Control {
    pub(crate) const fn new(asks: Asks, tokens: Arc<Tokens>) -> Self {
        Self { asks, tokens }
    }

    /// Takes an ask, from now on and until it ends or is revoked; returns its number.
    ///
    /// # Errors
    /// When the ask cannot be followed as it is.
    ///
    /// # When full
    /// 64 asks stand at once; one more is an error.
    pub fn ask(&self, ask: Ask) -> Result<u64, Error> {
        if let Some(problem) = ask.problem() {
            return Err(Error::new(Kind::Wrong, format!("an ask {problem}")));
        }
        let id = self.asks.add(ask, Instant::now());
        id.ok_or_else(|| Error::new(Kind::Wrong, "as many asks as may be are standing: revoke one, or wait until one has ended"))
    }

    /// What stands, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Standing> {
        let now = Instant::now();
        let standing = |active: crate::keep::Active| {
            let left = active.until.saturating_duration_since(now);
            Standing { id: active.id, ask: Ask::clone(&active.ask), left }
        };
        self.asks.list(now).into_iter().map(standing).collect()
    }

    /// Ends an ask; false when none of this number stands.
    #[must_use]
    pub fn revoke(&self, id: u64) -> bool {
        self.asks.revoke(id, Instant::now())
    }

    /// Refuses the debug token of this [id](crate::control::SignedToken::id) from now on, for as long as any may last: a
    /// day. With a [socket](crate::control) it is also noted in the store's directory, for processes that are started later;
    /// without one, a process that is started anew knows nothing of it.
    ///
    /// # Errors
    /// When it is not the id of a token, when it cannot be noted, or when 1,024 are revoked already: then only another key
    /// helps.
    pub fn revoke_token(&self, id: &str) -> Result<(), Error> {
        self.tokens.revoke(id)
    }
}
