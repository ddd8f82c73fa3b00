//! Writing and reading policies, and how far their images are.

use audit::Entry;
use base::{Ctx, Id, Timestamp, limits};
use db::Tx;
use jobs::{Job, NewJob};
use oci::{Digest, RepoName, Tag};
use registry::{Registry, Right};
use serde_json::json;

use crate::{
    Direction, Error, Mirror, MirroringForm, MirroringPolicy, Place, Work,
    jobs::{AGAIN_JOB, APPLY_JOB, EVALUATE_JOB, EVERY_JOB, POLL_JOB},
    mirroring_policy::Secrets,
    service::{lane, repository_subject, sealed_about},
    store,
};

impl Mirror {
    /// Write a policy: admin level on the repository. With `apply` also what is there already is mirrored, now.
    pub async fn create(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        (direction, form): (Direction, MirroringForm),
        apply: bool,
    ) -> Result<MirroringPolicy, Error> {
        let made = self.made(ctx, repository, direction, &form)?;
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, Right::Admin).await?;
            let others = store::of_repository(tx, repository, None).await?;
            let is_same = |other: &&MirroringPolicy| {
                other.direction == made.direction && other.place == made.place && other.policy == made.policy
            };
            if let Some(same) = others.iter().find(is_same) {
                return Err(Error::Conflict(format!("{repository} has this policy already: {}", same.id)));
            }
            let others = others.iter().filter(|other| other.direction != Direction::Once).count();
            if others >= limits::POLICIES_PER_REPOSITORY {
                let most = limits::POLICIES_PER_REPOSITORY;
                return Err(Error::Conflict(format!("{repository} has {most} mirroring policies; delete one first")));
            }
            store::insert(tx, &made, first_poll(ctx, apply)).await?;
            save(tx, ctx, "mirroring_policy.created", &made, apply).await
        })?;
        Ok(made)
    }

    fn made(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        direction: Direction,
        form: &MirroringForm,
    ) -> Result<MirroringPolicy, Error> {
        form.check_texts()?;
        let id = Id::new(ctx);
        Ok(MirroringPolicy {
            repository: repository.clone(),
            direction,
            place: Place::of(form, None)?,
            username: form.username.clone().unwrap_or_default(),
            sealed: self.seal(ctx, &id, form, None)?,
            policy: form.policy(direction, repository, None)?,
            referrers: form.referrers.unwrap_or(true),
            created_by: ctx.actor.label(),
            created_at: ctx.now,
            last_mirrored_at: None,
            status: None,
            failures: 0,
            id,
        })
    }

    /// Change a policy; the same right. Credentials that are not given stay, but never go to another host.
    pub async fn update(
        &self,
        ctx: &Ctx,
        (repository, id): (&RepoName, &Id<MirroringPolicy>),
        (direction, form): (Direction, MirroringForm),
        apply: bool,
    ) -> Result<MirroringPolicy, Error> {
        form.check_texts()?;
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, Right::Admin).await?;
            let before = policy_at(tx, repository, id, direction).await?;
            let place = Place::of(&form, Some(&before.place))?;
            let weaker = place.host != before.place.host || (place.skip_tls && !before.place.skip_tls);
            let given = form.password.is_some() || form.auth_token.is_some();
            if weaker && before.sealed.is_some() && !given {
                let why = "another remoteHost, or skipTLSVerification, takes the credentials anew: give password or authToken too";
                return Err(Error::Policy(why.to_owned()));
            }
            let after = MirroringPolicy {
                policy: form.policy(direction, repository, Some(&before.policy))?,
                username: form.username.clone().unwrap_or_else(|| before.username.clone()),
                sealed: self.seal(ctx, id, &form, before.sealed.clone())?,
                referrers: form.referrers.unwrap_or(before.referrers),
                place,
                ..before
            };
            store::update(tx, &after, first_poll(ctx, apply)).await?;
            save(tx, ctx, "mirroring_policy.updated", &after, apply).await?;
            Ok(after)
        })
    }

    /// Push one tag as it is now, once. For those who may write policies; how far it is can be asked for as for a policy.
    pub async fn push_once(
        &self,
        ctx: &Ctx,
        (repository, tag, remote_tag): (&RepoName, &Tag, &Tag),
        form: MirroringForm,
    ) -> Result<MirroringPolicy, Error> {
        let plain = MirroringForm { tag_template: None, rules: None, enabled: None, ..form };
        let made = self.made(ctx, repository, Direction::Once, &plain)?;
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, Right::Admin).await?;
            let unknown =
                || registry::Error::ManifestUnknown { repository: repository.clone(), reference: tag.to_string() };
            let view = Registry::tagged(tx, repository, tag).await?.ok_or_else(unknown)?;
            store::insert(tx, &made, ctx.now).await?;
            store::want(tx, &made, (tag, &view.image.digest, remote_tag), ctx.now).await?;
            let entry = entry("mirroring.requested", &made)
                .about(&view.image.digest)
                .about(format!("tag/{repository}:{tag}"))
                .detail("remote", format!("{}:{remote_tag}", made.remote()))
                .detail("username", &made.username)
                .set(made.state_key(), made.state());
            let entry = audit::append(tx, ctx, entry).await?;
            transfer_later(tx, ctx, &made.id, Some(&entry)).await?;
            Ok::<_, Error>(())
        })?;
        Ok(made)
    }

    /// Remove a policy with its credentials. What it mirrored stays where it is.
    pub async fn delete(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        (id, direction): (&Id<MirroringPolicy>, Direction),
    ) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, Right::Admin).await?;
            let policy = policy_at(tx, repository, id, direction).await?;
            remove(tx, ctx, &policy).await
        })
    }

    /// Remove those of a repository with these ids, or all of them; gives how many.
    pub async fn delete_all(&self, ctx: &Ctx, repository: &RepoName, ids: Option<&[String]>) -> Result<usize, Error> {
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, Right::Admin).await?;
            let mut all = store::of_repository(tx, repository, None).await?;
            all.retain(|policy| ids.is_none_or(|ids| ids.iter().any(|id| policy.id.as_str() == id)));
            for policy in &all {
                remove(tx, ctx, policy).await?;
            }
            Ok(all.len())
        })
    }

    /// Mirror now what the policy asks for: a push policy is held against every tag, the other registry is polled.
    pub async fn run_now(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        id: &Id<MirroringPolicy>,
    ) -> Result<MirroringPolicy, Error> {
        db::write!(self.db, ctx, |tx| {
            Registry::authorize(tx, ctx, repository, Right::Admin).await?;
            let policy = either_at(tx, repository, id).await?;
            if !policy.policy.enabled() {
                return Err(Error::Conflict(format!("the policy {id} is not enabled")));
            }
            store::set_next(tx, id, ctx.now).await?;
            store::hurry(tx, id, ctx.now).await?;
            let entry = entry("mirroring.requested", &policy);
            let entry = audit::append(tx, ctx, entry).await?;
            apply_later(tx, ctx, &policy, Some(&entry)).await?;
            Ok(policy)
        })
    }

    /// Has every repository polled now, as DTR's job `poll_mirror` did; for administrators. Gives the job, and how many policies
    /// there are.
    pub async fn poll_now(&self, ctx: &Ctx) -> Result<(Id<Job>, usize), Error> {
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await?;
            let polls = polls(tx).await?.len();
            let entry = audit::append(tx, ctx, Entry::new("mirroring.requested").detail("policies", polls)).await?;
            let job = NewJob::new(POLL_JOB, serde_json::Value::Null).in_lane(POLL_JOB).caused_by(&entry);
            Ok((jobs::enqueue(tx, ctx, job).await?, polls))
        })
    }

    /// Has what is due sent to other registries now; for administrators.
    pub async fn push_now(&self, ctx: &Ctx) -> Result<Id<Job>, Error> {
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await?;
            let entry = audit::append(tx, ctx, Entry::new("mirroring.requested")).await?;
            let job = NewJob::new(EVERY_JOB, serde_json::Value::Null).in_lane(&format!("schedule {EVERY_JOB}"));
            Ok(jobs::enqueue(tx, ctx, job.caused_by(&entry)).await?)
        })
    }

    /// Handle a job of kind [`POLL_JOB`].
    pub(crate) async fn run_poll(&self, ctx: &Ctx) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            for policy in polls(tx).await? {
                store::set_next(tx, &policy.id, ctx.now).await?;
                apply_later(tx, ctx, &policy, ctx.cause.as_deref()).await?;
            }
            Ok(())
        })
    }

    /// The policies of a repository, in the order they were made. They name hosts and users elsewhere, so they are for those who may
    /// change them.
    pub async fn list(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        direction: Option<Direction>,
    ) -> Result<Vec<MirroringPolicy>, Error> {
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, repository, Right::Admin).await?;
        let mut found = store::of_repository(&mut tx, repository, direction).await?;
        found.retain(|policy| policy.direction != Direction::Once);
        Ok(found)
    }

    pub async fn policy(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        (id, direction): (&Id<MirroringPolicy>, Direction),
    ) -> Result<MirroringPolicy, Error> {
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, repository, Right::Admin).await?;
        policy_at(&mut tx, repository, id, direction).await
    }

    /// What a policy wants of each tag and how far that is: first what is not done, then the latest.
    pub async fn work(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        id: &Id<MirroringPolicy>,
    ) -> Result<(MirroringPolicy, Vec<Work>), Error> {
        let mut tx = self.db.read().await?;
        Registry::authorize(&mut tx, ctx, repository, Right::Admin).await?;
        let policy = either_at(&mut tx, repository, id).await?;
        let most = i64::try_from(limits::PAGE_MAX).expect("a page is small");
        let work = store::work_of(&mut tx, id, most).await?;
        Ok((policy, work))
    }

    /// What was mirrored last of this tag as it is now, by whichever policy.
    pub async fn mirrored(
        tx: &mut Tx,
        repository: &RepoName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<Option<(String, Work)>, Error> {
        Ok(store::mirrored(tx, repository, tag, digest).await?)
    }

    fn seal(
        &self,
        ctx: &Ctx,
        id: &Id<MirroringPolicy>,
        form: &MirroringForm,
        before: Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, Error> {
        if form.password.is_none() && form.auth_token.is_none() {
            return Ok(before);
        }
        let text = |given: &Option<base::Secret>| given.as_ref().map(|one| one.expose().clone()).unwrap_or_default();
        let secrets = Secrets { password: text(&form.password), auth_token: text(&form.auth_token) };
        if secrets.password.is_empty() && secrets.auth_token.is_empty() {
            return Ok(None);
        }
        let plain = serde_json::to_vec(&secrets).expect("two texts always serialise");
        Ok(Some(self.sealer.seal(&ctx.entropy, &sealed_about(id.as_str()), &plain)))
    }
}

async fn policy_at(
    tx: &mut Tx,
    repository: &RepoName,
    id: &Id<MirroringPolicy>,
    direction: Direction,
) -> Result<MirroringPolicy, Error> {
    let found = store::policy(tx, id).await?;
    let found = found.filter(|policy| policy.repository == *repository && policy.direction == direction);
    found.ok_or_else(|| Error::NoSuchPolicy(direction, id.to_string()))
}

pub(crate) async fn either_at(
    tx: &mut Tx,
    repository: &RepoName,
    id: &Id<MirroringPolicy>,
) -> Result<MirroringPolicy, Error> {
    let found = store::policy(tx, id).await?.filter(|policy| policy.repository == *repository);
    found.ok_or_else(|| Error::NoSuchPolicy(Direction::Push, id.to_string()))
}

/// With `apply` at once; else when half an hour is over.
fn first_poll(ctx: &Ctx, apply: bool) -> Timestamp {
    match apply {
        true => ctx.now,
        false => ctx.now.checked_add(limits::MIRROR_PAUSE).unwrap_or(Timestamp::MAX),
    }
}

async fn save(tx: &mut Tx, ctx: &Ctx, kind: &'static str, policy: &MirroringPolicy, apply: bool) -> Result<(), Error> {
    watch(tx).await?;
    let entry = entry(kind, policy)
        .detail("direction", policy.direction.to_string())
        .detail("remote", policy.remote())
        .detail("username", &policy.username)
        .detail("skip_tls", policy.place.skip_tls)
        .detail("enabled", policy.policy.enabled())
        .detail("apply", apply)
        .set(policy.state_key(), policy.state());
    let entry = audit::append(tx, ctx, entry).await?;
    if apply && policy.policy.enabled() {
        apply_later(tx, ctx, policy, Some(&entry)).await?;
    }
    Ok(())
}

/// Evaluating is quick and stands in no lane of transfers.
async fn apply_later(tx: &mut Tx, ctx: &Ctx, policy: &MirroringPolicy, entry: Option<&str>) -> Result<(), Error> {
    let job = NewJob::new(APPLY_JOB, json!({"policy": policy.id})).in_lane(&format!("{APPLY_JOB} {}", policy.id));
    let job = match entry {
        Some(entry) => job.caused_by(entry),
        None => job,
    };
    jobs::enqueue(tx, ctx, job).await?;
    Ok(())
}

/// Every policy that polls.
async fn polls(tx: &mut Tx) -> Result<Vec<MirroringPolicy>, Error> {
    let all = store::all(tx).await?.into_iter();
    Ok(all.filter(|one| one.direction == Direction::Poll && one.policy.enabled()).collect())
}

/// A job that transfers what is due of a policy.
pub(crate) async fn transfer_later(
    tx: &mut Tx,
    ctx: &Ctx,
    policy: &Id<MirroringPolicy>,
    entry: Option<&str>,
) -> Result<(), db::Error> {
    let job = NewJob::new(crate::jobs::TRANSFER_JOB, json!({"policy": policy})).in_lane(&lane(policy.as_str()));
    let job = match entry {
        Some(entry) => job.caused_by(entry),
        None => job,
    };
    jobs::enqueue(tx, ctx, job).await.map(drop)
}

pub(crate) async fn remove(tx: &mut Tx, ctx: &Ctx, policy: &MirroringPolicy) -> Result<(), Error> {
    store::delete(tx, &policy.id).await?;
    watch(tx).await?;
    audit::append(tx, ctx, entry("mirroring_policy.deleted", policy).unset(policy.state_key())).await?;
    Ok(())
}

/// Let pushes to and scans in the repositories of push policies wake us, and no others.
pub(crate) async fn watch(tx: &mut Tx) -> Result<(), db::Error> {
    let repositories: Vec<String> = store::push_repositories(tx).await?.iter().map(ToString::to_string).collect();
    jobs::want(tx, AGAIN_JOB, &repositories).await?;
    jobs::want(tx, EVALUATE_JOB, &repositories).await
}

pub(crate) fn entry(kind: &'static str, policy: &MirroringPolicy) -> Entry {
    Entry::new(kind).about(policy.subject()).about(repository_subject(&policy.repository))
}
