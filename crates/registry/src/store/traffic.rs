//! The SQL of how often repositories are pulled from and pushed to.

use std::collections::BTreeMap;

use base::Id;
use db::{Bulk, Error, Row, Tx, Val, args};
use oci::RepoName;

use crate::{Repository, Totals, Traffic};

/// A table of its own, so that a pull never changes a row that pushes read.
pub(super) const TRAFFIC_STEP: &str = "CREATE TABLE repository_traffic (
        repository TEXT PRIMARY KEY REFERENCES repositories (id), pulls BIGINT NOT NULL, pushes BIGINT NOT NULL);
      CREATE INDEX repository_traffic_pulls ON repository_traffic (pulls);
      ALTER TABLE new_repositories ADD COLUMN on_push BOOLEAN NOT NULL DEFAULT TRUE";

static ADD: Bulk<3> = Bulk::new(
    "INSERT INTO repository_traffic (repository, pulls, pushes)
     SELECT r.id, v.column2, v.column3 FROM (VALUES {rows}) AS v JOIN repositories r ON r.name = v.column1
     WHERE r.deleted_at IS NULL
     ON CONFLICT (repository) DO UPDATE SET pulls = repository_traffic.pulls + excluded.pulls,
        pushes = repository_traffic.pushes + excluded.pushes",
    0,
);

/// Add to what was counted; what is about no repository is left out.
pub(crate) async fn add_traffic(tx: &mut Tx, counted: &[(&RepoName, Traffic)]) -> Result<(), Error> {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let row =
        |(name, traffic): &(&RepoName, Traffic)| args![name.as_str(), number(traffic.pulls), number(traffic.pushes)];
    ADD.execute(tx, &[], &counted.iter().map(row).collect::<Vec<_>>()).await?;
    Ok(())
}

static OF: Bulk<1> = Bulk::new(
    "SELECT t.repository, t.pulls, t.pushes FROM (VALUES {rows}) AS v
     JOIN repository_traffic t ON t.repository = v.column1",
    0,
);

pub(crate) async fn traffic(tx: &mut Tx, of: &[Repository]) -> Result<BTreeMap<Id<Repository>, Traffic>, Error> {
    let rows: Vec<[Val; 1]> = of.iter().map(|repository| args![&repository.id]).collect();
    let rows = OF.all(tx, &[], &rows).await?;
    rows.iter().map(|row| Ok((row.parse("repository")?, traffic_of(row)?))).collect()
}

pub(crate) async fn totals(tx: &mut Tx) -> Result<Totals, Error> {
    let row = tx
        .one(
            "SELECT COUNT(*) AS repositories, COALESCE(CAST(SUM(t.pulls) AS BIGINT), 0) AS pulls,
                COALESCE(CAST(SUM(t.pushes) AS BIGINT), 0) AS pushes,
                COALESCE(SUM(CASE WHEN r.visibility = 'public' THEN 1 ELSE 0 END), 0) AS public
             FROM repositories r LEFT JOIN repository_traffic t ON t.repository = r.id WHERE r.deleted_at IS NULL",
            &[],
        )
        .await?;
    let (all, public) = (number(&row, "repositories")?, number(&row, "public")?);
    Ok(Totals { public, private: all.saturating_sub(public), traffic: traffic_of(&row)? })
}

pub(crate) async fn busiest(tx: &mut Tx, limit: usize) -> Result<Vec<(RepoName, Traffic)>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx
        .all(
            "SELECT r.name, t.pulls, t.pushes FROM repository_traffic t JOIN repositories r ON r.id = t.repository
             WHERE r.deleted_at IS NULL ORDER BY t.pulls DESC LIMIT $1",
            &args![limit],
        )
        .await?;
    rows.iter().map(|row| Ok((row.parse("name")?, traffic_of(row)?))).collect()
}

fn traffic_of(row: &Row) -> Result<Traffic, Error> {
    Ok(Traffic { pulls: number(row, "pulls")?, pushes: number(row, "pushes")? })
}

fn number(row: &Row, column: &str) -> Result<u64, Error> {
    u64::try_from(row.int(column)?).map_err(|_| Error::Corrupt(format!("column {column}: a negative number")))
}
