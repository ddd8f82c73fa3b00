//! `docs/reference/registry.md` says what the program does: its endpoints, its codes and its limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use base::limits;

use crate::{conformance::Wire, docs::page};

/// The rows of the table below a heading, each as its cells.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = page("reference/registry.md");
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).expect("the page has this heading");
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|---")).skip(1);
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The words in code of a text.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What a limit is, as a number without a unit.
trait Plain {
    fn plain(self) -> u64;
}

impl Plain for Duration {
    fn plain(self) -> u64 {
        self.as_secs()
    }
}

macro_rules! plain {
    ($($number:ty),*) => {$(impl Plain for $number {
        fn plain(self) -> u64 {
            u64::try_from(self).unwrap()
        }
    })*};
}
plain!(usize, u64, i64, u32);

macro_rules! limits {
    ($($name:ident),* $(,)?) => {
        BTreeMap::from([$((stringify!($name).to_owned(), limits::$name.plain())),*])
    };
}

#[test]
fn its_limits_are_those_of_the_program() {
    let program = limits![
        MANIFEST_BYTES,
        MANIFEST_DESCRIPTORS,
        DOCUMENT_DEPTH,
        DOCUMENT_VALUES,
        REPOSITORY_NAME_BYTES,
        TAG_BYTES,
        PUSH_TAGS,
        BLOB_BYTES,
        UPLOADS_OF_ONE,
        UPLOAD_LIFETIME,
        LINK_REVIEW_AFTER,
        SCRUB_EVERY,
        PIECE_BYTES,
        PAGE_MAX,
        HANDSHAKE,
        REQUEST_HEAD,
        CLIENT_PATIENCE,
        CLIENT_BYTES_PER_S,
        CONNECTIONS,
        CONNECTIONS_FROM_ADDRESS,
        CONNECTIONS_REFUSED,
        WRONG_PASSWORDS_OF_ACCOUNT,
        WRONG_PASSWORDS_FROM_ADDRESS,
    ];
    let told = table("Limits")
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].replace(',', "").parse().unwrap()));
    assert_eq!(told.collect::<BTreeMap<String, u64>>(), program);
}

#[test]
fn its_codes_are_those_of_the_program() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci/src/error_code.rs");
    let source = fs::read_to_string(source).unwrap();
    let arms = source.lines().filter_map(|line| line.trim().strip_prefix("ErrorCode::")?.split_once("=> \""));
    let program: BTreeSet<String> = arms.map(|(_, rest)| rest.trim_end_matches("\",").to_owned()).collect();
    assert!(program.contains("TAG_INVALID"), "{program:?}");
    let rows = table("Codes");
    let told: BTreeSet<String> = rows.iter().flat_map(|row| code(&row[0]).map(str::to_owned)).collect();
    assert_eq!(told, program);
    // What stands beside an endpoint is in the table of codes, with that status.
    let status_of = |name: &str| {
        let row = rows.iter().find(|row| code(&row[0]).any(|code| code == name));
        row.unwrap_or_else(|| panic!("{name} is no code")).get(1).unwrap().clone()
    };
    for row in table("Endpoints") {
        for part in row[2].split("; ") {
            let status = part.split([' ', ',']).next().unwrap();
            let upper = |code: &&str| code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            for name in code(part).filter(upper) {
                let known = status_of(name);
                assert!(known.split(", ").any(|one| one == status), "{}: {part}; {name} goes with {known}", row[0]);
            }
        }
    }
}

#[test]
fn its_endpoints_are_those_of_the_program() {
    let wire = Wire::start();
    let digest = wire.blob("admin/app", oci::Algorithm::Sha256, b"{}").to_string();
    let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in table("Endpoints") {
        let (method, path) = row[0].trim_matches('`').split_once(' ').unwrap();
        let path = path.split('?').next().unwrap().to_owned();
        told.entry(path).or_default().insert(method.to_owned());
    }
    for (path, methods) in told {
        let at = path.replace("<name>", "admin/app").replace("<reference>", "latest").replace("<digest>", &digest);
        let at = at.replace("<id>", &"0".repeat(26));
        // A method that no path has.
        let answer = wire.expect(405, "PROPFIND", &at, &[], b"");
        let served: BTreeSet<String> = answer.header("allow").unwrap().split(", ").map(str::to_owned).collect();
        assert_eq!(methods, served, "{path}");
    }
}
