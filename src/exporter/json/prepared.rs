//! What is the same on every line of a schema and a resource, put together once.

use std::borrow::Cow;

use super::line::{Limits, Line, Name, Style};
use super::schema::{Key, Needs, Schema, Table};
use crate::record::Resource;

/// A schema and a resource, ready to write lines with.
#[derive(Debug, Default)]
pub(in crate::exporter) struct Prepared {
    schema: Schema,
    resource: Resource,
    /// What the resource puts on a line, as names and values.
    shown: Vec<(String, String)>,
    /// The same as a line has it, where nothing has to be cut.
    text: Vec<u8>,
    /// Whether something of it never fits.
    is_cut: bool,
    reserved: Marks,
    /// The keys that most lines have, by what their records have.
    rows: Vec<(Needs, Vec<(Key, &'static str)>)>,
}

/// What most records have: requests, with an address or without, events, and spans.
const USUAL: [Needs; 4] = [
    Needs::NOTHING.and(Needs::DURATION, true).and(Needs::REQUEST, true),
    Needs::NOTHING.and(Needs::DURATION, true).and(Needs::REQUEST, true).and(Needs::ADDRESS, true),
    Needs::NOTHING,
    Needs::NOTHING.and(Needs::DURATION, true).and(Needs::SPAN, true),
];

impl Prepared {
    /// Makes it what it is to be, unless it is that already.
    pub(in crate::exporter) fn of(&mut self, schema: Schema, resource: &Resource) -> &Self {
        if self.text.is_empty() || self.schema != schema || self.resource != *resource {
            let table = schema.table();
            let mut reserved = Marks::default();
            table.reserved().for_each(|name| reserved.set(name));
            let shown: Vec<_> = resource_names(table, resource).map(|(name, value)| (name, value.to_owned())).collect();
            let mut text = Vec::new();
            // Without braces, as it stands inside of others.
            let mut line = Line::inside(&mut text, table.style, Limits::NONE);
            table.constants.iter().for_each(|(name, value)| line.text(Name::foreign(name), value));
            shown.iter().for_each(|(name, value)| line.text(Name::foreign(name), value));
            let is_cut = line.is_cut;
            let of = |has: Needs| (has, table.rows.iter().copied().filter(|(key, _)| has.has(key.needs())).collect());
            let rows = USUAL.into_iter().map(of).collect();
            *self = Self { schema, resource: resource.clone(), shown, text, is_cut, reserved, rows };
        }
        self
    }

    /// The rows of the table that have something to say of a record that has this, where it is a usual one.
    pub(super) fn rows(&self, has: Needs) -> Option<&[(Key, &'static str)]> {
        self.rows.iter().find(|(usual, _)| *usual == has).map(|(_, rows)| rows.as_slice())
    }

    pub(super) const fn table(&self) -> &'static Table {
        self.schema.table()
    }

    /// Writes what is the same on every line.
    pub(super) fn write_constants(&self, line: &mut Line<'_>) {
        if line.limits() != Limits::NONE {
            self.table().constants.iter().for_each(|(name, value)| line.text(Name::foreign(name), value));
            let shown = self.shown.iter().take(line.limits().items);
            shown.for_each(|(name, value)| line.text(Name::foreign(name), value));
        } else if !self.text.is_empty() {
            line.again(&self.text);
            line.is_cut |= self.is_cut;
        }
    }

    /// The name under which a field of the application stands: never one of the schema's own or of the resource's, and no two
    /// fields with different names share one.
    pub(super) fn field<'a>(&self, name: &'a str, room: &'a mut String) -> Name<'a> {
        let table = self.table();
        let name = match table.style {
            Style::Json => name,
            Style::Logfmt => match super::schema::as_key(name) {
                Cow::Borrowed(name) => name,
                Cow::Owned(name) => {
                    *room = name;
                    room
                }
            },
        };
        let mut times = usize::from(table.reserves(name, |name| self.reserved.may_have(name)));
        let is_taken = |(taken, _): &(String, String)| match times {
            0 => taken == name,
            _ => taken.strip_prefix(table.prefix) == Some(name),
        };
        if self.shown.iter().any(is_taken) {
            times += 1;
        }
        Name::Foreign { prefix: table.prefix, times, name }
    }
}

/// Resource attributes as a line names them. What describes the process rather than the service is left out: it is
/// long, and the same on every line.
fn resource_names<'a>(table: &'static Table, resource: &'a Resource) -> impl Iterator<Item = (String, &'a str)> {
    let all = resource
        .attributes()
        .filter(|(key, value)| !value.is_empty() && !key.starts_with("telemetry.") && !key.starts_with("process."));
    all.map(|(key, value)| {
        let known = table.resource.iter().find(|(otel, _)| *otel == key);
        (known.map_or_else(|| table.field(key).into_owned(), |(_, own)| (*own).to_owned()), value)
    })
}

/// One bit for each name, several names to a bit: whose bit is not set is certainly none of them.
#[derive(Debug, Default)]
struct Marks([u64; 16]);

impl Marks {
    fn place(name: &str) -> (usize, u64) {
        let hash = name.bytes().fold(name.len() as u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        ((hash >> 40) as usize % 16, 1 << (hash >> 32 & 63))
    }

    fn set(&mut self, name: &str) {
        let (word, bit) = Self::place(name);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    fn may_have(&self, name: &str) -> bool {
        let (word, bit) = Self::place(name);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }
}
