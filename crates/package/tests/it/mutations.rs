//! Any bytes and any text: a reader gives an answer and does not fall over. Damaged real files are tried by the crate `fuzz`.

use package::{Form, in_executable};
use proptest::prelude::*;

use crate::made::inline;

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
