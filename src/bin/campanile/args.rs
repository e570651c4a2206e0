//! The command line and its help.

use std::fmt::Write as _;
use std::path::PathBuf;

use campanile::query::{self, Query};
use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Reads the requests that an application with campanile has stored.
#[derive(Debug, Parser)]
#[command(name = "campanile", version, arg_required_else_help = true, after_help = exit_codes())]
pub(crate) struct Args {
    /// The store's directory [default: CAMPANILE_STORE, else .campanile here or above]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows requests as they end, also across restarts of the application
    Tail(Tail),
    /// Shows everything about one request: timeline, events, headers, errors
    Show(Show),
    /// Finds requests, the newest last
    Search(Search),
}

#[derive(Debug, clap::Args)]
#[command(after_help = tail_help())]
pub(crate) struct Tail {
    /// Only what matches; without it, everything
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// How many of the stored matches to begin with
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10)]
    pub(crate) lines: usize,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = show_help())]
pub(crate) struct Show {
    /// At least 4 digits of the short id, or the whole request id or trace id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
#[command(after_help = search_help())]
pub(crate) struct Search {
    /// What to look for
    #[arg(value_name = "QUERY", required = true)]
    query: Vec<String>,
    /// How many to show; the newest stay
    #[arg(short = 'n', long, value_name = "LIMIT", default_value_t = 50)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

impl Tail {
    pub(crate) fn query(&self) -> Result<Query, Failure> {
        Ok(Query::parse(&self.query.join(" "))?)
    }
}

impl Search {
    pub(crate) fn query(&self) -> Result<Query, Failure> {
        Ok(Query::parse(&self.query.join(" "))?)
    }
}

fn exit_codes() -> String {
    "\
Exit codes:
  0  done; also when the reader of the output has seen enough
  1  nothing found
  2  the command line, the query or the id is wrong
  3  the id fits several requests, which are listed
  4  the store cannot be read
  5  the output cannot be written"
        .to_owned()
}

fn tail_help() -> String {
    format!(
        "\
Examples:
  campanile tail
  campanile tail 'status>=500 or ms>300'
  campanile tail -n 0 'route:/orders/{{id}} -user:42'
  campanile tail --json status:5xx

{}

{}",
        keys(),
        exit_codes()
    )
}

fn show_help() -> String {
    format!(
        "\
Examples:
  campanile show 8f2c
  campanile show 4bf92f3577b34da6a3ce929d0e0e4736
  campanile show --json 8f2c1a2b

{}",
        exit_codes()
    )
}

fn search_help() -> String {
    format!(
        "\
Examples:
  campanile search 'status:5xx since:1h'
  campanile search 'error:PoolTimedOut method:POST'
  campanile search '\"out of stock\" or text~\"stock low\"'
  campanile search -n 200 --json 'route:/orders/{{id}} ms>300'
  campanile search -- '-path:/health since:10m'

{}

{}",
        keys(),
        exit_codes()
    )
}

/// The keys of the query language, from its own table.
fn keys() -> String {
    let mut out = "Query: terms side by side, all of which have to hold; also or, not, - and parentheses.\n\
                   A word or a \"phrase\" alone stands anywhere in the record; a name with a dot is an attribute."
        .to_owned();
    for key in query::keys() {
        let _ = write!(out, "\n  {:<9} {}, as in {}", key.name(), key.help(), key.example());
    }
    out
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed_and_its_help_names_every_key() {
        Args::command().debug_assert();
        assert!(query::keys().iter().all(|key| search_help().contains(key.example())));
    }

    #[test]
    fn text_after_two_dashes_is_data() {
        let args = Args::try_parse_from(["campanile", "search", "--", "-path:/health"]).unwrap();
        let Command::Search(search) = args.command else { panic!("another command") };
        assert_eq!(search.query().unwrap().as_str(), "-path:/health");
    }
}
