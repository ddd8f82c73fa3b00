//! A server for clients that need no engine: loopback, but over TLS with its own authority, which they all check.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::demo;
use crate::stage::{Cleanup, Process, Run};

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
    /// Starts it on a free port.
    ///
    /// # Errors
    /// It does not come up.
    pub fn start(cleanup: &Cleanup, run: &Run, binary: &Path) -> Result<Server> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let authority = format!("127.0.0.1:{port}");
        let (password, data, log) = (demo::secret()?, run.dir().join("data"), run.dir().join("assay.log"));
        let mut serve = Command::new(binary);
        serve.args(["serve", "--listen", &authority, "--url", &format!("https://{authority}"), "--data"]).arg(&data);
        serve.arg("--sparse-manifests").env("ASSAY_ADMIN_PASSWORD", &password);
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

    /// A client that trusts this server's authority and keeps its sign-in in `home`.
    pub fn client(&self, program: &Path, home: &Path) -> Command {
        let mut client = Command::new(program);
        client.current_dir(home).env("HOME", home).env("DOCKER_CONFIG", home.join(".docker"));
        client.env("SSL_CERT_FILE", &self.ca);
        client
    }
}
