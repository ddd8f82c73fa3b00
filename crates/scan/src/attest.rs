//! The inventory and the scan of an image as signed attestations, attached to it in every repository that holds it.
//!
//! ```text
//!   scan ended, or gave something else ─► wanted (a row) ─► job ─► statement ─► bundle, signed ─► referrer, replaces the one before
//!                                                             └─ says the same as the present one: nothing is written
//! ```
//!
//! Statements are about a digest and name no repository: whoever may pull an image from one repository learns nothing of another. What was
//! waived is left out, for that is decided here and now, and is not what was found.
//!
//! A row is taken away only when its image was attested, so nothing is lost when the process dies, when the registry is read-only, or when
//! a statement could not be made; a timer looks at what was left. Where the process starts with another key, rows are written for everything that
//! the one before signed. Images that were matched again are many: the rows wait, one job at a time
//! works them off.

use std::collections::BTreeMap;

use audit::Entry;
use base::{Ctx, Timestamp, limits};
use bom::Predicate;
use db::Tx;
use jobs::{Failure, Job, NewJob};
use oci::{Algorithm, Digest, RepoName};
use registry::{Attachment, Image, Registry, Stored};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Scan,
    service::incomplete,
    signing::{AttestationKey, BUNDLE_TYPE},
    store,
};

/// Attests what is wanted: runs after scans, and as a timer's job.
pub const ATTEST_JOB: &str = "scan.attest";

/// Images that one job attests before others may run.
const AT_ONCE: i64 = 20;
/// Repositories whose change is one transaction with one entry of the log.
const PLACES: usize = 40;
/// Counts up when statements are written in another way, so that they are made anew.
const FORM: u32 = 1;

/// What is said of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statement {
    /// CycloneDX.
    Inventory,
    /// Findings.
    Scan,
}

/// Where a job goes on.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Next {
    #[serde(default)]
    after: String,
}

impl Scan {
    /// Sign with this key; without one nothing is attested.
    #[must_use]
    pub fn with_attestation_key(mut self, key: AttestationKey) -> Scan {
        self.attestation_key = Some(std::sync::Arc::new(key));
        self
    }

    /// The public half of the key, PEM.
    pub fn attestation_key(&self) -> Option<String> {
        self.attestation_key.as_ref().map(|key| key.public_pem())
    }

    /// The key itself, for what others sign of images.
    pub fn attestation_signer(&self) -> Option<&AttestationKey> {
        self.attestation_key.as_deref()
    }

    /// After another key, or another form of statements: have signed again what is attested with what was before, in the background. Runs when
    /// the process starts, also when it did before and was not done.
    pub async fn see_attestation_key(&self, ctx: &Ctx) -> Result<(), Error> {
        let Some(key) = &self.attestation_key else { return Ok(()) };
        let basis = basis_of(key);
        let mut tx = self.db.read().await?;
        if !store::settings(&mut tx).await?.attest || !store::has_other_attestations(&mut tx, &basis).await? {
            return Ok(());
        }
        drop(tx);
        db::write!(self.db, ctx, |tx| {
            let images = store::want_other_attestations(tx, &basis, ctx.now).await?;
            let entry = Entry::new("attestations.renewed").detail("key", key.id()).detail("images", images);
            let entry = audit::append(tx, ctx, entry).await?;
            enqueue(tx, ctx, &Next::default(), Some(&entry)).await
        })
        .map_err(Error::Database)
    }

    /// Have these images attested, in the transaction that changed what is known of them.
    pub(crate) async fn want_attestations(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        images: &[&Digest],
        entry: &str,
    ) -> Result<(), Error> {
        if self.attestation_key.is_none() || images.is_empty() || !store::settings(tx).await?.attest {
            return Ok(());
        }
        store::want_attestations(tx, images, ctx.now).await?;
        Ok(enqueue(tx, ctx, &Next::default(), Some(entry)).await?)
    }

    /// Handle a job of kind [`ATTEST_JOB`].
    pub async fn run_attest(&self, ctx: Ctx, job: Job) -> Result<(), Failure> {
        let next: Option<Next> = serde_json::from_value(job.payload).map_err(Failure::last)?;
        self.attest_wanted(&ctx, &next.unwrap_or_default()).await.map_err(Failure::retry)
    }

    async fn attest_wanted(&self, ctx: &Ctx, next: &Next) -> Result<(), Error> {
        let Some(key) = self.attestation_key.clone() else { return Ok(()) };
        let mut tx = self.db.read().await?;
        let wanted = store::attestations_wanted(&mut tx, &next.after, AT_ONCE).await?;
        if wanted.is_empty() || !store::settings(&mut tx).await?.attest || self.registry.read_only().await?.is_some() {
            return Ok(());
        }
        drop(tx);
        for (image, at) in &wanted {
            match self.attest(ctx, &key, image).await {
                Ok(()) => self.attested(ctx, image, *at).await?,
                // It is said why, the row stays, and the others go on.
                Err(error) => tracing::warn!(%image, %error, "an image could not be attested; it will be tried again"),
            }
        }
        match wanted.last() {
            Some((last, _)) if wanted.len() == usize::try_from(AT_ONCE).unwrap_or_default() => {
                let next = Next { after: last.to_string() };
                db::write!(self.db, ctx, |tx| enqueue(tx, ctx, &next, None).await).map_err(Error::Database)
            }
            _ => Ok(()),
        }
    }

