//! What a Rust file of this repository must look like.

use super::Violation;

/// Lines of a file; 100 to 250 are wanted.
const MOST_LINES: usize = 500;
/// Lines of the essay at the top of a `lib.rs`.
const LEAST_ESSAY: usize = 5;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 4] = ["utils", "common", "helpers", "manager"];
/// Written in two pieces each, or this file would find itself.
const UNFINISHED: [&str; 3] = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[", "ignore")];
const SQL: [&str; 4] =
    [concat!("SELECT", " "), concat!("INSERT", " INTO "), concat!("DELETE", " FROM "), concat!("CREATE", " TABLE ")];
/// `UPDATE` is a word of English too; it is SQL when its `SET` follows within this many lines.
const SET_WITHIN_LINES: usize = 3;

/// Checks one file; `path` is relative to the repository.
pub fn check(path: &str, text: &str) -> Vec<Violation> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    if lines.len() > MOST_LINES {
        let what = format!("{} lines, at most {MOST_LINES}: give its second subject a file", lines.len());
        found.push(Violation::new(path, MOST_LINES + 1, what));
    }
    found.extend(check_name(path));
    found.extend(check_head(path, &lines));
    let sql_allowed = may_hold_sql(path);
    let mut in_tests = false;
    for (index, line) in lines.iter().enumerate() {
        // A file's tests are its last part (STYLE.md, rule 19).
        in_tests |= line.trim_start().starts_with("#[cfg(test)]") && !line.contains("mod tests;");
        if line.trim_start().starts_with("//") {
            continue;
        }
        if let Some(mark) = UNFINISHED.iter().find(|mark| line.contains(**mark)) {
            found.push(Violation::new(path, index + 1, format!("{mark} is not finished work")));
        }
        if !sql_allowed && !in_tests && holds_sql(&lines[index..]) {
            found.push(Violation::new(path, index + 1, "SQL outside store.rs, schema.rs, crates/db and tests"));
        }
    }
    found
}

fn check_name(path: &str) -> Option<Violation> {
    let parts = path.trim_end_matches(".rs").split('/');
    let empty = parts.into_iter().find(|part| EMPTY_NAMES.contains(part))?;
    Some(Violation::new(path, 1, format!("{empty} is no name: say what is inside")))
}

/// The file's first words: a sentence; in a `lib.rs` an essay.
fn check_head(path: &str, lines: &[&str]) -> Option<Violation> {
    let head: Vec<&str> = lines.iter().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let paragraph = head.iter().take_while(|line| !line.is_empty());
    let Some(end) = paragraph.last() else {
        return Some(Violation::new(path, 1, "the first line is no //! sentence saying what this file is about"));
    };
    if !end.ends_with('.') {
        return Some(Violation::new(path, 1, "the first //! paragraph does not end with a full stop"));
    }
    if path.ends_with("src/lib.rs") && head.len() < LEAST_ESSAY {
        let what = format!("the essay of a lib.rs has at least {LEAST_ESSAY} lines, this one {}", head.len());
        return Some(Violation::new(path, 1, what));
    }
    None
}

fn may_hold_sql(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').collect();
    let file = parts.pop().unwrap_or_default();
    // A store that grew beyond one file is a folder of that name. xtask plays the vandal in its story.
    matches!(file, "store.rs" | "schema.rs" | "tests.rs")
        || parts.iter().any(|part| matches!(*part, "tests" | "store" | "schema"))
        || path.starts_with("crates/db/")
        || path.starts_with("xtask/")
}

fn holds_sql(from_here: &[&str]) -> bool {
    let line = from_here[0];
    if SQL.iter().any(|words| line.contains(words)) {
        return true;
    }
    let Some((_, rest)) = line.split_once("UPDATE ") else { return false };
    let next = from_here.iter().skip(1).take(SET_WITHIN_LINES - 1).copied();
    std::iter::once(rest).chain(next).any(|line| line.split_whitespace().any(|word| word == "SET"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(path: &str, text: &str) -> Vec<String> {
        check(path, text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_file_is_left_alone() {
        let text =
            "//! One subject.\n\n/// SELECT in a comment is prose.\nfn updated() -> &'static str { \"UPDATE me\" }\n";
        assert_eq!(what("crates/ci/src/job.rs", text), Vec::<String>::new());
    }

    #[test]
    fn heads() {
        let missing = "the first line is no //! sentence";
        for (path, text, expected) in [
            ("crates/ci/src/a.rs", "use std::fs;\n", missing),
            ("crates/ci/src/a.rs", "", missing),
            ("crates/ci/src/a.rs", "//! Two lines,\n//! no end\n//!\n//! More.\n", "does not end with a full stop"),
            ("crates/ci/src/lib.rs", "//! Short.\n", "at least 5 lines, this one 1"),
        ] {
            let found = what(path, text);
            assert!(found.len() == 1 && found[0].contains(expected), "{text:?}: {found:?}");
        }
        assert!(what("crates/ci/src/a.rs", "//! Two lines,\n//! one sentence.\n").is_empty());
    }

    #[test]
    fn sql_stands_where_it_may() {
        for sql in ["SELECT a FROM b", "INSERT INTO b", "DELETE FROM b", "CREATE TABLE b", "UPDATE b SET a = 1"] {
            let text = format!("//! A file.\nconst Q: &str = \"{sql}\";\n");
            for path in ["crates/ci/src/service.rs", "crates/web/src/restore.rs"] {
                assert_eq!(what(path, &text).len(), 1, "{sql} in {path}");
            }
            for path in [
                "crates/ci/src/store.rs",
                "crates/ci/src/tests.rs",
                "crates/ci/tests/it/main.rs",
                "crates/db/src/tx.rs",
            ] {
                assert_eq!(what(path, &text).len(), 0, "{sql} in {path}");
            }
            let test = format!("//! A file.\n#[cfg(test)]\nmod tests {{ const Q: &str = \"{sql}\"; }}\n");
            assert_eq!(what("crates/ci/src/service.rs", &test).len(), 0, "{sql} in tests of a file");
        }
        let split = "//! A file.\nconst Q: &str = \"UPDATE jobs\n   SET state = 2\";\n";
        assert_eq!(what("crates/ci/src/service.rs", split).len(), 1);
    }

    #[test]
    fn unfinished_work_empty_names_and_long_files() {
        for mark in UNFINISHED {
            assert_eq!(what("crates/ci/src/a.rs", &format!("//! A file.\n{mark}\n")).len(), 1, "{mark}");
        }
        assert_eq!(what("crates/ci/src/utils.rs", "//! A file.\n").len(), 1);
        assert_eq!(what("crates/ci/src/common/a.rs", "//! A file.\n").len(), 1);
        let long = format!("//! A file.\n{}", "\n".repeat(500));
        assert_eq!(
            what("crates/ci/src/a.rs", &long),
            ["crates/ci/src/a.rs:501: 501 lines, at most 500: give its second subject a file"]
        );
    }
}
