//! What the harness needs from Debian, installed without letting any service start.
//!
//! A service's start is asked from `/usr/sbin/policy-rc.d` by both `invoke-rc.d` and `deb-systemd-invoke`; while
//! packages are installed, ours denies. One that is there already is set aside and put back:
//!
//! ```text
//! policy-rc.d                 absent, or the machine's own        before and after
//! policy-rc.d                 ours, exit 101                      while apt-get runs
//! policy-rc.d.before-assay    the machine's own, set aside        while apt-get runs
//! ```

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command;
use crate::stage::Cleanup;

/// Debian's names of what is needed, with a program each to tell what it is for.
const NEEDED: [(&str, &str); 13] = [
    ("docker.io", "engine and client 20.10, the last that sign on push"),
    ("tini", "first process of an engine's namespaces"),
    ("iptables", "the engine's networks"),
    ("iproute2", "network devices between the namespaces"),
    ("util-linux", "unshare, nsenter, setpriv"),
    ("mmdebstrap", "root file systems of the images"),
    ("git", "the story's commits"),
    ("ca-certificates", "trust anchors of the clients"),
    ("openssl", "certificates of the harness's own check"),
    ("notary", "signing as the first edition does it"),
    ("skopeo", "a registry client that is not Docker's"),
    ("curl", "webhooks and APIs as a script calls them"),
    ("sqlite3", "a vandal with access to the database"),
];

/// What the tests need beside it. The demo does without: a browser is 130 MB to fetch.
const TESTED: [(&str, &str); 6] = [
    ("chromium", "the pages as a person meets them"),
    ("chromium-driver", "drives that browser"),
    ("podman", "pushes and pulls as those who left Docker do"),
    ("buildah", "builds and pushes without an engine"),
    ("slapd", "the directory that people sign in with"),
    ("ldap-utils", "changes what is in it"),
];

/// What is measured against.
const PEERS: [(&str, &str); 1] = [("docker-registry", "the registry that everybody knows")];

/// What writes images that are scanned.
const SCANNED: [(&str, &str); 2] =
    [("docker-registry", "the registry that everybody knows"), ("apache2-utils", "passwords for it")];

/// Compilers and archivers that the corpora of `bench identify` are made with.
const BUILDERS: [(&str, &str); 6] = [
    ("gcc", "programs whose parts are known"),
    ("g++", "the same in C++"),
    ("clang", "the same by another compiler"),
    ("gcc-mingw-w64-x86-64", "the same for Windows"),
    ("g++-mingw-w64-x86-64", "the same in C++"),
    ("unzip", "wheels"),
];

const POLICY: &str = "/usr/sbin/policy-rc.d";
const SET_ASIDE: &str = "/usr/sbin/policy-rc.d.before-assay";
const DENY_ALL: &str = "#!/bin/sh\n# made by cargo xtask while it installs packages; may be removed\nexit 101\n";
/// Services of docker.io that Debian enables for the next boot; the harness starts its own engines.
const SERVICES: [&str; 3] = ["docker.service", "docker.socket", "containerd.service"];

/// Installs what is missing and says in one line what it did.
///
/// # Errors
/// Not root, not Debian, another vendor's engine in the way, or apt-get failed.
pub fn ensure(cleanup: &Cleanup) -> Result<String> {
    install(cleanup, &NEEDED)
}

/// The same with what only the tests need.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_for_tests(cleanup: &Cleanup) -> Result<String> {
    install(cleanup, &[&NEEDED[..], &TESTED].concat())
}

/// The peers of the benchmarks.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_peers(cleanup: &Cleanup) -> Result<String> {
    install(cleanup, &PEERS)
}

/// What makes and keeps the images that `interop scan` looks at.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_scanned(cleanup: &Cleanup) -> Result<String> {
    install(cleanup, &[&NEEDED[..], &TESTED, &SCANNED].concat())
}

