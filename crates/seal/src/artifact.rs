//! From a manifest to the signatures it holds.

use base::limits;
use oci::{Descriptor, Digest, Manifest};

use crate::{Signature, Unreadable, bundle, cose, cosign, jws, notation};

/// A manifest that holds signatures: an older tag of cosign, or a referrer.
#[derive(Clone, Debug)]
pub struct Artifact<'a> {
    layers: Vec<(Layer, &'a Descriptor)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    CosignSignature,
    CosignAttestation,
    Bundle,
    Jws,
    Cose,
}

impl<'a> Artifact<'a> {
    /// None where nothing in the manifest is a signature.
    pub fn of(manifest: &'a Manifest) -> Option<Artifact<'a>> {
        let kind = manifest.effective_artifact_type().map(|kind| kind.as_str()).unwrap_or_default();
        let layer = |layer: &'a Descriptor| {
            let form = match (layer.media_type.as_str(), kind) {
                (cosign::SIMPLE_SIGNING, _) => Layer::CosignSignature,
                (cosign::ENVELOPE, _) => Layer::CosignAttestation,
                (bundle::MEDIA_TYPE, _) => Layer::Bundle,
                (notation::JWS, notation::ARTIFACT) => Layer::Jws,
                (notation::COSE, notation::ARTIFACT) => Layer::Cose,
                _ => return None,
            };
            Some((form, layer))
        };
        let layers: Vec<_> = manifest.layers().iter().filter_map(layer).collect();
        (!layers.is_empty()).then_some(Artifact { layers })
    }

    /// The blobs that [`Artifact::read`] asks for: none that is larger than it reads.
    pub fn blobs(&self) -> impl Iterator<Item = &'a Descriptor> {
        self.layers
            .iter()
            .map(|(_, layer)| *layer)
            .filter(|layer| readable(layer).is_ok())
            .take(limits::SIGNATURE_LAYERS)
    }

    /// All signatures, in the order of the layers; what cannot be read says why.
    pub fn read(&self, blob: impl Fn(&Digest) -> Option<Vec<u8>>) -> Vec<Result<Signature, Unreadable>> {
        let mut all = Vec::new();
        for (form, layer) in self.layers.iter().take(limits::SIGNATURE_LAYERS) {
            match read_layer(*form, layer, &blob) {
                Ok(signatures) => all.extend(signatures.into_iter().map(Ok)),
                Err(unreadable) => all.push(Err(unreadable)),
            }
        }
        if self.layers.len() > limits::SIGNATURE_LAYERS {
            let (found, limit) = (self.layers.len(), limits::SIGNATURE_LAYERS);
            all.push(Err(Unreadable::new(format!("there are {found} signatures in one manifest; {limit} are read"))));
        }
        all
    }
}

fn read_layer(
    form: Layer,
    layer: &Descriptor,
    blob: impl Fn(&Digest) -> Option<Vec<u8>>,
) -> Result<Vec<Signature>, Unreadable> {
    readable(layer)?;
    let bytes = blob(&layer.digest).ok_or_else(|| Unreadable::new(format!("its blob {} is not here", layer.digest)))?;
    if Digest::of(layer.digest.algorithm(), &bytes) != layer.digest {
        return Err(Unreadable::new(format!("its blob is not {}", layer.digest)));
    }
    match form {
        Layer::CosignSignature => cosign::signature(bytes, &layer.annotations).map(|signature| vec![signature]),
        Layer::CosignAttestation => cosign::attestation(&bytes, &layer.annotations),
        Layer::Bundle => bundle::signatures(&bytes),
        Layer::Jws => jws::signature(&bytes).map(|signature| vec![signature]),
        Layer::Cose => cose::signature(&bytes).map(|signature| vec![signature]),
    }
}

fn readable(layer: &Descriptor) -> Result<(), Unreadable> {
    let limit = limits::ATTESTATION_BYTES as u64;
    if layer.size <= limit {
        return Ok(());
    }
    Err(Unreadable::new(format!("it has {} bytes, at most {limit} are read", layer.size)))
}
