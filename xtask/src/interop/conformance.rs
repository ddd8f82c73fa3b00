//! The OCI's conformance program with the switches of its version `dev`, and with sparse manifests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::server::Server;
use crate::command;
use crate::stage::{Run, Steps};

/// What the program says at the end of its report.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    failed: u32,
    errors: u32,
    skipped: u32,
    disabled: u32,
    passed: u32,
}

/// Runs it; nothing may fail, be skipped or be switched off.
///
/// # Errors
/// Something does, with the names of what.
pub fn check(steps: &mut Steps, run: &Run, server: &Server, program: &Path) -> Result<()> {
    let said = steps.step("OCI conformance, version dev", || {
        let results = run.folder("conformance")?;
        let mut program = server.client(program, &results);
        program
            .env("OCI_REGISTRY", &server.authority)
            .env("OCI_TLS", "enabled")
            .env("OCI_VERSION", "dev")
            .env("OCI_DATA_SPARSE", "true");
        program.env("OCI_REPO1", "admin/conformance-one").env("OCI_REPO2", "admin/conformance-two");
        program.env("OCI_USERNAME", "admin").env("OCI_PASSWORD", &server.password);
        program.env("OCI_RESULTS_DIR", &results);
        let output = command::output(&mut program)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        fs::write(results.join("report.txt"), &said)?;
        let counts = counts(&said).with_context(|| command::tail(&said, 20))?;
        let wrong = [counts.failed, counts.errors, counts.skipped, counts.disabled];
        if wrong != [0; 4] {
            let names = said.lines().filter(|line| ["FAIL", "Error", "Skip"].iter().any(|end| line.ends_with(end)));
            bail!("{counts:?}:\n{}", names.take(40).collect::<Vec<_>>().join("\n"));
        }
        ensure!(output.status.success() && counts.passed > 0, "it ended with {}: {counts:?}", output.status);
        Ok(format!("{} checks passed; 0 failed, 0 skipped, 0 disabled", counts.passed))
    })?;
    steps.note(&said);
    Ok(())
}

/// Reads lines like `  Skip..........................:          0` out of the report.
fn counts(report: &str) -> Result<Counts> {
    let count = |name: &str| -> Result<u32> {
        let line = report.lines().find(|line| line.trim_start().starts_with(&format!("{name}...")));
        let number = line.and_then(|line| line.rsplit(':').next()).map(str::trim);
        number.and_then(|number| number.parse().ok()).with_context(|| format!("the report counts no {name}"))
    };
    Ok(Counts {
        failed: count("FAIL")?,
        errors: count("Error")?,
        skipped: count("Skip")?,
        disabled: count("Disabled")?,
        passed: count("Pass")?,
    })
}
