//! Two layers and a configuration as the archive that `docker load` takes.
//!
//! ```text
//! manifest.json   [{"Config": "base.json", "Layers": ["minimal.tar", "base.tar"]}]
//! base.json       image configuration of the OCI image specification, with the layers' diff-IDs
//! minimal.tar, base.tar
//! ```
//!
//! It is written straight into the client, so the layers are on disk once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::command;
use crate::engine::Engine;

/// What Docker sets when an image says nothing; images of Debian's say it.
pub const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// SHA-256 of each layer and the day they were made, beside them.
const DIGESTS: &str = "digests";

/// Notes the digests of the layers, so that loading need not read them twice.
///
/// # Errors
/// A layer cannot be read.
pub fn write_digests(dir: &Path, layers: &[&str]) -> Result<()> {
    let digests = command::run(Command::new("sha256sum").args(layers).current_dir(dir))?;
    fs::write(dir.join(DIGESTS), digests).context("cannot note the layers' digests")
}

/// Loads the image of `minimal.tar` and `NAME.tar` and tags it.
///
/// # Errors
/// The engine refuses it.
pub fn load(engine: &Engine, dir: &Path, name: &str, config: &Value, reference: &str) -> Result<()> {
    let layers = ["minimal.tar".to_owned(), format!("{name}.tar")];
    let image = configuration(dir, &layers, config)?;
    fs::write(dir.join(format!("{name}.json")), image.to_string())?;
    let entry = json!([{ "Config": format!("{name}.json"), "RepoTags": [reference], "Layers": layers }]);
    // A folder of its own for each image: two may be loaded at the same time.
    let head = dir.join(format!("{name}-head"));
    fs::create_dir_all(&head)?;
    fs::write(head.join("manifest.json"), entry.to_string())?;

    let mut pack = Command::new("tar");
    pack.arg("-c")
        .arg("-C")
        .arg(&head)
        .arg("manifest.json")
        .arg("-C")
        .arg(dir)
        .arg(format!("{name}.json"))
        .args(&layers);
    let mut packing = pack.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot start tar")?;
    let archive = packing.stdout.take().context("tar has no output")?;
    let loaded = engine.docker(["load", "--quiet"]).stdin(archive).output().context("cannot start the client");
    let packed = packing.wait()?;
    let loaded = loaded?;
    let said = String::from_utf8_lossy(&loaded.stderr).into_owned();
    ensure!(packed.success() && loaded.status.success(), "cannot load {reference}: {}", command::tail(&said, 5));
    Ok(())
}

fn configuration(dir: &Path, layers: &[String], config: &Value) -> Result<Value> {
    let noted = fs::read_to_string(dir.join(DIGESTS)).context("the layers have no digests; remove the cache")?;
    let digests: BTreeMap<&str, &str> =
        noted.lines().filter_map(|line| line.split_once("  ")).map(|(digest, layer)| (layer, digest)).collect();
    let mut diff_ids = Vec::new();
    let mut history = Vec::new();
    for layer in layers {
        let digest = digests.get(layer.as_str()).with_context(|| format!("{layer} has no digest"))?;
        diff_ids.push(format!("sha256:{digest}"));
        history.push(json!({ "created": created(dir)?, "created_by": format!("mmdebstrap: {layer}") }));
    }
    let architecture = command::run(Command::new("dpkg").arg("--print-architecture"))?;
    Ok(json!({
        "architecture": architecture.trim(),
        "os": "linux",
        "created": created(dir)?,
        "config": config,
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history,
    }))
}

/// When the layers were made: loading them twice gives the same image.
fn created(dir: &Path) -> Result<String> {
    let mut date = Command::new("date");
    date.args(["-u", "+%FT%TZ", "-r"]).arg(dir.join(DIGESTS));
    Ok(command::run(&mut date)?.trim().to_owned())
}
