//! A bucket of an S3-compatible store: its settings, and the requests that are made of it.

use std::{ops::Range, sync::Arc, time::SystemTime};

use base::{Secret, limits};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use http::Method;
use object_store::{
    Certificate, ClientOptions, GetOptions, ObjectStore, ObjectStoreExt, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    multipart::{MultipartStore, PartId},
    path::Path,
    signer::Signer,
};
use tokio::sync::Semaphore;

use crate::Error;

/// Where a bucket is and how to get in.
#[derive(Clone, Debug)]
pub struct BucketSettings {
    /// `https://host` or `https://host:port`; the bucket's name goes into the path.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    /// In front of every key; empty, or ending in `/`.
    pub prefix: String,
    pub key_id: String,
    pub secret: Secret,
    /// Authorities to trust beside the system's, PEM.
    pub ca_pem: Option<String>,
    /// Whether clients are sent to the store for blobs.
    pub redirect: bool,
    /// What the store copies in one request: [`limits::BUCKET_COPY_BYTES`], unless it is known to copy less.
    pub copy_bytes: u64,
}

/// A client of one bucket; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    store: AmazonS3,
    prefix: String,
    pub(crate) redirect: bool,
    pub(crate) copy_bytes: u64,
    /// Bounds the parts in memory.
    pub(crate) senders: Arc<Semaphore>,
}

/// An object as a list shows it, its key without the prefix.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
}

impl Bucket {
    /// A client; nothing is asked yet.
    fn new(settings: &BucketSettings) -> Result<Bucket, Error> {
        let mut client = ClientOptions::new()
            .with_allow_http(settings.endpoint.starts_with("http://"))
            .with_connect_timeout(limits::STORE_CONNECT)
            .with_read_timeout(limits::STORE_SILENCE)
            .with_timeout_disabled();
        if let Some(pem) = &settings.ca_pem {
            let certificates = Certificate::from_pem_bundle(pem.as_bytes()).map_err(unusable)?;
            if certificates.is_empty() {
                return Err(Error::Unavailable("the file of authorities holds no certificate".to_owned()));
            }
            client = certificates.into_iter().fold(client, ClientOptions::with_root_certificate);
        }
        let retry = RetryConfig { retry_timeout: limits::STORE_TRIES, ..RetryConfig::default() };
        let store = AmazonS3Builder::new()
            .with_endpoint(&settings.endpoint)
            .with_region(&settings.region)
            .with_bucket_name(&settings.bucket)
            .with_access_key_id(&settings.key_id)
            .with_secret_access_key(settings.secret.expose())
            .with_virtual_hosted_style_request(false)
            // Not every store knows how to delete several at once.
            .with_disable_bulk_delete(true)
            .with_client_options(client)
            .with_retry(retry)
            .build()
            .map_err(unusable)?;
        let senders = Arc::new(Semaphore::new(limits::BUCKET_SENDERS));
        let (prefix, redirect) = (settings.prefix.clone(), settings.redirect);
        Ok(Bucket { store, prefix, redirect, copy_bytes: settings.copy_bytes, senders })
    }

    /// A client of a bucket that can be listed, written and read: what is wrong with the settings shows at the start. The
    /// error is for the operator and has the store's own words.
    pub(crate) async fn open(settings: &BucketSettings) -> Result<Bucket, Error> {
        let bucket = Bucket::new(settings)?;
        let key = bucket.path("writable")?;
        let words = Bytes::from_static(b"Assay writes this object at each start to see that it can.\n");
        bucket.store.put(&key, words.clone().into()).await.map_err(unusable)?;
        let read = bucket.store.get(&key).await.map_err(unusable)?.bytes().await.map_err(unusable)?;
        let mut list = bucket.store.list(Some(&key));
        list.try_next().await.map_err(unusable)?;
        if read == words { Ok(bucket) } else { Err(Error::Unavailable("it gives other bytes than it took".to_owned())) }
    }

    fn path(&self, key: &str) -> Result<Path, Error> {
        Path::parse(format!("{}{key}", self.prefix)).map_err(|error| Error::Unavailable(error.to_string()))
    }

