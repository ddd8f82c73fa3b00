//! Runners: how they are made known, proved and let go.

use std::time::Duration;

use audit::Entry;
use base::{Ctx, Secret, digest_hex};
use db::Tx;
use forge::ProjectRef;
use identity::Level;
use serde_json::{Value, json};

use crate::{Ci, Error, Runner, RunnerKind, service::require, store};

/// How often it is written down that a runner was here.
const CONTACT: Duration = Duration::from_secs(60);

/// The first letters of a token that stay visible.
const SHORT: usize = 8;

/// A runner to be created or registered.
#[derive(Clone, Debug, Default)]
pub struct NewRunner {
    pub description: String,
    pub tags: Vec<String>,
    /// `true` when absent, unless it has tags.
    pub run_untagged: Option<bool>,
    pub paused: bool,
    pub protected: bool,
    pub maximum_timeout: Option<i64>,
}

/// What a runner says of itself, as far as we keep it.
#[derive(Clone, Debug, Default)]
pub struct RunnerInfo(Value);

impl RunnerInfo {
    /// The known fields of `info`, each cut to a length that a page can show.
    pub fn new(info: &Value) -> RunnerInfo {
        let mut kept = json!({});
        for key in ["name", "version", "revision", "platform", "architecture", "executor"] {
            if let Some(text) = info.get(key).and_then(Value::as_str) {
                kept[key] = text.chars().take(100).collect::<String>().into();
            }
        }
        RunnerInfo(kept)
    }
}

impl Ci {
    /// A new runner and its token, which is given this once. `project` makes it take jobs of that project only.
    pub async fn create_runner(
        &self,
        ctx: &Ctx,
        project: Option<&ProjectRef>,
        new: NewRunner,
    ) -> Result<(Runner, Secret), Error> {
        let token = format!("glrt-{}", ctx.entropy.token(40));
        let runner = db::write!(self.0.db, ctx, |tx| {
            let kind = match project {
                Some(project) => RunnerKind::Project(require(tx, ctx, project, Level::Admin).await?.id),
                None => {
                    Level::require_admin(tx, &ctx.actor).await?;
                    RunnerKind::Instance
                }
            };
            insert(tx, ctx, kind, &new, &token).await
        })?;
        Ok((runner, Secret::new(token)))
    }

    /// Register the old way, with the installation's registration token.
    pub async fn register_runner(&self, ctx: &Ctx, token: &Secret, new: NewRunner) -> Result<(Runner, Secret), Error> {
        let given = digest_hex(token.expose().as_bytes());
        let made = ctx.entropy.token(40);
        let ctx = &ctx.clone().with_actor(base::Actor::System("registration"));
        let runner = db::write!(self.0.db, ctx, |tx| {
            let known = store::runners::registration(tx).await?.unwrap_or_default();
            if !base::constant_time_eq(known.as_bytes(), given.as_bytes()) {
                return Err(Error::Denied("invalid token supplied".to_owned()));
            }
            insert(tx, ctx, RunnerKind::Instance, &new, &made).await
        })?;
        Ok((runner, Secret::new(made)))
    }

