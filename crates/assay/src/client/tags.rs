//! What people do with one tag: scan it again, promote it by hand, ask why it was not promoted, delete it.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use oci::{RepoName, Tag};
use serde_json::{Value, json};

use super::{Client, images::path};
use crate::scan::Output;

/// `namespace/name:tag`.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    name: RepoName,
    tag: Tag,
}

impl std::str::FromStr for Image {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Image> {
        let Some((name, tag)) = text.rsplit_once(':') else { bail!("an image has the form namespace/name:tag") };
        Ok(Image { name: name.parse()?, tag: tag.parse()? })
    }
}

impl std::fmt::Display for Image {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}:{}", self.name, self.tag)
    }
}

impl Image {
    pub(super) fn api(&self) -> String {
        format!("{}/tags/{}", path(&self.name), self.tag)
    }
}

/// Tags of repositories.
#[derive(Debug, Subcommand)]
pub(crate) enum TagOf {
    /// Delete a tag. The image stays while something else names it.
    Delete {
        /// `namespace/name:tag`
        image: Image,
    },
    /// Have the server scan the image again.
    Scan(Scan),
    /// What the server found in the image, in any format.
    Report(Report),
    /// Who signed the image, in every form; and what stands beside it and counts for nothing, and why.
    Signatures {
        /// `namespace/name:tag`
        image: Image,
    },
}

impl TagOf {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            TagOf::Delete { image } => client.delete(&image.api()).await,
            TagOf::Scan(scan) => scan.run(client).await,
            TagOf::Report(_) => unreachable!("handled where commands are run"),
            TagOf::Signatures { image: Image { name, tag } } => {
                let path = format!("{}/images/{tag}/signatures", path(&name).replacen("v0", "v1", 1));
                Ok(client.get(&path).await?["signatures"].take())
            }
        }
    }
}

/// Scan an image again.
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// `namespace/name:tag`
    image: Image,
    /// Which one, where the tag names images of several platforms.
    #[arg(long, default_value = "linux/amd64", value_name = "OS/ARCHITECTURE")]
    platform: String,
}

impl Scan {
    pub(crate) fn said(&self) -> String {
        format!("{} is about to be scanned; assay repository tags {} says what came of it", self.image, self.image.name)
    }

    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match self.platform.split_once('/') {
            Some((os, architecture)) if plain(os) && plain(architecture) => {}
            _ => bail!("a platform has the form os/architecture, as linux/arm64"),
        }
        let Image { name, tag } = self.image;
        let (namespace, repository) = (name.namespace(), name.name().replace('/', "%2F"));
        let path = format!("/api/v0/imagescan/scan/{namespace}/{repository}/{tag}/{}", self.platform);
        client.post(&path, Value::Null).await
    }
}

/// What the server found in an image. Nothing is scanned for it.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// `namespace/name:tag`
    image: Image,
    /// What is written, and where to: json, cyclonedx, spdx, spdx3, sarif, openvex or table. Repeat for more.
    #[arg(long, short, value_name = "FORMAT[=FILE]", default_value = "table")]
    output: Vec<Output>,
    /// Which one, where the tag names images of several platforms.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    platform: Option<String>,
}

impl Report {
    pub(crate) async fn run(self, client: &Client) -> Result<()> {
        let Image { name, tag } = &self.image;
        let image = format!("{}/images/{tag}/report", path(name).replacen("v0", "v1", 1));
        for output in &self.output {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("format", output.format().as_str());
            if let Some(platform) = &self.platform {
                query.append_pair("platform", platform);
            }
            output.write(client.get_text(&format!("{image}?{}", query.finish())).await?.as_bytes())?;
        }
        Ok(())
    }
}

/// Copy an image to another repository by hand, without any policy.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// `namespace/name:tag`
    from: Image,
    /// `namespace/name:tag`
    to: Image,
}

impl Promote {
    pub(crate) fn said(&self) -> String {
        format!("{} is the image of {}", self.to, self.from)
    }

    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        let body = json!({"targetRepository": self.to.name, "targetTag": self.to.tag});
        client.post(&format!("{}/promotion", self.from.api()), body).await
    }
}

#[cfg(test)]
mod tests {
    use super::Image;

    #[test]
    fn images() {
        for good in ["admin/flask:1", "admin/a/b:latest"] {
            assert_eq!(good.parse::<Image>().unwrap().to_string(), good);
        }
        for bad in ["admin/flask", "flask:1", "admin/flask:", ":1", "admin/flask:a b", "h:1/admin/flask"] {
            assert!(bad.parse::<Image>().is_err(), "{bad}");
        }
    }
}
