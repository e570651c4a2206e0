//! Paths of the settings into JSON: `$.user.email`, `$.items[*].note`.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(Box<str>),
    Index(u32),
    /// Any name or element.
    Any,
}

/// Paths, at most 64: which of them lead to a place is one number.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths(Vec<Vec<Step>>);

/// Most paths.
pub(super) const MAX_PATHS: usize = 64;
/// Longest path, in steps.
const MAX_STEPS: usize = 32;

const REASON: &str = "path of the settings";

impl Paths {
    /// Adds a path; false where it is none.
    pub(super) fn add(&mut self, text: &str) -> bool {
        let Some(steps) = parse(text) else { return false };
        let is_path = !steps.is_empty() && steps.len() <= MAX_STEPS && self.0.len() < MAX_PATHS;
        if is_path {
            self.0.push(steps);
        }
        is_path
    }

    /// All of them, as they are at the top.
    pub(super) fn all(&self) -> u64 {
        match self.0.len() {
            0 => 0,
            len => u64::MAX >> (MAX_PATHS - len.min(MAX_PATHS)),
        }
    }

    /// Which of `paths` lead on by this name, `depth` brackets deep; and why its value is a secret, where one ends there.
    pub(super) fn step(&self, paths: u64, depth: usize, name: &str) -> (u64, Option<&'static str>) {
        self.filter(paths, depth, |step| match step {
            Step::Name(wanted) => wanted.eq_ignore_ascii_case(name),
            Step::Index(_) => false,
            Step::Any => true,
        })
    }

    /// The same for an element of an array.
    pub(super) fn step_into(&self, paths: u64, depth: usize, index: u32) -> (u64, Option<&'static str>) {
        self.filter(paths, depth, |step| match step {
            Step::Name(_) => false,
            Step::Index(wanted) => *wanted == index,
            Step::Any => true,
        })
    }

    /// Why the value of a key of a form is a secret.
    pub(super) fn of_pair(&self, key: &str) -> Option<&'static str> {
        if self.0.is_empty() { None } else { self.step(self.all(), 1, key).1 }
    }

    fn filter(&self, paths: u64, depth: usize, matches: impl Fn(&Step) -> bool) -> (u64, Option<&'static str>) {
        if paths == 0 {
            return (0, None);
        }
        let (mut left, mut ends) = (0, None);
        for (index, steps) in self.0.iter().enumerate().filter(|(index, _)| paths >> index & 1 == 1) {
            if steps.get(depth - 1).is_some_and(&matches) {
                left |= 1 << index;
                ends = ends.or((steps.len() == depth).then_some(REASON));
            }
        }
        (left, ends)
    }
}

/// `$`, then `.name`, `.*`, `[3]`, `[*]` or `["name"]`.
fn parse(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (word, tail) = if let Some(tail) = rest.strip_prefix('[') {
            tail.split_once(']')?
        } else {
            let tail = rest.strip_prefix('.')?;
            tail.split_at(tail.find(['.', '[']).unwrap_or(tail.len()))
        };
        let quoted = ['"', '\''].into_iter().find_map(|quote| word.strip_prefix(quote)?.strip_suffix(quote));
        steps.push(match (quoted, word) {
            (Some(name), _) => Step::Name(name.into()),
            (None, "*") => Step::Any,
            (None, "") => return None,
            (None, index) if rest.starts_with('[') => Step::Index(index.parse().ok()?),
            (None, name) => Step::Name(name.into()),
        });
        rest = tail;
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_and_elements() {
        let name = |name: &str| Step::Name(name.into());
        assert_eq!(parse("$.user.email"), Some(vec![name("user"), name("email")]));
        assert_eq!(parse("$.items[*].note"), Some(vec![name("items"), Step::Any, name("note")]));
        assert_eq!(parse("$[3]['a.b'].*"), Some(vec![Step::Index(3), name("a.b"), Step::Any]));
        for text in ["", "user.email", "$user", "$.", "$..a", "$[x]", "$[1", "$.a[]"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(!Paths::default().add("$"), "all of it is no path");
    }
}
