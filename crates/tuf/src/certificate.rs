//! Certificates: the key inside, and what a root certificate must be (it names the repository).

use base::Timestamp;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::{Error, KeyType, PublicKey, error::short, material::Material};

/// Clocks of signers may run ahead: a certificate counts as begun up to a day early, as in stock clients.
const BEGIN_LEEWAY_SECONDS: i64 = 24 * 60 * 60;

/// Signatures with SHA-256, -384, -512: RSA, then ECDSA. Everything older (SHA-1, MD5) is refused by not standing here.
const SIGNATURE_ALGORITHMS: [&str; 6] = [
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
];

/// The key of the leaf, which is the first certificate of the PEM text.
pub(crate) fn material(pem: &[u8]) -> Result<Material, Error> {
    let der = leaf(pem)?;
    Material::from_info(parsed(&der)?.public_key())
}

/// Whether `key` may stand for the root of `gun`: a certificate whose common name is the GUN, or a prefix of it followed by
/// `/*`; not of an authority; not signed with SHA-1; and valid at `now`, if one is given. (RSA keys under 2048 bits never
/// became a [`PublicKey`].)
pub(crate) fn check_root_leaf(key: &PublicKey, gun: &str, now: Option<Timestamp>) -> Result<(), Error> {
    if !key.keytype().is_certificate() {
        let id = key.id();
        return Err(Error::Key(format!("root key {id} is not a certificate; its common name must be the repository")));
    }
    let der = leaf(key.public())?;
    let certificate = parsed(&der)?;
    let mut names = certificate.subject().iter_common_name();
    let (Some(Ok(name)), None) = (names.next().map(|name| name.as_str()), names.next()) else {
        return Err(Error::Key("a root certificate must have exactly one common name".into()));
    };
    if !names_gun(name, gun) {
        let (name, gun) = (short(name), short(gun));
        return Err(Error::Key(format!("the root certificate is for {name}, not for {gun}")));
    }
    match certificate.basic_constraints() {
        Ok(Some(constraints)) if constraints.value.ca => {
            return Err(Error::Key("a root certificate must not be one of a certificate authority".into()));
        }
        Ok(_) => {}
        Err(_) => return Err(Error::Key("a root certificate has basic constraints twice".into())),
    }
    let algorithm = certificate.signature_algorithm.algorithm.to_id_string();
    if !SIGNATURE_ALGORITHMS.contains(&algorithm.as_str()) {
        return Err(Error::Key(format!("a root certificate is signed by {algorithm}; use SHA-256 with ECDSA or RSA")));
    }
    let (begin, end) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    match now.map(Timestamp::as_second) {
        Some(now) if now > end => Err(Error::Key("the root certificate has expired; rotate the root key".into())),
        Some(now) if now < begin - BEGIN_LEEWAY_SECONDS => {
            Err(Error::Key("the root certificate is not valid yet; check the clock of the machine that made it".into()))
        }
        _ => Ok(()),
    }
}

/// A wildcard must end a path segment: `host/team/*`, never `host/team*`, which would also name `host/teamster/x`.
fn names_gun(common_name: &str, gun: &str) -> bool {
    match common_name.strip_suffix('*') {
        Some(prefix) => {
            prefix.len() > 1 && prefix.ends_with('/') && gun.len() > prefix.len() && gun.starts_with(prefix)
        }
        None => common_name == gun,
    }
}

fn leaf(pem: &[u8]) -> Result<Vec<u8>, Error> {
    pem::parse_many(pem)
        .ok()
        .and_then(|blocks| blocks.into_iter().find(|block| block.tag() == "CERTIFICATE"))
        .map(pem::Pem::into_contents)
        .ok_or_else(|| Error::Key("a key of an x509 type holds no PEM certificate".into()))
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, Error> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(Error::Key("a certificate is not valid DER".into())),
    }
}

impl PublicKey {
    /// The key of the first certificate of a PEM text, as `notary delegation add` takes it.
    pub fn from_certificate_pem(pem: &[u8]) -> Result<PublicKey, Error> {
        let keytype = match material(pem)? {
            Material::Rsa { .. } => KeyType::RsaX509,
            _ => KeyType::EcdsaX509,
        };
        PublicKey::new(keytype, pem.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::names_gun;

    #[test]
    fn a_common_name_is_the_gun_or_a_whole_prefix() {
        let gun = "dtr.example.test:4443/admin/flask";
        for good in [gun, "dtr.example.test:4443/admin/*", "dtr.example.test:4443/*"] {
            assert!(names_gun(good, gun), "{good}");
        }
        for bad in ["*", "/*", "", "dtr.example.test:4443/adm*", "dtr.example.test:4443/admin/flask/*", "admin/flask"] {
            assert!(!names_gun(bad, gun), "{bad}");
        }
        assert!(!names_gun("a/b/*", "a/b/"), "a prefix names what is below it");
    }
}
