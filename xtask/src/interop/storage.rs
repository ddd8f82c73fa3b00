//! Buckets of a real server: the tests of the store, the registry and the program, with a server that speaks S3.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::tools::{self, Tools};
use crate::command;
use crate::stage::Steps;

/// Whose tests there are, and which of them.
const TESTS: [(&str, &str); 3] = [("blob", ""), ("registry", ""), ("assay", "storage")];

/// Builds the server's program and runs the tests with it; each test starts one for itself.
///
/// # Errors
/// No Go, or a test fails.
pub fn run(folder: &Path) -> Result<()> {
    let mut steps = Steps::new();
    let program = Tools::below(&folder.join("tools"))?.program(&mut steps, &tools::VERSITYGW)?;
    for (package, filter) in TESTS {
        steps.step(&format!("the tests of {package} with a bucket"), || {
            let mut test = Command::new(env!("CARGO"));
            test.args(["test", "--package", package, "--test", "it", filter]).env("ASSAY_TEST_S3_SERVER", &program);
            command::run(&mut test).map(drop)
        })?;
    }
    if std::env::var_os("ASSAY_TEST_POSTGRES").is_none() {
        steps.note("NOT TESTED: two replicas with one PostgreSQL and one bucket; ASSAY_TEST_POSTGRES is not set");
    }
    println!("{}", steps.summary());
    Ok(())
}
