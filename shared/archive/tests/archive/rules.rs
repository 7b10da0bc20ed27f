//! What is taken, what is left alone, and what is refused.

use std::io::Cursor;

use marey_archive::{Directory, Kind, Limits, Pieces, Reason, Video, plan};
use zip::{CompressionMethod, write::SimpleFileOptions};

use crate::forge::{
    Forged, crc, end, extracted, forge, forged, judged, kinds, ordinary, refused, refused_within, with_options,
};

#[test]
fn an_ordinary_archive_gives_its_videos_by_names_of_their_paths() {
    let archive = ordinary(&[
        ("patient_001/", b""),
        ("patient_001/trial_01.mp4", b"one"),
        ("patient_002/trial_01.MOV", b"two"),
        ("notes.txt", b"hello"),
        ("empty.mp4", b""),
        (".cache/x.mp4", b"hidden"),
        ("__MACOSX/._trial_01.mp4", b"fork"),
        ("patient_001/.DS_Store", b"view"),
    ]);
    let plan = judged(&archive).unwrap();
    let names: Vec<_> = plan.videos().iter().map(Video::name).collect();
    assert_eq!(names, ["patient_001_trial_01", "patient_002_trial_01"]);
    assert_eq!(plan.videos()[1].path(), "patient_002/trial_01.MOV");
    let skipped: Vec<_> = plan
        .skipped()
        .iter()
        .map(|one| (one.path.as_str(), one.reason))
        .collect();
    assert_eq!(
        skipped,
        [
            ("notes.txt", Reason::NotAVideo),
            ("empty.mp4", Reason::Empty),
            (".cache/x.mp4", Reason::Hidden)
        ]
    );
    assert_eq!((plan.housekeeping(), plan.bytes()), (2, 6));
    assert_eq!(extracted(&archive, &plan, 0), b"one");
    assert_eq!(extracted(&archive, &plan, 1), b"two");
}

#[test]
fn every_violation_is_told_at_once() {
    let archive = forged(&[
        Forged::stored("../out.mp4", b"a"),
        Forged::stored("C:\\b.mp4", b"a"),
        Forged {
            attributes: 0o120_777 << 16,
            ..Forged::stored("link.mp4", b"a")
        },
        Forged::stored("secret.mp4", b"a").saying(|said| said.flags = 1),
        Forged::stored("strange.mp4", b"a").saying(|said| said.method = 14),
        Forged::stored("twice.mp4", b"a"),
        Forged::stored("twice.mp4", b"a"),
        Forged::stored("x/y.mp4", b"a"),
        Forged::stored("x_y.mov", b"a"),
        Forged::stored("X/Y.mp4", b"a"),
        Forged::stored("inner.zip", b"a"),
    ]);
    let violations = refused(&archive);
    assert_eq!(
        kinds(&violations),
        [
            Kind::UnsafePath,
            Kind::UnsafePath,
            Kind::SpecialFile,
            Kind::Encrypted,
            Kind::Method,
            Kind::Duplicate,
            Kind::Collision,
            Kind::Nested,
        ]
    );
    let collision = &violations[6].problem;
    assert!(
        ["x/y.mp4", "x_y.mov", "X/Y.mp4"]
            .iter()
            .all(|path| collision.contains(path)),
        "{collision}"
    );
    assert!(violations[4].problem.contains("14 (LZMA)"));
}

#[test]
fn collisions_are_found_beyond_case_and_unicode_form() {
    let archive = ordinary(&[
        ("läufer.mp4", b"a"),
        ("la\u{308}ufer.mp4", b"b"),
        ("ﬁt.mp4", b"c"),
        ("FIT.mov", b"d"),
        ("alone.mp4", b"e"),
    ]);
    assert_eq!(kinds(&refused(&archive)), [Kind::Collision, Kind::Collision]);
}

#[test]
fn paths_with_control_characters_are_refused_and_shown_without_them() {
    for path in ["a\0.mp4", "\u{1b}[31mred.mp4", "a\u{202e}4pm.mp4"] {
        let violations = refused(&forged(&[Forged::stored(path, b"a")]));
        assert_eq!(kinds(&violations), [Kind::UnsafePath, Kind::NoVideo]);
        let shown = violations[0].to_string();
        assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
    }
}

