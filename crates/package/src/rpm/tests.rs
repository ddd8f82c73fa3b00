//! Real databases of one set of packages, in each format; what rpm itself says about one it makes now; and thousands of damaged ones.
//!
//! The fixtures were made from packages built for this, by rpm 4.18 (`rpmdb.sqlite`, `Packages.db`) and by Berkeley DB 5.3 from the
//! same headers (`Packages`, in both byte orders).

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::Command,
};

use proptest::prelude::*;

use super::*;
use crate::{Document, Form, OwnedFile};

const SQLITE: &[u8] = include_bytes!("../../tests/data/rpm/rpmdb.sqlite.zst");
const NDB: &[u8] = include_bytes!("../../tests/data/rpm/Packages.db.zst");
const BDB: &[u8] = include_bytes!("../../tests/data/rpm/Packages.zst");
const BDB_BIG_ENDIAN: &[u8] = include_bytes!("../../tests/data/rpm/Packages.big-endian.zst");
const LOG: &[u8] = include_bytes!("../../tests/data/rpm/rpmdb.sqlite-wal.zst");

fn unpacked(fixture: &[u8]) -> Vec<u8> {
    zstd::decode_all(fixture).unwrap()
}

/// As `rpm -qa --qf '%{name}|%{evr}|%{arch}|%{license}|%{modularitylabel}'`, then source and third party.
fn line(package: &Package) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "(none)".to_owned());
    format!(
        "{}|{}|{}|{}|{}|{} {}|{}",
        package.name,
        package.version,
        text(&package.architecture),
        package.licenses.join(""),
        text(&package.module),
        package.source,
        package.source_version,
        text(&package.third_party),
    )
}

#[test]
fn every_format_tells_the_same_packages() {
    let expected = [
        "assay-alpha|2:1.2.3-4.el9|noarch|GPLv2+ and MIT|(none)|assay-alpha 2:1.2.3-4.el9|(none)",
        "assay-alpha-libs|2:1.2.3-4.el9|noarch|GPLv2+ and MIT|(none)|assay-alpha 2:1.2.3-4.el9|(none)",
        "assay-beta|0.9~rc1-1.fc39|noarch|Apache-2.0|(none)|assay-beta 0.9~rc1-1.fc39|Fedora Project",
        "assay-beta-libs|0.9~rc1-1.fc39|noarch|Apache-2.0|(none)|assay-beta 0.9~rc1-1.fc39|Fedora Project",
        "assay-delta|0:5.0-1.el9|noarch|MIT|(none)|assay-delta 0:5.0-1.el9|Somebody <a@example.org>",
        "assay-delta-libs|0:5.0-1.el9|noarch|MIT|(none)|assay-delta 0:5.0-1.el9|Somebody <a@example.org>",
        "assay-epsilon|7-3.module+el9.3.0+1+abcdef|noarch|BSD|nodejs:18:9030020230717:rhel9|\
            assay-epsilon 7-3.module+el9.3.0+1+abcdef|(none)",
        "assay-epsilon-libs|7-3.module+el9.3.0+1+abcdef|noarch|BSD|nodejs:18:9030020230717:rhel9|\
            assay-epsilon 7-3.module+el9.3.0+1+abcdef|(none)",
        "assay-gamma|10-1.el9|noarch|MIT|(none)|assay-gamma 10-1.el9|Fedora EPEL",
    ];
    for (fixture, name) in [(SQLITE, "sqlite"), (NDB, "ndb"), (BDB, "bdb"), (BDB_BIG_ENDIAN, "bdb of another machine")]
    {
        let found = packages(&unpacked(fixture)).unwrap();
        assert_eq!(found.iter().map(line).collect::<Vec<_>>(), expected, "{name}");
        let file = |path: &str, sum: &str| OwnedFile { path: path.to_owned(), sum: Some(format!("sha256:{sum}")) };
        let owned = [
            file("usr/lib/assay-alpha/data", "ef6dc0799c4a39e19edc554a5627c1fbcfbd6dd02dbfa868ab1bee717f37b833"),
            file("usr/lib/assay-alpha/empty", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            file(
                "usr/lib/python3.11/site-packages/assay-alpha-1.2.3.dist-info/METADATA",
                "3e453ab306d65cb60e21e099ad6cfc7b98ad0209db17f42b42368ae47ea85946",
            ),
        ];
        assert_eq!(found[0].owns, owned, "{name}");
    }
}

#[test]
fn any_of_the_formats_lies_under_any_of_the_names() {
    for path in ["var/lib/rpm/Packages", "usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/Packages.db"] {
        let form = Form::of(path).unwrap();
        let document = form.read(path, &unpacked(BDB)).unwrap().unwrap();
        assert!(
            matches!(document, Document::Packages { kind: crate::PackageType::Rpm, packages } if packages.len() == 9)
        );
    }
    for other in ["var/lib/rpm/Name", "var/lib/rpm/rpmdb.sqlite-shm", "opt/rpmdb.sqlite"] {
        assert_eq!(Form::of(other), None);
    }
    assert!(packages(b"").unwrap_err().to_string().contains("begins as none"));
}

#[test]
fn a_log_with_a_commit_is_a_reason_and_others_are_not() {
    let log = unpacked(LOG);
    let error = Form::of("var/lib/rpm/rpmdb.sqlite-wal").unwrap().read("", &log).unwrap_err().to_string();
    assert!(error.contains("rpm was stopped"), "{error}");
    // Empty, cut before the commit, of an older round, or damaged: SQLite takes nothing from these.
    let mut older = log.clone();
    older[16] ^= 1;
    let mut damaged = log.clone();
    damaged[100] ^= 1;
    for harmless in [&[][..], &log[..40], &log[..log.len() - 1], &older, &damaged, b"no log at all"] {
        assert_eq!(check_wal(harmless), Ok(()));
    }
}

/// Every bit of a small window and many single bytes, cuts and repetitions; the same each time.
#[test]
fn damaged_databases_are_refused_or_read() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for fixture in [SQLITE, NDB, BDB, BDB_BIG_ENDIAN, LOG] {
        let whole = unpacked(fixture);
        for round in 0..1_000 {
            let mut bytes = whole.clone();
            match round % 5 {
                0 => bytes.truncate(random(whole.len())),
                // The first pages hold most that leads somewhere.
                1 | 2 => {
                    let at = random(whole.len().min(8_192));
                    bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)];
                }
                3 => (0..8).for_each(|_| {
                    let at = random(whole.len());
                    bytes[at] ^= 1 << random(8);
                }),
                _ => {
                    let (from, to) = (random(whole.len()), random(whole.len()));
                    let length = (whole.len() - from.max(to)).min(1 + random(4_096));
                    bytes.copy_within(from..from + length, to);
                }
            }
            if let Ok(found) = packages(&bytes) {
                assert!(found.len() <= 1_000);
            }
            let _ = check_wal(&bytes);
        }
    }
}

