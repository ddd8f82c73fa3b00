//! Files from rows: comparing them all when the log is opened, and writing the new ones after each round.

use tlog::{Checkpoint, TILE_WIDTH, Tile};

use crate::{
    Error, Log,
    builder::{Builder, Filed},
    error::blocking,
    files::CHECKPOINT,
    log::{Signed, Standing, View, signed},
    store,
};

impl Log {
    /// Compare the files with the database, write what is missing, and be ready to sequence. An error leaves the
    /// standing unknown, so that the next call tries again; a contradiction is kept.
    pub(crate) async fn settle(&self, standing: &mut Standing) -> Result<(), Error> {
        match self.rebuild().await {
            Ok((builder, head)) => {
                self.ready(standing, builder, &head);
                Ok(())
            }
            Err(error) => Err(self.contradicted(standing, error)),
        }
    }

    /// Bring the files from the builder's size to that of the checkpoint, which is in the database already. Interrupted, it
    /// leaves the standing unknown.
    pub(crate) async fn publish(&self, standing: &mut Standing, head: &Signed) -> Result<(), Error> {
        let Standing::Ready(builder) = std::mem::replace(standing, Standing::Unknown) else {
            return Err(Error::Unavailable("the files of the log were not compared with the database".to_owned()));
        };
        match self.extend(*builder, head).await {
            Ok(builder) => {
                self.ready(standing, builder, head);
                Ok(())
            }
            Err(error) => Err(self.contradicted(standing, error)),
        }
    }

    /// Keep a contradiction and say it once, loudly; other errors pass through.
    pub(crate) fn contradicted(&self, standing: &mut Standing, error: Error) -> Error {
        if let Error::Contradicted(why) = &error {
            tracing::error!(why, "the audit log contradicts itself; nothing is signed until it is mended");
            *standing = Standing::Contradicted(why.clone());
            self.0.view.send_modify(|view| view.contradiction = Some(why.clone()));
        }
        error
    }

    fn ready(&self, standing: &mut Standing, builder: Builder, head: &Signed) {
        let published = Some((head.note.clone(), head.checkpoint.size()));
        *standing = Standing::Ready(Box::new(builder));
        self.0.view.send_replace(View { published, contradiction: None });
    }

    async fn rebuild(&self) -> Result<(Builder, Signed), Error> {
        let mut tx = self.0.db.read().await?;
        let head = self.head(&mut tx).await?;
        let size = head.checkpoint.size();
        if let Some((id, index)) = store::outside(&mut tx, signed(size)).await?.first() {
            return Err(Error::Contradicted(format!("entry {id} has index {index} in a log of {size} entries")));
        }
        let files = self.0.files.clone();
        let on_file = blocking(move || files.read_checkpoint()).await?;
        let on_file = on_file.map(|note| self.opened(&note, size)).transpose()?;
        let mut builder = Builder::default();
        if let Some(checkpoint) = &on_file {
            builder.watch(checkpoint.size());
        }
        while builder.size() < size {
            let leaves = page(&mut tx, builder.size(), size).await?;
            let files = self.0.files.clone();
            builder = feed(builder, leaves, move |(tile, bytes)| files.settle(*tile, bytes)).await?;
        }
        if builder.frontier() != &head.frontier {
            return Err(Error::Contradicted("the entries in the database are not those that were signed".to_owned()));
        }
        if on_file.as_ref().is_some_and(|checkpoint| builder.root_at(checkpoint.size()) != Some(checkpoint.root())) {
            return Err(Error::Contradicted("the checkpoint file is of another history than the database".to_owned()));
        }
        let (files, edge, note) = (self.0.files.clone(), builder.edge(), head.note.to_string());
        blocking(move || {
            edge.iter().try_for_each(|(tile, bytes)| files.settle(*tile, bytes))?;
            match on_file.is_some_and(|checkpoint| checkpoint.size() == size) {
                true => Ok(()),
                false => files.write(CHECKPOINT, note.as_bytes()),
            }
        })
        .await?;
        Ok((builder, head))
    }

    /// The checkpoint in the file, if it can belong to a database with a log of this size.
    fn opened(&self, note: &[u8], size: u64) -> Result<Checkpoint, Error> {
        let refused = |error| Error::Contradicted(format!("the checkpoint file: {error}"));
        let trusted = std::slice::from_ref(self.verifier());
        let checkpoint = Checkpoint::open(note, self.origin(), trusted).map_err(refused)?;
        if checkpoint.size() > size {
            let detail = format!("the checkpoint file covers {} entries, the database has {size}", checkpoint.size());
            return Err(Error::Contradicted(format!("{detail}; it was set back")));
        }
        Ok(checkpoint)
    }

    async fn extend(&self, mut builder: Builder, head: &Signed) -> Result<Builder, Error> {
        let size = head.checkpoint.size();
        let superseded: Vec<Tile> = builder.edge().into_iter().map(|(tile, _)| tile).collect();
        let mut tx = self.0.db.read().await?;
        while builder.size() < size {
            let leaves = page(&mut tx, builder.size(), size).await?;
            let files = self.0.files.clone();
            builder = feed(builder, leaves, move |(tile, bytes)| files.write(&tile.to_string(), bytes)).await?;
        }
        drop(tx);
        if builder.frontier() != &head.frontier {
            return Err(Error::Contradicted("the entries that got an index are not those that were signed".to_owned()));
        }
        let (files, edge, note) = (self.0.files.clone(), builder.edge(), head.note.to_string());
        blocking(move || {
            edge.iter().try_for_each(|(tile, bytes)| files.write(&tile.to_string(), bytes))?;
            files.write(CHECKPOINT, note.as_bytes())?;
            let kept = |tile: &Tile| edge.iter().any(|(kept, _)| kept == tile);
            superseded.into_iter().filter(|tile| !kept(tile)).try_for_each(|tile| files.remove(tile))
        })
        .await?;
        Ok(builder)
    }
}

/// The leaves of the next page, without a gap.
async fn page(tx: &mut db::Tx, first: u64, size: u64) -> Result<Vec<String>, Error> {
    let end = size.min(first + u64::from(TILE_WIDTH));
    let mut leaves = Vec::new();
    for (expected, (index, body)) in (first..end).zip(store::bodies(tx, signed(first), signed(end)).await?) {
        if index != signed(expected) {
            break;
        }
        leaves.push(body);
    }
    match first + leaves.len() as u64 {
        next if next == end => Ok(leaves),
        next => Err(Error::Contradicted(format!("entry {next} is missing in the database"))),
    }
}

/// Add leaves and hand over each tile that became full.
async fn feed(
    mut builder: Builder,
    leaves: Vec<String>,
    mut full: impl FnMut(&Filed) -> Result<(), Error> + Send + 'static,
) -> Result<Builder, Error> {
    blocking(move || {
        for leaf in leaves {
            builder.push(leaf.as_bytes())?.iter().try_for_each(&mut full)?;
        }
        Ok(builder)
    })
    .await
}
