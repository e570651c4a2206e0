//! `campanile token`: makes a signed debug token.

use std::env;
use std::path::Path;

use campanile::control::{Key, Token};
use campanile::exporter::escape;

use crate::args::{TokenArgs, Which};
use crate::control::found;
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;

/// Where the application takes its key from, too.
const KEY: &str = "CAMPANILE_DEBUG_KEY";

/// Prints it, and how it is used.
pub(crate) fn run(args: &TokenArgs, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let key = match env::var(KEY) {
        // As the application reads it, without white space around.
        Ok(key) if !key.trim().is_empty() => Key::new(key.trim()),
        _ => Key::of_store(place::find(store)?),
    }?;
    let service = match &args.service {
        Some(service) => service.clone(),
        None => only_service(&place::find(store)?)?,
    };
    let mut token = Token::new(&service).lasting(args.lasting);
    if let Some(user) = &args.user {
        token = token.user(user);
    }
    if let Some(level) = args.level {
        token = token.level(level);
    }
    if args.bodies {
        token = token.bodies();
    }
    let token = token.sign(&key)?;
    if args.common.json {
        let line = serde_json::json!({"token": token.as_str(), "id": token.id(), "service": service});
        return output.write(&full::line(line));
    }
    output.write(&format!("{}\n", token.as_str()))?;
    output.complain(&format!(
        "for the service {}, id {}\n\
         Use it:    curl -H 'x-campanile-debug: {}' URL\n\
         Revoke it: campanile control revoke-token {}",
        escape(&service),
        token.id(),
        token.as_str(),
        token.id()
    ));
    Ok(())
}

/// The service of all processes that run.
fn only_service(directory: &Path) -> Result<String, Failure> {
    let processes = found(directory, &Which::default());
    let mut names: Vec<_> = processes.iter().flatten().map(|process| process.service().to_owned()).collect();
    names.dedup();
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(name),
        Err(_) => Err(Failure::new(Failure::USAGE, "it is not clear for which service: say so with --service NAME")),
    }
}
