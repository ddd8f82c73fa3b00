//! Reading the layers of an image, each once.

use std::{io::Read, sync::Arc, time::Duration};

use base::Ctx;
use fingerprint::Index;
use inventory::{
    Compression, ImageInventory, LayerInventory, Limits, Progress, ReadLayer, SCANNER_VERSION, read_layer,
};
use oci::Digest;
use registry::{Layer, Registry};

use crate::{Error, Scan, store};

/// Bytes of a layer that are looked at to tell how it is packed.
const MAGIC_BYTES: usize = 4;

impl Scan {
    /// The inventory of an image, from layers read now or before; stored under its digest.
    pub(crate) async fn inventory_of(&self, ctx: &Ctx, image: &Digest) -> Result<(Digest, ImageInventory), Error> {
        let layers = Registry::layers(&mut self.db.read().await?, image).await?;
        let together = together(&layers);
        let known = store::image_inventory(&mut self.db.read().await?, &together, SCANNER_VERSION).await?;
        if let Some(digest) = known
            && let Some(json) = self.record_if_there(&digest).await
        {
            let image = ImageInventory::from_json(&json).map_err(|error| Error::Internal(error.to_string()))?;
            return Ok((digest, image));
        }
        let mut inventories = Vec::with_capacity(layers.len());
        for layer in &layers {
            inventories.push(self.layer_inventory(ctx, layer).await?);
        }
        let merged = blocking(move || inventory::merge(&inventories)).await?;
        let (digest, size) = self.keep_record(ctx, merged.to_json()).await?;
        db::write!(self.db, ctx, |tx| {
            store::insert_image_inventory(tx, &together, SCANNER_VERSION, &digest, size).await
        })
        .map_err(|error: db::Error| Error::Database(error))?;
        Ok((digest, merged))
    }

    /// The inventory of one layer; a layer that was read before by this version of the scanner costs one row.
    async fn layer_inventory(&self, ctx: &Ctx, layer: &Layer) -> Result<LayerInventory, Error> {
        self.ahead.wait(&layer.digest).await;
        let known = store::layer_inventory(&mut self.db.read().await?, &layer.digest, SCANNER_VERSION).await?;
        if let Some(digest) = known
            && let Some(json) = self.record_if_there(&digest).await
        {
            return LayerInventory::from_json(&json).map_err(|error| Error::Internal(error.to_string()));
        }
        let file = self.registry.blobs().open(&layer.digest, layer.size).await?.into_blocking().await?;
        let (place, time) = (format!("layer {}", layer.digest), self.settings().await?.reading_time());
        let read = read_stream(file, place, time, Arc::new(Progress::default())).await?;
        self.keep_layer(ctx, &layer.digest, read).await
    }

    /// Store what was read of a layer, under its digest.
    pub(crate) async fn keep_layer(&self, ctx: &Ctx, layer: &Digest, read: ReadLayer) -> Result<LayerInventory, Error> {
        let ReadLayer { inventory, listing } = read;
        let text = blocking(move || listing.to_text()).await?;
        let (listing, _) = self.keep_record(ctx, text).await?;
        let (digest, size) = self.keep_record(ctx, inventory.to_json()).await?;
        db::write!(self.db, ctx, |tx| {
            store::insert_layer_inventory(tx, layer, SCANNER_VERSION, (&digest, size), &listing).await
        })
        .map_err(|error: db::Error| Error::Database(error))?;
        Ok(inventory)
    }

    /// The stored inventory that a row names.
    pub(crate) async fn stored_inventory(&self, digest: &str) -> Result<ImageInventory, Error> {
        let digest = digest.parse().map_err(|_| Error::Internal("an inventory's digest".to_owned()))?;
        let json = self.record(&digest).await?;
        ImageInventory::from_json(&json).map_err(|error| Error::Internal(error.to_string()))
    }
}

/// The name of these layers in this order.
pub(crate) fn together(layers: &[Layer]) -> String {
    let names: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    base::digest_hex(names.join(" ").as_bytes())
}

/// Read a layer on threads that may block, within the time it has.
pub(crate) async fn read_stream(
    mut packed: impl Read + Send + 'static,
    place: String,
    time: Duration,
    progress: Arc<Progress>,
) -> Result<ReadLayer, Error> {
    let seen = Arc::clone(&progress);
    let reading = blocking(move || {
        let mut magic = [0; MAGIC_BYTES];
        let length = read_some(&mut packed, &mut magic).map_err(|error| Error::Internal(error.to_string()))?;
        let whole = std::io::Cursor::new(magic[..length].to_vec()).chain(packed);
        read_layer(whole, Compression::sniff(&magic[..length]), &Limits::default(), Index::builtin(), &seen)
            .map_err(|error| Error::Unreadable(format!("{place}: {error}")))
    });
    let mut reading = std::pin::pin!(reading);
    match tokio::time::timeout(time, &mut reading).await {
        Ok(read) => read?,
        Err(_) => {
            progress.stop();
            reading.await?
        }
    }
}

/// As many bytes as there are, up to the length of the buffer.
fn read_some(file: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(format!("the scanner stopped: {error}")))
}
