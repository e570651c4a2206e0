//! What the layers of one telemetry believe of their callers, and what they tell them.

use std::net::IpAddr;

use crate::propagator::TraceResponse;

/// Whose request ids are taken over.
///
/// Only ids of the right form ever are: 1 to 128 bytes of `A-Z a-z 0-9 . _ : / + = @ -`, the first a letter or a digit,
/// and one of them. One that is not taken is replaced by a new one, and stays on the record as
/// [`inbound_request_id`](crate::record::Record::inbound_request_id).
///
/// # Default
/// [`Always`](Self::Always).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrustIds {
    /// Everybody's.
    #[default]
    Always,
    /// That of a peer on this machine or in a private network: loopback, RFC 1918, link-local, unique local. It is the other
    /// end of the connection that counts, so a proxy there speaks for its clients; a peer that is not known is not private.
    Private,
    /// Nobody's, for a service that strangers talk to directly.
    Never,
}

impl TrustIds {
    pub(super) fn trusts(self, peer: Option<IpAddr>) -> bool {
        match self {
            Self::Always => true,
            Self::Private => peer.is_some_and(|peer| is_private(peer.to_canonical())),
            Self::Never => false,
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// What one telemetry was told about its callers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Callers {
    pub(crate) trust_ids: TrustIds,
    /// Every request begins a trace; the caller's is only referred to.
    pub(crate) restarts_traces: bool,
    pub(crate) trace_response: TraceResponse,
    /// Keys of baggage that are put on the record, and the names of their attributes.
    pub(crate) recorded_baggage: Box<[(String, String)]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_peer_is_one_on_this_machine_or_network() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.1.1",
            "::1",
            "fd12::1",
            "fc00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ];
        let public =
            ["8.8.8.8", "172.32.0.1", "192.169.0.1", "100.64.0.1", "0.0.0.0", "2001:db8::1", "fec0::1", "::ffff:8.8.8.8"];
        for address in private {
            assert!(TrustIds::Private.trusts(Some(address.parse().unwrap())), "{address}");
        }
        for address in public {
            assert!(!TrustIds::Private.trusts(Some(address.parse().unwrap())), "{address}");
        }
        assert!(!TrustIds::Private.trusts(None), "a peer that is not known is public");
        assert!(TrustIds::Always.trusts(None) && !TrustIds::Never.trusts(Some("::1".parse().unwrap())));
    }
}
