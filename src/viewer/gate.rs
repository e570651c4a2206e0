//! Who is let in: whose name was asked, which page asks, who has the token.

use http::header::{COOKIE, HOST, HeaderValue, LOCATION, ORIGIN, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};

use super::answer;
use super::body::Body;
use super::params::Params;
use super::problem::Problem;
use super::secrets::{Secrets, is_same};
use super::shell;

/// Where the page stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// On a port of its own, where everybody on this machine can knock.
    Own { port: u16 },
    /// In an application, behind its sign-in.
    Mounted,
}

/// What a change has to bring, beside the cookie.
const CHANGE: &str = "x-campanile-token";
/// How long the cookie lives, in seconds: 30 days.
const COOKIE_SECONDS: u32 = 30 * 24 * 60 * 60;

/// Refuses what another page or another name asks for. `is_page` tells whether a browser may come here from a link.
pub(super) fn admit(access: Access, parts: &Parts, is_page: bool) -> Result<(), Problem> {
    let host = host(parts);
    if let Access::Own { port } = access {
        let host = host.ok_or_else(|| Problem::wrong("the request has to name one host"))?;
        if !is_own(host, port) {
            return Err(Problem::forbidden("this is not the name of this page: use 127.0.0.1 or localhost"));
        }
    }
    let site = parts.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if let Some(origin) = one(&parts.headers, ORIGIN)? {
        // A browser that tells where a request comes from is believed behind a proxy, which changes the host's name.
        let is_told = matches!(access, Access::Mounted) && site == Some(b"same-origin");
        let is_same = |host: &str| strip_scheme(origin).is_some_and(|origin| origin.eq_ignore_ascii_case(host));
        let is_ours = host.is_some_and(is_same) && (matches!(access, Access::Mounted) || origin.starts_with("http://"));
        if !is_told && !is_ours {
            return Err(Problem::forbidden("another page must not ask this"));
        }
    }
    match site {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) if is_page && is_followed_link(parts) => Ok(()),
        Some(_) => Err(Problem::forbidden("another page must not ask this")),
    }
}

/// A change needs what only our own page knows.
pub(super) fn admit_change(secrets: &Secrets, headers: &HeaderMap) -> Result<(), Problem> {
    let sent = headers.get(CHANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if is_same(sent, secrets.change()) { Ok(()) } else { Err(Problem::forbidden("a change needs the token of this page")) }
}

/// Whether the cookie is there.
pub(super) fn has_cookie(secrets: &Secrets, headers: &HeaderMap, port: u16) -> bool {
    let wanted = cookie_name(port);
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.any(|(name, value)| name == wanted && is_same(value, secrets.token()))
}

/// The token of the address becomes a cookie, and the address loses it; `None` where it has none.
pub(super) fn exchanged(secrets: &Secrets, parts: &Parts, port: u16, base: &str) -> Option<Response<Body>> {
    let params = Params::parse(parts.uri.query());
    let token = params.text("token")?;
    if !is_same(token, secrets.token()) {
        return Some(asking(
            base,
            Some("That token opens another page. This one's stands in the address that was printed last."),
        ));
    }
    Some(opened(secrets, parts, port))
}

/// The way in, for whoever brought the token.
pub(super) fn opened(secrets: &Secrets, parts: &Parts, port: u16) -> Response<Body> {
    let rest: Vec<_> = parts.uri.query().into_iter().flat_map(|query| query.split('&')).filter(is_kept).collect();
    let path = parts.uri.path();
    let to = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    let mut response = answer::of(StatusCode::SEE_OTHER, answer::TEXT, Body::whole(""));
    let cookie =
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={COOKIE_SECONDS}", cookie_name(port), secrets.token());
    for (name, value) in [(LOCATION, to), (SET_COOKIE, cookie)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn is_kept(pair: &&str) -> bool {
    !pair.is_empty() && super::params::decode(pair.split('=').next().unwrap_or_default()) != "token"
}

/// The page that asks for the token.
pub(super) fn asking(base: &str, said: Option<&str>) -> Response<Body> {
    answer::asking(StatusCode::UNAUTHORIZED, shell::asking(base, said))
}

/// Cookies are the same for all ports of a host, so its name tells the port; its end has it masked wherever it is logged.
fn cookie_name(port: u16) -> String {
    format!("campanile_{port}_token")
}

/// The host that is meant: of the target, where that names one, else of the one header.
fn host(parts: &Parts) -> Option<&str> {
    let header = one(&parts.headers, HOST).ok().flatten();
    match parts.uri.authority() {
        // The first version of the protocol that has this wants the header beside it.
        Some(authority) => Some(authority.as_str()),
        None => header,
    }
}

fn one(headers: &HeaderMap, name: http::HeaderName) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(&name).iter();
    let (first, more) = (values.next(), values.next());
    let text = first.map(HeaderValue::to_str).transpose().ok().filter(|_| more.is_none());
    text.ok_or_else(|| Problem::wrong(format!("{name} is not one text")))
}

/// Only names that nobody else can have.
fn is_own(host: &str, port: u16) -> bool {
    let is_it = |name: &str| {
        let rest = host.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).and(host.get(name.len()..));
        rest.is_some_and(|rest| rest == format!(":{port}") || (rest.is_empty() && port == 80))
    };
    ["localhost", "127.0.0.1", "[::1]"].into_iter().any(is_it)
}

fn strip_scheme(origin: &str) -> Option<&str> {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))
}

/// Somebody followed a link: the answer becomes a page of its own, which the one with the link cannot read.
fn is_followed_link(parts: &Parts) -> bool {
    let is = |name: &str, value: &str| parts.headers.get(name).is_some_and(|found| found.as_bytes() == value.as_bytes());
    matches!(parts.method, Method::GET | Method::HEAD) && is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_with_the_own_port_are_ours() {
        for host in ["localhost:7878", "LOCALHOST:7878", "127.0.0.1:7878", "[::1]:7878"] {
            assert!(is_own(host, 7878), "{host}");
        }
        for host in [
            "",
            "localhost",
            "localhost:7879",
            "localhost:78780",
            "localhost.evil.invalid:7878",
            "evil.invalid",
            "127.0.0.1.:7878",
            "127.0.0.2:7878",
            "::1:7878",
            "user@localhost:7878",
            "localhost:7878@evil.invalid",
            "localhost:07878",
            "ⓛocalhost:7878",
        ] {
            assert!(!is_own(host, 7878), "{host}");
        }
        assert!(is_own("localhost", 80));
    }
}
