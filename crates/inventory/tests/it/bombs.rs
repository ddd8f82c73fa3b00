//! Layers made to take a scanner down: each ends at a limit that is named, or harmlessly and never as clean, in memory that is measured.
//!
//! The peak of a process never goes down, so each bomb is read by a process of its own: this program again, told which by its environment.

use std::{
    env,
    io::{self, Cursor, Read, Write},
    process::Command,
};

use inventory::{Compression, Gap, LayerInventory, Limits, Progress, merge, read_layer};

use crate::tarball::{Tarball, gzip};

/// What one layer may take at the most: the window of a zstd stream and what the limits let be kept, with the program itself.
const PEAK_KIB: u64 = 640 * 1024;
const WHICH: &str = "ASSAY_TEST_BOMB";

/// Where a layer's scan has to end.
enum End {
    /// The layer is refused, in these words: the scan fails, and the image is unknown.
    Refused(&'static str),
    /// The rest of the layer is known, and a gap says what is not.
    Gap(&'static str),
    /// It is nothing to fear, and is read.
    Read,
}

struct Bomb {
    name: &'static str,
    compression: Compression,
    packed: Packed,
    limits: Limits,
    end: End,
}

/// The same bytes many times over.
struct Repeated {
    bytes: Vec<u8>,
    times: u64,
    at: usize,
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.times == 0 {
            return Ok(0);
        }
        let count = (&self.bytes[self.at..]).read(buffer)?;
        self.at += count;
        if self.at == self.bytes.len() {
            (self.at, self.times) = (0, self.times - 1);
        }
        Ok(count)
    }
}

fn repeated(bytes: Vec<u8>, times: u64) -> Repeated {
    Repeated { bytes, times, at: 0 }
}

/// The head of a member without its body.
fn head(name: &str, size_bytes: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header.set_cksum();
    header.as_bytes().to_vec()
}

/// A file whose content is one piece over and over, in an archive of nothing else.
fn file_of(name: &str, piece: &[u8], times: u64) -> Box<dyn Read + Send> {
    let size = piece.len() as u64 * times;
    let rest = vec![0; usize::try_from(size.next_multiple_of(512) - size).unwrap() + 1024];
    Box::new(Cursor::new(head(name, size)).chain(repeated(piece.to_vec(), times)).chain(Cursor::new(rest)))
}

fn boxed(tar: Vec<u8>) -> Box<dyn Read + Send> {
    Box::new(Cursor::new(tar))
}

fn packed_by_zstd(from: impl Read) -> Box<dyn Read + Send> {
    boxed(zstd::encode_all(from, 3).unwrap())
}

/// A jar of these members.
fn jar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn with_file(name: &str, content: &[u8]) -> Box<dyn Read + Send> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, name, content).unwrap();
    boxed(tar.into_inner().unwrap())
}

fn nested_jars() -> Box<dyn Read + Send> {
    let mut nest = jar(&[("a.txt", b"")]);
    for _ in 0..40 {
        nest = jar(&[("in.jar", &nest)]);
    }
    with_file("srv/deep.jar", &nest)
}

/// A frame that says its window is 2 GiB (RFC 8878, section 3.1.1.1.2), and a block of it.
fn wide_window() -> Box<dyn Read + Send> {
    boxed([&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3][..], &[0x03, 0x00, 0x00, b'x']].concat())
}

/// Links that lead to each other, to themselves and out, devices where databases belong, names that climb.
fn circles() -> Box<dyn Read + Send> {
    let device = |tarball: Tarball, name: &[u8], kind: u8| tarball.raw(name, kind, b"", |_| {});
    let mut tarball = Tarball::new()
        .link(tar::EntryType::Link, "hard/a", "hard/b")
        .link(tar::EntryType::Link, "hard/b", "hard/a")
        .link(tar::EntryType::Link, "hard/self", "hard/self")
        .link(tar::EntryType::Link, "hard/out", "/../../etc/shadow")
        .symlink("lib", "usr/lib")
        .symlink("usr/lib", "../lib")
        .symlink("var/lib/rpm", "/var/lib/rpm")
        .symlink("etc/os-release", "../etc/os-release")
        .symlink("var/lib/dpkg", "/../../../../proc/self/root/var/lib/dpkg")
        .raw(b"/../../../absolute", b'0', b"x", |_| {});
    for (name, kind) in [(&b"lib/apk/db/installed"[..], b'3'), (b"usr/lib/apk/db/installed", b'4'), (b"run/pipe", b'6')]
    {
        tarball = device(tarball, name, kind);
    }
    boxed(tarball.bytes())
}

