//! Certificates for servers of the estate: engines that clients reach with their bundles.

use std::net::IpAddr;

use audit::Entry;
use base::{Ctx, limits};

use crate::{Certified, Error, Identity, Level};

impl Identity {
    /// A certificate of the installation's authority for a server under these names and addresses: the production engine,
    /// which a bundle's `ca.pem` then trusts. Administrators only; the key is in this answer and nowhere else.
    pub async fn create_server_certificate(&self, ctx: &Ctx, names: &[String]) -> Result<Certified, Error> {
        check_names(names)?;
        let certified = self.authority().server(names, ctx.now)?;
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            // No state: nothing of it stays here but this entry.
            let entry =
                Entry::new("certificate.created").about(format!("key/{}", certified.key_id)).detail("names", names);
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(())
        })?;
        Ok(certified)
    }
}

fn check_names(names: &[String]) -> Result<(), Error> {
    if names.is_empty() || names.len() > limits::CERTIFICATE_NAMES {
        let most = limits::CERTIFICATE_NAMES;
        return Err(Error::Invalid(format!("a certificate needs 1 to {most} names, not {}", names.len())));
    }
    match names.iter().find(|name| name.parse::<IpAddr>().is_err() && !is_host(name)) {
        Some(bad) => Err(Error::Invalid(format!("{bad:?} is neither a host name nor an IP address"))),
        None => Ok(()),
    }
}

/// RFC 1123, section 2.1; a wildcard would make one engine's key good for all.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::check_names;

    #[test]
    fn names_are_hosts_or_addresses() {
        let check = |names: &[&str]| check_names(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(check(&["production", "engine-1.example.test", "10.0.0.1", "fe80::1"]).is_ok());
        for bad in [&[][..], &[""], &["*.test"], &["a b"], &["-a"], &["a..b"], &["x/y"], &[&"a".repeat(64)]] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
