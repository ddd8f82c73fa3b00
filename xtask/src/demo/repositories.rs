//! Act 4: where builds arrive, where releases are found, who may write there, and what decides between the two.

use anyhow::{Result, ensure};

use super::server::Server;
use super::site;
use crate::stage::Steps;

/// All vulnerabilities, of whatever severity, at most zero.
const CLEAN: &str = "vulnerability_all lte 0";

/// Creates repositories, grants and the two promotion policies.
///
/// # Errors
/// A step does not hold.
pub fn create(steps: &mut Steps, server: &Server) -> Result<()> {
    let admin = &server.admin;
    steps.step("repositories admin/flask_build (immutable, scanned) and admin/flask", || {
        admin.ask(["repository", "create", site::BUILDS, "--immutable", "--scan-on-push"])?;
        admin.ask(["repository", "create", site::RELEASES])
    })?;
    steps.step("team ci/gitlab may write both; the reader may read", || {
        for repository in [site::BUILDS, site::RELEASES] {
            admin.ask(["grant", repository, "read-write", "--team", site::TEAM])?;
        }
        admin.ask(["grant", site::RELEASES, "read-only", "--user", "reader"])
    })?;
    steps.step("two policies with one criterion: keep the tag, and write latest", || {
        for tag in ["%n", "latest"] {
            let create = ["policy", "create", site::BUILDS, site::RELEASES, "--tag", tag, "--rule", CLEAN];
            admin.ask(create)?;
        }
        let policies = admin.ask(["policy", "list", site::BUILDS])?;
        let count = policies.as_array().map_or(0, Vec::len);
        ensure!(count == 2, "there are {count} policies: {policies}");
        Ok(())
    })
}
