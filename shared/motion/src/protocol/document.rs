//! A YAML, TOML or JSON text as a tree in which every value knows its line.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, SpannedEventReceiver};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problem;

/// No analysis needs a longer text; a longer one is refused unread.
pub const LONGEST_TEXT: usize = 256 * 1024;

/// No analysis nests deeper.
const DEEPEST: usize = 32;

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// YAML 1.2 and with it JSON, without anchors, aliases and tags.
    Yaml,
    /// TOML 1.
    Toml,
}

impl Syntax {
    /// The language of a text, told from its first line that is neither empty nor a comment: TOML if it begins with a bracket
    /// or has an equals sign before any colon.
    pub fn of(text: &str) -> Self {
        let mut lines = text.lines().map(str::trim);
        let first = lines
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .unwrap_or_default();
        let key = first.split(':').next().unwrap_or_default();
        if first.starts_with('[') || key.contains('=') {
            Self::Toml
        } else {
            Self::Yaml
        }
    }
}

/// A value and the line on which it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) line: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

impl Value {
    /// What it is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The same for serde.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Flag(flag) => (*flag).into(),
            // Whole numbers as such: a count does not take 2.0.
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => (*number as i64).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(nodes) => nodes.iter().map(|node| node.value.to_json()).collect(),
            Self::Table(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.node.value.to_json()));
                serde_json::Value::Object(entries.collect())
            }
        }
    }
}

/// Reads a text; the first thing that is wrong with its language is the only one told.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    if text.len() > LONGEST_TEXT {
        return Err(Problem::of_text(
            1,
            format!("it has {} bytes, of which {LONGEST_TEXT} are allowed", text.len()),
        ));
    }
    match Syntax::of(text) {
        Syntax::Yaml => read_yaml(text),
        Syntax::Toml => read_toml(text),
    }
}

fn read_toml(text: &str) -> Result<Node, Problem> {
    let line = |at: usize| {
        // A place in the middle of a letter is still on its line.
        let before = text.as_bytes()[..at.min(text.len())].split(|byte| *byte == b'\n');
        before.count()
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        Problem::of_text(line(at), error.message().replace('\n', ", "))
    })?;
    Ok(Node {
        value: toml_table(table.get_ref(), &line, 0)?,
        line: 1,
    })
}

fn toml_table(table: &DeTable<'_>, line: &dyn Fn(usize) -> usize, depth: usize) -> Result<Value, Problem> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        Ok(Entry {
            key: key.get_ref().to_string(),
            line: line(key.span().start),
            node: toml_node(value, line, depth + 1)?,
        })
    };
    Ok(Value::Table(table.iter().map(entry).collect::<Result<_, Problem>>()?))
}

fn toml_node(node: &Spanned<DeValue<'_>>, line: &dyn Fn(usize) -> usize, depth: usize) -> Result<Node, Problem> {
    let at = line(node.span().start);
    if depth > DEEPEST {
        return Err(too_deep(at));
    }
    let number = |text: &str| text.parse::<f64>().ok();
    let value = match node.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => {
            let value = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
            Value::Number(value.ok_or_else(|| Problem::of_text(at, "the number is too large".to_owned()))? as f64)
        }
        DeValue::Float(float) => {
            let value = number(float.as_str()).filter(|value| value.is_finite());
            Value::Number(value.ok_or_else(|| not_finite(at))?)
        }
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(moment) => Value::Text(moment.to_string()),
        DeValue::Array(nodes) => {
            let nodes = nodes.iter().map(|node| toml_node(node, line, depth + 1));
            Value::List(nodes.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => toml_table(table, line, depth)?,
    };
    Ok(Node { value, line: at })
}

fn too_deep(line: usize) -> Problem {
    Problem::of_text(line, format!("it is nested more than {DEEPEST} deep"))
}

fn not_finite(line: usize) -> Problem {
    Problem::of_text(line, "the number is not finite".to_owned())
}

fn read_yaml(text: &str) -> Result<Node, Problem> {
    let mut tree = Tree::default();
    let loaded = Parser::new_from_str(text).load(&mut tree, true);
    // What the tree refused comes before what the parser may have met after it.
    if let Some(problem) = tree.problem {
        return Err(problem);
    }
    loaded.map_err(|error| Problem::of_text(error.marker().line().max(1), error.info().to_owned()))?;
    Ok(tree.root.unwrap_or(Node {
        value: Value::Null,
        line: 1,
    }))
}

/// The tree as it grows from the parser's events.
#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    problem: Option<Problem>,
}

