//! Writing and reading waivers.

use std::collections::BTreeSet;

use audit::Entry;
use base::{Actor, Ctx, Id, Kind, limits};
use db::Tx;
use identity::{Identity, Level, On};
use jobs::{Event, NewJob};
use oci::RepoName;
use registry::{Registry, Right};
use serde_json::json;

use crate::{Approval, Error, NewWaiver, Promote, Waiver, WaiverScope, jobs::RECONSIDER_JOB, store};

impl Promote {
    /// Accept findings: admin level on the repository, on every repository that holds the image, an owner of the namespace, or an
    /// administrator for a layer and everywhere. What the waiver touches is decided again. Where waivers need an approval it is
    /// proposed, and counts for nothing until somebody else approves it.
    pub async fn create_waiver(&self, ctx: &Ctx, new: NewWaiver) -> Result<Waiver, Error> {
        Level::require_person(&ctx.actor)?;
        let new = new.checked(ctx.now)?;
        let mut waiver = Waiver {
            id: Id::new(ctx),
            scope: new.scope,
            advisory: new.advisory,
            component: new.component,
            version: new.version,
            reason: new.reason,
            justification: new.justification,
            author: ctx.actor.label(),
            author_account: ctx.principal().map(|principal| principal.account.to_string()),
            approval: Approval::NotNeeded,
            created_at: ctx.now,
            expires_at: new.expires_at,
        };
        db::write!(self.db, ctx, |tx| {
            require(tx, ctx, &waiver.scope).await?;
            let proposed = store::need_approval(tx).await? == Some(true);
            waiver.approval = if proposed { Approval::Proposed } else { Approval::NotNeeded };
            if store::waivers_of_scope(tx, &waiver.scope).await?.len() >= limits::WAIVERS_PER_SCOPE {
                return Err(Error::Conflict(format!("{} waivers are enough; delete some", limits::WAIVERS_PER_SCOPE)));
            }
            store::insert_waiver(tx, &waiver).await?;
            let entry = entry("waiver.created", &waiver)
                .detail("reason", &waiver.reason)
                .detail("justification", waiver.justification)
                .detail("expires_at", waiver.expires_at.map(|at| at.to_string()))
                .detail("proposed", proposed.then_some(true))
                .set(waiver.state_key(), waiver.state());
            match proposed {
                true => audit::append(tx, ctx, entry).await.map(drop).map_err(Error::from),
                false => changed(tx, ctx, "waiver.created", &waiver, entry).await,
            }
        })?;
        Ok(waiver)
    }

    /// Let a proposed waiver count: whoever could have made it, and did not. What it touches is decided again.
    pub async fn approve_waiver(&self, ctx: &Ctx, id: &Id<Waiver>) -> Result<Waiver, Error> {
        Level::require_person(&ctx.actor)?;
        db::write!(self.db, ctx, |tx| {
            let missing = || Error::NotFound { what: "waiver", name: id.to_string() };
            let mut waiver = store::waiver(tx, id).await?.ok_or_else(missing)?;
            require(tx, ctx, &waiver.scope).await?;
            if waiver.approval != Approval::Proposed {
                return Err(Error::Conflict("the waiver needs no approval; it counts already".to_owned()));
            }
            if waiver.is_by(&ctx.actor) {
                let why = format!("{} made this waiver, so that somebody else has to approve it", waiver.author);
                return Err(Error::Denied(why));
            }
            if waiver.expires_at.is_some_and(|at| at <= ctx.now) {
                return Err(Error::Conflict("the waiver has expired; a new one is needed".to_owned()));
            }
            let by = ctx.actor.label();
            if !store::approve_waiver(tx, id, &by, ctx.now).await? {
                return Err(Error::Conflict("somebody else was faster".to_owned()));
            }
            waiver.approval = Approval::Given { by, at: ctx.now };
            let entry = entry("waiver.approved", &waiver)
                .detail("author", &waiver.author)
                .set(waiver.state_key(), waiver.state());
            // Whoever hears of waivers hears of it when it begins to count.
            changed(tx, ctx, "waiver.created", &waiver, entry).await?;
            Ok(waiver)
        })
    }

    /// Whether a waiver counts only once somebody else approved it.
    pub async fn waivers_need_approval(&self) -> Result<bool, Error> {
        Ok(store::need_approval(&mut self.db.read().await?).await?.unwrap_or_default())
    }

