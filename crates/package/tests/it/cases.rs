//! Every file of `tests/language` is a case: a path, a line of dashes, the file's content, a line of dashes, and what is read of it.

use std::{fs, path::Path};

use package::{Document, Error, Form};

/// A path in an image, the bytes there, and the lines that are expected.
pub struct Case {
    pub name: String,
    pub path: String,
    pub bytes: Vec<u8>,
    pub expected: String,
}

const LINE: &str = "\n----\n";

pub fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let (path, rest) = text.split_once(LINE).unwrap();
            let (content, expected) = rest.rsplit_once(LINE).unwrap();
            Case {
                name: file.file_name().unwrap().to_string_lossy().into_owned(),
                path: path.to_owned(),
                bytes: content.as_bytes().to_vec(),
                expected: expected.to_owned(),
            }
        })
        .collect()
}

/// `TYPE NAME VERSION`, and licences behind; one package a line.
pub fn lines(read: &Result<Option<Document>, Error>) -> String {
    match read {
        Ok(Some(Document::Packages { kind, packages })) => {
            let line = |package: &package::Package| {
                assert_eq!((&package.source, &package.source_version), (&package.name, &package.version));
                let licenses: Vec<String> = package.licenses.iter().map(|name| format!(" [{name}]")).collect();
                format!("{} {} {}{}\n", kind.as_str(), package.name, package.version, licenses.concat())
            };
            packages.iter().map(line).collect()
        }
        Ok(Some(other)) => panic!("{other:?}"),
        Ok(None) => "nothing\n".to_owned(),
        Err(error) => format!("{error}\n"),
    }
}

#[test]
fn every_case_is_read_as_expected() {
    let cases = all();
    assert!(cases.len() >= 30, "cases are missing: {}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let form = Form::of(&case.path).unwrap_or_else(|| panic!("{}: {} is claimed by nobody", case.name, case.path));
        let found = lines(&form.read(&case.path, &case.bytes));
        if found != case.expected {
            wrong.push(format!("{}:\n{found}instead of\n{}", case.name, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_other_places_are_left_alone() {
    for path in [
        "app/package.json",
        "app/node_modules/a/test/package.json",
        "app/node_modules/a/package-lock.json",
        "app/node_modules/a/yarn.lock",
        "var/lib/gems/3.1.0/gems/a-1/Gemfile.lock",
        "app/src/a.gemspec",
        "app/requirements.txt",
        "app/composer.json",
        "app/installed.json",
        "etc/foo.conf",
        "usr/lib/x/ebin/y.app",
        "Applications/Mail.app",
        "jar",
        "app/deps.json",
    ] {
        assert_eq!(Form::of(path), None, "{path}");
    }
}

#[test]
fn more_values_than_the_limit_are_refused_before_they_are_made() {
    for path in ["app/package-lock.json", "app/composer.lock", "app/uv.lock"] {
        let bytes = format!("[{}1]", "1,".repeat(base::limits::METADATA_VALUES));
        let error = Form::of(path).unwrap().read(path, bytes.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { what: "values", .. }), "{path}: {error}");
    }
}

#[test]
fn what_is_nested_without_end_is_refused() {
    let deep = |open: &str| open.repeat(100_000);
    for (path, text) in [
        ("app/package-lock.json", deep("[")),
        ("app/package-lock.json", deep("{\"dependencies\":")),
        ("app/bun.lock", deep("[")),
        ("app/pnpm-lock.yaml", deep("[")),
        ("app/pnpm-lock.yaml", deep("- ")),
        ("app/pnpm-lock.yaml", deep("? ")),
        ("app/pnpm-lock.yaml", deep("{a: ")),
        ("app/yarn.lock", format!("__metadata:\n{}", deep("{a: "))),
        ("app/uv.lock", format!("a = {}", deep("["))),
        ("app/uv.lock", format!("a = {}", deep("{a = "))),
        ("app/uv.lock", format!("{}a = 1", deep("a."))),
        ("app/uv.lock", format!("[{}a]", deep("a."))),
    ] {
        let read = Form::of(path).unwrap().read(path, text.as_bytes());
        assert!(read.is_err(), "{path}: {}", &text[..20]);
    }
}
