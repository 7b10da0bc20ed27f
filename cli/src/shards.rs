//! The shards of a stage in a line: how many stand where, as words and as a bar.

use marey_contract::{ShardDetail, StageDetail, StageStatus};

use crate::screen::{Paint, stage_status};
use crate::words::{number, percent, tame};

/// The order in which shards are told and drawn, and how: what is done comes first.
const ORDER: [(StageStatus, char); 8] = [
    (StageStatus::Completed, '█'),
    (StageStatus::Running, '▓'),
    (StageStatus::Failed, '✗'),
    (StageStatus::Held, '‖'),
    (StageStatus::Queued, '░'),
    (StageStatus::Waiting, '·'),
    (StageStatus::Skipped, '-'),
    (StageStatus::Cancelled, '-'),
];
/// So many slow shards are told.
const SLOWEST: usize = 3;

/// Whether a stage has shards worth telling of.
pub(crate) fn are_there(stage: &StageDetail) -> bool {
    stage.shards.is_some_and(|shards| shards > 1)
}

/// How many shards stand where, those that were not sent yet as waiting.
fn counts(stage: &StageDetail) -> Vec<(StageStatus, char, u32)> {
    let total = stage.shards.unwrap_or(0);
    let sent = stage.pieces.len() as u32;
    let count = |status: StageStatus| {
        let pieces = stage.pieces.iter().filter(|piece| piece.status == status).count() as u32;
        // An answer may leave the pieces out, and always says how many are done.
        match status {
            StageStatus::Completed => pieces.max(stage.shards_done.min(total)),
            StageStatus::Waiting if sent > 0 || stage.shards_done == 0 => pieces + total.saturating_sub(sent),
            _ => pieces,
        }
    };
    let counted = ORDER.iter().map(|&(status, mark)| (status, mark, count(status)));
    counted.filter(|(.., count)| *count > 0).collect()
}

/// `17/40 done, 2 running, 1 held`.
pub(crate) fn words(stage: &StageDetail) -> String {
    let total = stage.shards.unwrap_or(0);
    let mut words = vec![format!("{}/{total} done", stage.shards_done)];
    for (status, _, count) in counts(stage) {
        if status != StageStatus::Completed {
            words.push(format!("{count} {}", stage_status(status).0));
        }
    }
    if stage.reused > 0 {
        words.push(format!("{} reused", stage.reused));
    }
    words.join(", ")
}

/// The shards as a bar of at most `width` columns, in pieces of one colour. Whoever has a share has at least one column.
pub(crate) fn bar(stage: &StageDetail, width: usize) -> Vec<(Paint, String)> {
    let counts = counts(stage);
    let total: u32 = counts.iter().map(|(.., count)| count).sum();
    let width = width.min(total as usize);
    if width < counts.len() {
        return Vec::new();
    }
    let share = |count: u32| count as usize * width / total as usize;
    let mut columns: Vec<usize> = counts.iter().map(|(.., count)| share(*count).max(1)).collect();
    // What rounding left over, or took too much, goes to or from the widest.
    while columns.iter().sum::<usize>() != width {
        let is_short = columns.iter().sum::<usize>() < width;
        let Some(widest) = (0..columns.len()).max_by_key(|at| columns[*at]) else {
            break;
        };
        columns[widest] = if is_short {
            columns[widest] + 1
        } else {
            columns[widest] - 1
        };
    }
    let drawn = counts.iter().zip(columns).map(|((status, mark, _), columns)| {
        let (_, paint) = stage_status(*status);
        (paint, mark.to_string().repeat(columns))
    });
    drawn.collect()
}

