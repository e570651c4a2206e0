//! `campanile`: reads the store that an application writes.

mod args;
mod config;
mod confirm;
#[cfg(unix)]
mod control;
mod csv;
mod curl;
mod diff;
mod errors;
mod export;
mod failure;
mod full;
mod har;
mod import;
mod output;
mod pager;
mod place;
mod progress;
mod ps;
mod render;
mod replay;
mod routes;
mod search;
mod show;
mod stats;
mod table;
mod tail;
mod tally;
#[cfg(unix)]
mod token;
mod ui;
mod walk;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use self::args::{Args, Command};
use self::failure::Failure;
use self::output::Output;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Also help and version come this way; a closed pipe is no reason to complain.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Failure::USAGE));
        }
    };
    let mut output = Output::of_process(args.color, args.command.is_paged() && !args.no_pager);
    let store = args.store.as_deref();
    let done = match args.command {
        Command::Tail(tail) => tail::run(&tail, store, &mut output),
        Command::Show(show) => show::run(&show, store, &mut output),
        Command::Routes(routes) => routes::run(&routes, store, &mut output),
        Command::Stats(stats) => stats::run(&stats, store, &mut output),
        Command::Curl(curl) => curl::run(&curl, store, &mut output),
        Command::Replay(replay) => replay::run(&replay, store, &mut output),
        Command::Export(export) => export::run(&export, store, &mut output),
        Command::Import(import) => import::run(&import, store, &mut output),
        Command::Har(har) => har::run(&har, store, &mut output),
        Command::Config(command) => config::run(&command, &mut output),
        Command::Completions { shell } => completions(shell, &mut output),
        Command::Ps(ps) => ps::run(&ps, store, &mut output),
        Command::Search(search) => search::run(&search, store, &mut output),
        #[cfg(unix)]
        Command::Control(command) => control::run(&command, store, &mut output),
        #[cfg(unix)]
        Command::Token(args) => token::run(&args, store, &mut output),
        Command::Diff(diff) => diff::run(&diff, store, &mut output),
        Command::Errors(errors) => errors::run(&errors, store, &mut output),
        Command::Ui(ui) => ui::run(&ui, store, &mut output),
        Command::Why(why) => why::run(&why, store, &mut output),
    };
    let code = match done.and_then(|()| output.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // What was found so far comes before the complaint.
            let _ = output.flush();
            if let Some(message) = failure.message() {
                output.complain(message);
            }
            ExitCode::from(failure.code())
        }
    };
    output.finish();
    code
}

fn completions(shell: clap_complete::Shell, output: &mut Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "campanile", &mut script);
    output.write(&String::from_utf8_lossy(&script))
}