    async fn attested(&self, ctx: &Ctx, image: &Digest, wanted_at: Timestamp) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| store::attested(tx, image, wanted_at).await).map_err(Error::Database)
    }

    /// Say what is known of an image wherever that is not said yet.
    async fn attest(&self, ctx: &Ctx, key: &AttestationKey, digest: &Digest) -> Result<(), Error> {
        // In-toto subjects are named by SHA-256 here.
        if digest.algorithm() != Algorithm::Sha256 {
            return Ok(());
        }
        let mut tx = self.db.read().await?;
        let Some(image) = Registry::image_of(&mut tx, digest).await? else { return Ok(()) };
        let Some(known) = store::known(&mut tx, digest).await? else { return Ok(()) };
        let mut places = Vec::new();
        for place in Registry::places(&mut tx, digest).await? {
            let name = place.repository;
            if incomplete(&mut tx, &name, digest).await?.is_none()
                && Registry::may_attach(&mut tx, &name, digest).await?
            {
                places.push(name);
            }
        }
        drop(tx);
        if places.is_empty() {
            // It is attested nowhere any more, so that nothing of it is left to be signed again.
            return db::write!(self.db, ctx, |tx| store::forget_attestations(tx, digest).await)
                .map_err(Error::Database);
        }
        for statement in [Statement::Inventory, Statement::Scan] {
            let basis = format!("{}{}", basis_of(key), statement.basis(&known));
            self.attest_one(ctx, key, &image, &places, statement, &basis).await?;
        }
        Ok(())
    }

    async fn attest_one(
        &self,
        ctx: &Ctx,
        key: &AttestationKey,
        image: &Image,
        places: &[RepoName],
        statement: Statement,
        basis: &str,
    ) -> Result<(), Error> {
        let (mut tx, kind) = (self.db.read().await?, statement.kind());
        let present = store::attestation(&mut tx, &image.digest, kind).await?;
        let present = present.filter(|(_, of)| of == basis).map(|(manifest, _)| manifest);
        let mut lacking = Vec::new();
        for name in places {
            let held = match &present {
                Some(manifest) => Registry::holds_image(&mut tx, name, manifest).await?,
                None => false,
            };
            if !held {
                lacking.push(name.clone());
            }
        }
        drop(tx);
        let Some(first) = lacking.first() else { return Ok(()) };
        let stored = match &present {
            // Some place has it: it is the same everywhere.
            Some(manifest) if lacking.len() < places.len() => self.registry.stored_attachment(manifest).await?,
            _ => None,
        };
        let stored = match stored {
            Some(stored) => Some(stored),
            None => self.made(ctx, key, first, image, statement).await?,
        };
        let Some(stored) = stored else { return Ok(()) };
        for names in lacking.chunks(PLACES) {
            db::write!(self.db, ctx, |tx| {
                Registry::attach(tx, ctx, &stored, kind, names).await?;
                Ok::<_, Error>(store::set_attestation(tx, &image.digest, kind, stored.digest(), basis).await?)
            })?;
        }
        Ok(())
    }

    /// The statement, signed, its bytes on disk; None when it is larger than may be.
    async fn made(
        &self,
        ctx: &Ctx,
        key: &AttestationKey,
        repository: &RepoName,
        image: &Image,
        statement: Statement,
    ) -> Result<Option<Stored>, Error> {
        // The name of no repository: the digest alone.
        let name = image.digest.to_string();
        let report = match statement {
            Statement::Inventory => self.bill(repository, image, &name).await?,
            Statement::Scan => self.report(repository, image, &name).await?,
        };
        let predicate = statement.predicate();
        let said = bom::attest(&report, predicate, "", &name).map_err(|error| Error::Internal(error.to_string()))?;
        if said.len() > limits::ATTESTATION_BYTES {
            tracing::warn!(image = %image.digest, bytes = said.len(), kind = statement.kind(), "too large to be attested");
            return Ok(None);
        }
        let created = report.created.to_string();
        let annotations = BTreeMap::from([
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", predicate.predicate_type()),
            ("org.opencontainers.image.created", created.as_str()),
        ]);
        let bytes = key.bundle(&said);
        let attachment = Attachment { subject: image, media_type: BUNDLE_TYPE, annotations, bytes };
        Ok(Some(self.registry.store_attachment(ctx, attachment).await?))
    }
}

impl Statement {
    /// How it is stored.
    fn kind(self) -> &'static str {
        match self {
            Statement::Inventory => "inventory",
            Statement::Scan => "scan",
        }
    }

    fn predicate(self) -> Predicate {
        match self {
            Statement::Inventory => Predicate::CycloneDx,
            Statement::Scan => Predicate::Vulnerabilities,
        }
    }

    /// What it follows from: while that stays, the statement does. A newer snapshot that says the same of the image is no news.
    fn basis(self, known: &store::Known) -> String {
        match self {
            Statement::Inventory => known.inventory.clone(),
            Statement::Scan => {
                format!("{} {} {}", known.inventory, known.findings, base::digest_hex(known.unjudged.as_bytes()))
            }
        }
    }
}

/// What the basis of every attestation begins with that is made now.
fn basis_of(key: &AttestationKey) -> String {
    format!("{FORM} {} ", key.id())
}

pub(crate) async fn want_all(tx: &mut Tx, ctx: &Ctx, entry: &str) -> Result<(), db::Error> {
    store::want_all_attestations(tx, ctx.now).await?;
    enqueue(tx, ctx, &Next::default(), Some(entry)).await
}

async fn enqueue(tx: &mut Tx, ctx: &Ctx, next: &Next, cause: Option<&str>) -> Result<(), db::Error> {
    let next = serde_json::to_value(next).expect("a text always serialises");
    let mut job = NewJob::new(ATTEST_JOB, next).in_lane(ATTEST_JOB);
    if let Some(cause) = cause {
        job = job.caused_by(cause);
    }
    jobs::enqueue(tx, ctx, job).await?;
    Ok(())
}
