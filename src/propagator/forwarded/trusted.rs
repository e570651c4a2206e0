//! Which proxies are trusted.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

use super::{ForwardedBy, ranges};
use crate::error::BuildError;

/// The proxies in front of an application, whose word about client, scheme and host is taken.
///
/// # Shape
/// A list of addresses and ranges, or a number of hops. In a list, the other end of the connection and every address
/// from the right of the header that is in it are proxies; the first that is not is the client. With a number of hops,
/// that many proxies stand in front, whatever their addresses: `1` takes the last address of the header.
///
/// Only name proxies that set or clear the header themselves. A header of a single address (`X-Real-IP`,
/// `CF-Connecting-IP`) has no chain to check: whoever may send through a trusted proxy that passes it on can write it.
///
/// # Unix sockets
/// They have no address, so that nothing is trusted there but a number of hops.
///
/// # Default
/// None: scheme, host and client are those of the connection.
///
/// # Example
/// ```
/// use campanile::TrustedProxies;
///
/// let telemetry = campanile::builder().trusted_proxies(TrustedProxies::list(["10.0.0.0/8", "loopback"])?).build()?;
/// # drop(telemetry);
/// # Ok::<(), campanile::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    ranges: Vec<IpNet>,
    hops: u8,
    /// What a preset's proxies tell the client by; of two that differ, neither.
    by: Option<ForwardedBy>,
}

impl TrustedProxies {
    /// Nobody.
    #[must_use]
    pub const fn none() -> Self {
        Self { ranges: Vec::new(), hops: 0, by: None }
    }

    /// Addresses, ranges (`10.0.0.0/8`, `fd00::/8`) and the presets by their names: `loopback`, `private`,
    /// `cloudflare`, `alb`.
    ///
    /// # Errors
    /// When a part is none of these.
    pub fn list<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> Result<Self, BuildError> {
        let mut all = Self::none();
        let mut named: Vec<ForwardedBy> = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            let part = part.as_ref().trim();
            let preset = match part.to_ascii_lowercase().as_str() {
                "loopback" => Some(Self::loopback()),
                "private" => Some(Self::private()),
                "cloudflare" => Some(Self::cloudflare()),
                "alb" => Some(Self::alb()),
                _ => None,
            };
            if let Some(preset) = preset {
                all.ranges.extend(preset.ranges);
                named.extend(preset.by);
            } else {
                all.ranges.push(range(part).ok_or_else(|| not_understood(index))?);
            }
        }
        all.by = named.first().copied().filter(|first| named.iter().all(|other| other == first));
        Ok(all)
    }

    /// So many proxies, whatever their addresses; the other end of the connection is the first of them.
    ///
    /// For an application that can be reached through them only: an address further to the left of the header is
    /// whatever the caller wrote.
    #[must_use]
    pub const fn hops(count: u8) -> Self {
        Self { ranges: Vec::new(), hops: count, by: None }
    }

    /// Proxies on this machine: `127.0.0.0/8`, `::1`.
    #[must_use]
    pub fn loopback() -> Self {
        Self::of(ranges::LOOPBACK, None)
    }

    /// Proxies in private networks: those of RFC 1918 and RFC 4193.
    #[must_use]
    pub fn private() -> Self {
        Self::of(ranges::PRIVATE, None)
    }

    /// Cloudflare's edge by its published addresses, which tells the client by `CF-Connecting-IP`.
    #[must_use]
    pub fn cloudflare() -> Self {
        Self::of(ranges::CLOUDFLARE, Some(ForwardedBy::CfConnectingIp))
    }

    /// Application load balancers of AWS: private networks, and `X-Forwarded-For`.
    #[must_use]
    pub fn alb() -> Self {
        Self::of(ranges::PRIVATE, Some(ForwardedBy::XForwarded))
    }

    fn of(ranges: &[&str], by: Option<ForwardedBy>) -> Self {
        Self { ranges: ranges.iter().filter_map(|text| range(text)).collect(), hops: 0, by }
    }

    pub(super) const fn is_none(&self) -> bool {
        self.ranges.is_empty() && self.hops == 0
    }

    pub(super) const fn by(&self) -> Option<ForwardedBy> {
        self.by
    }

    /// Whether the other end of the connection is a trusted proxy.
    pub(super) fn trusts_peer(&self, peer: Option<IpAddr>) -> bool {
        self.hops > 0 || peer.is_some_and(|peer| self.has(peer))
    }

    /// Whether an address of the header, `back` places from its right end, is a trusted proxy's.
    pub(super) fn is_proxy(&self, back: usize, address: IpAddr) -> bool {
        if self.hops > 0 { back + 1 < self.hops.into() } else { self.has(address) }
    }

    fn has(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(&address))
    }
}

/// A list with commas between its parts, or `hops:2`, or `none`.
impl FromStr for TrustedProxies {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let (first, second) = (parts.clone().next().unwrap_or("none"), parts.clone().nth(1));
        if second.is_none() && first.eq_ignore_ascii_case("none") {
            return Ok(Self::none());
        }
        match first.strip_prefix("hops:").filter(|_| second.is_none()) {
            Some(count) => count.trim().parse().ok().filter(|count| *count > 0).map(Self::hops).ok_or_else(|| not_understood(0)),
            None => Self::list(parts),
        }
    }
}

/// The problem by its place: a value is not shown.
fn not_understood(index: usize) -> BuildError {
    let problem = "that is no address, no range such as 10.0.0.0/8, and none of loopback, private, cloudflare, alb";
    BuildError::new("trusted_proxies", format!("has a part {} {problem}", index + 1))
}

/// An address or a range; one of IPv4 addresses in IPv6 clothes as IPv4.
fn range(text: &str) -> Option<IpNet> {
    let range = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse().ok()?,
    };
    match (range, range.addr().to_canonical()) {
        (IpNet::V6(range), IpAddr::V4(address)) if range.prefix_len() >= 96 => {
            Ipv4Net::new(address, range.prefix_len() - 96).ok().map(IpNet::from)
        }
        _ => Some(range),
    }
}