fn sized(forge: impl FnOnce(&mut [u8; 512])) -> Box<dyn Read + Send> {
    boxed(Tarball::new().raw(b"x", b'0', b"", forge).bytes())
}

fn many_members(count: u64) -> Box<dyn Read + Send> {
    Box::new(repeated(head("again", 0), count))
}

/// The content of a member of its own for each number: long names, few bytes.
fn long_names() -> Box<dyn Read + Send> {
    let name = vec![b'n'; 4_000];
    let with = move |number: u64| {
        let mut name = name.clone();
        name.extend_from_slice(number.to_string().as_bytes());
        let mut header = tar::Header::new_gnu();
        header.set_path("././@LongLink").unwrap();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(name.len() as u64);
        header.set_cksum();
        name.resize(name.len().next_multiple_of(512), 0);
        [header.as_bytes().as_slice(), &name, &head("short", 0)].concat()
    };
    let mut number = 0;
    let mut rest: Vec<u8> = Vec::new();
    Box::new(FromFn(move |buffer: &mut [u8]| {
        if rest.is_empty() {
            number += 1;
            rest = with(number);
        }
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        rest.drain(..count);
        Ok(count)
    }))
}

struct FromFn<F>(F);

impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for FromFn<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.0)(buffer)
    }
}

const MIB: u64 = 1024 * 1024;

type Packed = fn() -> Box<dyn Read + Send>;

fn bomb(name: &'static str, compression: Compression, packed: Packed, limits: Limits, end: End) -> Bomb {
    Bomb { name, compression, packed, limits, end }
}

fn plain(name: &'static str, packed: Packed, end: End) -> Bomb {
    bomb(name, Compression::None, packed, Limits::default(), end)
}

fn bombs() -> Vec<Bomb> {
    packings().into_iter().chain(archives()).chain(contents()).collect()
}

/// Little that unpacks to much, once or one inside the other.
fn packings() -> Vec<Bomb> {
    let usual = Limits::default();
    let less = Limits { unpacked_bytes: 192 * MIB, ..usual };
    vec![
        bomb(
            "gzip",
            Compression::Gzip,
            || Box::new(Cursor::new(gzip(&head("zeros", 1 << 27))).chain(repeated(gzip(&vec![0; 1 << 24]), 1 << 20))),
            less,
            End::Refused("unpacked bytes than the limit of 201326592"),
        ),
        bomb(
            "zstd",
            Compression::Zstd,
            || packed_by_zstd(file_of("zeros", &vec![0; 1 << 20], 600)),
            usual,
            End::Refused("unpacked bytes for each packed byte"),
        ),
        bomb("zstd window", Compression::Zstd, wide_window, usual, End::Refused("zstd stream is damaged")),
        bomb("endless", Compression::None, endless_zeros, less, End::Refused("bytes in one file")),
        plain(
            "zip in jar",
            || {
                let zeros = vec![0; 40 << 20];
                with_file("srv/a.jar", &jar(&[("a.war", &zeros), ("b.war", &zeros)]))
            },
            End::Gap("than the limit"),
        ),
        plain("deep jars", nested_jars, End::Gap("limit of 5")),
    ]
}

/// Heads that lie, members and names without end, links in circles.
fn archives() -> Vec<Bomb> {
    let usual = Limits::default();
    vec![
        plain(
            "terabyte",
            || boxed(head("sparse", 1 << 40)),
            End::Refused("bytes in one file than the limit of 68719476736"),
        ),
        plain(
            "sparse",
            || boxed(Tarball::new().raw(b"x", b'S', b"", |_| {}).bytes()),
            End::Refused("sparse files are not read"),
        ),
        plain(
            "2^63",
            || sized(|header| header[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0])),
            End::Refused("bytes in one file"),
        ),
        plain(
            "2^64",
            || sized(|header| header[124..136].copy_from_slice(&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])),
            End::Refused("not a number"),
        ),
        plain(
            "pax 2^63",
            || boxed(Tarball::new().pax(&[("size", "9223372036854775808")]).file("x", "").bytes()),
            End::Refused("bytes in one file"),
        ),
        bomb(
            "members",
            Compression::None,
            || many_members(50_001),
            Limits { members: 50_000, ..usual },
            End::Refused("members than the limit of 50000"),
        ),
        bomb(
            "names",
            Compression::None,
            long_names,
            Limits { names_bytes: 16 * MIB, ..usual },
            End::Refused("bytes of names than the limit of 16777216"),
        ),
        plain("circles", circles, End::Gap("is not a regular file")),
    ]
}

