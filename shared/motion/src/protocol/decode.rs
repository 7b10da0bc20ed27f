//! Taking values out of a document, with every problem noted and none the end.

use std::cell::{Cell, RefCell};

use super::document::{Entry, Node, Value};
use super::problem::Problem;

/// Where problems are gathered.
#[derive(Default)]
pub(super) struct Problems(RefCell<Vec<Problem>>);

impl Problems {
    pub(super) fn add(&self, path: &str, line: usize, why: impl Into<String>) {
        self.0.borrow_mut().push(Problem {
            path: path.to_owned(),
            line,
            why: why.into(),
        });
    }

    /// All of them, in the order of the text.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.0.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}

/// A value with the way to it.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) path: String,
    pub(super) node: &'a Node,
    pub(super) problems: &'a Problems,
}

/// A table whose keys are taken one after the other; [`Table::finish`] finds those that nobody took.
pub(super) struct Table<'a> {
    pub(super) path: String,
    pub(super) line: usize,
    entries: &'a [Entry],
    taken: Vec<Cell<bool>>,
    /// Every key that was asked for, to suggest one.
    known: RefCell<Vec<&'static str>>,
    problems: &'a Problems,
}

impl<'a> Field<'a> {
    pub(super) fn wrong(&self, why: impl Into<String>) {
        self.problems.add(&self.path, self.node.line, why);
    }

    fn not(&self, wanted: &str) {
        self.wrong(format!("is {}, not {wanted}", self.node.value.kind()));
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) if !text.trim().is_empty() => Some(text),
            Value::Text(_) => {
                self.wrong("is empty");
                None
            }
            _ => {
                self.not("a text");
                None
            }
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        if let Value::Flag(flag) = self.node.value {
            Some(flag)
        } else {
            self.not("true or false");
            None
        }
    }

    pub(super) fn number(&self) -> Option<f64> {
        if let Value::Number(number) = self.node.value {
            Some(number)
        } else {
            self.not("a number");
            None
        }
    }

    /// A number that is not below 0.
    pub(super) fn amount(&self) -> Option<f64> {
        let number = self.number()?;
        if number < 0.0 {
            self.wrong(format!("is {number}, not 0 or more"));
            return None;
        }
        Some(number)
    }

    /// A number above 0.
    pub(super) fn positive(&self) -> Option<f64> {
        let number = self.number()?;
        if number <= 0.0 {
            self.wrong(format!("is {number}, not above 0"));
            return None;
        }
        Some(number)
    }

    /// A whole number up to `most`.
    pub(super) fn whole(&self, most: u32) -> Option<u32> {
        let number = self.amount()?;
        if number.fract() != 0.0 || number > f64::from(most) {
            self.wrong(format!("is {number}, not a whole number up to {most}"));
            return None;
        }
        Some(number as u32)
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.wrong(format!("is `{text}`; {}", one_of(text, &names)));
        }
        found.map(|(_, value)| *value)
    }

    pub(super) fn list(&self) -> Option<Vec<Field<'a>>> {
        let Value::List(nodes) = &self.node.value else {
            self.not("a list");
            return None;
        };
        let field = |(index, node): (usize, &'a Node)| Field {
            path: format!("{}[{index}]", self.path),
            node,
            problems: self.problems,
        };
        Some(nodes.iter().enumerate().map(field).collect())
    }

    pub(super) fn table(&self) -> Option<Table<'a>> {
        let Value::Table(entries) = &self.node.value else {
            self.not("a table");
            return None;
        };
        Some(Table {
            path: self.path.clone(),
            line: self.node.line,
            entries,
            taken: vec![Cell::new(false); entries.len()],
            known: RefCell::default(),
            problems: self.problems,
        })
    }
}

impl<'a> Table<'a> {
    /// The value of a key, if it is there; what is `null` is not.
    pub(super) fn get(&self, key: &'static str) -> Option<Field<'a>> {
        self.known.borrow_mut().push(key);
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        self.taken[index].set(true);
        let node = &self.entries[index].node;
        (node.value != Value::Null).then(|| self.field(&self.entries[index]))
    }

    /// The value of a key that must be there.
    pub(super) fn must(&self, key: &'static str) -> Option<Field<'a>> {
        let field = self.get(key);
        if field.is_none() {
            self.problems.add(&join(&self.path, key), self.line, "is missing");
        }
        field
    }

    /// Every entry, all of them taken.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'a Entry, Field<'a>)> {
        self.taken.iter().for_each(|taken| taken.set(true));
        self.entries.iter().map(|entry| (entry, self.field(entry)))
    }

    pub(super) fn wrong(&self, key: &str, why: impl Into<String>) {
        let line = self
            .entries
            .iter()
            .find(|entry| entry.key == key)
            .map_or(self.line, |entry| entry.line);
        self.problems.add(&join(&self.path, key), line, why);
    }

    /// Notes every key that nobody asked for. `renamed` are keys of `NeuroPose` and what they are called here.
    pub(super) fn finish(self, renamed: &[(&str, &str)]) {
        let known = self.known.borrow();
        for (entry, _) in self.entries.iter().zip(&self.taken).filter(|(_, taken)| !taken.get()) {
            let why = match renamed.iter().find(|(theirs, _)| *theirs == entry.key) {
                Some((_, ours)) => format!("is not known here: write {ours}"),
                None => format!("is not known here; {}", one_of(&entry.key, &known)),
            };
            self.problems.add(&join(&self.path, &entry.key), entry.line, why);
        }
    }

    fn field(&self, entry: &'a Entry) -> Field<'a> {
        Field {
            path: join(&self.path, &entry.key),
            node: &entry.node,
            problems: self.problems,
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// What there is, or the one that was most likely meant.
pub(super) fn one_of(given: &str, names: &[&str]) -> String {
    let nearest = names.iter().map(|name| (distance(given, name), *name)).min();
    match nearest {
        None => "there is none".to_owned(),
        Some((steps, name)) if steps <= 2 && steps < name.len() / 2 => format!("did you mean `{name}`?"),
        Some(_) if names.len() > 12 => "see docs/ANALYSES.md".to_owned(),
        Some(_) => format!("possible are {}", names.join(", ")),
    }
}

/// How many letters must be changed, added or removed (Levenshtein), for short words.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().take(64).collect(), other.chars().collect());
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut corner = row[0];
        row[0] = index + 1;
        for (place, against) in other.iter().enumerate() {
            let changed = corner + usize::from(letter != against);
            corner = row[place + 1];
            row[place + 1] = changed.min(row[place] + 1).min(corner + 1);
        }
    }
    row[other.len()]
}
