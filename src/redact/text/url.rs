//! Credentials in URLs, and mail addresses in paths.

use super::{Finder, Found};
use crate::redact::REDACTED;

/// User and password.
const BOTH: &str = "REDACTED:REDACTED";
/// How far the end of a password that is not encoded is looked for.
const MAX_STRAY_BYTES: usize = 256;

impl Finder<'_> {
    /// What stands between `://` and `@`.
    pub(super) fn userinfo(&self, start: usize) -> Option<Found> {
        let end = self.run(start, |byte| !ends_url(byte) && !matches!(byte, b'/' | b'?' | b'#'));
        let authority = self.part(start, end);
        let last_at = |part: &[u8]| part.iter().rposition(|byte| *byte == b'@');
        let colon = authority.iter().position(|byte| *byte == b':');
        let port = colon.map(|colon| self.part(start + colon + 1, end));
        let stray = || {
            // `user:pass/word@host`: what stands behind the colon is no port.
            port.filter(|port| port.iter().any(|byte| !byte.is_ascii_digit()))?;
            let (end, _) = self.run_within(start, MAX_STRAY_BYTES, |byte| !ends_url(byte));
            last_at(self.part(start, end))
        };
        let is_ipv6 = authority.first() == Some(&b'[');
        let Some(len) = last_at(authority).or_else(|| stray().filter(|_| !is_ipv6)) else {
            // The `@` may have been cut off.
            let is_half = self.is_open(end) && colon.is_some() && !is_ipv6;
            return is_half
                .then(|| Found { with: BOTH, ..Self::shape(start, end, "userinfo") })
                .filter(|_| authority != BOTH.as_bytes());
        };
        let userinfo = self.part(start, start + len);
        if userinfo == BOTH.as_bytes() || userinfo == REDACTED.as_bytes() {
            return None;
        }
        let with = if userinfo.contains(&b':') { BOTH } else { REDACTED };
        Some(Found { with, ..Self::shape(start, start + len, "userinfo") })
    }

    /// The mail address around this `@`.
    pub(super) fn mail(&self, at: usize) -> Option<Found> {
        let name = self.part(self.done, at).iter().rev().take_while(|byte| is_mail(**byte) || **byte == b'%').count();
        let mut end = self.run(at + 1, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        while self.before(end) == b'.' {
            end -= 1;
        }
        let (_, top) = self.text.get(at + 1..end)?.rsplit_once('.')?;
        // A package and its version look alike, but a top-level domain has letters.
        let is_domain = top.len() >= 2 && top.bytes().any(|byte| byte.is_ascii_alphabetic());
        let is_new = name > 0 && self.part(at - name, at) != REDACTED.as_bytes();
        ((is_domain || self.is_open(end)) && is_new).then(|| Self::shape(at - name, end, "mail"))
    }
}

const fn is_mail(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'+' | b'-' | b'\'')
}

pub(in crate::redact) const fn ends_url(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\')
}
