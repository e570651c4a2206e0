//! What a `debug!` costs that nobody wants, inside a request: with campanile installed, and without it.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::sink;

use http::{Request, Response};
use http_body_util::Empty;
use tower::util::BoxCloneService;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Who filters; each with what it is.
pub const FILTERS: [(&str, &str); 7] = [
    ("loop", "the loop around it, without an event"),
    ("nobody", "no subscriber"),
    ("fmt-info", "fmt at INFO"),
    ("fmt-off", "fmt, off"),
    ("campanile-info", "campanile, level INFO"),
    ("campanile-off", "campanile, level OFF"),
    ("campanile-others", "campanile, level DEBUG for the own code, and an event of others"),
];

type Body = Empty<&'static [u8]>;
type Service = BoxCloneService<Request<Body>, Response<Body>, Infallible>;

/// Makes so many of them, in one request.
///
/// # Panics
/// When there is no such filter.
pub fn run(filter: &str, count: u64) {
    let level = if filter.ends_with("info") { LevelFilter::INFO } else { LevelFilter::OFF };
    let service = match filter {
        "loop" => Service::new(service_fn(move |_| answer(|index| _ = black_box(index), count))),
        "nobody" => Service::new(service_fn(move |_| answer(event, count))),
        "fmt-info" | "fmt-off" => {
            tracing_subscriber::registry().with(level).with(tracing_subscriber::fmt::layer().with_writer(sink)).init();
            Service::new(service_fn(move |_| answer(event, count)))
        }
        "campanile-info" | "campanile-off" | "campanile-others" => {
            let builder = campanile::builder();
            let builder = if filter.ends_with("others") { builder.own_targets(["shop"]) } else { builder.level(level) };
            let telemetry = builder.filter(level.to_string()).init().expect("a telemetry");
            Service::new(
                telemetry
                    .layer()
                    .layer(service_fn(move |_: Request<_>| answer(event, count)))
                    .map_response(|_| Response::new(Body::new())),
            )
        }
        _ => panic!("there is no filter {filter}"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(service.oneshot(Request::new(Body::new()))).expect("never fails");
}

fn event(index: u64) {
    tracing::debug!(index = black_box(index), table = "users", "query done");
}

async fn answer(each: impl Fn(u64), count: u64) -> Result<Response<Body>, Infallible> {
    (0..count).for_each(each);
    Ok(Response::new(Body::new()))
}
