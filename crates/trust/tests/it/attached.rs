//! Signatures that other tools put beside an image: found, judged, and told whose they are.

use std::{fs, path::Path};

use base::Ctx;
use blob::Chunk;
use identity::GivenKey;
use oci::{Digest, Manifest, RepoName};

use registry::ManifestPush;
use trust::{AnchorName, AttachedSignature, Error, SignedBy, Verdict};

use crate::world::{World, name};

/// The image that cosign and notation signed; crate `seal` keeps what they made of it.
struct Signed {
    world: World,
    repository: RepoName,
    image: Digest,
}

fn kept(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../seal/tests/fixtures").join(path)).unwrap()
}

fn pem(path: &str) -> String {
    String::from_utf8(kept(path)).unwrap()
}

impl Signed {
    async fn new() -> Signed {
        let world = World::new().await;
        world.go_to("2026-12-01T04:30:00Z");
        let image = Digest::sha256_of(&kept("image/manifest.json"));
        let signed = Signed { world, repository: "ci/app".parse().unwrap(), image };
        signed.push("image", "1").await;
        signed
    }

    /// What a folder holds, by this reference.
    async fn push(&self, folder: &str, reference: &str) {
        let (ctx, bytes) = (self.world.system(), kept(&format!("{folder}/manifest.json")));
        for blob in Manifest::parse(&bytes, None).unwrap().required_blobs() {
            let content = kept(&format!("{folder}/{}", blob.digest.to_string().replace(':', "-")));
            let registry = &self.world.registry;
            registry.put_blob(&ctx, &self.repository, &blob.digest, Chunk::default(), &*content).await.unwrap();
        }
        let reference = reference.parse().unwrap();
        let (repository, content_type) = (&self.repository, None);
        let push = ManifestPush { repository, reference: &reference, content_type, bytes, tags: &[] };
        self.world.registry.push_manifest(&ctx, push).await.unwrap();
    }

    async fn push_referrer(&self, folder: &str) {
        let digest = Digest::sha256_of(&kept(&format!("{folder}/manifest.json")));
        self.push(folder, digest.as_ref()).await;
    }

    async fn asked_by(&self, ctx: &Ctx, own_key: Option<&str>) -> Result<Vec<AttachedSignature>, Error> {
        let image = (&self.repository, &self.image);
        self.world.trust.attached_signatures(&self.world.registry, ctx, own_key, image).await
    }

    /// Whose each is, or why it counts for nothing; in the order of their forms.
    async fn told(&self) -> Vec<(&'static str, String)> {
        let told = |found: AttachedSignature| {
            let verdict = match found.verdict {
                Verdict::Accepted { by: SignedBy::Account(name), .. } => format!("account {name}"),
                Verdict::Accepted { by: SignedBy::Anchor(name), subject, .. } => {
                    format!("anchor {name} {}", subject.unwrap_or_default())
                }
                Verdict::Accepted { by: SignedBy::Server, .. } => "server".to_owned(),
                Verdict::Refused(why) => why,
            };
            (found.form.map_or("", seal::Form::as_str), verdict)
        };
        let found = self.asked_by(&self.world.system(), None).await.unwrap();
        let mut told: Vec<_> = found.into_iter().map(told).collect();
        told.sort();
        told
    }

