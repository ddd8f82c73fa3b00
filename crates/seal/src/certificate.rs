//! Certificates that sign images: their chain, their purpose, their time.

use std::time::Duration;

use base::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error as Broken, KeyUsage, anchor_from_trusted_cert};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use crate::{Anchor, Authority, Refused, Unreadable, error::short, key::PublicKey};

/// id-kp-codeSigning, RFC 5280, section 4.2.1.12.
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];

/// The longest chain that is followed, the leaf included.
const CHAIN: usize = 10;

/// A chain as it came with a signature, leaf first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    leaf: Vec<u8>,
    others: Vec<Vec<u8>>,
    key: PublicKey,
}

impl Chain {
    pub(crate) fn new(certificates: Vec<Vec<u8>>) -> Result<Chain, Unreadable> {
        if certificates.len() > CHAIN {
            return Err(Unreadable::new(format!("a chain has {} certificates, at most {CHAIN}", certificates.len())));
        }
        let mut certificates = certificates.into_iter();
        let leaf = certificates.next().ok_or_else(|| Unreadable::new("there is no certificate of the signer"))?;
        Ok(Chain { key: key_of(&leaf)?, leaf, others: certificates.collect() })
    }

    /// The certificates of one or more PEM texts, in their order.
    pub(crate) fn from_pem(texts: &[&str]) -> Result<Chain, Unreadable> {
        let mut certificates = Vec::new();
        for text in texts {
            let blocks = pem::parse_many(text).map_err(|_| Unreadable::new("a certificate is not PEM"))?;
            certificates.extend(blocks.into_iter().map(pem::Pem::into_contents));
        }
        Chain::new(certificates)
    }

    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whom the leaf names: its first e-mail address or URI, else its whole subject.
    pub(crate) fn subject(&self) -> String {
        let Ok((_, leaf)) = X509Certificate::from_der(&self.leaf) else { return String::new() };
        let names = leaf.subject_alternative_name().ok().flatten();
        let name = names.and_then(|names| {
            names.value.general_names.iter().find_map(|name| match name {
                GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some((*text).to_owned()),
                _ => None,
            })
        });
        name.unwrap_or_else(|| leaf.subject().to_string())
    }

    /// The first authority that the chain leads to, where every certificate is valid at `at`, and the leaf's for signing code.
    pub(crate) fn leads_to<'a>(
        &self,
        authorities: &'a [Anchor<Authority>],
        at: Timestamp,
    ) -> Result<&'a Anchor<Authority>, Refused> {
        if self.others.is_empty()
            && let Some(pinned) = authorities.iter().find(|authority| authority.value.der() == self.leaf)
        {
            return check_pinned(&self.leaf, at).map(|()| pinned);
        }
        check_usage(&self.leaf)?;
        let mut last = Refused::UnknownSigner(format!("no authority here vouches for {}", short(&self.subject())));
        for authority in authorities {
            match self.ends_at(&authority.value, at) {
                Ok(()) => return Ok(authority),
                Err(Broken::UnknownIssuer) => {}
                Err(broken) => last = refused(&broken),
            }
        }
        Err(last)
    }

    fn ends_at(&self, authority: &Authority, at: Timestamp) -> Result<(), Broken> {
        let der = |bytes: &[u8]| CertificateDer::from(bytes.to_vec());
        let (leaf, root) = (der(&self.leaf), der(authority.der()));
        let others: Vec<CertificateDer<'_>> = self.others.iter().map(|other| der(other)).collect();
        let anchors = [anchor_from_trusted_cert(&root)?];
        let since_1970 = Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0));
        EndEntityCert::try_from(&leaf)?
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &others,
                UnixTime::since_unix_epoch(since_1970),
                KeyUsage::required_if_present(CODE_SIGNING),
                None,
                None,
            )
            .map(|_| ())
    }
}

/// The key of a certificate.
pub(crate) fn key_of(der: &[u8]) -> Result<PublicKey, Unreadable> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => PublicKey::from_info(certificate.public_key()),
        _ => Err(Unreadable::new("a certificate is not valid DER")),
    }
}

/// A certificate that signed itself and that the operator gave stands for its key, while it is valid and for signing code.
/// <https://github.com/notaryproject/specifications/blob/v1.1.0/specs/signature-specification.md#certificate-requirements>
fn check_pinned(der: &[u8], at: Timestamp) -> Result<(), Refused> {
    check_usage(der)?;
    let certificate = parsed(der)?;
    let (begin, end) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
    if at.as_second() < begin {
        return Err(not_yet());
    }
    if at.as_second() > end {
        return Err(expired());
    }
    Ok(())
}

/// The leaf has to say that it is for signing code; and where it says what its key does, signing must be among it. What
/// certificates above it say is the verifier's matter: they may leave their purpose open.
fn check_usage(der: &[u8]) -> Result<(), Refused> {
    let leaf = parsed(der)?;
    let for_code = leaf.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.code_signing);
    let signs = leaf.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.digital_signature()));
    if for_code && signs { Ok(()) } else { Err(not_for_code()) }
}

