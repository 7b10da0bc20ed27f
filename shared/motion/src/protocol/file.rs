//! From a text to a [`Protocol`], or everything that is wrong with it.

use super::analysis_keys::task;
use super::decode::{Field, Problems, Table};
use super::document::{Node, Value, read};
use super::problem::ProtocolError;
use super::segmentation_keys::stage;
use super::{PROTOCOL_VERSION, Protocol, Task, Who};
use crate::Settings;

/// Reads an analysis file in YAML, TOML or JSON and checks it, without anything that it names.
///
/// # Errors
///
/// [`ProtocolError::Newer`] if it states a later version, else [`ProtocolError::Invalid`] with everything that is wrong, each with
/// its line and its keys. A text that is not of its language at all has one problem.
pub fn parse(text: &str) -> Result<Protocol, ProtocolError> {
    let document = read(text).map_err(|problem| ProtocolError::Invalid(vec![problem]))?;
    let problems = Problems::default();
    let protocol = protocol(&document, &problems)?;
    let problems = problems.into_sorted();
    match protocol {
        Some(protocol) if problems.is_empty() => Ok(protocol),
        _ => Err(ProtocolError::Invalid(problems)),
    }
}

/// `None` or a protocol with gaps filled by defaults wherever there were problems.
fn protocol(document: &Node, problems: &Problems) -> Result<Option<Protocol>, ProtocolError> {
    let root = Field {
        path: String::new(),
        node: document,
        problems,
    };
    let Some(root) = root.table() else { return Ok(None) };
    version(&root)?;
    let inputs = root.get("inputs").and_then(|inputs| inputs.table());
    let text = |table: &Option<Table<'_>>, key: &'static str| -> Option<String> {
        table.as_ref()?.get(key)?.text().map(str::to_owned)
    };
    let (primary, reference) = (text(&inputs, "primary"), text(&inputs, "reference"));
    let (person, cleaning) = preprocessing(&root).unwrap_or((Who::Foremost, Settings::default()));
    let segmentation = root.get("segmentation").and_then(|segmentation| stage(&segmentation));
    let analysis = root
        .must("analysis")
        .and_then(|analysis| task(&analysis, reference.as_deref()));
    let output = root.get("output").and_then(|output| output.table());
    let report = text(&output, "report");
    check_inputs(&root, inputs.as_ref(), reference.as_deref(), analysis.as_ref());
    if report.is_some() && (report == primary || report == reference) {
        problems.add("output.report", line_of(output.as_ref()), "would overwrite an input");
    }
    if let Some(inputs) = inputs {
        inputs.finish(&[]);
    }
    if let Some(output) = output {
        output.finish(&[]);
    }
    root.finish(&[]);
    Ok(analysis.map(|analysis| Protocol {
        primary,
        person,
        cleaning,
        segmentation,
        analysis,
        report,
    }))
}

fn line_of(table: Option<&Table<'_>>) -> usize {
    table.map_or(1, |table| table.line)
}

/// Refuses files of a later version before anything else in them is looked at.
fn version(root: &Table<'_>) -> Result<(), ProtocolError> {
    let Some(field) = root.get("config_version") else {
        return Ok(());
    };
    match field.whole(u32::MAX) {
        Some(0) => field.wrong("is 0, a version that does not exist"),
        Some(found) if found > PROTOCOL_VERSION => {
            return Err(ProtocolError::Newer {
                found,
                supported: PROTOCOL_VERSION,
            });
        }
        _ => {}
    }
    Ok(())
}

/// A reference is there if and only if something is compared with it.
fn check_inputs(root: &Table<'_>, inputs: Option<&Table<'_>>, reference: Option<&str>, task: Option<&Task>) {
    let wrong = |why: &str| match inputs {
        Some(inputs) => inputs.wrong("reference", why),
        None => root.wrong("inputs.reference", why),
    };
    match (task, reference) {
        (Some(Task::Dtw { .. }), None) => wrong("is missing, and `analysis.kind` is `dtw`, which compares with it"),
        (Some(Task::Stats { .. }), Some(_)) => {
            wrong("is not used by `analysis.kind` `stats`: remove it, or write `kind: dtw`");
        }
        (Some(Task::None), Some(_)) => wrong("is not used by `analysis.kind` `none`: remove it, or write `kind: dtw`"),
        _ => {}
    }
}

fn preprocessing(root: &Table<'_>) -> Option<(Who, Settings)> {
    let table = root.get("preprocessing")?.table()?;
    let person = table
        .get("person")
        .and_then(|person| who(&person))
        .unwrap_or(Who::Foremost);
    let cleaning = table
        .get("cleaning")
        .and_then(|cleaning| settings(&cleaning))
        .unwrap_or_default();
    table.finish(&[("person_index", "person: NUMBER, the person's number in the recording")]);
    Some((person, cleaning))
}

fn who(field: &Field<'_>) -> Option<Who> {
    match field.node.value {
        Value::Number(_) => field.whole(u32::MAX).map(Who::Number),
        _ => field.choice(&[("foremost", Who::Foremost)]),
    }
}

/// The settings as the rest of Marey stores them. Each key is read by itself first, so that what is wrong has its line.
fn settings(field: &Field<'_>) -> Option<Settings> {
    let table = field.table()?;
    let mut sound = true;
    for (entry, value) in table.all() {
        let alone = serde_json::json!({ entry.key.as_str(): entry.node.value.to_json() });
        let read = serde_json::from_value::<Settings>(alone).map_err(|error| error.to_string());
        let read = read.and_then(|settings| settings.validate().map_err(|error| error.to_string()));
        if let Err(why) = read {
            sound = false;
            value.wrong(format!("cannot be used: {why}"));
        }
    }
    if !sound {
        return None;
    }
    let all = serde_json::from_value::<Settings>(field.node.value.to_json()).map_err(|error| error.to_string());
    let all = all.and_then(|settings| {
        settings
            .validate()
            .map(|()| settings)
            .map_err(|error| error.to_string())
    });
    all.map_err(|why| field.wrong(format!("cannot be used: {why}"))).ok()
}
