//! `.gitlab-ci.yml` in, a plan of jobs out: GitLab's pipeline language as a pure function.
//!
//! A file is read in two halves. [`Pipeline::parse`] knows only the bytes; it answers with a typed pipeline or with every
//! problem it found, each at its line and with a sentence that says what to write instead. [`plan`] knows also the
//! [`Situation`]: who started the pipeline, on which ref, with which variables and changed files. It decides which jobs
//! run and says of the others why not.
//!
//! ```text
//!  bytes ─► yaml ─────────► resolve ────────► read ──────► Pipeline ─┐
//!           events to nodes  !reference,       typed jobs,           ├─► plan ─► Outcome::Pipeline(Plan)
//!           aliases, <<      extends           problems    Situation ┘           Outcome::Nothing(Why)
//! ```
//!
//! What always holds:
//! - Nothing is evaluated by a host language. `rules:if` has its own lexer, parser and evaluator ([`Expression`]), regular
//!   expressions are linear in time, and globs never back-track over more than one star.
//! - Hostile bytes cost bounded work: `base::limits` names the size of a file, the nodes and bytes it may grow to through
//!   aliases, `extends`, `!reference` and variables, the jobs, the patterns, the problems that are told.
//! - A keyword is obeyed, or refused in words, or ignored with a warning because ignoring it changes no job's result. A
//!   keyword is never silently dropped.
//! - The same file in the same situation gives the same plan. A plan is plain data that can be stored as JSON.
//!
//! Sources: GitLab's "CI/CD YAML syntax reference", "Where variables can be used", "Predefined variables"; YAML 1.1 scalars
//! as Ruby's Psych reads them, because that is what existing files were written against.
//!
//! What this crate does not know: repositories, job ids, tokens, runners, project or group variables (the caller brings
//! them in the situation), time, and the network: `include` is refused.

mod budget;
mod duration;
mod expression;
mod glob;
mod job;
mod keywords;
mod pattern;
mod pipeline;
mod plan;
mod problem;
mod read;
mod resolve;
mod select;
mod situation;
mod variable;
mod yaml;

pub use expression::{Expression, InvalidExpression};
pub use job::{AllowFailure, Artifacts, Cache, CacheKey, Environment, Image, Need, Retry, When, YamlVariable};
pub use pipeline::Pipeline;
pub use plan::{Downloads, Outcome, Plan, PlannedJob, Skipped, Why, plan};
pub use problem::Problem;
pub use situation::{RefType, Situation, Source};
pub use variable::{InvalidMasked, TooMuchExpansion, Undefined, Variable, check_masked, expand, expand_all};
pub use yaml::{Entry, Map, Mark, Node, Value};
