//! Scanning images and answering what was found.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use advisory::Profile;
use audit::Entry;
use base::{Ctx, Kind};
use blob::Blobs;
use db::{Db, Tx};
use inventory::{ImageInventory, SCANNER_VERSION};
use oci::{Digest, Reference, RepoName, Tag};
use outbound::Outbound;
use policy::Component;
use registry::Registry;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    Error, Evidence, IMAGE_JOB, ImageFacts, ImageFinding, ScanEvidence, State, Summary,
    ahead::Ahead,
    layers::together,
    matching::{findings, match_inventory},
    rematch::KnownSubjects,
    signing::AttestationKey,
    snapshots::Current,
    store::{self, Inspected},
    subjects::{Numbers, StoredSubject, of_image},
};

/// The scanner of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Scan {
    pub(crate) db: Db,
    /// Inventories and snapshots. They lie apart from what was pushed: garbage collection of the registry knows nothing of
    /// them, and what somebody pushes can never be taken for one.
    pub(crate) records: Blobs,
    pub(crate) registry: Registry,
    pub(crate) current: Current,
    /// Held while another snapshot takes its place.
    pub(crate) adopting: Arc<Mutex<()>>,
    pub(crate) outbound: Outbound,
    pub(crate) ahead: Ahead,
    pub(crate) numbers: Numbers,
    /// What attestations are signed with.
    pub(crate) attestation_key: Option<Arc<AttestationKey>>,
    pub(crate) subjects: KnownSubjects,
    /// How severities are told.
    pub(crate) profile: Profile,
}

impl Scan {
    /// The scanner with the snapshot that the database names, or the built-in one.
    pub async fn open(
        ctx: &Ctx,
        db: Db,
        registry: Registry,
        records: Blobs,
        outbound: Outbound,
    ) -> Result<Scan, Error> {
        let current = Current::new(advisory::starter().clone());
        let scan = Scan {
            db,
            records,
            registry,
            current,
            adopting: Arc::default(),
            outbound,
            ahead: Ahead::default(),
            numbers: Numbers::default(),
            attestation_key: None,
            subjects: KnownSubjects::default(),
            profile: Profile::default(),
        };
        scan.bring_records(ctx).await?;
        scan.see_version(ctx).await?;
        scan.see_default(ctx).await?;
        scan.load_current(ctx).await?;
        Ok(scan)
    }

    /// Records of an early state lie among the registry's blobs: copy them, before garbage collection finds them there.
    async fn bring_records(&self, ctx: &Ctx) -> Result<(), Error> {
        let known = store::plain_records(&mut self.db.read().await?).await?;
        for digest in known {
            if self.records.stat(&digest).await?.is_none()
                && let Some(size) = self.registry.blobs().stat(&digest).await?
            {
                match self.registry.blobs().copy_to(ctx, &self.records, &digest, size, false).await {
                    // Whoever needs it is told then.
                    Err(error @ blob::Error::Damaged { .. }) => tracing::warn!(%error, "a record was not brought over"),
                    outcome => drop(outcome?),
                }
            }
        }
        Ok(())
    }

