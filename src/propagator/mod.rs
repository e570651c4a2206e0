//! Header conventions: whose request this is, and which trace it belongs to.

pub(crate) mod request_id;
pub(crate) mod w3c;
