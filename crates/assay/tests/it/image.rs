//! Small images, made here and pushed as any client pushes them.

use std::time::{Duration, Instant};

use oci::{Algorithm, Digest};
use serde_json::{Value, json};

use crate::server::{BASIC, Server};

/// The head of a request by the administrator.
pub fn as_admin() -> (&'static str, String) {
    ("Authorization", format!("Basic {BASIC}"))
}

/// The head of a request by somebody else.
pub fn basic(name: &str, password: &str) -> (&'static str, String) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    ("Authorization", format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
}

/// Files of a Debian 12 with these packages, `name version` each.
pub fn debian(packages: &[&str]) -> Vec<(String, String)> {
    let release =
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";
    let status = packages.iter().map(|package| {
        let (name, version) = package.split_once(' ').unwrap();
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version}\n\n")
    });
    let files = [("etc/os-release", release.to_owned()), ("var/lib/dpkg/status", status.collect())];
    files.map(|(path, content)| (path.to_owned(), content)).into()
}

/// A layer with these files, a tar archive.
pub fn layer(files: &[(String, String)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Push an image of one layer with these files, as the administrator; gives its digest.
pub fn push(server: &Server, repository: &str, tag: &str, files: &[(String, String)]) -> Digest {
    push_as(server, &as_admin().1, repository, tag, files)
}

/// The same with other credentials: the value of an `Authorization` header.
pub fn push_as(server: &Server, auth: &str, repository: &str, tag: &str, files: &[(String, String)]) -> Digest {
    push_layers(server, auth, repository, tag, &[files.to_vec()])
}

/// The same with several layers, lowest first.
pub fn push_layers(
    server: &Server,
    auth: &str,
    repository: &str,
    tag: &str,
    layers: &[Vec<(String, String)>],
) -> Digest {
    let put = |method: &str, path: &str, content_type: &str, body: &[u8]| {
        let answer = server.ask(method, path, &[("Authorization", auth), ("Content-Type", content_type)], body);
        assert_eq!(answer.status, 201, "{method} {path}: {}", answer.body);
    };
    let layers: Vec<Vec<u8>> = layers.iter().map(|files| layer(files)).collect();
    let digests: Vec<Digest> = layers.iter().map(|layer| Digest::of(Algorithm::Sha256, layer)).collect();
    let mut history = vec![json!({"created_by": "COPY files /"}); layers.len()];
    history.push(json!({"created_by": "CMD [\"sh\"]", "empty_layer": true}));
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "config": {"Labels": {"org.opencontainers.image.title": "a <b>test</b>"}},
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": history,
    });
    let config = config.to_string().into_bytes();
    let described = layers.iter().zip(&digests).map(|(layer, digest)| {
        json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.len()})
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": Digest::of(Algorithm::Sha256, &config), "size": config.len(),
        },
        "layers": described.collect::<Vec<_>>(),
    });
    for blob in layers.iter().chain([&config]) {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", Digest::of(Algorithm::Sha256, blob));
        put("POST", &path, "application/octet-stream", blob);
    }
    let manifest = manifest.to_string().into_bytes();
    let path = format!("/v2/{repository}/manifests/{tag}");
    put("PUT", &path, "application/vnd.oci.image.manifest.v1+json", &manifest);
    Digest::of(Algorithm::Sha256, &manifest)
}

/// Push an index of images that are there, one for each architecture; gives its digest.
pub fn index_of(server: &Server, repository: &str, tag: &str, images: &[(&str, &Digest)]) -> Digest {
    let (name, value) = as_admin();
    let manifests = images.iter().map(|(architecture, digest)| {
        let path = format!("/v2/{repository}/manifests/{digest}");
        let head = server.ask("HEAD", &path, &[(name, &value)], b"");
        let size: u64 = head.header("content-length").unwrap().parse().unwrap();
        let kind = head.header("content-type").unwrap();
        let platform = json!({"os": "linux", "architecture": architecture});
        json!({"mediaType": kind, "digest": digest, "size": size, "platform": platform})
    });
    let kind = "application/vnd.oci.image.index.v1+json";
    let index = json!({"schemaVersion": 2, "mediaType": kind, "manifests": manifests.collect::<Vec<_>>()}).to_string();
    expect(server, 201, "PUT", &format!("/v2/{repository}/manifests/{tag}"), kind, index.as_bytes());
    Digest::sha256_of(index.as_bytes())
}

/// A request by the administrator that must be answered with this status.
pub fn expect(server: &Server, status: u16, method: &str, path: &str, content_type: &str, body: &[u8]) -> String {
    let (name, value) = as_admin();
    let answer = server.ask(method, path, &[(name, &value), ("Content-Type", content_type)], body);
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    answer.body
}

/// The same with JSON both ways; an empty answer is `null`.
pub fn call(server: &Server, status: u16, method: &str, path: &str, body: &Value) -> Value {
    let answer = expect(server, status, method, path, "application/json", body.to_string().as_bytes());
    serde_json::from_str(&answer).unwrap_or_default()
}

pub fn get(server: &Server, path: &str) -> Value {
    serde_json::from_str(&expect(server, 200, "GET", path, "application/json", b"")).unwrap()
}

/// What a tag is, by `namespace/name:tag`; of an index the first of its images.
pub fn tag(server: &Server, image: &str) -> Value {
    let (repository, tag) = image.split_once(':').unwrap();
    get(server, &format!("/api/v0/repositories/{repository}/tags/{tag}"))[0].take()
}

/// Ask for a tag until its scan has this status.
pub fn scanned(server: &Server, image: &str, status: i64) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let view = tag(server, image);
        if view["vuln_summary"]["last_scan_status"] == status {
            return view;
        }
        assert!(Instant::now() < deadline, "the scan of {image} stands at {view}");
    }
}
