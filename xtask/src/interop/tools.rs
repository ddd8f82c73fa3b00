//! Programs of Go modules: fetched through Go's proxy, checked against a checksum that is written down here, compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command;
use crate::stage::Steps;

/// A program, and the one version of its module that this was written against.
struct Tool {
    name: &'static str,
    module: &'static str,
    version: &'static str,
    /// As in a `go.sum`: what Go says of the module's content.
    sum: &'static str,
    package: &'static str,
}

const CONFORMANCE: Tool = Tool {
    name: "conformance",
    module: "github.com/opencontainers/distribution-spec/conformance",
    version: "v0.0.0-20260730175803-fee21197eb94",
    sum: "h1:iJbOstMHr3jUuu8hKcEkNJWEYnHdHKWQa/xh4xNrP7I=",
    package: ".",
};
const CRANE: Tool = Tool {
    name: "crane",
    module: "github.com/google/go-containerregistry",
    version: "v0.22.1",
    sum: "h1:RZuuSYhTvlDvtsK+NkutoCZ//C0X2ebLK8X8l3ULs84=",
    package: "./cmd/crane",
};
const ORAS: Tool = Tool {
    name: "oras",
    module: "oras.land/oras",
    version: "v1.3.0",
    sum: "h1:PdxrW0wRu24AMRnJcQWhUXTk33bDHCdSvyWcKoAxArE=",
    package: "./cmd/oras",
};
const REGCTL: Tool = Tool {
    name: "regctl",
    module: "github.com/regclient/regclient",
    version: "v0.11.7",
    sum: "h1:Jsjlnd0ZQ2Blh0vaJtxJ0pU549VajvZ6BTL/4R7noMo=",
    package: "./cmd/regctl",
};
/// A server that speaks S3 and stores plain files.
const VERSITYGW: Tool = Tool {
    name: "versitygw",
    module: "github.com/versity/versitygw",
    version: "v1.8.0",
    sum: "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=",
    package: "./cmd/versitygw",
};

/// Where the programs are.
pub struct Tools {
    pub conformance: PathBuf,
    pub crane: PathBuf,
    pub oras: PathBuf,
    pub regctl: PathBuf,
}

impl Tools {
    /// Builds what is not there yet.
    ///
    /// # Errors
    /// There is no Go, a module cannot be fetched, or is not what it was.
    pub fn build(steps: &mut Steps, folder: &Path) -> Result<Tools> {
        Ok(Tools {
            conformance: ready(steps, folder, &CONFORMANCE)?,
            crane: ready(steps, folder, &CRANE)?,
            oras: ready(steps, folder, &ORAS)?,
            regctl: ready(steps, folder, &REGCTL)?,
        })
    }
}

/// The server for buckets, built when it is not there yet.
///
/// # Errors
/// As [`Tools::build`].
pub fn s3_server(steps: &mut Steps, folder: &Path) -> Result<PathBuf> {
    ready(steps, folder, &VERSITYGW)
}

fn ready(steps: &mut Steps, folder: &Path, tool: &Tool) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    steps.step(&format!("{} {}", tool.name, tool.version), || {
        let program = folder.join(format!("{}-{}", tool.name, tool.version));
        if !program.exists() {
            build(tool, folder, &program).with_context(|| format!("cannot build {}", tool.name))?;
        }
        Ok(program)
    })
}

fn build(tool: &Tool, folder: &Path, program: &Path) -> Result<()> {
    let module = format!("{}@{}", tool.module, tool.version);
    let mut download = go(folder);
    // The checksum below is what is believed, so no database of checksums has to be asked as well.
    download.args(["mod", "download", "-json", &module]).env("GONOSUMDB", tool.module);
    let said = command::run(&mut download).context("Go 1.24 or newer has to be on the PATH: https://go.dev/dl/")?;
    let said: Value = serde_json::from_str(&said)?;
    ensure!(said["Sum"] == tool.sum, "{module} has the checksum {}, and had {}", said["Sum"], tool.sum);
    // Go's own cache of modules is read-only, and a module is compiled with its own list of dependencies.
    let source = folder.join(format!("source-{}", tool.name));
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    let fetched = said["Dir"].as_str().context("go names no folder")?;
    command::run(Command::new("cp").args(["-r", fetched]).arg(&source))?;
    command::run(Command::new("chmod").args(["-R", "u+w"]).arg(&source))?;
    let mut compile = go(&source);
    compile.args(["build", "-o"]).arg(program).arg(tool.package);
    command::run(&mut compile)?;
    Ok(fs::remove_dir_all(&source)?)
}

fn go(folder: &Path) -> Command {
    let mut go = Command::new("go");
    go.current_dir(folder).env("GOFLAGS", "-mod=mod").env("GOWORK", "off").env("GOTOOLCHAIN", "local");
    go
}
