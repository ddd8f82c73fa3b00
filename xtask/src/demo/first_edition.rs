//! The first edition's way of signing, beside the later one's: a repository set up with `notary`, and a push with content
//! trust. The image comes by a policy that is saved and applied to what is there already.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use super::accounts;
use super::commits::{Shipped, Way};
use super::pipelines;
use super::projects;
use super::registry;
use super::runners;
use super::server::Server;
use super::site;
use super::trust;
use crate::stage::{Program, Steps};
use crate::wait;

/// Applying a policy decides on every tag that is there.
const APPLIED: Duration = Duration::from_secs(30);

/// Promotes the last release into a repository of the first edition, where its signer signs it.
///
/// # Errors
/// A step does not hold.
pub fn play(steps: &mut Steps, server: &Server, way: &Way, last: &Shipped) -> Result<()> {
    let admin = &server.admin;
    steps.step("repository admin/flask_first, for the first edition's way", || {
        admin.ask(["repository", "create", site::FIRST_EDITION])?;
        admin.ask(["grant", site::FIRST_EDITION, "read-write", "--team", site::TEAM])
    })?;
    trust::first_edition(steps, server, way.people, way.builder, site::FIRST_EDITION)?;
    let runner = steps.step("its signer project, trigger, webhook and runner", || signer_project(server, way))?;
    let steps = &mut steps.beside(&runner);
    let before = pipelines::known(server, site::FIRST_SIGNER)?;
    let latest = format!("{}:latest", site::FIRST_EDITION);
    steps.step("a policy saved and applied promotes what is there already", || {
        let rule = ["--rule", "tag eq latest", "--apply"];
        let [option, text, apply] = rule;
        admin.ask(["policy", "create", site::RELEASES, site::FIRST_EDITION, "--tag", "%n", option, text, apply])?;
        wait::patiently(&format!("{latest} to be {}", last.digest), APPLIED, || {
            Ok(registry::tag(server, &latest)?.filter(|found| found.digest == last.digest))
        })
    })?;
    steps.step("the push with content trust signs it", || {
        for pipeline in pipelines::new_ones(server, site::FIRST_SIGNER, &before, 1)? {
            pipelines::succeeded(server, site::FIRST_SIGNER, pipeline)?;
        }
        trust::signed_by_robot(&way.builder.admin, &way.builder.engine, &latest, &last.digest)
    })
}

fn signer_project(server: &Server, way: &Way) -> Result<Arc<Program>> {
    let admin = &server.admin;
    admin.ask(["project", "create", site::FIRST_SIGNER, "--one-at-a-time"])?;
    projects::set_variables(server, way.people, site::FIRST_SIGNER)?;
    let sign = projects::work_copy(way.scene, server, site::FIRST_SIGNER, "sign_first")?;
    projects::commit_and_push(&sign, way.people, "Sign what is promoted, by a push with content trust")?;
    let trigger = admin.ask(["trigger", "create", site::FIRST_SIGNER, "--description", "image promoted"])?;
    let number = projects::number(server, site::FIRST_SIGNER)?;
    let address = projects::trigger_address(number, &accounts::text(&trigger, "token")?);
    admin.ask_with(["webhook", "create", "--type", "PROMOTION", "--key", site::RELEASES, "-"], &address)?;
    runners::start(way.scene, server, way.builder, site::FIRST_SIGNER, &runners::signer_volumes(way.people, way.signer))
}
