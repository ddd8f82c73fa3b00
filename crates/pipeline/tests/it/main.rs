//! The pipeline language at its boundary: a folder of files with their plans, and hostile files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop loudly")]

mod cases;
mod hostile;

use pipeline::{RefType, Situation, Source};

/// A push to `main` of which nothing else is known.
fn push_to_main() -> Situation {
    Situation {
        source: Source::Push,
        ref_name: "main".to_owned(),
        ref_type: RefType::Branch,
        default_branch: "main".to_owned(),
        predefined: Vec::new(),
        variables: Vec::new(),
        changed_files: None,
        files: None,
    }
}
