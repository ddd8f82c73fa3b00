//! Act 6: the projects of code and signer, their variables, the trigger, and the webhook that calls it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::accounts::{self, People};
use super::client;
use super::scene::{self, Scene};
use super::server::Server;
use super::site;
use crate::command;
use crate::stage::Steps;

/// A work copy of a project, as its author has it.
pub struct WorkCopy {
    pub folder: PathBuf,
    project: String,
    /// Hands git the password, so that it stands in no argument and no file.
    ask_pass: PathBuf,
    resolve: String,
    ca: PathBuf,
}

/// Creates the projects with everything around them.
///
/// # Errors
/// A step does not hold.
pub fn create(steps: &mut Steps, scene: &Scene, server: &Server, people: &People) -> Result<()> {
    let admin = &server.admin;
    steps.step("projects admin/flask (code) and admin/sign (signer, one pipeline at a time)", || {
        admin.ask(["project", "create", site::CODE])?;
        admin.ask(["project", "create", site::SIGNER, "--one-at-a-time"])
    })?;
    steps.step("their variables, the secrets masked", || {
        set_variables(server, people, site::CODE)?;
        set_variables(server, people, site::SIGNER)
    })?;
    let number = number(server, site::SIGNER)?;
    steps.step("a trigger of admin/sign, and a webhook that calls it when an image is promoted", || {
        let trigger = admin.ask(["trigger", "create", site::SIGNER, "--description", "image promoted"])?;
        let address = trigger_address(number, &accounts::text(&trigger, "token")?);
        let create = ["webhook", "create", "--type", "PROMOTION", "--key", site::BUILDS, "-"];
        admin.ask_with(create, &address)
    })?;
    let sign = work_copy(scene, server, site::SIGNER, "sign")?;
    steps.step("git push of the signer project", || {
        commit_and_push(&sign, people, "Sign and deploy what is promoted")
    })?;
    Ok(())
}

/// The three variables of the reference architecture, and the passphrase of the signer's key.
///
/// # Errors
/// The server refuses one.
pub fn set_variables(server: &Server, people: &People, project: &str) -> Result<()> {
    let set = |key: &str, value: &str| server.admin.ask_with(["variable", "set", project, key], value).map(drop);
    let set_masked =
        |key: &str, value: &str| server.admin.ask_with(["variable", "set", project, key, "--masked"], value).map(drop);
    set("DTR_USERNAME", &people.robot.name)?;
    set("DTR_SERVER", site::REGISTRY)?;
    set_masked("DTR_PASSWORD", &people.robot.token)?;
    if project != site::CODE {
        set_masked("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", client::passphrase())?;
    }
    Ok(())
}

/// A project's number, as it stands in a trigger's address.
///
/// # Errors
/// There is no such project.
pub fn number(server: &Server, project: &str) -> Result<i64> {
    let shown = server.admin.ask(["project", "show", project])?;
    shown["id"].as_i64().with_context(|| format!("no id in {shown}"))
}

/// As the reference architecture writes it, all in the query.
pub fn trigger_address(project: i64, token: &str) -> String {
    format!("{}/api/v4/projects/{project}/trigger/pipeline?token={token}&ref={}", site::URL, site::BRANCH)
}

/// A new work copy with the files of one of the repository's demo projects.
///
/// # Errors
/// The folder cannot be made.
pub fn work_copy(scene: &Scene, server: &Server, project: &str, files: &str) -> Result<WorkCopy> {
    let folder = scene.run.folder(&format!("work/{}", project.replace('/', "-")))?;
    scene::copy_folder(&scene.project(files), &folder)?;
    let ask_pass = scene.run.dir().join("ask-pass.sh");
    fs::write(&ask_pass, "#!/bin/sh\nprintf '%s\\n' \"$STORY_PASSWORD\"\n")?;
    command::run(Command::new("chmod").arg("755").arg(&ask_pass))?;
    let resolve = site::resolve(scene.server());
    let copy = WorkCopy { folder, project: project.to_owned(), ask_pass, resolve, ca: server.ca.clone() };
    command::run(copy.git("").args(["init", "--quiet", "--initial-branch", site::BRANCH]))?;
    Ok(copy)
}

/// Commits everything and pushes it; gives the commit.
///
/// # Errors
/// git or the server refuses.
pub fn commit_and_push(copy: &WorkCopy, people: &People, message: &str) -> Result<String> {
    command::run(copy.git("").args(["add", "--all"]))?;
    command::run(copy.git("").args(["commit", "--quiet", "--message", message]))?;
    command::run(&mut copy.push("admin", &people.admin_token))?;
    copy.head()
}

impl WorkCopy {
    /// `git push` as somebody.
    pub fn push(&self, username: &str, password: &str) -> Command {
        let mut git = self.git(password);
        let address = format!("https://{username}@{}/{}.git", site::REGISTRY, self.project);
        git.args(["push", "--quiet", &address, &format!("HEAD:{}", site::BRANCH)]);
        git
    }

    /// The commit the copy stands on.
    ///
    /// # Errors
    /// There is none yet.
    pub fn head(&self) -> Result<String> {
        Ok(command::run(self.git("").args(["rev-parse", "HEAD"]))?.trim().to_owned())
    }

    fn git(&self, password: &str) -> Command {
        let mut git = Command::new("git");
        git.current_dir(&self.folder);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        git.env("GIT_ASKPASS", &self.ask_pass).env("STORY_PASSWORD", password);
        git.args(["-c", "user.name=Author", "-c", "user.email=author@example.test"]);
        // The variable wins over the configuration, and some machines set it.
        git.env("GIT_SSL_CAINFO", &self.ca);
        git.arg("-c").arg(format!("http.curloptResolve={}", self.resolve));
        git
    }
}
