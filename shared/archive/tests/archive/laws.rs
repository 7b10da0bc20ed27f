//! What holds for every archive.

use std::{collections::BTreeMap, io::Cursor, path::Path};

use marey_archive::{Unpacker, Video};
use proptest::prelude::*;
use zip::{CompressionMethod, write::SimpleFileOptions};

use crate::forge::{Forged, forged, judged, with_options};

#[expect(unreachable_pub, reason = "it is public where it is fuzzed")]
#[path = "../../../../fuzz/src/archive.rs"]
mod target;

/// The seeds were written by Python's `zipfile`: an ordinary archive, one written to a pipe, and one with Zip64 and a comment.
#[test]
fn the_seeds_of_the_fuzz_target_are_read_and_what_python_wrote_is_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/zip");
    let expected = [
        ("ordinary.zip", vec!["patient_001_trial_01", "läufer"]),
        ("streamed.zip", vec!["a", "b"]),
        ("zip64.zip", vec!["large"]),
    ];
    for (file, names) in expected {
        let archive = std::fs::read(folder.join(file)).unwrap();
        let plan = judged(&archive).unwrap();
        assert_eq!(
            plan.videos().iter().map(Video::name).collect::<Vec<_>>(),
            names,
            "{file}"
        );
        for video in plan.videos() {
            assert!(video.extract(&mut Cursor::new(&archive), Vec::new()).is_ok(), "{file}");
        }
    }
    for file in std::fs::read_dir(folder).unwrap() {
        target::zip(&std::fs::read(file.unwrap().path()).unwrap());
    }
}

/// Paths that make different names.
fn members() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let path = "[a-z]{1,8}(/[a-z0-9]{1,6}){0,2}\\.(mp4|mov|avi)";
    let content = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..2000),
        (any::<u8>(), 1..5000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    prop::collection::btree_map(path, content, 1..8)
}

fn is_unlike(paths: &BTreeMap<String, Vec<u8>>) -> bool {
    let names: std::collections::BTreeSet<_> = paths
        .keys()
        .map(|path| path.replace('/', "_")[..path.len() - 4].to_owned())
        .collect();
    names.len() == paths.len()
}

#[derive(Debug, Clone)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
    Copy(prop::sample::Index, prop::sample::Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    use prop::sample::Index;
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, to)| Damage::Flip(at, to)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..40)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (any::<Index>(), any::<Index>(), any::<u8>()).prop_map(|(from, to, length)| Damage::Copy(from, to, length)),
    ]
}

fn apply(damage: &Damage, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match damage {
        Damage::Flip(at, to) => bytes[at.index(length)] = *to,
        Damage::Cut(at) => bytes.truncate(at.index(length)),
        Damage::Insert(at, more) => {
            let at = at.index(length);
            bytes.splice(at..at, more.iter().copied());
        }
        Damage::Copy(from, to, count) => {
            let (from, to) = (from.index(length), to.index(length));
            let count = usize::from(*count).min(length - from).min(length - to);
            bytes.copy_within(from..from + count, to);
        }
    }
}

proptest! {
    #[test]
    fn what_another_program_packed_comes_out_as_it_was(all in members(), is_stored in any::<bool>(), is_large in any::<bool>()) {
        prop_assume!(is_unlike(&all));
        let method = if is_stored { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default().compression_method(method).large_file(is_large);
        let list: Vec<_> = all.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        let archive = with_options(&list, options);
        let plan = judged(&archive).unwrap();
        prop_assert_eq!(plan.videos().len(), all.len());
        for video in plan.videos() {
            let content = video.extract(&mut Cursor::new(&archive), Vec::new()).unwrap();
            prop_assert_eq!(&content, &all[video.path()]);
        }
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_a_member_comes(content in prop::collection::vec(0..4_u8, 1..20_000), cuts in prop::collection::vec(1..3000_usize, 1..20)) {
        let archive = forged(&[Forged::new("a.mp4", &content, 8)]);
        let plan = judged(&archive).unwrap();
        let packed = plan.videos()[0].packed();
        let range = packed.range();
        let mut rest = &archive[range.start as usize..range.end as usize];
        let mut unpacker: Unpacker<Vec<u8>> = packed.unpack(Vec::new());
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            unpacker.push(piece).unwrap();
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(unpacker.finish().unwrap(), content);
    }

    #[test]
    fn a_damaged_archive_never_panics_nor_grows(all in members(), damages in prop::collection::vec(damage(), 1..6)) {
        let list: Vec<_> = all.iter().map(|(path, content)| (path.as_str(), content.as_slice())).collect();
        let mut bytes = with_options(&list, SimpleFileOptions::default().compression_method(CompressionMethod::Deflated));
        for damage in &damages {
            apply(damage, &mut bytes);
        }
        target::zip(&bytes);
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        target::zip(&bytes);
        // Noise that has an end is read further.
        target::zip(&[bytes.as_slice(), &crate::forge::end(1, bytes.len() as u32, 0, b"")].concat());
    }

    #[test]
    fn headers_that_say_anything_never_panic(
        numbers in prop::collection::vec(prop_oneof![Just(u32::MAX), Just(0), any::<u32>(), 0..200_u32], 8),
        flags in any::<u16>(), method in prop_oneof![Just(0_u16), Just(8), any::<u16>()], extra in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut member = Forged::new("a.mp4", b"content", 8);
        (member.central.crc32, member.central.packed_bytes, member.central.bytes) = (numbers[0], numbers[1], numbers[2]);
        (member.local.crc32, member.local.packed_bytes, member.local.bytes) = (numbers[3], numbers[4], numbers[5]);
        (member.central.flags, member.central.method) = (flags, method);
        member.central.extra = extra;
        member.at = Some(numbers[6]);
        member.attributes = numbers[7];
        target::zip(&forged(&[member]));
    }
}
