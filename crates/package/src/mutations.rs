//! Records of distributions in text, a thousand times damaged each: what any bytes give is a document or a reason.

use crate::{Document, Form};

const RECORDS: [(&str, &str); 8] = [
    (
        "lib/apk/db/installed",
        "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:libc.so\na:0:0:755\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n\nP:b\nV:2\n\n",
    ),
    (
        "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\nMaintainer: A <a@debian.org>\nArchitecture: amd64\nSource: b (1-1)\nVersion: 1-1+b1\n\
         Conffiles:\n /etc/a 89269e1298235f1b12b4c16e4065ad0d\nDescription: a\n b\n\nPackage: c\nStatus: install ok installed\nVersion: 2~bookworm\n",
    ),
    (
        "usr/lib/opkg/status",
        "Package: a\nVersion: 1-1\nStatus: install user installed\nArchitecture: arm\nSource: feeds/x/a\n\nPackage: b\nVersion: 2\n",
    ),
    ("var/lib/opkg/info/a.list", "/usr/bin/a\n/etc/a\n"),
    ("var/lib/pacman/local/a-1-1/desc", "%NAME%\na\n\n%VERSION%\n1-1\n\n%BASE%\nb\n\n%LICENSE%\nMIT\nGPL\n\n"),
    ("var/lib/pacman/local/a-1-1/files", "%FILES%\nusr/\nusr/bin/a\n\n%BACKUP%\netc/a\t00ff\n"),
    ("etc/os-release", "ID=\"rocky\"\nVERSION_ID='9.3'\nID_LIKE=\"rhel fedora\"\nSUPPORT_END=2032-05-31\n"),
    ("etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n"),
];

#[test]
fn damaged_records_are_read_or_refused() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    for (path, text) in RECORDS {
        let form = Form::of(path).unwrap();
        assert!(form.read(path, text.as_bytes()).unwrap().is_some(), "{path}");
        for _ in 0..1_000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = [0, b'\n', b':', b'%', b'"', 0xff][random(6)],
                    2 => bytes[at] ^= 1 << random(8),
                    _ => bytes.insert(at, [b'\n', b'/', b' ', b'.', 0xc3][random(5)]),
                }
            }
            let Ok(Some(Document::Packages { packages, .. })) = form.read(path, &bytes) else { continue };
            assert!(packages.iter().all(|package| !package.name.is_empty() && !package.version.is_empty()), "{path}");
            assert!(packages.is_sorted_by(|a, b| a.key() < b.key()), "{path}");
        }
    }
}
