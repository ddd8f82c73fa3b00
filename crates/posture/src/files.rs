//! Facts about the files of an image, all layers merged.

use crate::fact::{Fact, Gathered};

/// One file or folder that can still be seen in the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Without a leading slash.
    pub path: &'a str,
    /// The type in the upper bits as `st_mode` has it (inode(7)), or only the permissions.
    pub mode: u32,
    /// `None` when not known.
    pub uid: Option<u32>,
    pub size_bytes: u64,
}

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const WORLD_WRITE: u32 = 0o0002;
const TYPE: u32 = 0o170_000;
const FOLDER: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
/// Block and character devices, pipes and sockets: what may be done with them is not what their mode says in an image.
const OTHERS: [u32; 4] = [0o060_000, 0o020_000, 0o010_000, 0o140_000];

/// Folders that hold nothing but what a package manager can fetch again.
const LEFTOVERS: [&str; 18] = [
    "var/lib/apt/lists/",
    "var/cache/apt/archives/",
    "var/cache/apt/pkgcache.bin",
    "var/cache/apt/srcpkgcache.bin",
    "var/cache/apk/",
    "etc/apk/cache/",
    "var/cache/dnf/",
    "var/cache/yum/",
    "var/cache/libdnf5/",
    "var/cache/zypp/",
    "var/cache/pacman/pkg/",
    "root/.cache/pip/",
    "root/.npm/_cacache/",
    "root/.cache/yarn/",
    "usr/local/share/.cache/yarn/",
    "root/.cache/go-build/",
    "root/.cargo/registry/cache/",
    "root/.m2/repository/",
];

/// Programs that install packages; an image that is finished needs none.
const MANAGERS: [&str; 16] = [
    "usr/bin/apt-get",
    "usr/bin/apt",
    "usr/bin/dpkg",
    "sbin/apk",
    "usr/bin/apk",
    "usr/bin/dnf",
    "usr/bin/dnf5",
    "usr/bin/microdnf",
    "usr/bin/yum",
    "usr/bin/rpm",
    "usr/bin/zypper",
    "usr/bin/pacman",
    "usr/bin/pip",
    "usr/local/bin/pip",
    "usr/local/bin/npm",
    "usr/bin/npm",
];

pub fn facts<'a>(files: impl IntoIterator<Item = File<'a>>) -> Vec<Fact> {
    let mut setuid =
        Gathered::new("setuid-files", "Programs run with the rights of their owner, whoever starts them (setuid).");
    let mut setgid =
        Gathered::new("setgid-files", "Programs run with the rights of their group, whoever starts them (setgid).");
    let mut writable = Gathered::new("world-writable-files", "Everybody in the container may change these files.");
    let mut folders = Gathered::new(
        "world-writable-folders",
        "Everybody may add and remove files of others in these folders: they lack the sticky bit.",
    );
    let mut leftovers =
        Gathered::new("package-leftovers", "Caches and lists of package managers were left in the image.");
    let mut managers =
        Gathered::new("package-managers", "Package managers are installed: an intruder can install what is missing.");
    let mut sshd =
        Gathered::new("ssh-server", "An SSH server is installed: a container is entered through its engine.");
    let mut devices = Gathered::new("device-files", "The image brings device files.");
    for file in files {
        let kind = file.mode & TYPE;
        let path = file.path.trim_start_matches("./").trim_start_matches('/');
        if OTHERS[..2].contains(&kind) {
            devices.see(path);
        }
        if kind == LINK || OTHERS.contains(&kind) || path.is_empty() {
            continue;
        }
        let has = |bit: u32| file.mode & bit != 0;
        if kind == FOLDER {
            if has(WORLD_WRITE) && !has(STICKY) {
                folders.see(path);
            }
            continue;
        }
        if has(SETUID) {
            setuid.see(path);
        }
        // Without the right to execute, the bit once meant mandatory locking.
        if has(SETGID) && has(0o010) {
            setgid.see(path);
        }
        if has(WORLD_WRITE) {
            writable.see(path);
        }
        if is_leftover(path, file.size_bytes) {
            leftovers.see(path);
        }
        if MANAGERS.contains(&path) {
            managers.see(path);
        }
        if matches!(path, "usr/sbin/sshd" | "usr/bin/sshd" | "usr/sbin/dropbear") {
            sshd.see(path);
        }
    }
    let all = [setuid, setgid, writable, folders, leftovers, managers, sshd, devices];
    all.into_iter().filter_map(Gathered::fact).collect()
}

/// Locks and empty marks stay behind in every image and weigh nothing.
fn is_leftover(path: &str, size_bytes: u64) -> bool {
    let lock = path.ends_with("/lock") || path.ends_with("/partial") || path.ends_with(".keep");
    size_bytes > 0 && !lock && LEFTOVERS.iter().any(|folder| path.starts_with(folder))
}
