//! The seeds of the fuzz targets, and inputs on which they once failed, read as the targets read them.

use std::path::Path;

use proptest::prelude::*;

#[expect(unreachable_pub, reason = "it is public where it is fuzzed")]
#[path = "../../../../fuzz/src/motion.rs"]
mod motion;
#[expect(unreachable_pub, reason = "as above")]
#[path = "../../../../fuzz/src/movement.rs"]
mod movement;

#[test]
fn every_file_of_the_corpus_is_read_without_a_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut bytes = 0;
    for (name, target) in motion::TARGETS
        .into_iter()
        .chain([("movement", movement::movement as fn(&[u8]))])
    {
        let files: Vec<_> = std::fs::read_dir(folder.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(!files.is_empty(), "{name} has no seeds");
        for file in files {
            let content = std::fs::read(&file).unwrap();
            bytes += content.len();
            target(&content);
        }
    }
    assert!(
        bytes < 300_000,
        "the corpus in the repository has grown to {bytes} bytes"
    );
}

proptest! {
    #[test]
    fn whatever_moves_can_be_analysed(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        movement::movement(&bytes);
    }
}