    /// Ask for a scan of what a reference names, whether or not its repository scans on push.
    pub async fn request(&self, ctx: &Ctx, repository: &RepoName, reference: &Reference) -> Result<(), Error> {
        let image = self.registry.image(ctx, repository, reference).await?;
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, registry::Right::Push).await?;
            Scan::require_enabled(tx).await?;
            if let Some(why) = incomplete(tx, repository, &image.digest).await? {
                return Err(Error::Incomplete(why));
            }
            store::set_pending(tx, &image.digest).await?;
            let entry = Entry::new("scan.requested").about(&image.digest).about(format!("repository/{repository}"));
            let entry = audit::append(tx, ctx, entry).await?;
            let event = ::jobs::Event {
                kind: "scan.requested".to_owned(),
                subject: format!("{repository}@{}", image.digest),
                data: json!({"repository": repository, "tag": tag, "digest": image.digest, "asked": true}),
                at: ctx.now,
                entry: entry.clone(),
            };
            let payload = serde_json::to_value(&event).expect("an event has only text keys");
            let lane = format!("{IMAGE_JOB} {}", event.subject);
            let job = ::jobs::NewJob::new(IMAGE_JOB, payload).in_lane(&lane).caused_by(&entry);
            ::jobs::enqueue(tx, ctx, job).await?;
            Ok(())
        })
    }

    /// Scan what was pushed, if its repository wants that or somebody asked, and tell the others.
    pub(crate) async fn scan_pushed(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        tag: Option<&Tag>,
        digest: &Digest,
        asked: bool,
    ) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let Some(found) = Registry::find(&mut tx, repository).await? else { return Ok(()) };
        let Some(image) = Registry::image_of(&mut tx, digest).await? else { return Ok(()) };
        // What somebody asked for while the scanner was on is still answered.
        let on_push = found.scan_on_push && store::settings(&mut tx).await?.enabled;
        drop(tx);
        if !on_push && !asked {
            return Ok(());
        }
        if !image.is_runnable() {
            // An index is judged by its children, other artifacts are not images.
            return Ok(());
        }
        if let Some(why) = incomplete(&mut self.db.read().await?, repository, digest).await? {
            return self.record_incomplete(ctx, repository, tag, digest, &why).await;
        }
        self.try_to_follow().await;
        if !asked && let Some(same) = self.inspected_before(digest).await? {
            return self.record_done(ctx, (repository, tag), digest, &same, None).await;
        }
        db::write_soon!(self.db, ctx, |tx| store::set_pending(tx, digest).await).map_err(|error: db::Error| error)?;
        match self.inspect(ctx, digest).await {
            Ok((result, subjects)) => self.record_done(ctx, (repository, tag), digest, &result, Some(&subjects)).await,
            Err(error) if matches!(error.kind(), Kind::Unavailable | Kind::Internal) => Err(error),
            Err(error) => self.record_failed(ctx, repository, tag, digest, &error).await,
        }
    }

    async fn inspect(&self, ctx: &Ctx, digest: &Digest) -> Result<(Inspected, BTreeMap<StoredSubject, u64>), Error> {
        let (inventory, image) = self.inventory_of(ctx, digest).await?;
        let snapshot = self.current.get();
        let subjects = of_image(&image);
        let result = Inspected {
            inventory,
            snapshot: snapshot.digest().to_owned(),
            distribution: image.os.as_ref().map(|os| os.pretty_name.clone()),
            matched: match_inventory(&image, &snapshot, self.profile),
        };
        Ok((result, subjects))
    }

    /// What the current snapshot says of another image with the same layers, and so of this one: both follow from the inventory.
    async fn inspected_before(&self, image: &Digest) -> Result<Option<Inspected>, Error> {
        let mut tx = self.db.read().await?;
        let layers = together(&Registry::layers(&mut tx, image).await?);
        let Some(inventory) = store::image_inventory(&mut tx, &layers, SCANNER_VERSION).await? else { return Ok(None) };
        let result = store::result_with(&mut tx, &inventory, self.current.get().digest()).await?;
        drop(tx);
        // Whoever looks at the image will want to read it.
        Ok(if result.is_some() && self.has_record(&inventory).await? { result } else { None })
    }

    async fn record_done(
        &self,
        ctx: &Ctx,
        (repository, tag): (&RepoName, Option<&Tag>),
        digest: &Digest,
        result: &Inspected,
        subjects: Option<&BTreeMap<StoredSubject, u64>>,
    ) -> Result<(), Error> {
        let counts = result.matched.totals.counts;
        let learnt = db::write!(self.db, ctx, |tx| {
            store::set_done(tx, ctx, digest, result).await?;
            let learnt = match subjects {
                Some(subjects) => store::insert_subjects(tx, &result.inventory, subjects, &self.numbers).await?,
                // They were noted with the first result of this inventory.
                None => Vec::new(),
            };
            let entry = Entry::new("scan.completed")
                .about(digest)
                .about(format!("repository/{repository}"))
                .detail("counts", counts)
                .detail("inventory", &result.inventory)
                .detail("snapshot", &result.snapshot)
                .detail("unknown", result.matched.unknown())
                .set(format!("scan/image/{digest}"), store::guard(tx, digest).await?);
            let entry = audit::append(tx, ctx, entry).await?;
            let data = json!({"repository": repository, "tag": tag, "digest": digest, "counts": counts});
            emit(tx, ctx, "scan.completed", repository, digest, data, &entry).await?;
            self.want_attestations(tx, ctx, &[digest], &entry).await?;
            self.want_rematch_after(tx, ctx, &result.snapshot, &entry).await?;
            Ok::<_, Error>(learnt)
        })?;
        self.numbers.learn(learnt);
        Ok(())
    }

    async fn record_failed(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        tag: Option<&Tag>,
        digest: &Digest,
        error: &Error,
    ) -> Result<(), Error> {
        let message = error.to_string();
        db::write!(self.db, ctx, |tx| {
            store::set_failed(tx, ctx, digest, &message).await?;
            let entry = Entry::new("scan.failed")
                .about(digest)
                .about(format!("repository/{repository}"))
                .detail("error", &message)
                .set(format!("scan/image/{digest}"), "failed");
            let entry = audit::append(tx, ctx, entry).await?;
            let data = json!({"repository": repository, "tag": tag, "digest": digest, "error": message});
            emit(tx, ctx, "scan.failed", repository, digest, data, &entry).await?;
            Ok(())
        })
    }

    /// The image may be whole in another repository, and known there; nothing of that is told here.
    async fn record_incomplete(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        tag: Option<&Tag>,
        digest: &Digest,
        why: &str,
    ) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let entry = Entry::new("scan.failed").about(digest).about(format!("repository/{repository}"));
            let entry = audit::append(tx, ctx, entry.detail("error", why)).await?;
            let data = json!({"repository": repository, "tag": tag, "digest": digest, "error": why});
            emit(tx, ctx, "scan.failed", repository, digest, data, &entry).await
        })
    }

    /// How the scan of an image stands in a repository. Whoever asks has shown that they may see it there.
    pub async fn summary(&self, tx: &mut Tx, repository: &RepoName, digest: &Digest) -> Result<Option<Summary>, Error> {
        if let Some(why) = incomplete(tx, repository, digest).await? {
            return Ok(Some(Summary::incomplete(digest, why)));
        }
        let mut summary = store::summary(tx, digest).await?;
        if let Some(summary) = &mut summary {
            let current = self.snapshot();
            summary.outdated = summary.snapshot.as_ref().is_some_and(|digest| *digest != current.digest);
            summary.snapshot_label = summary
                .snapshot
                .as_ref()
                .map(|digest| if *digest == current.digest { current.label } else { format!("snapshot {digest}") });
        }
        Ok(summary)
    }

    /// What was found in an image; nothing where the repository does not hold all of it. Findings follow from the inventory and the
    /// snapshot that it was last held against.
    pub async fn findings(
        &self,
        tx: &mut Tx,
        repository: &RepoName,
        digest: &Digest,
    ) -> Result<Vec<ImageFinding>, Error> {
        let Some(summary) = self.summary(tx, repository, digest).await? else { return Ok(Vec::new()) };
        let (Some(inventory), Some(snapshot)) = (&summary.inventory, &summary.snapshot) else { return Ok(Vec::new()) };
        let image = self.stored_inventory(inventory).await?;
        match self.snapshot_of(snapshot).await {
            Ok(snapshot) => Ok(findings(&image, &snapshot, self.profile)),
            Err(_) if store::is_of_older_scanner(tx, digest).await? => Err(Error::Renewed(digest.to_string())),
            Err(error) => Err(error),
        }
    }

    /// The databases that a snapshot was made of, by name.
    pub async fn sources_of(&self, snapshot: &str) -> Result<BTreeSet<String>, Error> {
        let snapshot = self.snapshot_of(snapshot).await?;
        Ok(snapshot.about().sources.iter().map(|source| source.name.clone()).collect())
    }

    /// The inventory of a scanned image that the repository holds whole.
    pub async fn inventory(
        &self,
        tx: &mut Tx,
        repository: &RepoName,
        digest: &Digest,
    ) -> Result<Option<ImageInventory>, Error> {
        let Some(Summary { inventory: Some(inventory), .. }) = self.summary(tx, repository, digest).await? else {
            return Ok(None);
        };
        Ok(Some(self.stored_inventory(&inventory).await?))
    }

    /// What a decision may use: for an index, all images it names together, each of which must be there and known.
    pub async fn evidence(&self, tx: &mut Tx, repository: &RepoName, digest: &Digest) -> Result<Evidence, Error> {
        let members = Registry::members(tx, repository, digest).await?;
        if let Some(absent) = members.absent.first() {
            return Ok(Evidence::Missing(format!("{absent} is not in {repository}")));
        }
        let mut all: Option<ScanEvidence> = None;
        for image in members.images {
            match self.evidence_of_one(tx, repository, &image.digest).await? {
                Evidence::Known(one) => all = Some(all.map_or_else(|| one.clone(), |all| all.with(&one))),
                Evidence::Missing(why) if image.digest == *digest => return Ok(Evidence::Missing(why)),
                Evidence::Missing(why) => return Ok(Evidence::Missing(format!("{}: {why}", image.digest))),
            }
        }
        Ok(all.map_or_else(|| Evidence::Missing("no image that can run is behind it".to_owned()), Evidence::Known))
    }

    async fn evidence_of_one(&self, tx: &mut Tx, repository: &RepoName, digest: &Digest) -> Result<Evidence, Error> {
        let Some(summary) = self.summary(tx, repository, digest).await? else {
            return Ok(Evidence::Missing("the image was not scanned".to_owned()));
        };
        let missing = match (&summary.state, &summary.error) {
            (State::Pending, _) => Some("the scan has not ended".to_owned()),
            (State::Failed, error) => {
                Some(format!("the scan failed: {}", error.as_deref().unwrap_or("no reason kept")))
            }
            (State::Done, _) if !summary.unknown.is_empty() => Some(summary.unknown.join("; ")),
            (State::Done, _) => None,
        };
        if let Some(why) = missing {
            return Ok(Evidence::Missing(why));
        }
        let (Some(snapshot), Some(inventory)) = (&summary.snapshot, &summary.inventory) else {
            return Err(Error::Internal(format!("the scan of {digest} has no inputs")));
        };
        let image = self.stored_inventory(inventory).await?;
        let facts = self.facts_of(tx, repository, digest, &image).await?;
        Ok(Evidence::Known(ScanEvidence { facts, ..ScanEvidence::of(&summary, snapshot, inventory, &image) }))
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        Ok(store::state(tx).await?)
    }
}

