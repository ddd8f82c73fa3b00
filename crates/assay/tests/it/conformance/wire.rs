//! A client that speaks the distribution protocol byte by byte.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use oci::{Algorithm, Digest};
use serde_json::json;

use crate::{
    image::call,
    server::{Answer, PASSWORD, Server},
};

pub const OCTETS: (&str, &str) = ("Content-Type", "application/octet-stream");

/// A server, and somebody who is signed in there.
pub struct Wire {
    pub server: Server,
    auth: String,
}

/// Bytes that no other name gives, and that are no text.
pub fn content(name: &str, size: usize) -> Vec<u8> {
    let blocks = (0_u64..)
        .flat_map(|block| Digest::sha256_of(format!("{name} {block}").as_bytes()).hex().to_owned().into_bytes());
    blocks.map(|byte| byte ^ 0x80).take(size).collect()
}

/// Where uploads to a repository begin.
pub fn uploads(repository: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/")
}

/// The value of an `Authorization` header.
pub fn basic(name: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{secret}")))
}

impl Wire {
    /// A new server, as its administrator; with an access token, for a password is slow to check on purpose.
    pub fn start() -> Wire {
        Wire::to(Server::start("127.0.0.1"))
    }

    pub fn to(server: Server) -> Wire {
        let token = call(&server, 200, "POST", "/api/v0/api_tokens", &json!({"tokenLabel": "test"}));
        let auth = basic("admin", token["token"].as_str().unwrap());
        Wire { server, auth }
    }

    /// Make an account; gives the value of its `Authorization` header.
    pub fn account(&self, name: &str) -> String {
        call(&self.server, 201, "POST", "/enzi/v0/accounts", &json!({"name": name, "password": PASSWORD}));
        basic(name, PASSWORD)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.ask_as(&self.auth, method, path, headers, body)
    }

    /// The same with other credentials; with none when `auth` is empty.
    pub fn ask_as(&self, auth: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut all = headers.to_vec();
        if !auth.is_empty() {
            all.push(("Authorization", auth));
        }
        let answer = self.server.ask(method, path, &all, body);
        if method == "HEAD" {
            assert!(answer.bytes.is_empty(), "an answer to HEAD has no body: {answer:?}");
        }
        answer
    }

    pub fn expect(&self, status: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = self.ask(method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.body);
        answer
    }

    /// Refused with this status and code.
    pub fn refused(&self, status: u16, code: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let answer = self.expect(status, method, path, headers, body);
        assert!(method == "HEAD" || answer.code() == code, "{method} {path}: {}, not {code}", answer.body);
    }

    /// Begin an upload; gives its location.
    pub fn begin(&self, repository: &str) -> String {
        let begun = self.expect(202, "POST", &uploads(repository), &[], b"");
        assert_eq!(begun.header("range"), Some("0-0"));
        begun.header("location").expect("an upload has a location").to_owned()
    }

    /// Send a chunk that begins at `first`, or a piece that does not say; gives the next location.
    pub fn patch(&self, location: &str, first: Option<usize>, bytes: &[u8]) -> String {
        let range = first.map(|first| format!("{first}-{}", first + bytes.len() - 1));
        let mut headers = vec![OCTETS];
        headers.extend(range.as_deref().map(|range| ("Content-Range", range)));
        let answer = self.expect(202, "PATCH", location, &headers, bytes);
        answer.header("location").expect("the next piece has a location").to_owned()
    }

    /// End an upload, whatever comes of it.
    pub fn put(&self, location: &str, digest: &Digest, first: Option<usize>, bytes: &[u8]) -> Answer {
        let range = first.map(|first| format!("{first}-{}", first + bytes.len() - 1));
        let mut headers = vec![OCTETS];
        headers.extend(range.as_deref().map(|range| ("Content-Range", range)));
        let joint = if location.contains('?') { '&' } else { '?' };
        self.ask("PUT", &format!("{location}{joint}digest={digest}"), &headers, bytes)
    }

    /// Send a body whose length nobody knows before its end.
    pub fn stream(&self, method: &str, path: &str, pieces: &[&[u8]]) -> Answer {
        let mut stream = TcpStream::connect(self.server.plain()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.auth
        );
        let mut request = head.into_bytes();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            request.extend(format!("{:x}\r\n", piece.len()).as_bytes());
            request.extend(*piece);
            request.extend(b"\r\n");
        }
        request.extend(b"0\r\n\r\n");
        stream.write_all(&request).unwrap();
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).unwrap();
        Answer::parse(&raw).expect("a head and a body")
    }

    /// Put a blob there; gives its digest.
    pub fn blob(&self, repository: &str, algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let digest = Digest::of(algorithm, bytes);
        let done = self.put(&self.begin(repository), &digest, None, bytes);
        assert_eq!(done.status, 201, "{}", done.body);
        digest
    }

    /// Exactly these bytes are there under this digest, for HEAD and for GET.
    pub fn holds(&self, repository: &str, digest: &Digest, bytes: &[u8]) {
        let path = format!("/v2/{repository}/blobs/{digest}");
        for method in ["HEAD", "GET"] {
            let answer = self.expect(200, method, &path, &[], b"");
            assert_eq!(answer.header("content-length"), Some(bytes.len().to_string().as_str()), "{method} {path}");
            assert_eq!(answer.header("docker-content-digest"), Some(digest.as_str()), "{method} {path}");
            assert!(method == "HEAD" || answer.bytes == bytes, "GET {path} gives other bytes");
        }
    }

    /// Nothing is there under this digest.
    pub fn lacks(&self, repository: &str, digest: &Digest) {
        let path = format!("/v2/{repository}/blobs/{digest}");
        self.refused(404, "BLOB_UNKNOWN", "GET", &path, &[], b"");
        self.refused(404, "BLOB_UNKNOWN", "HEAD", &path, &[], b"");
    }
}
