//! What is noted of the two bodies of an exchange.

use std::sync::Arc;

use http::HeaderMap;

use crate::capture::{Exchange, Form, Messages, Rules, Watch, Way};
use crate::keep::Trial;
use crate::record::parts::Parts;

/// For the body of a request.
#[inline]
pub(super) fn request(parts: &Parts, headers: &HeaderMap, rules: Option<&Arc<Rules>>, asked: Trial) -> Option<Watch> {
    let rules = rules.filter(|rules| rules.applies(asked));
    if rules.is_none() && !parts.is_rpc {
        return None;
    }
    of(Way::Request, parts, headers, rules, asked)
}

/// For the body of a response.
pub(super) fn response(exchange: &mut Exchange, headers: &HeaderMap, rules: Option<&Arc<Rules>>) {
    let asked = exchange.link.wanted.bodies;
    let rules = rules.filter(|rules| rules.applies(asked));
    if rules.is_some() || exchange.parts.is_rpc {
        exchange.more_mut().response = of(Way::Response, &exchange.parts, headers, rules, asked);
    }
}

fn of(way: Way, parts: &Parts, headers: &HeaderMap, rules: Option<&Arc<Rules>>, asked: Trial) -> Option<Watch> {
    let messages = if parts.is_rpc { Form::of(headers).and_then(Messages::new) } else { None };
    // Messages of gRPC are no text.
    let tap = if messages.is_some() { None } else { rules.and_then(|rules| rules.tap(way, parts, headers, asked)) };
    Watch::new(tap, messages)
}
