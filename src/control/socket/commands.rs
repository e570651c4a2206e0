//! What can be commanded: a row each, with its writer and its reader.

use std::time::Duration;

use tracing::Level;

use super::pairs::Pairs;
use crate::control::{Ask, Control, Standing};
use crate::keep::Scope;
use crate::query::Query;

/// Does what a command says; its answer is lines, or why it is not done.
type Run = fn(&Control, &Pairs) -> Result<Vec<Pairs>, String>;

/// The commands.
const COMMANDS: &[(&str, Run)] = &[("list", list), ("ask", ask), ("revoke", revoke), ("revoketoken", revoke_token)];

pub(super) fn run(name: &str, control: &Control, arguments: &Pairs) -> Result<Vec<Pairs>, String> {
    let command = COMMANDS.iter().find(|(known, _)| *known == name);
    command.map_or_else(
        || Err("this process does not know the command: is it of another version?".to_owned()),
        |(_, run)| run(control, arguments),
    )
}

fn list(control: &Control, _: &Pairs) -> Result<Vec<Pairs>, String> {
    Ok(control.list().iter().map(standing_to).collect())
}

fn ask(control: &Control, arguments: &Pairs) -> Result<Vec<Pairs>, String> {
    let ask = ask_from(arguments).ok_or("the ask cannot be read: is it of another version?")?;
    let id = control.ask(ask).map_err(|error| error.to_string())?;
    let mut answer = Pairs::default();
    answer.add("id", id);
    Ok(vec![answer])
}

fn revoke(control: &Control, arguments: &Pairs) -> Result<Vec<Pairs>, String> {
    let id = arguments.find("id").and_then(|id| id.parse().ok()).ok_or("an ask has a number")?;
    if control.revoke(id) { Ok(Vec::new()) } else { Err(format!("no ask has the number {id}")) }
}

fn revoke_token(control: &Control, arguments: &Pairs) -> Result<Vec<Pairs>, String> {
    control.revoke_token(arguments.find("id").unwrap_or_default()).map_err(|error| error.to_string())?;
    Ok(Vec::new())
}

pub(super) fn ask_to(ask: &Ask) -> Pairs {
    let mut pairs = Pairs::default();
    match &ask.scope {
        Scope::Route(route) => pairs.add("route", route),
        Scope::Attribute { name, value } => {
            pairs.add("attribute", name);
            pairs.add("value", value);
        }
        Scope::Query(query) => pairs.add("query", query),
    }
    if let Some(level) = ask.level {
        pairs.add("level", level);
    }
    if ask.has_bodies {
        pairs.add("bodies", "");
    }
    if let Some(share) = ask.share {
        pairs.add("share", share);
    }
    pairs.add("ms", ask.lasting.as_millis());
    pairs
}

fn ask_from(pairs: &Pairs) -> Option<Ask> {
    let find = |name: &str| pairs.find(name);
    let mut ask = match (find("route"), find("attribute"), find("value"), find("query")) {
        (Some(route), None, None, None) => Ask::route(route),
        (None, Some(name), Some(value), None) => Ask::attribute(name, value),
        (None, None, None, Some(query)) => Ask::query(Query::parse(query).ok()?),
        _ => return None,
    };
    if let Some(level) = find("level") {
        ask = ask.level(level.parse::<Level>().ok()?);
    }
    if find("bodies").is_some() {
        ask = ask.bodies();
    }
    if let Some(share) = find("share") {
        ask = ask.sample(share.parse().ok()?);
    }
    Some(ask.lasting(Duration::from_millis(find("ms")?.parse().ok()?)))
}

fn standing_to(standing: &Standing) -> Pairs {
    let mut pairs = ask_to(&standing.ask);
    pairs.add("id", standing.id);
    pairs.add("left", standing.left.as_millis());
    pairs
}

pub(super) fn standing_from(pairs: &Pairs) -> Option<Standing> {
    let left = Duration::from_millis(pairs.find("left")?.parse().ok()?);
    Some(Standing { id: pairs.find("id")?.parse().ok()?, ask: ask_from(pairs)?, left })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_is_read_as_it_was_written() {
        let asks = [
            Ask::route("/orders/{id}").level(Level::TRACE).bodies().sample(0.25),
            Ask::user("4 2=%").lasting(Duration::from_secs(60)),
            Ask::query(Query::parse("status:5xx route:/a \"b c\"").unwrap()),
        ];
        for ask in asks {
            let pairs = Pairs::parse(&ask_to(&ask).to_string()).unwrap();
            assert_eq!(format!("{:?}", ask_from(&pairs).unwrap()), format!("{ask:?}"));
        }
        for text in ["", "route=%2F", "route=%2F query=a ms=1", "ms=1", "route=%2F ms=1 level=loud", "query=%28 ms=1"] {
            assert!(ask_from(&Pairs::parse(text).unwrap()).is_none(), "{text}");
        }
    }
}
