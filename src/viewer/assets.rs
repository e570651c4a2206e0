//! Script and style of the page, part of the program.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, HeaderValue, VARY};
use http::{HeaderMap, Response, StatusCode};

use super::answer;
use super::body::Body;

/// One file.
pub(super) struct Asset {
    pub(super) name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    /// Made when it is first asked for.
    compressed: OnceLock<Option<Bytes>>,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

static ASSETS: [Asset; 4] = [
    Asset::new("app.js", SCRIPT, include_bytes!("assets/app.js")),
    Asset::new("app.css", STYLE, include_bytes!("assets/app.css")),
    Asset::new("chart.js", SCRIPT, include_bytes!("assets/chart.js")),
    Asset::new("chart.css", STYLE, include_bytes!("assets/chart.css")),
];

/// All of them.
pub(super) fn all() -> &'static [Asset] {
    &ASSETS
}

/// The one of this name; names are compared as they are.
pub(super) fn named(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

impl Asset {
    const fn new(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, content_type, bytes, compressed: OnceLock::new() }
    }

    /// What tells this version of it from others.
    pub(super) fn version(&self) -> String {
        // FNV-1a: it has to differ, not to be hard to find.
        let hash = self
            .bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{hash:016x}")
    }

    pub(super) fn compressed(&self) -> Option<Bytes> {
        self.compressed.get_or_init(|| answer::gzip(self.bytes).map(Bytes::from)).clone()
    }

    /// One that is asked for by its version stays the same for ever.
    pub(super) fn answer(&self, asked: &HeaderMap, version: Option<&str>) -> Response<Body> {
        let compressed = self.compressed().filter(|_| answer::takes_gzip(asked));
        let is_compressed = compressed.is_some();
        let body = Body::whole(compressed.unwrap_or(Bytes::from_static(self.bytes)));
        let mut response = answer::of(StatusCode::OK, self.content_type, body);
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        if is_compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if version == Some(self.version().as_str()) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
        }
        response
    }
}
