//! Draws the figures of docs/MOTION.md: `cargo run -p marey-motion --example figures`.

mod drawing;
#[path = "../../tests/support/mod.rs"]
mod support;

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/figures");
    std::fs::create_dir_all(&folder)?;
    for (name, svg) in drawing::figures() {
        std::fs::write(folder.join(name), svg)?;
    }
    Ok(())
}