#[test]
fn the_path_for_other_programs_counts_as_well() {
    let unicode = |raw: &str, path: &str| {
        let mut field = vec![0x75, 0x70, (5 + path.len()) as u8, 0, 1];
        field.extend(crc(raw.as_bytes()).to_le_bytes());
        field.extend(path.as_bytes());
        field
    };
    let with = |raw: &str, path: &str| {
        let field = unicode(raw, path);
        forged(&[Forged::stored(raw, b"a").saying(|said| said.extra.clone_from(&field))])
    };
    assert_eq!(
        judged(&with("l_ufer.mp4", "läufer.mp4")).unwrap().videos()[0].name(),
        "läufer"
    );
    for (raw, path) in [("ok.mp4", "../bad.mp4"), ("../bad.mp4", "ok.mp4")] {
        assert!(
            kinds(&refused(&with(raw, path))).contains(&Kind::UnsafePath),
            "{raw} {path}"
        );
    }
}

#[test]
fn links_and_devices_are_refused_and_files_of_windows_are_not() {
    let with = |made_by: u16, attributes: u32| {
        forged(&[Forged {
            made_by: made_by << 8,
            attributes,
            ..Forged::stored("a.mp4", b"a")
        }])
    };
    let unix = 3;
    for mode in [0o120_777, 0o020_644, 0o060_644, 0o010_644, 0o140_644, 0o040_755] {
        assert_eq!(
            kinds(&refused(&with(unix, mode << 16))),
            [Kind::SpecialFile],
            "{mode:o}"
        );
    }
    assert_eq!(
        kinds(&refused(&with(10, 0x400))),
        [Kind::SpecialFile],
        "a reparse point"
    );
    for (made_by, attributes) in [(unix, 0), (unix, 0o644 << 16), (0, 0x20), (10, 0x20)] {
        assert!(judged(&with(made_by, attributes)).is_ok(), "{made_by} {attributes:o}");
    }
}

/// A change of what a member says.
type Lie = fn(&mut Forged);

#[test]
fn headers_that_disagree_are_refused() {
    let honest = Forged::new("a.mp4", b"aaaaaaaa", 8);
    let changed = |change: fn(&mut Forged)| {
        let mut member = honest.clone();
        change(&mut member);
        forged(&[member])
    };
    assert!(judged(&changed(|_| {})).is_ok());
    let lies: [(&str, Lie); 8] = [
        ("path", |it| it.local.path = b"b.mp4".to_vec()),
        ("method", |it| it.local.method = 0),
        ("checksum", |it| it.local.crc32 ^= 1),
        ("size", |it| it.local.bytes += 1),
        ("size", |it| it.local.packed_bytes += 1),
        ("flag", |it| it.local.flags = 1),
        ("Zip64", |it| it.local.bytes = u32::MAX),
        ("extra fields", |it| it.local.extra = vec![1, 0, 9, 0, 0]),
    ];
    for (what, lie) in lies {
        let violations = refused(&changed(lie));
        assert_eq!(kinds(&violations), [Kind::Contradiction], "{what}");
        assert!(violations[0].problem.contains(what), "{what}: {}", violations[0]);
    }
    let zip64 = changed(|it| it.central.bytes = u32::MAX);
    assert!(kinds(&refused(&zip64)).contains(&Kind::Contradiction));
    let stored = forged(&[Forged::stored("a.mp4", b"aaaa").saying(|said| said.bytes = 5)]);
    assert_eq!(kinds(&refused(&stored)), [Kind::Contradiction]);
    let mut nothing = Forged::new("a.mp4", b"aaaa", 8).saying(|said| said.packed_bytes = 0);
    nothing.data.clear();
    assert_eq!(kinds(&refused(&forged(&[nothing]))), [Kind::Contradiction]);
}

