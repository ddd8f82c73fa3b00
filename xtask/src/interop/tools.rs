//! Programs of Go modules: fetched through Go's proxy, checked against a checksum that is written down here, compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command;
use crate::stage::Steps;

/// A program, and the one version of its module that this was written against.
pub struct Tool {
    pub name: &'static str,
    module: &'static str,
    version: &'static str,
    /// As in a `go.sum`: what Go says of the module's content.
    sum: &'static str,
    package: &'static str,
    /// Words of `go build` beyond those of every tool.
    more: &'static [&'static str],
}

pub const CONFORMANCE: Tool = Tool {
    name: "conformance",
    module: "github.com/opencontainers/distribution-spec/conformance",
    version: "v0.0.0-20260831232431-97274622c111",
    sum: "h1:ppZPU0CrEPzyJhVggYwUIZrqh0w2lIT0esw+9ABNPA4=",
    package: ".",
    more: &[],
};
pub const CRANE: Tool = Tool {
    name: "crane",
    module: "github.com/google/go-containerregistry",
    version: "v0.22.1",
    sum: "h1:RZuuSYhTvlDvtsK+NkutoCZ//C0X2ebLK8X8l3ULs84=",
    package: "./cmd/crane",
    more: &[],
};
pub const ORAS: Tool = Tool {
    name: "oras",
    module: "oras.land/oras",
    version: "v1.3.0",
    sum: "h1:PdxrW0wRu24AMRnJcQWhUXTk33bDHCdSvyWcKoAxArE=",
    package: "./cmd/oras",
    more: &[],
};
pub const REGCTL: Tool = Tool {
    name: "regctl",
    module: "github.com/regclient/regclient",
    version: "v0.11.7",
    sum: "h1:Jsjlnd0ZQ2Blh0vaJtxJ0pU549VajvZ6BTL/4R7noMo=",
    package: "./cmd/regctl",
    more: &[],
};
pub const HELM: Tool = Tool {
    name: "helm",
    module: "helm.sh/helm/v3",
    version: "v3.22.0",
    sum: "h1:n1if5iQgHYsujPAcO5oonH/KiSNUmqmUF0iGVjSF3AU=",
    package: "./cmd/helm",
    more: &[],
};
/// The one of these that takes long to build, some ten minutes on two processors.
pub const COSIGN: Tool = Tool {
    name: "cosign",
    module: "github.com/sigstore/cosign/v2",
    version: "v2.6.5",
    sum: "h1:D7kFSWS2HzfD+LpEuBO89D1KfOAODlkWuuhzXS8yzi0=",
    package: "./cmd/cosign",
    more: &[],
};
pub const NOTATION: Tool = Tool {
    name: "notation",
    module: "github.com/notaryproject/notation",
    version: "v1.3.2",
    sum: "h1:roSxDRZ+w8kIgxoxruhHpSVtVFwpfq2piuaMvOrPaco=",
    package: "./cmd/notation",
    more: &[],
};
/// A server that speaks S3 and stores plain files.
pub const VERSITYGW: Tool = Tool {
    name: "versitygw",
    module: "github.com/versity/versitygw",
    version: "v1.8.0",
    sum: "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=",
    package: "./cmd/versitygw",
    more: &[],
};
/// The engine of Docker 29.
pub const DOCKERD: Tool = Tool {
    name: "dockerd",
    module: "github.com/moby/moby/v2",
    version: "v2.0.0-beta.24",
    sum: "h1:sWv7EckkDJhpraR9yUjkw1XeVf39+MWd58E22PYloNA=",
    package: "./cmd/dockerd",
    more: &["-ldflags=-X github.com/moby/moby/v2/dockerversion.Version=2.0.0-beta.24"],
};
const CONTAINERD: Tool = Tool {
    name: "containerd",
    module: "github.com/containerd/containerd/v2",
    version: "v2.4.2",
    sum: "h1:p6Qg+xbEz8lvwdhHDx0U469xENvp4LgGBx+E7djXkGw=",
    package: "./cmd/containerd",
    // What Kubernetes needs, which is a third of it.
    more: &["-tags=no_cri"],
};
const SHIM: Tool =
    Tool { name: "containerd-shim-runc-v2", package: "./cmd/containerd-shim-runc-v2", more: &[], ..CONTAINERD };
pub const DOCKER: Tool = Tool {
    name: "docker",
    module: "github.com/docker/cli",
    version: "v29.9.2+incompatible",
    sum: "h1:trup/vUxx5uUo2t+87Cd9AmITR+DvKUe4H2tTtZN8FY=",
    package: "./cmd/docker",
    more: &["-ldflags=-X github.com/docker/cli/cli/version.Version=29.9.2"],
};
/// What `docker build` is since engine 23.
pub const BUILDX: Tool = Tool {
    name: "docker-buildx",
    module: "github.com/docker/buildx",
    version: "v0.38.2",
    sum: "h1:TTn5GXRaZatKpvJ4l7xXuS/N8kTIkLFP0WvGRkbbW9U=",
    package: "./cmd/buildx",
    more: &[],
};
/// What a newer engine consists of, but for `runc`, which is Debian's.
pub const ENGINE: [&Tool; 5] = [&DOCKERD, &CONTAINERD, &SHIM, &DOCKER, &BUILDX];

/// Where the programs are.
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Programs of earlier runs are kept in this folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn below(folder: &Path) -> Result<Tools> {
        fs::create_dir_all(folder)?;
        Ok(Tools { folder: folder.to_owned() })
    }

    /// The program, built when it is not there yet.
    ///
    /// # Errors
    /// There is no Go, a module cannot be fetched, or is not what it was.
    pub fn program(&self, steps: &mut Steps, tool: &Tool) -> Result<PathBuf> {
        steps.step(&format!("{} {}", tool.name, tool.version), || {
            let program = self.folder.join(format!("{}-{}", tool.name, tool.version));
            if !program.exists() {
                build(tool, &self.folder, &program).with_context(|| format!("cannot build {}", tool.name))?;
            }
            Ok(program)
        })
    }
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
    name_module(&source)?;
    let mut compile = go(&source);
    compile.args(["build", "-trimpath", "-o"]).arg(program).args(tool.more).arg(tool.package);
    command::run(&mut compile)?;
    Ok(fs::remove_dir_all(&source)?)
}

/// Docker's client is numbered by its years, and so keeps what every other module has as `go.mod` under another name.
fn name_module(source: &Path) -> Result<()> {
    if !source.join("go.mod").exists() {
        fs::rename(source.join("vendor.mod"), source.join("go.mod"))?;
        fs::rename(source.join("vendor.sum"), source.join("go.sum"))?;
    }
    Ok(())
}

fn go(folder: &Path) -> Command {
    let mut go = Command::new("go");
    go.current_dir(folder).env("GOFLAGS", "-mod=mod").env("GOWORK", "off").env("GOTOOLCHAIN", "local");
    // No program depends on what C compiler and libraries this machine has.
    go.env("CGO_ENABLED", "0");
    go
}
