//! What is pushed: blobs and images made from numbers, so that the same content comes again when the number does.

use bytes::Bytes;
use oci::Digest;
use serde_json::json;

use crate::chance::Chance;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A blob with its digest.
#[derive(Clone, Debug)]
pub struct Blob {
    pub number: u64,
    pub bytes: Bytes,
    pub digest: String,
}

/// A manifest with the blobs it names.
#[derive(Clone, Debug)]
pub struct Image {
    pub blobs: Vec<Blob>,
    pub manifest: Manifest,
}

#[derive(Clone, Debug)]
pub struct Manifest {
    pub bytes: Bytes,
    pub media_type: &'static str,
    pub digest: String,
}

impl Blob {
    /// The blob of a number: 1 byte to 1 MiB, most of them small.
    pub fn numbered(number: u64) -> Blob {
        let mut chance = Chance::of(number, 1);
        let most = match chance.below(100) {
            0..50 => 700,
            50..85 => 16 << 10,
            85..97 => 256 << 10,
            _ => 1 << 20,
        };
        let mut bytes = vec![0; chance.index(most) + 1];
        chance.fill(&mut bytes);
        let digest = Digest::sha256_of(&bytes).to_string();
        Blob { number, bytes: bytes.into(), digest }
    }
}

impl Image {
    /// The image of a number: a configuration and one or two layers; some layers are in many images.
    pub fn numbered(number: u64) -> Image {
        let mut chance = Chance::of(number, 2);
        let mut numbers = vec![number];
        numbers.push(if chance.percent(50) { number / 16 } else { number + (1 << 40) });
        if chance.percent(30) {
            numbers.push(number + (2 << 40));
        }
        let blobs: Vec<Blob> = numbers.into_iter().map(Blob::numbered).collect();
        let descriptor = |blob: &Blob, kind: &str| {
            let media_type = format!("application/vnd.example.crash.{kind}");
            json!({ "mediaType": media_type, "digest": blob.digest, "size": blob.bytes.len() })
        };
        let layers: Vec<_> = blobs[1..].iter().map(|blob| descriptor(blob, "layer")).collect();
        let text = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(&blobs[0], "config"), "layers": layers,
            "annotations": { "number": number.to_string() },
        });
        Image { blobs, manifest: Manifest::new(text.to_string(), MANIFEST) }
    }
}

impl Manifest {
    fn new(text: String, media_type: &'static str) -> Manifest {
        let digest = Digest::sha256_of(text.as_bytes()).to_string();
        Manifest { bytes: text.into(), media_type, digest }
    }

    /// An index of these manifests.
    pub fn index(of: &[Manifest]) -> Manifest {
        let descriptor = |manifest: &Manifest| json!({ "mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.bytes.len() });
        let manifests: Vec<_> = of.iter().map(descriptor).collect();
        let text = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        Manifest::new(text.to_string(), INDEX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gives_the_same_content_again() {
        assert_eq!(Image::numbered(7).manifest.digest, Image::numbered(7).manifest.digest);
        assert_ne!(Image::numbered(7).manifest.digest, Image::numbered(8).manifest.digest);
        let shared = (0..16).filter(|number| Image::numbered(160 + number).blobs[1].number == 10).count();
        assert!((2..=14).contains(&shared), "some of sixteen neighbours share a layer: {shared}");
    }
}
