//! The SQL of admission.

use db::{Error, Schema, Tx, args};

use crate::Policy;

pub const SCHEMA: Schema =
    Schema { context: "admit", steps: &["CREATE TABLE admission_policy (one BIGINT PRIMARY KEY, body TEXT NOT NULL)"] };

/// The policy, if anybody ever set one.
pub(crate) async fn policy(tx: &mut Tx) -> Result<Option<Policy>, Error> {
    let Some(row) = tx.opt("SELECT body FROM admission_policy WHERE one = 1", &[]).await? else { return Ok(None) };
    let body = row.text("body")?;
    serde_json::from_str(&body).map(Some).map_err(|error| Error::Corrupt(format!("the admission policy: {error}")))
}

pub(crate) async fn set_policy(tx: &mut Tx, body: &str) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO admission_policy (one, body) VALUES (1, $1) ON CONFLICT (one) DO UPDATE SET body = excluded.body",
        &args![body],
    )
    .await?;
    Ok(())
}
