//! Signing in with an identity provider that others made: `oidc-provider` of npm, which is certified by the OpenID Foundation.
//!
//! ```text
//! curl with a jar ──► assay /sign-in/oidc ──► provider: login, consent ──► assay /sign-in/oidc/callback ──► a page, signed in
//! ```

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::server::Server;
use crate::stage::{Process, Run, Steps, with_cleanup};
use crate::{command, demo};

const PROVIDER: &str = "oidc-provider@9.13.3";
const START: Duration = Duration::from_secs(30);

/// # Errors
/// There is no npm, or the sign-in does not work with it.
pub fn run(folder: &Path) -> Result<()> {
    let mut steps = Steps::new();
    with_cleanup(false, |cleanup| {
        let home = folder.join("tools/oidc-provider");
        steps.step(PROVIDER, || {
            fs::create_dir_all(&home)?;
            let mut install = Command::new("npm");
            install.current_dir(&home).args(["install", "--no-audit", "--no-fund", "--ignore-scripts", PROVIDER]);
            command::run(&mut install).context("npm has to be on the PATH")?;
            Ok(fs::write(home.join("provider.mjs"), include_str!("provider.mjs"))?)
        })?;
        let binary = steps.step("compile assay", demo::compile)?;
        let run = Run::open(&folder.join("runs"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        // With what has to be encoded in a header.
        let secret = format!("{}: %", demo::secret()?);
        fs::write(run.dir().join("secret"), &secret)?;
        let config = run.dir().join("assay.toml");
        fs::write(&config, configuration(port, &run.dir().join("secret")))?;
        let config = config.to_str().context("the folder has a name in UTF-8")?;
        let server = steps.step("start assay serve", || {
            Server::start(cleanup, &run, &binary, Ipv4Addr::LOCALHOST, &["--config", config])
        })?;
        steps.watch("assay serve", &server.log);
        steps.step("start the provider", || {
            let redirect = format!("https://{}/sign-in/oidc/callback", server.authority);
            let mut node = Command::new("node");
            node.current_dir(&home).args(["provider.mjs", &port.to_string(), &redirect, &secret]);
            let process = Process::spawn(cleanup, "provider", &node, &run.dir().join("provider.log"))?;
            process.ready("its address", START, || Ok(process.said().contains("the provider listens")))
        })?;
        sign_in(&mut steps, &run, &server)?;
        cleanup.finish();
        run.remove()
    })?;
    println!("{}", steps.summary());
    Ok(())
}

fn configuration(port: u16, secret: &Path) -> String {
    format!(
        "[oidc]\nissuer = \"http://127.0.0.1:{port}\"\nclient_id = \"assay\"\nclient_secret_file = \"{}\"\n\
         [[oidc.groups]]\ngroup = \"release\"\nteam = \"ops/release\"\n\
         [[oidc.groups]]\ngroup = \"administrators\"\nadministrator = true\n",
        secret.display()
    )
}

fn sign_in(steps: &mut Steps, run: &Run, server: &Server) -> Result<()> {
    steps.step("people come with what their groups make them", || {
        server.ask("POST", "/enzi/v0/accounts", Some(&json!({"name": "ops", "isOrg": true})))?;
        server.ask("POST", "/enzi/v0/accounts/ops/teams", Some(&json!({"name": "release"})))?;
        for (name, admin) in [("anna", false), ("rob", true), ("anna", false)] {
            let (at, page) = through(run, server, name)?;
            ensure!(at.ends_with("/repositories 200") && page.contains(name), "{name} came to {at}");
            let account = server.ask("GET", &format!("/enzi/v0/accounts/{name}"), None)?;
            ensure!(account["isImported"] == true && account["isAdmin"] == admin, "{account}");
        }
        let team = server.ask("GET", "/enzi/v0/accounts/ops/teams/release/members", None)?;
        let members = team["members"].as_array().context("a list")?;
        ensure!(members.len() == 1 && members[0]["member"]["name"] == "anna", "{team}");
        Ok(())
    })?;
    steps.step("a name there is no claim to an account here", || {
        let (at, page) = through(run, server, "admin")?;
        ensure!(at.ends_with(" 409") && page.contains("is taken by an account that is not theirs"), "{at}: {page}");
        Ok(())
    })
}

/// What a person does: where they come out, and the page there.
fn through(run: &Run, server: &Server, name: &str) -> Result<(String, String)> {
    let jar = run.dir().join(format!("jar-{name}"));
    let visit = |url: &str, form: &[String]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--location", "--cacert"]).arg(server.ca());
        curl.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        curl.args(["--header", "Accept: text/html", "--write-out", "\n%{url_effective} %{http_code}"]);
        for field in form {
            curl.args(["--data", field]);
        }
        let said = command::run(curl.arg(url))?;
        let (page, at) = said.trim_end().rsplit_once('\n').context("where it ended")?;
        anyhow::Ok((at.to_owned(), page.to_owned()))
    };
    let (mut at, mut page) = visit(&format!("https://{}/sign-in/oidc?to=/repositories", server.authority), &[])?;
    // Its login and its consent, unless it remembers both.
    for _ in 0..2 {
        let Some(prompt) = between(&page, "name=\"prompt\" value=\"", "\"") else { break };
        let action = between(&page, "action=\"", "\"").context("a form goes somewhere")?;
        let form = [format!("prompt={prompt}"), format!("login={name}"), "password=x".to_owned()];
        (at, page) = visit(action, &form)?;
    }
    Ok((at, page))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}
