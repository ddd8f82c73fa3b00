//! Signatures of cosign and notation, with keys of one's own and no log but ours: as referrers, and under tags as before those; and what
//! the server itself signs, as cosign reads it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::clients::Client;
use super::server::Server;
use crate::command;
use crate::stage::{Run, Steps};

/// Push something to sign, with what every client here can do: HTTP; gives its digest.
fn image(client: &Client, server: &Server, name: &str) -> Result<String> {
    let curl = |arguments: &[&str]| -> Result<String> {
        let mut curl = server.client(Path::new("curl"), &client.home);
        curl.args(["--silent", "--show-error", "--fail-with-body", "--cacert"]).arg(server.ca());
        curl.args(["--user", &format!("admin:{}", server.password)]).args(arguments);
        command::run(&mut curl)
    };
    let sum = |file: &str| -> Result<String> {
        let said = command::run(Command::new("sha256sum").arg(client.home.join(file)))?;
        Ok(format!("sha256:{}", said.split(' ').next().context("sha256sum says nothing")?))
    };
    let at = |rest: &str| format!("https://{}/v2/{name}/{rest}", server.authority);
    fs::write(client.home.join("config.json"), "{}")?;
    for file in ["layer.tar", "config.json"] {
        let upload = at(&format!("blobs/uploads/?digest={}", sum(file)?));
        curl(&["--header", "Content-Type: application/octet-stream", "--data-binary", &format!("@{file}"), &upload])?;
    }
    let size = fs::metadata(client.home.join("layer.tar"))?.len();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sum("config.json")?, "size": 2},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sum("layer.tar")?, "size": size}],
    });
    fs::write(client.home.join("manifest.json"), manifest.to_string())?;
    let kind = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    curl(&["--request", "PUT", "--header", kind, "--data-binary", "@manifest.json", &at("manifests/1")])?;
    sum("manifest.json")
}

/// The type of what the server attaches itself.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A trusted root in which nothing is.
const ROOT: &str = r#"{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
/// The predicate of what it says of a promotion.
const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";

/// What is listed as being about an image: the types.
fn listed(server: &Server, name: &str, digest: &str) -> Result<Vec<String>> {
    let said = server.ask("GET", &format!("/v2/{name}/referrers/{digest}"), None)?;
    let found = said["manifests"].as_array().context("a list of referrers")?;
    Ok(found.iter().filter_map(|one| one["artifactType"].as_str().map(str::to_owned)).collect())
}

/// The same without what the server attaches itself once the image is scanned.
fn referrers(server: &Server, name: &str, digest: &str) -> Result<Vec<String>> {
    Ok(listed(server, name, digest)?.into_iter().filter(|kind| kind != BUNDLE).collect())
}

