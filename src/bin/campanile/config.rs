//! `campanile config show`: the settings that count here.

use campanile::Env;
use campanile::exporter::escape;
use serde_json::json;

use crate::args::ConfigCommand;
use crate::failure::Failure;
use crate::full;
use crate::output::Output;
use crate::render::cut;
use crate::table::table;

/// Cells of a value, at most.
const VALUE: usize = 80;

/// Prints the settings of this environment.
pub(crate) fn run(command: &ConfigCommand, output: &mut Output) -> Result<(), Failure> {
    let ConfigCommand::Show { common } = command;
    let env = Env::of_process();
    let settings = env.settings();
    if common.json {
        for setting in settings {
            let from = if setting.value.is_some() { "environment" } else { "default" };
            output.write(&full::line(json!({
                "name": setting.name, "value": setting.value, "default": setting.default, "from": from,
                "withheld": setting.is_withheld, "help": setting.help,
            })))?;
        }
    } else {
        let rows = settings.iter().map(|setting| {
            let (value, from) = match &setting.value {
                Some(value) => (cut(&escape(value).to_string(), VALUE), "environment"),
                None => (setting.default.to_owned(), "default"),
            };
            [escape(&setting.name).to_string(), value, from.to_owned()]
        });
        output.write(&table(["SETTING", "VALUE", "FROM"], rows))?;
    }
    for problem in env.problems() {
        output.complain(&problem);
    }
    Ok(())
}
