//! One connection that asks and reads answers, with as little work as HTTP/1.1 allows; plain or over TLS.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// An answer takes less, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
/// A head fits; a body goes through it in pieces.
const BUFFER: usize = 1 << 18;
/// What is read of encrypted bytes at once: a few records.
const RECORDS: usize = 1 << 16;
const HEADERS: usize = 48;
/// What is read at once of a body that comes as it is read.
const PIECE: usize = 1 << 16;

/// A connection that is kept.
pub struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

/// A socket that is read in larger pieces than the TLS library asks for.
struct Socket {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
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
    /// Connects; with a configuration of TLS, to a server that has a certificate for its address.
    pub fn open(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Connection> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(config) => {
                let session = ClientConnection::new(Arc::clone(config), ServerName::IpAddress(address.ip().into()))?;
                let writer = stream.try_clone()?;
                let socket = Socket { reader: BufReader::with_capacity(RECORDS, stream), writer };
                Stream::Tls(Box::new(StreamOwned::new(session, socket)))
            }
        };
        Ok(Connection { stream, buffer: vec![0; BUFFER] })
    }

    /// Sends a whole request and reads the answer, the body into nothing.
    pub fn ask(&mut self, request: &[u8], body: &[u8]) -> Result<Answer> {
        self.send(request, body)?;
        self.read(Body::Nowhere)
    }

    /// Sends a request whose body comes as it is read; gives also the moment when its last byte was sent.
    pub fn ask_from(&mut self, request: &[u8], mut body: impl Read) -> Result<(Answer, Instant)> {
        self.stream.write_all(request)?;
        let mut piece = vec![0; PIECE];
        loop {
            let count = body.read(&mut piece)?;
            if count == 0 {
                break;
            }
            self.stream.write_all(&piece[..count])?;
        }
        let last_byte = Instant::now();
        Ok((self.read(Body::Nowhere)?, last_byte))
    }

    /// The same with the answer's body.
    pub fn fetch(&mut self, request: &[u8], body: &[u8]) -> Result<Answer> {
        self.send(request, body)?;
        self.read(Body::Kept)
    }

    /// Sends a `HEAD`; its answer has a length and no body.
    pub fn head(&mut self, request: &[u8]) -> Result<Answer> {
        self.send(request, b"")?;
        self.read(Body::None)
    }

    fn send(&mut self, request: &[u8], body: &[u8]) -> Result<()> {
        self.stream.write_all(request)?;
        if !body.is_empty() {
            self.stream.write_all(body)?;
        }
        Ok(())
    }

    fn read(&mut self, wanted: Body) -> Result<Answer> {
        let mut filled = 0;
        let (head, mut answer) = loop {
            ensure!(filled < self.buffer.len(), "a head of more than {BUFFER} bytes");
            filled += self.more(filled)?;
            if let Some(found) = head_of(&self.buffer[..filled])? {
                break found;
            }
        };
        if matches!(wanted, Body::None) {
            return Ok(answer);
        }
        let mut left = answer.length.saturating_sub((filled - head) as u64);
        if matches!(wanted, Body::Kept) {
            answer.body.extend_from_slice(&self.buffer[head..filled]);
        }
        while left > 0 {
            let more = self.more(0)?;
            if matches!(wanted, Body::Kept) {
                answer.body.extend_from_slice(&self.buffer[..more]);
            }
            left = left.saturating_sub(more as u64);
        }
        Ok(answer)
    }

    fn more(&mut self, from: usize) -> Result<usize> {
        let more = self.stream.read(&mut self.buffer[from..])?;
        ensure!(more > 0, "the server closed the connection");
        Ok(more)
    }
}

impl Stream {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(into),
            Stream::Tls(stream) => stream.read(into),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.reader.read(into)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

/// What becomes of the body of an answer.
#[derive(Clone, Copy)]
enum Body {
    None,
    Nowhere,
    Kept,
}

/// The length of a complete head, and what it says.
fn head_of(bytes: &[u8]) -> Result<Option<(usize, Answer)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let mut answer = Answer { status: response.code.unwrap_or_default(), ..Answer::default() };
    for header in response.headers.iter() {
        let value = || std::str::from_utf8(header.value).unwrap_or_default();
        if header.name.eq_ignore_ascii_case("content-length") {
            answer.length = value().parse().context("a content length that is no number")?;
        } else if header.name.eq_ignore_ascii_case("location") {
            answer.location = Some(value().to_owned());
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("an answer in chunks, which no row expects");
        }
    }
    Ok(Some((head, answer)))
}

/// The head of a request; `length` is that of the body which follows.
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