#[test]
fn what_follows_the_data_may_have_any_of_its_forms_and_must_be_true() {
    let content = b"content of a video that was written as it came";
    let base = Forged::new("a.mp4", content, 8);
    let (packed, bytes) = (base.data.len() as u64, content.len() as u64);
    let form = |has_mark: bool, is_wide: bool, bytes: u64| {
        let mut form = if has_mark { b"PK\x07\x08".to_vec() } else { Vec::new() };
        form.extend(crc(content).to_le_bytes());
        for size in [packed, bytes] {
            if is_wide {
                form.extend(size.to_le_bytes());
            } else {
                form.extend((size as u32).to_le_bytes());
            }
        }
        form
    };
    let with = |descriptor: Vec<u8>| {
        let mut member = base.clone().saying(|said| said.flags = 8);
        (member.local.crc32, member.local.packed_bytes, member.local.bytes) = (0, 0, 0);
        member.data.extend(descriptor);
        forged(&[member, Forged::stored("b.mp4", b"b")])
    };
    for (has_mark, is_wide) in [(true, false), (true, true), (false, false), (false, true)] {
        let archive = with(form(has_mark, is_wide, bytes));
        let plan = judged(&archive).unwrap();
        assert_eq!(extracted(&archive, &plan, 0), content);
        let lie = with(form(has_mark, is_wide, bytes + 1));
        assert_eq!(kinds(&refused(&lie)), [Kind::Contradiction]);
    }
    assert!(
        kinds(&refused(&with(Vec::new()))).contains(&Kind::Contradiction),
        "there is none"
    );
}

#[test]
fn zip64_is_read() {
    let options = SimpleFileOptions::default()
        .large_file(true)
        .compression_method(CompressionMethod::Stored);
    let archive = with_options(&[("a.mp4", b"large"), ("b.mp4", b"small")], options);
    let plan = judged(&archive).unwrap();
    assert_eq!(extracted(&archive, &plan, 0), b"large");
    // An end of Zip64 with the numbers in both places, and with a lie in one of them.
    let (archive, at) = forge(&[Forged::stored("a.mp4", b"a")]);
    let directory = archive[at..archive.len() - 22].to_vec();
    let with = |members: u64, narrow: u16| {
        let mut all = archive[..at].to_vec();
        all.extend(&directory);
        let record_at = all.len() as u64;
        all.extend(b"PK\x06\x06");
        all.extend(44_u64.to_le_bytes());
        all.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [members, members, directory.len() as u64, at as u64] {
            all.extend(number.to_le_bytes());
        }
        all.extend(b"PK\x06\x07\0\0\0\0");
        all.extend(record_at.to_le_bytes());
        all.extend([1, 0, 0, 0]);
        all.extend(end(narrow, u32::MAX, u32::MAX, b""));
        all
    };
    assert!(judged(&with(1, u16::MAX)).is_ok());
    assert!(judged(&with(1, 1)).is_ok());
    for (members, narrow) in [(2, 1), (2, u16::MAX), (1, 2)] {
        assert_eq!(
            kinds(&refused(&with(members, narrow))),
            [Kind::Unreadable],
            "{members} {narrow}"
        );
    }
    let billions = refused(&with(1 << 40, u16::MAX));
    assert_eq!(kinds(&billions), [Kind::TooLarge], "and no memory is taken for them");
}

#[test]
fn an_archive_that_is_cut_moved_or_followed_by_something_is_refused() {
    let archive = ordinary(&[("a.mp4", b"aaaa"), ("b.mp4", b"bbbb")]);
    for cut in 0..archive.len() {
        assert_eq!(kinds(&refused(&archive[..cut])), [Kind::Unreadable], "{cut}");
    }
    for (what, changed) in [
        ("followed", [archive.clone(), b"x".to_vec()].concat()),
        ("preceded", [b"x".to_vec(), archive.clone()].concat()),
        ("twice", [archive.clone(), archive.clone()].concat()),
    ] {
        assert_eq!(kinds(&refused(&changed)), [Kind::Unreadable], "{what}");
    }
    let text = refused(b"This is not an archive at all.");
    assert!(text[0].problem.contains("no zip archive"), "{}", text[0]);
    let cut = refused(&archive[..archive.len() - 1]);
    assert!(cut[0].problem.contains("cut off"), "{}", cut[0]);
}

