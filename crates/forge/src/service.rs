//! What can be done with projects.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use audit::Entry;
use base::{AccountName, Actor, Ctx, Id, limits};
use db::{Db, Tx};
use identity::{Identity, Level, On};

use crate::{
    Error, NewProject, Oid, Project, ProjectId, ProjectRef, RefName, Visibility, git::Git, settle::Push, store,
};

/// The projects of one installation.
#[derive(Clone, Debug)]
pub struct Forge {
    pub(crate) db: Db,
    pub(crate) git: Git,
    /// Pushes that this process is working on; the reconciler leaves their rows alone.
    pub(crate) active: Arc<Mutex<HashSet<Id<Push>>>>,
}

impl Forge {
    /// Repositories are below `folder`, which exists.
    pub fn new(db: Db, folder: PathBuf) -> Forge {
        Forge { db, git: Git::new(folder), active: Arc::default() }
    }

    /// Create a project with an empty repository. For owners of the namespace.
    pub async fn create_project(&self, ctx: &Ctx, new: NewProject) -> Result<Project, Error> {
        if new.description.len() > limits::TEXT_BYTES {
            return Err(Error::Invalid(format!("a description has at most {} bytes", limits::TEXT_BYTES)));
        }
        let default_branch = new.branch()?;
        // The repository is made outside of any transaction, under a number that nobody else has.
        let id = db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, new.path.namespace.as_str()).await?;
            namespace(tx, &new).await?;
            if store::project_by_path(tx, &new.path).await?.is_some() {
                return Err(taken(&new));
            }
            Ok::<_, Error>(store::next_project(tx).await?)
        })?;
        self.git.create(id, &default_branch).await?;
        let project = Project {
            id,
            path: new.path.clone(),
            description: new.description.clone(),
            visibility: new.visibility,
            default_branch,
            created_at: ctx.now,
        };
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, project.path.namespace.as_str()).await?;
            namespace(tx, &new).await?;
            if store::project_by_path(tx, &project.path).await?.is_some() {
                return Err(taken(&new));
            }
            store::insert_project(tx, &project).await?;
            audit::append(tx, ctx, entry("project.created", &project)).await?;
            Ok::<_, Error>(())
        })?;
        Ok(project)
    }

    /// Change description, visibility and default branch. For administrators of the project.
    pub async fn update_project(
        &self,
        ctx: &Ctx,
        which: &ProjectRef,
        description: Option<String>,
        visibility: Option<Visibility>,
        default_branch: Option<String>,
    ) -> Result<Project, Error> {
        if let Some(branch) = &default_branch {
            RefName::branch(branch)?;
        }
        let project = db::write!(self.db, ctx, |tx| {
            let mut project = require(tx, ctx, which, Level::Admin).await?;
            project.description = description.clone().unwrap_or(project.description);
            project.visibility = visibility.unwrap_or(project.visibility);
            project.default_branch = default_branch.clone().unwrap_or(project.default_branch);
            store::update_project(tx, &project).await?;
            audit::append(tx, ctx, entry("project.updated", &project)).await?;
            Ok::<_, Error>(project)
        })?;
        if default_branch.is_some() {
            self.git.set_head(project.id, &project.default_ref()).await?;
        }
        Ok(project)
    }

    /// A project that the actor may read.
    pub async fn project(&self, ctx: &Ctx, which: &ProjectRef) -> Result<Project, Error> {
        require(&mut self.db.read().await?, ctx, which, Level::ReadOnly).await
    }

    /// A project in which the actor has at least this level, inside the caller's transaction.
    pub async fn require(tx: &mut Tx, ctx: &Ctx, which: &ProjectRef, level: Level) -> Result<Project, Error> {
        require(tx, ctx, which, level).await
    }

    /// Projects that the actor may read, in order of id.
    pub async fn projects(&self, ctx: &Ctx) -> Result<Vec<Project>, Error> {
        let mut tx = self.db.read().await?;
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = store::projects(&mut tx, after, 500).await?;
            let Some(last) = page.last() else { return Ok(seen) };
            after = last.id.0;
            for project in page {
                if level_of(&mut tx, ctx, &project).await?.is_some() {
                    seen.push(project);
                }
            }
        }
    }

    /// The recorded refs of a project, with their commits.
    pub async fn refs(tx: &mut Tx, project: ProjectId) -> Result<Vec<(String, Oid)>, Error> {
        Ok(store::refs(tx, project).await?)
    }

    /// Where a ref points, as recorded. `name` is a full name, or that of a branch, or that of a tag.
    pub async fn find_ref(tx: &mut Tx, project: ProjectId, name: &str) -> Result<Option<(RefName, Oid)>, Error> {
        let candidates = [name.parse(), RefName::branch(name), RefName::tag(name)];
        for candidate in candidates.into_iter().flatten() {
            if let Some(sha) = store::get_ref(tx, project, candidate.as_str()).await? {
                return Ok(Some((candidate, sha)));
            }
        }
        Ok(None)
    }

    /// A project by its number, for the program itself.
    pub async fn by_id(tx: &mut Tx, id: ProjectId) -> Result<Option<Project>, Error> {
        Ok(store::project(tx, id).await?)
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        Ok(store::state(tx).await?)
    }
}

