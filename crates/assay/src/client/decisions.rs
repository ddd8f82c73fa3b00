//! Why images were promoted or were not: decisions, and making them again.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use oci::RepoName;
use serde_json::{Value, json};

use super::{Client, images::path, tags::Image};

/// Why images were promoted or were not.
#[derive(Debug, Subcommand)]
pub(crate) enum Decision {
    /// The decisions of a tag, or of all images of a repository, the newest first.
    List {
        /// `namespace/name:tag` or `namespace/name`
        of: Of,
    },
    /// One decision with its reasons, its documents and what is signed of it. `--format json` is what `recompute` takes.
    Show { id: String },
    /// Make a decision again from its documents, and compare.
    Recompute(Recompute),
    /// Have the policies look at a tag again.
    Evaluate {
        /// `namespace/name:tag`
        image: Image,
    },
}

/// A tag, or all of a repository.
#[derive(Clone, Debug)]
pub(crate) enum Of {
    Tag(Image),
    Repository(RepoName),
}

impl std::str::FromStr for Of {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Of> {
        Ok(if text.contains(':') { Of::Tag(text.parse()?) } else { Of::Repository(text.parse()?) })
    }
}

/// Make a decision again. A file needs no server.
#[derive(Debug, Args)]
pub(crate) struct Recompute {
    /// A file that `assay decision show ID --format json` wrote; or the id of a decision of the server.
    what: String,
    /// The key that signed it, PEM, as `assay attestation key` shows it: verify the signature too.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// What was kept does not give the decision, or is not signed by whom it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Different(String);

/// The decision is of a program whose meaning of policies this one does not know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Foreign(String);

impl Decision {
    pub(crate) async fn run(self, client: impl FnOnce() -> Result<Client>) -> Result<Value> {
        match self {
            Decision::List { of: Of::Tag(image) } => {
                client()?.get(&format!("{}/decisions", image.api().replacen("v0", "v1", 1))).await
            }
            Decision::List { of: Of::Repository(name) } => {
                client()?.get(&format!("{}/decisions", path(&name).replacen("v0", "v1", 1))).await
            }
            Decision::Show { id } => client()?.get(&format!("/api/v1/decisions/{id}")).await,
            Decision::Recompute(recompute) => recompute.run(client).await,
            Decision::Evaluate { image } => {
                client()?.post(&format!("{}/evaluate", image.api().replacen("v0", "v1", 1)), Value::Null).await
            }
        }
    }
}

impl Recompute {
    async fn run(self, client: impl FnOnce() -> Result<Client>) -> Result<Value> {
        let file = PathBuf::from(&self.what);
        let kept: Value = match file.is_file() {
            true => {
                let text = std::fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
                serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", file.display()))?
            }
            false => client()?.get(&format!("/api/v1/decisions/{}", self.what)).await?,
        };
        let text = |member: &str| match kept[member].as_str() {
            Some(text) => Ok(text.as_bytes()),
            None => bail!("{} has no {member}; take what assay decision show ID --format json writes", self.what),
        };
        let decision = policy::recompute(text("policyDocument")?, text("evidenceDocument")?, text("decisionDocument")?)
            .map_err(|error| match error {
                policy::Differs::Evaluator(_) => anyhow::Error::from(Foreign(error.to_string())),
                error => Different(error.to_string()).into(),
            })?;
        let evidence: policy::Evidence = serde_json::from_slice(text("evidenceDocument")?)?;
        let mut answer = json!({
            "verdict": decision.verdict,
            "image": evidence.image,
            "decisionDigest": decision.digest(),
            "evaluator": decision.evaluator,
            "signature": "not verified; give the key with --key",
        });
        if let Some(key) = &self.key {
            let pem =
                std::fs::read_to_string(key).with_context(|| format!("the key {} cannot be read", key.display()))?;
            let different = |error: &dyn std::fmt::Display| Different(format!("the statement: {error}"));
            let statement = scan::open_bundle(text("statement")?, &pem).map_err(|error| different(&error))?;
            let image = promote::states(&statement, &decision).map_err(|error| different(&error))?;
            if evidence.image.as_deref() != Some(image.as_str()) {
                return Err(different(&format!("it is about {image}, and the evidence is not")).into());
            }
            answer["signature"] = "verified".into();
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::Of;

    #[test]
    fn tags_and_repositories() {
        assert!(matches!("admin/flask:1".parse(), Ok(Of::Tag(_))));
        assert!(matches!("admin/flask".parse(), Ok(Of::Repository(_))));
        assert!("flask".parse::<Of>().is_err() && "admin/flask:".parse::<Of>().is_err());
    }
}