    /// A new registration token, given this once; the one before is worthless. For administrators.
    pub async fn reset_registration_token(&self, ctx: &Ctx) -> Result<Secret, Error> {
        let token = format!("assay-registration-{}", ctx.entropy.token(40));
        let hash = digest_hex(token.as_bytes());
        db::write!(self.0.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            store::runners::set_registration(tx, &hash).await?;
            audit::append(tx, ctx, Entry::new("runner.registration_token_reset")).await?;
            Ok::<_, Error>(())
        })?;
        Ok(Secret::new(token))
    }

    /// The runner with this token, with what it says of itself now.
    pub async fn verify_runner(&self, ctx: &Ctx, token: &Secret, info: &RunnerInfo) -> Result<Runner, Error> {
        let denied = || Error::Denied("403 Forbidden".to_owned());
        self.runner(ctx, token, info).await?.ok_or_else(denied)
    }

    /// A runner goes, by its own token.
    pub async fn unregister_runner(&self, ctx: &Ctx, token: &Secret) -> Result<(), Error> {
        let hash = digest_hex(token.expose().as_bytes());
        let ctx = &ctx.clone().with_actor(base::Actor::System("runner"));
        db::write!(self.0.db, ctx, |tx| {
            let runner = store::runners::by_hash(tx, &hash).await?;
            let runner = runner.ok_or_else(|| Error::Denied("403 Forbidden".to_owned()))?;
            remove(tx, ctx, runner.id).await
        })
    }

    /// Remove a runner. For administrators.
    pub async fn delete_runner(&self, ctx: &Ctx, id: i64) -> Result<(), Error> {
        db::write!(self.0.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            store::runners::get(tx, id).await?.ok_or_else(|| Error::no("runner", id))?;
            remove(tx, ctx, id).await
        })
    }

    /// Let a runner rest, or work again. For administrators.
    pub async fn pause_runner(&self, ctx: &Ctx, id: i64, paused: bool) -> Result<Runner, Error> {
        db::write!(self.0.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            let runner = store::runners::get(tx, id).await?.ok_or_else(|| Error::no("runner", id))?;
            let runner = Runner { paused, ..runner };
            store::runners::set_paused(tx, id, paused).await?;
            let entry = Entry::new(if paused { "runner.paused" } else { "runner.resumed" })
                .about(format!("runner/{id}"))
                .set(format!("ci/runner/{id}"), runner.state());
            audit::append(tx, ctx, entry).await?;
            Ok(runner)
        })
    }

    /// All runners. For administrators.
    pub async fn runners(&self, ctx: &Ctx) -> Result<Vec<Runner>, Error> {
        let mut tx = self.0.db.read().await?;
        Level::require_admin(&mut tx, &ctx.actor).await?;
        Ok(store::runners::all(&mut tx).await?)
    }

    pub(crate) async fn runner(&self, ctx: &Ctx, token: &Secret, info: &RunnerInfo) -> Result<Option<Runner>, Error> {
        let hash = digest_hex(token.expose().as_bytes());
        let found = store::runners::by_hash(&mut self.0.db.read().await?, &hash).await?;
        let Some(runner) = found else { return Ok(None) };
        let said = info.0.to_string();
        let old = |at: base::Timestamp| at.checked_add(CONTACT).is_ok_and(|until| until < ctx.now);
        if runner.contacted_at.is_none_or(old) || runner.info != said {
            let touched = db::write!(self.0.db, ctx, |tx| store::runners::touch(tx, runner.id, &said, ctx.now).await);
            touched.map_err(|error: db::Error| Error::from(error))?;
        }
        Ok(Some(runner))
    }
}

async fn insert(tx: &mut Tx, ctx: &Ctx, kind: RunnerKind, new: &NewRunner, token: &str) -> Result<Runner, Error> {
    let letters = token.strip_prefix("glrt-").unwrap_or(token);
    let runner = Runner {
        id: store::next(tx, "runner").await?,
        kind,
        short: letters.chars().take(SHORT).collect(),
        description: new.description.chars().take(1000).collect(),
        tags: new.tags.iter().take(100).map(|tag| tag.chars().take(255).collect()).collect(),
        run_untagged: new.run_untagged.unwrap_or(new.tags.is_empty()),
        paused: new.paused,
        protected: new.protected,
        maximum_timeout: new.maximum_timeout.filter(|seconds| *seconds > 0),
        info: "{}".to_owned(),
        created_at: ctx.now,
        contacted_at: None,
    };
    if !runner.run_untagged && runner.tags.is_empty() {
        return Err(Error::Invalid("a runner without tags that takes no untagged jobs would take none".to_owned()));
    }
    store::runners::insert(tx, &runner, &digest_hex(token.as_bytes())).await?;
    let entry = Entry::new("runner.created")
        .about(format!("runner/{}", runner.id))
        .detail("description", &runner.description)
        .set(format!("ci/runner/{}", runner.id), runner.state());
    audit::append(tx, ctx, entry).await?;
    Ok(runner)
}

async fn remove(tx: &mut Tx, ctx: &Ctx, id: i64) -> Result<(), Error> {
    store::runners::delete(tx, id).await?;
    let entry = Entry::new("runner.deleted").about(format!("runner/{id}")).unset(format!("ci/runner/{id}"));
    audit::append(tx, ctx, entry).await?;
    Ok(())
}
