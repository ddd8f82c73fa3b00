//! What we write against the published schemas, and what others published against our readers.
//!
//! Both are not ours to keep here. `ASSAY_SCHEMAS` names a folder with the schemas (`bom-1.6.SNAPSHOT.schema.json` and the two beside it
//! from PyPI's cyclonedx-python-lib, `spdx-2.3.schema.json`, `spdx-3.0.1.schema.json`, `sarif-2.1.0.schema.json`, `openvex.schema.json`)
//! and, below `examples/`, public documents. Validation runs PyPI's check-jsonschema, which must be on the path.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use bom::{Bill, Error, Format, statements};

use crate::cases;

fn folder() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test takes the place of foreign data from its environment")]
    let folder = PathBuf::from(std::env::var("ASSAY_SCHEMAS").ok()?);
    folder.is_dir().then_some(folder)
}

fn skipped(what: &str) {
    // Not println: the test harness would swallow it.
    let _ = writeln!(io::stderr(), "SKIPPED: set ASSAY_SCHEMAS to the folder of published schemas to {what}");
}

const SCHEMAS: [(Format, &str); 5] = [
    (Format::CycloneDx, "bom-1.6.SNAPSHOT.schema.json"),
    (Format::Spdx, "spdx-2.3.schema.json"),
    (Format::Spdx3, "spdx-3.0.1.schema.json"),
    (Format::Sarif, "sarif-2.1.0.schema.json"),
    (Format::OpenVex, "openvex.schema.json"),
];

fn check(schema: &Path, files: &[PathBuf]) -> Option<(bool, String)> {
    let base = format!("file://{}", schema.display());
    let output =
        Command::new("check-jsonschema").args(["--base-uri", &base, "--schemafile"]).arg(schema).args(files).output();
    let output = output.ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn every_document_is_valid() {
    let Some(schemas) = folder() else { return skipped("validate what is written") };
    let scratch = tempfile::tempdir().unwrap();
    for (format, schema) in SCHEMAS {
        let mut files = Vec::new();
        for (name, report) in cases::all() {
            let Ok(bytes) = format.write(&report, 0) else { continue };
            let path = scratch.path().join(format!("{name}.{}", cases::extension(format)));
            fs::write(&path, bytes).unwrap();
            files.push(path);
        }
        let Some((valid, output)) = check(&schemas.join(schema), &files) else {
            return skipped("validate what is written, and put check-jsonschema on the path");
        };
        assert!(valid, "{format:?}:\n{output}");
        // A check that cannot fail would prove nothing.
        let wrong = scratch.path().join("wrong.json");
        fs::write(&wrong, "{\"bomFormat\":\"other\",\"version\":\"x\"}").unwrap();
        assert!(!check(&schemas.join(schema), &[wrong]).unwrap().0, "{format:?}");
        println!("{format:?}: {} documents are valid by {schema}", files.len());
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "json" || end == "spdx") {
            files.push(path);
        }
    }
}

#[test]
fn public_examples_are_read() {
    let Some(examples) = folder().map(|folder| folder.join("examples")).filter(|folder| folder.is_dir()) else {
        return skipped("read public examples below examples/");
    };
    let mut files = Vec::new();
    collect(&examples, &mut files);
    files.sort();
    let (mut bills, mut components, mut sets, mut stated, mut none) = (0, 0, 0, 0, Vec::new());
    for path in &files {
        let bytes = fs::read(path).unwrap();
        let (bill, statements) = (Bill::read(&bytes), statements(&bytes));
        if let Ok(bill) = &bill {
            (bills, components) = (bills + 1, components + bill.components.len());
        }
        if let Ok(statements) = &statements {
            (sets, stated) = (sets + 1, stated + statements.len());
        }
        if let (Err(bill), Err(statements)) = (bill, statements) {
            let why = if matches!(bill, Error::UnknownFormat(_)) { statements } else { bill };
            none.push(format!("{}: {why}", path.strip_prefix(&examples).unwrap().display()));
        }
    }
    println!("{} files: {bills} bills of {components} components, {sets} sets of {stated} statements", files.len());
    println!("not read, {}:\n{}", none.len(), none.join("\n"));
    assert!(bills > 0 && stated > 0);
}
