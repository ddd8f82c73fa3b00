//! Damaged files: whatever happens to the bytes, a reader gives an answer and does not fall over.

use package::{Form, in_executable};
use proptest::prelude::*;

use crate::{
    cases,
    executable::{auditable, elf, inline, note},
    jars::{archive, properties},
};

const ROUNDS: u64 = 1_000;

/// A thousand damaged copies, the same on every machine (xorshift, Marsaglia 2003).
fn damaged(bytes: &[u8], mut look: impl FnMut(&[u8])) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ bytes.len() as u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below.max(1) as u64).unwrap()
    };
    for _ in 0..ROUNDS {
        let mut copy = bytes.to_vec();
        for _ in 0..=next(4) {
            let at = next(copy.len());
            match next(6) {
                0 => copy.truncate(at),
                1 if !copy.is_empty() => copy[at] ^= 1 << next(8),
                2 if !copy.is_empty() => copy[at] = [0, 0xff, b'"', b'{', b'\n', b':'][next(6)],
                3 => copy.insert(at, [0, 0xff, b'"', b'[', b' ', b'-'][next(6)]),
                4 if !copy.is_empty() => {
                    copy.remove(at);
                }
                _ => {
                    let end = (at + next(64)).min(copy.len());
                    let piece = copy[at..end].to_vec();
                    copy.splice(at..at, piece);
                }
            }
        }
        look(&copy);
    }
}

#[test]
fn every_case_a_thousand_times_damaged() {
    for case in cases::all() {
        let form = Form::of(&case.path).unwrap();
        damaged(&case.bytes, |bytes| {
            let _ = form.read(&case.path, bytes);
        });
    }
}

#[test]
fn archives_a_thousand_times_damaged() {
    let (pom, text) = properties("a", "x", "1");
    let model = b"<project><groupId>a</groupId><artifactId>y</artifactId><version>1</version></project>";
    let inner = archive(&[(&pom, &text), ("META-INF/MANIFEST.MF", b"Bundle-SymbolicName: a.x\nBundle-Version: 1\n")]);
    let outer = archive(&[("in.jar", &inner), ("META-INF/maven/a/y/pom.xml", model), ("a/b/C.class", b"")]);
    let wheel = archive(&[("x-1.dist-info/METADATA", b"Name: x\nVersion: 1\n")]);
    for (path, bytes) in [("x.jar", &outer), ("x.whl", &wheel)] {
        let form = Form::of(path).unwrap();
        damaged(bytes, |bytes| {
            let _ = form.read(path, bytes);
        });
    }
}

#[test]
fn programs_a_thousand_times_damaged() {
    let modules = "path\tx\nmod\tx\tv1.0.0\t\ndep\ty\tv1.0.0\th1:x=\n=>\tz\tv2.0.0\n";
    let program = elf(&[
        (".go.buildinfo", &inline("go1.21.5", modules)),
        (".dep-v0", &auditable(r#"{"packages": [{"name": "a", "version": "1"}]}"#)),
        (".note.package", &note(r#"{"type": "deb", "name": "a", "version": "1"}"#)),
    ]);
    assert_eq!(in_executable(&program).unwrap().len(), 3);
    damaged(&program, |bytes| {
        let _ = in_executable(bytes);
    });
}

/// Pieces of which these files are made.
const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\n",
    " ",
    "  ",
    "    ",
    "-",
    "=",
    "@",
    "/",
    "(",
    ")",
    "\"packages\"",
    "\"dependencies\"",
    "\"name\"",
    "\"version\"",
    "\"1.0\"",
    "packages:",
    "snapshots:",
    "importers:",
    "dependencies:",
    "__metadata:",
    "version ",
    "name",
    "version",
    "1.0",
    "# stub: ",
    "GEM\n",
    "[[package]]\n",
    "{application,",
    "{vsn,",
    "'",
    "&a",
    "*a",
    "é",
];

proptest! {
    #[test]
    fn any_text_is_read(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60)) {
        let text = pieces.concat();
        for path in [
            "Gemfile.lock", "Package.resolved", "Pipfile.lock", "bun.lock", "cabal.project.freeze", "composer.lock", "conan.lock",
            "deno.lock", "mix.lock", "package-lock.json", "packages.lock.json", "pnpm-lock.yaml", "poetry.lock", "stack.yaml.lock",
            "uv.lock", "yarn.lock", "node_modules/a/package.json", "composer/installed.json", "conaninfo.txt", "a.deps.json",
            "specifications/a.gemspec", "package.db/a.conf", "lib/a-1/ebin/a.app", "a.dist-info/METADATA", "a.jar", "a.whl",
        ] {
            let form = Form::of(path).unwrap();
            let first = form.read(path, text.as_bytes());
            prop_assert_eq!(&first, &form.read(path, text.as_bytes()));
            if let Ok(Some(package::Document::Packages { packages, .. })) = first {
                prop_assert!(!packages.is_empty());
                prop_assert!(packages.is_sorted_by(|a, b| a.key() < b.key()));
                prop_assert!(packages.iter().all(|package| !package.name.is_empty() && !package.version.is_empty()));
            }
        }
    }

    #[test]
    fn any_bytes_are_an_archive_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200), end in any::<[u8; 18]>()) {
        let with_end = [&bytes[..], b"PK\x01\x02", &bytes[..bytes.len().min(46)], b"PK\x05\x06", &end].concat();
        for bytes in [&bytes, &with_end] {
            let _ = Form::of("a.jar").unwrap().read("a.jar", bytes);
            let _ = in_executable(bytes);
        }
    }

    #[test]
    fn any_build_information_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "((dep|mod|=>|build|\\PC)\t?){0,20}") {
        let _ = package::go::BuildInfo::parse(&[package::go::MAGIC, &bytes[..]].concat());
        let info = package::go::BuildInfo::parse(&inline("go1.2", &format!("{text}\n"))).unwrap().unwrap();
        prop_assert!(info.packages().iter().any(|package| package.name == "stdlib"));
    }
}
