//! The parts of a URL, as they stand in it.

/// What an absolute URL says; whatever is missing is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) scheme: &'a str,
    /// Without brackets.
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// Never fails: what has no authority is all path. Credentials and the fragment are left out.
    pub(super) fn of(url: &'a str) -> Self {
        let url = url.split('#').next().unwrap_or_default();
        let (scheme, rest) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", url));
        let (authority, target) = match scheme {
            "" => ("", rest),
            _ => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        };
        let (host, port) = host_and_port(authority);
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let path = if path.is_empty() && !scheme.is_empty() { "/" } else { path };
        Self { scheme, host, port, path, query }
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Of an authority, without its credentials.
pub(super) fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, behind)| behind);
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    (host, port.and_then(|port| port.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_and_lose_their_credentials() {
        let all = |url| {
            let Address { scheme, host, port, path, query } = Address::of(url);
            (scheme, host, port, path, query)
        };
        assert_eq!(
            all("https://u:p@shop.example:8443/a/b?c=d?e#f"),
            ("https", "shop.example", Some(8443), "/a/b", Some("c=d?e"))
        );
        assert_eq!(all("http://[::1]:80"), ("http", "::1", Some(80), "/", None));
        assert_eq!(all("http://a?b"), ("http", "a", None, "/", Some("b")));
        assert_eq!(all("/orders/1?x"), ("", "", None, "/orders/1", Some("x")));
        assert_eq!(all("data:text/plain,a"), ("", "", None, "data:text/plain,a", None));
        assert_eq!(all("http://a:99999/"), ("http", "a", None, "/", None));
        assert_eq!(all(""), ("", "", None, "", None));
    }
}
