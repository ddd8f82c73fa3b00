//! In-toto statements, as far as every statement has them: <https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md>.

use std::collections::BTreeMap;

use base::limits;
use oci::Digest;
use serde::Deserialize;

use crate::{Unreadable, error::short};

pub(crate) struct Statement {
    pub(crate) predicate_type: String,
    /// Those of its subjects that have a digest of a kind that images have.
    pub(crate) subjects: Vec<Digest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "_type")]
    kind: String,
    predicate_type: String,
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
}

/// Version 0.1 is what cosign still writes.
const KINDS: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

impl Statement {
    pub(crate) fn read(bytes: &[u8]) -> Result<Statement, Unreadable> {
        let written: Written = serde_json::from_slice(bytes)
            .map_err(|error| Unreadable::new(format!("the envelope holds no statement: {error}")))?;
        if !KINDS.contains(&&*written.kind) {
            return Err(Unreadable::new(format!("a statement of the type {} is not known", short(&written.kind))));
        }
        if written.subject.len() > limits::STATEMENT_SUBJECTS {
            let limit = limits::STATEMENT_SUBJECTS;
            return Err(Unreadable::new(format!(
                "a statement has {} subjects, at most {limit}",
                written.subject.len()
            )));
        }
        let subjects = written.subject.iter().flat_map(|subject| &subject.digest);
        let subjects = subjects.filter_map(|(algorithm, hex)| format!("{algorithm}:{hex}").parse().ok()).collect();
        Ok(Statement { predicate_type: written.predicate_type, subjects })
    }
}
