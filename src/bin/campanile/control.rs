//! `campanile control`: asks a running process for more, and takes that back.

use std::path::Path;
use std::time::Duration;

use campanile::control::{Ask, Process, Standing};
use campanile::exporter::escape;
use campanile::query::Query;
use serde_json::Value as Json;

use crate::args::{AskArgs, ControlCommand, Which};
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::place;

/// Does what the command says with the processes that are meant.
pub(crate) fn run(command: &ControlCommand, store: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let directory = place::find(store)?;
    match command {
        ControlCommand::List { which, common } => {
            for process in &mut found(&directory, which)? {
                list(process, common.json, output)?;
            }
            Ok(())
        }
        ControlCommand::Ask(args) => {
            let ask = ask_of(args)?;
            for process in &mut one_or_all(&directory, &args.which)? {
                let id = process.ask(&ask)?;
                let text = if args.common.json {
                    full::line(serde_json::json!({"pid": process.pid(), "service": process.service(), "id": id}))
                } else {
                    let minutes = length(args.lasting);
                    format!("{}: ask {id} stands for {minutes}; {}\n", name(process), escape(&ask.to_string()))
                };
                output.write(&text)?;
            }
            Ok(())
        }
        ControlCommand::Revoke { id, which } => {
            for process in &mut one_or_all(&directory, which)? {
                process.revoke(*id)?;
                output.write(&format!("{}: ask {id} is revoked\n", name(process)))?;
            }
            Ok(())
        }
        ControlCommand::RevokeToken { id, which } => {
            // A token is good in every process of its service.
            for process in &mut found(&directory, which)? {
                process.revoke_token(id)?;
                output.write(&format!("{}: token {} is revoked\n", name(process), escape(id)))?;
            }
            Ok(())
        }
    }
}

fn list(process: &mut Process, is_json: bool, output: &mut Output) -> Result<(), Failure> {
    let standing = process.list()?;
    if is_json {
        let write = |standing: Option<&Standing>, output: &mut Output| {
            let mut line = serde_json::Map::new();
            let mut put = |name: &str, value: Json| line.insert(name.to_owned(), value);
            put("pid", process.pid().into());
            put("service", process.service().into());
            put("instance", process.instance().into());
            if let Some(standing) = standing {
                put("id", standing.id.into());
                put("ask", standing.ask.to_string().into());
                put("seconds_left", standing.left.as_secs().into());
            }
            output.write(&full::line(line))
        };
        // A process that nothing is asked of can be asked: its line says who it is.
        return if standing.is_empty() {
            write(None, output)
        } else {
            standing.iter().try_for_each(|it| write(Some(it), output))
        };
    }
    let what = if standing.is_empty() { "nothing is asked" } else { "" };
    output.write(&format!("{}:{}{what}\n", name(process), if what.is_empty() { "" } else { " " }))?;
    for standing in standing {
        let (left, ask) = (length(standing.left), standing.ask.to_string());
        output.write(&format!("  {:>3}  {left:>7} left  {}\n", standing.id, escape(&ask)))?;
    }
    Ok(())
}

/// What people call it.
fn name(process: &Process) -> String {
    format!("{} (pid {})", escape(process.service()), process.pid())
}

fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

fn ask_of(args: &AskArgs) -> Result<Ask, Failure> {
    let mut ask = match (&args.route, &args.user, &args.attribute, &args.query) {
        (Some(route), ..) => Ask::route(route),
        (_, Some(user), ..) => Ask::user(user),
        (_, _, Some((name, value)), _) => Ask::attribute(name, value),
        (_, _, _, Some(query)) => Ask::query(Query::parse(query)?),
        _ => return Err(Failure::new(Failure::USAGE, "an ask needs --route, --user, --attribute or --query")),
    };
    if let Some(level) = args.level {
        ask = ask.level(level);
    }
    if args.bodies {
        ask = ask.bodies();
    }
    if let Some(share) = args.sample {
        ask = ask.sample(share);
    }
    Ok(ask.lasting(args.lasting))
}

/// The processes that are meant; at least one.
pub(crate) fn found(directory: &Path, which: &Which) -> Result<Vec<Process>, Failure> {
    let mut processes = Process::find(directory)?;
    let all = processes.len();
    processes.retain(|process| {
        which.pid.is_none_or(|pid| process.pid() == pid)
            && which.instance.as_ref().is_none_or(|start| process.instance().starts_with(start.as_str()))
    });
    if processes.is_empty() {
        let shown = directory.display().to_string();
        let message = match all {
            0 => format!(
                "no running process can be asked at '{}'\n\
                 It listens there if it has this store and is a debug build, or has CAMPANILE_CONTROL=on.",
                escape(&shown)
            ),
            _ => format!("none of the {all} running processes is the one that is meant: see `campanile control list`"),
        };
        return Err(Failure::new(Failure::NOTHING, message));
    }
    Ok(processes)
}

/// Where several run, it has to be said which one is meant: what is asked costs.
fn one_or_all(directory: &Path, which: &Which) -> Result<Vec<Process>, Failure> {
    let processes = found(directory, which)?;
    if processes.len() > 1 && !which.all {
        let names: Vec<_> =
            processes.iter().map(|process| format!("  {} instance {}", name(process), escape(process.instance()))).collect();
        let message = format!("several processes run; say which with --pid or --instance, or --all:\n{}", names.join("\n"));
        return Err(Failure::new(Failure::USAGE, message));
    }
    Ok(processes)
}
