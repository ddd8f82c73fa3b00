//! What people say of the findings of an image: waivers, and statements of documents.
//!
//! ```text
//!   waivers of everywhere, the namespace, the repository, ─┐
//!   the image, its layers: those in force                  ├─ Triage ─┬─► into a report, which every format is written from
//!   documents of the same scopes ─ read once ─ statements ─┘          └─► [Found]: findings with what is said of each
//! ```
//!
//! A finding is closed by a waiver in force, or by the newest statement about it when that says "not affected" or "fixed".

use std::sync::Arc;

use base::Timestamp;
use bom::{Justification, Report, Statement};
use db::Tx;
use inventory::ImageInventory;
use oci::{Digest, RepoName};
use registry::{Image, Registry};
use scan::ImageFinding;

use crate::{Error, Promote, VexDocument, Waiver, WaiverScope, store};

/// What is said of the findings of one image in one repository.
#[derive(Clone, Debug, Default)]
pub struct Triage {
    waivers: Vec<Waiver>,
    /// Of the image, lowest first; known when a waiver asks.
    layers: Vec<Digest>,
    documents: Vec<(VexDocument, Arc<Vec<Statement>>)>,
    /// What the image, and the index it is looked at in, are called in the repository.
    names: Vec<String>,
}

/// A finding with what is said of it.
#[derive(Clone, Debug)]
pub struct Found {
    pub finding: ImageFinding,
    pub waiver: Option<Waiver>,
    pub statement: Option<Statement>,
}

impl Promote {
    /// What is said `now` of an image in a repository. The digests are those under which it is looked at: its own, and that of the index
    /// it is a part of. Whoever asks has shown that they may see it.
    pub async fn triage(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        repository: &RepoName,
        digests: &[&Digest],
    ) -> Result<Triage, Error> {
        let mut scopes = vec![WaiverScope::Everywhere];
        scopes.extend(repository.namespace().parse().map(WaiverScope::Namespace));
        scopes.push(WaiverScope::Repository(repository.clone()));
        for digest in digests {
            let scope = WaiverScope::Image((*digest).clone());
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        let mut triage = Triage::default();
        for scope in &scopes {
            triage.waivers.extend(store::waivers_of_scope(tx, scope).await?);
            for document in store::vex_of_scope(tx, scope).await? {
                let statements = self.statements_of(tx, &document).await?;
                triage.documents.push((document, statements));
            }
        }
        let of_layers = store::waivers_of_layers(tx).await?;
        if !of_layers.is_empty() {
            for digest in digests {
                // An index has none of its own.
                triage.layers.extend(Registry::layers(tx, digest).await?.into_iter().map(|layer| layer.digest));
            }
            let has = |scope: &WaiverScope| matches!(scope, WaiverScope::Layer(own) if triage.layers.contains(own));
            triage.waivers.extend(of_layers.into_iter().filter(|waiver| has(&waiver.scope)));
        }
        triage.waivers.retain(|waiver| waiver.is_in_force(now));
        if !triage.documents.is_empty() {
            triage.names = self.names_of(tx, repository, digests).await?;
        }
        Ok(triage)
    }

    /// `registry.example/team/app:1` and `registry.example/team/app@sha256:…`.
    async fn names_of(&self, tx: &mut Tx, repository: &RepoName, digests: &[&Digest]) -> Result<Vec<String>, Error> {
        let place = self.registry.place_of(repository);
        let mut names = Vec::new();
        for digest in digests {
            names.push(format!("{place}@{digest}"));
            let here = Registry::places(tx, digest).await?.into_iter().find(|found| found.repository == *repository);
            names.extend(here.into_iter().flat_map(|found| found.tags).map(|tag| format!("{place}:{tag}")));
        }
        Ok(names)
    }

    /// What was found in an image, with what is said of it.
    pub async fn found(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        (repository, image): (&RepoName, &Image),
        triage: &Triage,
    ) -> Result<Vec<Found>, Error> {
        let findings = self.scan.findings(tx, repository, &image.digest).await?;
        let inventory = match triage.documents.is_empty() || findings.is_empty() {
            true => None,
            false => self.scan.inventory(tx, repository, &image.digest).await?,
        };
        Ok(triage.of(image, &inventory.unwrap_or_default(), findings, now))
    }
}

impl Triage {
    /// True when nothing is said of anything.
    pub fn is_empty(&self) -> bool {
        self.waivers.is_empty() && self.documents.is_empty()
    }

