//! Keeping documents of statements: putting them here, reading them, taking them away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use audit::Entry;
use base::{Ctx, Id, limits};
use bom::{Bounds, Statement, Vex};
use db::Tx;
use identity::Level;

use crate::{
    Error, Promote, VexDocument, WaiverScope, store, vex,
    waivers::{about_scope, reconsider, require, see},
};

/// What became of a document that was put somewhere.
#[derive(Clone, Debug)]
pub enum Put {
    Added(VexDocument),
    /// An earlier version of it was there.
    Replaced(VexDocument),
    /// The same bytes were there.
    Unchanged(VexDocument),
}

/// Documents that were read, by the digest of their bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReadStatements(Arc<Mutex<HashMap<String, Read>>>);

#[derive(Clone, Debug)]
struct Read {
    statements: Arc<Vec<Statement>>,
    /// What it takes in memory.
    bytes: usize,
}

impl ReadStatements {
    fn get(&self, digest: &str) -> Option<Arc<Vec<Statement>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).map(|read| Arc::clone(&read.statements))
    }

    fn keep(&self, digest: &str, statements: &Arc<Vec<Statement>>, bytes: usize) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.values().map(|read| read.bytes).sum::<usize>() + bytes > limits::VEX_READ_BYTES {
            kept.clear();
        }
        kept.insert(digest.to_owned(), Read { statements: Arc::clone(statements), bytes });
    }
}

impl Promote {
    /// Keep a document, for those who may give waivers there. A later version of one that is there takes its place. What it speaks of is
    /// decided again.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::TooLarge`]: what is wrong with it, where. [`Error::Conflict`]: a later version is there, or too many are.
    pub async fn put_vex(&self, ctx: &Ctx, scope: WaiverScope, bytes: Vec<u8>) -> Result<Put, Error> {
        Level::require_person(&ctx.actor)?;
        if let WaiverScope::Layer(_) = scope {
            return Err(Error::Invalid(
                "a document is about images; keep it for one, a repository or a namespace".to_owned(),
            ));
        }
        // Nobody makes us read what they could not put here.
        require(&mut self.db.read().await?, ctx, &scope).await?;
        let now = ctx.now;
        let work = tokio::task::spawn_blocking(move || vex::checked(&bytes, now).map(|read| (bytes, read)));
        let (bytes, read) = work.await.map_err(|error| Error::Internal(error.to_string()))??;
        let new = VexDocument::of(ctx, scope, &bytes, &read);
        let put = db::write!(self.db, ctx, |tx| {
            require(tx, ctx, &new.scope).await?;
            // It would do alone what a waiver does with two people.
            if store::need_approval(tx).await? == Some(true) && !Level::is_admin(tx, &ctx.actor).await? {
                let why =
                    "waivers need an approval here, so that only an administrator keeps documents that close findings";
                return Err(Error::Denied(why.to_owned()));
            }
            let all = store::vex_of_scope(tx, &new.scope).await?;
            let Some(present) = all.iter().find(|one| one.name == new.name) else {
                room(&all, None, &new)?;
                store::set_vex(tx, &new, &bytes).await?;
                changed(tx, ctx, "vex.added", &new, true).await?;
                return Ok(Put::Added(new.clone()));
            };
            if present.digest == new.digest {
                return Ok(Put::Unchanged(present.clone()));
            }
            if let (Some(there), Some(here)) = (present.dated, new.dated.or(Some(base::Timestamp::UNIX_EPOCH)))
                && here < there
            {
                return Err(Error::Conflict(format!(
                    "a version of {} of {there} is here already, and this one is older; remove that first (assay vex remove {}) if this \
                     one shall count",
                    present.name, present.id
                )));
            }
            room(&all, Some(present), &new)?;
            let new = VexDocument { id: present.id.clone(), ..new.clone() };
            store::set_vex(tx, &new, &bytes).await?;
            changed(tx, ctx, "vex.replaced", &new, true).await?;
            Ok::<_, Error>(Put::Replaced(new))
        })?;
        self.read_statements.keep(&new.digest, &Arc::new(read.statements), weight(bytes.len(), read.product_bytes));
        Ok(put)
    }

    /// Take a document away: what its statements closed counts again, and is decided again. What was promoted stays.
    pub async fn remove_vex(&self, ctx: &Ctx, id: &Id<VexDocument>) -> Result<(), Error> {
        Level::require_person(&ctx.actor)?;
        db::write!(self.db, ctx, |tx| {
            let missing = || Error::NotFound { what: "VEX document", name: id.to_string() };
            let document = store::vex(tx, id).await?.ok_or_else(missing)?;
            require(tx, ctx, &document.scope).await?;
            store::delete_vex(tx, id).await?;
            changed(tx, ctx, "vex.removed", &document, false).await
        })
    }

