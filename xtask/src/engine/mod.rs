//! A real Docker engine in mount, network, pid and uts namespaces of its own.
//!
//! ```text
//! host                                   │ namespaces of the engine
//!   xtask ── setpriv ── unshare ─────────┼─► tini (pid 1: kill -9 it and all is gone)
//!         └─ setpriv ── nsenter ─────────┼─► dockerd ── containerd ── containers
//!   DIR/docker.sock ◄────────────────────┼── unix socket (the file system is shared)
//!   DIR/plugins/NAME.sock ───────────────┼─► /run/docker/plugins/NAME.sock
//!   DIR/hosts, DIR/etc ──────────────────┼─► /etc/hosts, /etc/docker (certs.d, daemon.json)
//!   device as<run> 10.199.N.1 ── switch ─┼── eth0 10.199.N.x
//! ```
//!
//! Private are `/run`, `/etc/docker`, `/etc/hosts`, the host name, the firewall and every mount. Shared are the file
//! system (so a bind mount of a host path into a container works as usual) and the control group hierarchies, where
//! the engine keeps to one folder of its own ([`crate::cgroup`]).

mod daemon;
mod software;
mod switch;

use std::ffi::OsStr;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

pub use software::Software;
pub use switch::Switch;

use crate::stage::{Cleanup, Process, Run, Ticket, signal};
use crate::{cgroup, command, wait};

/// An engine is ready in half a second on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// `sun_path` of unix(7), less its final zero.
const SOCKET_PATH_BYTES: usize = 107;

/// What an engine is to be.
pub struct EngineConfig {
    /// Its host name and folder: 1 to 12 of `a-z`, unique in the run.
    pub name: String,
    /// Which engine it is.
    pub software: Software,
    /// Its address, from [`Switch::next_address`]; asked first, because its certificate names it.
    pub address: Ipv4Addr,
    /// Names its `/etc/hosts` has beyond the machine's.
    pub hosts: Vec<(String, Ipv4Addr)>,
    /// Registries with their certificate authority: `HOST:PORT` and the PEM text.
    pub registries: Vec<(String, String)>,
    /// Listen on TCP too, for clients with a certificate.
    pub tls: Option<EngineTls>,
    /// Ask this plugin about every request; it listens already in [`Engine::plugins`].
    pub authorization_plugin: Option<String>,
}

/// The files of mutual TLS (`--tlsverify`).
pub struct EngineTls {
    /// Who signed the clients' certificates.
    pub ca: PathBuf,
    /// The engine's certificate, naming its address.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// TCP port on the engine's address.
    pub port: u16,
}

/// A running engine.
pub struct Engine {
    config: EngineConfig,
    dir: PathBuf,
    first_pid: u32,
    daemon: Option<Process>,
    cleanup: Cleanup,
    /// In the order of undoing.
    tickets: Vec<Ticket>,
}

impl Engine {
    /// Starts an engine and waits until it listens.
    ///
    /// # Errors
    /// Something about the machine is missing; the error carries what the failing program said.
    pub fn start(cleanup: &Cleanup, run: &Run, switch: &Switch, config: EngineConfig) -> Result<Engine> {
        let sound = (1..=12).contains(&config.name.len()) && config.name.bytes().all(|byte| byte.is_ascii_lowercase());
        ensure!(sound, "an engine's name is 1 to 12 of a-z, not {:?}", config.name);
        let dir = run.folder(&config.name)?;
        let socket = dir.join("docker.sock");
        let length = socket.as_os_str().len();
        ensure!(
            length <= SOCKET_PATH_BYTES && !dir.starts_with("/run"),
            "{} cannot hold an engine: its socket's path has {length} bytes (at most {SOCKET_PATH_BYTES}), and it must \
             not be below /run",
            dir.display()
        );
        let group = format!("{}{}", cgroup::run_prefix(run.id()), config.name);
        daemon::write_files(&dir, &group, &config)?;

        let rest = cleanup.add(format!("what engine {} leaves", config.name), {
            let data = dir.join("data");
            move || remove_rest(&group, &data)
        });
        let (holder, first_pid) = make_namespaces(cleanup, &config.name, &dir)?;
        let holder = cleanup.add(format!("the namespaces of engine {}", config.name), move || {
            // Killed by its own end is as good as killed by us.
            let _gone_already = signal(first_pid, Signal::KILL);
            holder.end(Duration::from_secs(10)).map(drop)?;
            holder.kill()
        });
        switch.attach(first_pid, config.address)?;
        let cleanup = cleanup.clone();
        let mut engine = Engine { config, dir, first_pid, daemon: None, cleanup, tickets: vec![holder, rest] };
        engine.start_daemon()?;
        Ok(engine)
    }

