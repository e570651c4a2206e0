//! Addresses of proxies that have a name.

/// This machine. RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.3.
pub(super) const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

/// Private networks: RFC 1918, RFC 4193.
pub(super) const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

/// Cloudflare's edge.
///
/// # Source
/// <https://www.cloudflare.com/ips-v4> and <https://www.cloudflare.com/ips-v6>, as of 2025. Ranges that are added later have
/// to be named in the settings until a release knows them.
pub(super) const CLOUDFLARE: &[&str] = &[
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "108.162.192.0/18",
    "131.0.72.0/22",
    "141.101.64.0/18",
    "162.158.0.0/15",
    "172.64.0.0/13",
    "173.245.48.0/20",
    "188.114.96.0/20",
    "190.93.240.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "2400:cb00::/32",
    "2405:8100::/32",
    "2405:b500::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];
