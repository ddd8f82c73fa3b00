//! A tag as DTR showed it, with its manifest, its scan, its signature, and how it came.

use base::Timestamp;
use db::Tx;
use mirror::Mirror;
use oci::{ImageConfig, RepoName, Tag};
use promote::{DecisionRecord, Promote};
use registry::{Image, Layer, Origin, Registry, TagView};
use serde_json::{Value, json};

use super::scans;
use crate::{
    App,
    error::ApiError,
    scanned::scanned,
    signed::{Signed, Standing},
};

/// What is known before a tag of the repository is looked at.
pub(super) struct Known<'a> {
    pub(super) app: &'a App,
    pub(super) now: Timestamp,
    pub(super) name: &'a RepoName,
    pub(super) signed: &'a Signed,
}

impl Known<'_> {
    /// One of a list. A member that a tag has not is left out, as in DTR.
    pub(super) async fn tag(&self, tx: &mut Tx, tag: &TagView) -> Result<Value, ApiError> {
        let (name, image) = (self.name, &tag.image);
        let standing = self.signed.standing(&tag.tag, &image.digest);
        let layers = Registry::layers(tx, &image.digest).await?;
        let scan = scanned(self.app, tx, self.now, name, image).await?;
        let mut view = json!({
            "name": tag.tag,
            "digest": image.digest,
            "author": tag.pushed_by,
            // When it was set the last time; nobody keeps when it was first.
            "createdAt": tag.pushed_at.to_string(),
            "updatedAt": tag.pushed_at.to_string(),
            "job": tag.job,
            "manifest": manifest(image),
            "vuln_summary": scans::tag_summary(&scan, (name, tag.tag.as_str()), &layers),
            "inNotary": standing != Standing::Unsigned,
            "hashMismatch": standing == Standing::Moved,
        });
        let lapsed = lapsed(tx, name, tag).await?;
        if let Some(promotion) = promotion(&tag.origin, lapsed.as_ref()) {
            view["promotion"] = promotion;
        }
        if let Some((remote, work)) = Mirror::mirrored(tx, name, &tag.tag, &image.digest).await? {
            view["mirroring"] = json!({
                "mirroringPolicyID": work.policy,
                "digest": work.digest,
                "remoteRepository": remote,
                "remoteTag": work.remote_tag,
            });
        }
        Ok(view)
    }

    /// One image that a tag names, itself or through an index, with the lines of its build.
    pub(super) async fn image(&self, tx: &mut Tx, tag: &TagView, image: &Image) -> Result<Value, ApiError> {
        let mut view = self.tag(tx, tag).await?;
        let layers = Registry::layers(tx, &image.digest).await?;
        view["manifest"] = manifest(image);
        view["manifest"]["dockerfile"] = self.dockerfile(tx, image, &layers).await?;
        let scan = scanned(self.app, tx, self.now, self.name, image).await?;
        view["vuln_summary"] = scans::tag_summary(&scan, (self.name, tag.tag.as_str()), &layers);
        Ok(view)
    }

    /// The steps of the build as the configuration tells them, each with the layer it made; the layers alone when they do not fit.
    async fn dockerfile(&self, tx: &mut Tx, image: &Image, layers: &[Layer]) -> Result<Value, ApiError> {
        let bytes = self.app.registry.config_bytes_in(tx, self.name, image).await?;
        let config = bytes.and_then(|bytes| ImageConfig::parse(&bytes).ok()).unwrap_or_default();
        let of_layer = |line: String, layer: &Layer| {
            json!({
                "line": line,
                "layerDigest": layer.digest,
                "size": layer.size,
                "isEmpty": false,
                "mediaType": layer.media_type,
            })
        };
        if config.layer_history().len() != layers.len() {
            return Ok(layers.iter().map(|layer| of_layer(String::new(), layer)).collect());
        }
        let mut next = layers.iter();
        let line = |step: &oci::History| {
            let text = step.created_by.clone().or(step.comment.clone()).unwrap_or_default();
            match (!step.empty_layer).then(|| next.next()).flatten() {
                Some(layer) => of_layer(text, layer),
                None => json!({"line": text, "layerDigest": "", "size": 0, "isEmpty": true}),
            }
        };
        Ok(config.history.iter().map(line).collect())
    }
}

/// What is known of a manifest by itself.
pub(super) fn manifest(image: &Image) -> Value {
    let platform = image.platform.as_ref();
    let mut view = json!({
        "digest": image.digest,
        "mediaType": image.media_type,
        "size": image.total_bytes,
        "os": platform.map_or("", |platform| &platform.os),
        "architecture": platform.map_or("", |platform| &platform.architecture),
    });
    if let Some(config) = &image.config {
        view["configDigest"] = config.digest.to_string().into();
        view["configMediaType"] = config.media_type.to_string().into();
    }
    view
}

/// The decision by which a policy would not promote today what it promoted to this tag.
pub(crate) async fn lapsed(
    tx: &mut Tx,
    name: &RepoName,
    tag: &TagView,
) -> Result<Option<DecisionRecord>, promote::Error> {
    if tag.origin == Origin::Pushed {
        return Ok(None);
    }
    match Promote::origin(tx, name, &tag.tag).await? {
        Some(origin) => Promote::lapsed(tx, &origin).await,
        None => Ok(None),
    }
}

/// `lapsed`: the decision by which the policy would not promote the image today.
fn promotion(origin: &Origin, lapsed: Option<&DecisionRecord>) -> Option<Value> {
    match origin {
        Origin::Pushed => None,
        Origin::Promoted { policy, source, source_tag } => Some(json!({
            "promotionPolicyID": policy.as_deref().unwrap_or_default(),
            "sourceRepository": source,
            "sourceTag": source_tag.as_ref().map(Tag::as_str).unwrap_or_default(),
            "lapsed": lapsed.map(|record| json!({
                "decision": record.id,
                "verdict": record.decision.verdict,
                "since": record.decided_at.to_string(),
                "objections": record.decision.objections().map(|reason| &reason.sentence).collect::<Vec<_>>(),
            })),
        })),
    }
}