#[test]
fn circles_and_shared_pages_are_refused() {
    let whole = unpacked(SQLITE);
    // The right-most child of the table's root is the root itself.
    let root = (0..whole.len() / 4_096).find(|page| *page > 0 && whole[page * 4_096] == 0x05).unwrap();
    let mut circle = whole.clone();
    circle[root * 4_096 + 8..][..4].copy_from_slice(&u32::try_from(root + 1).unwrap().to_be_bytes());
    assert!(packages(&circle).unwrap_err().to_string().contains("used twice"));

    let mut slots = unpacked(NDB);
    let taken: Vec<usize> = (32..4_096).step_by(16).filter(|at| slots[at + 8..at + 12] != [0; 4]).collect();
    let free = (32..4_096).step_by(16).filter(|at| slots[at + 8..at + 12] == [0; 4]).take(200).collect::<Vec<_>>();
    for at in free {
        slots.copy_within(taken[0]..taken[0] + 16, at);
    }
    assert!(packages(&slots).unwrap_err().to_string().contains("overlap"));
}

/// A header of entries that point anywhere, with the tags that are read.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let tag = proptest::sample::select(
        &[259_u32, 268, 278, 1000, 1001, 1002, 1003, 1022, 1030, 1035, 1044, 1116, 1117, 1118, 5011][..],
    );
    let number = prop_oneof![0..40_u32, any::<u32>()];
    let entries = proptest::collection::vec((tag, 0..11_u32, number.clone(), number), 0..24);
    (entries, proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..64)).prop_map(|(entries, data)| {
        let mut blob =
            [u32::try_from(entries.len()).unwrap(), u32::try_from(data.len()).unwrap()].map(u32::to_be_bytes).concat();
        for (tag, kind, offset, count) in entries {
            blob.extend([tag, kind, offset, count].map(u32::to_be_bytes).concat());
        }
        blob.extend(data);
        blob
    })
}

