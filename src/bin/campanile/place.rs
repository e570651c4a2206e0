//! Which store is meant.

use std::env;
use std::path::{Path, PathBuf};

use campanile::exporter::escape;

use crate::failure::Failure;

/// The directory of a store, where the application writes it unless told otherwise.
const DEFAULT: &str = ".campanile";

/// The directory that was given, else that of the environment, else the nearest `.campanile`, from here upward.
pub(crate) fn find(given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        // A file of another kind was not meant, whatever it is: reading it might never end.
        if given.metadata().is_ok_and(|known| !known.is_dir()) {
            let message = format!(
                "--store '{}' is not a directory\nGive the directory that the application writes to, with --store DIR.",
                escape(&given.display().to_string())
            );
            return Err(Failure::new(Failure::USAGE, message));
        }
        return Ok(given.to_owned());
    }
    let here = env::current_dir().unwrap_or_default();
    let variable = env::var_os("CAMPANILE_STORE").filter(|value| !is_switch(value.to_str()));
    if let Some(variable) = variable {
        return Ok(PathBuf::from(variable));
    }
    let nearest = here.ancestors().map(|directory| directory.join(DEFAULT)).find(|path| path.is_dir());
    nearest.ok_or_else(|| {
        let here = here.display().to_string();
        let message = format!(
            "there is no store: {DEFAULT} is neither in '{}' nor in a directory above it\n\
             Start the application with its store switched on (CAMPANILE_STORE=on), or give its directory with --store DIR.",
            escape(&here)
        );
        Failure::new(Failure::STORE, message)
    })
}

/// Words that switch the application's store on or off without saying where it is.
fn is_switch(value: Option<&str>) -> bool {
    let words = ["", "on", "1", "true", "off", "0", "false"];
    value.is_some_and(|value| words.iter().any(|word| value.eq_ignore_ascii_case(word)))
}
