//! A throw-away certificate authority by openssl, for mutual TLS in the harness's own check.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command;

/// Makes `ca.pem`, `server.pem`, `server.key` (for `address`) and `client.pem`, `client.key` in `dir`.
///
/// # Errors
/// openssl is missing or refuses.
pub fn make(dir: &Path, address: Ipv4Addr) -> Result<()> {
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    command::run(
        openssl(dir)
            .args(["req", "-x509", "-days", "2", "-subj", "/CN=check", "-keyout", "ca.key", "-out", "ca.pem"])
            .args(ec),
    )?;
    let server = format!("subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n");
    for (name, extensions) in [("server", server.as_str()), ("client", "extendedKeyUsage=clientAuth\n")] {
        fs::write(dir.join(format!("{name}.ext")), extensions)?;
        let [key, request, certificate, extensions] =
            ["key", "csr", "pem", "ext"].map(|ending| format!("{name}.{ending}"));
        let subject = format!("/CN={name}");
        command::run(openssl(dir).args(["req", "-subj", &subject, "-keyout", &key, "-out", &request]).args(ec))?;
        let mut sign = openssl(dir);
        sign.args(["x509", "-req", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]);
        command::run(sign.args(["-in", &request, "-out", &certificate, "-extfile", &extensions]))?;
    }
    Ok(())
}

fn openssl(dir: &Path) -> Command {
    let mut command = Command::new("openssl");
    command.current_dir(dir);
    command
}
