//! Debug tokens: made by whoever has the key, and verified at the head of a request.

use std::fmt;
use std::time::Duration;

use tracing::Level;

use super::error::Kind;
use super::tokens::{LONGEST_SECONDS, parse_id};
use super::wire::{decode, encode};
use super::{Error, Key, Ticket};
use crate::{random, time};

/// What a token begins with; the number is that of its form.
const VERSION: &str = "campanile1";
const PURPOSE: &str = "campanile debug token";
/// The longest token, in bytes.
const MAX_BYTES: usize = 2048;

/// A debug token that is being made: requests that carry it keep their whole detail, and their traces are sampled.
///
/// # Shape
/// `campanile1.<service>.<user>.<end>.<id>.<what>.<signature>`: fit for a header and for a cookie. Whoever has it can read
/// what it says, and can change nothing of it.
///
/// # Example
/// ```
/// use std::time::Duration;
///
/// use campanile::control::{Key, Token};
///
/// let key = Key::new("0123456789abcdef0123456789abcdef")?;
/// let token = Token::new("shop").user("42").bodies().lasting(Duration::from_secs(15 * 60)).sign(&key)?;
/// let header = format!("x-campanile-debug: {}", token.as_str());
/// # drop(header);
/// # Ok::<(), campanile::control::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Token {
    service: String,
    user: String,
    level: Option<Level>,
    has_bodies: bool,
    lasting: Duration,
}

/// A token that is ready to be sent; a secret until it ends. `Debug` shows its id alone.
#[derive(Clone)]
pub struct SignedToken {
    text: String,
    id: u64,
}

impl Token {
    /// How long it lasts: 15 minutes.
    pub const DEFAULT_LASTING: Duration = Duration::from_secs(15 * 60);
    /// The longest that it may last: a day.
    pub const LONGEST: Duration = crate::keep::Ask::LONGEST;

    /// For the service of this `service.name`.
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), user: String::new(), level: None, has_bodies: false, lasting: Self::DEFAULT_LASTING }
    }

    /// Only for requests of one user: the attribute `user.id` has to be this at the end of the request, else what was
    /// captured for the token is dropped and the token counts as refused. Its trace stays sampled, as others were told.
    ///
    /// # Default
    /// Whoever sends it.
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = id.into();
        self
    }

    /// Captures the application's own code down to this level, as [`Ask::level`](crate::control::Ask::level) does.
    ///
    /// No request waits for that: a thread of the library opens what `tracing` had switched off, some milliseconds after the
    /// first request with such a token began, and closes it a minute after the last one. What that first request says below
    /// the usual levels until then is missing on its record.
    ///
    /// # Default
    /// What is captured anyway.
    pub const fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    /// Captures bodies, as [`Ask::bodies`](crate::control::Ask::bodies) does.
    ///
    /// # Default
    /// What the settings say.
    pub const fn bodies(mut self) -> Self {
        self.has_bodies = true;
        self
    }

    /// For how long from now; at most [`LONGEST`](Self::LONGEST).
    ///
    /// # Default
    /// [`DEFAULT_LASTING`](Self::DEFAULT_LASTING).
    pub const fn lasting(mut self, time: Duration) -> Self {
        self.lasting = time;
        self
    }

    /// Signs it.
    ///
    /// # Errors
    /// When it lasts too long, or when service or user are too long for a token.
    pub fn sign(&self, key: &Key) -> Result<SignedToken, Error> {
        if self.lasting > Self::LONGEST || self.lasting.is_zero() {
            return Err(Error::new(Kind::Wrong, "a token lasts from a moment to 24 hours"));
        }
        let end = (time::unix_ns() / 1_000_000_000).saturating_add(self.lasting.as_secs().max(1));
        Ok(self.sign_until(key, end)).and_then(|token| match token.text.len() {
            0..=MAX_BYTES => Ok(token),
            _ => Err(Error::new(Kind::Wrong, "service and user are too long for a token")),
        })
    }

    fn sign_until(&self, key: &Key, end: u64) -> SignedToken {
        let (service, user) = (encode(&self.service), encode(&self.user));
        // Not a secret; it only has to differ from all others.
        let id = u64::from_be_bytes(random::span_id().0);
        let what = [level_letter(self.level), if self.has_bodies { "b" } else { "" }].concat();
        let said = format!("{VERSION}.{service}.{user}.{end}.{id:016x}.{what}");
        SignedToken { text: format!("{said}.{}", key.sign(PURPOSE, &said)), id }
    }
}

impl SignedToken {
    /// What is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// By which it is revoked; no secret.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:016x}", self.id)
    }
}