#[test]
fn a_comment_is_allowed_and_an_end_in_it_is_not() {
    let (archive, at) = forge(&[Forged::stored("a.mp4", b"a")]);
    let bytes = (archive.len() - 22 - at) as u32;
    let commented = |comment: &[u8]| [&archive[..archive.len() - 22], &end(1, bytes, at as u32, comment)].concat();
    assert!(judged(&commented(b"filmed on Monday")).is_ok());
    let other = end(0, 0, 0, b"");
    assert_eq!(kinds(&refused(&commented(&other))), [Kind::Unreadable]);
}

#[test]
fn an_archive_in_several_parts_is_refused() {
    let (mut archive, _) = forge(&[Forged::stored("a.mp4", b"a")]);
    let disk = archive.len() - 22 + 4;
    archive[disk] = 1;
    assert_eq!(kinds(&refused(&archive)), [Kind::Unreadable]);
}

#[test]
fn limits_are_kept() {
    let archive = ordinary(&[("a.mp4", &[7; 1000]), ("b.mp4", &[8; 1000]), ("c.txt", b"c")]);
    let within = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        kinds(&refused_within(&archive, &limits))
    };
    assert_eq!(within(|it| it.archive_bytes = 50), [Kind::TooLarge]);
    assert_eq!(within(|it| it.directory_bytes = 50), [Kind::TooLarge]);
    assert_eq!(within(|it| it.members = 2), [Kind::TooLarge]);
    assert_eq!(within(|it| it.videos = 1), [Kind::TooLarge]);
    assert_eq!(within(|it| it.total_bytes = 1999), [Kind::TooLarge]);
    assert_eq!(within(|it| it.video_bytes = 999), [Kind::TooLarge, Kind::TooLarge]);
    assert_eq!(
        within(|it| it.path_bytes = 4),
        [Kind::UnsafePath, Kind::UnsafePath, Kind::UnsafePath, Kind::NoVideo]
    );
    assert_eq!(
        within(|it| (it.ratio, it.any_ratio_bytes) = (2, 100)),
        [Kind::Ratio, Kind::Ratio]
    );
    assert_eq!(kinds(&refused(&ordinary(&[("a.txt", b"a")]))), [Kind::NoVideo]);
    assert_eq!(kinds(&refused(&ordinary(&[]))), [Kind::NoVideo]);
}

#[test]
fn a_refusal_says_what_to_do_for_each_kind_once() {
    let archive = forged(&[
        Forged::stored("../a.mp4", b"a"),
        Forged::stored("../b.mp4", b"a"),
        Forged::stored("c.zip", b"a"),
    ]);
    let marey_archive::ArchiveError::Refused(refusal) = judged(&archive).unwrap_err() else {
        panic!("it was not refused")
    };
    assert_eq!(refusal.code(), "ARCHIVE_REFUSED");
    assert_eq!(refusal.hint().matches("Pack the folder itself").count(), 1);
    let text = refusal.to_string();
    assert!(
        text.contains("../b.mp4: its path leads out of the archive (ARCHIVE_UNSAFE_PATH); "),
        "{text}"
    );
}

/// Judges an archive of which pieces come as they are asked for, and says how much was read.
fn judged_in_pieces(archive: &[u8]) -> (marey_archive::Plan, u64) {
    let mut pieces = Pieces::new(archive.len() as u64);
    let mut read = 0;
    let mut add = |pieces: &mut Pieces, range: std::ops::Range<u64>| {
        read += range.end - range.start;
        pieces.add(range.start, archive[range.start as usize..range.end as usize].to_vec());
    };
    let directory = loop {
        if let Ok(directory) = Directory::read(&mut pieces, &Limits::default()) {
            break directory;
        }
        let range = pieces.missing().unwrap();
        add(&mut pieces, range);
    };
    for range in directory.ranges() {
        add(&mut pieces, range);
    }
    let plan = directory.judge(&mut pieces).unwrap();
    (plan, read)
}

#[test]
fn an_object_somewhere_else_is_judged_by_its_ends_alone() {
    let large = vec![9; 3 << 20];
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let archive = with_options(&[("a.mp4", &large), ("b.mp4", &large), ("c.txt", &large)], stored);
    let (found, read) = judged_in_pieces(&archive);
    assert_eq!(found, plan(&mut Cursor::new(&archive), &Limits::default()).unwrap());
    assert!(read < 70_000, "{read} bytes of {}", archive.len());
}