/// Why an image cannot be judged in this repository, if so: only what the repository holds is read through it.
pub(crate) async fn incomplete(tx: &mut Tx, repository: &RepoName, digest: &Digest) -> Result<Option<String>, Error> {
    let missing = Registry::missing_blob(tx, repository, digest).await?;
    Ok(missing.map(|blob| format!("{blob}, which the image names, is not in {repository}; push it, and scan again")))
}

impl ScanEvidence {
    fn of(summary: &Summary, snapshot: &str, inventory: &str, image: &ImageInventory) -> ScanEvidence {
        let mut licenses: Vec<String> = image.components.iter().flat_map(|one| one.licenses.clone()).collect();
        licenses.sort();
        licenses.dedup();
        let component = |one: &inventory::Component| Component { name: one.name.clone(), version: one.version.clone() };
        ScanEvidence {
            counts: summary.counts,
            components: image.components.iter().map(component).collect(),
            licenses,
            unlicensed: image.components.iter().filter(|one| one.licenses.is_empty()).count() as u64,
            facts: ImageFacts::default(),
            snapshot: snapshot.to_owned(),
            inventory_digest: inventory.to_owned(),
        }
    }

    /// Both together: what an index with both images has.
    fn with(mut self, other: &ScanEvidence) -> ScanEvidence {
        self.counts.critical += other.counts.critical;
        self.counts.major += other.counts.major;
        self.counts.minor += other.counts.minor;
        self.counts.unknown += other.counts.unknown;
        self.components.extend(other.components.iter().cloned());
        self.licenses.extend(other.licenses.iter().cloned());
        self.licenses.sort();
        self.licenses.dedup();
        self.unlicensed += other.unlicensed;
        self.facts = self.facts.with(&other.facts);
        self.inventory_digest = format!("{} {}", self.inventory_digest, other.inventory_digest);
        self
    }
}

pub(crate) async fn emit(
    tx: &mut Tx,
    ctx: &Ctx,
    kind: &str,
    repository: &RepoName,
    digest: &Digest,
    data: serde_json::Value,
    entry: &str,
) -> Result<(), Error> {
    Ok(::jobs::emit(tx, ctx, &event(ctx, kind, repository, digest, data, entry)).await?)
}

/// What happened to an image in a repository.
pub(crate) fn event(
    ctx: &Ctx,
    kind: &str,
    repository: &RepoName,
    digest: &Digest,
    data: serde_json::Value,
    entry: &str,
) -> ::jobs::Event {
    ::jobs::Event {
        kind: kind.to_owned(),
        subject: format!("{repository}@{digest}"),
        data,
        at: ctx.now,
        entry: entry.to_owned(),
    }
}
