//! Git repositories: projects, their refs, who may fetch and push, and a record of every push.
//!
//! The pack work is done by the `git` program (2.39 and later), one short-lived child per request; everything around it, who
//! may, which refs, what is recorded, is decided here. Nothing of a repository is ever checked out on the server.
//!
//! ```text
//!              head of the request      intent row        git receive-pack        compare refs
//!   git push ─► commands ─► policy ───► who, which refs ─► objects, refs ────────► ref rows, audit entry, event ─► answer
//!                            │ refused                     │ kill -9 anywhere here
//!                            └► report, nothing runs       └► the reconciler of the next start compares and records
//! ```
//!
//! Invariants:
//! - A push is answered after it was recorded. What git holds and no ref row says is found by comparing, never by trusting
//!   that a request came to its end.
//! - No text from outside becomes an option or a path of `git`: repositories are numbered, commits are [`Oid`]s, refs are
//!   parsed [`RefName`]s, and a path stands behind a commit and a colon.
//! - The child's environment and configuration are ours: no hooks, no configuration of system or user, no local clones.
//! - `refs/pipelines/N` keeps the commit of a pipeline fetchable; only jobs see these refs and nobody can push them.
//!
//! On disk, below the folder given at construction: `<project id>.git`, bare. Ids are never used twice.
//!
//! What this crate does not know: HTTP, pipelines, jobs and their tokens.

mod error;
mod oid;
mod project;
mod ref_name;

mod git;
mod output;
mod receive;

mod serve;
mod service;
mod settle;
mod tree;

mod store;

pub use error::Error;
pub use oid::Oid;
pub use output::{Input, Output};
pub use project::{NewProject, Project, ProjectId, ProjectName, ProjectPath, ProjectRef, Visibility};
pub use ref_name::{RefKind, RefName};
pub use serve::{Access, Service};
pub use service::Forge;
pub use settle::BROKEN_JOB;
pub use store::SCHEMA;
pub use tree::{CommitInfo, TreeEntry};
