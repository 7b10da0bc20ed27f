//! `marey workflows`: what there is, what may be asked for, and how it runs, as a drawing.

use std::path::Path;

use marey_contract::{WorkflowDetail, WorkflowStage, WorkflowSummary};
use marey_engine::Workflow;
use serde::Serialize;

use super::{Verdict, connect, is_endpoint_given, show_json_or};
use crate::arguments::{Global, Workflows};
use crate::error::Error;
use crate::parameters::{graph, runs_on, shipped};
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::words::{duration, number, tame};

const LIST: [Column<'static>; 4] = [
    Column::left("WORKFLOW"),
    Column::left("STAGES").shrinks_to(12),
    Column::left("PARAMETERS").shrinks_to(10).drops_at(1),
    Column::left("WHAT IT DOES").shrinks_to(20).drops_at(2),
];
const PARAMETERS: [Column<'static>; 4] = [
    Column::left("PARAMETER"),
    Column::right("DEFAULT"),
    Column::left("MAY BE").shrinks_to(16),
    Column::left("WHAT IT IS").shrinks_to(16).drops_at(1),
];
const STAGES: [Column<'static>; 5] = [
    Column::left("STAGE"),
    Column::left("RUNS ON"),
    Column::right("ATTEMPTS"),
    Column::right("AT MOST"),
    Column::left("READS").shrinks_to(12).drops_at(1),
];
/// Drawings are this wide where there is no terminal.
const WIDTH: usize = 80;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Listed {
    /// `shipped` with this tool, or the endpoint's host.
    source: String,
    workflows: Vec<WorkflowSummary>,
}

/// What `NAME --json` prints.
#[derive(Debug, Serialize)]
struct Shown {
    source: String,
    #[serde(flatten)]
    workflow: WorkflowDetail,
}

/// Lists the workflows, or draws one: those of the deployment if an endpoint is given, else those that the tool came with.
pub(super) async fn workflows(global: &Global, screen: &Screen, options: &Workflows) -> Result<Verdict, Error> {
    let client = if options.shipped || !is_endpoint_given(global) {
        None
    } else {
        Some(connect(global).await?)
    };
    let source = client
        .as_ref()
        .map_or_else(|| "shipped".to_owned(), crate::client::Client::host);
    let Some(name) = &options.name else {
        let workflows = match &client {
            Some(client) => client.workflows().await?.workflows,
            None => Workflow::all_shipped().iter().map(summary).collect(),
        };
        let listed = Listed { source, workflows };
        let verdict = show_json_or(screen, &listed, || list(screen, &listed.workflows))?;
        say_source(screen, &listed.source);
        return Ok(verdict);
    };
    let workflow = match &client {
        Some(client) => client.workflow(name).await?,
        None => shipped_by_name(name)?,
    };
    if let Some(file) = &options.svg {
        return write_svg(screen, &workflow, file);
    }
    let shown = Shown { source, workflow };
    let verdict = show_json_or(screen, &shown, || drawn(screen, &shown.workflow))?;
    say_source(screen, &shown.source);
    Ok(verdict)
}

fn say_source(screen: &Screen, source: &str) {
    if screen.is_json() {
        return;
    }
    let told = match source {
        "shipped" => "as this version of the tool came with; with --endpoint, what a deployment has".to_owned(),
        host => format!("as {host} has it"),
    };
    Screen::note(&screen.paint_note(Paint::Faint, &told));
}

