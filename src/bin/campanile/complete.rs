//! `campanile complete`: what a shell offers to go on with. The scripts of `campanile completions` call it.

use std::path::Path;

use campanile::exporter::escape;
use campanile::query::Query;
use campanile::store::{Find, Groups, Reader};
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::args::{Args, Complete, CompleteShell};
use crate::failure::Failure;
use crate::output::Output;
use crate::place;
use crate::render::cut;
use crate::shell_line::ShellLine;

/// Ids that are offered.
const IDS: usize = 20;
/// Cells of a description.
const HELP: usize = 60;

/// Something to go on with: the whole word, and what it means.
struct Offer {
    word: String,
    help: String,
    /// Whether a word follows.
    is_whole: bool,
}

/// Prints what may stand in the place of the last word. Never fails: without a store there are words only.
pub(crate) fn run(args: &Complete, output: &mut Output) -> Result<(), Failure> {
    let line = ShellLine::read(&args.line, args.breaks.as_deref().unwrap_or_default());
    let mut offers = Place::find(&line).offers(&line.current);
    // A key alone goes on with its values: else the shell would take the word for finished, and close its quote.
    if let [only] = offers.as_slice()
        && only.word.ends_with([':', '>', '=', '~'])
        && only.word != line.current
    {
        let more = Place::find(&line).offers(&only.word);
        if !more.is_empty() {
            offers = more;
        }
    }
    for offer in offers {
        // A line each; what is no line cannot be offered.
        if offer.word.contains(['\n', '\t']) || escape(&offer.word).to_string() != offer.word {
            continue;
        }
        let help = cut(&escape(&offer.help).to_string(), HELP);
        let end = if offer.is_whole && !line.is_quoted() { " " } else { "" };
        output.write(&match args.shell {
            CompleteShell::Bash => format!("{}{end}\n", line.written(&offer.word)),
            CompleteShell::Zsh => format!("{}{end}\t{}  {help}\n", line.written(&offer.word), offer.word),
            CompleteShell::Fish => format!("{}\t{help}\n", offer.word),
        })?;
    }
    Ok(())
}

/// What is being typed.
struct Place {
    command: Command,
    store: Option<String>,
    /// The option whose value comes.
    option: Option<Arg>,
    /// Arguments without a name so far.
    positional: Vec<String>,
    /// Whether `--` was there: all else is data.
    is_data: bool,
}

impl Place {
    fn find(line: &ShellLine) -> Self {
        let mut command = Args::command();
        command.build();
        let mut place = Self { command, store: None, option: None, positional: Vec::new(), is_data: false };
        line.words.iter().skip(1).for_each(|word| place.take(word));
        place
    }

    fn take(&mut self, word: &str) {
        if let Some(option) = self.option.take() {
            if option.get_long() == Some("store") {
                self.store = Some(word.to_owned());
            }
        } else if word == "--" && !self.is_data {
            self.is_data = true;
        } else if word.len() > 1 && word.starts_with('-') && !self.is_data {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let is_it = |arg: &&Arg| match name.strip_prefix("--") {
                Some(long) => arg.get_long() == Some(long),
                None => name.chars().nth(1).is_some_and(|short| arg.get_short() == Some(short)),
            };
            let found = self.command.get_arguments().find(is_it).filter(|arg| takes_value(arg)).cloned();
            match (found, value) {
                (Some(arg), None) => self.option = Some(arg),
                (Some(arg), Some(value)) if arg.get_long() == Some("store") => self.store = Some(value.to_owned()),
                _ => {}
            }
        } else if let Some(command) = self.command.find_subcommand(word).filter(|_| self.positional.is_empty()) {
            self.command = command.clone();
        } else {
            self.positional.push(word.to_owned());
        }
    }

    fn offers(&self, current: &str) -> Vec<Offer> {
        if let Some(option) = &self.option {
            return values(option, current);
        }
        let positional = self.command.get_positionals().nth(self.positional.len()).or(self.command.get_positionals().last());
        if current.starts_with('-') && !self.is_data {
            return self.options(current);
        }
        let mut offers: Vec<_> = self.subcommands(current);
        if let Some(arg) = positional {
            let name = arg.get_value_names().and_then(|names| names.first()).map(|name| name.as_str());
            offers.extend(match name {
                Some("QUERY") => self.query(current),
                Some("ID") => self.ids(current),
                Some("GROUP") => self.groups(current),
                _ => values(arg, current),
            });
        }
        offers
    }

