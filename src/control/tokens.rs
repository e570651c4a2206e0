//! What a layer asks about the debug token of a request.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use http::HeaderMap;
#[cfg(feature = "control")]
use http::header::COOKIE;
use tracing::Level;

use super::Error;
use super::error::Kind;
#[cfg(all(feature = "control", feature = "store", unix))]
use super::revoked::Noted;
#[cfg(feature = "control")]
use super::{Key, token};
use crate::time;

/// The header that carries a token.
#[cfg(feature = "control")]
pub(super) const HEADER: http::HeaderName = http::HeaderName::from_static("x-campanile-debug");
/// The cookie that carries one where there is no such header.
#[cfg(feature = "control")]
const COOKIE_NAME: &str = "campanile-debug";
/// Tokens that are revoked at the same time, at most.
const MAX_REVOKED: usize = 1024;
/// A token that lasts for longer is not taken: one hour more than any is made for, as clocks differ.
pub(super) const LONGEST_SECONDS: u64 = crate::keep::Ask::LONGEST.as_secs() + 60 * 60;

/// The tokens of one telemetry: for which service they are, who signed them, which are revoked.
pub(crate) struct Tokens {
    #[cfg_attr(not(feature = "control"), expect(dead_code, reason = "nothing is signed"))]
    service: String,
    #[cfg(feature = "control")]
    key: Option<Key>,
    /// Ids, and when each is forgotten, in seconds since 1970.
    revoked: RwLock<Vec<(u64, u64)>>,
    /// Where they outlive the process.
    #[cfg(all(feature = "control", feature = "store", unix))]
    noted: Option<Noted>,
}

/// What a good token asks for.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The one user whose requests it is for.
    pub(crate) user: Option<Box<str>>,
    pub(crate) level: Option<Level>,
    pub(crate) has_bodies: bool,
}

impl Tokens {
    /// Takes no token.
    pub(crate) const fn none(service: String) -> Self {
        Self {
            service,
            #[cfg(feature = "control")]
            key: None,
            revoked: RwLock::new(Vec::new()),
            #[cfg(all(feature = "control", feature = "store", unix))]
            noted: None,
        }
    }

    /// Refuses those that are noted in the directory of a store, and notes there what is revoked from now on.
    ///
    /// # Errors
    /// When what is noted there cannot be read.
    #[cfg(all(feature = "control", feature = "store", unix))]
    pub(crate) fn noted_in(self, directory: &std::path::Path) -> std::io::Result<Self> {
        let noted = Noted::new(directory);
        let revoked = RwLock::new(noted.read(time::unix_ns() / 1_000_000_000, MAX_REVOKED)?);
        Ok(Self { revoked, noted: Some(noted), ..self })
    }

    /// Takes those that `key` signed.
    #[cfg(feature = "control")]
    pub(crate) fn signed_by(self, key: Option<Key>) -> Self {
        Self { key, ..self }
    }

    /// The ticket of a request, or why its token is refused; `None` where it has none, or where none is taken.
    #[cfg(feature = "control")]
    pub(crate) fn read(&self, headers: &HeaderMap) -> Option<Result<Ticket, &'static str>> {
        let key = self.key.as_ref()?;
        let text = find(headers)?;
        let now = time::unix_ns() / 1_000_000_000;
        let read = token::verify(text, key, &self.service, now);
        Some(read.and_then(|(id, ticket)| if self.is_revoked(id) { Err("a debug token that was revoked") } else { Ok(ticket) }))
    }

    /// Whether a request carries what may be a token, where any is taken.
    #[cfg(feature = "control")]
    pub(crate) fn has_any(&self, headers: &HeaderMap) -> bool {
        self.key.is_some() && find(headers).is_some()
    }

    /// Without signatures there are no tokens.
    #[cfg(not(feature = "control"))]
    pub(crate) const fn has_any(&self, _: &HeaderMap) -> bool {
        false
    }

    /// Without signatures there are no tokens.
    #[cfg(not(feature = "control"))]
    pub(crate) const fn read(&self, _: &HeaderMap) -> Option<Result<Ticket, &'static str>> {
        None
    }

    #[cfg(feature = "control")]
    fn is_revoked(&self, id: u64) -> bool {
        self.revoked.read().unwrap_or_else(PoisonError::into_inner).iter().any(|(known, _)| *known == id)
    }

    /// Refuses a token from now on.
    pub(super) fn revoke(&self, id: &str) -> Result<(), Error> {
        let id = parse_id(id).ok_or_else(|| Error::new(Kind::Wrong, "the id of a token has 16 digits from 0 to f"))?;
        let now = time::unix_ns() / 1_000_000_000;
        let mut revoked = self.revoked.write().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|(known, until)| *until > now && *known != id);
        if revoked.len() >= MAX_REVOKED {
            return Err(Error::new(Kind::Wrong, "as many tokens as may be are revoked: change the key"));
        }
        // No token is taken for longer than this.
        let until = now + LONGEST_SECONDS;
        revoked.push((id, until));
        drop(revoked);
        self.note(id, until)
    }

    #[cfg(all(feature = "control", feature = "store", unix))]
    fn note(&self, id: u64, until: u64) -> Result<(), Error> {
        let noted = self.noted.as_ref().map_or(Ok(()), |noted| noted.add(id, until));
        noted.map_err(|error| {
            Error::new(Kind::Wrong, "the token is refused from now on, but for processes to come it cannot be noted in the store")
                .because(error)
        })
    }

    #[cfg(not(all(feature = "control", feature = "store", unix)))]
    const fn note(&self, _: u64, _: u64) -> Result<(), Error> {
        Ok(())
    }
}

pub(super) fn parse_id(id: &str) -> Option<u64> {
    let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| u64::from_str_radix(id, 16).ok()).flatten()
}

/// The header's value, else that of the first cookie of the name.
#[cfg(feature = "control")]
fn find(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(HEADER) {
        // What is no text is no token either, but somebody meant it for one.
        return Some(value.to_str().unwrap_or_default());
    }
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}
