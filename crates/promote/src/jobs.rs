//! The jobs: what wakes an evaluation.

use std::collections::BTreeSet;

use base::{Ctx, Id, Kind, Timestamp};
use jobs::{Failure, Job, Subscription, Worker};
use oci::{Digest, RepoName, Tag};
use policy::Need;
use registry::Registry;
use serde::Deserialize;

use crate::{
    Error, Promote, PromotionPolicy, WaiverScope,
    attest::ATTEST_JOB,
    documents,
    evaluate::{Subject, Which},
    policies,
    renew::RENEW_JOB,
    store, waivers,
};

/// Runs for each push and each scan.
pub(crate) const EVALUATE_JOB: &str = "promote.evaluate";
/// Runs when somebody signed tags, or their trust data is gone.
pub(crate) const SIGNED_JOB: &str = "promote.signed";
/// Runs when all results have been held against another snapshot of advisories.
const SNAPSHOT_JOB: &str = "promote.snapshot";
/// Runs when signatures count for other accounts than before.
const SIGNERS_JOB: &str = "promote.signers";
/// Runs when a policy is saved and applied.
pub(crate) const APPLY_JOB: &str = "promote.apply";
/// Runs when a waiver or a VEX document came or went.
pub(crate) const RECONSIDER_JOB: &str = "promote.reconsider";
/// Runs when somebody asks for a tag to be decided again.
pub(crate) const TAG_JOB: &str = "promote.tag";
/// Runs now and then: waivers may have expired.
pub const EXPIRE_JOB: &str = "promote.expire_waivers";
/// Runs now and then: what a policy says may change with time alone.
pub const CLOCK_JOB: &str = "promote.clock";
/// Runs when a repository is gone.
const FORGET_JOB: &str = "promote.forget";

/// The events that wake us.
pub const SUBSCRIPTIONS: &[Subscription] = &[
    Subscription { event: "image.pushed", job: EVALUATE_JOB, filtered: true },
    Subscription { event: "scan.completed", job: EVALUATE_JOB, filtered: true },
    Subscription { event: "scan.failed", job: EVALUATE_JOB, filtered: true },
    Subscription { event: "trust.published", job: SIGNED_JOB, filtered: true },
    Subscription { event: "trust.deleted", job: SIGNED_JOB, filtered: true },
    Subscription { event: "signers.changed", job: SIGNERS_JOB, filtered: false },
    Subscription { event: "snapshot.matched", job: SNAPSHOT_JOB, filtered: false },
    Subscription { event: "repository.deleted", job: FORGET_JOB, filtered: false },
];

/// Tags read at once when all of a repository are gone through.
const BATCH: usize = 500;

/// What `promote.evaluate` needs of an event.
#[derive(Deserialize)]
struct About {
    repository: RepoName,
    tag: Option<Tag>,
    digest: Digest,
    /// What it is a signature or an attestation of.
    #[serde(default)]
    subject: Option<Digest>,
}

/// Without tags all of the repository.
#[derive(Deserialize)]
struct Signed {
    repository: RepoName,
    tags: Option<Vec<SignedTag>>,
}

#[derive(Deserialize)]
struct SignedTag {
    tag: String,
}

#[derive(Deserialize)]
struct Gone {
    repository: RepoName,
}

#[derive(Deserialize)]
struct Applied {
    policy: Id<PromotionPolicy>,
}

#[derive(Deserialize)]
struct Asked {
    repository: RepoName,
    tag: Tag,
}

#[derive(Deserialize)]
struct Reconsidered {
    scope: String,
}

