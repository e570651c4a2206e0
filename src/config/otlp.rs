//! stub
use super::Env;
use super::env::Warnings;
use crate::error::BuildError;
use crate::otlp::Otlp;
#[derive(Default)]
pub(super) struct S {
    pub(super) traces: Option<Otlp>,
    pub(super) logs: Option<Otlp>,
}
pub(super) fn from_env(_: &Env, _: &mut Warnings) -> Result<S, BuildError> {
    Ok(S::default())
}
