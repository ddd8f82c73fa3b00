//! Client bundles: what a person or robot downloads to be known to an engine and to sign.

use std::io::{Cursor, Write};

use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{Authority, Certified, Error};

/// The files of one client bundle. Every bundle has a key pair of its own.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub ca_pem: String,
    pub certified: Certified,
    /// The production engine that `env.sh` points at: `tcp://host:port`.
    pub engine: Option<String>,
}

impl Bundle {
    pub(crate) fn new(authority: &Authority, certified: Certified, engine: Option<String>) -> Bundle {
        Bundle { ca_pem: authority.certificate_pem().to_owned(), certified, engine }
    }

    /// The files by name: `ca.pem`, `cert.pem`, `cert.pub`, `key.pem`, `env.sh`.
    pub fn files(&self) -> [(&'static str, String); 5] {
        [
            ("ca.pem", self.ca_pem.clone()),
            ("cert.pem", self.certified.certificate_pem.clone()),
            ("cert.pub", self.certified.public_key_pem.clone()),
            ("key.pem", self.certified.private_key_pem.clone()),
            ("env.sh", self.env_sh()),
        ]
    }

    /// The bundle as a zip archive, the key readable by its owner only.
    pub fn zip(&self) -> Result<Vec<u8>, Error> {
        let broken = |error: zip::result::ZipError| Error::Internal(format!("the bundle could not be packed: {error}"));
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in self.files() {
            let mode = if name == "key.pem" { 0o600 } else { 0o644 };
            archive.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).map_err(broken)?;
            archive.write_all(content.as_bytes()).map_err(|error| broken(error.into()))?;
        }
        Ok(archive.finish().map_err(broken)?.into_inner())
    }

    fn env_sh(&self) -> String {
        let mut script = String::from(
            "# Point the docker client at the production engine with this bundle's certificate:\n#   eval \"$(<env.sh)\"\n",
        );
        script.push_str("export DOCKER_TLS_VERIFY=1\n");
        script.push_str("export DOCKER_CERT_PATH=\"$(cd \"$(dirname \"${BASH_SOURCE:-env.sh}\")\" && pwd)\"\n");
        match &self.engine {
            Some(engine) => script.push_str(&format!("export DOCKER_HOST={engine}\n")),
            None => script.push_str("# No production engine is configured; set DOCKER_HOST yourself.\n"),
        }
        script
    }
}
