//! Debian's `docker-registry`: access log off, its in-memory cache on, deletion allowed; once open, once behind tokens, once
//! behind TLS of its own.

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
use crate::tls;

const ISSUER: &str = "bench";
/// Longer than any run.
const LIFETIME_SECONDS: i64 = 86_400;

/// Everybody may do everything.
pub fn start_open(program: &Path, folder: &Path) -> Result<Side> {
    start(program, folder, "docker-registry", "", None)
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
    let mut side = start(program, folder, "docker-registry with tokens", &auth, None)?;
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

/// Open, and behind a certificate of its own.
pub fn start_secure(program: &Path, folder: &Path) -> Result<Side> {
    fs::create_dir_all(folder)?;
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
    let (public, private) = (folder.join("tls.pem"), folder.join("tls.key"));
    fs::write(&public, certificate.pem())?;
    fs::write(&private, key.serialize_pem())?;
    let tls = format!("  tls:\n    certificate: {}\n    key: {}\n", public.display(), private.display());
    start(program, folder, "docker-registry with TLS", &tls, Some(&certificate.pem()))
}

/// `more` is what the configuration says behind the address: still of `http`, or of a key of its own.
fn start(program: &Path, folder: &Path, name: &'static str, more: &str, trusted: Option<&str>) -> Result<Side> {
    fs::create_dir_all(folder)?;
    let address = free_address()?;
    let data = folder.join("data");
    let config = format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  cache:\n    blobdescriptor: inmemory\n  \
         filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: {address}\n{more}",
        data.display()
    );
    let file = folder.join("config.yml");
    fs::write(&file, config)?;
    let mut command = Command::new(program);
    command.arg("serve").arg(&file);
    let tls = trusted.map(tls::trusting).transpose()?;
    Side::spawn(name, command, address, tls, &folder.join("log"))
        .with_context(|| format!("{}: apt-get install docker-registry", program.display()))
}
