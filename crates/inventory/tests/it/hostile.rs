//! Layers nobody should have made: refused in words, or read harmlessly, never a panic.

use std::io::{self, Read};

use inventory::{Compression, Entry, Error, Limits, Progress, read_layer};
use proptest::prelude::*;

use crate::tarball::{Tarball, gzip, read, read_packed};

#[test]
fn names_that_climb_stay_below_the_root() {
    let layer = Tarball::new()
        .raw(b"/../../etc/passwd", b'0', b"x", |_| {})
        .raw(b"caf\xff", b'0', b"", |_| {})
        .raw(b"tmp/.wh.../x", b'0', b"", |_| {})
        .listing();
    assert_eq!(layer.keys().collect::<Vec<_>>(), ["caf\\xff", "etc/passwd", "tmp/.wh.../x"]);
}

#[test]
fn ambiguous_archives_are_refused() {
    let cases = [
        (Tarball::new().raw(b"x", b'0', b"", |h| h[124] = 0xff), "negative"),
        (Tarball::new().raw(b"x", b'0', b"", |h| h[124..136].copy_from_slice(b"99999999999\0")), "not a number"),
        (Tarball::new().raw(b"x", b'S', b"", |_| {}), "sparse"),
        (Tarball::new().pax(&[("GNU.sparse.major", "1")]).raw(b"x", b'0', b"", |_| {}), "sparse"),
        (Tarball::new().pax(&[("size", "-5")]).raw(b"x", b'0', b"", |_| {}), "pax size"),
        (Tarball::new().pax(&[("path", "a\0b")]).raw(b"x", b'0', b"", |_| {}), "NUL"),
        (Tarball::new().raw(b"g", b'g', b"12 path=a/b\n", |_| {}), "global header"),
        (Tarball::new().raw(b"x", b'x', b"999 path=a/b\n", |_| {}), "length"),
        (Tarball::new().pax(&[("path", "a")]), "ends after an extension header"),
        (Tarball::new().file("etc/.wh...", ""), "whiteout"),
    ];
    for (tarball, expected) in cases {
        let message = tarball.refused();
        assert!(message.contains(expected), "{message}: expected {expected}");
    }
}

#[test]
fn a_global_comment_is_harmless() {
    let layer = Tarball::new().raw(b"g", b'g', b"14 comment=abc\n".get(..15).unwrap(), |_| {});
    assert!(layer.refused().contains("length"));
    let layer = Tarball::new().raw(b"g", b'g', b"15 comment=abc\n", |_| {}).file("a", "1").listing();
    assert!(layer.contains_key("a"));
}

#[test]
fn links_have_no_body_whatever_their_size_says() {
    let layer = Tarball::new()
        .raw(b"link", b'2', b"", |h| h[124..136].copy_from_slice(b"00000001000\0"))
        .file("after", "1")
        .listing();
    assert!(matches!(layer["link"], Entry::Symlink { .. }));
    assert!(layer.contains_key("after"));
}

#[test]
fn members_after_a_block_of_zeros_are_refused() {
    let mut tar = vec![0; 512];
    tar.extend(Tarball::new().file("hidden", "1").bytes());
    assert!(read(&tar).unwrap_err().to_string().contains("follow a block of zeros"));
}

#[test]
fn a_cut_archive_is_refused_wherever_it_was_cut() {
    let tar = Tarball::new().file("a", "12345").file("b", "67890").bytes();
    for at in 1..tar.len() - 1024 {
        // At the border of a member there is no way to tell; engines take it, too.
        assert_eq!(read(&tar[..at]).is_ok(), at == 1024, "{at}");
    }
    let packed = gzip(&tar);
    for at in 1..packed.len() {
        let error = read_packed(&packed[..at], Compression::Gzip, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), base::Kind::Invalid, "{error}");
    }
    let packed = zstd::encode_all(&tar[..], 1).unwrap();
    for at in 1..packed.len() {
        assert!(read_packed(&packed[..at], Compression::Zstd, &Limits::default()).is_err());
    }
}

