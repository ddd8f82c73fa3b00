//! The tables a context brings.

use sqlx::Executor;

use crate::{
    Error,
    tx::{Conn, Tx},
};

/// The schema of one context: SQL texts that run once each, in order, on both engines. A step that was shipped is never
/// changed; a change is a new step.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    pub context: &'static str,
    pub steps: &'static [&'static str],
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_steps (
    context TEXT NOT NULL, step BIGINT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (context, step))";

/// Bring the database to the given schemas, inside the caller's transaction.
pub(crate) async fn migrate(tx: &mut Tx, schemas: &[Schema]) -> Result<(), Error> {
    tx.execute(TABLE, &[]).await?;
    for schema in schemas {
        let known = steps_of(tx, schema.context).await?;
        if known.len() > schema.steps.len() {
            return Err(Error::Schema(format!(
                "{} is at step {}, this program knows {}; use the newer program",
                schema.context,
                known.len(),
                schema.steps.len()
            )));
        }
        for (index, text) in schema.steps.iter().enumerate() {
            let sha256 = base::digest_hex(text.as_bytes());
            match known.get(index) {
                Some(applied) if *applied == sha256 => {}
                Some(_) => {
                    return Err(Error::Schema(format!("step {index} of {} is not what was applied", schema.context)));
                }
                None => {
                    run_text(tx, text).await?;
                    let step = i64::try_from(index).expect("a schema has few steps");
                    tx.execute(
                        "INSERT INTO schema_steps (context, step, sha256) VALUES ($1, $2, $3)",
                        &crate::args![schema.context, step, sha256],
                    )
                    .await?;
                }
            }
        }
    }
    Ok(())
}

async fn steps_of(tx: &mut Tx, context: &str) -> Result<Vec<String>, Error> {
    let rows =
        tx.all("SELECT sha256 FROM schema_steps WHERE context = $1 ORDER BY step", &crate::args![context]).await?;
    rows.iter().map(|row| row.text("sha256")).collect()
}

/// A schema step holds several statements, which only the unprepared protocol takes.
async fn run_text(tx: &mut Tx, text: &'static str) -> Result<(), Error> {
    match &mut tx.conn {
        Conn::SqliteWriter(conn) => conn.run_text(text)?,
        Conn::SqliteReader(conn) => conn.run_text(text)?,
        Conn::Postgres(conn) => conn.execute(sqlx::raw_sql(text)).await.map(drop)?,
    }
    Ok(())
}