fn shipped_by_name(name: &str) -> Result<WorkflowDetail, Error> {
    let names = || {
        Workflow::all_shipped()
            .iter()
            .map(Workflow::name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let found = Workflow::shipped(name).ok_or_else(|| Error::NoWorkflow {
        name: name.to_owned(),
        source_of: "in this version of the tool".to_owned(),
        known: names(),
    })?;
    Ok(shipped(&found))
}

fn summary(workflow: &Workflow) -> WorkflowSummary {
    WorkflowSummary {
        name: workflow.name().to_owned(),
        title: workflow.title().to_owned(),
        description: workflow.description().to_owned(),
        stages: workflow.stages().iter().map(|stage| stage.name.to_string()).collect(),
        params: workflow.parameters().keys().cloned().collect(),
    }
}

/// More parameters than this are counted in the list; a workflow's own page names them.
const MOST_NAMED: usize = 6;

fn list(screen: &Screen, workflows: &[WorkflowSummary]) -> String {
    let joined = |names: &[String], between: &str| {
        if names.is_empty() {
            "-".to_owned()
        } else {
            tame(&names.join(between))
        }
    };
    let row = |workflow: &WorkflowSummary| {
        vec![
            Cell::painted(tame(&workflow.name), Paint::Strong),
            Cell::new(joined(&workflow.stages, " → ")),
            Cell::new(if workflow.params.len() > MOST_NAMED {
                format!(
                    "{}, listed by `marey workflows {}`",
                    workflow.params.len(),
                    tame(&workflow.name)
                )
            } else {
                joined(&workflow.params, ", ")
            }),
            Cell::new(tame(&workflow.description)),
        ]
    };
    let rows: Vec<_> = workflows.iter().map(row).collect();
    render(&LIST, &rows, screen.out_width(), &|paint, text| {
        screen.paint(paint, text)
    })
}

/// Title, drawing, stages and parameters of a workflow.
fn drawn(screen: &Screen, workflow: &WorkflowDetail) -> String {
    let paint = |paint: Paint, text: &str| screen.paint(paint, text);
    let width = screen.out_width();
    let mut blocks = vec![
        format!(
            "{}  {}",
            paint(Paint::Strong, &tame(&workflow.title)),
            paint(Paint::Faint, &tame(&workflow.name))
        ),
        tame(&workflow.description),
        String::new(),
        graph(workflow).text(width.unwrap_or(WIDTH)),
        String::new(),
        render(
            &STAGES,
            &workflow.stages.iter().map(stage_row).collect::<Vec<_>>(),
            width,
            &paint,
        ),
    ];
    if !workflow.params.is_empty() {
        let row = |(name, detail): (&String, &marey_contract::ParameterDetail)| {
            let default = detail
                .default
                .as_f64()
                .map_or_else(|| detail.default.to_string(), number);
            vec![
                Cell::painted(tame(name), Paint::Strong),
                Cell::new(tame(default.trim_matches('"'))),
                Cell::new(tame(&detail.expected)),
                Cell::new(tame(&detail.title)),
            ]
        };
        let rows: Vec<_> = workflow.params.iter().map(row).collect();
        blocks.push(String::new());
        blocks.push(render(&PARAMETERS, &rows, width, &paint));
    }
    let given_up = duration(i64::from(workflow.deadline_s) * 1000);
    blocks.push(format!(
        "\n{}",
        paint(Paint::Faint, &format!("a job is given up after {given_up}"))
    ));
    blocks.join("\n")
}

fn stage_row(stage: &WorkflowStage) -> Vec<Cell> {
    vec![
        Cell::painted(tame(&stage.name), Paint::Strong),
        Cell::new(runs_on(stage.runs_on)),
        Cell::new(stage.attempts.to_string()),
        Cell::new(duration(i64::from(stage.timeout_s) * 1000)),
        Cell::new(tame(&stage.inputs.join(", "))),
    ]
}

fn write_svg(screen: &Screen, workflow: &WorkflowDetail, file: &Path) -> Result<Verdict, Error> {
    let svg = graph(workflow).svg();
    if file == Path::new("-") {
        Screen::print(&svg)?;
        return Ok(Verdict::Well);
    }
    std::fs::write(file, svg).map_err(|error| Error::FileUnwritable {
        path: file.to_owned(),
        why: error.to_string(),
    })?;
    let path = file.display().to_string();
    show_json_or(screen, &serde_json::json!({ "path": path }), || path.clone())
}
