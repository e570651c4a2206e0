//! Script and style of the page, part of the program.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderValue, VARY};
use http::{HeaderMap, Response, StatusCode};

use super::answer;
use super::body::Body;

/// One file.
pub(super) struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    /// Made when it is first asked for.
    compressed: OnceLock<Option<Bytes>>,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const DRAWING: &str = "image/svg+xml";

static ASSETS: [Asset; 38] = [
    Asset::new("api.js", SCRIPT, include_bytes!("assets/api.js")),
    Asset::new("app.css", STYLE, include_bytes!("assets/app.css")),
    Asset::new("app.js", SCRIPT, include_bytes!("assets/app.js")),
    Asset::new("body.js", SCRIPT, include_bytes!("assets/body.js")),
    Asset::new("chart.js", SCRIPT, include_bytes!("assets/chart.js")),
    Asset::new("charts.js", SCRIPT, include_bytes!("assets/charts.js")),
    Asset::new("compare.js", SCRIPT, include_bytes!("assets/compare.js")),
    Asset::new("diff.js", SCRIPT, include_bytes!("assets/diff.js")),
    Asset::new("different.js", SCRIPT, include_bytes!("assets/different.js")),
    Asset::new("dom.js", SCRIPT, include_bytes!("assets/dom.js")),
    Asset::new("errors.js", SCRIPT, include_bytes!("assets/errors.js")),
    Asset::new("facets.js", SCRIPT, include_bytes!("assets/facets.js")),
    Asset::new("failure.js", SCRIPT, include_bytes!("assets/failure.js")),
    Asset::new("filter.js", SCRIPT, include_bytes!("assets/filter.js")),
    Asset::new("fold.js", SCRIPT, include_bytes!("assets/fold.js")),
    Asset::new("format.js", SCRIPT, include_bytes!("assets/format.js")),
    Asset::new("frame.js", SCRIPT, include_bytes!("assets/frame.js")),
    Asset::new("health.js", SCRIPT, include_bytes!("assets/health.js")),
    Asset::new("icon.svg", DRAWING, include_bytes!("assets/icon.svg")),
    Asset::new("keys.js", SCRIPT, include_bytes!("assets/keys.js")),
    Asset::new("list.js", SCRIPT, include_bytes!("assets/list.js")),
    Asset::new("live.js", SCRIPT, include_bytes!("assets/live.js")),
    Asset::new("marks.js", SCRIPT, include_bytes!("assets/marks.js")),
    Asset::new("memory.js", SCRIPT, include_bytes!("assets/memory.js")),
    Asset::new("message.js", SCRIPT, include_bytes!("assets/message.js")),
    Asset::new("pretty.js", SCRIPT, include_bytes!("assets/pretty.js")),
    Asset::new("purge.js", SCRIPT, include_bytes!("assets/purge.js")),
    Asset::new("query.js", SCRIPT, include_bytes!("assets/query.js")),
    Asset::new("replay.js", SCRIPT, include_bytes!("assets/replay.js")),
    Asset::new("request.js", SCRIPT, include_bytes!("assets/request.js")),
    Asset::new("routes.js", SCRIPT, include_bytes!("assets/routes.js")),
    Asset::new("rows.js", SCRIPT, include_bytes!("assets/rows.js")),
    Asset::new("running.js", SCRIPT, include_bytes!("assets/running.js")),
    Asset::new("sorted.js", SCRIPT, include_bytes!("assets/sorted.js")),
    Asset::new("text.js", SCRIPT, include_bytes!("assets/text.js")),
    Asset::new("theme.js", SCRIPT, include_bytes!("assets/theme.js")),
    Asset::new("waterfall.js", SCRIPT, include_bytes!("assets/waterfall.js")),
    Asset::new("ways.js", SCRIPT, include_bytes!("assets/ways.js")),
];

/// What tells these versions from others: of all of them, as they name each other.
pub(super) fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        // FNV-1a: it has to differ, not to be hard to find.
        let bytes = ASSETS.iter().flat_map(|asset| asset.bytes);
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    })
}

/// The one of this name; names are compared as they are.
pub(super) fn named(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

impl Asset {
    const fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, content_type, bytes, compressed: OnceLock::new() }
    }

    fn compressed(&self) -> Option<Bytes> {
        self.compressed.get_or_init(|| answer::gzip(self.bytes).map(Bytes::from)).clone()
    }

    /// One that is asked for by its version stays the same for ever.
    pub(super) fn answer(&self, asked: &HeaderMap, asked_version: &str) -> Response<Body> {
        let compressed = self.compressed().filter(|_| answer::takes_gzip(asked));
        let is_compressed = compressed.is_some();
        let body = Body::whole(compressed.unwrap_or(Bytes::from_static(self.bytes)));
        let mut response = answer::of(StatusCode::OK, self.content_type, body);
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if asked_version == version() {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
        }
        response
    }
}