/// The shards that will end last or did not end well, worst first, one line each.
pub(crate) fn slowest(stage: &StageDetail) -> Vec<String> {
    let rank = |piece: &ShardDetail| match piece.status {
        StageStatus::Failed => 0,
        StageStatus::Running => 1,
        StageStatus::Held => 2,
        _ => 3,
    };
    let mut pieces: Vec<_> = stage.pieces.iter().filter(|piece| rank(piece) < 3).collect();
    pieces.sort_by(|a, b| rank(a).cmp(&rank(b)).then(a.progress.total_cmp(&b.progress)));
    pieces.iter().take(SLOWEST).map(|piece| told(piece)).collect()
}

/// `shard 12: running, 34 %, attempt 2, 31.5 frames/s, after STAGE_TIMEOUT`.
fn told(piece: &ShardDetail) -> String {
    let (word, _) = stage_status(piece.status);
    let mut parts = vec![word.to_owned()];
    if piece.status == StageStatus::Running {
        parts.push(percent(piece.progress));
    }
    if piece.attempt > 1 {
        parts.push(format!("attempt {}", piece.attempt));
    }
    parts.extend(piece.frames_per_s.map(|rate| format!("{} frames/s", number(rate))));
    if let Some(code) = &piece.error {
        let word = if piece.status == StageStatus::Failed {
            ""
        } else {
            "after "
        };
        parts.push(format!("{word}{}", tame(code)));
    }
    format!("shard {}: {}", piece.shard, parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(statuses: &[(StageStatus, u32)], total: u32) -> StageDetail {
        let mut shard = 0;
        let mut pieces = Vec::new();
        for (status, count) in statuses {
            for _ in 0..*count {
                pieces.push(
                    serde_json::json!({"shard": shard, "status": status, "attempt": 1 + shard % 2,
                    "progress": f64::from(shard) / 100.0, "frames_per_s": 31.5}),
                );
                shard += 1;
            }
        }
        let done = statuses
            .iter()
            .filter(|(status, _)| *status == StageStatus::Completed)
            .map(|(_, count)| count);
        serde_json::from_value(
            serde_json::json!({"name": "pose", "title": "Estimate", "status": "running",
            "progress": 0.5, "attempts": 1, "shards": total, "shards_done": done.sum::<u32>(), "pieces": pieces}),
        )
        .unwrap()
    }

    fn drawn(stage: &StageDetail, width: usize) -> String {
        bar(stage, width).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn shards_are_counted_and_drawn() {
        use StageStatus::{Completed, Held, Queued, Running};
        let stage = stage(&[(Completed, 17), (Running, 2), (Held, 1), (Queued, 10)], 40);
        assert_eq!(words(&stage), "17/40 done, 2 running, 1 held, 10 queued, 10 waiting");
        assert_eq!(drawn(&stage, 60), "█████████████████▓▓‖░░░░░░░░░░··········");
        assert_eq!(drawn(&stage, 20), "█████████▓‖░░░░░·····".replacen('█', "", 1));
        assert_eq!(
            slowest(&stage),
            [
                "shard 17: running, 17 %, attempt 2, 31.5 frames/s",
                "shard 18: running, 18 %, 31.5 frames/s",
                "shard 19: held, attempt 2, 31.5 frames/s",
            ]
        );
    }

    #[test]
    fn every_bar_is_as_wide_as_it_may_be() {
        use StageStatus::{Completed, Failed, Queued, Running};
        for total in [2_u32, 7, 500] {
            for done in 0..total.min(30) {
                let stage = stage(
                    &[
                        (Completed, done),
                        (Failed, 1),
                        (Running, u32::from(done > 3)),
                        (Queued, 1),
                    ],
                    total + 3,
                );
                for width in 6..70 {
                    let shown = drawn(&stage, width).chars().count();
                    assert_eq!(shown, width.min(total as usize + 3), "{total} {done} {width}");
                }
            }
        }
        assert_eq!(drawn(&stage(&[], 0), 20), "");
        assert_eq!(
            drawn(&stage(&[(Completed, 1), (Running, 1), (Failed, 1)], 3), 2),
            "",
            "too narrow to be true"
        );
    }
}
