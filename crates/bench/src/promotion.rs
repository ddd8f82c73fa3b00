//! How long a promotion takes: an image of a hundred layers, by hand and by a policy, over TLS.
//!
//! By hand it is one request. By a policy it is from the request that keeps and applies one until the target's tag is seen to name the
//! image: the policy is written, the job woken, the evidence gathered, the decision made, signed and kept, and the image copied. Both go to
//! repositories that do not have a layer of it, in turns.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::content::{MANIFEST, digest};
use crate::http::Connection;
use crate::report::Line;
use crate::side::{Side, start_assay};

const SOURCE: &str = "admin/promoted";
const LAYERS: usize = 100;
/// No promotion takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub struct Arguments {
    /// The program to measure
    #[arg(long)]
    assay: PathBuf,
    /// Promotions of each kind
    #[arg(long, default_value_t = 40)]
    rounds: usize,
}

/// Four lines: median and worst of each kind, in milliseconds.
///
/// # Errors
/// The server does not answer as it should.
pub fn run(arguments: &Arguments) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (side, secured) = start_assay(&arguments.assay, &folder.path().join("assay"))?;
    let promoter = Promoter::new(&side, &secured)?;
    let mut connection = secured.connect()?;
    promoter.push(&mut connection)?;
    let (mut by_hand, mut by_policy) = (Vec::new(), Vec::new());
    for round in 0..arguments.rounds {
        by_hand.push(promoter.by_hand(&mut connection, &format!("hand{round}"))?);
        by_policy.push(promoter.by_policy(&mut connection, &format!("policy{round}"))?);
    }
    for (name, mut times) in [("promotion-by-hand", by_hand), ("promotion-by-policy", by_policy)] {
        times.sort_by(f64::total_cmp);
        let worst = *times.last().context("no round at all")?;
        println!("{}", Line::of(&format!("{name}-median"), "ms", times[times.len() / 2], None));
        println!("{}", Line::of(&format!("{name}-worst"), "ms", worst, None));
    }
    Ok(())
}

struct Promoter<'a> {
    side: &'a Side,
    /// Of the registry's protocol, for the push.
    bearer: String,
    /// For everything else: a password would be stretched anew at each question.
    token: String,
}

impl Promoter<'_> {
    fn new<'a>(plain: &Side, side: &'a Side) -> Result<Promoter<'a>> {
        let basic = plain.basic().context("an administrator")?;
        let body = json!({"tokenLabel": "bench"}).to_string();
        let headers = [("Authorization", basic), ("Content-Type", "application/json")];
        let ask = plain.request("POST", "/api/v0/api_tokens", &headers, body.len());
        let made: Value = serde_json::from_slice(&plain.connect()?.fetch(&ask, body.as_bytes())?.body)?;
        let token = made["token"].as_str().context("no access token")?.to_owned();
        let path = format!("/auth/token?service={}&scope=repository:{SOURCE}:pull,push", plain.host);
        let ask = plain.request("GET", &path, &[("Authorization", basic)], 0);
        let answer: Value = serde_json::from_slice(&plain.connect()?.fetch(&ask, b"")?.body)?;
        let bearer = format!("Bearer {}", answer["token"].as_str().context("no token in the answer")?);
        Ok(Promoter { side, bearer, token })
    }

    fn ask(&self, connection: &mut Connection, method: &str, path: &str, body: &Value, wanted: u16) -> Result<Value> {
        let body = body.to_string();
        let headers = [("PRIVATE-TOKEN", self.token.as_str()), ("Content-Type", "application/json")];
        let answer = connection.fetch(&self.side.request(method, path, &headers, body.len()), body.as_bytes())?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == wanted, "{method} {path} was answered with {}: {said}", answer.status);
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// An image of so many layers that nobody has yet.
    fn push(&self, connection: &mut Connection) -> Result<()> {
        self.ask(connection, "POST", "/api/v0/repositories/admin", &json!({"name": "promoted"}), 201)?;
        let mut layers = Vec::new();
        for number in 0..LAYERS {
            layers.push(self.blob(connection, format!("layer {number} of an image that is promoted").as_bytes())?);
        }
        let config = self.blob(connection, b"{\"architecture\":\"amd64\",\"os\":\"linux\"}")?;
        let kind =
            |kind: &str, (digest, size): &(String, usize)| json!({"mediaType": kind, "digest": digest, "size": size});
        let layers: Vec<Value> =
            layers.iter().map(|layer| kind("application/vnd.oci.image.layer.v1.tar", layer)).collect();
        let config = kind("application/vnd.oci.image.config.v1+json", &config);
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}).to_string();
        let headers = [("Authorization", self.bearer.as_str()), ("Content-Type", MANIFEST)];
        let put = self.side.request("PUT", &format!("/v2/{SOURCE}/manifests/1"), &headers, manifest.len());
        let status = connection.ask(&put, manifest.as_bytes())?.status;
        ensure!(status == 201, "the manifest was answered with {status}");
        Ok(())
    }

    fn blob(&self, connection: &mut Connection, bytes: &[u8]) -> Result<(String, usize)> {
        let digest = digest(bytes);
        let headers = [("Authorization", self.bearer.as_str()), ("Content-Type", "application/octet-stream")];
        let path = format!("/v2/{SOURCE}/blobs/uploads/?digest={digest}");
        let status = connection.ask(&self.side.request("POST", &path, &headers, bytes.len()), bytes)?.status;
        ensure!(status == 201, "a layer was answered with {status}");
        Ok((digest, bytes.len()))
    }

    /// Milliseconds of one request.
    fn by_hand(&self, connection: &mut Connection, target: &str) -> Result<f64> {
        self.ask(connection, "POST", "/api/v0/repositories/admin", &json!({"name": target}), 201)?;
        let path = format!("/api/v0/repositories/{SOURCE}/tags/1/promotion");
        let body = json!({"targetRepository": format!("admin/{target}"), "targetTag": "1"});
        let begun = Instant::now();
        self.ask(connection, "POST", &path, &body, 201)?;
        Ok(begun.elapsed().as_secs_f64() * 1000.0)
    }

    /// Milliseconds from the request for the policy to the first answer that the tag is there.
    fn by_policy(&self, connection: &mut Connection, target: &str) -> Result<f64> {
        self.ask(connection, "POST", "/api/v0/repositories/admin", &json!({"name": target}), 201)?;
        let path = format!("/api/v0/repositories/{SOURCE}/promotionPolicies");
        let body = json!({"enabled": true, "targetRepository": format!("admin/{target}"), "tagTemplate": "%n",
            "rules": [{"field": "tag", "operator": "eq", "values": ["1"]}]});
        let begun = Instant::now();
        let policy = self.ask(connection, "POST", &path, &body, 201)?;
        let tag = format!("/api/v0/repositories/admin/{target}/tags/1");
        let headers = [("PRIVATE-TOKEN", self.token.as_str())];
        let look = self.side.request("GET", &tag, &headers, 0);
        while connection.fetch(&look, b"")?.status != 200 {
            ensure!(begun.elapsed() < PATIENCE, "{target} has no image after {PATIENCE:?}");
        }
        let took = begun.elapsed().as_secs_f64() * 1000.0;
        let id = policy["id"].as_str().context("a policy without an id")?;
        // A repository has so many policies and no more.
        self.ask(connection, "DELETE", &format!("{path}/{id}"), &Value::Null, 204)?;
        Ok(took)
    }
}
