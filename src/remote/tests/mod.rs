//! The remote exporters against encoders of others and against servers that misbehave.

mod encode;
mod faults;
#[cfg(feature = "otlp-grpc")]
mod grpc;
mod kit;
mod metrics;
mod property;
mod retry;
mod tls;