    fn subcommands(&self, current: &str) -> Vec<Offer> {
        let shown = self.command.get_subcommands().filter(|command| !command.is_hide_set() && self.positional.is_empty());
        let begins = shown.filter(|command| command.get_name().starts_with(current));
        let about = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
        begins.map(|it| Offer { word: it.get_name().to_owned(), help: about(it), is_whole: true }).collect()
    }

    fn options(&self, current: &str) -> Vec<Offer> {
        let shown = self.command.get_arguments().filter(|arg| !arg.is_hide_set());
        let longs = shown.filter_map(|arg| Some((format!("--{}", arg.get_long()?), arg)));
        let begins = longs.filter(|(long, _)| long.starts_with(current));
        let help = |arg: &Arg| arg.get_help().map(ToString::to_string).unwrap_or_default();
        begins.map(|(word, arg)| Offer { word, help: help(arg), is_whole: true }).collect()
    }

    fn reader(&self) -> Option<Reader> {
        Reader::open(place::find(self.store.as_deref().map(Path::new)).ok()?).ok()
    }

    /// A query may come in several words.
    fn query(&self, current: &str) -> Vec<Offer> {
        let before: String = self.positional.iter().map(|word| format!("{word} ")).collect();
        let (text, start) = (format!("{before}{current}"), before.len());
        let completion = match self.reader() {
            Some(mut reader) => reader.complete(&text, text.len(), Reader::COMPLETE_WITHIN),
            None => campanile::query::complete(&text, text.len(), |_| Vec::new()),
        };
        let Some(kept) = completion.from.checked_sub(start).and_then(|end| current.get(..end)) else { return Vec::new() };
        let offer = |item: &campanile::query::Candidate| {
            let count = item.count.map(|count| format!("{count} request{}", if count == 1 { "" } else { "s" }));
            let help = count.or_else(|| item.help.map(str::to_owned)).unwrap_or_default();
            Offer { word: format!("{kept}{}", item.text), help, is_whole: false }
        };
        completion.items.iter().map(offer).collect()
    }

    /// The newest requests.
    fn ids(&self, current: &str) -> Vec<Offer> {
        let Some(mut reader) = self.reader().filter(|_| self.positional.is_empty()) else { return Vec::new() };
        let mut options = Find::with_limit(IDS);
        options.within = Reader::COMPLETE_WITHIN;
        let query = if current.is_empty() { Ok(Query::default()) } else { Query::parse(&format!("id:{current}")) };
        let found = query.map(|query| reader.find(&query, &options).unwrap_or_default()).unwrap_or_default();
        let offer = |stored: &campanile::store::Stored| {
            let record = stored.record();
            let status = record.status().map(|status| status.to_string()).unwrap_or_default();
            let help = format!("{} {} {status}", record.method(), record.route().unwrap_or_else(|| record.path()));
            Offer { word: record.span_id().to_short().to_string(), help, is_whole: true }
        };
        found.iter().map(offer).filter(|offer| offer.word.starts_with(current)).collect()
    }

    fn groups(&self, current: &str) -> Vec<Offer> {
        let groups = place::find(self.store.as_deref().map(Path::new)).ok().and_then(|place| Groups::open(&place).ok());
        let all = groups.and_then(|groups| groups.list().ok()).unwrap_or_default();
        let offer = |group: &campanile::store::Group| {
            let id: String = group.id().to_string().chars().take(8).collect();
            Offer { word: id, help: group.title().to_owned(), is_whole: true }
        };
        all.iter().map(offer).filter(|offer| offer.word.starts_with(current)).take(IDS).collect()
    }
}

/// The values that an argument may have, where they are few; the shell knows files itself.
fn values(arg: &Arg, current: &str) -> Vec<Offer> {
    let all = arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set());
    let help = |value: &clap::builder::PossibleValue| value.get_help().map(ToString::to_string).unwrap_or_default();
    let offers = all.map(|value| Offer { word: value.get_name().to_owned(), help: help(&value), is_whole: true });
    offers.filter(|offer| offer.word.starts_with(current)).collect()
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}
