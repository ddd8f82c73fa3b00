//! Variables of a project.

use audit::Entry;
use base::{Ctx, Secret, limits};
use db::Tx;
use forge::{Project, ProjectId, ProjectRef};
use identity::Level;

use crate::{
    Ci, Error, NewVariable, Variable,
    service::require,
    store::{
        self,
        settings::{Sealed, variable_key, variable_state},
    },
};

impl Ci {
    /// Create a variable. For administrators of the project.
    pub async fn create_variable(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        key: &str,
        new: NewVariable,
    ) -> Result<Variable, Error> {
        check_key(key)?;
        let value = new.value.clone().ok_or_else(|| Error::Invalid("value is missing".to_owned()))?;
        let blank = Variable {
            key: key.to_owned(),
            value,
            file: false,
            masked: false,
            protected: false,
            raw: false,
            description: String::new(),
        };
        let variable = changed(blank, &new)?;
        db::write!(self.0.db, ctx, |tx| {
            let project = require(tx, ctx, which, Level::Admin).await?;
            let known = store::settings::variables(tx, project.id).await?;
            if known.iter().any(|other| other.variable.key == key) {
                return Err(Error::Invalid(format!("key: ({key}) has already been taken")));
            }
            if known.len() >= limits::CI_VARIABLES {
                return Err(Error::Conflict(format!("a project has at most {} variables", limits::CI_VARIABLES)));
            }
            self.write_variable(tx, ctx, &project, &variable).await
        })?;
        Ok(variable)
    }

    /// Change a variable.
    pub async fn update_variable(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        key: &str,
        change: NewVariable,
    ) -> Result<Variable, Error> {
        db::write!(self.0.db, ctx, |tx| {
            let project = require(tx, ctx, which, Level::Admin).await?;
            let sealed = store::settings::variable(tx, project.id, key).await?;
            let old = self.open(project.id, sealed.ok_or_else(|| Error::no("variable", key))?)?;
            let variable = changed(old, &change)?;
            self.write_variable(tx, ctx, &project, &variable).await?;
            Ok(variable)
        })
    }

    pub async fn delete_variable(&self, ctx: &Ctx, which: &ProjectRef, key: &str) -> Result<(), Error> {
        db::write!(self.0.db, ctx, |tx| {
            let project = require(tx, ctx, which, Level::Admin).await?;
            if !store::settings::delete_variable(tx, project.id, key).await? {
                return Err(Error::no("variable", key));
            }
            let entry = Entry::new("variable.deleted")
                .about(format!("project/{}", project.path))
                .detail("key", key)
                .unset(variable_key(project.id, key));
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// The variables of a project with their values; for its administrators.
    pub async fn variables(&self, ctx: &Ctx, which: &ProjectRef) -> Result<Vec<Variable>, Error> {
        let mut tx = self.0.db.read().await?;
        let project = require(&mut tx, ctx, which, Level::Admin).await?;
        let sealed = store::settings::variables(&mut tx, project.id).await?;
        sealed.into_iter().map(|sealed| self.open(project.id, sealed)).collect()
    }

    /// Whether pipelines of a project run one after the other.
    pub async fn one_at_a_time(&self, ctx: &Ctx, which: &ProjectRef) -> Result<bool, Error> {
        let mut tx = self.0.db.read().await?;
        let project = require(&mut tx, ctx, which, Level::ReadOnly).await?;
        Ok(store::one_at_a_time(&mut tx, project.id).await?)
    }

    /// Let pipelines of a project run one after the other, or side by side.
    pub async fn set_one_at_a_time(&self, ctx: &Ctx, which: &ProjectRef, value: bool) -> Result<(), Error> {
        db::write!(self.0.db, ctx, |tx| {
            let project = require(tx, ctx, which, Level::Admin).await?;
            store::set_one_at_a_time(tx, project.id, value).await?;
            let entry = Entry::new("project.ci_settings_set")
                .about(format!("project/{}", project.path))
                .set(format!("ci/one_at_a_time/{}", project.id), value);
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    async fn write_variable(
        &self,
        tx: &mut Tx,
        ctx: &Ctx,
        project: &Project,
        variable: &Variable,
    ) -> Result<(), Error> {
        let key = variable_key(project.id, &variable.key);
        let sealed = self.0.sealer.seal(&ctx.entropy, &key, variable.value.expose().as_bytes());
        store::settings::put_variable(tx, project.id, variable, &sealed).await?;
        let entry = Entry::new("variable.set")
            .about(format!("project/{}", project.path))
            .detail("key", &variable.key)
            .set(key, variable_state(variable, &sealed));
        audit::append(tx, ctx, entry).await?;
        Ok(())
    }

    fn open(&self, project: ProjectId, sealed: Sealed) -> Result<Variable, Error> {
        let key = variable_key(project, &sealed.variable.key);
        let opened = self.0.sealer.open(&key, &sealed.sealed)?;
        let value = String::from_utf8(opened.expose().clone());
        let value = value.map_err(|_| Error::Internal(format!("the sealed value {key} is not text")))?;
        Ok(Variable { value: Secret::new(value), ..sealed.variable })
    }

    /// A project's variables as a pipeline gets them.
    pub(crate) async fn project_variables(
        &self,
        project: ProjectId,
        protected: bool,
    ) -> Result<Vec<pipeline::Variable>, Error> {
        self.project_variables_in(&mut self.0.db.read().await?, project, protected).await
    }

    pub(crate) async fn project_variables_in(
        &self,
        tx: &mut Tx,
        project: ProjectId,
        protected: bool,
    ) -> Result<Vec<pipeline::Variable>, Error> {
        let sealed = store::settings::variables(tx, project).await?;
        let visible = sealed.into_iter().filter(|sealed| protected || !sealed.variable.protected);
        visible
            .map(|sealed| {
                let variable = self.open(project, sealed)?;
                Ok(pipeline::Variable {
                    key: variable.key,
                    value: variable.value.expose().clone(),
                    public: false,
                    file: variable.file,
                    masked: variable.masked,
                    raw: variable.raw,
                })
            })
            .collect()
    }
}

/// A variable after a change, checked.
fn changed(old: Variable, change: &NewVariable) -> Result<Variable, Error> {
    let new = Variable {
        value: change.value.clone().unwrap_or(old.value),
        file: change.file.unwrap_or(old.file),
        masked: change.masked.unwrap_or(old.masked),
        protected: change.protected.unwrap_or(old.protected),
        raw: change.raw.unwrap_or(old.raw),
        description: change.description.clone().unwrap_or(old.description),
        key: old.key,
    };
    if new.value.expose().len() > limits::CI_VARIABLE_BYTES || new.description.len() > limits::TEXT_BYTES {
        return Err(Error::TooLarge(format!("a variable has at most {} bytes", limits::CI_VARIABLE_BYTES)));
    }
    if new.value.expose().contains('\0') {
        return Err(Error::Invalid("a value cannot hold a zero byte: no environment can carry it".to_owned()));
    }
    if new.masked {
        pipeline::check_masked(new.value.expose()).map_err(|error| Error::Invalid(error.to_string()))?;
    }
    Ok(new)
}

pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if !key.is_empty() && key.len() <= 255 && key.bytes().all(good) {
        Ok(())
    } else {
        let shown: String = key.chars().take(80).collect();
        Err(Error::Invalid(format!("key {shown:?} can contain only letters, digits and '_', 255 of them at most")))
    }
}
