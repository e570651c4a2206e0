//! Addresses that are kept without the part that points at one person.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderName;

/// The network of an address: the first 24 bits of IPv4, the first 48 of IPv6.
pub(super) fn truncated(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 80)).into(),
    }
}

/// Whether a header tells whole addresses of clients.
pub(super) fn is_told_by(name: &HeaderName) -> bool {
    const NAMES: [&str; 9] = [
        "forwarded",
        "x-forwarded-for",
        "x-real-ip",
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "true-client-ip",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
    ];
    NAMES.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_an_address_is_cleared() {
        for (whole, kept) in [
            ("198.51.100.7", "198.51.100.0"),
            ("::ffff:198.51.100.7", "198.51.100.0"),
            ("2001:db8:cafe:17:1:2:3:4", "2001:db8:cafe::"),
            ("::1", "::"),
        ] {
            assert_eq!(truncated(whole.parse().unwrap()), kept.parse::<IpAddr>().unwrap(), "{whole}");
        }
    }
}
