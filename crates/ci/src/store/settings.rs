//! The SQL of variables and triggers, and what the log guards.

use base::Timestamp;
use db::{Error, Row, Tx, args};
use forge::ProjectId;

use crate::{Trigger, settings::Variable};

/// A variable as it is stored: its value is sealed.
pub(crate) struct Sealed {
    pub(crate) sealed: Vec<u8>,
    /// Without its value.
    pub(crate) variable: Variable,
}

pub(crate) async fn put_variable(
    tx: &mut Tx,
    project: ProjectId,
    variable: &Variable,
    sealed: &[u8],
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO ci_variables (project, key, value, file, masked, protected, raw, description)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (project, key) DO UPDATE SET value = excluded.value, file = excluded.file,
            masked = excluded.masked, protected = excluded.protected, raw = excluded.raw,
            description = excluded.description",
        &args![
            project.0,
            &variable.key,
            sealed,
            variable.file,
            variable.masked,
            variable.protected,
            variable.raw,
            &variable.description
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn variable(tx: &mut Tx, project: ProjectId, key: &str) -> Result<Option<Sealed>, Error> {
    let sql = "SELECT * FROM ci_variables WHERE project = $1 AND key = $2";
    tx.opt(sql, &args![project.0, key]).await?.as_ref().map(variable_of).transpose()
}

pub(crate) async fn variables(tx: &mut Tx, project: ProjectId) -> Result<Vec<Sealed>, Error> {
    let sql = "SELECT * FROM ci_variables WHERE project = $1 ORDER BY key";
    tx.all(sql, &args![project.0]).await?.iter().map(variable_of).collect()
}

pub(crate) async fn delete_variable(tx: &mut Tx, project: ProjectId, key: &str) -> Result<bool, Error> {
    let sql = "DELETE FROM ci_variables WHERE project = $1 AND key = $2";
    Ok(tx.execute(sql, &args![project.0, key]).await? > 0)
}

fn variable_of(row: &Row) -> Result<Sealed, Error> {
    let variable = Variable {
        key: row.text("key")?,
        value: base::Secret::new(String::new()),
        file: row.bool("file")?,
        masked: row.bool("masked")?,
        protected: row.bool("protected")?,
        raw: row.bool("raw")?,
        description: row.text("description")?,
    };
    Ok(Sealed { sealed: row.bytes("value")?, variable })
}

// ── triggers ────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(crate) async fn insert_trigger(tx: &mut Tx, trigger: &Trigger, hash: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO ci_triggers (id, project, hash, short, description, account, who, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        &args![
            trigger.id,
            trigger.project.0,
            hash,
            &trigger.short,
            &trigger.description,
            &trigger.owner,
            &trigger.who,
            trigger.created_at
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn triggers(tx: &mut Tx, project: ProjectId) -> Result<Vec<Trigger>, Error> {
    let sql = "SELECT * FROM ci_triggers WHERE project = $1 ORDER BY id";
    tx.all(sql, &args![project.0]).await?.iter().map(trigger_of).collect()
}

pub(crate) async fn trigger_by_hash(tx: &mut Tx, hash: &str) -> Result<Option<Trigger>, Error> {
    tx.opt("SELECT * FROM ci_triggers WHERE hash = $1", &args![hash]).await?.as_ref().map(trigger_of).transpose()
}

pub(crate) async fn describe_trigger(tx: &mut Tx, id: i64, description: &str, now: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE ci_triggers SET description = $2, updated_at = $3 WHERE id = $1";
    tx.execute(sql, &args![id, description, now]).await?;
    Ok(())
}

pub(crate) async fn use_trigger(tx: &mut Tx, id: i64, now: Timestamp) -> Result<(), Error> {
    tx.execute("UPDATE ci_triggers SET last_used = $2 WHERE id = $1", &args![id, now]).await?;
    Ok(())
}

pub(crate) async fn delete_trigger(tx: &mut Tx, id: i64) -> Result<(), Error> {
    tx.execute("DELETE FROM ci_triggers WHERE id = $1", &args![id]).await?;
    Ok(())
}

fn trigger_of(row: &Row) -> Result<Trigger, Error> {
    Ok(Trigger {
        id: row.int("id")?,
        project: ProjectId(row.int("project")?),
        short: row.text("short")?,
        description: row.text("description")?,
        owner: row.parse("account")?,
        who: row.text("who")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        last_used: row.opt_time("last_used")?,
    })
}

// ── what the log guards ─────────────────────────────────────────────────────────────────────────────────────────────

/// How the log writes a variable: its flags and the hash of the sealed value.
pub(crate) fn variable_state(variable: &Variable, sealed: &[u8]) -> String {
    format!("{} {}", variable.flags(), base::digest_hex(sealed))
}

pub(crate) fn variable_key(project: ProjectId, key: &str) -> String {
    format!("ci/variable/{project}/{key}")
}

/// The present state under the keys that the service's audit entries set.
pub(crate) async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
    let mut state = Vec::new();
    for row in tx.all("SELECT * FROM ci_variables", &[]).await? {
        let sealed = variable_of(&row)?;
        let key = variable_key(ProjectId(row.int("project")?), &sealed.variable.key);
        state.push((key, variable_state(&sealed.variable, &sealed.sealed)));
    }
    for row in tx.all("SELECT * FROM ci_triggers", &[]).await? {
        let trigger = trigger_of(&row)?;
        state.push((format!("ci/trigger/{}", trigger.id), trigger.state()));
    }
    for runner in super::runners::all(tx).await? {
        state.push((format!("ci/runner/{}", runner.id), runner.state()));
    }
    for row in tx.all("SELECT project, one_at_a_time FROM ci_settings", &[]).await? {
        let value = row.bool("one_at_a_time")?.to_string();
        state.push((format!("ci/one_at_a_time/{}", row.int("project")?), value));
    }
    Ok(state)
}