/// Wait until the server attached its attestations.
fn attested(server: &Server, name: &str, digest: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while listed(server, name, digest)?.iter().filter(|kind| *kind == BUNDLE).count() < 2 {
        ensure!(Instant::now() < deadline, "{name}@{digest} has no attestations after a minute");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// # Errors
/// It does not work with this server.
pub fn notation(steps: &mut Steps, run: &Run, server: &Server, program: &Path) -> Result<()> {
    let client = Client::new(run, server, program, "notation")?;
    let notation = |arguments: &[&str]| {
        let mut command = client.command(arguments);
        command.env("NOTATION_USERNAME", "admin").env("NOTATION_PASSWORD", &server.password);
        command.env("XDG_CONFIG_HOME", client.home.join("config"));
        command
    };
    steps.step("notation: sign as a referrer and under a tag, verify, refuse what is not signed", || {
        let name = "admin/notation";
        let digest = image(&client, server, name)?;
        let reference = server.image(&format!("{name}@{digest}"));
        command::run(&mut notation(&["cert", "generate-test", "--default", "assay.test"]))?;
        let policy = json!({"version": "1.0", "trustPolicies": [{
            "name": "all", "registryScopes": ["*"], "signatureVerification": {"level": "strict"},
            "trustStores": ["ca:assay.test"], "trustedIdentities": ["*"],
        }]});
        fs::write(client.home.join("policy.json"), policy.to_string())?;
        command::run(&mut notation(&["policy", "import", "policy.json"]))?;
        command::refused(&mut notation(&["verify", &reference]))?;
        command::run(&mut notation(&["sign", "--force-referrers-tag=false", &reference]))?;
        let found = referrers(server, name, &digest)?;
        ensure!(found == ["application/vnd.cncf.notary.signature"], "what is about the image is {found:?}");
        command::run(&mut notation(&["verify", &reference]))?;
        command::run(&mut notation(&["sign", "--force-referrers-tag", "--signature-format", "cose", &reference]))?;
        command::run(&mut notation(&["verify", &reference]))?;
        let tags = server.ask("GET", &format!("/v2/{name}/tags/list"), None)?;
        ensure!(tags["tags"] == json!(["1", digest.replace(':', "-")]), "the tags are {tags}");
        Ok(())
    })
}

/// # Errors
/// It does not work with this server.
pub fn cosign(steps: &mut Steps, run: &Run, server: &Server, program: &Path) -> Result<()> {
    let client = Client::new(run, server, program, "cosign")?;
    let cosign = |arguments: &[&str]| {
        let mut command = client.command(arguments);
        command.env("COSIGN_PASSWORD", "a password of the key").env("COSIGN_EXPERIMENTAL", "1");
        command
    };
    steps.step("cosign: sign under a tag and as a referrer, verify, refuse another key", || {
        client.login(&["login"])?;
        for prefix in ["own", "other"] {
            command::run(&mut cosign(&["generate-key-pair", "--output-key-prefix", prefix]))?;
        }
        let sign = ["sign", "--yes", "--key", "own.key", "--tlog-upload=false"];
        for (name, signs, verifies) in [
            ("admin/cosign-tag", &[][..], &[][..]),
            ("admin/cosign-referrer", &["--registry-referrers-mode=oci-1-1"], &["--experimental-oci11"]),
        ] {
            let digest = image(&client, server, name)?;
            let reference = server.image(&format!("{name}@{digest}"));
            // They make way for the signature: beside a bundle, cosign would not look for one of this form.
            attested(server, name, &digest)?;
            let verify = |key: &str| {
                let arguments = ["verify", "--insecure-ignore-tlog=true", "--key", key];
                cosign(&[&arguments, verifies, &[&reference]].concat())
            };
            command::refused(&mut verify("own.pub"))?;
            command::run(&mut cosign(&[&sign, signs, &[&reference]].concat()))?;
            command::run(&mut verify("own.pub"))?;
            command::refused(&mut verify("other.pub"))?;
            let tag = format!("{}.sig", digest.replace(':', "-"));
            let tags = server.ask("GET", &format!("/v2/{name}/tags/list"), None)?.to_string();
            let about = listed(server, name, &digest)?;
            ensure!(
                tags.contains(&tag) == signs.is_empty() && about.is_empty() == signs.is_empty(),
                "{name} has the tags {tags}, and about the image {about:?}"
            );
        }
        Ok(())
    })?;
    steps.step("cosign: verify what the server attests of an image, refuse another key and another image", || {
        let name = "admin/cosign-attested";
        let digest = image(&client, server, name)?;
        attested(server, name, &digest)?;
        let mut key = server.client(Path::new("curl"), &client.home);
        key.args(["--silent", "--fail", "--cacert"]).arg(server.ca());
        key.arg(format!("https://{}/api/v1/attestations/key", server.authority));
        fs::write(client.home.join("assay.pub"), command::run(&mut key)?)?;
        // Without it, cosign asks the network for the keys of the public logs, which it then has no use for.
        fs::write(client.home.join("root.json"), ROOT)?;
        let verify = |key: &str, kind: &str, digest: &str| {
            let reference = server.image(&format!("{name}@{digest}"));
            let how = [
                "verify-attestation",
                "--new-bundle-format",
                "--trusted-root=root.json",
                "--insecure-ignore-tlog=true",
            ];
            cosign(&[&how[..], &["--key", key, "--type", kind, &reference]].concat())
        };
        for kind in ["cyclonedx", "https://in-toto.io/attestation/vulns/v0.2"] {
            let said = command::run(&mut verify("assay.pub", kind, &digest))?;
            ensure!(said.contains("application/vnd.in-toto+json"), "cosign says {said}");
            command::refused(&mut verify("other.pub", kind, &digest))?;
        }
        command::refused(&mut verify("assay.pub", "slsaprovenance", &digest))?;
        // A new form of signature stands beside them.
        let reference = server.image(&format!("{name}@{digest}"));
        let sign = ["sign", "--yes", "--key", "own.key", "--tlog-upload=false", "--new-bundle-format"];
        command::run(&mut cosign(&[&sign[..], &["--use-signing-config=false", &reference]].concat()))?;
        let how = ["verify", "--new-bundle-format", "--trusted-root=root.json", "--insecure-ignore-tlog=true"];
        command::run(&mut cosign(&[&how[..], &["--key", "own.pub", &reference]].concat()))?;
        attested(server, name, &digest)
    })?;
    summary(steps, server, &client, &cosign)
}

/// What a policy promotes carries the summary of the decision, in the target.
fn summary(steps: &mut Steps, server: &Server, client: &Client, cosign: &dyn Fn(&[&str]) -> Command) -> Result<()> {
    steps.step("cosign: verify the summary of a promotion, refuse another key and another repository", || {
        let (source, target) = ("admin/summary-build", "admin/summary");
        for name in ["summary-build", "summary"] {
            server.ask("POST", "/api/v0/repositories/admin", Some(&json!({"name": name})))?;
        }
        let policy = json!({"enabled": true, "targetRepository": target, "tagTemplate": "%n",
            "rules": [{"field": "tag", "operator": "eq", "values": ["1"]}]});
        let policies = format!("/api/v0/repositories/{source}/promotionPolicies");
        server.ask("POST", &policies, Some(&policy))?;
        let digest = image(client, server, source)?;
        let deadline = Instant::now() + Duration::from_secs(60);
        let path = format!("/v2/{target}/referrers/{digest}");
        while !server.ask("GET", &path, None).is_ok_and(|found| found.to_string().contains(SUMMARY)) {
            ensure!(Instant::now() < deadline, "{target} has no summary after a minute");
            thread::sleep(Duration::from_millis(50));
        }
        let verify = |key: &str, name: &str| {
            let reference = server.image(&format!("{name}@{digest}"));
            let how = [
                "verify-attestation",
                "--new-bundle-format",
                "--trusted-root=root.json",
                "--insecure-ignore-tlog=true",
            ];
            let what = ["--type", SUMMARY, "--key", key, &reference];
            cosign(&[&how[..], &what].concat())
        };
        let said = command::run(&mut verify("assay.pub", target))?;
        let envelope = said.lines().find(|line| line.starts_with('{')).context("cosign prints no envelope")?;
        let envelope: serde_json::Value = serde_json::from_str(envelope)?;
        let payload = envelope["payload"].as_str().context("an envelope has a payload")?;
        let statement = command::run_with_input(Command::new("base64").arg("--decode"), payload)?;
        let statement: serde_json::Value = serde_json::from_str(&statement)?;
        let (result, resource) =
            (&statement["predicate"]["verificationResult"], &statement["predicate"]["resourceUri"]);
        let wanted = format!("oci://{}/{target}", server.authority);
        ensure!(*result == "PASSED" && *resource == wanted, "the summary says {result} of {resource}");
        command::refused(&mut verify("other.pub", target))?;
        command::refused(&mut verify("assay.pub", source))?;
        Ok(())
    })
}
