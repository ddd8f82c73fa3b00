//! Act 1: the server starts, with an authority of its own and one administrator; all its data in one folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::assay::Assay;
use super::scene::{self, Scene};
use super::site;
use crate::command;
use crate::stage::{Program, Recipe, Steps};

/// A first start makes keys and tables; a start after `kill -9` repairs.
const START: Duration = Duration::from_secs(30);

/// The running server, and the administrator's command line.
pub struct Server {
    pub admin: Assay,
    pub password: String,
    /// The authority, as `/ca` gives it.
    pub ca: PathBuf,
    pub data: PathBuf,
    pub program: Arc<Program>,
    resolve: String,
}

/// Starts it, trusts its authority, signs in.
///
/// # Errors
/// A step does not hold.
pub fn start(steps: &mut Steps, scene: &Scene) -> Result<Server> {
    let data = scene.run.dir().join("data");
    let password = scene::secret()?;
    write_hosts(scene)?;
    let resolve = site::resolve(scene.server());
    // Before the step, so that it may be killed in the middle of its first start.
    let program = Arc::new(Program::start(scene.cleanup, recipe(scene, &data, &password))?);
    steps.expose(&program);
    steps.watch("assay serve", &log(scene));
    steps.step("start `assay serve` on an empty folder", || program.wait())?;
    let ca = scene.run.dir().join("ca.pem");
    steps.step("fetch /ca, and compare it with the folder's", || fetch_ca(&resolve, &data, &ca))?;
    let admin = Assay::new(scene.binary, &scene.run.dir().join("admin.json"), &resolve);
    steps.step("sign in as the administrator", || admin.login(site::URL, &ca, "admin", &password))?;
    Ok(Server { admin, password, ca, data, program, resolve })
}

impl Server {
    /// `curl` that trusts the authority and knows the name; it fails on HTTP errors and shows their body.
    pub fn curl<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--resolve", &self.resolve, "--cacert"]);
        curl.arg(&self.ca).args(arguments);
        curl
    }
}

/// The name the installation has is known in here only; the server calls itself by it, for its webhooks do.
const IN_ITS_HOSTS: &str = "mount --bind \"$HOSTS\" /etc/hosts && exec \"$@\"";

fn recipe(scene: &Scene, data: &Path, password: &str) -> Recipe {
    let listen = format!("{}:{}", scene.server(), site::PORT);
    let (binary, hosts) = (scene.binary.to_owned(), hosts_file(scene));
    let (data, password, resolve) = (data.to_owned(), password.to_owned(), site::resolve(scene.server()));
    let make = move || {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", IN_ITS_HOSTS, "sh"]);
        command.arg(&binary).args(["serve", "--listen", &listen, "--url", site::URL, "--data"]).arg(&data);
        command.args(["--production-engine", site::PRODUCTION_URL]);
        command.env("HOSTS", &hosts).env("ASSAY_ADMIN_PASSWORD", &password);
        command
    };
    let ready = move || {
        let mut curl = Command::new("curl");
        // Whom to trust is not known before the first answer; what is asked here is no secret.
        curl.args(["--silent", "--fail", "--insecure", "--resolve", &resolve, &format!("{}/readyz", site::URL)]);
        Ok(command::output(&mut curl)?.status.success())
    };
    let (name, log) = ("assay serve".to_owned(), log(scene));
    Recipe { name, log, limit: START, make: Box::new(make), ready: Box::new(ready) }
}

fn log(scene: &Scene) -> PathBuf {
    scene.run.dir().join("assay.log")
}

fn fetch_ca(resolve: &str, data: &Path, to: &Path) -> Result<()> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--insecure", "--resolve", resolve, &format!("{}/ca", site::URL)]);
    let served = command::run(&mut curl)?;
    // The other way, by which a person would check it before trusting it.
    ensure!(
        served == fs::read_to_string(data.join("keys/ca.pem"))?,
        "/ca serves another authority than the folder has"
    );
    Ok(fs::write(to, served)?)
}

fn hosts_file(scene: &Scene) -> PathBuf {
    scene.run.dir().join("hosts")
}

fn write_hosts(scene: &Scene) -> Result<()> {
    let mut hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    hosts.push('\n');
    for (name, address) in scene.hosts() {
        hosts.push_str(&format!("{address} {name}\n"));
    }
    Ok(fs::write(hosts_file(scene), hosts)?)
}
