//! What it costs to go from one stage to the next.

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    jobs::{JobTimes, costs},
    statistics::Series,
    table::{Table, times},
};
use crate::{
    cloud::Kind,
    home,
    shell::{Program, step},
    stack::Stack,
};

/// Messages that are sent to a function that does nothing.
const EMPTY_HOPS: &str = "12";

/// Seconds between them: long enough for the cloud to come to rest, and as short as the shortest stage.
const PAUSES_S: (&str, &str) = ("0.5", "0.02");

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// From the answer to the upload to the job's creation.
    intake_ms: Series,
    /// From dispatching a stage's task to the stage's code.
    stages: Vec<Stage>,
    /// The same way with a function that does nothing: the cloud's own share.
    empty: Option<EmptyHops>,
}

#[derive(Debug, Serialize)]
struct EmptyHops {
    /// When nothing had happened for a while.
    after_rest_ms: Series,
    /// When another message had just been handled.
    soon_after_ms: Series,
}

#[derive(Debug, Serialize)]
struct Stage {
    name: String,
    queue_ms: Series,
}

/// Takes the hops out of what jobs took, and measures the empty one.
pub(crate) fn measure(stack: &Stack, jobs: &[JobTimes]) -> Result<Figures> {
    let names = jobs
        .first()
        .context("no job was run")?
        .stages
        .iter()
        .map(|stage| &stage.name);
    let stages = names.enumerate().map(|(index, name)| {
        Ok(Stage {
            name: name.clone(),
            queue_ms: costs(jobs, |job| job.stages[index].queue_ms)?,
        })
    });
    Ok(Figures {
        intake_ms: costs(jobs, |job| job.intake_ms)?,
        stages: stages.collect::<Result<_>>()?,
        empty: empty_hops(stack)?,
    })
}

fn empty_hops(stack: &Stack) -> Result<Option<EmptyHops>> {
    if stack.cloud.kind != Kind::Ministack {
        return Ok(None);
    }
    let hops = |pause_s: &str| {
        let said = Program::new(home().join("venv/bin/python"))
            .args(["xtask/bench/empty_hop.py", EMPTY_HOPS, pause_s])
            .envs(stack.cloud.environment())
            .text()?;
        let all: Result<_, _> = said.lines().map(str::parse).collect();
        Series::of_costs(all.context("a time cannot be read")?).context("no message arrived")
    };
    step("send messages to a function that does nothing", || {
        Ok(Some(EmptyHops {
            after_rest_ms: hops(PAUSES_S.0)?,
            soon_after_ms: hops(PAUSES_S.1)?,
        }))
    })
}

/// Hops by stage.
pub(crate) fn table(figures: &Figures) -> Table {
    let rounds = figures.intake_ms.all.len();
    let title = format!("hop: from sending a message to the code it is for, warm functions, median of {rounds}");
    let mut table = Table::new(title, &["way", "ms", "best", "to the empty function's"]);
    let empty = figures.empty.as_ref();
    let mut row = |name: &str, series: &Series| {
        table.row([
            name.to_owned(),
            format!("{:.1}", series.median),
            format!("{:.1}", series.best),
            times(empty.map(|empty| series.median / empty.after_rest_ms.median)),
        ]);
    };
    row("upload answered → job created", &figures.intake_ms);
    for stage in &figures.stages {
        row(&format!("dispatched → {} runs", stage.name), &stage.queue_ms);
    }
    if let Some(empty) = empty {
        row("sent → empty function runs", &empty.after_rest_ms);
        row(
            &format!("the same, {} s after another", PAUSES_S.1),
            &empty.soon_after_ms,
        );
    }
    table.note(
        "Marey's hops include reading the job and taking the lease (conditional writes); the empty function, a few lines \
         of Python, does nothing. Stages note whole milliseconds. MiniStack looks for messages again only 50 ms after it \
         found none, which is what a stage waits for that follows a very short one.",
    );
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_held_against_the_empty_one() {
        let series = |ms: f64| Series::of_costs(vec![ms]).unwrap();
        let figures = Figures {
            intake_ms: series(20.0),
            stages: vec![Stage {
                name: "pose".into(),
                queue_ms: series(6.0),
            }],
            empty: Some(EmptyHops {
                after_rest_ms: series(4.0),
                soon_after_ms: series(30.0),
            }),
        };
        let text = table(&figures).to_string();
        let row = text.lines().find(|line| line.contains("pose runs")).unwrap();
        let cells: Vec<_> = row.split_whitespace().rev().take(4).collect();
        assert_eq!(cells, ["×", "1.50", "6.0", "6.0"]);
    }
}
