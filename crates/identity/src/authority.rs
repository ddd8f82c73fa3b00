//! The installation's own certificate authority: the server's certificate and those of client bundles.

use std::net::IpAddr;

use aws_lc_rs::digest;
use base::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType,
};

use crate::Error;

/// How long the authority's own certificate is valid, and those it signs.
const AUTHORITY_DAYS: i64 = 10 * 365;
const SERVER_DAYS: i64 = 2 * 365;
const CLIENT_DAYS: i64 = 5 * 365;

/// A key pair with its certificate, PEM.
#[derive(Clone)]
pub struct Certified {
    pub certificate_pem: String,
    pub public_key_pem: String,
    /// PKCS#8, without any block before it: the form that `docker trust key load` and `notary` take.
    pub private_key_pem: String,
    /// SHA-256 of the DER SubjectPublicKeyInfo, lower-case hex.
    pub key_id: String,
}

impl std::fmt::Debug for Certified {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Certified({})", self.key_id)
    }
}

/// The authority: signs the server's certificate and those of client bundles.
#[derive(Clone)]
pub struct Authority {
    certificate_pem: String,
    private_key_pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Authority")
    }
}

impl Authority {
    /// A new authority, named after the installation.
    pub fn generate(name: &str, now: Timestamp) -> Result<Authority, Error> {
        let key = new_key()?;
        let mut params = params(&format!("Assay CA of {name}"), now, AUTHORITY_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(internal)?;
        Ok(Authority { certificate_pem: certificate.pem(), private_key_pem: key.serialize_pem() })
    }

    /// The authority that was made before.
    pub fn from_pem(certificate_pem: String, private_key_pem: String) -> Result<Authority, Error> {
        let authority = Authority { certificate_pem, private_key_pem };
        authority.issuer()?;
        Ok(authority)
    }

    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub fn private_key_pem(&self) -> &str {
        &self.private_key_pem
    }

    /// A certificate for the server, valid for these host names and addresses.
    pub fn server(&self, hosts: &[String], now: Timestamp) -> Result<Certified, Error> {
        let mut params = params(hosts.first().map_or("assay", String::as_str), now, SERVER_DAYS)?;
        for host in hosts {
            params.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.as_str().try_into().map_err(internal)?),
            });
        }
        // Not for clients: an engine would take whoever holds this key for a person of the certificate's name.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A certificate for a person or robot: its common name is the account's name, as an engine's authorization plugin
    /// sees it.
    pub fn client(&self, account: &str, now: Timestamp) -> Result<Certified, Error> {
        let mut params = params(account, now, CLIENT_DAYS)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::CodeSigning];
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Result<Certified, Error> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params.signed_by(&key, &self.issuer()?).map_err(internal)?;
        Ok(Certified {
            certificate_pem: certificate.pem(),
            public_key_pem: key.public_key_pem(),
            private_key_pem: key.serialize_pem(),
            key_id: key_id(&key.subject_public_key_info()),
        })
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, Error> {
        let key = KeyPair::from_pem(&self.private_key_pem).map_err(internal)?;
        Issuer::from_ca_cert_pem(&self.certificate_pem, key).map_err(internal)
    }
}

/// The id of a public key: SHA-256 of its DER SubjectPublicKeyInfo, lower-case hex.
pub(crate) fn key_id(spki_der: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, spki_der))
}

fn new_key() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(internal)
}

fn params(name: &str, now: Timestamp, days: i64) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // An hour back, for clients whose clock is behind.
    params.not_before = date(now.as_second() - 3600)?;
    params.not_after = date(now.as_second() + days * 86_400)?;
    Ok(params)
}

fn date(second: i64) -> Result<time::OffsetDateTime, Error> {
    time::OffsetDateTime::from_unix_timestamp(second).map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a certificate could not be made: {error}"))
}