    /// As far as it was said by then already. What was taken back meanwhile left no trace.
    #[must_use]
    pub fn by(mut self, then: Timestamp) -> Triage {
        self.waivers.retain(|waiver| waiver.since() <= then);
        self.documents.retain(|(document, _)| document.added_at <= then);
        self
    }

    /// Say it in the findings of a report about the image.
    pub fn write(&self, report: &mut Report) {
        for finding in &mut report.findings {
            let waiver = self.waivers.iter().find(|one| one.accepts(finding, &self.layers));
            finding.waiver = waiver.map(|waiver| bom::Waiver {
                reason: waiver.reason.clone(),
                justification: waiver.justification,
                author: waiver.author.clone(),
                created: Some(waiver.created_at),
                expires: waiver.expires_at,
            });
        }
        let statements = self.statements();
        let decided = bom::decide(report, &self.names, &statements);
        for (finding, statement) in report.findings.iter_mut().zip(decided) {
            if let Some(statement) = statement {
                statement.state(finding);
            }
        }
    }

    /// The same for findings as the scanner has them.
    fn of(&self, image: &Image, inventory: &ImageInventory, findings: Vec<ImageFinding>, now: Timestamp) -> Vec<Found> {
        let statements = self.statements();
        let decided = match statements.is_empty() {
            true => vec![None; findings.len()],
            false => bom::decide(&scan::spoken_of(image, inventory, &findings, now), &self.names, &statements),
        };
        let found = |(finding, statement): (ImageFinding, Option<&Statement>)| Found {
            waiver: self.waivers.iter().find(|waiver| waiver.covers(&finding, &self.layers)).cloned(),
            statement: statement.cloned(),
            finding,
        };
        findings.into_iter().zip(decided).map(found).collect()
    }

    fn statements(&self) -> Vec<&Statement> {
        self.documents.iter().flat_map(|(_, statements)| statements.iter()).collect()
    }

    /// Everything that it rests on, as a text: when that is still the same, so is what is said.
    pub(crate) fn basis(&self) -> String {
        let waivers = self.waivers.iter().map(|waiver| waiver.id.to_string());
        let documents = self.documents.iter().map(|(document, _)| format!("{} {}", document.id, document.digest));
        waivers.chain(documents).chain(self.names.iter().cloned()).map(|line| format!("\n{line}")).collect()
    }
}

impl Found {
    /// False when it is waived, or stated not to matter.
    pub fn is_open(&self) -> bool {
        self.waiver.is_none() && !self.statement.as_ref().is_some_and(Statement::closes)
    }

    /// Why it does not count, in words; None where it does.
    pub fn closed_because(&self) -> Option<String> {
        match (&self.waiver, &self.statement) {
            (Some(waiver), _) => Some(waiver.reason.clone()),
            (None, Some(statement)) if statement.closes() => self.stated(),
            _ => None,
        }
    }

    /// `not affected (vulnerable_code_not_present): the class is removed`: what the statement about it says; None where there is none.
    pub fn stated(&self) -> Option<String> {
        let statement = self.statement.as_ref()?;
        let mut said = statement.status.as_str().replace('_', " ");
        if let Some(why) = statement.justification.map(Justification::as_str) {
            said.push_str(&format!(" ({why})"));
        }
        let more = [&statement.impact, &statement.action].into_iter().filter(|text| !text.is_empty());
        more.for_each(|text| said.push_str(&format!(": {text}")));
        Some(said)
    }
}