    async fn anchor(&self, name: &str, pem: &str) -> Result<(), Error> {
        let name: AnchorName = name.parse().unwrap();
        self.world.trust.set_anchor(&self.world.system(), &name, pem).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_signature_counts_for_the_account_or_the_anchor_whose_key_made_it() {
    let signed = Signed::new().await;
    let (world, sig) = (&signed.world, format!("sha256-{}.sig", signed.image.hex()));
    assert_eq!(signed.told().await, []);
    signed.push("simple-keys", &sig).await;
    signed.push_referrer("notation-jws").await;
    signed.push_referrer("bundle-attestation").await;
    let unknown = "none of the keys known here made it".to_owned();
    let told = signed.told().await;
    assert_eq!(told.len(), 6);
    assert!(told.iter().all(|(_, why)| *why == unknown || why.contains("no authority here vouches for")), "{told:?}");

    let given = GivenKey { label: "laptop".to_owned(), public_key_pem: pem("cosign.pub"), certificate_pem: None };
    let key = world.identity.add_key(&world.system(), &name("writer"), given).await.unwrap();
    signed.anchor("vendor", &pem("rsa.pub")).await.unwrap();
    signed.anchor("company", &pem("root.crt")).await.unwrap();
    let expected = [
        ("cosign-signature", "account writer".to_owned()),
        ("cosign-signature", "anchor vendor ".to_owned()),
        ("cosign-signature", unknown.clone()),
        ("cosign-signature", unknown.clone()),
        ("notation-jws", "anchor company signer@fixture.test".to_owned()),
        ("sigstore-bundle", "account writer".to_owned()),
    ];
    assert_eq!(signed.told().await, expected);

    // What is taken back counts from the next question on.
    world.identity.revoke_key(&world.system(), &name("writer"), &key.id).await.unwrap();
    for gone in ["vendor", "company"] {
        world.trust.remove_anchor(&world.system(), &gone.parse().unwrap()).await.unwrap();
    }
    assert_eq!(signed.told().await, told);
    let own = signed.asked_by(&world.system(), Some(&pem("cosign.pub"))).await.unwrap();
    assert!(own.iter().any(|found| matches!(&found.verdict, Verdict::Accepted { by: SignedBy::Server, .. })));
    world.check_fold().await;
}

#[tokio::test]
async fn who_may_pull_may_ask_and_administrators_say_what_counts() {
    let signed = Signed::new().await;
    let world = &signed.world;
    signed.push_referrer("notation-cose").await;
    assert_eq!(signed.asked_by(&world.user("reader").await, None).await.unwrap().len(), 1);
    for stranger in [world.user("nobody").await, world.anonymous()] {
        assert!(signed.asked_by(&stranger, None).await.is_err());
    }
    let (trust, vendor) = (&world.trust, "vendor".parse().unwrap());
    let writer = world.user("writer").await;
    assert!(matches!(trust.set_anchor(&writer, &vendor, &pem("rsa.pub")).await, Err(Error::Denied(_))));
    assert!(matches!(trust.remove_anchor(&writer, &vendor).await, Err(Error::Denied(_))));
    assert!(matches!(trust.anchors(&world.anonymous()).await, Err(Error::Unauthenticated(_))));
    signed.anchor("vendor", &pem("rsa.pub")).await.unwrap();
    signed.anchor("vendor", &pem("rsa.pub")).await.unwrap();
    signed.anchor("vendor", &pem("root.crt")).await.unwrap();
    let anchors = trust.anchors(&writer).await.unwrap();
    assert_eq!(anchors.iter().map(|anchor| anchor.kind.as_str()).collect::<Vec<_>>(), ["authority"]);
    assert_eq!(world.entries("trust.anchor_set").await.len(), 2, "the same again changes nothing");
    let gone = trust.remove_anchor(&world.system(), &"other".parse().unwrap()).await;
    assert!(matches!(gone, Err(Error::NoAnchor(_))));
    for bad in ["", "no PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", &"x".repeat(20_000)] {
        assert!(matches!(signed.anchor("vendor", bad).await, Err(Error::Invalid(_))), "{bad:.30}");
    }
    for bad in ["", "-a", "A", "a b", "a/b"] {
        assert!(bad.parse::<AnchorName>().is_err(), "{bad}");
    }
    world.check_fold().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_told_beside_what_can() {
    let signed = Signed::new().await;
    let att = format!("sha256-{}.att", signed.image.hex());
    signed.push("attestation", &att).await;
    signed.anchor("vendor", &pem("cosign.pub")).await.unwrap();
    let bytes = kept("attestation/manifest.json");
    let blob = Manifest::parse(&bytes, None).unwrap().layers()[0].digest.clone();
    assert_eq!(signed.told().await, [("cosign-attestation", "anchor vendor ".to_owned())]);
    signed.world.registry.blobs().delete(&blob).await.unwrap();
    assert_eq!(signed.told().await, [("", format!("its blob {blob} is not here"))]);
}
