//! `campanile har`: a request as an HTTP archive, which browsers and other tools open.

use std::path::Path;

use campanile::archive::{Format, Writer};
use campanile::store::Reader;

use crate::args::Har;
use crate::failure::Failure;
use crate::output::Output;
use crate::{place, show};

/// Finds one request and prints the archive.
pub(crate) fn run(args: &Har, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let mut reader = Reader::open(place::find(store)?)?;
    let stored = show::one(&mut reader, &args.id, false, output)?;
    if stored.record().method().is_empty() {
        return Err(Failure::new(Failure::NOTHING, "it is no request"));
    }
    let mut writer = Writer::new(Format::Har, output.writer());
    writer.write(&stored)?;
    writer.finish()?;
    Ok(())
}
