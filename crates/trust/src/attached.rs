//! Signatures that stand beside an image in the registry, as cosign, notation and Sigstore's tools make them.
//!
//! ```text
//!   referrers of the digest ─┐
//!   tags sha256-<hex>.sig ───┼─► manifest ─► blobs ─► seal: read, verify ─► whose: an account, an anchor, this server
//!   tags sha256-<hex>.att ───┘                          ▲
//!         keys of accounts, anchors, the server's key ──┘
//! ```

use base::{Ctx, Timestamp, limits};
use db::Tx;
use identity::Identity;
use oci::{Digest, Manifest, Reference, RepoName};
use registry::Registry;
use seal::{Anchor, Anchors, Artifact, Form, Image, PublicKey, Refused, Signature, Unreadable};

use crate::{AnchorKind, Error, Trust, store};

/// One of them, or why it is none.
#[derive(Clone, Debug)]
pub struct AttachedSignature {
    /// The manifest that holds it.
    pub manifest: Digest,
    /// Unknown of what could not be read.
    pub form: Option<Form>,
    /// What kind of statement it is, in in-toto's words; none says "this image".
    pub predicate_type: Option<String>,
    /// When its signer says that it was made.
    pub made: Option<Timestamp>,
    /// Until when its signer wants it to count.
    pub expires: Option<Timestamp>,
    pub verdict: Verdict,
}

/// Whether it counts here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Accepted {
        by: SignedBy,
        /// The hexadecimal SHA-256 of the key.
        key: String,
        /// Whom the certificate names.
        subject: Option<String>,
    },
    /// Why not, in words.
    Refused(String),
}

/// Whose signature it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedBy {
    /// An active account that the key belongs to.
    Account(String),
    /// A key or an authority that an administrator named.
    Anchor(String),
    /// What the server says of images itself.
    Server,
}

impl Trust {
    /// Everything that is signed of an image in a repository, read and verified now. `own_key` is the public half of what the server
    /// signs with. Whoever may pull may ask.
    pub async fn attached_signatures(
        &self,
        registry: &Registry,
        ctx: &Ctx,
        own_key: Option<&str>,
        (name, digest): (&RepoName, &Digest),
    ) -> Result<Vec<AttachedSignature>, Error> {
        let served = registry.manifest(ctx, name, &Reference::Digest(digest.clone())).await?;
        let image = Image { digest, media_type: &served.media_type, manifest: &served.bytes };
        let (signers, anchors) = signers(&mut self.db.read().await?, own_key).await?;
        let (holders, mut more) = holders(registry, ctx, name, digest).await?;
        let mut all = Vec::new();
        let mut left = limits::SIGNATURES_EXAMINED_BYTES;
        for holder in holders {
            for signature in read(registry, ctx, name, &holder, &mut left).await? {
                // Each is tried with every key there is: whoever pushes thousands shall not keep the server busy.
                if all.len() == limits::SIGNATURES_EXAMINED {
                    more = true;
                    break;
                }
                all.push(judge(&holder, signature, &image, &anchors, &signers, ctx.now));
            }
        }
        if more {
            let limit = limits::SIGNATURES_EXAMINED;
            let why = format!(
                "more than {limit} signatures or manifests are about this image; the others were not looked at"
            );
            all.push(AttachedSignature::unreadable(digest.clone(), why));
        }
        Ok(all)
    }
}

/// Who stands behind each anchor, by its place among them.
async fn signers(tx: &mut Tx, own_key: Option<&str>) -> Result<(Vec<SignedBy>, Anchors), Error> {
    let (mut signers, mut anchors) = (Vec::new(), Anchors::default());
    let mut add = |by: SignedBy, kind: AnchorKind| {
        let name = signers.len().to_string();
        signers.push(by);
        match kind {
            AnchorKind::Key(value) => anchors.keys.push(Anchor { name, value }),
            AnchorKind::Authority(value) => anchors.authorities.push(Anchor { name, value }),
        }
    };
    for (key, account) in Identity::signers(tx).await? {
        // Of a kind that signs nothing here, an account's key is no anchor.
        if let Ok(value) = PublicKey::from_pem(&key.public_key_pem) {
            add(SignedBy::Account(account.name.to_string()), AnchorKind::Key(value));
        }
    }
    for anchor in store::anchors(tx).await? {
        add(SignedBy::Anchor(anchor.name.to_string()), anchor.kind);
    }
    if let Some(key) = own_key.and_then(|pem| PublicKey::from_pem(pem).ok()) {
        add(SignedBy::Server, AnchorKind::Key(key));
    }
    Ok((signers, anchors))
}

