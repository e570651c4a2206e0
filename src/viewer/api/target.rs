//! Where a request would be sent again, or why it would not.

use serde_json::{Value as Json, json};

use crate::record::Record;
use crate::replay::Request;
use crate::viewer::problem::Problem;

/// Where it goes, with its port: to where it was asked, on this machine alone.
pub(super) fn address(request: &Request, record: &Record) -> Result<String, Problem> {
    if record.host().is_none() {
        return Err(Problem::forbidden("it named no host, so nobody knows where the application listens"));
    }
    let Some(address) = request.address() else {
        return Err(Problem::forbidden("the host that it named is no address that it could be sent to"));
    };
    if !request.is_loopback() {
        return Err(Problem::forbidden(format!("it was sent to {address}, and would leave this machine")));
    }
    Ok(address)
}

/// The same as the page is told it before anything is sent.
pub(super) fn told(record: &Record) -> Json {
    let Some(request) = Request::of(record, None) else { return Json::Null };
    match address(&request, record) {
        Ok(address) => json!({ "to": address, "refused": null }),
        Err(problem) => json!({ "to": null, "refused": problem.message() }),
    }
}
