//! Writing and reading waivers.

use std::collections::BTreeSet;

use audit::Entry;
use base::{Actor, Ctx, Id, Kind, limits};
use db::Tx;
use identity::Level;
use jobs::{Event, NewJob};
use registry::{Registry, Right};
use serde_json::json;

use crate::{Error, NewWaiver, Promote, Waiver, WaiverScope, jobs::RECONSIDER_JOB, store};

impl Promote {
    /// Accept findings: admin level on the repository, on every repository that holds the image, or an administrator for
    /// everywhere. What the waiver touches is decided again.
    pub async fn create_waiver(&self, ctx: &Ctx, new: NewWaiver) -> Result<Waiver, Error> {
        Level::require_person(&ctx.actor)?;
        let new = new.checked(ctx.now)?;
        let waiver = Waiver {
            id: Id::new(ctx),
            scope: new.scope,
            advisory: new.advisory,
            component: new.component,
            reason: new.reason,
            justification: new.justification,
            author: ctx.actor.label(),
            created_at: ctx.now,
            expires_at: new.expires_at,
        };
        db::write!(self.db, ctx, |tx| {
            require(tx, ctx, &waiver.scope).await?;
            if store::waivers_of_scope(tx, &waiver.scope).await?.len() >= limits::WAIVERS_PER_SCOPE {
                return Err(Error::Conflict(format!("{} waivers are enough; delete some", limits::WAIVERS_PER_SCOPE)));
            }
            store::insert_waiver(tx, &waiver).await?;
            let entry = entry("waiver.created", &waiver)
                .detail("reason", &waiver.reason)
                .detail("justification", waiver.justification)
                .detail("expires_at", waiver.expires_at.map(|at| at.to_string()))
                .set(waiver.state_key(), waiver.state());
            changed(tx, ctx, "waiver.created", &waiver, entry).await
        })?;
        Ok(waiver)
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
        WaiverScope::Everywhere if ctx.actor == Actor::Anonymous => Err(identity::Error::Unauthenticated.into()),
        WaiverScope::Everywhere => Ok(()),
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

/// Refuse who may not say what counts in a scope.
pub(crate) async fn require(tx: &mut Tx, ctx: &Ctx, scope: &WaiverScope) -> Result<(), Error> {
    match scope {
        WaiverScope::Everywhere => Level::require_admin(tx, &ctx.actor).await?,
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

/// Append the entry, and have decided again what a scope holds. Gives the entry's id.
pub(crate) async fn reconsider(tx: &mut Tx, ctx: &Ctx, scope: &WaiverScope, entry: Entry) -> Result<String, Error> {
    let entry = audit::append(tx, ctx, entry).await?;
    let job = NewJob::new(RECONSIDER_JOB, json!({"scope": scope.to_string()}));
    jobs::enqueue(tx, ctx, job.in_lane(RECONSIDER_JOB).caused_by(&entry)).await?;
    Ok(entry)
}

/// The same for a waiver, and tell the others: of an image's, in each repository that holds it.
async fn changed(tx: &mut Tx, ctx: &Ctx, kind: &str, waiver: &Waiver, entry: Entry) -> Result<(), Error> {
    let entry = reconsider(tx, ctx, &waiver.scope, entry).await?;
    let (digest, repositories) = match &waiver.scope {
        WaiverScope::Everywhere => (None, vec![None]),
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
        .detail("component", &waiver.component);
    about_scope(entry, &waiver.scope)
}

pub(crate) fn about_scope(entry: Entry, scope: &WaiverScope) -> Entry {
    match scope {
        WaiverScope::Everywhere => entry,
        WaiverScope::Repository(name) => entry.about(format!("repository/{name}")),
        WaiverScope::Image(digest) => entry.about(digest),
    }
}
