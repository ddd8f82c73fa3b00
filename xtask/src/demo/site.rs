//! Under which names the story's servers and things go.

use std::net::Ipv4Addr;

/// The installation.
pub const HOST: &str = "assay.test";
pub const PORT: u16 = 8443;
/// As it stands in front of images.
pub const REGISTRY: &str = "assay.test:8443";
pub const URL: &str = "https://assay.test:8443";

/// The engine that runs what was signed; also its host name.
pub const PRODUCTION: &str = "production";
pub const PRODUCTION_URL: &str = "tcp://production:2376";
pub const ENGINE_PORT: u16 = 2376;

/// The team whose signature is asked for, and the robot in it.
pub const TEAM: &str = "ci/gitlab";
pub const ROBOT: &str = "gitlab";

/// Known good sources.
pub const BASE: &str = "sources/python:3-flask";
pub const JOB: &str = "sources/docker:cli";

/// Where builds arrive, and where what passed is found.
pub const BUILDS: &str = "admin/flask_build";
pub const RELEASES: &str = "admin/flask";
/// Signed in the first edition's way.
pub const FIRST_EDITION: &str = "admin/flask_first";

/// Projects.
pub const CODE: &str = "admin/flask";
pub const SIGNER: &str = "admin/sign";
pub const FIRST_SIGNER: &str = "admin/sign_first";

/// The branch everything happens on.
pub const BRANCH: &str = "main";

/// A reference into the installation's registry.
pub fn image(rest: &str) -> String {
    format!("{REGISTRY}/{rest}")
}

/// What clients of the host need, where no resolver knows the name: `HOST:PORT:ADDRESS`.
pub fn resolve(address: Ipv4Addr) -> String {
    format!("{HOST}:{PORT}:{address}")
}
