//! What is known of a request once its head was read.

use std::sync::Mutex;

use http::request::Parts as Head;

use super::headers::Seen;
use super::request_id::{self, Chosen};
use super::{Settings, asked, context, head, route, slim, watch};
use crate::capture::{Call, Watch};
use crate::keep::Wanted;
use crate::propagator::Baggage;
use crate::record::parts::{MAX_HEADER_BYTES, Parts};

/// What the head of a request says that is not on the record.
pub(super) struct Arrival {
    pub(super) baggage: Baggage,
    pub(super) wanted: Wanted,
    /// The one user that the request's debug token is for.
    pub(super) only_user: Option<Box<str>>,
    /// The request id, where it came with the request.
    pub(super) id: Option<Chosen>,
    pub(super) watch: Option<Box<Mutex<Watch>>>,
    pub(super) call: Option<Call>,
    /// Nobody will see its record.
    pub(super) is_slim: bool,
}

/// Reads the head of a request.
#[inline]
pub(super) fn read(parts: &mut Parts, request: &Head, settings: &Settings) -> Arrival {
    let (shared, headers) = (&settings.shared, &request.headers);
    if let Some(arrival) = slim::read(parts, request, settings) {
        return arrival;
    }
    let mut seen = Seen::default();
    head::request(parts, request, settings, &mut seen);
    // Whether it is believed depends on where it comes from: the address is still whole.
    let id = request_id::told(parts, request, &seen, settings);
    head::truncate_addresses(parts, settings);
    if !parts.span_id.is_valid() {
        context::trace(parts, headers, &seen, shared);
    }
    let baggage = context::read(parts, headers, &seen, shared);
    parts.route = route::of(&request.extensions).map(|route| parts.push_text(route, MAX_HEADER_BYTES));
    let (wanted, only_user) = asked::read(parts, headers, &seen, shared);
    let watch = watch::request(parts, headers, shared.bodies.as_ref(), wanted.bodies).map(|watch| Box::new(Mutex::new(watch)));
    let call = if parts.is_rpc { Call::of(headers) } else { None };
    Arrival { baggage, wanted, only_user, id, watch, call, is_slim: false }
}
