//! Single parts of the whole, for people who want one: request ids, context propagation. They need no telemetry.

mod inject;
mod propagate;
mod request_id;

pub use self::inject::{Inject, InjectLayer, inject_layer};
pub use self::propagate::{Propagate, PropagateLayer, TraceContext, propagate_layer};
pub use self::request_id::{IdentifyFuture, IdentifyRequest, RequestId, RequestIdLayer, request_id_layer};
