//! Act 2: an organization, a team, a robot in it with a client bundle and an access token, and somebody who may only read.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::assay::Assay;
use super::scene::Scene;
use super::server::Server;
use super::site;
use crate::stage::Steps;

/// What the story knows of an account.
pub struct Account {
    pub name: String,
    /// Stands where a password would.
    pub token: String,
    /// `ca.pem`, `cert.pem`, `key.pem`, `env.sh`.
    pub bundle: PathBuf,
}

/// Everybody but the administrator.
pub struct People {
    /// Member of the team: what CI is signed in as.
    pub robot: Account,
    /// May read `admin/flask`, and is in no team.
    pub reader: Account,
    /// Administrator's own token, for git and docker.
    pub admin_token: String,
}

/// Creates them all.
///
/// # Errors
/// A step does not hold.
pub fn create(steps: &mut Steps, scene: &Scene, server: &Server) -> Result<People> {
    let admin = &server.admin;
    steps.step("organization ci with the team gitlab", || {
        admin.ask(["account", "create", "ci", "--organization"])?;
        admin.ask(["team", "create", site::TEAM])
    })?;
    let robot = steps.step("its member gitlab, with an access token and a client bundle", || {
        let robot = account(scene, admin, site::ROBOT)?;
        admin.ask(["member", "add", "ci", site::ROBOT])?;
        admin.ask(["team", "add", site::TEAM, site::ROBOT])?;
        let members = admin.ask(["team", "members", site::TEAM])?;
        ensure!(members["members"][0]["member"]["name"] == site::ROBOT, "the team's members are {members}");
        Ok(robot)
    })?;
    let reader = steps.step("a user who will only read", || account(scene, admin, "reader"))?;
    let admin_token = token(admin, "admin", "the story")?;
    Ok(People { robot, reader, admin_token })
}

/// The JSON of an answer that must hold a text.
///
/// # Errors
/// It does not.
pub fn text(answer: &Value, name: &str) -> Result<String> {
    answer[name].as_str().map(str::to_owned).with_context(|| format!("no {name:?} in {answer}"))
}

fn account(scene: &Scene, admin: &Assay, name: &str) -> Result<Account> {
    admin.ask(["account", "create", name])?;
    let bundle = scene.run.dir().join("bundles").join(name);
    let folder = bundle.to_string_lossy().into_owned();
    admin.ask(["bundle", "create", name, "--folder", &folder, "--label", "the story"])?;
    check_bundle(&bundle)?;
    Ok(Account { name: name.to_owned(), token: token(admin, name, "docker and git")?, bundle })
}

fn token(admin: &Assay, name: &str, label: &str) -> Result<String> {
    text(&admin.ask(["token", "create", "--account", name, "--label", label])?, "token")
}

fn check_bundle(bundle: &Path) -> Result<()> {
    for file in ["ca.pem", "cert.pem", "key.pem", "env.sh"] {
        ensure!(bundle.join(file).is_file(), "the bundle has no {file}");
    }
    // The docker client refuses a key that others can read.
    let mode = fs::metadata(bundle.join("key.pem"))?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "key.pem of the bundle has mode {mode:o}");
    let script = fs::read_to_string(bundle.join("env.sh"))?;
    ensure!(script.contains(site::PRODUCTION_URL), "env.sh does not name the production engine: {script}");
    Ok(())
}