impl Promote {
    /// Let this worker run our jobs.
    pub fn work(&self, worker: Worker) -> Worker {
        let (evaluate, apply, reconsider, forget) = (self.clone(), self.clone(), self.clone(), self.clone());
        let (expire, clock, tag, attest) = (self.clone(), self.clone(), self.clone(), self.clone());
        let (signed, signers, snapshot, renew) = (self.clone(), self.clone(), self.clone(), self.clone());
        worker
            .on(TAG_JOB, move |ctx, job| {
                let promote = tag.clone();
                async move { promote.run_tag(&ctx, &job).await }
            })
            .on(CLOCK_JOB, move |ctx, _| {
                let promote = clock.clone();
                async move { promote.run_clock(&ctx).await.map_err(failure) }
            })
            .on(ATTEST_JOB, move |ctx, _| {
                let promote = attest.clone();
                async move { promote.run_attest(&ctx).await }
            })
            .on(RENEW_JOB, move |ctx, _| {
                let promote = renew.clone();
                async move { promote.run_renew(&ctx).await }
            })
            .on(SIGNED_JOB, move |ctx, job| {
                let promote = signed.clone();
                async move { promote.run_signed(&ctx, &job).await }
            })
            .on(SIGNERS_JOB, move |ctx, _| {
                let promote = signers.clone();
                async move { promote.evaluate_where(&ctx, Need::Signatures).await.map_err(failure) }
            })
            .on(SNAPSHOT_JOB, move |ctx, _| {
                let promote = snapshot.clone();
                async move { promote.evaluate_where(&ctx, Need::Findings).await.map_err(failure) }
            })
            .on(EVALUATE_JOB, move |ctx, job| {
                let promote = evaluate.clone();
                async move { promote.run_evaluate(&ctx, &job).await }
            })
            .on(APPLY_JOB, move |ctx, job| {
                let promote = apply.clone();
                async move { promote.run_apply(&ctx, &job).await }
            })
            .on(RECONSIDER_JOB, move |ctx, job| {
                let promote = reconsider.clone();
                async move { promote.run_reconsider(&ctx, &job).await }
            })
            .on(EXPIRE_JOB, move |ctx, _| {
                let promote = expire.clone();
                async move { promote.end_waivers(&ctx).await.map(drop).map_err(failure) }
            })
            .on(FORGET_JOB, move |ctx, job| {
                let promote = forget.clone();
                async move { promote.run_forget(&ctx, &job).await }
            })
    }

    async fn run_evaluate(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let about: About = serde_json::from_value(event.data.clone()).map_err(Failure::last)?;
        let pushed = event.kind == "image.pushed";
        self.evaluate_about(ctx, &about, pushed).await.map_err(failure)
    }

