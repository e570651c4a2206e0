//! Where to send to.

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderName, HeaderValue};

use super::Secret;
use crate::BuildError;
use crate::base64;

/// A URL, with its credentials apart.
pub(super) struct Endpoint {
    /// The setting that it came from.
    pub(super) key: String,
    pub(super) url: Uri,
    user: Option<Secret>,
}

impl Endpoint {
    /// Reads a URL; `appended` goes after its path with exactly one slash between.
    pub(super) fn parse(key: &str, text: &str, appended: Option<&str>) -> Result<Self, BuildError> {
        let problem = |problem: &str| BuildError::new(key, problem);
        let text = text.trim();
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(problem("needs a scheme: write http:// or https:// before the host"));
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(problem("has a scheme that is not supported: write http:// or https://")),
        };
        let url: Uri = text.parse().map_err(|_| problem("is not a URL: write it like http://localhost:4318"))?;
        let whole = url.authority().map(Authority::as_str).unwrap_or_default();
        let (user, host) = match whole.rsplit_once('@') {
            Some((user, host)) => (Some(Secret::from(user)), host),
            None => (None, whole),
        };
        let authority: Authority = host.parse().map_err(|_| problem("needs a host after the scheme"))?;
        if authority.host().is_empty() || (authority.as_str().contains(':') && has_bad_port(&authority)) {
            return Err(problem("needs a host, and a port from 1 to 65535 or none"));
        }
        let path = match appended {
            Some(appended) => {
                let base = url.path().trim_end_matches('/');
                let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("{base}/{appended}{query}")
            }
            None => url.path_and_query().map_or("/", PathAndQuery::as_str).to_owned(),
        };
        let url = Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build();
        let url = url.map_err(|_| problem("is not a URL: write it like http://localhost:4318"))?;
        Ok(Self { key: key.to_owned(), url, user })
    }

    /// Whether it may be spoken to only through TLS.
    pub(super) fn is_https(&self) -> bool {
        self.url.scheme() == Some(&Scheme::HTTPS)
    }

    /// Host and port for people; nothing of path, query or credentials.
    pub(super) fn shown(&self) -> String {
        self.url.authority().map(|authority| crate::remote::notice::shown(authority.as_str())).unwrap_or_default()
    }

    /// Basic authorization, where the URL named a user.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, BuildError> {
        let Some(user) = &self.user else { return Ok(None) };
        let mut plain: Vec<u8> = percent_encoding::percent_decode_str(user.expose()).collect();
        if !plain.contains(&b':') {
            plain.push(b':');
        }
        let mut value = HeaderValue::try_from(format!("Basic {}", base64::encode(&plain)))
            .map_err(|_| BuildError::new(&self.key, "has credentials that cannot be sent"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

fn has_bad_port(authority: &Authority) -> bool {
    let after_host = authority.as_str().rsplit_once(']').map_or(authority.as_str(), |(_, rest)| rest);
    after_host.contains(':') && authority.port_u16().is_none_or(|port| port == 0)
}

/// A header that can be sent; its value never shows in `Debug`.
pub(super) fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue), BuildError> {
    let name = HeaderName::try_from(name).map_err(|_| BuildError::new("Otlp::header", "has a name that is not allowed"))?;
    let mut value = HeaderValue::try_from(value.expose())
        .map_err(|_| BuildError::new("Otlp::header", format!("has a value that is not allowed, for {name}")))?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signals_path_is_appended_after_exactly_one_slash() {
        for (base, full) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("HTTP://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("https://c.invalid/otlp//", "https://c.invalid/otlp/v1/traces"),
            ("https://[::1]:4318/otlp?tenant=a", "https://[::1]:4318/otlp/v1/traces?tenant=a"),
        ] {
            assert_eq!(Endpoint::parse("K", base, Some("v1/traces")).unwrap().url.to_string(), full);
        }
        assert_eq!(Endpoint::parse("K", "http://c.invalid", None).unwrap().url.to_string(), "http://c.invalid/");
        assert_eq!(Endpoint::parse("K", "http://c.invalid/x/", None).unwrap().url.path(), "/x/");
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_shown() {
        for text in
            ["secret:4317", "localhost", "ftp://secret", "http://", "http://secret:0", "http://secret:99999", "http://a b"]
        {
            let Err(error) = Endpoint::parse("KEY", text, None) else { panic!("{text} was accepted") };
            assert!(error.to_string().starts_with("KEY ") && !error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn credentials_become_a_header() {
        let endpoint = Endpoint::parse("K", "http://user:p%40ss@c.invalid", None).unwrap();
        let value = endpoint.authorization().unwrap().unwrap();
        assert_eq!(value.to_str().unwrap(), "Basic dXNlcjpwQHNz");
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert_eq!(endpoint.url.to_string(), "http://c.invalid/");
    }
}
