//! A server on an address of this machine alone, but over TLS with its own authority, which all clients check.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use crate::stage::{Cleanup, Process, Run};
use crate::{command, demo};

const START: Duration = Duration::from_secs(30);

/// The running server; it ends with the run.
pub struct Server {
    /// `host:port`.
    pub authority: String,
    pub password: String,
    pub log: PathBuf,
    ca: PathBuf,
}

impl Server {
    /// Starts it on a free port of an address of this machine.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(cleanup: &Cleanup, run: &Run, binary: &Path, address: Ipv4Addr, more: &[&str]) -> Result<Server> {
        let authority = TcpListener::bind((address, 0))?.local_addr()?.to_string();
        let (password, data, log) = (demo::secret()?, run.dir().join("data"), run.dir().join("assay.log"));
        let mut serve = Command::new(binary);
        serve.args(["serve", "--listen", &authority, "--url", &format!("https://{authority}"), "--data"]).arg(&data);
        serve.args(more).env("ASSAY_ADMIN_PASSWORD", &password);
        let process = Process::spawn(cleanup, "assay serve", &serve, &log)?;
        process.ready("its address", START, || Ok(process.said().contains("assay serves https://")))?;
        Ok(Server { authority, password, log, ca: data.join("keys/ca.pem") })
    }

    /// A reference below this server.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.authority)
    }

    /// The certificate of its authority.
    pub fn ca(&self) -> &Path {
        &self.ca
    }

    /// What the administrator is answered.
    ///
    /// # Errors
    /// Another status than one of success, with the body.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--cacert"]).arg(&self.ca);
        curl.args(["--user", &format!("admin:{}", self.password), "--request", method]);
        if let Some(body) = body {
            curl.args(["--header", "Content-Type: application/json", "--data", &body.to_string()]);
        }
        let said = command::run(curl.arg(format!("https://{}{path}", self.authority)))?;
        if said.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&said)?) }
    }

    /// A client that trusts this server's authority and keeps its sign-in in `home`.
    pub fn client(&self, program: &Path, home: &Path) -> Command {
        let mut client = Command::new(program);
        client.current_dir(home).env("HOME", home).env("DOCKER_CONFIG", home.join(".docker"));
        client.env("SSL_CERT_FILE", &self.ca);
        client
    }
}