    /// Its unix socket, reachable from outside the namespaces and, by bind mount, from its containers.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("docker.sock")
    }

    /// Its address, reachable from the host and from the other engines and their containers.
    pub fn address(&self) -> Ipv4Addr {
        self.config.address
    }

    /// The folder where the authorization plugin of the engine to be called `name` listens as `NAME.sock`. It has to
    /// listen before [`Engine::start`]: the daemon looks for it first thing, and ends when it does not find it.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn plugins(run: &Run, name: &str) -> Result<PathBuf> {
        run.folder(&format!("{name}/plugins"))
    }

    /// The daemon's log.
    pub fn log(&self) -> PathBuf {
        self.dir.join("dockerd.log")
    }

    /// What it keeps.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// HOME of [`Engine::docker`]: `.docker/config.json`, `.docker/tls/HOST:PORT/ca.crt`, `.docker/trust`.
    pub fn home(&self) -> PathBuf {
        self.dir.join("home")
    }

    /// The first process of its namespaces, as the host numbers it: `kill -9` it and the engine is gone.
    pub fn first_pid(&self) -> u32 {
        self.first_pid
    }

    /// Its client on the host, talking to this engine, with a home of its own.
    pub fn docker<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = Command::new(&self.config.software.client);
        command.args(arguments);
        self.dress(&mut command);
        command
    }

    /// The same client inside the engine's namespaces, where the private `/etc/hosts` and `/etc/docker/certs.d` hold:
    /// for commands in which the client itself speaks to the registry or the trust server.
    pub fn docker_inside<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Command {
        let mut command = self.inside(&self.config.software.client);
        command.args(arguments);
        command
    }

    /// Any program inside the engine's namespaces.
    pub fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = enter(self.first_pid);
        command.arg(program);
        self.dress(&mut command);
        command
    }

    /// Stops the daemon as an operator would and starts it again; namespaces, images and address stay.
    ///
    /// # Errors
    /// It does not stop, or does not start.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(daemon) = self.daemon.take() {
            // nsenter waits for dockerd but passes no signal on, so dockerd itself is asked.
            for child in children(daemon.pid())? {
                signal(child, Signal::TERM)?;
            }
            daemon.end(START_LIMIT)?;
            daemon.kill()?;
        }
        self.start_daemon()
    }

    /// Ends everything at once: kills the first process, then removes control groups and data. Logs stay.
    ///
    /// # Errors
    /// Something would not go.
    pub fn down(mut self) -> Result<()> {
        for ticket in std::mem::take(&mut self.tickets) {
            self.cleanup.undo(ticket)?;
        }
        self.daemon.take().map_or(Ok(()), |daemon| daemon.kill())
    }

    fn start_daemon(&mut self) -> Result<()> {
        let mut command = enter(self.first_pid);
        // `container` makes the engine leave AppArmor alone: it would load a profile that outlives it.
        command.arg("env").arg("container=assay").arg(&self.config.software.daemon);
        command.env("PATH", self.config.software.path()?);
        let daemon = Process::spawn(&self.cleanup, &format!("engine {}", self.config.name), &command, &self.log())?;
        // The log, not a request: an authorization plugin may refuse any request, and would see one it does not expect.
        let listeners = 1 + usize::from(self.config.tls.is_some());
        daemon.ready("listening", START_LIMIT, || Ok(daemon.said().matches("API listen on").count() >= listeners))?;
        if self.config.authorization_plugin.is_none() {
            command::run(&mut self.docker(["version"]))?;
        }
        self.daemon = Some(daemon);
        Ok(())
    }

    fn dress(&self, command: &mut Command) {
        for name in ["DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT", "DOCKER_CONTENT_TRUST"] {
            command.env_remove(name);
        }
        command.env("HOME", self.home()).env("DOCKER_CONFIG", self.home().join(".docker"));
        command.env("DOCKER_HOST", format!("unix://{}", self.socket().display()));
    }
}

fn make_namespaces(cleanup: &Cleanup, name: &str, dir: &Path) -> Result<(Process, u32)> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--net", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"]);
    unshare.args(["--propagation", "private", "sh", "-c", include_str!("inside.sh")]);
    unshare.env("DIR", dir).env("NAME", name);
    let holder = Process::spawn(cleanup, &format!("the namespaces of {name}"), &unshare, &dir.join("namespaces.log"))?;
    holder.ready("private mounts", START_LIMIT, || Ok(dir.join("ready").exists()))?;
    let Some(&first) = children(holder.pid())?.first() else { bail!("the namespaces of {name} have no process") };
    Ok((holder, first))
}

fn remove_rest(group: &str, data: &Path) -> Result<()> {
    cgroup::remove_starting_with(group)?;
    // The engine's mounts go with the last process of its mount namespace, which may take a moment.
    wait::until("the engine's data to be free", Duration::from_secs(10), || {
        Ok((!data.exists() || fs::remove_dir_all(data).is_ok()).then_some(()))
    })
}

/// A command line that goes on in the namespaces of a process.
fn enter(first_pid: u32) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["--target", &first_pid.to_string(), "--mount", "--net", "--pid", "--uts", "--"]);
    command
}

/// Children of a process with one thread, from proc(5).
fn children(pid: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    text.split_whitespace().map(|word| word.parse().context("not a process id")).collect()
}
