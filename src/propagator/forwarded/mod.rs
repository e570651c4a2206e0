//! Who asked, and how, as proxies tell it: `Forwarded`, `X-Forwarded-…`, `X-Real-IP`, `CF-Connecting-IP`.
//!
//! Anybody can send these headers, so nothing of them counts unless the other end of the connection is a proxy that the
//! settings trust. A list is then walked from the right, where the nearest proxy wrote, and the first address that is no
//! trusted proxy is the client: what stands further left that client may have made up. What cannot be read there fails
//! closed: the client is the other end of the connection.

mod node;
mod ranges;
mod rfc7239;
#[cfg(test)]
mod tests;
mod trusted;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

use self::node::Node;
pub use self::trusted::TrustedProxies;

/// Addresses of one list that are looked at, counted from the right.
const MAX_HOPS: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");

/// Which headers a trusted proxy tells the client by.
///
/// # Source
/// `Forwarded`: RFC 7239. The others are conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForwardedBy {
    /// `Forwarded`: client, scheme and host.
    Forwarded,
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
    XForwarded,
    /// `X-Real-IP` for the client, `X-Forwarded-Proto` and `X-Forwarded-Host` for scheme and host.
    XRealIp,
    /// `CF-Connecting-IP` for the client, `X-Forwarded-Proto` and `X-Forwarded-Host` for scheme and host.
    CfConnectingIp,
}

impl ForwardedBy {
    /// Every one of them, with the header that stands for it in settings.
    pub(crate) const WORDS: &[(&str, Self)] = &[
        ("forwarded", Self::Forwarded),
        ("x-forwarded-for", Self::XForwarded),
        ("x-real-ip", Self::XRealIp),
        ("cf-connecting-ip", Self::CfConnectingIp),
    ];

    /// The only one that a request has; of two none is believed.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let has = |name: &HeaderName| headers.contains_key(name);
        // These two go along with any convention but `Forwarded`, which says the same itself.
        let has_rest = has(&X_FORWARDED_PROTO) || has(&X_FORWARDED_HOST);
        match (has(&header::FORWARDED), has(&X_FORWARDED_FOR), has(&X_REAL_IP), has(&CF_CONNECTING_IP)) {
            (true, false, false, false) if !has_rest => Some(Self::Forwarded),
            (false, true, false, false) => Some(Self::XForwarded),
            (false, false, true, false) => Some(Self::XRealIp),
            (false, false, false, true) => Some(Self::CfConnectingIp),
            (false, false, false, false) if has_rest => Some(Self::XForwarded),
            _ => None,
        }
    }
}

/// Whom to trust, and by which headers.
#[derive(Clone, Debug)]
pub(crate) struct Proxies {
    trusted: TrustedProxies,
    by: Option<ForwardedBy>,
}

/// What a trusted proxy told; nothing where none is trusted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Told<'h> {
    /// Never an IPv4 address in IPv6 clothes.
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_port: Option<u16>,
    /// Every address of the list was a trusted proxy's; the client is the leftmost one.
    pub(crate) all_trusted: bool,
    pub(crate) scheme: Option<&'static str>,
    /// Host, and its port where it has one.
    pub(crate) host: Option<Cow<'h, str>>,
}

impl Proxies {
    /// `None` where nobody is trusted.
    pub(crate) fn new(trusted: TrustedProxies, by: Option<ForwardedBy>) -> Option<Self> {
        let by = by.or(trusted.by());
        (!trusted.is_none()).then_some(Self { trusted, by })
    }

