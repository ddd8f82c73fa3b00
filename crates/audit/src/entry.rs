//! One entry: what happened, to what, by whom, and the state it left.

use std::collections::BTreeMap;

use base::{Ctx, Id, limits};
use db::{Error, Tx};
use serde::Serialize;
use serde_json::Value;

use crate::{ordinal, store};

/// An entry to be appended.
#[derive(Clone, Debug)]
pub struct Entry {
    kind: &'static str,
    subjects: Vec<String>,
    details: BTreeMap<&'static str, Value>,
    sets: BTreeMap<String, Option<String>>,
}

/// The leaf: canonical JSON, that is sorted keys and no white space. Its bytes are stored and hashed, never made again.
#[derive(Serialize)]
struct Body<'a> {
    actor: String,
    at: String,
    cause: &'a Option<String>,
    credential: Option<String>,
    details: &'a BTreeMap<&'static str, Value>,
    id: &'a str,
    kind: &'a str,
    request_id: &'a str,
    sets: &'a BTreeMap<String, Option<String>>,
    subjects: &'a [String],
    v: u32,
}

impl Entry {
    /// An entry of this kind, in the form `noun.verb`: `tag.set`, `policy.created`.
    pub fn new(kind: &'static str) -> Entry {
        Entry { kind, subjects: Vec::new(), details: BTreeMap::new(), sets: BTreeMap::new() }
    }

    /// What the entry is about: a digest, a repository, a commit, a job. The chain of a digest is found by these.
    #[must_use]
    pub fn about(mut self, subject: impl ToString) -> Entry {
        let subject = subject.to_string();
        if !self.subjects.contains(&subject) {
            self.subjects.push(subject);
        }
        self
    }

    /// A particular, under a fixed name. Never a secret.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Serialize) -> Entry {
        let value = serde_json::to_value(value).expect("details are plain values");
        self.details.insert(name, value);
        self
    }

    /// The state the change left: `key` now has this value. Keys start with the context's name: `registry/tag/…`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl ToString) -> Entry {
        self.sets.insert(key.into(), Some(value.to_string()));
        self
    }

    /// The state the change left: `key` is no more.
    #[must_use]
    pub fn unset(mut self, key: impl Into<String>) -> Entry {
        self.sets.insert(key.into(), None);
        self
    }
}

/// Append an entry in the caller's transaction; gives its id. Its index in the log comes from the sequencer, soon after the
/// commit.
pub async fn append(tx: &mut Tx, ctx: &Ctx, entry: Entry) -> Result<String, Error> {
    let id = Id::<Entry>::new(ctx);
    let body = Body {
        actor: ctx.actor.label(),
        at: ctx.now.to_string(),
        cause: &ctx.cause,
        credential: ctx.principal().map(|principal| principal.credential.label()),
        details: &entry.details,
        id: id.as_str(),
        kind: entry.kind,
        request_id: &ctx.request_id,
        sets: &entry.sets,
        subjects: &entry.subjects,
        v: 1,
    };
    let body = serde_json::to_string(&body).expect("a body has only text keys");
    if body.len() > limits::AUDIT_LEAF_BYTES {
        return Err(Error::Refused(format!(
            "an audit entry of kind {} would have {} bytes, {} at most; keep large values by digest",
            entry.kind,
            body.len(),
            limits::AUDIT_LEAF_BYTES
        )));
    }
    store::insert(tx, ctx, &id, entry.kind, &body, &entry.subjects, ordinal::next(ctx.now)).await?;
    tx.wake();
    Ok(id.to_string())
}