fn parsed(der: &[u8]) -> Result<X509Certificate<'_>, Refused> {
    X509Certificate::from_der(der)
        .map(|(_, certificate)| certificate)
        .map_err(|_| Refused::NotAllowed("the signer's certificate is not valid DER".to_owned()))
}

/// What the verifier of chains found, in words.
fn refused(broken: &Broken) -> Refused {
    match broken {
        Broken::CertExpired { .. } => expired(),
        Broken::CertNotValidYet { .. } => not_yet(),
        Broken::RequiredEkuNotFoundContext(_) => not_for_code(),
        Broken::InvalidSignatureForPublicKey => {
            Refused::Forged("a certificate of the chain was not signed by the one above it".to_owned())
        }
        other => Refused::NotAllowed(format!("the chain of the signer's certificate cannot be used: {other}")),
    }
}

fn expired() -> Refused {
    Refused::Expired(
        "a certificate of the signer's chain has run out, and nothing proves that the signature is older".to_owned(),
    )
}

fn not_yet() -> Refused {
    Refused::NotAllowed("a certificate of the signer's chain is not valid yet; compare the clocks".to_owned())
}

fn not_for_code() -> Refused {
    Refused::NotAllowed("a certificate of the signer's chain is not for signing code (key usages)".to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
        date_time_ymd,
    };

    use super::{Anchor, Authority, Chain, Refused};

    type Issuer = CertifiedIssuer<'static, KeyPair>;

    #[test]
    fn a_leaf_counts_only_for_signing_code_under_its_own_authority() {
        let (root, stranger) = (authority("root"), authority("stranger"));
        let good = signed(leaf(), &root.1);
        let chain = |leaf: Vec<u8>| Chain::new(vec![leaf]).unwrap();
        assert_eq!(leads(&chain(good.clone()), &[&stranger, &root]), Ok("root"));
        assert!(matches!(leads(&chain(good), &[&stranger]), Err(Refused::UnknownSigner(_))));
        for (why, change) in [
            ("no purpose", Box::new(|leaf: &mut CertificateParams| leaf.extended_key_usages.clear()) as Change),
            ("for servers", Box::new(|leaf| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth])),
            ("no signing", Box::new(|leaf| leaf.key_usages = vec![KeyUsagePurpose::KeyAgreement])),
            ("an authority", Box::new(|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))),
        ] {
            let mut leaf = leaf();
            change(&mut leaf);
            let refused = leads(&chain(signed(leaf, &root.1)), &[&root]);
            assert!(matches!(refused, Err(Refused::NotAllowed(_))), "{why}: {refused:?}");
        }
    }

    /// CVE-2026-24122: a chain whose intermediate has run out is no chain, however fresh its leaf.
    #[test]
    fn every_certificate_of_the_chain_must_be_valid() {
        let root = authority("root");
        let mut old = authority_params("between");
        old.not_after = date_time_ymd(2026, 1, 1);
        for (between, valid) in [(authority_params("between"), true), (old, false)] {
            let between = Issuer::signed_by(between, KeyPair::generate().unwrap(), &root.1).unwrap();
            let chain = Chain::new(vec![signed(leaf(), &between), between.der().to_vec()]).unwrap();
            let found = leads(&chain, &[&root]);
            assert_eq!(found.is_ok(), valid, "{found:?}");
            assert!(valid || matches!(found, Err(Refused::Expired(_))), "{found:?}");
        }
    }

    #[test]
    fn a_chain_is_bounded() {
        let root = authority("root");
        let endless = vec![root.1.der().to_vec(); super::CHAIN + 1];
        assert!(Chain::new(endless).unwrap_err().to_string().contains("at most 10"));
        assert!(Chain::new(Vec::new()).is_err());
        assert!(Chain::from_pem(&["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]).is_err());
    }

    type Change = Box<dyn Fn(&mut CertificateParams)>;

    /// Each root is called by its common name.
    fn leads(chain: &Chain, roots: &[&(&'static str, Issuer)]) -> Result<&'static str, Refused> {
        let anchor = |(name, root): &(&str, Issuer)| Anchor {
            name: (*name).to_owned(),
            value: Authority::from_pem(&root.pem()).unwrap(),
        };
        let anchors: Vec<_> = roots.iter().map(|root| anchor(root)).collect();
        let found = chain.leads_to(&anchors, "2026-06-01T00:00:00Z".parse().unwrap())?;
        Ok(roots.iter().find(|(name, _)| *name == found.name).unwrap().0)
    }

    fn signed(leaf: CertificateParams, issuer: &Issuer) -> Vec<u8> {
        leaf.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().to_vec()
    }

    fn leaf() -> CertificateParams {
        let mut leaf = params("signer");
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        leaf
    }

    fn authority(name: &'static str) -> (&'static str, Issuer) {
        (name, Issuer::self_signed(authority_params(name), KeyPair::generate().unwrap()).unwrap())
    }

    fn authority_params(name: &str) -> CertificateParams {
        let mut authority = params(name);
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority
    }

    fn params(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2100, 1, 1));
        params
    }
}
