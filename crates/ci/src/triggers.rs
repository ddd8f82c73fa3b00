//! Triggers: tokens that start pipelines, as webhooks carry them in their URL.

use audit::Entry;
use base::{Actor, Credential, Ctx, Principal, Secret, digest_hex, limits};
use forge::{Forge, ProjectRef};
use identity::Level;
use pipeline::{Source, Variable};

use crate::{Ci, Error, Origin, Pipeline, Trigger, mask::TOKEN_PREFIX, service::require, store, variables::check_key};

/// A request to start a pipeline by a trigger's token.
#[derive(Clone, Debug)]
pub struct Triggered {
    pub token: Secret,
    pub reference: String,
    pub variables: Vec<(String, String)>,
    /// The body of a webhook, which jobs find in the file `$TRIGGER_PAYLOAD`.
    pub payload: Option<String>,
    /// The caller's own name of this call. A second one of that name, as a webhook makes that never saw the answer to the
    /// first, gives the same pipeline.
    pub key: Option<String>,
}

/// Variables that one request may bring.
const VARIABLES_MAX: usize = 100;

/// The first letters of a token that stay visible.
const SHORT: usize = 4;

impl Ci {
    /// A new trigger; its token is given this once.
    pub async fn create_trigger(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        description: &str,
    ) -> Result<(Trigger, Secret), Error> {
        if description.len() > limits::TEXT_BYTES {
            return Err(Error::TooLarge(format!("a description has at most {} bytes", limits::TEXT_BYTES)));
        }
        let letters = ctx.entropy.token(40);
        let value = format!("{TOKEN_PREFIX}trigger-{letters}");
        let trigger = db::write!(self.0.db, ctx, |tx| {
            let project = require(tx, ctx, which, Level::Admin).await?;
            let Some(principal) = ctx.principal() else {
                return Err(Error::Denied("a trigger acts for a person; sign in as one".to_owned()));
            };
            let trigger = Trigger {
                id: store::next(tx, "trigger").await?,
                project: project.id,
                short: letters[..SHORT].to_owned(),
                description: description.to_owned(),
                owner: principal.account.clone(),
                who: principal.name.to_string(),
                created_at: ctx.now,
                updated_at: ctx.now,
                last_used: None,
            };
            store::settings::insert_trigger(tx, &trigger, &digest_hex(value.as_bytes())).await?;
            let entry = Entry::new("trigger.created")
                .about(format!("project/{}", project.path))
                .set(format!("ci/trigger/{}", trigger.id), trigger.state());
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(trigger)
        })?;
        Ok((trigger, Secret::new(value)))
    }

    pub async fn triggers(&self, ctx: &Ctx, which: &ProjectRef) -> Result<Vec<Trigger>, Error> {
        let mut tx = self.0.db.read().await?;
        let project = require(&mut tx, ctx, which, Level::Admin).await?;
        Ok(store::settings::triggers(&mut tx, project.id).await?)
    }

    pub async fn trigger(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<Trigger, Error> {
        let found = self.triggers(ctx, which).await?.into_iter().find(|trigger| trigger.id == id);
        found.ok_or_else(|| Error::no("trigger", id))
    }

    pub async fn describe_trigger(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        id: i64,
        description: &str,
    ) -> Result<Trigger, Error> {
        let description: String = description.chars().take(1000).collect();
        self.change_trigger(ctx, which, id, Some(&description)).await?;
        self.trigger(ctx, which, id).await
    }

    pub async fn delete_trigger(&self, ctx: &Ctx, which: &ProjectRef, id: i64) -> Result<(), Error> {
        self.change_trigger(ctx, which, id, None).await
    }

    /// Describe a trigger anew, or remove it.
    async fn change_trigger(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        id: i64,
        description: Option<&str>,
    ) -> Result<(), Error> {
        db::write!(self.0.db, ctx, |tx| {
            let project = require(tx, ctx, which, Level::Admin).await?;
            let found = store::settings::triggers(tx, project.id).await?.into_iter().find(|trigger| trigger.id == id);
            let trigger = found.ok_or_else(|| Error::no("trigger", id))?;
            let key = format!("ci/trigger/{id}");
            let about = |kind| Entry::new(kind).about(format!("project/{}", project.path));
            let entry = match description {
                Some(description) => {
                    store::settings::describe_trigger(tx, id, description, ctx.now).await?;
                    about("trigger.updated").set(key, trigger.state())
                }
                None => {
                    store::settings::delete_trigger(tx, id).await?;
                    about("trigger.deleted").unset(key)
                }
            };
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Start a pipeline by a trigger's token. It acts for the trigger's owner, if that one may still push.
    pub async fn trigger_pipeline(&self, ctx: &Ctx, which: &ProjectRef, asked: Triggered) -> Result<Pipeline, Error> {
        let unknown = || Error::no("project", which);
        let mut tx = self.0.db.read().await?;
        let hash = digest_hex(asked.token.expose().as_bytes());
        let trigger = store::settings::trigger_by_hash(&mut tx, &hash).await?.ok_or_else(unknown)?;
        let owner = Actor::Account(Principal {
            account: trigger.owner.clone(),
            name: trigger.who.parse()?,
            credential: Credential::Token(format!("trigger-{}", trigger.id)),
        });
        let ctx = &ctx.clone().with_actor(owner);
        let project = Forge::require(&mut tx, ctx, which, Level::ReadWrite).await;
        drop(tx);
        // A wrong token and a token of another project look the same from outside.
        let project = project.ok().filter(|project| project.id == trigger.project).ok_or_else(unknown)?;
        let once = asked.key.as_deref().map(|key| format!("trigger/{}/{}", trigger.id, digest_hex(key.as_bytes())));
        if let Some(once) = &once
            && let Some(made) = store::made_by(&mut self.0.db.read().await?, once).await?
        {
            return Ok(made);
        }
        let variables = asked.into_variables()?;
        let used = db::write!(self.0.db, ctx, |tx| store::settings::use_trigger(tx, trigger.id, ctx.now).await);
        used.map_err(|error: db::Error| Error::from(error))?;
        let origin = Origin {
            source: Source::Trigger,
            account: Some(trigger.owner),
            who: trigger.who,
            trigger: Some(trigger.id),
            variables: variables.1,
            once,
        };
        self.start_on(ctx, &project, &variables.0, origin).await
    }
}

impl Triggered {
    /// The ref, and the variables of the pipeline.
    fn into_variables(self) -> Result<(String, Vec<Variable>), Error> {
        if self.variables.len() > VARIABLES_MAX {
            return Err(Error::TooLarge(format!("a request brings at most {VARIABLES_MAX} variables")));
        }
        let mut variables = Vec::new();
        for (key, value) in self.variables {
            check_key(&key)?;
            if value.len() > limits::CI_VARIABLE_BYTES {
                return Err(Error::TooLarge(format!("a variable has at most {} bytes", limits::CI_VARIABLE_BYTES)));
            }
            variables.push(Variable { public: false, ..Variable::public(key, value) });
        }
        if let Some(payload) = self.payload.filter(|payload| !payload.is_empty()) {
            let variable = Variable::public("TRIGGER_PAYLOAD", payload);
            variables.push(Variable { public: false, file: true, raw: true, ..variable });
        }
        Ok((self.reference, variables))
    }
}
