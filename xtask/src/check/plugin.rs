//! The smallest authorization plugin: says no to every request about one image.
//!
//! It stands in for Assay's guard in the harness's own check, to prove that a process outside the namespaces is found
//! and obeyed. Protocol: Docker's "Access authorization plugin", JSON over HTTP on a unix socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};

/// More than the engine ever passes: bodies are cut at 1 MiB before base64.
const BODY_BYTES: u64 = 4 << 20;

/// Answers on `socket` until xtask ends, refusing to create containers of `image`.
///
/// # Errors
/// The socket cannot be made.
pub fn serve(socket: &Path, image: &'static str) -> Result<()> {
    let listener = UnixListener::bind(socket).with_context(|| format!("cannot listen on {}", socket.display()))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The engine asks again on a new connection; one that breaks is its loss.
            thread::spawn(move || answer(&stream, image));
        }
    });
    Ok(())
}

fn answer(stream: &UnixStream, image: &str) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let activates = line.contains("/Plugin.Activate");
        let mut length = 0;
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).ok()?;
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok().filter(|length| *length <= BODY_BYTES)?;
            }
        }
        let mut body = Vec::new();
        reader.by_ref().take(length).read_to_end(&mut body).ok()?;
        let reply = if activates { r#"{"Implements":["authz"]}"#.to_owned() } else { decide(&body, image) };
        write!(
            &*stream,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{reply}",
            reply.len()
        )
        .ok()?;
    }
}

fn decide(body: &[u8], image: &str) -> String {
    let request: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let creates = request["RequestUri"].as_str().is_some_and(|uri| uri.contains("/containers/create"));
    let encoded = request["RequestBody"].as_str().unwrap_or_default();
    // Base64 of a JSON body: the image's name is looked for at each of the three alignments it can have.
    if creates && (0..3).any(|shift| encoded.contains(&base64_middle(image, shift))) {
        return format!(r#"{{"Allow":false,"Msg":"{image} may not run here"}}"#);
    }
    r#"{"Allow":true}"#.to_owned()
}

/// The base64 of `text` as it appears inside a longer text in which it begins `shift` bytes after a multiple of three.
fn base64_middle(text: &str, shift: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let whole = text.as_bytes().get((3 - shift) % 3..).unwrap_or_default();
    let mut out = String::new();
    for group in whole.chunks_exact(3) {
        let bits = (u32::from(group[0]) << 16) | (u32::from(group[1]) << 8) | u32::from(group[2]);
        out.extend([18, 12, 6, 0].map(|by| char::from(ALPHABET[((bits >> by) & 63) as usize])));
    }
    out
}
