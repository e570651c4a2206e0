use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    map
}

fn proxies(list: &str) -> Proxies {
    Proxies::new(list.parse().unwrap(), None).unwrap()
}

fn by(list: &str, by: ForwardedBy) -> Proxies {
    Proxies::new(list.parse().unwrap(), Some(by)).unwrap()
}

fn peer(text: &str) -> Option<SocketAddr> {
    Some(SocketAddr::new(text.parse().unwrap(), 443))
}

fn address(text: &str) -> Option<IpAddr> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

const FOR: &str = "x-forwarded-for";

/// Behind 10.0.0.2, which is trusted with its whole network.
fn told<'h>(headers: &'h HeaderMap) -> Told<'h> {
    proxies("10.0.0.0/8").read(peer("10.0.0.2"), headers)
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_not_trusted() {
    // The name of the case, the lines, the client (empty: nothing was believed), and whether all hops were trusted.
    let flood: String = vec!["10.0.0.3"; 33].join(",");
    let full: String = vec!["10.0.0.3"; 32].join(",");
    let cases: &[(&str, &[&str], &str, bool)] = &[
        ("CA-02", &["6.6.6.6, 198.51.100.7"], "198.51.100.7", false),
        ("a trusted hop in between", &["6.6.6.6,198.51.100.7,\t10.1.1.1 "], "198.51.100.7", false),
        ("CA-04", &["10.0.0.9, 10.0.0.5"], "10.0.0.9", true),
        ("CA-05", &["1.1.1.1", "198.51.100.7"], "198.51.100.7", false),
        ("CA-06", &["198.51.100.7:51234"], "198.51.100.7", false),
        ("brackets and port", &["[2001:db8::1]:80"], "2001:db8::1", false),
        ("brackets", &["[2001:db8::1]"], "2001:db8::1", false),
        ("bare IPv6", &["2001:db8::1"], "2001:db8::1", false),
        ("CA-08", &["::ffff:198.51.100.7"], "198.51.100.7", false),
        ("a trusted one in IPv6 clothes", &["198.51.100.7, ::ffff:10.0.0.5"], "198.51.100.7", false),
        ("CA-09", &["fe80::1%eth0"], "", false),
        ("CA-10", &["unknown, _hidden"], "", false),
        ("CA-16", &["999.1.1.1"], "", false),
        ("left of the client anything may stand", &["unknown, x", "198.51.100.7"], "198.51.100.7", false),
        ("a malformed one between trusted ones", &["198.51.100.7, x, 10.0.0.5"], "", false),
        ("empty elements", &["198.51.100.7, , 10.0.0.5,", ""], "198.51.100.7", false),
        ("nothing", &[], "", false),
        ("only commas", &[",,,"], "", false),
        ("a port that is none", &["198.51.100.7:+80"], "", false),
        ("a port that is too large", &["198.51.100.7:65536"], "", false),
        ("a closed bracket only", &["2001:db8::1]"], "", false),
        ("text behind the bracket", &["[2001:db8::1]x"], "", false),
        ("IPv4 in brackets", &["[198.51.100.7]"], "", false),
        ("octal", &["0198.51.100.7"], "", false),
        ("short", &["127.1"], "", false),
        ("32 hops", &["6.6.6.6", &full], "", false),
        ("33 hops", &[&flood], "", false),
        ("32 hops and no more", &[&full], "10.0.0.3", true),
    ];
    for (case, lines, client, all_trusted) in cases {
        let map = headers(&lines.iter().map(|line| (FOR, *line)).collect::<Vec<_>>());
        let told = told(&map);
        assert_eq!((told.client, told.all_trusted), (address(client), *all_trusted), "{case}");
    }
    let map = headers(&[(FOR, "198.51.100.7:51234")]);
    assert_eq!(told(&map).client_port, Some(51234), "CA-06");
}

