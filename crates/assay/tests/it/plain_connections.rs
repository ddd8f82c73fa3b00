//! Blobs over the plain listener, where the kernel sends them: whatever a client does, the bytes are those of the blob.

use std::{
    fs::File,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    time::Duration,
};

use oci::Digest;
use rustix::fs::{Advice, fadvise};

use crate::server::{Answer, BASIC, Server};

const SIZE: usize = 2 * base::limits::SENDFILE_BYTES + 12_345;
const REPOSITORY: &str = "admin/large";

/// A blob of some extents and a rest, and its file.
struct Pushed {
    bytes: Vec<u8>,
    digest: Digest,
    file: PathBuf,
    authorization: String,
}

fn push(server: &Server, size: usize) -> Pushed {
    let bytes: Vec<u8> = (0..size).map(|place| (place % 253) as u8 ^ (place >> 13) as u8).collect();
    let digest = Digest::sha256_of(&bytes);
    let authorization = format!("Basic {BASIC}");
    let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}");
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/octet-stream")];
    let answer = server.ask("POST", &path, &headers, &bytes);
    assert_eq!(answer.status, 201, "{}", answer.body);
    let hex = digest.hex();
    let file = server.folder.path().join(format!("data/blobs/blobs/sha256/{}/{hex}", &hex[..2]));
    Pushed { bytes, digest, file, authorization }
}

/// Ask for the blob, or a range of it, without waiting.
fn ask(stream: &mut TcpStream, server: &Server, blob: &Pushed, range: Option<(usize, usize)>) {
    let range = range.map_or(String::new(), |(first, last)| format!("Range: bytes={first}-{last}\r\n"));
    let (path, host) = (format!("/v2/{REPOSITORY}/blobs/{}", blob.digest), &server.authority);
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\n{range}\r\n", blob.authorization);
    stream.write_all(head.as_bytes()).unwrap();
}

/// The next answer on this connection.
fn answer(stream: &mut TcpStream) -> Answer {
    let (mut raw, mut byte) = (Vec::new(), [0]);
    while !raw.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        raw.push(byte[0]);
    }
    let length: usize = Answer::parse(&raw).unwrap().header("content-length").unwrap().parse().unwrap();
    let begin = raw.len();
    raw.resize(begin + length, 0);
    stream.read_exact(&mut raw[begin..]).unwrap();
    Answer::parse(&raw).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.plain()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

#[test]
fn whole_blobs_and_ranges_follow_each_other_on_one_connection() {
    let server = Server::start("127.0.0.1");
    let blob = push(&server, SIZE);
    let extent = base::limits::SENDFILE_BYTES;
    let asked = [None, Some((0, 0)), Some((extent - 3, extent + 3)), None, Some((5, blob.bytes.len() - 1))];
    for in_memory in [true, false] {
        let mut stream = connect(&server);
        if !in_memory {
            fadvise(File::open(&blob.file).unwrap(), 0, None, Advice::DontNeed).unwrap();
        }
        // All at once, as clients may.
        for range in asked {
            ask(&mut stream, &server, &blob, range);
        }
        for range in asked {
            let (first, last) = range.unwrap_or((0, blob.bytes.len() - 1));
            let answer = answer(&mut stream);
            assert_eq!(answer.status, if range.is_some() { 206 } else { 200 });
            assert!(answer.bytes == blob.bytes[first..=last], "{range:?}");
        }
    }
}

#[test]
fn who_goes_away_in_the_middle_leaves_nothing_to_the_next() {
    let server = Server::start("127.0.0.1");
    let blob = push(&server, SIZE);
    let mut some = vec![0; 100_000];
    for _ in 0..5 {
        let mut stream = connect(&server);
        ask(&mut stream, &server, &blob, None);
        stream.read_exact(&mut some).unwrap();
    }
    let mut stream = connect(&server);
    ask(&mut stream, &server, &blob, None);
    assert!(answer(&mut stream).bytes == blob.bytes);
}

#[test]
fn a_file_that_is_cut_off_while_it_is_sent_is_no_whole_answer() {
    let server = Server::start("127.0.0.1");
    let blob = push(&server, 16 * SIZE);
    let mut stream = connect(&server);
    ask(&mut stream, &server, &blob, None);
    // The end is cut off, far behind what both ends of a connection hold: what was sent already stays as it is.
    let mut raw = vec![0; 1_000];
    stream.read_exact(&mut raw).unwrap();
    let cut = blob.bytes.len() - SIZE;
    File::options().write(true).open(&blob.file).unwrap().set_len(cut as u64).unwrap();
    // Cut off or reset, but never filled up with something else.
    let _ = stream.read_to_end(&mut raw);
    let body = Answer::parse(&raw).unwrap().bytes;
    assert!(body.len() <= cut && body == blob.bytes[..body.len()], "{} of {cut}", body.len());
    let mut stream = connect(&server);
    ask(&mut stream, &server, &blob, None);
    assert_eq!(answer(&mut stream).status, 500);
}
