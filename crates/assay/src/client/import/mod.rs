//! `assay import dtr`: everything that a DTR or MSR 2.x tells of over its API, into the server that one is signed in to.
//!
//! ```text
//!   DTR ── /enzi/v0, /api/v0 ─► people ─► repositories ─► images ─► policies, webhooks ─► report
//!       └─ /v2 (bytes as they are, so that digests stay) ─┘
//! ```
//!
//! There is no state file: each thing is looked for here first. What is here and the same stays, what is here and differs is told and
//! never overwritten, what is not here is made. So a run after one that was cut off goes on where that ended, and one after a
//! whole one changes nothing. Policies come last, and say nothing of what was carried: a promotion that DTR made is not made twice.

mod copy;
mod dtr;
mod images;
mod people;
mod policies;
mod registry;
mod report;
mod repositories;
mod settings;
mod target;
mod webhooks;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    str::FromStr,
};

use anyhow::{Context, Result};
use base::Secret;
use clap::{Args, Subcommand};
use serde_json::Value;

use self::{dtr::Dtr, report::Report, target::Target};
use super::{Client, Format, http::Refused, password, show};
use crate::tell;

/// Where an installation is imported from.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportFrom {
    /// A Docker Trusted Registry or MSR 2.x: organizations, teams, members, repositories, images, policies, webhooks.
    Dtr(FromDtr),
}

/// Import from a DTR. Run it again at any time: it goes on where it ended.
#[derive(Debug, Args)]
pub(crate) struct FromDtr {
    /// `https://HOST` of the DTR.
    url: String,
    /// Who signs in there; an administrator sees everything.
    #[arg(long)]
    user: String,
    /// A file with the password or an access token of the user there; without it, it is asked for or the first line of standard
    /// input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// A file with the DTR's authority, from `https://HOST/ca`; check it by another way before you trust it.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Do not check the DTR's certificate: whoever is in between reads the password and can send other images.
    #[arg(long, conflicts_with = "ca")]
    insecure: bool,
    /// Only this namespace or repository, with the people of its organization; repeatable.
    #[arg(long, value_name = "NAMESPACE[/REPOSITORY]")]
    include: Vec<Included>,
    /// Leave tags and images where they are.
    #[arg(long)]
    without_images: bool,
    /// Also move tags that are here and name another image there; else such a tag is told and left.
    #[arg(long)]
    move_tags: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Write the whole report here, as JSON: a row for each thing.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// `namespace` or `namespace/repository`, in the names that the DTR has.
#[derive(Clone, Debug)]
struct Included {
    namespace: String,
    repository: Option<String>,
}

/// Something could not be carried, or differs here.
#[derive(Debug, thiserror::Error)]
#[error("not everything could be carried; what and why is told above")]
pub(crate) struct NotWhole;

/// One import while it runs.
#[derive(Debug)]
struct Import {
    dtr: Dtr,
    target: Target,
    include: Vec<Included>,
    move_tags: bool,
    report: Report,
    /// Whether the DTR shows everything to whoever signed in.
    sees_all: bool,
    /// The names of all accounts there.
    namespaces: BTreeSet<String>,
    /// Why an account of the DTR is not here; nothing of it can be, either.
    absent: BTreeMap<String, String>,
    /// Teams of each organization of the DTR, by their ids.
    teams: BTreeMap<String, BTreeMap<String, String>>,
    /// Repositories of the DTR that are to be here, `namespace/name`, with what it says of them.
    repositories: Vec<(String, Value)>,
}

impl ImportFrom {
    pub(crate) async fn run(self, client: Client, format: Format) -> Result<()> {
        let ImportFrom::Dtr(asked) = self;
        let (report, path) = (asked.report.clone(), asked.report.as_deref());
        // Before anything is done: a report that cannot be kept is of no use at the end.
        let mut file = path.map(std::fs::File::create).transpose().with_context(|| {
            format!("the report cannot be written to {}", report.as_deref().unwrap_or("".as_ref()).display())
        })?;
        let images = !asked.without_images;
        let mut import = asked.begin(client).await?;
        let outcome = import.everything(images).await;
        let value = import.report.value();
        if let Some(file) = &mut file {
            use std::io::Write;
            file.write_all(serde_json::to_string_pretty(&value)?.as_bytes()).context("the report cannot be written")?;
        }
        match format {
            Format::Json => show::print(&value, &show::Text::Whole, format)?,
            Format::Text => show::print(&value, &show::Text::Said(import.report.told()), format)?,
        }
        outcome?;
        import.report.verdict()
    }
}

impl FromDtr {
    /// Sign in on both sides.
    async fn begin(self, client: Client) -> Result<Import> {
        let target = Target::new(client, self.dry_run).await?;
        let ca = self
            .ca
            .as_ref()
            .map(|path| std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display())));
        let password = match &self.password_file {
            None => password::ask(&format!("Password of {} at {}: ", self.user, self.url))?,
            Some(path) => {
                let text =
                    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
                Secret::new(text.lines().next().unwrap_or_default().to_owned())
            }
        };
        let dtr = Dtr::new(&self.url, self.user, password, ca.transpose()?.as_deref(), self.insecure)?;
        let mut report = Report::new(dtr.url(), self.dry_run);
        let sees_all = dtr.sign_in().await?;
        if !sees_all {
            report.note(
                "whom you sign in as is no administrator of the DTR: only what that account sees there is carried",
            );
        }
        if self.insecure {
            report.note("the DTR's certificate was not checked");
        }
        Ok(Import {
            dtr,
            target,
            include: self.include,
            move_tags: self.move_tags,
            report,
            sees_all,
            namespaces: BTreeSet::new(),
            absent: BTreeMap::new(),
            teams: BTreeMap::new(),
            repositories: Vec::new(),
        })
    }
}

