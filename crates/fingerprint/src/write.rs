//! Writing an index: the same products and rows give the same bytes.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::index::{DIRECTORY_AT, MAGIC, PARTS, TABLES_AT};
use crate::table::{Row, write_table};

/// Everything an index holds, before it is bytes.
#[derive(Debug, Default)]
pub struct Contents {
    pub created_by: String,
    pub products: Vec<ProductRow>,
    pub identities: Vec<(u64, Row)>,
    pub texts: Vec<(u64, Row)>,
    pub templates: Vec<(u64, Row)>,
}

#[derive(Debug, Default)]
pub struct ProductRow {
    pub name: String,
    pub cpe: String,
    /// Oldest first; the place of each is its bit.
    pub versions: Vec<String>,
    pub flags: u16,
    pub texts: u16,
    pub exports: u16,
    /// How many texts stand for each kind of file.
    pub kinds: Vec<u16>,
}

/// The bytes of an index.
///
/// # Errors
/// [`Error::TooLarge`] when a count does not fit its field.
pub fn write(mut contents: Contents) -> Result<Vec<u8>, Error> {
    let mut pool = Pool::default();
    let (mut products, mut versions, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    if contents.products.len() >= usize::from(u16::MAX) {
        return Err(Error::TooLarge("products"));
    }
    for product in &contents.products {
        let name = pool.add(&product.name)?;
        let cpe = pool.add(&product.cpe)?;
        let first = u32::try_from(versions.len() / 8).map_err(|_| Error::TooLarge("versions"))?;
        let count = u16::try_from(product.versions.len()).map_err(|_| Error::TooLarge("versions"))?;
        let size = |text: &str| u16::try_from(text.len()).map_err(|_| Error::TooLarge("a name"));
        products.extend_from_slice(&name.to_le_bytes());
        products.extend_from_slice(&size(&product.name)?.to_le_bytes());
        products.extend_from_slice(&size(&product.cpe)?.to_le_bytes());
        products.extend_from_slice(&cpe.to_le_bytes());
        products.extend_from_slice(&first.to_le_bytes());
        for field in [count, product.flags, product.texts, product.exports] {
            products.extend_from_slice(&field.to_le_bytes());
        }
        let first = u32::try_from(kinds.len() / 2).map_err(|_| Error::TooLarge("kinds of files"))?;
        let count = u16::try_from(product.kinds.len()).map_err(|_| Error::TooLarge("kinds of files"))?;
        products.extend_from_slice(&first.to_le_bytes());
        products.extend_from_slice(&count.to_le_bytes());
        products.extend_from_slice(&[0; 2]);
        kinds.extend(product.kinds.iter().flat_map(|texts| texts.to_le_bytes()));
        for version in &product.versions {
            versions.extend_from_slice(&pool.add(version)?.to_le_bytes());
            versions.extend_from_slice(&u32::from(size(version)?).to_le_bytes());
        }
    }
    let mut parts = vec![pool.bytes, contents.created_by.into_bytes(), products, versions, kinds];
    for rows in [&mut contents.identities, &mut contents.texts, &mut contents.templates] {
        rows.sort_by_key(|row| row.0);
        rows.dedup_by_key(|row| row.0);
        let (buckets, bytes) = write_table(rows);
        parts.extend([buckets, bytes]);
    }
    Ok(assemble(&parts))
}

fn assemble(parts: &[Vec<u8>]) -> Vec<u8> {
    debug_assert_eq!(parts.len(), PARTS);
    let mut bytes = vec![0; TABLES_AT];
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    for (number, part) in parts.iter().enumerate() {
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let entry = DIRECTORY_AT + number * 16;
        let offset = bytes.len() as u64;
        bytes[entry..entry + 8].copy_from_slice(&offset.to_le_bytes());
        bytes[entry + 8..entry + 16].copy_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    let digest = Sha256::digest(&bytes[DIRECTORY_AT..]);
    bytes[8..DIRECTORY_AT].copy_from_slice(&digest);
    bytes
}

/// Strings, each once.
#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
    known: HashMap<String, u32>,
}

impl Pool {
    fn add(&mut self, text: &str) -> Result<u32, Error> {
        if let Some(offset) = self.known.get(text) {
            return Ok(*offset);
        }
        let offset = u32::try_from(self.bytes.len()).map_err(|_| Error::TooLarge("strings"))?;
        self.bytes.extend_from_slice(text.as_bytes());
        self.known.insert(text.to_owned(), offset);
        Ok(offset)
    }
}
