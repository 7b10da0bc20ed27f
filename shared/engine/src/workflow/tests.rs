use proptest::prelude::*;

use super::*;

fn with(stages: &str) -> Result<Workflow, WorkflowError> {
    let head = "schema_version = 1\nname = \"w\"\ntitle = \"W\"\ndescription = \"d\"\n";
    Workflow::from_toml("w.toml", &format!("{head}{stages}"))
}

fn stage(name: &str, needs: &str) -> String {
    format!(
        "[[stage]]\nname = \"{name}\"\ntitle = \"T\"\nneeds = [{needs}]\nweight = 1\ntimeout_s = 9\n\
         retry = {{ attempts = 1, first_delay_s = 1, longest_delay_s = 2 }}\nartifacts = [\"x\"]\n"
    )
}

fn problem(stages: &str) -> String {
    with(stages).unwrap_err().to_string()
}

#[test]
fn the_shipped_workflows_load() {
    let names: Vec<_> = Workflow::all_shipped().iter().map(|w| w.name().to_owned()).collect();
    assert_eq!(names, ["motion", "pose", "probe"]);
    let motion = Workflow::shipped("motion").unwrap();
    let stages: Vec<_> = motion.stages().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(stages[..3], ["probe", "pose", "biomechanics"]);
    assert!(Workflow::shipped("nope").is_none());
}

#[test]
fn a_delay_doubles_up_to_the_longest_and_chance_takes_a_share_of_it() {
    let policy = RetryPolicy {
        attempts: 9,
        first_delay_s: 2.0,
        longest_delay_s: 60.0,
    };
    let near = |attempt, random, delay_s: f64| {
        let found_s = policy.delay_s(attempt, random);
        assert!((found_s - delay_s).abs() < 1e-12, "{attempt} {random}: {found_s}");
    };
    for (attempt, greatest_s) in (0..).zip([2.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]) {
        near(attempt, 1.0, greatest_s);
    }
    near(u32::MAX, 1.0, 60.0);
    for (random, delay_s) in [(-1.0, 0.0), (0.0, 0.0), (0.25, 2.0), (1.0, 8.0), (7.0, 8.0)] {
        near(3, random, delay_s);
    }
}

#[test]
fn what_a_workflow_says_of_itself_is_what_its_file_says() {
    let given = with(&format!("deadline_s = 77\n{}", stage("a", ""))).unwrap();
    assert_eq!((given.title(), given.description(), given.deadline_s()), ("W", "d", 77));
    assert_eq!(with(&stage("a", "")).unwrap().deadline_s(), 86_400, "a day");
}

