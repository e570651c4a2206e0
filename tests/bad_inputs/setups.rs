//! What a case asks for: the request, the handler, the settings.

use std::net::{IpAddr, SocketAddr};

use campanile::{Bodies, Redact, TrustIds, TrustedProxies};
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use crate::catalogue::{Case, bytes};
use crate::expected::{End, Frames, event_play, sink_play};
use crate::run::Setup;
use crate::service::Play;
use crate::support::{BoxBody, Script, Step};
use crate::wire::Sent;

/// The setup of a case that consists of one request.
pub(crate) fn of(case: &Case) -> Setup {
    match case.area.as_str() {
        "client_address" => client_address(case),
        "headers" => headers(case),
        "request_id" => request_id(case),
        // The handler decodes what came, and logs it.
        "tracestate_baggage" => Setup::new(Sent::of(&case.input["request"])).play(Play::acting(|| {
            let user = campanile::current().and_then(|request| request.baggage("user"));
            if let Some(user) = user {
                tracing::info!(user, "for {user}");
            }
        })),
        "body" => body(case),
        "event_fields" => Setup::new(Sent::new("GET", "/")).play(event_play(case)),
        "sink_encoding" => Setup::new(Sent::new("GET", "/")).play(sink_play(case)),
        _ => Setup::new(Sent::of(&case.input["request"])),
    }
}

fn request_id(case: &Case) -> Setup {
    let setup = Setup::new(Sent::of(&case.input["request"])).play(Play::acting(|| tracing::info!("in the handler")));
    let trust = match case.text("trust") {
        Some("trusted_peer") => TrustIds::Always,
        Some("untrusted_peer") => TrustIds::Never,
        other => panic!("{}: no meaning of {other:?}", case.id),
    };
    setup.builder(move |builder| builder.trust_inbound_ids(trust))
}

fn client_address(case: &Case) -> Setup {
    let peer: IpAddr = case.text("peer").unwrap().parse().unwrap();
    let peer = SocketAddr::new(peer, 40_000);
    let trusted = TrustedProxies::list(case.texts("trusted_proxies")).unwrap();
    // A server says who is at the other end; here the case does.
    Setup::new(Sent::of(&case.input["request"]))
        .layer(move |layer| layer.peer(move |_| Some(peer)))
        .builder(move |builder| builder.trusted_proxies(trusted.clone()))
}

fn headers(case: &Case) -> Setup {
    let mut sent = Sent::of(&case.input["request"]);
    if let Some(count) = case.input["repeat_headers"].as_u64() {
        let (pattern, value) = sent.headers.remove(0);
        let pattern = String::from_utf8(pattern).unwrap();
        sent.headers = (1..=count).map(|at| (pattern.replace("%d", &at.to_string()).into_bytes(), value.clone())).collect();
    }
    if case.text("side") == Some("response") {
        let headers = std::mem::take(&mut sent.headers);
        let given = Play::default().answer;
        return Setup::new(sent).play(Play::answering(move |head, body, trailers| {
            let mut response = given(head, body, trailers);
            for (name, value) in &headers {
                let name = HeaderName::from_bytes(name).unwrap();
                response.headers_mut().append(name, HeaderValue::from_bytes(value).unwrap());
            }
            response
        }));
    }
    if case.input["trailers"] == true {
        // All but the header that announces them.
        sent.trailers = sent.headers.split_off(1);
        return Setup::new(sent).play(Play::answering(crate::service::with_trailers));
    }
    if case.id == "HD-16" {
        sent.body = bytes(&"hello!".into());
    }
    // What a case is about has to be kept, also where it is not by default.
    let mut shown = case.texts("capture");
    shown.extend((case.id == "HD-05").then(|| "referer".to_owned()));
    Setup::new(sent)
        .builder(move |builder| builder.redact(shown.iter().fold(Redact::new(), |redact, name| redact.show_header(name))))
}

/// Both ways: what the client sends, or what the handler answers with.
fn body(case: &Case) -> Setup {
    let get = || Sent::new("GET", "/");
    let answering =
        |sent, answer: fn() -> BoxBody| Setup::new(sent).play(Play::answering(move |_, _, _| Response::new(answer())));
    match case.id.as_str() {
        "BO-04" => answering(get().header("content-type", "application/grpc"), || {
            let status = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("13"))]);
            Script::new([Step::Trailers(status)]).boxed()
        }),
        "BO-05" => {
            let hello = || Script::new([Step::Data("hello")]).exact(5).boxed();
            Setup::new(get())
                .play(Play::answering(move |_, _, _| Response::builder().header("content-length", "5").body(hello()).unwrap()))
        }
        "BO-06" => answering(get(), || {
            let sum = HeaderMap::from_iter([(HeaderName::from_static("x-sum"), HeaderValue::from_static("42"))]);
            Script::new([Step::Data("hel"), Step::Pending, Step::Data("lo"), Step::Trailers(sum)]).exact(5).boxed()
        }),
        "BO-09" => answering(get(), || BoxBody::new(Frames::ten_bytes_then(End::Fails))),
        "BO-10" => answering(get(), || BoxBody::new(Frames::ten_bytes_then(End::Panics))),
        "BO-28" => Setup::new(Sent::new("HEAD", "/")).play(Play::answering(|_, _, _| {
            Response::builder().header("content-length", "1000").body(Script::new([]).boxed()).unwrap()
        })),
        _ => captured(case),
    }
}

/// An upload that is captured.
fn captured(case: &Case) -> Setup {
    let input = &case.input;
    let mut sent = Sent::new("POST", "/upload");
    let (media, body) = match case.id.as_str() {
        "BO-13" => ("application/json", gzip_bomb()),
        "BO-29" => multipart(case.text("multipart_filename").unwrap()),
        _ => {
            let body = bytes(&input["request_body"]);
            let media = if body.first().is_some_and(|first| b"{[".contains(first)) { "application/json" } else { "text/plain" };
            (media, body)
        }
    };
    sent = sent.header("content-type", case.text("content_type").unwrap_or(media));
    if let Some(encoding) = case.text("content_encoding") {
        sent = sent.header("content-encoding", encoding);
    }
    let name = case.text("multipart_filename").map(str::to_owned);
    // What a handler would log of a file that it was sent.
    let play = Play::acting(move || {
        if let Some(name) = &name {
            tracing::info!(file.name = name, "stored {name}");
        }
    });
    Setup::new(sent.body(body)).play(play).builder(|builder| builder.capture_bodies(Bodies::on()))
}

/// Scaled from what inflates to 10 GiB.
fn gzip_bomb() -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        encoder.write_all(&[b'a'; 1024 * 1024]).unwrap();
    }
    encoder.finish().unwrap()
}

fn multipart(file_name: &str) -> (&'static str, Vec<u8>) {
    let body = format!(
        "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file_name}\"\r\n\r\ncontent\r\n--edge--\r\n"
    );
    ("multipart/form-data; boundary=edge", body.into_bytes())
}
