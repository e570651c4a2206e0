//! What has to come of each case: every sentence of the catalogue's `expect` is one check here.

mod bodies;
mod client;
mod events;
mod headers;
mod ids;
mod labels;
mod sinks;
mod traces;
mod uploads;
mod uris;

pub(crate) use self::bodies::{End, Frames};
pub(crate) use self::events::play as event_play;
pub(crate) use self::sinks::play as sink_play;
use crate::catalogue::Case;
use crate::run::Seen;

/// Carries out a case that is more than one request, and says what was done. Each of these looks itself whether it has
/// a check for every sentence.
pub(crate) async fn special(case: &Case) -> Option<String> {
    let done = match case.id.as_str() {
        "BO-01" => uploads::one_large(case).await,
        "BO-02" => uploads::many_at_once(case).await,
        "HD-18" | "UR-08" => labels::many(case).await,
        "BO-08" => bodies::events_are_not_held_back(case).await,
        "BO-12" => bodies::the_client_goes_away(case).await,
        "EV-13" | "EV-14" => crate::elsewhere::runs(&case.id),
        "EV-16" => events::flood(case),
        "SE-13" => sinks::closed_or_full(case),
        _ => return sinks::not_built(case),
    };
    Some(done)
}

/// Holds everything that a case expects of one run against it.
pub(crate) fn check(seen: &Seen<'_>) {
    let case = seen.case;
    let check = match case.area.as_str() {
        "traceparent" | "tracestate_baggage" => traces::check,
        "request_id" => ids::check,
        "client_address" => client::check,
        "headers" => headers::check,
        "uri_method" => uris::check,
        "body" => bodies::check,
        "event_fields" => events::check,
        "sink_encoding" => sinks::check,
        other => panic!("no checks for {other}"),
    };
    for sentence in &case.asserts {
        assert!(check(sentence, seen), "{}: nothing checks {sentence:?}", case.id);
    }
}
