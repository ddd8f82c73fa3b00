//! A real server program that speaks S3, started for a test and ended with it.
//!
//! `cargo xtask interop storage` builds it (versitygw, a Go program) and runs the tests with it. What it stores are plain files, so
//! that a test can spoil them.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use base::{Secret, limits};
use blob::BucketSettings;

const KEY_ID: &str = "assay";
const SECRET: &str = "a secret of the tests";
const BUCKET: &str = "bytes";

pub struct Gateway {
    pub endpoint: String,
    /// Where its objects are files under their keys.
    pub bucket: PathBuf,
    _folder: tempfile::TempDir,
    child: Child,
}

impl Gateway {
    /// One with an empty bucket. Without the program what was to be tested is not, and that is said.
    pub fn start() -> Option<Gateway> {
        #[expect(clippy::disallowed_methods, reason = "a test reads its own switch")]
        let Ok(program) = std::env::var("ASSAY_TEST_S3_SERVER") else {
            eprintln!(
                "NOT TESTED: buckets; ASSAY_TEST_S3_SERVER names no program (cargo xtask interop storage has one)"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let bucket = folder.path().join(BUCKET);
        fs::create_dir(&bucket).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut child = Command::new(program)
            .args(["--access", KEY_ID, "--secret", SECRET, "--port", &address, "--keep-alive", "--quiet", "posix"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(&address).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the server for S3 ended early");
            std::thread::yield_now();
        }
        Some(Gateway { endpoint: format!("http://{address}"), bucket, _folder: folder, child })
    }

    pub fn settings(&self, prefix: &str) -> BucketSettings {
        BucketSettings {
            endpoint: self.endpoint.clone(),
            region: "us-east-1".to_owned(),
            bucket: BUCKET.to_owned(),
            prefix: prefix.to_owned(),
            key_id: KEY_ID.to_owned(),
            secret: Secret::new(SECRET.to_owned()),
            ca_pem: None,
            redirect: false,
            copy_bytes: limits::BUCKET_COPY_BYTES,
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
