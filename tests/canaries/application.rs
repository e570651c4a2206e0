//! An application that is full of secrets: what it is sent, what it answers, what it logs.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use bytes::Bytes;
use campanile::{InExchange as _, Telemetry};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use tower::{ServiceBuilder, ServiceExt as _};
use tracing::{error, info, info_span};

use crate::planted::{basic, jwt, percent, secret};
use crate::support::{self, BoxBody, BoxError, Server};

/// Stands where it may stand, so that every output is known to hold something.
pub(crate) const VISIBLE: &str = "visible-to-everyone";

async fn answer<B>(request: Request<B>) -> Result<Response<BoxBody>, BoxError>
where
    B: Body<Data = Bytes, Error: fmt::Debug>,
{
    let path = request.uri().path().to_owned();
    // Read to its end, so that whatever is kept of it was seen.
    let _ = request.into_body().collect().await;
    let full = |text: String| Full::from(text).map_err(|never: Infallible| match never {}).boxed_unsync();
    match path.as_str() {
        "/logs" => {
            logs();
            Ok(Response::new(full("done".to_owned())))
        }
        "/fails" => {
            fails();
            Ok(Response::builder().status(500).body(full("sorry".to_owned())).unwrap())
        }
        "/task" => {
            let task = async { panic!("no answer from postgres://shop:{}@db.invalid/shop", secret(64)) };
            let _ = tokio::spawn(task.in_exchange()).await;
            Ok(Response::builder().status(500).body(full("sorry".to_owned())).unwrap())
        }
        "/logged" => {
            let cause = Failed(format!("no answer from https://user:{}@mail.invalid/", secret(66)), None);
            let failed = Failed(format!("cannot log in: password={}", secret(65)), Some(Box::new(cause)));
            error!(error = &failed as &dyn Error, "it failed");
            campanile::group(&format!("{VISIBLE} password={}", secret(67)));
            Ok(Response::builder().status(500).body(full("sorry".to_owned())).unwrap())
        }
        "/upgraded" => {
            let connection = campanile::upgraded();
            connection.set("session.token", secret(68).as_str());
            connection.fail(&Failed(format!("refused: Bearer {}", secret(69)), None));
            Ok(Response::new(full("as if".to_owned())))
        }
        "/grouped" => Ok(Response::builder().status(503).body(full("sorry".to_owned())).unwrap()),
        path if path.starts_with("/hangs/") => std::future::pending().await,
        "/panics" => panic!("cannot connect with password={}", secret(39)),
        "/error" => Err(Failed(format!("the caller's token {} is too old", jwt(41)), None).into()),
        _ => {
            let trailers = HeaderMap::from_iter([(http::HeaderName::from_static("x-secret-trailer"), value(&secret(15)))]);
            let text = format!(r#"{{"refresh_token": "{}", "expires": 3600}}"#, secret(27));
            let frames = [Ok::<_, BoxError>(Frame::data(Bytes::from(text))), Ok(Frame::trailers(trailers))];
            let response = Response::builder()
                .header("content-type", "application/json")
                .header("trailer", "x-secret-trailer")
                .header("set-cookie", format!("sid={}; HttpOnly", secret(12)))
                .header("location", format!("https://user:{}@shop.invalid/", secret(13)))
                .header("www-authenticate", format!("Digest nonce=\"{}\"", secret(14)))
                .header("grpc-message", percent(&format!("password={}", secret(58))));
            Ok(response.body(StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()).unwrap())
        }
    }
}

fn logs() {
    info!(password = secret(31), "signing in");
    let span = info_span!("charge", api_key = secret(32));
    span.in_scope(|| info!("{VISIBLE}: sent with Bearer {}", secret(33)));
    info!("connecting with password={} to the database", secret(34));
    campanile::set("user.token", &secret(35));
    info!("charged card {}", secret(40));
}

fn fails() {
    let cause = Failed(format!("no answer from https://user:{}@payments.invalid/charge", secret(38)), None);
    let failed = Failed(format!("refused: Basic {}", basic(37)), Some(Box::new(cause)));
    error!(error = &failed as &dyn Error, "it failed");
    campanile::attach(&failed);
}

/// Outside of any request.
pub(crate) fn works_alone() {
    info!(client_secret = secret(36), "refreshing");
}

#[derive(Debug)]
struct Failed(String, Option<Box<Self>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}

/// A server with the application behind the layer.
pub(crate) async fn serve(telemetry: &Telemetry) -> Server {
    support::serve(ServiceBuilder::new().layer(telemetry.layer()).service_fn(answer)).await
}

/// Every request, as bytes; each asks for its connection to be closed.
pub(crate) fn requests() -> Vec<String> {
    let request = |method: &str, target: &str, headers: &str, body: &str| {
        let length = body.len();
        format!(
            "{method} {target} HTTP/1.1\r\nhost: shop.invalid\r\nconnection: close\r\nte: trailers\r\n{headers}content-length: {length}\r\n\r\n{body}"
        )
    };
    let headers = [
        format!("user-agent: {VISIBLE}"),
        format!("authorization: Bearer {}", secret(1)),
        format!("proxy-authorization: Basic {}", basic(2)),
        format!("x-api-key: {}", secret(3)),
        format!("x-auth-token: {}", secret(4)),
        format!("x-amz-security-token: {}", secret(5)),
        format!("x-forwarded-client-cert: Hash={}", secret(6)),
        format!("x-note: {}", secret(7)),
        format!("referer: https://user:{}@shop.invalid/", secret(9)),
        format!("cookie: sid={}; __Host-session={}", secret(10), secret(11)),
        format!("x-forwarded-host: user:{}@shop.invalid", secret(56)),
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        format!("tracestate: a={}", jwt(60)),
        format!("forwarded: host=\"user:{}@shop.invalid\"", secret(57)),
        String::new(),
    ]
    .join("\r\n");
    let query = [
        format!("token={}", secret(16)),
        format!("X-Amz-Signature={}", secret(17)),
        format!("api%5Fkey={}", secret(18)),
        format!("code={}&state=1", secret(19)),
        format!("password={}", percent(&secret(20))),
        format!("next={}", jwt(21)),
        format!("https://user:{}@shop.invalid/?a=b", secret(52)),
        format!("Basic+{}=", basic(53)),
    ]
    .join("&");
    let json = format!(
        r#"{{"name": "{VISIBLE}", "password": "{}", "user": {{"keys": [{{"accessToken": ["{}"]}}]}}, "data": "{{\"password\":\"{}\"}}", "pass\u0077ord": "{}", "https://user:{}@shop.invalid/": 1}}"#,
        secret(23),
        secret(24),
        secret(25),
        secret(26),
        secret(59)
    );
    let curl = format!(r#"{{"password": "{}", "next": "/a?b=c"}}"#, secret(51));
    let xml = format!("<login><user>x</user><ns:password>{}</ns:password></login>", secret(54));
    let path = format!("/p/https://user:{}@shop.invalid/%20", secret(55));
    let form = format!("name=x&password={}&p%61ssword={}", secret(28), percent(&secret(29)));
    let text = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", secret(30));
    vec![
        request("GET", &format!("/{VISIBLE}?{query}"), &headers, ""),
        request("GET", &format!("http://user:{}@shop.invalid/absolute", secret(22)), "", ""),
        request("POST", "/json", "content-type: application/json\r\n", &json),
        request("POST", "/form", "content-type: application/x-www-form-urlencoded\r\n", &form),
        request("POST", "/text", "content-type: text/plain\r\n", &text),
        request("POST", "/curl", "content-type: application/x-www-form-urlencoded\r\n", &curl),
        request("POST", "/xml", "content-type: application/xml\r\n", &xml),
        request("GET", &path, "", ""),
        request("GET", "/logs", "", ""),
        request("GET", "/fails", "", ""),
        request("GET", "/panics", "", ""),
        request("GET", "/error", "", ""),
        request("GET", "/task", "", ""),
        request("GET", "/logged", &format!("x-campanile-debug: {}\r\n", secret(61)), ""),
        request("GET", "/upgraded", &format!("cookie: campanile-debug={}\r\n", secret(62)), ""),
        request("GET", "/grouped", "", ""),
    ]
}

/// A request that is never answered, up to where it hangs.
pub(crate) fn hanging(telemetry: &Telemetry) -> impl Future {
    let request = support::request("GET", &format!("/hangs/{VISIBLE}/https://user:{}@shop.invalid/", secret(70)));
    ServiceBuilder::new().layer(telemetry.layer()).service_fn(answer).oneshot(request)
}

/// A value that the application itself marked as a secret, which no wire can say.
pub(crate) async fn marked_as_sensitive(telemetry: &Telemetry) {
    let mut language = value(&secret(8));
    language.set_sensitive(true);
    let mut request = support::request("GET", "/marked");
    request.headers_mut().insert("accept-language", language);
    let service = ServiceBuilder::new().layer(telemetry.layer()).service_fn(answer);
    let response = service.oneshot(request).await.unwrap();
    let _ = response.into_body().collect().await.unwrap();
}