impl Import {
    async fn everything(&mut self, images: bool) -> Result<()> {
        tell("people");
        self.people().await?;
        tell("repositories");
        self.all_repositories().await?;
        if images {
            self.images().await?;
        }
        tell("policies and webhooks");
        self.policies().await?;
        self.webhooks().await?;
        if self.include.is_empty() && self.sees_all {
            self.settings().await?;
        }
        self.report.note("passwords and access tokens cannot be read from a DTR: people set new ones, and make new tokens and client bundles");
        Ok(())
    }

    /// Whether a namespace is to be carried, or anything of it.
    fn includes(&self, namespace: &str) -> bool {
        self.include.is_empty() || self.include.iter().any(|one| one.namespace == namespace)
    }

    /// Whether a repository is.
    fn includes_repository(&self, namespace: &str, name: &str) -> bool {
        let of = |one: &Included| one.namespace == namespace && one.repository.as_deref().is_none_or(|own| own == name);
        self.include.is_empty() || self.include.iter().any(of)
    }
}

impl FromStr for Included {
    type Err = String;

    fn from_str(text: &str) -> Result<Included, String> {
        let (namespace, repository) = match text.split_once('/') {
            Some((namespace, repository)) => (namespace, Some(repository.to_owned())),
            None => (text, None),
        };
        if namespace.is_empty() || repository.as_deref().is_some_and(|name| name.is_empty() || name.contains('/')) {
            return Err(format!("{text:?} is not of the form NAMESPACE or NAMESPACE/REPOSITORY"));
        }
        Ok(Included { namespace: namespace.to_owned(), repository })
    }
}

/// A text that a thing of the DTR has under this name.
fn text<'v>(thing: &'v Value, member: &str) -> &'v str {
    thing[member].as_str().unwrap_or_default()
}

fn flag(thing: &Value, member: &str) -> bool {
    thing[member].as_bool().unwrap_or_default()
}

/// A part of a path, as it may come from elsewhere.
fn part(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A refusal to sign in, which ends the program with the code for it.
fn signed_out(message: String) -> anyhow::Error {
    Refused { status: axum::http::StatusCode::UNAUTHORIZED, code: String::new(), message, request_id: None }.into()
}

#[cfg(test)]
mod tests {
    use super::Included;

    #[test]
    fn a_namespace_or_a_repository_is_included() {
        let both = |text: &str| text.parse::<Included>().map(|one| (one.namespace, one.repository));
        assert_eq!(both("ops"), Ok(("ops".to_owned(), None)));
        assert_eq!(both("ops/shop"), Ok(("ops".to_owned(), Some("shop".to_owned()))));
        assert!(["", "/", "ops/", "/shop", "a/b/c"].iter().all(|bad| both(bad).is_err()));
    }
}