#[test]
fn ca_01_who_is_not_trusted_is_not_believed() {
    let map = headers(&[
        (FOR, "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "for=1.2.3.4;proto=https;host=evil.example"),
    ]);
    assert!(Proxies::new(TrustedProxies::none(), Some(ForwardedBy::XForwarded)).is_none());
    for who in [ForwardedBy::XForwarded, ForwardedBy::Forwarded, ForwardedBy::XRealIp, ForwardedBy::CfConnectingIp] {
        assert_eq!(by("10.0.0.0/8", who).read(peer("203.0.113.9"), &map), Told::default());
        assert_eq!(by("10.0.0.0/8", who).read(None, &map), Told::default(), "no address, no trust");
    }
}

#[test]
fn the_peer_may_come_in_ipv6_clothes_and_so_may_the_settings() {
    let map = headers(&[(FOR, "198.51.100.7")]);
    for (list, who) in [("10.0.0.0/8", "::ffff:10.0.0.2"), ("::ffff:10.0.0.0/104", "10.0.0.2"), ("::ffff:10.0.0.2", "10.0.0.2")] {
        assert_eq!(proxies(list).read(peer(who), &map).client, address("198.51.100.7"), "CA-08: {list}");
    }
}

#[test]
fn of_two_conventions_none_is_believed_unless_one_is_named() {
    let map = headers(&[("forwarded", "for=1.1.1.1"), (FOR, "2.2.2.2"), ("x-forwarded-proto", "https")]);
    assert_eq!(told(&map), Told::default(), "CA-14");
    let told = by("10.0.0.0/8", ForwardedBy::Forwarded).read(peer("10.0.0.2"), &map);
    assert_eq!((told.client, told.scheme), (address("1.1.1.1"), None));
    let told = by("10.0.0.0/8", ForwardedBy::XForwarded).read(peer("10.0.0.2"), &map);
    assert_eq!((told.client, told.scheme), (address("2.2.2.2"), Some("https")));
    for pair in [["x-real-ip", FOR], ["x-real-ip", "cf-connecting-ip"], ["cf-connecting-ip", FOR], ["forwarded", "x-real-ip"]] {
        let map = headers(&pair.map(|name| (name, "1.1.1.1")));
        assert_eq!(self::told(&map), Told::default(), "CA-14: {pair:?}");
    }
    let map = headers(&[("forwarded", "for=1.1.1.1"), ("x-forwarded-proto", "https")]);
    assert_eq!(self::told(&map), Told::default(), "CA-14: both name the scheme");
}

#[test]
fn a_header_of_one_address_comes_once_and_is_one_address() {
    for name in ["x-real-ip", "cf-connecting-ip"] {
        let map = headers(&[(name, "2001:db8::7"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "shop.example")]);
        let one = told(&map);
        assert_eq!((one.client, one.scheme), (address("2001:db8::7"), Some("https")), "{name}");
        assert_eq!(one.host.as_deref(), Some("shop.example"));
        for lines in [&["1.1.1.1", "2.2.2.2"][..], &["1.1.1.1, 2.2.2.2"], &["unknown"], &[""]] {
            let map = headers(&lines.iter().map(|line| (name, *line)).collect::<Vec<_>>());
            assert_eq!(told(&map).client, None, "{name}: {lines:?}");
        }
    }
}

#[test]
fn forwarded_is_read_by_its_grammar() {
    let cases: &[(&str, &[&str], &str)] = &[
        ("CA-12", &["for=\"[2001:db8:cafe::17]:4711\";proto=https;by=203.0.113.43"], "2001:db8:cafe::17"),
        ("CA-13", &["for=\"1.2.3.4"], ""),
        ("CA-13", &["for=\"1.2.3.4\\"], ""),
        ("a broken line spoils all", &["for=\"1.2.3.4", "for=198.51.100.7"], ""),
        ("case", &["FoR=198.51.100.7;PROTO=http"], "198.51.100.7"),
        ("an example of RFC 7239, section 4", &["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
        ("an example of RFC 7239, section 4", &["for=192.0.2.43, for=198.51.100.17"], "198.51.100.17"),
        ("an example of RFC 7239, section 7.1", &["for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown"], ""),
        ("a trusted hop in between", &["for=6.6.6.6, for=198.51.100.7, for=10.1.1.1;by=_x"], "198.51.100.7"),
        ("two lines are one list", &["for=198.51.100.7", "for=10.1.1.1"], "198.51.100.7"),
        ("quoted pairs", &["for=\"198\\.51.100.7\""], "198.51.100.7"),
        ("a comma in quotes", &["for=198.51.100.7;x=\"a,for=1.1.1.1\""], "198.51.100.7"),
        ("a hidden port", &["for=\"198.51.100.7:_p4\""], "198.51.100.7"),
        ("a hidden port without a name", &["for=\"198.51.100.7:_\""], ""),
        ("hidden", &["for=_hidden"], ""),
        ("unknown", &["for=unknown"], ""),
        ("IPv6 without brackets", &["for=\"2001:db8::1\""], ""),
        ("a port without quotes", &["for=198.51.100.7:80"], ""),
        ("space around =", &["for =198.51.100.7"], ""),
        ("space around ;", &["for=198.51.100.7; proto=https"], ""),
        ("no value", &["for="], ""),
        ("twice", &["for=198.51.100.7;for=1.1.1.1"], ""),
        ("no address", &["proto=https"], ""),
        ("empty elements", &[",for=198.51.100.7;;proto=http, ,"], "198.51.100.7"),
        ("an unknown parameter", &["secret=x;for=198.51.100.7"], "198.51.100.7"),
        ("text behind", &["for=198.51.100.7 x"], ""),
        ("an open element without a name", &["=x"], ""),
    ];
    for (case, lines, client) in cases {
        let map = headers(&lines.iter().map(|line| ("forwarded", *line)).collect::<Vec<_>>());
        assert_eq!(told(&map).client, address(client), "{case}: {lines:?}");
    }
    let many = vec!["for=10.0.0.3"; 33].join(",");
    for (line, client) in [(many.as_str(), ""), (&format!("for=6.6.6.6,{many}"), ""), (&many[13..], "10.0.0.3")] {
        assert_eq!(told(&headers(&[("forwarded", line)])).client, address(client), "32 hops at most");
    }
}

#[test]
fn scheme_and_host_are_those_that_the_proxy_next_to_the_client_saw() {
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, Option<&'a str>);
    let cases: &[Case<'_>] = &[
        (&[("forwarded", "for=198.51.100.7;proto=https;host=\"shop.example:8443\"")], Some("https"), Some("shop.example:8443")),
        (
            &[("forwarded", "for=1.1.1.1;proto=http;host=evil,for=198.51.100.7;proto=https, for=10.0.0.9;proto=http")],
            Some("https"),
            None,
        ),
        (&[("forwarded", "for=_hidden;proto=HTTPS")], Some("https"), None),
        (&[("forwarded", "for=198.51.100.7;proto=ftp;host=\"a b\"")], None, None),
        (&[("forwarded", "for=198.51.100.7;host=\"user:secret@shop.example\"")], None, None),
        (&[(FOR, "198.51.100.7"), ("x-forwarded-proto", "wss")], Some("https"), None),
        (&[(FOR, "198.51.100.7"), ("x-forwarded-proto", "http,https")], Some("https"), None),
        (&[(FOR, "198.51.100.7,10.0.0.5"), ("x-forwarded-proto", "https,http")], Some("https"), None),
        (&[(FOR, "198.51.100.7,10.0.0.5"), ("x-forwarded-proto", "https")], Some("https"), None),
        (&[(FOR, "198.51.100.7"), ("x-forwarded-proto", "gopher")], None, None),
        (&[("x-forwarded-proto", "https"), ("x-forwarded-host", "[::1]:80")], Some("https"), Some("[::1]:80")),
        (&[("x-forwarded-host", "shop.example/evil")], None, None),
        (&[("x-forwarded-host", "shop.example:")], None, None),
        (&[("x-forwarded-host", "evil.example, shop.example")], None, Some("shop.example")),
    ];
    for (pairs, scheme, host) in cases {
        let mut map = HeaderMap::new();
        for (name, value) in *pairs {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let told = told(&map);
        assert_eq!((told.scheme, told.host.as_deref()), (*scheme, *host), "{pairs:?}");
    }
}

#[test]
fn a_number_of_hops_needs_no_addresses() {
    let map = headers(&[(FOR, "6.6.6.6, 198.51.100.7, 203.0.113.1")]);
    for (hops, client, all_trusted) in
        [(1, "203.0.113.1", false), (2, "198.51.100.7", false), (3, "6.6.6.6", false), (9, "6.6.6.6", true)]
    {
        let proxies = Proxies::new(TrustedProxies::hops(hops), None).unwrap();
        for who in [peer("203.0.113.9"), None] {
            let told = proxies.read(who, &map);
            assert_eq!((told.client, told.all_trusted), (address(client), all_trusted), "{hops} hops from {who:?}");
        }
    }
    assert!(Proxies::new(TrustedProxies::hops(0), None).is_none());
}

#[test]
fn presets_know_addresses_and_headers() {
    let map = headers(&[(FOR, "198.51.100.7"), ("cf-connecting-ip", "203.0.113.77")]);
    let cases = [
        ("cloudflare", "104.16.0.1", "203.0.113.77"),
        ("cloudflare", "2606:4700::1", "203.0.113.77"),
        ("cloudflare", "10.0.0.1", ""),
        ("alb", "10.0.0.1", "198.51.100.7"),
        ("alb", "172.31.255.255", "198.51.100.7"),
        ("private", "192.168.1.1", ""),
        ("private", "127.0.0.1", ""),
        ("alb,cloudflare", "10.0.0.1", ""),
    ];
    for (list, who, client) in cases {
        assert_eq!(proxies(list).read(peer(who), &map).client, address(client), "{list} {who}");
    }
    let map = headers(&[(FOR, "198.51.100.7")]);
    for (list, who, is_trusted) in [
        ("loopback", "127.8.8.8", true),
        ("loopback", "::1", true),
        ("loopback", "10.0.0.1", false),
        ("private", "fd12::1", true),
        ("private", "172.32.0.1", false),
        ("10.0.0.0/8, loopback", "127.0.0.1", true),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.8", false),
    ] {
        assert_eq!(proxies(list).read(peer(who), &map).client.is_some(), is_trusted, "{list} {who}");
    }
}

#[test]
fn every_range_of_the_presets_is_one() {
    for (list, count) in [(ranges::LOOPBACK, 2), (ranges::PRIVATE, 4), (ranges::CLOUDFLARE, 22)] {
        assert_eq!(list.len(), count);
        assert!(TrustedProxies::list(list).is_ok());
    }
}

#[test]
fn a_list_that_is_not_understood_is_told_by_place() {
    for text in
        ["canary-26", "10.0.0.0/8,canary", "10.0.0.0/33", "hops:0", "hops:x", "hops:2,loopback", "fe80::1%eth0", "none,loopback"]
    {
        let error = text.parse::<TrustedProxies>().unwrap_err();
        assert_eq!(error.key(), "trusted_proxies");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    for (text, expected) in [("none", TrustedProxies::none()), ("", TrustedProxies::none()), ("hops:2", TrustedProxies::hops(2))]
    {
        assert_eq!(text.parse::<TrustedProxies>().unwrap(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_the_client_is_an_address_of_the_header(
        lines in prop::collection::vec(prop::collection::vec(prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            prop::sample::select(vec![
                "10.0.0.1", "198.51.100.7", "[2001:db8::1]", "2001:db8::1", ":80", ",", ", ", ";", "for=", "FOR=\"", "\"", "\\",
                "proto=https", "host=a", "unknown", "_x", "::ffff:10.0.0.7", "%eth0",
            ]).prop_map(|text| text.as_bytes().to_vec()),
        ], 0..12).prop_map(|parts| parts.concat()), 0..4),
        name in prop::sample::select(vec!["forwarded", FOR, "x-real-ip", "cf-connecting-ip"]),
        hops in 0..3_u8,
    ) {
        let mut map = HeaderMap::new();
        for line in &lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                map.append(name, value);
            }
        }
        let trusted = if hops == 0 { TrustedProxies::private() } else { TrustedProxies::hops(hops) };
        let told = Proxies::new(trusted, None).unwrap().read(peer("10.0.0.2"), &map);
        if let Some(client) = told.client {
            let text: String = map.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()).replace('\\', "") + "\n").collect();
            let is_there = |text: &str| text.split(['"', ',', ';', '=', '[', ']', ' ', '\t', '\n']).any(|word| {
                let whole = word.parse::<IpAddr>().ok();
                let v4 = word.split(':').next().and_then(|word| word.parse::<IpAddr>().ok());
                [whole, v4].into_iter().flatten().any(|one| one.to_canonical() == client)
            });
            prop_assert!(is_there(&text), "{client} in {text:?}");
            prop_assert_eq!(client, client.to_canonical());
        }
        prop_assert!(!told.all_trusted || told.client.is_some());
    }
}
