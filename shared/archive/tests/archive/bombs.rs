//! Archives that are small and want to be large.

use std::io::{Cursor, Write};

use marey_archive::{ExtractError, Kind};

use crate::forge::{Forged, crc, deflated, forged, judged, kinds, ordinary, refused};

/// Counts what is written to it.
#[derive(Debug, Default)]
struct Meter(u64);

impl Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const MILLION: usize = 1_000_000;

#[test]
fn a_bomb_that_says_what_it_is_is_refused() {
    let archive = ordinary(&[("a.mp4", &vec![0; 10 * MILLION])]);
    assert!(archive.len() < 20_000, "{}", archive.len());
    assert_eq!(kinds(&refused(&archive)), [Kind::Ratio]);
}

#[test]
fn a_bomb_that_lies_about_its_size_is_cut_off_at_what_it_said() {
    let zeros = vec![0; 10 * MILLION];
    for said in [1, 5000, 100_000] {
        let member = Forged::new("a.mp4", &zeros, 8).saying(|it| it.bytes = said);
        let archive = forged(&[member]);
        let plan = judged(&archive).unwrap();
        let mut meter = Meter::default();
        let error = plan.videos()[0]
            .extract(&mut Cursor::new(&archive), &mut meter)
            .unwrap_err();
        assert!(
            matches!(&error, ExtractError::Damaged(why) if why.contains("promised")),
            "{error}"
        );
        assert_eq!(error.code(), "ARCHIVE_DAMAGED");
        assert!(meter.0 <= u64::from(said), "{} of {said}", meter.0);
    }
}

#[test]
fn members_that_promise_more_than_they_are_or_something_else_are_damaged() {
    let content = b"some content of a video";
    let more = Forged::new("a.mp4", content, 8).saying(|it| it.bytes += 1);
    let other = Forged::new("a.mp4", content, 8).saying(|it| it.crc32 ^= 1);
    let stored = Forged::stored("a.mp4", content).saying(|it| it.crc32 ^= 1);
    let mut garbage = Forged::new("a.mp4", content, 8);
    garbage.data.fill(0xff);
    let mut trailing = Forged::new("a.mp4", content, 8).saying(|it| it.packed_bytes += 3);
    trailing.data.extend(b"xyz");
    let mut cut = Forged::new("a.mp4", content, 8).saying(|it| it.packed_bytes -= 2);
    cut.data.truncate(cut.data.len() - 2);
    for member in [more, other, stored, garbage, trailing, cut] {
        let archive = forged(std::slice::from_ref(&member));
        let plan = judged(&archive).unwrap();
        let error = plan.videos()[0]
            .extract(&mut Cursor::new(&archive), Vec::new())
            .unwrap_err();
        assert_eq!(error.code(), "ARCHIVE_DAMAGED", "{member:?}");
    }
}

#[test]
fn nested_archives_are_not_opened() {
    let inner = ordinary(&[("a.mp4", &vec![0; MILLION])]);
    let archive = ordinary(&[("inner.zip", &inner), ("b.mp4", b"b")]);
    assert_eq!(kinds(&refused(&archive)), [Kind::Nested]);
}

/// Many members that share one piece of packed data: Fifield's bomb in its simplest form.
#[test]
fn members_that_share_their_data_are_refused() {
    let zeros = vec![0; 50_000];
    let mut members = vec![Forged::new("a0.mp4", &zeros, 8)];
    for number in 1..50 {
        let path = format!("a{number}.mp4");
        let mut member = Forged::new("a0.mp4", &zeros, 8);
        member.central.path = path.into_bytes();
        member.at = Some(0);
        member.data = Vec::new();
        members.push(member);
    }
    let violations = refused(&forged(&members));
    assert_eq!(violations.iter().filter(|one| one.kind == Kind::Overlap).count(), 49);
}

/// His better one: each header is quoted by the member before it, in a stored block of deflate, so that both headers of every
/// member agree and the data of all end in the same kernel.
#[test]
fn members_that_quote_the_next_header_are_refused() {
    let kernel_content = vec![0; 20_000];
    let kernel = Forged::new("b.mp4", &kernel_content, 8);
    let (bytes, _) = crate::forge::forge(std::slice::from_ref(&kernel));
    let header = &bytes[..30 + kernel.local.path.len()];
    // A stored block that is not the last: its length, the complement, and the quoted bytes; then the kernel's own blocks.
    let length = header.len() as u16;
    let mut quoting = vec![0];
    quoting.extend(length.to_le_bytes());
    quoting.extend((!length).to_le_bytes());
    quoting.extend(header);
    let content = [header, &kernel_content].concat();
    let mut outer = Forged::new("a.mp4", &content, 8);
    outer.data = [quoting.clone(), deflated(&kernel_content)].concat();
    outer = outer.saying(|it| it.packed_bytes = (quoting.len() + kernel.data.len()) as u32);
    let outer_only = forged(std::slice::from_ref(&outer));
    let plan = judged(&outer_only).unwrap();
    let whole = plan.videos()[0]
        .extract(&mut Cursor::new(&outer_only), Vec::new())
        .unwrap();
    assert_eq!(crc(&whole), crc(&content), "the trick works");
    let mut inner = kernel.clone();
    inner.at = Some((30 + outer.local.path.len() + 5) as u32);
    // Only the directory has the second member: its bytes lie in the first.
    let (archive, at) = crate::forge::forge(&[outer, inner]);
    let own = 30 + kernel.local.path.len() + kernel.data.len();
    let mut overlapping = archive[..at - own].to_vec();
    let directory = &archive[at..archive.len() - 22];
    overlapping.extend(directory);
    overlapping.extend(crate::forge::end(2, directory.len() as u32, (at - own) as u32, b""));
    let violations = refused(&overlapping);
    assert_eq!(kinds(&violations), [Kind::Overlap]);
    assert_eq!(violations[0].member.as_deref(), Some("b.mp4"));
}

#[test]
fn a_member_that_reaches_into_the_directory_is_refused() {
    let member = Forged::stored("a.mp4", b"a").saying(|it| (it.packed_bytes, it.bytes) = (60, 60));
    assert!(kinds(&refused(&forged(&[member]))).contains(&Kind::Overlap));
    let far = Forged {
        at: Some(u32::MAX - 1),
        ..Forged::stored("a.mp4", b"a")
    };
    assert!(kinds(&refused(&forged(&[far]))).contains(&Kind::Overlap));
}