impl fmt::Debug for SignedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedToken").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// The id of a good token and what it asks for, or why it is refused, as the start of a sentence without any of its text.
///
/// The signature comes first: nothing of a forged token is looked at.
pub(super) fn verify(text: &str, key: &Key, service: &str, now: u64) -> Result<(u64, Ticket), &'static str> {
    const FORGED: &str = "a debug token that nobody signed with the key of this service";
    if text.len() > MAX_BYTES {
        return Err(FORGED);
    }
    let (said, signature) = text.rsplit_once('.').ok_or(FORGED)?;
    if !key.verifies(PURPOSE, said, signature) {
        return Err(FORGED);
    }
    let mut parts = said.split('.');
    let mut part = || parts.next().ok_or(FORGED);
    if part()? != VERSION {
        return Err("a debug token of another version");
    }
    let (named, user) = (decode(part()?).ok_or(FORGED)?, decode(part()?).ok_or(FORGED)?);
    let end: u64 = part()?.parse().map_err(|_| FORGED)?;
    let id = parse_id(part()?).ok_or(FORGED)?;
    let what = part()?;
    if named != service {
        return Err("a debug token of another service");
    }
    if end <= now {
        return Err("a debug token that has expired");
    }
    // Nothing that was made by us lasts so long.
    if end - now > LONGEST_SECONDS {
        return Err("a debug token that lasts too long");
    }
    let level = what.chars().find_map(|letter| LEVELS.iter().find(|(known, _)| known.starts_with(letter)));
    let user = Some(user).filter(|user| !user.is_empty()).map(String::into_boxed_str);
    Ok((id, Ticket { user, level: level.map(|(_, level)| *level), has_bodies: what.contains('b') }))
}

const LEVELS: [(&str, Level); 5] =
    [("e", Level::ERROR), ("w", Level::WARN), ("i", Level::INFO), ("d", Level::DEBUG), ("t", Level::TRACE)];

fn level_letter(level: Option<Level>) -> &'static str {
    LEVELS.iter().find(|(_, known)| Some(*known) == level).map_or("", |(letter, _)| letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_392_000;

    fn key() -> Key {
        Key::new([7; 32]).unwrap()
    }

    fn of(text: &str) -> Result<(u64, Ticket), &'static str> {
        verify(text, &key(), "shop", NOW)
    }

    #[test]
    fn a_good_token_says_what_was_put_into_it() {
        let token = Token::new("shop").user("a.b;c 42ü").level(Level::TRACE).bodies().sign_until(&key(), NOW + 60);
        let (id, ticket) = of(token.as_str()).unwrap();
        assert_eq!(format!("{id:016x}"), token.id());
        assert_eq!((ticket.user.as_deref(), ticket.level, ticket.has_bodies), (Some("a.b;c 42ü"), Some(Level::TRACE), true));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'%' | b'-' | b'_' | b'~');
        assert!(token.as_str().bytes().all(is_plain), "fit for a header and a cookie: {}", token.as_str());
        let (_, ticket) = of(Token::new("shop").sign_until(&key(), NOW + 60).as_str()).unwrap();
        assert_eq!((ticket.user, ticket.level, ticket.has_bodies), (None, None, false));
        assert!(!format!("{token:?}").contains("shop"));
    }

    #[test]
    fn whatever_is_changed_in_a_token_it_is_refused() {
        let token = Token::new("shop").user("42").sign_until(&key(), NOW + 60);
        let text = token.as_str();
        for at in 0..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            assert!(of(std::str::from_utf8(&bytes).unwrap()).is_err(), "{at}");
            assert!(of(&text[..at]).is_err(), "cut at {at}");
        }
        for text in ["", ".", "campanile1", "campanile1......", &format!("{text}.{}", "0".repeat(64)), &"1.".repeat(5000)] {
            assert!(of(text).is_err());
        }
        let signed = |said: &str| format!("{said}.{}", key().sign(PURPOSE, said));
        for said in ["campanile2.shop..99.0000000000000001.", "campanile1.shop", "campanile1.%.%.9.1.", "campanile1.a..x.y.z"] {
            assert!(of(&signed(said)).is_err(), "{said}");
        }
        let other = Token::new("shop").sign_until(&Key::new([8; 32]).unwrap(), NOW + 60);
        assert!(of(other.as_str()).is_err(), "another key");
    }

    #[test]
    fn a_token_is_for_one_service_and_for_a_time() {
        let sign = |service: &str, end| Token::new(service).sign_until(&key(), end).text;
        assert_eq!(of(&sign("other", NOW + 60)).unwrap_err(), "a debug token of another service");
        assert_eq!(of(&sign("shop", NOW)).unwrap_err(), "a debug token that has expired");
        assert!(of(&sign("shop", NOW + 1)).is_ok());
        assert!(of(&sign("shop", NOW + 26 * 60 * 60)).is_err());
        assert!(Token::new("shop").lasting(Duration::from_secs(24 * 60 * 60 + 1)).sign(&key()).is_err());
        assert!(Token::new("s".repeat(3000)).sign(&key()).is_err());
    }
}