    /// Reads what the other end of the connection told, if it is trusted. Does not allocate, but for a `Forwarded` whose
    /// host has a backslash.
    pub(crate) fn read<'h>(&self, peer: Option<SocketAddr>, headers: &'h HeaderMap) -> Told<'h> {
        if !self.trusted.trusts_peer(peer.map(|peer| peer.ip().to_canonical())) {
            return Told::default();
        }
        match self.by.or_else(|| ForwardedBy::of(headers)) {
            None => Told::default(),
            Some(ForwardedBy::Forwarded) => self.forwarded(headers),
            Some(ForwardedBy::XForwarded) => {
                let list = rightmost_first(headers, &X_FORWARDED_FOR).map(Node::parse);
                let walk = self.walk(list);
                walk.told(scheme_at(headers, walk.back), host_at(headers, walk.back))
            }
            Some(ForwardedBy::XRealIp) => single(headers, &X_REAL_IP),
            Some(ForwardedBy::CfConnectingIp) => single(headers, &CF_CONNECTING_IP),
        }
    }

    fn forwarded<'h>(&self, headers: &'h HeaderMap) -> Told<'h> {
        let lines = headers.get_all(header::FORWARDED);
        let Some(chain) = rfc7239::Chain::read(lines.iter().map(|line| line.as_bytes())) else { return Told::default() };
        let walk = self.walk(chain.rightmost_first().map(|element| Node::parse_strictly(element.node.as_deref()?)));
        // Whoever wrote this element is trusted: it is the peer, or was named by one that is.
        let Some(element) = chain.rightmost_first().nth(walk.back) else { return Told::default() };
        walk.told(element.proto.as_deref().and_then(scheme), element.host.clone().filter(|host| node::is_authority(host)))
    }

    /// Goes along addresses from the right to the first that is no trusted proxy.
    fn walk(&self, nodes: impl Iterator<Item = Option<Node>>) -> Walk {
        let mut walk = Walk::default();
        for (back, node) in nodes.enumerate() {
            walk.back = back.min(MAX_HOPS - 1);
            walk.client = node.filter(|_| back < MAX_HOPS);
            match walk.client {
                Some(node) if self.trusted.is_proxy(back, node.address) => {}
                _ => return walk,
            }
        }
        walk.all_trusted = walk.client.is_some();
        walk
    }
}

/// Where a walk ended.
#[derive(Default)]
struct Walk {
    client: Option<Node>,
    all_trusted: bool,
    /// How many addresses stand to the right.
    back: usize,
}

impl Walk {
    fn told<'h>(&self, scheme: Option<&'static str>, host: Option<Cow<'h, str>>) -> Told<'h> {
        Told {
            client: self.client.map(|node| node.address),
            client_port: self.client.and_then(|node| node.port),
            all_trusted: self.all_trusted,
            scheme,
            host,
        }
    }
}

/// The parts of a list from right to left; several lines are one list, in order.
fn rightmost_first<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    let lines = headers.get_all(name).into_iter().rev();
    let parts = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    // One that is empty is no element (RFC 9110, section 5.6.1.2). A flood of them is not worth the search.
    parts.take(4 * MAX_HOPS).filter(|part| !part.is_empty())
}

/// What stands `back` places from the right, where the proxy wrote that named the client; where it wrote none, the one
/// that came before.
fn at<'h>(headers: &'h HeaderMap, name: &HeaderName, back: usize) -> Option<&'h str> {
    rightmost_first(headers, name).take(back + 1).last().and_then(|part| std::str::from_utf8(part).ok())
}

fn scheme_at(headers: &HeaderMap, back: usize) -> Option<&'static str> {
    scheme(at(headers, &X_FORWARDED_PROTO, back)?)
}

fn host_at(headers: &HeaderMap, back: usize) -> Option<Cow<'_, str>> {
    at(headers, &X_FORWARDED_HOST, back).filter(|host| node::is_authority(host)).map(Cow::Borrowed)
}

/// A header that is one address, not a list.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Told<'h> {
    let mut lines = headers.get_all(name).iter();
    let client = match (lines.next(), lines.next()) {
        (Some(line), None) => Node::parse(line.as_bytes().trim_ascii()),
        _ => None,
    };
    Walk { client, ..Walk::default() }.told(scheme_at(headers, 0), host_at(headers, 0))
}

/// Some proxies name what a WebSocket came over.
fn scheme(text: &str) -> Option<&'static str> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    match () {
        () if is("https") || is("wss") => Some("https"),
        () if is("http") || is("ws") => Some("http"),
        () => None,
    }
}
