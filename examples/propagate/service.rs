//! The service: `POST /test` with `[{"url": U, "arguments": [...]}, ...]` posts each `arguments` to its `url`, in turn.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use campanile::{ObserveClient, Telemetry};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::Value;
use tower::{ServiceBuilder, ServiceExt as _};

type Calls = ObserveClient<Client<HttpConnector, Full<Bytes>>>;

pub(crate) fn router(telemetry: &Telemetry) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let calls: Calls = ServiceBuilder::new().layer(telemetry.client_layer()).service(client);
    Router::new().route("/test", post(test)).with_state(calls).layer(telemetry.layer())
}

/// One post to make.
#[derive(Deserialize)]
struct Action {
    url: String,
    /// What it is to say; absent and `null` mean nothing.
    arguments: Option<Vec<Value>>,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the body is no JSON array of {{\"url\": U, \"arguments\": [...]}}")]
    Body(#[source] serde_json::Error),
    #[error("{0:?} is not a URL such as http://127.0.0.1:3000/test")]
    Url(String),
    #[error("cannot post to {0}")]
    Call(Uri, #[source] anyhow::Error),
    #[error("{0} answered {1}")]
    Answer(Uri, StatusCode),
}

async fn test(State(calls): State<Calls>, body: Bytes) -> Result<&'static str, Problem> {
    let actions: Vec<Action> = serde_json::from_slice(&body).map_err(Problem::Body)?;
    for action in actions {
        let url = action.url.parse::<Uri>().ok().filter(|url| url.host().is_some());
        let url = url.ok_or(Problem::Url(action.url))?;
        let arguments = Value::from(action.arguments.unwrap_or_default());
        let status = send(&calls, &url, &arguments).await.map_err(|error| Problem::Call(url.clone(), error))?;
        if !status.is_success() {
            return Err(Problem::Answer(url, status));
        }
    }
    Ok("done\n")
}

/// Posts the arguments, and reads the answer to its end.
async fn send(calls: &Calls, url: &Uri, arguments: &Value) -> anyhow::Result<StatusCode> {
    let body = Full::from(arguments.to_string());
    let request = Request::post(url).header(CONTENT_TYPE, "application/json").body(body)?;
    let response = calls.clone().oneshot(request).await?;
    let status = response.status();
    response.into_body().collect().await?;
    Ok(status)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // On the record with its cause, which the answer does not tell.
        campanile::attach(&self);
        let status = match &self {
            Self::Body(_) | Self::Url(_) => StatusCode::BAD_REQUEST,
            Self::Call(..) | Self::Answer(..) => StatusCode::BAD_GATEWAY,
        };
        (status, format!("{self}\n")).into_response()
    }
}