/// A list or table that is not closed yet.
struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<(String, usize)>,
}

impl SpannedEventReceiver<'_> for Tree {
    fn on_event(&mut self, event: Event<'_>, span: Span) {
        if self.problem.is_none()
            && let Err(problem) = self.take(event, span.start.line().max(1))
        {
            self.problem = Some(problem);
        }
    }
}

impl Tree {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), Problem> {
        let refused = |what: &str| Err(Problem::of_text(line, format!("{what} are not read here")));
        match event {
            Event::Alias(_) => refused("aliases"),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                refused("anchors")
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                refused("tags")
            }
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    refused("further documents in one file")
                } else {
                    Ok(())
                }
            }
            Event::Scalar(text, style, ..) => {
                let is_key = self
                    .open
                    .last()
                    .is_some_and(|open| matches!(open.node.value, Value::Table(_)) && open.key.is_none());
                let value = if is_key || style != ScalarStyle::Plain {
                    Value::Text(text.into_owned())
                } else {
                    scalar(&text, line)?
                };
                self.place(Node { value, line })
            }
            Event::SequenceStart(..) => self.begin(Value::List(Vec::new()), line),
            Event::MappingStart(..) => self.begin(Value::Table(Vec::new()), line),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(closed) => self.place(closed.node),
                None => Ok(()),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, value: Value, line: usize) -> Result<(), Problem> {
        if self.open.len() >= DEEPEST {
            return Err(too_deep(line));
        }
        self.open.push(Open {
            node: Node { value, line },
            key: None,
        });
        Ok(())
    }

    fn place(&mut self, node: Node) -> Result<(), Problem> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(nodes) => nodes.push(node),
            Value::Table(entries) => {
                if let Some((key, line)) = open.key.take() {
                    entries.push(Entry { key, line, node });
                } else {
                    let Value::Text(key) = node.value else {
                        return Err(Problem::of_text(node.line, "a key is no text".to_owned()));
                    };
                    if entries.iter().any(|entry| entry.key == key) {
                        return Err(Problem::of_text(node.line, format!("`{key}` is there twice")));
                    }
                    open.key = Some((key, node.line));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A plain scalar by the core schema of YAML 1.2 (§10.3.2): only `true` and `false` are flags, not `yes` or `on`.
fn scalar(text: &str, line: usize) -> Result<Value, Problem> {
    let whole = |digits: &str, radix: u32| {
        i64::from_str_radix(digits, radix)
            .ok()
            .map(|number| Value::Number(number as f64))
    };
    let number = match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Flag(true)),
        "false" | "False" | "FALSE" => Some(Value::Flag(false)),
        ".inf" | ".Inf" | ".INF" | "-.inf" | "+.inf" | ".nan" | ".NaN" | ".NAN" => return Err(not_finite(line)),
        _ => match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
            (Some(digits), _) => whole(digits, 16),
            (_, Some(digits)) => whole(digits, 8),
            _ => is_number(text)
                .then(|| text.parse::<f64>().ok())
                .flatten()
                .map(Value::Number),
        },
    };
    match number {
        Some(Value::Number(number)) if !number.is_finite() => Err(not_finite(line)),
        Some(value) => Ok(value),
        None => Ok(Value::Text(text.to_owned())),
    }
}

/// Digits with a sign, a point and an exponent; Rust would also take `inf` and `nan`.
fn is_number(text: &str) -> bool {
    let begins = text
        .trim_start_matches(['-', '+'])
        .trim_start_matches('.')
        .starts_with(|first: char| first.is_ascii_digit());
    begins
        && text
            .chars()
            .all(|character| character.is_ascii_digit() || "+-.eE".contains(character))
}
