//! Act 6: the projects of code and signer, their variables, the trigger, the webhook that calls it, and the runner.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::accounts::{self, People};
use super::client::{self, Client};
use super::scene::{self, Scene};
use super::server::Server;
use super::site;
use super::sources::Builder;
use crate::command;
use crate::stage::{Process, Steps};

/// A work copy of a project, as its author has it.
pub struct WorkCopy {
    pub folder: PathBuf,
    project: String,
    /// Hands git the password, so that it stands in no argument and no file.
    ask_pass: PathBuf,
    resolve: String,
    ca: PathBuf,
}

/// Creates the projects with everything around them, and starts the runner.
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
    let project = admin.ask(["project", "show", site::SIGNER])?;
    steps.step("a trigger of admin/sign, and a webhook that calls it when an image is promoted", || {
        let number = project["id"].as_i64().with_context(|| format!("no id in {project}"))?;
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

/// As the reference architecture writes it, all in the query.
pub fn trigger_address(project: i64, token: &str) -> String {
    format!("{}/api/v4/projects/{project}/trigger/pipeline?token={token}&ref={}", site::URL, site::BRANCH)
}

/// Starts `assay runner` for the build engine.
///
/// # Errors
/// It does not start.
pub fn start_runner(
    steps: &mut Steps,
    scene: &Scene,
    server: &Server,
    people: &People,
    builder: &Builder,
    signer: &Client,
) -> Result<()> {
    let log = scene.run.dir().join("runner.log");
    steps.step("start `assay runner` on the build engine", || {
        let body = json!({"runner_type": "instance_type", "run_untagged": true, "description": "the story's runner"});
        let made = server.admin.post("/api/v4/user/runners", &body)?;
        let config = scene.run.dir().join("runner.toml");
        fs::write(&config, runner_config(scene, server, people, builder, signer, &accounts::text(&made, "token")?)?)?;
        let mut command = Command::new(scene.binary);
        command.arg("runner").arg("--config").arg(&config);
        let runner = Process::spawn(scene.cleanup, "assay runner", &command, &log)?;
        // Alive after a first look at the engine and the server is all that can be seen from outside.
        runner.ready("a first request", Duration::from_secs(20), || runner_is_online(server))
    })?;
    steps.watch("assay runner", &log);
    Ok(())
}

fn runner_is_online(server: &Server) -> Result<bool> {
    let runners = server.admin.get("/api/v4/runners/all")?;
    Ok(runners.as_array().into_iter().flatten().any(|runner| runner["online"] == true || runner["status"] == "online"))
}

/// TOML writes a text as JSON does.
fn runner_config(
    scene: &Scene,
    server: &Server,
    people: &People,
    builder: &Builder,
    signer: &Client,
    token: &str,
) -> Result<String> {
    let socket = builder.engine.socket();
    let work = scene.run.folder("runner")?;
    let text = |path: &Path| json!(path.to_string_lossy());
    let hosts: Vec<String> = scene.hosts().into_iter().map(|(name, address)| format!("{name}:{address}")).collect();
    // As in the reference architecture each job gets the engine's socket and /root/.docker. Whoever can change a job
    // can therefore use the signer's key: what a real installation does better is in docs/.
    let volumes = [
        format!("{}:/var/run/docker.sock", socket.display()),
        format!("{}:/root/.docker", signer.folder().display()),
        format!("{}:/root/bundle:ro", people.robot.bundle.display()),
    ];
    let place = format!("{}:{}", site::HOST, site::PORT);
    Ok(format!(
        "server_url = {}\ntoken = {}\nname = \"the story's runner\"\ndocker_socket = {}\nwork_dir = {}\nca_pem = {}\n\
         extra_hosts = {}\nvolumes = {}\nresolve = {}\nconcurrency = 2\ncheck_interval_ms = 200\n",
        json!(site::URL),
        json!(token),
        text(&socket),
        text(&work),
        json!(fs::read_to_string(&server.ca)?),
        json!(hosts),
        json!(volumes),
        json!([[place, scene.server()]]),
    ))
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
        git.arg("-c").arg(format!("http.sslCAInfo={}", self.ca.display()));
        git.arg("-c").arg(format!("http.curloptResolve={}", self.resolve));
        git
    }
}
