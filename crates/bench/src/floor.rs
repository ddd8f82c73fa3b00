//! What this machine can do at all: a server that knows its answers beforehand.
//!
//! A thread for each connection, with blocking sockets: a manifest is written from memory in one call, a blob is sent with
//! `sendfile` from the kernel's cache. Nothing is looked up, checked or counted, so that no registry can be faster by much.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};

use crate::content::{MANIFEST, SIZES};
use crate::side::{Side, free_address};

/// Starts this program once more, as the floor; `folder` is for its blobs.
pub fn start(folder: &Path) -> Result<Side> {
    std::fs::create_dir_all(folder)?;
    for size in SIZES {
        std::fs::write(blob(folder, size), vec![7; size])?;
    }
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("floor-of-registry").arg(address.to_string()).arg(folder);
    Side::spawn("the floor", command, address, None, &folder.join("log"))
}

/// Where the floor serves a blob of this size.
pub fn blob_path(size: usize) -> String {
    format!("/blob/{size}")
}

fn blob(folder: &Path, size: usize) -> PathBuf {
    folder.join(size.to_string())
}

/// Serves until it is killed.
pub fn serve(address: SocketAddr, folder: &Path) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    loop {
        let (stream, _) = listener.accept()?;
        let folder = folder.to_owned();
        // A client that went away is no failure of the floor.
        thread::spawn(move || drop(answer(stream, &folder)));
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> Result<()> {
    stream.set_nodelay(true)?;
    let body = vec![b' '; 500];
    let manifest = [head(MANIFEST, body.len()).as_bytes(), &body].concat();
    let files = SIZES.map(|size| (blob_path(size), size, File::open(blob(folder, size))));
    let mut buffer = [0; 4096];
    loop {
        let mut filled = 0;
        while !buffer[..filled].ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer[filled..])? {
                0 => return Ok(()),
                more => filled += more,
            }
        }
        let asked = std::str::from_utf8(&buffer[..filled])?.split(' ').nth(1).context("no path")?;
        match files.iter().find(|(path, ..)| path == asked) {
            None => stream.write_all(&manifest)?,
            Some((_, size, file)) => {
                stream.write_all(head("application/octet-stream", *size).as_bytes())?;
                let file = file.as_ref().ok().context("no blob")?;
                let mut offset = 0;
                while offset < *size as u64 {
                    rustix::fs::sendfile(&stream, file, Some(&mut offset), *size)?;
                }
            }
        }
    }
}

fn head(media_type: &str, length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n")
}