    /// Say so, for waivers from now on: those there are stay as they are. Administrators only.
    pub async fn set_waivers_need_approval(&self, ctx: &Ctx, need: bool) -> Result<(), Error> {
        Level::require_person(&ctx.actor)?;
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            if store::need_approval(tx).await?.unwrap_or_default() == need {
                return Ok(());
            }
            store::set_need_approval(tx, need).await?;
            let entry = Entry::new("waiver.settings_changed")
                .detail("needApproval", need)
                .set(store::WAIVER_SETTINGS_KEY, need.to_string());
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Take a waiver back: its findings count again, and what it touches is decided again. What was promoted stays.
    pub async fn delete_waiver(&self, ctx: &Ctx, id: &Id<Waiver>) -> Result<(), Error> {
        Level::require_person(&ctx.actor)?;
        db::write!(self.db, ctx, |tx| {
            let missing = || Error::NotFound { what: "waiver", name: id.to_string() };
            let waiver = store::waiver(tx, id).await?.ok_or_else(missing)?;
            require(tx, ctx, &waiver.scope).await?;
            store::delete_waiver(tx, id).await?;
            let entry = entry("waiver.deleted", &waiver).unset(waiver.state_key());
            changed(tx, ctx, "waiver.deleted", &waiver, entry).await
        })
    }

    /// Note the waivers whose time is over, and have decided again what they touched. Runs now and then; gives how many.
    pub async fn end_waivers(&self, ctx: &Ctx) -> Result<usize, Error> {
        const BATCH: i64 = 50;
        let mut ended = 0;
        loop {
            // A look without the writer first: there is seldom one.
            let over = store::waivers_to_end(&mut self.db.read().await?, ctx.now, BATCH).await?;
            if over.is_empty() {
                return Ok(ended);
            }
            for waiver in &over {
                db::write!(self.db, ctx, |tx| {
                    if !store::end_waiver(tx, &waiver.id).await? {
                        return Ok(());
                    }
                    let expired = entry("waiver.expired", waiver)
                        .detail("expires_at", waiver.expires_at.map(|at| at.to_string()));
                    changed(tx, ctx, "waiver.expired", waiver, expired).await
                })?;
                ended += 1;
            }
        }
    }

    /// The waivers of one scope, expired ones included; for those who may see what they are about.
    pub async fn waivers(&self, ctx: &Ctx, scope: &WaiverScope) -> Result<Vec<Waiver>, Error> {
        let mut tx = self.db.read().await?;
        see(&mut tx, ctx, scope).await?;
        Ok(store::waivers_of_scope(&mut tx, scope).await?)
    }

    /// One waiver, for those who may see what it is about.
    pub async fn waiver(&self, ctx: &Ctx, id: &Id<Waiver>) -> Result<Waiver, Error> {
        let mut tx = self.db.read().await?;
        let missing = || Error::NotFound { what: "waiver", name: id.to_string() };
        let waiver = store::waiver(&mut tx, id).await?.ok_or_else(missing)?;
        see(&mut tx, ctx, &waiver.scope).await.map_err(|_| missing())?;
        Ok(waiver)
    }

    /// Whether the actor may say what counts in a scope: make, approve and take back its waivers.
    pub async fn may_waive(&self, ctx: &Ctx, scope: &WaiverScope) -> Result<bool, Error> {
        if Level::require_person(&ctx.actor).is_err() {
            return Ok(false);
        }
        match require(&mut self.db.read().await?, ctx, scope).await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), Kind::Denied | Kind::Unauthenticated | Kind::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The waivers of all scopes that the actor may see, expired ones included.
    pub async fn all_waivers(&self, ctx: &Ctx) -> Result<Vec<Waiver>, Error> {
        let mut tx = self.db.read().await?;
        let all = store::all_waivers(&mut tx).await?;
        seen(&mut tx, ctx, all, |waiver| &waiver.scope).await
    }
}

/// Those of a list whose scope the actor may see.
pub(crate) async fn seen<T>(
    tx: &mut Tx,
    ctx: &Ctx,
    all: Vec<T>,
    scope: impl Fn(&T) -> &WaiverScope,
) -> Result<Vec<T>, Error> {
    see(tx, ctx, &WaiverScope::Everywhere).await?;
    let (mut seen, mut hidden) = (Vec::new(), BTreeSet::new());
    for one in all {
        let name = scope(&one).to_string();
        if hidden.contains(&name) {
            continue;
        }
        match see(tx, ctx, scope(&one)).await {
            Ok(()) => seen.push(one),
            Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Denied) => drop(hidden.insert(name)),
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}

/// Refuse who may not see what is said in a scope.
pub(crate) async fn see(tx: &mut Tx, ctx: &Ctx, scope: &WaiverScope) -> Result<(), Error> {
    match scope {
        _ if ctx.actor == Actor::Anonymous && !matches!(scope, WaiverScope::Repository(_) | WaiverScope::Image(_)) => {
            Err(identity::Error::Unauthenticated.into())
        }
        WaiverScope::Everywhere | WaiverScope::Layer(_) => Ok(()),
        // Its name is a placeholder: whoever reads one repository of it reads what is said of that one there.
        WaiverScope::Namespace(name) => match Level::of(tx, &ctx.actor, On::Repository, name.as_str(), "").await? {
            Some(_) => Ok(()),
            None => Err(Error::Denied(format!(
                "only who has a right on all repositories of {name} sees what is said of it"
            ))),
        },
        WaiverScope::Repository(name) => {
            Registry::authorize(tx, ctx, name, Right::Pull).await?;
            Ok(())
        }
        WaiverScope::Image(digest) => {
            for place in Registry::places(tx, digest).await? {
                if Registry::authorize(tx, ctx, &place.repository, Right::Pull).await.is_ok() {
                    return Ok(());
                }
            }
            Err(Error::NotFound { what: "image", name: digest.to_string() })
        }
    }
}

impl WaiverScope {
    /// Those of these repositories that may hold what it is about.
    pub async fn among(&self, tx: &mut Tx, mut names: Vec<RepoName>) -> Result<Vec<RepoName>, Error> {
        match self {
            WaiverScope::Everywhere | WaiverScope::Layer(_) => {}
            WaiverScope::Namespace(owner) => names.retain(|name| name.namespace() == owner.as_str()),
            WaiverScope::Repository(own) => names.retain(|name| name == own),
            WaiverScope::Image(digest) => {
                let places = Registry::places(tx, digest).await?;
                names.retain(|name| places.iter().any(|place| place.repository == *name));
            }
        }
        Ok(names)
    }
}

/// Refuse who may not say what counts in a scope.
pub(crate) async fn require(tx: &mut Tx, ctx: &Ctx, scope: &WaiverScope) -> Result<(), Error> {
    match scope {
        WaiverScope::Everywhere | WaiverScope::Layer(_) => Level::require_admin(tx, &ctx.actor).await?,
        WaiverScope::Namespace(name) => {
            Level::require_owner(tx, &ctx.actor, name.as_str()).await?;
            Identity::require_namespace(tx, name.as_str()).await?;
        }
        WaiverScope::Repository(name) => drop(Registry::authorize(tx, ctx, name, Right::Admin).await?),
        WaiverScope::Image(digest) => {
            let places = Registry::places(tx, digest).await?;
            if places.is_empty() {
                Level::require_admin(tx, &ctx.actor).await?;
                return Err(Error::NotFound { what: "image", name: digest.to_string() });
            }
            for place in places {
                // Which repositories hold an image is not for everybody to know.
                let right = Registry::authorize(tx, ctx, &place.repository, Right::Admin).await;
                right.map_err(|_| {
                    Error::Denied(
                        "what is said of an image needs admin level on every repository that holds it".to_owned(),
                    )
                })?;
            }
        }
    }
    Ok(())
}

/// Append the entry, have decided again what a scope holds, and let the others do so. Gives the entry's id.
pub(crate) async fn reconsider(tx: &mut Tx, ctx: &Ctx, scope: &WaiverScope, entry: Entry) -> Result<String, Error> {
    let entry = audit::append(tx, ctx, entry).await?;
    let job = NewJob::new(RECONSIDER_JOB, json!({"scope": scope.to_string()}));
    jobs::enqueue(tx, ctx, job.in_lane(RECONSIDER_JOB).caused_by(&entry)).await?;
    let event = Event {
        kind: "evidence.changed".to_owned(),
        subject: scope.to_string(),
        data: json!({"scope": scope.to_string()}),
        at: ctx.now,
        entry: entry.clone(),
    };
    jobs::emit(tx, ctx, &event).await?;
    Ok(entry)
}

/// The same for a waiver, and tell the others: of an image's, in each repository that holds it.
async fn changed(tx: &mut Tx, ctx: &Ctx, kind: &str, waiver: &Waiver, entry: Entry) -> Result<(), Error> {
    let entry = reconsider(tx, ctx, &waiver.scope, entry).await?;
    let (digest, repositories) = match &waiver.scope {
        WaiverScope::Everywhere | WaiverScope::Namespace(_) | WaiverScope::Layer(_) => (None, vec![None]),
        WaiverScope::Repository(name) => (None, vec![Some(name.clone())]),
        WaiverScope::Image(digest) => {
            let places = Registry::places(tx, digest).await?;
            let names: BTreeSet<_> = places.into_iter().map(|place| place.repository).collect();
            (Some(digest), names.into_iter().map(Some).collect())
        }
    };
    for repository in repositories {
        let data = json!({
            "repository": repository,
            "digest": digest,
            "id": waiver.id,
            "scope": waiver.scope.to_string(),
            "advisory": waiver.advisory,
            "component": waiver.component,
            "reason": waiver.reason,
            "justification": waiver.justification,
            "author": waiver.author,
            "expires_at": waiver.expires_at.map(|at| at.to_string()),
        });
        let subject = format!("waiver/{}", waiver.id);
        let event = Event { kind: kind.to_owned(), subject, data, at: ctx.now, entry: entry.clone() };
        jobs::emit(tx, ctx, &event).await?;
    }
    Ok(())
}

pub(crate) fn entry(kind: &'static str, waiver: &Waiver) -> Entry {
    let entry = Entry::new(kind)
        .about(format!("waiver/{}", waiver.id))
        .about(format!("advisory/{}", waiver.advisory))
        .detail("scope", waiver.scope.to_string())
        .detail("advisory", &waiver.advisory)
        .detail("component", &waiver.component)
        .detail("version", waiver.version.as_ref());
    about_scope(entry, &waiver.scope)
}

pub(crate) fn about_scope(entry: Entry, scope: &WaiverScope) -> Entry {
    match scope {
        WaiverScope::Everywhere => entry,
        WaiverScope::Namespace(name) => entry.about(format!("account/{name}")),
        WaiverScope::Repository(name) => entry.about(format!("repository/{name}")),
        WaiverScope::Image(digest) | WaiverScope::Layer(digest) => entry.about(digest),
    }
}
