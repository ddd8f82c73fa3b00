//! One connection that asks and reads answers, with as little work as HTTP/1.1 allows.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// An answer takes less, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// A head fits; a body goes through it in pieces.
const BUFFER: usize = 1 << 18;
const HEADERS: usize = 48;

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What was answered; the body was read and thrown away, unless it was asked for.
#[derive(Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub length: u64,
    pub body: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Connection { stream, buffer: vec![0; BUFFER] })
    }

    /// Sends a whole request and reads the answer, the body into nothing.
    pub fn ask(&mut self, request: &[u8], body: &[u8]) -> Result<Answer> {
        self.send(request, body)?;
        self.read(false)
    }

    /// The same with the answer's body.
    pub fn fetch(&mut self, request: &[u8], body: &[u8]) -> Result<Answer> {
        self.send(request, body)?;
        self.read(true)
    }

    fn send(&mut self, request: &[u8], body: &[u8]) -> Result<()> {
        self.stream.write_all(request)?;
        if !body.is_empty() {
            self.stream.write_all(body)?;
        }
        Ok(())
    }

    fn read(&mut self, keep: bool) -> Result<Answer> {
        let mut filled = 0;
        let (head, mut answer, has_body) = loop {
            let more = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(more > 0, "the server closed the connection");
            filled += more;
            if let Some(found) = head_of(&self.buffer[..filled])? {
                break found;
            }
            ensure!(filled < self.buffer.len(), "a head of more than {BUFFER} bytes");
        };
        if !has_body {
            return Ok(answer);
        }
        let mut left = answer.length.saturating_sub((filled - head) as u64);
        if keep {
            answer.body.extend_from_slice(&self.buffer[head..filled]);
        }
        while left > 0 {
            let more = self.stream.read(&mut self.buffer)?;
            ensure!(more > 0, "the server closed the connection in a body");
            if keep {
                answer.body.extend_from_slice(&self.buffer[..more]);
            }
            left = left.saturating_sub(more as u64);
        }
        Ok(answer)
    }
}

/// The length of a complete head, what it says, and whether a body of that length follows.
fn head_of(bytes: &[u8]) -> Result<Option<(usize, Answer, bool)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let mut answer = Answer { status: response.code.unwrap_or_default(), ..Answer::default() };
    let mut framed = false;
    for header in response.headers.iter() {
        let value = || std::str::from_utf8(header.value).unwrap_or_default();
        if header.name.eq_ignore_ascii_case("content-length") {
            answer.length = value().parse().context("a content length that is no number")?;
            framed = true;
        } else if header.name.eq_ignore_ascii_case("location") {
            answer.location = Some(value().to_owned());
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("an answer in chunks, which no row expects");
        }
    }
    // No row asks for anything else that has a length and no body.
    let has_body = framed && answer.length > 0 && answer.status != 304;
    Ok(Some((head, answer, has_body)))
}

/// A request without a body; `HEAD` is asked with [`Connection::head`].
pub fn request(method: &str, path: &str, host: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if length > 0 || method != "GET" && method != "HEAD" {
        text.push_str(&format!("Content-Length: {length}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

impl Connection {
    /// Sends a `HEAD`; its answer has a length and no body.
    pub fn head(&mut self, request: &[u8]) -> Result<Answer> {
        self.send(request, b"")?;
        let mut filled = 0;
        loop {
            let more = self.stream.read(&mut self.buffer[filled..])?;
            ensure!(more > 0, "the server closed the connection");
            filled += more;
            if let Some((_, answer, _)) = head_of(&self.buffer[..filled])? {
                return Ok(answer);
            }
        }
    }
}
