//! Where an outgoing request goes.

use std::fmt;

use http::header::HOST;
use http::{HeaderMap, Uri};

use crate::layer::head::split_authority;

/// The address of an outgoing request, by its URI and, where that names no host, by its `host` header.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    uri: &'a Uri,
    scheme: &'a str,
    authority: Option<&'a str>,
}

impl<'a> Target<'a> {
    pub(super) fn of(uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        let named = || headers.get(HOST).and_then(|host| host.to_str().ok());
        let authority = uri.authority().map(http::uri::Authority::as_str).or_else(named);
        Self { uri, scheme: uri.scheme_str().unwrap_or("http"), authority: authority.filter(|text| !text.is_empty()) }
    }

    /// The host without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> Option<&'a str> {
        self.authority.map(|authority| split_authority(authority).0).filter(|host| !host.is_empty())
    }

    /// The port that is named, else the scheme's own.
    pub(super) fn port(&self) -> Option<u16> {
        let (_, named) = split_authority(self.authority?);
        named.or(match self.scheme {
            "http" | "ws" => Some(80),
            "https" | "wss" => Some(443),
            _ => None,
        })
    }

    /// Whether there are credentials, and host with port.
    fn user_and_place(&self) -> Option<(bool, &'a str)> {
        let authority = self.authority?;
        Some(authority.rsplit_once('@').map_or((false, authority), |(_, place)| (true, place)))
    }
}

/// The whole URL, credentials replaced; what else is secret in it leaves with the rest of the record's.
///
/// # Source
/// OpenTelemetry semantic conventions 1.44.0, `url.full`.
impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((has_user, place)) = self.user_and_place() {
            let user = if has_user { "REDACTED:REDACTED@" } else { "" };
            write!(f, "{}://{user}{place}", self.scheme)?;
        }
        f.write_str(self.uri.path())?;
        match self.uri.query() {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_target_is_split_and_written_without_credentials() {
        for (uri, host, port, full) in [
            ("http://stock.example/items", "stock.example", 80, "http://stock.example/items"),
            ("https://stock.example", "stock.example", 443, "https://stock.example/"),
            ("https://stock.example:8443/?a=1", "stock.example", 8443, "https://stock.example:8443/?a=1"),
            ("http://[::1]:3000/x", "::1", 3000, "http://[::1]:3000/x"),
            ("http://[::1]/x", "::1", 80, "http://[::1]/x"),
            ("http://user:canary@stock.example/", "stock.example", 80, "http://REDACTED:REDACTED@stock.example/"),
            ("http://canary@stock.example:81/", "stock.example", 81, "http://REDACTED:REDACTED@stock.example:81/"),
            ("http://a/?q=1&page=2", "a", 80, "http://a/?q=1&page=2"),
        ] {
            let (uri, headers) = (uri.parse().unwrap(), HeaderMap::new());
            let target = Target::of(&uri, &headers);
            assert_eq!((target.host(), target.port()), (Some(host), Some(port)), "{uri}");
            assert_eq!(target.to_string(), full);
        }
    }

    #[test]
    fn the_host_header_names_what_the_uri_does_not() {
        let uri: Uri = "/items?x=1".parse().unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!((Target::of(&uri, &headers).host(), Target::of(&uri, &headers).port()), (None, None));
        assert_eq!(Target::of(&uri, &headers).to_string(), "/items?x=1");
        headers.insert(HOST, HeaderValue::from_static("stock.example:81"));
        let target = Target::of(&uri, &headers);
        assert_eq!((target.host(), target.port()), (Some("stock.example"), Some(81)));
        assert_eq!(target.to_string(), "http://stock.example:81/items?x=1");
    }
}