/// What corpora for identification are made with.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_builders(cleanup: &Cleanup) -> Result<String> {
    install(cleanup, &BUILDERS)
}

fn install(cleanup: &Cleanup, needed: &[(&'static str, &str)]) -> Result<String> {
    let missing = missing(needed)?;
    if !rustix::process::geteuid().is_root() {
        let install = if missing.is_empty() {
            String::new()
        } else {
            format!("; missing are also packages: apt-get install --no-install-recommends {}", missing.join(" "))
        };
        bail!("engines need root (namespaces, mounts, network devices): run this as root{install}");
    }
    if missing.is_empty() {
        return Ok("everything is installed".to_owned());
    }
    refuse_other_engine(&missing)?;
    // One installer at a time; the lock goes with the process.
    let lock = File::open("/run/lock").context("cannot open /run/lock")?;
    lock.lock().context("cannot lock /run/lock")?;
    let policy = deny_services(cleanup)?;
    command::run(apt_get().args(["update", "-q"]))?;
    command::run(apt_get().args(["install", "-y", "-q", "--no-install-recommends"]).args(&missing))?;
    cleanup.undo(policy)?;
    if missing.contains(&"docker.io") && Path::new("/usr/bin/systemctl").exists() {
        command::run(Command::new("systemctl").arg("disable").arg("--quiet").args(SERVICES))?;
    }
    Ok(format!("installed {}", missing.join(" ")))
}

/// An `apt-get` that asks nothing, restarts nothing and waits for its turn.
pub fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=300"]).env("DEBIAN_FRONTEND", "noninteractive");
    command.env("NEEDRESTART_SUSPEND", "1");
    command
}

fn missing(needed: &[(&'static str, &str)]) -> Result<Vec<&'static str>> {
    let names = needed.iter().map(|(name, _)| *name);
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${Package} ${db:Status-Status}\\n"]).args(names.clone());
    // It ends with 1 when it does not know one of them, and still lists the others.
    let Ok(output) = command::output(&mut query) else {
        let needs: Vec<String> = needed.iter().map(|(name, why)| format!("{name} ({why})")).collect();
        bail!("this machine has no dpkg; the harness knows Debian only and needs: {}", needs.join(", "));
    };
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let installed: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    Ok(names.filter(|name| !installed.contains(name)).collect())
}

/// Installing docker.io would make apt remove another vendor's engine; that is not ours to decide.
fn refuse_other_engine(missing: &[&str]) -> Result<()> {
    let other = ["/usr/bin/dockerd", "/usr/sbin/dockerd"].into_iter().find(|path| Path::new(path).exists());
    match other {
        Some(path) if missing.contains(&"docker.io") => bail!(
            "{path} belongs to another package than Debian's docker.io, whose engine and client 20.10 the harness needs; \
             remove that package first, or use another machine"
        ),
        _ => Ok(()),
    }
}

fn deny_services(cleanup: &Cleanup) -> Result<crate::stage::Ticket> {
    // A killed run may have left ours; then the machine's own is the one set aside, if there is one.
    let left_behind = fs::read_to_string(POLICY).is_ok_and(|text| text == DENY_ALL);
    if left_behind {
        restore_services()?;
    }
    if Path::new(POLICY).exists() {
        fs::rename(POLICY, SET_ASIDE).with_context(|| format!("cannot set {POLICY} aside"))?;
    }
    let ticket = cleanup.add(POLICY, restore_services);
    fs::write(POLICY, DENY_ALL).with_context(|| format!("cannot write {POLICY}"))?;
    fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
    Ok(ticket)
}

fn restore_services() -> Result<()> {
    if Path::new(SET_ASIDE).exists() {
        return fs::rename(SET_ASIDE, POLICY).with_context(|| format!("cannot put {POLICY} back"));
    }
    if Path::new(POLICY).exists() {
        fs::remove_file(POLICY).with_context(|| format!("cannot remove {POLICY}"))?;
    }
    Ok(())
}
