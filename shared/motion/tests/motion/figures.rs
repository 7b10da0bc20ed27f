//! The figures of the documentation are those that the code draws.

#[path = "../../examples/figures/drawing.rs"]
mod drawing;

#[test]
fn the_committed_figures_are_those_that_the_code_draws() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/figures");
    let figures = drawing::figures();
    assert_eq!(figures.len(), marey_motion::Angle::ALL.len());
    for (name, svg) in figures {
        let committed = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(
            committed == svg,
            "{name} is out of date: run `cargo run -p marey-motion --example figures`"
        );
    }
}