#[test]
fn stages_are_put_in_an_order_that_can_be_run() {
    let workflow = with(&(stage("c", "\"a\", \"b\"") + &stage("b", "\"a\"") + &stage("a", ""))).unwrap();
    let names: Vec<_> = workflow.stages().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn errors_name_the_file_and_the_line() {
    let cycle = stage("z", "") + &stage("a", "\"b\"") + &stage("b", "\"a\"");
    assert_eq!(problem(&cycle), "w.toml:13: these stages wait for each other: a, b");
    assert_eq!(
        problem(&stage("a", "\"x\"")),
        "w.toml:8: a needs x, which is not a stage"
    );
    assert_eq!(
        problem(&(stage("a", "") + &stage("a", ""))),
        "w.toml:14: the stage a is there twice"
    );
    assert_eq!(problem(&stage("A b", "")), "w.toml:6: \"A b\" is not a stage name");
    assert_eq!(problem(&stage("a", "").replace("weight = 1", "weight = -1")), {
        "w.toml:9: the weight of a is -1; it must be above 0"
    });
    assert_eq!(problem(""), "w.toml:2: the workflow w has no stage");
    let many: String = (0..100).map(|number| stage(&format!("s{number}"), "")).collect();
    assert!(
        problem(&many).ends_with("has 100 stages, allowed are 99"),
        "with the job, 101 rows"
    );
    let slow =
        |runs_on: &str| stage("a", "").replace("timeout_s = 9", &format!("timeout_s = 901\nruns_on = \"{runs_on}\""));
    assert!(problem(&slow("lambda")).starts_with("w.toml:10: the timeout of a is 901 s; a function has 900 s"));
    assert!(with(&slow("auto")).is_ok() && with(&slow("batch")).is_ok());
    assert!(problem(&stage("a", "").replace("timeout_s", "timeout")).starts_with("w.toml:10: unknown field"));
    let newer = Workflow::from_toml("n.toml", "schema_version = 2\nname='w'\ntitle=''\ndescription=''");
    assert!(newer.unwrap_err().problem.contains("update Marey"));
}

#[test]
fn what_cannot_work_is_refused_with_its_line() {
    let two =
        |change: &str| stage("a", "") + &stage("b", "\"a\"").replace("weight = 1", &format!("{change}\nweight = 1"));
    for (change, expected) in [
        (
            "inputs = [\"b\"]",
            "w.toml:17: b reads \"b\"; an input is \"upload\" or \"<stage>/<artifact>\"",
        ),
        ("inputs = [\"c/x\"]", "w.toml:17: b reads c/x but does not need c"),
        ("inputs = [\"a/y\"]", "w.toml:13: b reads a/y, which a does not leave"),
        ("shards = 0", "w.toml:17: b has 0 shards; it must have 1 to 10000"),
        (
            "shards = { from = \"c\", fact = \"n\" }",
            "w.toml:17: b takes its shards from c but does not need it",
        ),
        ("params = [\"p\"]", "w.toml:17: b reads p, which is not a parameter"),
        (
            "results = [\"y\"]",
            "w.toml:17: b has the result y, which is not among its artifacts",
        ),
        (
            "results = []",
            "w.toml:13: b is unreachable from any result: nothing needs it and it has no results",
        ),
    ] {
        assert_eq!(problem(&two(change)), expected);
    }
    let optional = stage("a", "").replace("weight = 1", "optional = true\nweight = 1")
        + &stage("b", "\"a\"").replace("weight = 1", "inputs = [\"a/x\"]\nweight = 1");
    assert!(problem(&optional).contains("a is optional: write \"a/x?\" or make b optional too"));
    let parameter = stage("a", "") + "[param.p]\ntitle = \"P\"\ntype = \"number\"\nmin = 1\nmax = 2\ndefault = 3\n";
    assert_eq!(
        problem(&parameter),
        "w.toml:13: the parameter p: its default is 3.0; it must be a number from 1 to 2"
    );
    let unread = parameter.replace("default = 3", "default = 1");
    assert_eq!(problem(&unread), "w.toml:2: no stage reads the parameter p");
}

#[test]
fn an_input_is_written_as_it_is_read() {
    let text =
        stage("a", "") + &stage("b", "\"a\"").replace("weight = 1", "inputs = [\"upload\", \"a/x?\"]\nweight = 1");
    let workflow = with(&text).unwrap();
    let inputs: Vec<_> = workflow.stages()[1].inputs.iter().map(ToString::to_string).collect();
    assert_eq!(inputs, ["upload", "a/x?"]);
}

#[test]
fn a_result_may_be_missing() {
    let text = stage("a", "").replace("weight = 1", "results = [\"x\", \"y?\"]\nweight = 1");
    let workflow = with(&text).unwrap();
    assert_eq!(
        (&workflow.stages()[0].artifacts[..], &workflow.stages()[0].results[..]),
        (&["x".to_owned()][..], &["x".to_owned(), "y".to_owned()][..])
    );
}

proptest! {
    #[test]
    fn a_delay_is_never_negative_nor_longer_than_allowed(attempt in 0_u32..200, random in -1.0..2.0_f64) {
        let policy = RetryPolicy { attempts: 3, first_delay_s: 2.0, longest_delay_s: 60.0 };
        prop_assert!((0.0..=60.0).contains(&policy.delay_s(attempt, random)));
        prop_assert!(policy.delay_s(1, 1.0) <= 2.0);
    }

    #[test]
    fn any_text_is_a_workflow_or_an_error(text in "\\PC{0,200}") {
        let _ = Workflow::from_toml("x", &text);
    }
}
