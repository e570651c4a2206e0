//! What is wanted of a request beyond the settings: by asks that stand, and by the debug token that it carries.

use http::HeaderMap;

use super::Shared;
use super::headers::Seen;
use crate::control::Ticket;
use crate::keep::Wanted;
use crate::record::TraceFlags;
use crate::record::parts::Parts;
use crate::redact::Role;

/// Reads it, where there is anything to read.
#[inline]
pub(super) fn read(parts: &mut Parts, headers: &HeaderMap, seen: &Seen<'_>, shared: &Shared) -> (Wanted, Option<Box<str>>) {
    // A token stands in a header of its own or in a cookie.
    let may_have_token = seen.first(Role::DebugToken).is_some() || seen.first(Role::Cookie).is_some();
    let has_token = may_have_token && shared.tokens.has_any(headers);
    if has_token || shared.hub.pipeline.asks().has_any() {
        read_all(parts, headers, has_token, shared)
    } else {
        (Wanted::default(), None)
    }
}

/// Reads it once route and trace are known, and says so on the record; also the one user that a token is for.
#[cold]
fn read_all(parts: &mut Parts, headers: &HeaderMap, has_token: bool, shared: &Shared) -> (Wanted, Option<Box<str>>) {
    let pipeline = &shared.hub.pipeline;
    let mut wanted = pipeline.asks().at_head(parts.route.map(|route| parts.str(route)), parts.trace_id);
    let mut only_user = None;
    let was_sampled = parts.trace_flags.is_sampled() || wanted.sampled == Some(true);
    match has_token.then(|| shared.tokens.read(headers)).flatten() {
        None => {}
        Some(Ok(Ticket { user, level, has_bodies })) => {
            if let Some(level) = level {
                pipeline.raise(level);
            }
            wanted.want(level, has_bodies, user.is_none());
            wanted.sampled = Some(true);
            // Until the end says whose request it is.
            parts.is_sampled_in_vain = user.is_some() && !was_sampled;
            only_user = user;
        }
        Some(Err(refused)) => {
            pipeline.count_refused_token();
            pipeline.warn("refused", refused);
        }
    }
    if let Some(is_sampled) = wanted.sampled {
        let others = parts.trace_flags.0 & !TraceFlags::SAMPLED.0;
        parts.trace_flags = TraceFlags(others | if is_sampled { TraceFlags::SAMPLED.0 } else { 0 });
    }
    parts.is_asked = wanted.is_certain;
    parts.on_trial = wanted.is_on_trial();
    (wanted, only_user)
}