/// Files that are small for what has to be made of them.
fn contents() -> Vec<Bomb> {
    vec![
        plain(
            "packages",
            || file_of("var/lib/dpkg/status", b"Package: a\nStatus: a a installed\nVersion: 1\n\n", 1_300_000),
            End::Gap("lines than the limit"),
        ),
        plain("owned", || file_of("var/lib/dpkg/info/a.list", b"/a\n", 22_000_000), End::Read),
        plain("apk", || file_of("lib/apk/db/installed", b"R:a\n", 16_000_000), End::Gap("lines than the limit")),
        plain("lists", many_lists, End::Refused("bytes of package metadata")),
        plain("json", || file_of("srv/package-lock.json", b"[0,", 5_000_000), End::Gap("cannot be read")),
        plain(
            "executables",
            || {
                let program = [&b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"[..], &[7; 48]].concat();
                let one = || {
                    let mut tar = head("usr/bin/x", 32 << 20);
                    tar.extend(&program);
                    tar
                };
                let body = vec![0x55; (32 << 20) - program.len()];
                Box::new(Cursor::new([one(), body].concat()).chain(repeated(head("again", 0), 3)))
            },
            End::Read,
        ),
    ]
}

fn endless_zeros() -> Box<dyn Read + Send> {
    file_of("zeros", &vec![0; 1 << 20], 1 << 20)
}

/// Lists of files that are each below the limit, and together are not.
fn many_lists() -> Box<dyn Read + Send> {
    let list: String = (0..100_000).map(|number| format!("/{number}\n")).collect();
    let mut layer = Tarball::new();
    for number in 0..30 {
        layer = layer.file(&format!("var/lib/dpkg/info/p{number}.list"), &list);
    }
    boxed(layer.bytes())
}

/// Peak of this process, in KiB (proc_pid_status(5), VmHWM).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What one bomb came to, as text for whoever started this process.
#[test]
#[expect(clippy::disallowed_methods, reason = "a process of its own is told which in its environment")]
fn one_bomb() {
    let Ok(which) = env::var(WHICH) else { return };
    let bomb = bombs().into_iter().find(|bomb| bomb.name == which).unwrap();
    let packed = (bomb.packed)();
    let before = peak_kib();
    let index = fingerprint::Index::builtin();
    let read = read_layer(packed, bomb.compression, &bomb.limits, index, &Progress::default());
    let told = match read {
        Ok(layer) => {
            let image = merge(&[LayerInventory::from_json(&layer.inventory.to_json()).unwrap()]);
            let known = image.gaps.iter().filter(|gap| !matches!(gap, Gap::NoPackages { .. }));
            format!("gaps {}", known.map(ToString::to_string).collect::<Vec<_>>().join("; "))
        }
        Err(error) => format!("refused {error}"),
    };
    println!("\nBOMB {} {before} {told}", peak_kib());
}

#[test]
fn bombs_end_at_limits_in_measured_memory() {
    let program = env::current_exe().unwrap();
    let mut wrong = Vec::new();
    for bomb in bombs() {
        let arguments = ["--exact", "bombs::one_bomb", "--nocapture"];
        let run = Command::new(&program).args(arguments).env(WHICH, bomb.name).output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout);
        let Some(line) = text.lines().find_map(|line| line.strip_prefix("BOMB ")) else {
            wrong.push(format!("{}: no answer: {text} {}", bomb.name, String::from_utf8_lossy(&run.stderr)));
            continue;
        };
        let (peak, rest) = line.split_once(' ').unwrap();
        let (_, told) = rest.split_once(' ').unwrap();
        let ended = match bomb.end {
            End::Refused(words) => told.starts_with("refused ") && told.contains(words),
            End::Gap(words) => told.starts_with("gaps ") && told.contains(words),
            End::Read => told == "gaps ",
        };
        if !ended || peak.parse::<u64>().unwrap() > PEAK_KIB {
            wrong.push(format!("{}: peak {peak} KiB, {told}", bomb.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