#[test]
fn limits_are_named() {
    let small = Limits {
        members: 3,
        unpacked_bytes: 1 << 20,
        ratio: 100,
        ratio_floor_bytes: 10_000,
        file_bytes: 20,
        archive_bytes: 40,
        text_bytes: 30,
        names_bytes: 50,
    };
    let status = "Package: a\nStatus: x";
    let zeros = "\0".repeat(600_000);
    let cases = [
        (Tarball::new().file("a", "").file("b", "").file("c", "").file("d", ""), "members"),
        (Tarball::new().file("a", &zeros), "packed byte"),
        (
            Tarball::new().file("a", "").raw(b"a", b'0', b"", |h| h[124..136].copy_from_slice(b"77777777777\0")),
            "one file",
        ),
        (Tarball::new().file("var/lib/dpkg/status", &"x".repeat(21)), "package database"),
        (Tarball::new().file("var/lib/dpkg/status.d/a", status).file("var/lib/dpkg/status.d/b", status), "metadata"),
        (Tarball::new().file(&"n".repeat(51), ""), "names"),
        (Tarball::new().raw(b"L", b'L', &vec![b'a'; 1 << 20], |_| {}), "unpacked bytes"),
    ];
    for (tarball, expected) in cases {
        let packed = zstd::encode_all(&tarball.bytes()[..], 3).unwrap();
        let limits = if expected == "unpacked bytes" { Limits { ratio: u64::MAX, ..small } } else { small };
        let error = read_packed(&packed[..], Compression::Zstd, &limits).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}: expected {expected}");
    }
    // One archive too large leaves the rest of the layer known.
    let tar = Tarball::new().file("app/x.jar", &"x".repeat(41)).file("a", "").bytes();
    let layer = read_packed(&zstd::encode_all(&tar[..], 3).unwrap()[..], Compression::Zstd, &small).unwrap();
    assert_eq!(layer.inventory.broken["app/x.jar"], "it has more bytes than the limit of 40");
    assert!(layer.listing.0.contains_key("a"));
    let huge = Tarball::new().raw(b"x", b'x', &vec![b'1'; (1 << 20) + 1], |_| {});
    assert!(huge.refused().contains("extension header"));
}

#[test]
fn the_wrong_packing_is_told_from_a_failing_store() {
    let tar = Tarball::new().file("a", "1").bytes();
    let wrong = read_packed(&tar[..], Compression::Gzip, &Limits::default()).unwrap_err();
    assert!(matches!(wrong, Error::Packing { .. }), "{wrong}");
    let failing = io::Cursor::new(gzip(&tar)[..20].to_vec()).chain(Failing);
    let store =
        read_layer(failing, Compression::Gzip, &Limits::default(), fingerprint::Index::builtin(), &Progress::default())
            .unwrap_err();
    assert_eq!(store.kind(), base::Kind::Unavailable, "{store}");
}

#[test]
fn whoever_waits_can_give_up() {
    let progress = Progress::default();
    progress.stop();
    let tar = Tarball::new().file("a", "1").bytes();
    let error = read_layer(&tar[..], Compression::None, &Limits::default(), fingerprint::Index::builtin(), &progress)
        .unwrap_err();
    assert!(matches!(error, Error::Stopped), "{error}");
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..4096), pick in 0..3) {
        let compression = [Compression::None, Compression::Gzip, Compression::Zstd][pick as usize];
        let _ = read_packed(&bytes[..], compression, &Limits::default());
    }

    #[test]
    fn damaged_archives_are_survived(flips in proptest::collection::vec((0_usize..8192, any::<u8>()), 1..8)) {
        let mut tar = Tarball::new()
            .directory("etc")
            .file("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n")
            .pax(&[("path", "long"), ("size", "3")])
            .raw(b"short", b'0', b"abc", |_| {})
            .file("etc/.wh.x", "")
            .bytes();
        for (at, byte) in flips {
            let at = at % tar.len();
            tar[at] = byte;
            // Half of the damage is to have a right checksum, to get past that test.
            let block = at / 512 * 512;
            if byte & 1 == 0 {
                let mut header = tar::Header::from_byte_slice(&tar[block..block + 512]).clone();
                header.set_cksum();
                tar[block..block + 512].copy_from_slice(header.as_bytes());
            }
        }
        if let Ok(layer) = read(&tar) {
            inventory::merge(&[layer.inventory]);
        }
    }
}
