//! What is pushed and pulled: images of one layer, whose bytes no server has seen before.

use anyhow::{Result, ensure};
use rustix::rand::{GetRandomFlags, getrandom};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::http::Connection;
use crate::side::Side;

/// Where images are pulled from and pushed to. Nothing scans them, as nothing does at the peer.
pub const REPOSITORY: &str = "admin/bench";
/// Where what is pushed is scanned.
pub const SCANNED: &str = "admin/scanned";
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The blobs that are pulled.
pub const SIZES: [usize; 3] = [MIB, 10 * MIB, 100 * MIB];
pub const MIB: usize = 1 << 20;

/// An image of one layer, ready to be sent.
pub struct Image {
    pub layer: Vec<u8>,
    pub layer_digest: String,
    config: Vec<u8>,
    config_digest: String,
    pub manifest: Vec<u8>,
}

/// Where an image goes.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    pub side: &'a Side,
    pub repository: &'a str,
    pub authorization: Option<&'a String>,
}

impl Image {
    /// An image whose layer has this many bytes, at random.
    pub fn random(bytes: usize) -> Result<Image> {
        let mut layer = vec![0; bytes];
        let mut filled = 0;
        while filled < bytes {
            filled += getrandom(&mut layer[filled..], GetRandomFlags::empty())?;
        }
        let layer_digest = digest(&layer);
        let config = json!({
            "os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        });
        let config = config.to_string().into_bytes();
        let config_digest = digest(&config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len(),
            },
            "layers": [{
                "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer_digest, "size": layer.len(),
            }],
        });
        Ok(Image { layer, layer_digest, config, config_digest, manifest: manifest.to_string().into_bytes() })
    }

    /// Five requests, as a client that sends each blob whole: two uploads, two blobs, the manifest by tag.
    pub fn push(&self, to: &Target<'_>, connection: &mut Connection, tag: &str) -> Result<()> {
        let Target { side, repository, authorization } = to;
        let auth: Vec<(&str, &str)> = authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        for (digest, bytes) in [(&self.layer_digest, &self.layer), (&self.config_digest, &self.config)] {
            let start = side.request("POST", &format!("/v2/{repository}/blobs/uploads/"), &auth, 0);
            let started = connection.ask(&start, b"")?;
            ensure!(started.status == 202, "an upload was answered with {}", started.status);
            let location = started.location.unwrap_or_default();
            // An absolute location names the host we ask anyway.
            let path = location.find("/v2/").map_or(location.as_str(), |at| &location[at..]);
            let joined = if path.contains('?') { '&' } else { '?' };
            let headers = [&auth[..], &[("Content-Type", "application/octet-stream")]].concat();
            let put = side.request("PUT", &format!("{path}{joined}digest={digest}"), &headers, bytes.len());
            let status = connection.ask(&put, bytes)?.status;
            ensure!(status == 201, "a blob was answered with {status}");
        }
        let headers = [&auth[..], &[("Content-Type", MANIFEST)]].concat();
        let path = format!("/v2/{repository}/manifests/{tag}");
        let status = connection.ask(&side.request("PUT", &path, &headers, self.manifest.len()), &self.manifest)?.status;
        ensure!(status == 201, "a manifest was answered with {status}");
        Ok(())
    }
}

/// The name of these bytes.
pub fn digest(bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hash}")
}
