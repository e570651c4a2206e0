//! One address as a proxy writes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest host name that is taken, with brackets and port.
const MAX_AUTHORITY_BYTES: usize = 255 + 6;

/// An address, with its port where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
}

impl Node {
    /// In any form in which proxies write it: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`,
    /// `[2001:db8::1]:80`. An address with a zone is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let bare = text.parse::<Ipv6Addr>().ok().map(|address| Self::new(address.into(), None));
        bare.or_else(|| Self::parse_with(text, port))
    }

    /// In the form of RFC 7239, section 6: IPv6 has brackets, and a port may be a word that hides it.
    pub(super) fn parse_strictly(text: &str) -> Option<Self> {
        Self::parse_with(text, |text| if is_obfuscated(text) { Some(0) } else { port(text) })
    }

    fn parse_with(text: &str, port: impl Fn(&str) -> Option<u16>) -> Option<Self> {
        let (address, rest): (IpAddr, &str) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                (address.parse::<Ipv6Addr>().ok()?.into(), rest)
            }
            None => {
                let (address, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
                (address.parse::<Ipv4Addr>().ok()?.into(), rest)
            }
        };
        match rest.strip_prefix(':') {
            Some(digits) => Some(Self::new(address, Some(port(digits)?))),
            None => rest.is_empty().then(|| Self::new(address, None)),
        }
    }

    fn new(address: IpAddr, port: Option<u16>) -> Self {
        Self { address: address.to_canonical(), port: port.filter(|port| *port > 0) }
    }
}

/// `_` and at least one letter, digit, dot, `_` or `-`.
fn is_obfuscated(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.strip_prefix('_').is_some_and(|name| !name.is_empty() && name.bytes().all(is_letter))
}

/// One to five digits.
fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a text is a host's name or address with or without a port, and nothing else.
pub(super) fn is_authority(text: &str) -> bool {
    if text.len() > MAX_AUTHORITY_BYTES {
        return false;
    }
    if text.starts_with('[') {
        return Node::parse_with(text, port).is_some();
    }
    let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    let is_name = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_name && rest.strip_prefix(':').map_or(rest.is_empty(), |digits| port(digits).is_some())
}
