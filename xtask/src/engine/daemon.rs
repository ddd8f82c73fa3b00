//! The files an engine starts from.
//!
//! ```text
//! DIR/etc/daemon.json                     its configuration
//! DIR/etc/certs.d/HOST:PORT/ca.crt        whom it trusts for that registry
//! DIR/hosts                               the machine's /etc/hosts and the names given
//! DIR/plugins/  DIR/home/.docker/  DIR/data/
//! ```

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::EngineConfig;

/// Writes them all.
///
/// # Errors
/// The folder is not writable.
pub fn write_files(dir: &Path, group: &str, config: &EngineConfig) -> Result<()> {
    for folder in ["etc/certs.d", "plugins", "home/.docker", "data"] {
        fs::create_dir_all(dir.join(folder)).with_context(|| format!("cannot make {folder} in {}", dir.display()))?;
    }
    fs::write(dir.join("etc/daemon.json"), format!("{:#}\n", settings(dir, group, config)))?;
    for (registry, ca) in &config.registries {
        let folder = dir.join("etc/certs.d").join(registry);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("ca.crt"), ca)?;
    }
    let mut hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    hosts.push('\n');
    for (name, address) in &config.hosts {
        hosts.push_str(&format!("{address} {name}\n"));
    }
    hosts.push_str(&format!("{} {}\n", config.address, config.name));
    fs::write(dir.join("hosts"), hosts)?;
    Ok(())
}

fn settings(dir: &Path, group: &str, config: &EngineConfig) -> Value {
    let mut hosts = vec![format!("unix://{}", dir.join("docker.sock").display())];
    let mut settings = config.software.settings.clone();
    if let Some(tls) = &config.tls {
        hosts.push(format!("tcp://{}:{}", config.address, tls.port));
        settings.insert("tlsverify".to_owned(), json!(true));
        settings.insert("tlscacert".to_owned(), json!(tls.ca));
        settings.insert("tlscert".to_owned(), json!(tls.cert));
        settings.insert("tlskey".to_owned(), json!(tls.key));
    }
    if let Some(plugin) = &config.authorization_plugin {
        settings.insert("authorization-plugins".to_owned(), json!([plugin]));
    }
    settings.insert("hosts".to_owned(), json!(hosts));
    settings.insert("data-root".to_owned(), json!(dir.join("data")));
    settings.insert("exec-root".to_owned(), json!("/run/docker/exec"));
    settings.insert("pidfile".to_owned(), json!("/run/docker.pid"));
    settings.insert("cgroup-parent".to_owned(), json!(format!("/{group}")));
    // systemd is out of sight with a private /run, and would not know these groups anyway.
    settings.insert("exec-opts".to_owned(), json!(["native.cgroupdriver=cgroupfs"]));
    // A restart should not wait for containers that ignore SIGTERM, seconds.
    settings.insert("shutdown-timeout".to_owned(), json!(3));
    Value::Object(settings)
}
