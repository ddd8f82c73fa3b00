//! The noun: a document in which somebody states which vulnerabilities matter in which products (VEX).

use base::{Ctx, Id, Kind, Timestamp, limits};
use bom::{Bounds, Vex};

use crate::{Error, WaiverScope};

/// What is known of a document beside its bytes and its statements.
#[derive(Clone, Debug)]
pub struct VexDocument {
    pub id: Id<VexDocument>,
    /// Its statements count for findings in these images only.
    pub scope: WaiverScope,
    /// What its author calls it, in all its versions: one of a name is kept in a scope.
    pub name: String,
    /// `OpenVEX`, `CSAF`, `CycloneDX`.
    pub format: String,
    /// Who states it.
    pub author: String,
    /// When its author changed it last.
    pub dated: Option<Timestamp>,
    /// How many there are in it.
    pub statements: i64,
    /// Of its bytes, SHA-256 in hexadecimal digits.
    pub digest: String,
    pub size_bytes: i64,
    /// The name of the account that put it here.
    pub added_by: String,
    pub added_at: Timestamp,
}

impl VexDocument {
    /// A document that was read, as it is kept.
    pub(crate) fn of(ctx: &Ctx, scope: WaiverScope, bytes: &[u8], read: &Vex) -> VexDocument {
        let digest = base::digest_hex(bytes);
        VexDocument {
            id: Id::new(ctx),
            scope,
            name: if read.name.is_empty() { format!("sha256:{digest}") } else { read.name.clone() },
            format: read.format.to_owned(),
            author: read.author.clone(),
            dated: read.timestamp,
            statements: count(read.statements.len()),
            digest,
            size_bytes: count(bytes.len()),
            added_by: ctx.actor.label(),
            added_at: ctx.now,
        }
    }

    pub(crate) fn state_key(&self) -> String {
        format!("promote/vex/{}", self.id)
    }

    /// The value under [`VexDocument::state_key`] in the audit log.
    pub(crate) fn state(&self) -> String {
        format!("{} {}", self.scope, self.digest)
    }
}

/// Read a document that is to be kept: held against limits that are narrower than those of `assay scan`.
///
/// # Errors
/// What is wrong, where, and what to do.
pub(crate) fn checked(bytes: &[u8], now: Timestamp) -> Result<Vex, Error> {
    if bytes.len() > limits::VEX_KEPT_BYTES {
        return Err(too_large(&format!("it has {} bytes, and the limit is {}", bytes.len(), limits::VEX_KEPT_BYTES)));
    }
    let bounds = Bounds { products: limits::VEX_KEPT_PRODUCTS, product_bytes: limits::VEX_KEPT_PRODUCT_BYTES };
    let read = Vex::read(bytes, bounds).map_err(|error| match error.kind() {
        Kind::TooLarge => too_large(&error.to_string()),
        _ => Error::Invalid(error.to_string()),
    })?;
    if read.statements.is_empty() {
        return Err(Error::Invalid(format!(
            "no statement of the {} document names both a vulnerability and a product; name the image (pkg:oci/…) or the component under \
             products",
            read.format
        )));
    }
    for (what, text) in [("name", &read.name), ("author", &read.author)] {
        if text.len() > limits::BOM_TEXT_BYTES {
            let most = limits::BOM_TEXT_BYTES;
            return Err(Error::Invalid(format!(
                "the document's {what} has {} bytes, and the limit is {most}",
                text.len()
            )));
        }
    }
    let latest = read.statements.iter().filter_map(|statement| statement.timestamp).chain(read.timestamp).max();
    match latest.filter(|at| now.checked_add(limits::VEX_AHEAD).is_ok_and(|soon| *at > soon)) {
        Some(at) => Err(Error::Invalid(format!(
            "the document is dated {at}, and it is {now} now; it would outdo every later one until then: mend its time"
        ))),
        None => Ok(read),
    }
}

fn too_large(why: &str) -> Error {
    Error::TooLarge(format!(
        "the document is too large to be kept: {why}; split it by product, or hold it against one image with assay scan --vex"
    ))
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