/// The actor's level in a project, counting its visibility.
pub(crate) async fn level_of(tx: &mut Tx, ctx: &Ctx, project: &Project) -> Result<Option<Level>, Error> {
    let path = &project.path;
    let own = Level::of(tx, &ctx.actor, On::Project, path.namespace.as_str(), path.name.as_str()).await?;
    let open = match project.visibility {
        Visibility::Private => false,
        Visibility::Internal => !matches!(ctx.actor, Actor::Anonymous),
        Visibility::Public => true,
    };
    Ok(own.or(open.then_some(Level::ReadOnly)))
}

/// Who may not read a project does not learn that it exists; who is not signed in is asked to. Jobs and robots read.
pub(crate) async fn require(tx: &mut Tx, ctx: &Ctx, which: &ProjectRef, level: Level) -> Result<Project, Error> {
    let found = match which {
        ProjectRef::Id(id) => store::project(tx, *id).await?,
        ProjectRef::Path(path) => store::project_by_path(tx, path).await?,
    };
    let own = match &found {
        Some(project) => level_of(tx, ctx, project).await?,
        None => None,
    };
    match (found, own) {
        (Some(project), Some(_)) if level > Level::ReadOnly && ctx.is_limited() => {
            Ok(Level::require_person(&ctx.actor).map(|()| project)?)
        }
        (Some(project), Some(own)) if own >= level => Ok(project),
        _ if ctx.actor == Actor::Anonymous => Err(Error::Unauthenticated),
        (Some(project), Some(own)) => {
            let path = project.path;
            Err(Error::Denied(format!(
                "this needs {level} access to {path}, and you have {own}; ask an owner of {}",
                path.namespace
            )))
        }
        _ => Err(Error::no_project(which)),
    }
}

impl Forge {
    /// Refuse that an account goes while projects are in its namespace. Part of the transaction of whoever deletes it.
    pub async fn leave_namespace(tx: &mut Tx, namespace: &AccountName) -> Result<(), Error> {
        match store::any_project(tx, namespace).await? {
            Some(name) => Err(Error::Conflict(format!(
                "{namespace} cannot be deleted: the project {namespace}/{name} is in its namespace, and projects stay; switch the \
                 account off instead"
            ))),
            None => Ok(()),
        }
    }
}

/// A project is in the namespace of an account that is there; said only to those who could create it.
async fn namespace(tx: &mut Tx, new: &NewProject) -> Result<(), Error> {
    match Identity::require_namespace(tx, new.path.namespace.as_str()).await {
        Err(identity::Error::NotFound { name, .. }) => Err(Error::NotFound {
            what: "account",
            name: format!("{name}; a project is in the namespace of a user or an organization, so create that first"),
        }),
        other => Ok(other?),
    }
}

fn taken(new: &NewProject) -> Error {
    Error::Conflict(format!("there is a project {} already", new.path))
}

fn entry(kind: &'static str, project: &Project) -> Entry {
    let path = &project.path;
    Entry::new(kind)
        .about(format!("project/{path}"))
        .detail("project", project.id.0)
        .set(format!("forge/project/{path}"), project.state())
}
