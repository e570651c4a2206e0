//! An entry as browsers write it; every field may be missing, null or of another kind of number.

use serde::{Deserialize, Deserializer};

/// A request and its answer.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    #[serde(deserialize_with = "or_default")]
    pub(super) started_date_time: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) time: f64,
    #[serde(deserialize_with = "or_default")]
    pub(super) request: Request,
    #[serde(deserialize_with = "or_default")]
    pub(super) response: Response,
    #[serde(deserialize_with = "or_default")]
    pub(super) timings: Timings,
    #[serde(rename = "serverIPAddress", deserialize_with = "or_default")]
    pub(super) server_ip_address: String,
    #[serde(rename = "_campanile", deserialize_with = "or_default")]
    pub(super) own: Own,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request {
    #[serde(deserialize_with = "or_default")]
    pub(super) method: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) url: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) http_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) headers: Vec<Header>,
    pub(super) post_data: Option<PostData>,
    #[serde(deserialize_with = "or_default")]
    pub(super) body_size: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Response {
    #[serde(deserialize_with = "or_default")]
    pub(super) status: f64,
    #[serde(deserialize_with = "or_default")]
    pub(super) http_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) headers: Vec<Header>,
    #[serde(deserialize_with = "or_default")]
    pub(super) content: Content,
    #[serde(deserialize_with = "or_default")]
    pub(super) body_size: f64,
    /// Why there was no answer, as Chrome says it.
    #[serde(rename = "_error", deserialize_with = "or_default")]
    pub(super) error: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) value: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) comment: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PostData {
    #[serde(deserialize_with = "or_default")]
    pub(super) mime_type: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) text: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) params: Vec<Header>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Content {
    #[serde(deserialize_with = "or_default")]
    pub(super) size: f64,
    #[serde(deserialize_with = "or_default")]
    pub(super) mime_type: String,
    pub(super) text: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) encoding: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Timings {
    #[serde(deserialize_with = "or_default")]
    pub(super) receive: f64,
}

/// What an entry of ours says beside.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Own {
    pub(super) id: Option<String>,
    pub(super) trace_id: Option<String>,
    pub(super) parent_span_id: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) route: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) client: Option<String>,
    pub(super) request_body_kept_bytes: Option<u32>,
    pub(super) response_body_kept_bytes: Option<u32>,
    pub(super) service: Option<String>,
    pub(super) release: Option<String>,
    pub(super) instance: Option<String>,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