    async fn evaluate_about(&self, ctx: &Ctx, about: &About, pushed: bool) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let standing = !pushed && !store::policies_of_target(&mut tx, &about.repository).await?.is_empty();
        if standing {
            drop(tx);
            for tag in self.tags_naming(&about.repository, &about.digest).await? {
                self.evaluate_standing(ctx, &about.repository, &tag.tag, &tag.digest).await?;
            }
            tx = self.db.read().await?;
        }
        if store::policies_of_source(&mut tx, &about.repository).await?.is_empty() {
            return Ok(());
        }
        // A push of an image that will be scanned waits for that; of one that will not be, everything is said now.
        let will_be_scanned = pushed
            && Registry::find(&mut tx, &about.repository).await?.is_some_and(|found| found.scan_on_push)
            && Registry::image_of(&mut tx, &about.digest).await?.is_some_and(|image| image.is_runnable());
        drop(tx);
        if pushed {
            if let Some(signed) = about.subject.clone().or_else(|| Registry::companion_of(about.tag.as_ref()?)) {
                self.bring_along(ctx, &about.repository, &signed).await?;
            }
            let which = if will_be_scanned { Which::WithoutScan } else { Which::All };
            return match &about.tag {
                Some(tag) => self.evaluate(ctx, &about.subject(tag), &which).await,
                None => Ok(()),
            };
        }
        if let Some(tag) = &about.tag {
            self.evaluate(ctx, &about.subject(tag), &Which::All).await?;
        }
        // The image may be part of an index, which waits for all its images.
        for (_, subject) in self.tags(&about.repository, Some(&about.digest)).await? {
            self.evaluate(ctx, &subject, &Which::All).await?;
        }
        Ok(())
    }

    async fn run_signed(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let signed: Signed = serde_json::from_value(job.event()?.data).map_err(Failure::last)?;
        self.evaluate_signed(ctx, &signed).await.map_err(failure)
    }

    async fn evaluate_signed(&self, ctx: &Ctx, signed: &Signed) -> Result<(), Error> {
        let policies = store::policies_of_source(&mut self.db.read().await?, &signed.repository).await?;
        if !policies.iter().any(|policy| policy.policy.needs(Need::Signatures)) {
            return Ok(());
        }
        let Some(tags) = &signed.tags else { return self.evaluate_all(ctx, &signed.repository, &Which::All).await };
        let tags: BTreeSet<&str> = tags.iter().map(|tag| tag.tag.as_str()).collect();
        for (_, subject) in self.tags(&signed.repository, None).await? {
            if tags.contains(subject.tag.as_str()) {
                self.evaluate(ctx, &subject, &Which::All).await?;
            }
        }
        Ok(())
    }

    /// Evaluate everything in the repositories with a policy that asks for this.
    async fn evaluate_where(&self, ctx: &Ctx, need: Need) -> Result<(), Error> {
        let policies = store::all_policies(&mut self.db.read().await?).await?;
        let wanted = policies.into_iter().filter(|policy| policy.policy.needs(need));
        for name in wanted.flat_map(|policy| [policy.source, policy.target]).collect::<BTreeSet<RepoName>>() {
            self.evaluate_all(ctx, &name, &Which::All).await?;
            self.evaluate_all_standing(ctx, &name).await?;
        }
        Ok(())
    }

    async fn run_apply(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let applied: Applied = serde_json::from_value(job.payload.clone()).map_err(Failure::last)?;
        let policy = store::policy(&mut self.db.read().await?, &applied.policy).await?;
        let Some(policy) = policy else { return Ok(()) };
        self.evaluate_all(ctx, &policy.source, &Which::One(policy.id)).await.map_err(failure)
    }

    async fn run_reconsider(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let asked: Reconsidered = serde_json::from_value(job.payload.clone()).map_err(Failure::last)?;
        let scope: WaiverScope = asked.scope.parse().map_err(Failure::last)?;
        let mut tx = self.db.read().await?;
        let ours = store::sources_and_targets(&mut tx).await?;
        let concerned = scope.among(&mut tx, ours).await.map_err(failure)?;
        drop(tx);
        for name in concerned {
            self.evaluate_all(ctx, &name, &Which::All).await.map_err(failure)?;
            self.evaluate_all_standing(ctx, &name).await.map_err(failure)?;
        }
        Ok(())
    }

    async fn run_tag(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let asked: Asked = serde_json::from_value(job.payload.clone()).map_err(Failure::last)?;
        let mut tx = self.db.read().await?;
        let view = Registry::tagged(&mut tx, &asked.repository, &asked.tag).await.map_err(Failure::retry)?;
        drop(tx);
        let Some(view) = view else { return Ok(()) };
        let (name, tag, digest) = (asked.repository, asked.tag, view.image.digest);
        self.evaluate_standing(ctx, &name, &tag, &digest).await.map_err(failure)?;
        self.evaluate(ctx, &Subject::at(&name, &tag, &digest), &Which::All).await.map_err(failure)
    }

    /// Decide again where a policy asks for ages, which grow by themselves.
    async fn run_clock(&self, ctx: &Ctx) -> Result<(), Error> {
        let policies = store::all_policies(&mut self.db.read().await?).await?;
        let mut targets = BTreeSet::new();
        for policy in policies.into_iter().filter(PromotionPolicy::uses_clock) {
            self.evaluate_all(ctx, &policy.source, &Which::One(policy.id)).await?;
            targets.insert(policy.target);
        }
        for target in targets {
            self.evaluate_all_standing(ctx, &target).await?;
        }
        Ok(())
    }

    /// Judge again what policies brought to a repository.
    async fn evaluate_all_standing(&self, ctx: &Ctx, name: &RepoName) -> Result<(), Error> {
        if store::policies_of_target(&mut self.db.read().await?, name).await?.is_empty() {
            return Ok(());
        }
        for (_, subject) in self.tags(name, None).await? {
            self.evaluate_standing(ctx, name, &subject.tag, &subject.digest).await?;
        }
        Ok(())
    }

    /// The tags that name an image or an index of it.
    async fn tags_naming(&self, name: &RepoName, digest: &Digest) -> Result<Vec<Subject>, Error> {
        let places = Registry::places(&mut self.db.read().await?, digest).await?;
        let own = places.into_iter().filter(|place| place.repository == *name).flat_map(|place| place.tags);
        let mut found: Vec<Subject> = own.map(|tag| Subject::at(name, &tag, digest)).collect();
        found.extend(self.tags(name, Some(digest)).await?.into_iter().map(|(_, subject)| subject));
        Ok(found)
    }

    /// Evaluate all tags of a repository, in the order they were pushed.
    async fn evaluate_all(&self, ctx: &Ctx, name: &RepoName, which: &Which) -> Result<(), Error> {
        if store::policies_of_source(&mut self.db.read().await?, name).await?.is_empty() {
            return Ok(());
        }
        for (_, subject) in self.tags(name, None).await? {
            self.evaluate(ctx, &subject, which).await?;
        }
        Ok(())
    }

    /// The tags of a repository in the order they were pushed; with `part_of`, those that name this image or an index of it.
    pub(crate) async fn tags(
        &self,
        name: &RepoName,
        part: Option<&Digest>,
    ) -> Result<Vec<(Timestamp, Subject)>, Error> {
        let mut tx = self.db.read().await?;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let batch = Registry::tagged_images(&mut tx, name, &after, BATCH).await?;
            let Some(last) = batch.last() else { break };
            after = last.tag.to_string();
            for view in batch {
                let digest = view.image.digest.clone();
                let wanted = match part {
                    None => true,
                    Some(part) if view.image.is_index() => {
                        let members = Registry::members(&mut tx, name, &digest).await?;
                        members.images.iter().any(|image| image.digest == *part) || members.absent.contains(part)
                    }
                    Some(_) => false,
                };
                if wanted {
                    found.push((view.pushed_at, Subject::at(name, &view.tag, &digest)));
                }
            }
        }
        found.sort_by_key(|(pushed_at, _)| *pushed_at);
        Ok(found)
    }

    /// Policies, waivers and VEX documents of a repository that is gone go too: whoever makes one of that name again must not inherit them.
    async fn run_forget(&self, ctx: &Ctx, job: &Job) -> Result<(), Failure> {
        let event = job.event()?;
        let gone: Gone = serde_json::from_value(event.data.clone()).map_err(Failure::last)?;
        let name = gone.repository;
        let forgotten: Result<(), Error> = db::write!(self.db, ctx, |tx| {
            let mut policies = store::policies_of_source(tx, &name).await?;
            policies.extend(store::policies_of_target(tx, &name).await?);
            for policy in policies.iter().filter(|policy| policy.created_at <= event.at) {
                policies::remove(tx, ctx, policy).await?;
            }
            let scope = WaiverScope::Repository(name.clone());
            for document in store::vex_of_scope(tx, &scope).await? {
                if document.added_at <= event.at {
                    store::delete_vex(tx, &document.id).await?;
                    let entry = documents::entry("vex.removed", &document).unset(document.state_key());
                    audit::append(tx, ctx, entry).await?;
                }
            }
            for waiver in store::waivers_of_scope(tx, &scope).await? {
                if waiver.created_at <= event.at {
                    store::delete_waiver(tx, &waiver.id).await?;
                    let entry = waivers::entry("waiver.deleted", &waiver).unset(waiver.state_key());
                    audit::append(tx, ctx, entry).await?;
                }
            }
            Ok(())
        });
        forgotten.map_err(failure)
    }
}

impl About {
    fn subject(&self, tag: &Tag) -> Subject {
        Subject::at(&self.repository, tag, &self.digest)
    }
}

/// A conflict is somebody who was faster: look again.
fn failure(error: Error) -> Failure {
    match error.kind() {
        Kind::Unavailable | Kind::Internal | Kind::Conflict => Failure::retry(error),
        _ => Failure::last(error),
    }
}
