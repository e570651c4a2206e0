//! From a request to its answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf as _;
use http::header::CONTENT_TYPE;
#[cfg(feature = "axum")]
use http::header::HeaderValue;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use serde_json::Value as Json;

use super::body::Body;
use super::core::Core;
use super::gate::{self, Access};
use super::params::Params;
use super::problem::Problem;
use super::secrets::is_same;
use super::shell::{self, Page};
use super::{answer, api, assets, live};
use crate::store::turns;

/// The largest body of a question, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// How long it may take to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);
const READING: &str = "GET, HEAD";

/// What is asked for.
enum Route<'a> {
    Page(Page<'a>),
    /// By its version and its name.
    Asset(&'a str, &'a str),
    Api(Vec<&'a str>),
    Live,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let segments: Vec<_> = path.strip_prefix('/')?.split('/').collect();
        Some(match segments.as_slice() {
            ["assets", version, name] => Self::Asset(version, name),
            ["api", rest @ ..] => Self::Api(rest.to_vec()),
            ["live"] => Self::Live,
            segments => Self::Page(Page::of(segments)?),
        })
    }
}

/// Answers; never fails.
pub(super) async fn answer<B>(core: &Arc<Core>, access: Access, request: Request<B>) -> Response<Body>
where
    B: http_body::Body,
{
    turns::take();
    let (parts, body) = request.into_parts();
    let route = Route::of(parts.uri.path());
    let is_page = matches!(route, Some(Route::Page(_)));
    if let Some(response) = beside_itself(access, &parts) {
        return response;
    }
    let answered = match gate::admit(access, &parts, is_page) {
        Ok(()) => admitted(core, access, route, &parts, body).await,
        Err(problem) => Err(problem),
    };
    let response = answered.unwrap_or_else(|problem| answer::problem(&problem));
    answer::compressed(response, &parts.headers)
}

/// Where it is mounted and asked for without the slash at its end, its links would lead beside it.
#[cfg(feature = "axum")]
fn beside_itself(access: Access, parts: &Parts) -> Option<Response<Body>> {
    let original = parts.extensions.get::<axum::extract::OriginalUri>()?.path();
    let is_root = matches!(access, Access::Mounted) && parts.uri.path() == "/" && !original.ends_with('/');
    let last = original.rsplit('/').next().filter(|last| is_root && !last.is_empty())?;
    let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut response = answer::of(StatusCode::PERMANENT_REDIRECT, answer::TEXT, Body::whole(""));
    response.headers_mut().insert(http::header::LOCATION, HeaderValue::try_from(format!("{last}/{query}")).ok()?);
    Some(response)
}

#[cfg(not(feature = "axum"))]
const fn beside_itself(_: Access, _: &Parts) -> Option<Response<Body>> {
    None
}

async fn admitted<B: http_body::Body>(
    core: &Arc<Core>,
    access: Access,
    route: Option<Route<'_>>,
    parts: &Parts,
    body: B,
) -> Result<Response<Body>, Problem> {
    let base = shell::base(parts.uri.path());
    let is_reading = matches!(parts.method, Method::GET | Method::HEAD);
    // What everybody may have: it is the same for all.
    if let Some(Route::Asset(version, name)) = route {
        if !is_reading {
            return Ok(answer::method_not_allowed(READING));
        }
        let asset = assets::named(name).ok_or_else(Problem::not_found)?;
        return Ok(asset.answer(&parts.headers, version));
    }
    if let Access::Own { port } = access {
        let is_page = matches!(route, Some(Route::Page(_)));
        if is_reading
            && is_page
            && let Some(response) = gate::exchanged(&core.secrets, parts, port, &base)
        {
            return Ok(response);
        }
        if !gate::has_cookie(&core.secrets, &parts.headers, port) {
            if is_page && parts.method == Method::POST {
                return sign_in(core, (access, port), parts, body, &base).await;
            }
            return if is_page { Ok(gate::asking(&base, None)) } else { Err(Problem::unknown()) };
        }
    }
    let params = Params::parse(parts.uri.query());
    match route.ok_or_else(Problem::not_found)? {
        Route::Page(_) | Route::Live if !is_reading => Ok(answer::method_not_allowed(READING)),
        Route::Page(page) => shell::answer(core, page, &params, &base).await,
        Route::Live => live::answer(core, &params, &parts.headers),
        Route::Api(path) => match (is_reading, api::is_change(&path)) {
            (true, false) => api::read(core, &path, &params).await,
            (true, true) => Ok(answer::method_not_allowed("POST")),
            (false, true) if parts.method == Method::POST => {
                gate::admit_change(&core.secrets, &parts.headers)?;
                let asked = collect(access, body).await?;
                let asked: Json = serde_json::from_slice(&asked).map_err(|_| Problem::wrong("the body is no JSON"))?;
                api::change(core, &path, &asked).await
            }
            (false, true) => Ok(answer::method_not_allowed("POST")),
            (false, false) => Ok(answer::method_not_allowed(READING)),
        },
        Route::Asset(..) => Err(Problem::not_found()),
    }
}

/// The form of the page that asks for the token.
async fn sign_in<B: http_body::Body>(
    core: &Core,
    (access, port): (Access, u16),
    parts: &Parts,
    body: B,
    base: &str,
) -> Result<Response<Body>, Problem> {
    let is_form = parts.headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/x-www-form-urlencoded");
    if !is_form {
        return Ok(gate::asking(base, None));
    }
    let body = collect(access, body).await?;
    let form = Params::parse(std::str::from_utf8(&body).ok());
    let token = form.text("token").unwrap_or_default().trim();
    if is_same(token, core.secrets.token()) {
        return Ok(gate::opened(&core.secrets, parts, port));
    }
    Ok(gate::asking(base, Some("That is not the token of this page.")))
}

/// All of a body, within bounds.
async fn collect<B: http_body::Body>(access: Access, body: B) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::of(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broke off");
    let mut body = std::pin::pin!(body);
    let collected = async {
        let mut all = Vec::new();
        while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            let Ok(mut data) = frame.map_err(|_| too_large())?.into_data() else { continue };
            if all.len() + data.remaining() > MAX_BODY {
                return Err(too_large());
            }
            while data.has_remaining() {
                all.extend_from_slice(data.chunk());
                data.advance(data.chunk().len());
            }
        }
        Ok(all)
    };
    match access {
        Access::Own { .. } => {
            let late = |_| Problem::of(StatusCode::REQUEST_TIMEOUT, "the body does not come");
            tokio::time::timeout(BODY_WITHIN, collected).await.map_err(late)?
        }
        // An application has limits of its own, and maybe no timer of this kind.
        Access::Mounted => collected.await,
    }
}
