//! `campanile curl`: the command that sends a request again.

use std::path::Path;

use campanile::exporter::escape;
use campanile::replay::Request;
use campanile::store::Reader;

use crate::args::{Curl, CurlAs};
use crate::failure::Failure;
use crate::output::Output;
use crate::{place, show};

/// Finds one request and prints the command.
pub(crate) fn run(args: &Curl, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::open(place::find(store)?)?;
    let found = show::one(&mut reader, &args.id, false, output)?;
    let request = Request::of(found.record(), args.url.as_deref());
    let request = request.ok_or_else(|| Failure::new(Failure::NOTHING, format!("{} is no request", escape(&args.id))))?;
    let command = match args.written {
        CurlAs::Curl => request.curl(),
        CurlAs::Httpie => request.httpie(),
        CurlAs::Rust => request.rust_test(),
    };
    for note in &command.notes {
        output.complain(&note.to_string());
    }
    output.write(&command.text)
}