/// The manifests that may hold signatures of the image, and whether there are more than are looked at.
async fn holders(
    registry: &Registry,
    ctx: &Ctx,
    name: &RepoName,
    digest: &Digest,
) -> Result<(Vec<Digest>, bool), Error> {
    let mut found = Vec::new();
    for end in ["sig", "att"] {
        let tag = format!("sha256-{}.{end}", digest.hex()).parse().expect("a digest and a dot are a tag");
        match registry.image(ctx, name, &Reference::Tag(tag)).await {
            Ok(image) => found.push(image.digest),
            Err(registry::Error::ManifestUnknown { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let page = registry.referrers(ctx, name, digest, None, ("", limits::SIGNATURES_EXAMINED)).await?;
    found.extend(page.items.into_iter().map(|referrer| referrer.image.digest));
    Ok((found, page.more))
}

/// The signatures in one manifest.
async fn read(
    registry: &Registry,
    ctx: &Ctx,
    name: &RepoName,
    holder: &Digest,
    left: &mut u64,
) -> Result<Vec<Result<Signature, Unreadable>>, Error> {
    let served = registry.manifest(ctx, name, &Reference::Digest(holder.clone())).await?;
    let Ok(manifest) = Manifest::parse(&served.bytes, Some(served.media_type.as_str())) else {
        return Ok(Vec::new());
    };
    let Some(artifact) = Artifact::of(&manifest) else { return Ok(Vec::new()) };
    let mut blobs = Vec::new();
    for blob in artifact.blobs() {
        let Some(rest) = left.checked_sub(blob.size) else { break };
        *left = rest;
        // What went meanwhile is told as missing.
        if let Ok(bytes) = registry.blobs().read(&blob.digest, blob.size).await {
            blobs.push((blob.digest.clone(), bytes));
        }
    }
    Ok(artifact.read(|digest| blobs.iter().find(|(known, _)| known == digest).map(|(_, bytes)| bytes.clone())))
}

fn judge(
    holder: &Digest,
    signature: Result<Signature, Unreadable>,
    image: &Image<'_>,
    anchors: &Anchors,
    signers: &[SignedBy],
    now: Timestamp,
) -> AttachedSignature {
    let signature = match signature {
        Ok(signature) => signature,
        Err(unreadable) => return AttachedSignature::unreadable(holder.clone(), unreadable.to_string()),
    };
    let verdict = match signature.verify(image, anchors, now) {
        Ok(signer) => {
            let by = signer.anchor.parse::<usize>().ok().and_then(|place| signers.get(place));
            let by = by.expect("every anchor is called by the place of its signer").clone();
            Verdict::Accepted { by, key: signer.key.to_string(), subject: signer.subject }
        }
        Err(refused @ Refused::AnotherImage(_)) => Verdict::Refused(format!("{refused}, not this image")),
        Err(refused) => Verdict::Refused(refused.to_string()),
    };
    AttachedSignature {
        manifest: holder.clone(),
        form: Some(signature.form()),
        predicate_type: signature.predicate_type().map(str::to_owned),
        made: signature.made(),
        expires: signature.expires(),
        verdict,
    }
}

impl AttachedSignature {
    fn unreadable(manifest: Digest, why: String) -> AttachedSignature {
        let (predicate_type, made, expires) = (None, None, None);
        AttachedSignature { manifest, form: None, predicate_type, made, expires, verdict: Verdict::Refused(why) }
    }
}
