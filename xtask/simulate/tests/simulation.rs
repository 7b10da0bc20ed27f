//! The world as it is keeps every invariant; with a fault planted, some invariant notices.

use marey_simulate::{Options, Planted, invariants, simulate};

/// So many seeds of the world as it is; `cargo xtask simulate` runs more.
const SEEDS: u64 = 2000;

/// A planted fault is noticed within so many seeds.
const SEEDS_OF_FAULT: u64 = 150;

#[test]
fn every_invariant_holds_in_a_world_that_breaks() {
    for seed in 0..SEEDS {
        let run = simulate(seed, &Options::default());
        assert_eq!(run.violation, None, "seed {seed}");
    }
}

#[test]
fn a_seed_replays_to_the_last_event() {
    let keep_trace = Options {
        keep_trace: true,
        ..Options::default()
    };
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..20 {
        let (first, again) = (simulate(seed, &Options::default()), simulate(seed, &keep_trace));
        assert_eq!(
            (first.hash, first.events, first.took_us),
            (again.hash, again.events, again.took_us)
        );
        hashes.insert(first.hash);
    }
    assert_eq!(hashes.len(), 20, "different seeds are different worlds");
}

#[test]
fn every_planted_fault_is_noticed() {
    for fault in Planted::ALL {
        let options = Options {
            planted: Some(*fault),
            ..Options::default()
        };
        let noticed = (0..SEEDS_OF_FAULT).find_map(|seed| Some((seed, simulate(seed, &options).violation?)));
        let (seed, violation) = noticed.unwrap_or_else(|| panic!("nobody notices {}", fault.name()));
        let by = violation.invariant;
        assert!(
            fault.caught_by().contains(&by),
            "{} is noticed by {by} at seed {seed}: {}",
            fault.name(),
            violation.seen
        );
        eprintln!("{} is noticed at seed {seed} by {by}", fault.name());
    }
}

#[test]
fn every_invariant_that_a_fault_names_is_one() {
    for by in Planted::ALL.iter().flat_map(|fault| fault.caught_by()) {
        assert!(invariants::ALL.iter().any(|(name, _)| name == by), "{by}");
    }
}

#[test]
fn the_seeds_reach_what_they_are_meant_to_reach() {
    let runs: Vec<_> = (0..200).map(|seed| simulate(seed, &Options::default())).collect();
    let sum = |of: fn(&marey_simulate::Outcome) -> u64| runs.iter().map(of).sum::<u64>();
    let reached = [
        ("crashes", sum(|run| run.tally.faults.crashes)),
        ("lost messages", sum(|run| run.tally.faults.lost_messages)),
        ("stalls", sum(|run| run.tally.faults.stalls)),
        ("dead letters", sum(|run| run.tally.dead_letters)),
        ("cancels", sum(|run| run.tally.cancels)),
        ("retries", sum(|run| run.tally.retries)),
        ("pauses lifted", sum(|run| run.tally.resumes)),
        ("breakers tripped", sum(|run| run.tally.trips)),
        ("results taken over", sum(|run| run.tally.reused)),
        ("failed Batch jobs", sum(|run| run.tally.faults.batch_failures)),
        (
            "wide stages",
            runs.iter()
                .flat_map(|run| &run.jobs)
                .filter(|job| job.shards > 100)
                .count() as u64,
        ),
        (
            "completed jobs",
            runs.iter()
                .flat_map(|run| &run.jobs)
                .filter(|job| job.end == "completed")
                .count() as u64,
        ),
    ];
    for (what, times) in reached {
        assert!(times > 0, "{what} never happen");
    }
}
