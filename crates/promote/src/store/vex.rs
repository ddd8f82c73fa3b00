//! The SQL of VEX documents. Lists are without their bytes.

use base::Id;
use db::{Error, Row, Tx, args};

use crate::{VexDocument, WaiverScope};

/// A new document, or another version of the one of this id.
pub(crate) async fn set_vex(tx: &mut Tx, document: &VexDocument, bytes: &[u8]) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO vex_documents
           (id, scope, name, format, author, dated, statements, digest, size, added_by, added_at, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (id) DO UPDATE SET format = $4, author = $5, dated = $6, statements = $7, digest = $8, size = $9,
           added_by = $10, added_at = $11, body = $12",
        &args![
            &document.id,
            document.scope.to_string(),
            &document.name,
            &document.format,
            &document.author,
            document.dated,
            document.statements,
            &document.digest,
            document.size_bytes,
            &document.added_by,
            document.added_at,
            bytes
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_vex(tx: &mut Tx, id: &Id<VexDocument>) -> Result<(), Error> {
    tx.execute("DELETE FROM vex_documents WHERE id = $1", &args![id]).await?;
    Ok(())
}

pub(crate) async fn vex(tx: &mut Tx, id: &Id<VexDocument>) -> Result<Option<VexDocument>, Error> {
    let sql =
        "SELECT id, scope, name, format, author, dated, statements, digest, size, added_by, added_at FROM vex_documents
               WHERE id = $1";
    tx.opt(sql, &args![id]).await?.as_ref().map(vex_of).transpose()
}

pub(crate) async fn vex_bytes(tx: &mut Tx, id: &Id<VexDocument>) -> Result<Option<Vec<u8>>, Error> {
    let row = tx.opt("SELECT body FROM vex_documents WHERE id = $1", &args![id]).await?;
    row.map(|row| row.bytes("body")).transpose()
}

/// A limit on their number keeps them few.
pub(crate) async fn vex_of_scope(tx: &mut Tx, scope: &WaiverScope) -> Result<Vec<VexDocument>, Error> {
    let sql =
        "SELECT id, scope, name, format, author, dated, statements, digest, size, added_by, added_at FROM vex_documents
               WHERE scope = $1 ORDER BY added_at, id";
    tx.all(sql, &args![scope.to_string()]).await?.iter().map(vex_of).collect()
}

/// All of them, for the fold of the audit log.
pub(crate) async fn all_vex(tx: &mut Tx) -> Result<Vec<VexDocument>, Error> {
    let sql =
        "SELECT id, scope, name, format, author, dated, statements, digest, size, added_by, added_at FROM vex_documents
               ORDER BY id";
    tx.all(sql, &[]).await?.iter().map(vex_of).collect()
}

fn vex_of(row: &Row) -> Result<VexDocument, Error> {
    Ok(VexDocument {
        id: row.parse("id")?,
        scope: row.parse("scope")?,
        name: row.text("name")?,
        format: row.text("format")?,
        author: row.text("author")?,
        dated: row.opt_time("dated")?,
        statements: row.int("statements")?,
        digest: row.text("digest")?,
        size_bytes: row.int("size")?,
        added_by: row.text("added_by")?,
        added_at: row.time("added_at")?,
    })
}
