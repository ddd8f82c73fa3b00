//! The peers, on the same folders: syft and trivy, each bounded in time.
//!
//! Both look at names of files, so they see each corpus with its names and once more with numbers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::score::Named;

/// A scanner that is installed.
#[derive(Debug, Clone)]
pub struct Peer {
    pub kind: Kind,
    pub program: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Syft,
    Trivy,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Kind::Syft => "syft",
            Kind::Trivy => "trivy",
        })
    }
}

/// What `timeout` ends with when time was up.
const TIME_IS_UP: i32 = 124;

impl Peer {
    /// Everything the peer names below `folder`, with the path it named it for; `seconds` is all it gets.
    ///
    /// # Errors
    /// It did not end in time, it failed, or its answer has another form than expected.
    pub fn run(&self, folder: &Path, seconds: u64) -> Result<Vec<(PathBuf, Named)>> {
        let mut command = Command::new("timeout");
        command.arg(seconds.to_string()).arg(&self.program);
        match self.kind {
            Kind::Syft => command.args(["scan", "-q", "-o", "json"]).arg(format!("dir:{}", folder.display())),
            Kind::Trivy => command
                .args(["fs", "-q", "--offline-scan", "--skip-db-update", "--skip-java-db-update"])
                .args(["--format", "cyclonedx"])
                .arg(folder),
        };
        command.env("SYFT_CHECK_FOR_APP_UPDATE", "false").stdin(Stdio::null());
        let output = command.output().context("cannot start `timeout`")?;
        if output.status.code() == Some(TIME_IS_UP) {
            bail!("{} did not end within {seconds} s", self.kind);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} failed: {}", self.kind, said.lines().last().unwrap_or_default());
        let answer: Value = serde_json::from_slice(&output.stdout).context("its answer is no JSON")?;
        match self.kind {
            Kind::Syft => syft(&answer, folder),
            Kind::Trivy => Ok(trivy(&answer)),
        }
    }
}

fn syft(answer: &Value, folder: &Path) -> Result<Vec<(PathBuf, Named)>> {
    let artifacts = answer["artifacts"].as_array().context("syft's answer has no artifacts")?;
    let mut found = Vec::new();
    for artifact in artifacts {
        for location in artifact["locations"].as_array().into_iter().flatten() {
            let path = Path::new(location["path"].as_str().unwrap_or_default());
            let path = path.strip_prefix(folder).or_else(|_| path.strip_prefix("/")).unwrap_or(path);
            found.push((path.to_owned(), named(&artifact["name"], &artifact["version"])));
        }
    }
    Ok(found)
}

fn trivy(answer: &Value) -> Vec<(PathBuf, Named)> {
    let mut found = Vec::new();
    for component in answer["components"].as_array().into_iter().flatten() {
        let properties = component["properties"].as_array().into_iter().flatten();
        let of_path = properties.filter(|property| property["name"] == "aquasecurity:trivy:FilePath");
        for property in of_path {
            let path = PathBuf::from(property["value"].as_str().unwrap_or_default());
            found.push((path, named(&component["name"], &component["version"])));
        }
    }
    found
}

fn named(name: &Value, version: &Value) -> Named {
    let version = version.as_str().filter(|version| !version.is_empty()).map(str::to_owned);
    Named { product: name.as_str().unwrap_or_default().to_owned(), version, confidence: 0, evidence: String::new() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_syft_says_is_told_by_path() {
        let answer = json!({"artifacts": [
            {"name": "python", "version": "3.11.2", "locations": [{"path": "/7/0"}, {"path": "/tmp/corpus/8/1"}]},
            {"name": "busybox", "version": "", "locations": [{"path": "9/0"}]},
        ]});
        let found = syft(&answer, Path::new("/tmp/corpus")).unwrap();
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["7/0", "8/1", "9/0"]);
        assert_eq!((found[0].1.version.as_deref(), found[2].1.version.as_deref()), (Some("3.11.2"), None));
    }

    #[test]
    fn what_trivy_says_is_told_by_path() {
        let path = json!([{"name": "aquasecurity:trivy:FilePath", "value": "3/0"}]);
        let answer =
            json!({"components": [{"name": "stdlib", "version": "1.20", "properties": path}, {"name": "no path"}]});
        let found = trivy(&answer);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].0.to_str(), found[0].1.product.as_str()), (Some("3/0"), "stdlib"));
    }
}