    /// The documents of one scope; for those who may see what they are about.
    pub async fn vex_documents(&self, ctx: &Ctx, scope: &WaiverScope) -> Result<Vec<VexDocument>, Error> {
        let mut tx = self.db.read().await?;
        see(&mut tx, ctx, scope).await?;
        Ok(store::vex_of_scope(&mut tx, scope).await?)
    }

    /// The documents of all scopes that the actor may see.
    pub async fn all_vex_documents(&self, ctx: &Ctx) -> Result<Vec<VexDocument>, Error> {
        let mut tx = self.db.read().await?;
        let all = store::all_vex(&mut tx).await?;
        crate::waivers::seen(&mut tx, ctx, all, |document| &document.scope).await
    }

    /// A document with its bytes, as it was put here.
    pub async fn vex_document(&self, ctx: &Ctx, id: &Id<VexDocument>) -> Result<(VexDocument, Vec<u8>), Error> {
        let mut tx = self.db.read().await?;
        let missing = || Error::NotFound { what: "VEX document", name: id.to_string() };
        let document = store::vex(&mut tx, id).await?.ok_or_else(missing)?;
        see(&mut tx, ctx, &document.scope).await.map_err(|_| missing())?;
        let bytes = store::vex_bytes(&mut tx, id).await?.ok_or_else(missing)?;
        Ok((document, bytes))
    }

    /// What a document states, read at most once as long as there is room.
    pub(crate) async fn statements_of(
        &self,
        tx: &mut Tx,
        document: &VexDocument,
    ) -> Result<Arc<Vec<Statement>>, Error> {
        if let Some(statements) = self.read_statements.get(&document.digest) {
            return Ok(statements);
        }
        let bytes = store::vex_bytes(tx, &document.id).await?.unwrap_or_default();
        let size = bytes.len();
        // It was held against narrower bounds when it came; what passed then is read for ever.
        let work = tokio::task::spawn_blocking(move || Vex::read(&bytes, Bounds::default()));
        let read = work.await.map_err(|error| Error::Internal(error.to_string()))?;
        let read = read.map_err(|error| Error::Internal(format!("the VEX document {}: {error}", document.id)))?;
        let statements = Arc::new(read.statements);
        self.read_statements.keep(&document.digest, &statements, weight(size, read.product_bytes));
        Ok(statements)
    }
}

/// What the statements of a document take in memory: their products, and no more texts than its bytes.
fn weight(bytes: usize, product_bytes: usize) -> usize {
    2 * bytes + product_bytes
}

/// Refuse what would make too many documents of a scope, or too many bytes of them.
fn room(all: &[VexDocument], replaced: Option<&VexDocument>, new: &VexDocument) -> Result<(), Error> {
    if replaced.is_none() && all.len() >= limits::VEX_PER_SCOPE {
        return Err(Error::Conflict(format!("{} VEX documents are enough; remove some", limits::VEX_PER_SCOPE)));
    }
    let others = all.iter().filter(|one| replaced.is_none_or(|gone| gone.id != one.id));
    let bytes = others.map(|one| one.size_bytes).sum::<i64>() + new.size_bytes;
    if bytes > limits::VEX_SCOPE_BYTES {
        return Err(Error::Conflict(format!(
            "the VEX documents of {} would have {bytes} bytes together, and the limit is {}; remove some",
            new.scope,
            limits::VEX_SCOPE_BYTES
        )));
    }
    Ok(())
}

async fn changed(tx: &mut Tx, ctx: &Ctx, kind: &'static str, document: &VexDocument, kept: bool) -> Result<(), Error> {
    let entry = entry(kind, document);
    let entry = match kept {
        true => entry.set(document.state_key(), document.state()),
        false => entry.unset(document.state_key()),
    };
    reconsider(tx, ctx, &document.scope, entry).await.map(drop)
}

pub(crate) fn entry(kind: &'static str, document: &VexDocument) -> Entry {
    let entry = Entry::new(kind)
        .about(format!("vex/{}", document.id))
        .detail("scope", document.scope.to_string())
        .detail("document", &document.name)
        .detail("author", &document.author)
        .detail("format", &document.format)
        .detail("dated", document.dated.map(|at| at.to_string()))
        .detail("statements", document.statements)
        .detail("digest", &document.digest);
    about_scope(entry, &document.scope)
}
