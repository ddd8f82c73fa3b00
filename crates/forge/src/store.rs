//! The SQL of projects, refs and pushes.

use base::{AccountName, Ctx, Id, Principal};
use db::{Error, Row, Schema, Tx, args};

use crate::{Oid, Project, ProjectId, ProjectPath, settle::Push};

pub const SCHEMA: Schema = Schema {
    context: "forge",
    steps: &["CREATE TABLE forge_counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
      INSERT INTO forge_counters (name, value) VALUES ('project', 0);
      CREATE TABLE forge_projects (
        id BIGINT PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
        visibility TEXT NOT NULL, default_branch TEXT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (namespace, name));
      CREATE TABLE forge_refs (
        project BIGINT NOT NULL REFERENCES forge_projects (id), name TEXT NOT NULL, sha TEXT NOT NULL,
        updated_at BIGINT NOT NULL, PRIMARY KEY (project, name));
      CREATE TABLE forge_pushes (
        id TEXT PRIMARY KEY, project BIGINT NOT NULL REFERENCES forge_projects (id), account TEXT,
        who TEXT NOT NULL, credential TEXT NOT NULL, refs TEXT NOT NULL, started_at BIGINT NOT NULL)"],
};

// ── projects ────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn next_project(tx: &mut Tx) -> Result<ProjectId, Error> {
    let sql = "UPDATE forge_counters SET value = value + 1 WHERE name = 'project' RETURNING value";
    Ok(ProjectId(tx.one(sql, &[]).await?.int("value")?))
}

pub(crate) async fn insert_project(tx: &mut Tx, project: &Project) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO forge_projects (id, namespace, name, description, visibility, default_branch, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &args![
            project.id.0,
            &project.path.namespace,
            project.path.name.as_str(),
            &project.description,
            project.visibility.to_string(),
            &project.default_branch,
            project.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn update_project(tx: &mut Tx, project: &Project) -> Result<(), Error> {
    tx.execute(
        "UPDATE forge_projects SET description = $2, visibility = $3, default_branch = $4 WHERE id = $1",
        &args![project.id.0, &project.description, project.visibility.to_string(), &project.default_branch],
    )
    .await?;
    Ok(())
}

pub(crate) async fn project(tx: &mut Tx, id: ProjectId) -> Result<Option<Project>, Error> {
    tx.opt("SELECT * FROM forge_projects WHERE id = $1", &args![id.0]).await?.as_ref().map(project_of).transpose()
}

pub(crate) async fn project_by_path(tx: &mut Tx, path: &ProjectPath) -> Result<Option<Project>, Error> {
    let sql = "SELECT * FROM forge_projects WHERE namespace = $1 AND name = $2";
    tx.opt(sql, &args![&path.namespace, path.name.as_str()]).await?.as_ref().map(project_of).transpose()
}

/// The name of a project in a namespace.
pub(crate) async fn any_project(tx: &mut Tx, namespace: &AccountName) -> Result<Option<String>, Error> {
    let sql = "SELECT name FROM forge_projects WHERE namespace = $1 ORDER BY name LIMIT 1";
    tx.opt(sql, &args![namespace]).await?.map(|row| row.text("name")).transpose()
}

/// Projects in order of id, after `after`.
pub(crate) async fn projects(tx: &mut Tx, after: i64, limit: i64) -> Result<Vec<Project>, Error> {
    let sql = "SELECT * FROM forge_projects WHERE id > $1 ORDER BY id LIMIT $2";
    tx.all(sql, &args![after, limit]).await?.iter().map(project_of).collect()
}

fn project_of(row: &Row) -> Result<Project, Error> {
    Ok(Project {
        id: ProjectId(row.int("id")?),
        path: ProjectPath { namespace: row.parse("namespace")?, name: row.parse("name")? },
        description: row.text("description")?,
        visibility: row.parse("visibility")?,
        default_branch: row.text("default_branch")?,
        created_at: row.time("created_at")?,
    })
}

// ── refs ────────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn refs(tx: &mut Tx, project: ProjectId) -> Result<Vec<(String, Oid)>, Error> {
    let rows = tx.all("SELECT name, sha FROM forge_refs WHERE project = $1 ORDER BY name", &args![project.0]).await?;
    rows.iter().map(|row| Ok((row.text("name")?, row.parse("sha")?))).collect()
}

pub(crate) async fn get_ref(tx: &mut Tx, project: ProjectId, name: &str) -> Result<Option<Oid>, Error> {
    let row = tx.opt("SELECT sha FROM forge_refs WHERE project = $1 AND name = $2", &args![project.0, name]).await?;
    row.map(|row| row.parse("sha")).transpose()
}

/// Move, create or (with `None`) remove the record of a ref.
pub(crate) async fn set_ref(
    tx: &mut Tx,
    ctx: &Ctx,
    project: ProjectId,
    name: &str,
    sha: Option<&Oid>,
) -> Result<(), Error> {
    match sha {
        Some(sha) => {
            tx.execute(
                "INSERT INTO forge_refs (project, name, sha, updated_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (project, name) DO UPDATE SET sha = excluded.sha, updated_at = excluded.updated_at",
                &args![project.0, name, sha.as_str(), ctx.now],
            )
            .await?
        }
        None => tx.execute("DELETE FROM forge_refs WHERE project = $1 AND name = $2", &args![project.0, name]).await?,
    };
    Ok(())
}

// ── pushes that may not be recorded yet ─────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_push(tx: &mut Tx, push: &Push) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO forge_pushes (id, project, account, who, credential, refs, started_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &args![
            &push.id,
            push.project.0,
            push.account.as_ref(),
            &push.who,
            &push.credential,
            serde_json::to_string(&push.refs).expect("a list of texts"),
            push.started_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_push(tx: &mut Tx, id: &Id<Push>) -> Result<(), Error> {
    tx.execute("DELETE FROM forge_pushes WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn pushes(tx: &mut Tx) -> Result<Vec<Push>, Error> {
    let rows = tx.all("SELECT * FROM forge_pushes ORDER BY started_at, id LIMIT 1000", &[]).await?;
    rows.iter().map(push_of).collect()
}

fn push_of(row: &Row) -> Result<Push, Error> {
    Ok(Push {
        id: row.parse("id")?,
        project: ProjectId(row.int("project")?),
        account: row.opt_parse::<Id<Principal>>("account")?,
        who: row.text("who")?,
        credential: row.text("credential")?,
        refs: serde_json::from_str(&row.text("refs")?).map_err(|error| Error::Corrupt(error.to_string()))?,
        started_at: row.time("started_at")?,
    })
}

// ── what the log guards ─────────────────────────────────────────────────────────────────────────────────────────────

/// The present state under the keys that the service's audit entries set.
pub(crate) async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
    let mut state = Vec::new();
    for row in tx.all("SELECT * FROM forge_projects", &[]).await? {
        let project = project_of(&row)?;
        state.push((format!("forge/project/{}", project.path), project.state()));
    }
    let refs = "SELECT p.namespace, p.name AS project, r.name, r.sha FROM forge_refs r
        JOIN forge_projects p ON p.id = r.project";
    for row in tx.all(refs, &[]).await? {
        let namespace: AccountName = row.parse("namespace")?;
        let key = format!("forge/ref/{namespace}/{}/{}", row.text("project")?, row.text("name")?);
        state.push((key, row.text("sha")?));
    }
    Ok(state)
}
