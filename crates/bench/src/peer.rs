//! Debian's `docker-registry`: access log off, its in-memory cache on, deletion allowed; once open, once behind tokens.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use base::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

use crate::side::{Credential, Side, free_address};

const ISSUER: &str = "bench";
/// Longer than any run.
const LIFETIME_SECONDS: i64 = 86_400;

/// Everybody may do everything.
pub fn start_open(program: &Path, folder: &Path) -> Result<Side> {
    start(program, folder, "docker-registry", "")
}

/// The Docker token protocol, with a token that it accepts.
pub fn start_guarded(program: &Path, folder: &Path) -> Result<Side> {
    fs::create_dir_all(folder)?;
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec![ISSUER.to_owned()])?.self_signed(&key)?;
    let bundle = folder.join("tokens.pem");
    fs::write(&bundle, certificate.pem())?;
    let auth = format!(
        "auth:\n  token:\n    realm: http://127.0.0.1:1/none\n    service: {ISSUER}\n    issuer: {ISSUER}\n    rootcertbundle: {}\n",
        bundle.display()
    );
    let mut side = start(program, folder, "docker-registry with tokens", &auth)?;
    let now = Clock::System.now().as_second();
    let claims = json!({
        "iss": ISSUER, "sub": "bench", "aud": ISSUER, "jti": "1", "iat": now, "nbf": now - 60, "exp": now + LIFETIME_SECONDS,
        "access": [{"type": "repository", "name": "admin/bench", "actions": ["pull", "push"]}],
    });
    let mut header = Header::new(Algorithm::ES256);
    header.x5c = Some(vec![STANDARD.encode(certificate.der())]);
    let signing = EncodingKey::from_ec_pem(key.serialize_pem().as_bytes())?;
    let token = format!("Bearer {}", jsonwebtoken::encode(&header, &claims, &signing)?);
    side.credential = Credential::Token(token);
    Ok(side)
}

fn start(program: &Path, folder: &Path, name: &'static str, auth: &str) -> Result<Side> {
    fs::create_dir_all(folder)?;
    let address = free_address()?;
    let data = folder.join("data");
    let config = format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  cache:\n    blobdescriptor: inmemory\n  \
         filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: {address}\n{auth}",
        data.display()
    );
    let file = folder.join("config.yml");
    fs::write(&file, config)?;
    let mut command = Command::new(program);
    command.arg("serve").arg(&file);
    Side::spawn(name, command, address, &folder.join("log"))
        .with_context(|| format!("{}: apt-get install docker-registry", program.display()))
}
