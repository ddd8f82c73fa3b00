//! Somebody who signs at home, with a key that is an account's.

use base::Ctx;
use identity::{AccountKind, GivenKey};
use oci::{Digest, RepoName};
use trust::Trust;
use tuf::SigningKey;

use crate::{
    client::{Client, seen, sign},
    world::World,
};

/// Tries of one signature: another one that comes between takes its version.
const ATTEMPTS: usize = 20;

pub(crate) struct Signer {
    pub(crate) account: &'static str,
    pub(crate) key: SigningKey,
}

impl Signer {
    /// A user whose key is known to be theirs.
    pub(crate) async fn new(world: &World, account: &'static str) -> Signer {
        world.account(account, AccountKind::User, false).await;
        let signer = Signer::unknown(account);
        signer.register(world).await;
        signer
    }

    /// Somebody with a key that the server does not know.
    pub(crate) fn unknown(account: &'static str) -> Signer {
        Signer { account, key: SigningKey::generate() }
    }

    /// Say whose the key is; gives its name.
    pub(crate) async fn register(&self, world: &World) -> String {
        let public_key_pem = pem::encode(&pem::Pem::new("PUBLIC KEY", self.key.public().public()));
        let given = GivenKey { label: String::new(), public_key_pem, certificate_pem: None };
        world.identity().add_key(&world.ctx(), &self.account.parse().unwrap(), given).await.unwrap().id
    }

    /// Begin the trust data of a repository.
    pub(crate) async fn begin(&self, world: &World, repository: &RepoName) {
        let gun = world.trust.guns_of(repository).remove(0);
        let signers = [(self.account, self.key.public())];
        Client::new(&gun).init(&world.trust, &world.ctx(), &gun, &signers).await.unwrap();
    }

    /// What `docker trust sign` does, again when somebody else signed meanwhile.
    pub(crate) async fn sign(
        &self,
        trust: &Trust,
        ctx: &Ctx,
        repository: &RepoName,
        tag: &str,
        digest: &Digest,
    ) -> Result<(), trust::Error> {
        let gun = trust.guns_of(repository).remove(0);
        let sha256: [u8; 32] = hex::decode(digest.hex()).unwrap().try_into().unwrap();
        let mut tried = 0;
        loop {
            tried += 1;
            let data = seen(trust, ctx, &gun).await;
            let upload = sign(&data, ctx, &self.key, (self.account, tag), sha256);
            match trust.publish(ctx, &gun, upload).await {
                Err(_) if tried < ATTEMPTS => {}
                done => return done,
            }
        }
    }
}