    pub(crate) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        self.store.put(&self.path(key)?, bytes.into()).await.map(drop).map_err(|error| failed("put", key, &error))
    }

    /// The size of an object.
    pub(crate) async fn size(&self, key: &str) -> Result<Option<u64>, Error> {
        match self.store.head(&self.path(key)?).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("head", key, &error)),
        }
    }

    /// The bytes of an object, or a range of them.
    pub(crate) async fn get(
        &self,
        key: &str,
        range: Option<Range<u64>>,
    ) -> Result<Option<BoxStream<'static, Result<Bytes, Error>>>, Error> {
        let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
        match self.store.get_opts(&self.path(key)?, options).await {
            Ok(got) => {
                let key = key.to_owned();
                Ok(Some(got.into_stream().map_err(move |error| failed("get", &key, &error)).fuse().boxed()))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed("get", key, &error)),
        }
    }

    /// Remove an object; one that is not there is removed already.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        match self.store.delete(&self.path(key)?).await {
            Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => Err(failed("delete", key, &error)),
            _ => Ok(()),
        }
    }

    /// Copy inside the bucket; at most [`limits::BUCKET_COPY_BYTES`].
    pub(crate) async fn copy(&self, from: &str, to: &str) -> Result<(), Error> {
        self.store.copy(&self.path(from)?, &self.path(to)?).await.map_err(|error| failed("copy", from, &error))
    }

    /// The objects below a folder, after the one with the key `after`.
    pub(crate) fn list(
        &self,
        folder: &str,
        after: Option<&str>,
    ) -> Result<BoxStream<'static, Result<Listed, Error>>, Error> {
        let prefix = self.path(folder)?;
        let objects = match after {
            Some(after) => self.store.list_with_offset(Some(&prefix), &self.path(after)?),
            None => self.store.list(Some(&prefix)),
        };
        let (cut, folder) = (self.prefix.len(), folder.to_owned());
        let listed = objects.map(move |object| {
            let object = object.map_err(|error| failed("list", &folder, &error))?;
            let key = object.location.as_ref().get(cut..).unwrap_or_default().to_owned();
            Ok(Listed { key, size: object.size, modified: object.last_modified.into() })
        });
        Ok(listed.boxed())
    }

    pub(crate) async fn begin_parts(&self, key: &str) -> Result<String, Error> {
        self.store.create_multipart(&self.path(key)?).await.map_err(|error| failed("begin parts", key, &error))
    }

    /// Send one part; gives what the store calls it.
    pub(crate) async fn put_part(&self, key: &str, id: &String, index: usize, bytes: Bytes) -> Result<String, Error> {
        match self.store.put_part(&self.path(key)?, id, index, bytes.into()).await {
            Ok(part) => Ok(part.content_id),
            // The store forgot the multipart upload: it was completed, aborted, or tidied away as too old.
            Err(object_store::Error::NotFound { .. }) => Err(Error::Over),
            Err(error) => Err(failed("put part", key, &error)),
        }
    }

    pub(crate) async fn complete(&self, key: &str, id: &String, parts: Vec<String>) -> Result<(), Error> {
        let parts = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        match self.store.complete_multipart(&self.path(key)?, id, parts).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::NotFound { .. }) => Err(Error::Over),
            Err(error) => Err(failed("complete", key, &error)),
        }
    }

    pub(crate) async fn abort(&self, key: &str, id: &String) -> Result<(), Error> {
        match self.store.abort_multipart(&self.path(key)?, id).await {
            Err(error) if !matches!(error, object_store::Error::NotFound { .. }) => Err(failed("abort", key, &error)),
            _ => Ok(()),
        }
    }

    /// A link that lets its holder read one object for a short time. It is a key: it must not be logged.
    pub(crate) async fn link(&self, key: &str) -> Result<String, Error> {
        let signed = self.store.signed_url(Method::GET, &self.path(key)?, limits::REDIRECT_LIFETIME).await;
        signed.map(String::from).map_err(|error| failed("sign", key, &error))
    }
}

/// For the operator, at the start.
fn unusable(error: object_store::Error) -> Error {
    Error::Unavailable(chain(&error))
}

/// All that is known: the store's crate says last what matters, a wrong certificate for example.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !said.contains(&words) {
            said.push_str(": ");
            said.push_str(&words);
        }
        cause = error.source();
    }
    said
}

/// For a client, who is not to read where the store is; the log says the rest.
fn failed(what: &str, key: &str, error: &object_store::Error) -> Error {
    tracing::warn!(what, key, error = chain(error), "the bucket did not do what it was asked");
    Error::Unavailable("the bucket does not answer as it should; try again later".to_owned())
}
