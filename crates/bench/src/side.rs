//! One server under measurement: where it listens, who may ask it, and what it takes of the machine.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use rustls::ClientConfig;

use crate::content::{REPOSITORY, SCANNED};
use crate::http::{Connection, request};
use crate::tls;

const START: Duration = Duration::from_secs(30);
const PASSWORD: &str = "of a benchmark, not of a secret";

/// A running server; it ends with this.
pub struct Side {
    pub name: &'static str,
    pub address: SocketAddr,
    /// The `Host` header that it is asked with.
    pub host: String,
    pub credential: Credential,
    tls: Option<Arc<ClientConfig>>,
    process: u32,
    /// None where this is another door to a server that somebody else ends.
    child: Option<Child>,
}

/// How clients say who they are.
#[derive(Clone)]
pub enum Credential {
    /// Not at all.
    Nobody,
    /// With a token that was made beforehand.
    Token(String),
    /// With a token of the server's own token service, asked for with these Basic credentials at the start of each turn.
    Service(String),
}

impl Side {
    pub fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, self.tls.as_ref())
    }

    /// The value of `Authorization` for a turn.
    pub fn authorization(&self) -> Result<Option<String>> {
        match &self.credential {
            Credential::Nobody => Ok(None),
            Credential::Token(token) => Ok(Some(token.clone())),
            Credential::Service(basic) => {
                let path = format!(
                    "/auth/token?service={}&scope=repository:{REPOSITORY}:pull,push&scope=repository:{SCANNED}:pull,push",
                    self.host
                );
                let ask = self.request("GET", &path, &[("Authorization", basic)], 0);
                let answer = self.connect()?.fetch(&ask, b"")?;
                let answer: serde_json::Value = serde_json::from_slice(&answer.body).context("no answer of JSON")?;
                Ok(Some(format!("Bearer {}", answer["token"].as_str().context("no token in the answer")?)))
            }
        }
    }

    /// Basic credentials of an administrator, where there is one.
    pub fn basic(&self) -> Option<&str> {
        match &self.credential {
            Credential::Service(basic) => Some(basic),
            _ => None,
        }
    }

    /// A request to this side.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
        request(method, path, &self.host, headers, length)
    }

    /// Bytes of memory it holds now.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most that it ever held.
    pub fn peak_bytes(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// A line of proc_pid_status(5), in bytes.
    fn status(&self, key: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)).with_context(|| format!("no {key}"))?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }

    /// Processor seconds it has used.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process))?;
        let after = stat.rsplit_once(") ").context("no stat")?.1;
        let ticks = |index: usize| after.split(' ').nth(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
        #[expect(clippy::cast_precision_loss, reason = "100")]
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        // utime and stime, fields 14 and 15 of proc_pid_stat(5); the state is field 3.
        Ok((ticks(11) + ticks(12)) / per_second)
    }

    /// The same server over TLS.
    fn secured(&self, address: SocketAddr, pem: &str) -> Result<Side> {
        Ok(Side {
            name: self.name,
            address,
            host: self.host.clone(),
            credential: self.credential.clone(),
            tls: Some(tls::trusting(pem)?),
            process: self.process,
            child: None,
        })
    }

    pub(crate) fn spawn(
        name: &'static str,
        mut command: Command,
        address: SocketAddr,
        tls: Option<Arc<ClientConfig>>,
        log: &Path,
    ) -> Result<Side> {
        let out = File::create(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (process, host, credential) = (child.id(), address.to_string(), Credential::Nobody);
        let mut side = Side { name, address, host, credential, tls, process, child: Some(child) };
        let begun = Instant::now();
        while Connection::open(address, None).is_err() {
            let ended = side.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
            if ended || begun.elapsed() > START {
                bail!("{name} does not start:\n{}", fs::read_to_string(log).unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(side)
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Ended already is as good.
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// A free loopback address.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// `assay serve` with its defaults: by its plain listener, and by TLS.
pub fn start_assay(program: &Path, folder: &Path) -> Result<(Side, Side)> {
    fs::create_dir_all(folder)?;
    let (plain, secure) = (free_address()?, free_address()?);
    let mut command = Command::new(program);
    command.args(["serve", "--listen", &secure.to_string(), "--url", &format!("https://{secure}")]);
    command.args(["--plain-listen", &plain.to_string(), "--data"]).arg(folder.join("data"));
    command.env("ASSAY_ADMIN_PASSWORD", PASSWORD).env("ASSAY_LOG", "warn");
    let mut side = Side::spawn("assay", command, plain, None, &folder.join("log"))?;
    side.host = secure.to_string();
    let basic = format!("Basic {}", STANDARD.encode(format!("admin:{PASSWORD}")));
    side.credential = Credential::Service(basic);
    let ca = side.connect()?.fetch(&side.request("GET", "/ca", &[], 0), b"")?;
    let secured = side.secured(secure, std::str::from_utf8(&ca.body)?)?;
    Ok((side, secured))
}