proptest! {
    #[test]
    fn any_header_is_refused_or_read(blob in header()) {
        let mut room = LAYER_NAMES_BYTES;
        if let Ok(Some(installed)) = header::installed(&blob, &mut room) {
            prop_assert!(!installed.package.name.is_empty() && room < LAYER_NAMES_BYTES);
        }
        for room in [0, 300, 900] {
            let mut left = room;
            let _ = header::installed(&blob, &mut left);
            prop_assert!(left <= room);
        }
    }

    #[test]
    fn any_bytes_after_a_magic_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..2_048), start in 0..3_usize) {
        let start = [&b"SQLite format 3\0\x02\0"[..], b"RpmP\0\0\0\0\0\0\0\0\x01\0\0\0", b"\0\0\0\0\0\0\0\0\0\0\0\0\x61\x15\x06\0\x09\0\0\0\0\x02\0\0\0"][start];
        let _ = packages(&[start, &bytes].concat());
    }
}

#[test]
fn many_files_in_one_directory_of_a_long_name_are_too_much() {
    // 2,000 empty names in a directory of 4,000 bytes, from 18 kB.
    let (count, directory) = (2_000_u32, 4_000);
    let text = |text: &str| [text.as_bytes(), &[0]].concat();
    let mut data = [text("a"), text(&"d".repeat(directory))].concat();
    let mut entry = |tag: u32, kind: u32, count: u32, bytes: &[u8]| {
        let offset = u32::try_from(data.len()).unwrap();
        data.extend(bytes);
        [tag, kind, offset, count].map(u32::to_be_bytes).concat()
    };
    let files = usize::try_from(count).unwrap();
    let mut index = [
        entry(1117, 8, count, &vec![0; files]),
        entry(1116, 4, count, &vec![0; 4 * files]),
        entry(1030, 3, count, &0o100_644_u16.to_be_bytes().repeat(files)),
    ]
    .concat();
    for (tag, kind, offset) in [(1000, 6, 0), (1001, 6, 0), (1002, 6, 0), (1118, 8, 2)] {
        index.extend([tag, kind, offset, 1_u32].map(u32::to_be_bytes).concat());
    }
    let lengths = [index.len() / 16, data.len()].map(|length| u32::try_from(length).unwrap().to_be_bytes());
    let blob = [lengths.concat(), index, data].concat();
    let mut room = 1024 * 1024;
    let error = header::installed(&blob, &mut room).unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: LAYER_NAMES_BYTES, .. }), "{error}");
}

/// What the program on this machine says about a database that it makes now.
#[test]
fn rpm_says_the_same() {
    if Command::new("rpmbuild").arg("--version").output().is_err() {
        let _ = writeln!(io::stderr(), "SKIPPED: install rpm to compare with a database that it makes");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path();
    let mut spec = "Name: many\nVersion: 3\nRelease: 1.el9\nEpoch: 7\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nd\n\
        %install\nmkdir -p %{buildroot}/srv/many\nfor i in 1 2 3 4 5 6 7 8 9; do echo $i > %{buildroot}/srv/many/$i; done\n\
        %files\n/srv/many\n"
        .to_owned();
    for number in 0..120 {
        let text = "word ".repeat(number * 20);
        spec += &format!("%package p{number}\nSummary: s\n%description p{number}\n{text}\n%files p{number}\n");
    }
    fs::write(top.join("many.spec"), spec).unwrap();
    let database = top.join("database");
    run(Command::new("rpmbuild").arg("-bb").arg("--quiet").arg(define("_topdir", top)).arg(top.join("many.spec")));
    let built = fs::read_dir(top.join("RPMS/noarch")).unwrap().map(|entry| entry.unwrap().path());
    run(rpm(&database).args(["-i", "--justdb", "--nodeps", "--noscripts", "--nosignature"]).args(built));
    run(rpm(&database).args(["-e", "--justdb", "--nodeps", "many-p17", "many-p90"]));
    let told = run(rpm(&database).args(["-qa", "--qf", "%{name}|%{evr}|%{arch}|%{license}|%{modularitylabel}\n"]));
    let mut told: Vec<&str> = told.lines().collect();
    told.sort_unstable();
    let file = ["rpmdb.sqlite", "Packages.db", "Packages"].map(|name| database.join(name));
    let file = file.iter().find(|file| file.exists()).unwrap();
    let mut found: Vec<String> = packages(&fs::read(file).unwrap())
        .unwrap()
        .iter()
        .map(|package| line(package).split('|').take(5).collect::<Vec<_>>().join("|"))
        .collect();
    found.sort_unstable();
    assert_eq!(found.len(), 119);
    assert_eq!(found, told);
}

fn define(name: &str, value: &Path) -> String {
    format!("--define={name} {}", value.display())
}

fn rpm(database: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--dbpath").arg(database);
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
