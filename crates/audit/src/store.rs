//! The SQL of the log.

use base::{Ctx, Id};
use db::{Error, Schema, Tx, args};

use crate::Entry;

pub const SCHEMA: Schema = Schema {
    context: "audit",
    steps: &["CREATE TABLE audit_entries (
        id TEXT PRIMARY KEY, at BIGINT NOT NULL, ordinal BIGINT NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL,
        body TEXT NOT NULL, log_index BIGINT UNIQUE);
      CREATE INDEX audit_unsequenced ON audit_entries (at, ordinal) WHERE log_index IS NULL;
      CREATE TABLE audit_subjects (
        subject TEXT NOT NULL, entry TEXT NOT NULL REFERENCES audit_entries (id), PRIMARY KEY (subject, entry));
      CREATE TABLE audit_log (
        one BIGINT PRIMARY KEY, size BIGINT NOT NULL, frontier TEXT NOT NULL, checkpoint TEXT NOT NULL)"],
};

pub(crate) async fn insert(
    tx: &mut Tx,
    ctx: &Ctx,
    id: &Id<Entry>,
    kind: &str,
    body: &str,
    subjects: &[String],
    ordinal: i64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO audit_entries (id, at, ordinal, kind, actor, body) VALUES ($1, $2, $3, $4, $5, $6)",
        &args![id, ctx.now, ordinal, kind, ctx.actor.label(), body],
    )
    .await?;
    for subject in subjects {
        tx.execute("INSERT INTO audit_subjects (subject, entry) VALUES ($1, $2)", &args![subject, id]).await?;
    }
    Ok(())
}
