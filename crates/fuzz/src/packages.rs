//! Databases of distributions, and metadata of languages: one reader for each form that there is.

use std::collections::BTreeMap;

use package::{Document, Form, Purl};

use crate::{
    made_programs::{archive, properties},
    reader::{Reader, ending, files},
};

/// Name, path, and a small record of a distribution's making.
const RECORDS: [(&str, &str, &str); 15] = [
    (
        "apk-installed",
        "lib/apk/db/installed",
        "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:libc.so\na:0:0:755\nZ:Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=\n\nP:b\nV:2\n\n",
    ),
    (
        "copyright",
        "usr/share/doc/a/copyright",
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nCopyright: A\nLicense: GPL-2+ or MIT\n \
         On Debian systems, see /usr/share/common-licenses/GPL-2.\n",
    ),
    ("dpkg-list", "var/lib/dpkg/info/a:amd64.list", "/.\n/usr\n/usr/bin/a\n/etc/a\n"),
    ("dpkg-single", "var/lib/dpkg/status.d/a", "Package: a\nVersion: 1-1\nArchitecture: amd64\nSource: b (1)\n"),
    (
        "dpkg-status",
        "var/lib/dpkg/status",
        "Package: a\nStatus: install ok installed\nMaintainer: A <a@debian.org>\nArchitecture: amd64\nSource: b (1-1)\nVersion: 1-1+b1\n\
         Conffiles:\n /etc/a 89269e1298235f1b12b4c16e4065ad0d\nDescription: a\n b\n\nPackage: c\nStatus: install ok installed\nVersion: 2~bookworm\n",
    ),
    (
        "dpkg-sums",
        "var/lib/dpkg/info/a.md5sums",
        "89269e1298235f1b12b4c16e4065ad0d  usr/bin/a\n00269e1298235f1b12b4c16e4065ad0d  usr/b\n",
    ),
    ("opkg-control", "var/lib/opkg/info/a.control", "Package: a\nVersion: 1-1\nArchitecture: arm\nLicense: MIT\n"),
    ("opkg-list", "var/lib/opkg/info/a.list", "/usr/bin/a\n/etc/a\n"),
    (
        "opkg-status",
        "usr/lib/opkg/status",
        "Package: a\nVersion: 1-1\nStatus: install user installed\nArchitecture: arm\nSource: feeds/x/a\n\nPackage: b\nVersion: 2\n",
    ),
    (
        "os-release",
        "etc/os-release",
        "ID=\"rocky\"\nVERSION_ID='9.3'\nID_LIKE=\"rhel fedora\"\nSUPPORT_END=2032-05-31\n",
    ),
    ("os-release-older", "etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n"),
    (
        "pacman-desc",
        "var/lib/pacman/local/a-1-1/desc",
        "%NAME%\na\n\n%VERSION%\n1-1\n\n%BASE%\nb\n\n%LICENSE%\nMIT\nGPL\n\n",
    ),
    ("pacman-files", "var/lib/pacman/local/a-1-1/files", "%FILES%\nusr/\nusr/bin/a\n\n%BACKUP%\netc/a\t00ff\n"),
    (
        "python-metadata",
        "a-1.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: Flask_Login\nVersion: 0.6.2\nLicense: MIT\nClassifier: License :: OSI Approved :: MIT License\n\ntext\n",
    ),
    ("purl", "", "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12&upstream=glibc#a/b"),
];

const DATABASES: [(&str, &str, &str); 4] = [
    ("rpm-bdb", "var/lib/rpm/Packages", "Packages.zst"),
    ("rpm-log", "var/lib/rpm/rpmdb.sqlite-wal", "rpmdb.sqlite-wal.zst"),
    ("rpm-ndb", "usr/lib/sysimage/rpm/Packages.db", "Packages.db.zst"),
    ("rpm-sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite", "rpmdb.sqlite.zst"),
];

pub(crate) fn readers() -> Vec<Reader> {
    let mut readers = languages();
    for (name, path, record) in RECORDS {
        let seeds = [record.as_bytes().to_vec()];
        readers.push(match name {
            "purl" => Reader::new("package-purl", seeds, purl),
            _ => Reader::new(format!("package-{name}"), seeds, move |bytes| read(path, bytes)),
        });
    }
    for (name, path, file) in DATABASES {
        let seeds =
            ending("package/tests/data/rpm", file).into_iter().map(|packed| zstd::decode_all(&packed[..]).unwrap());
        let seeds: Vec<Vec<u8>> = seeds.collect();
        readers.push(Reader::new(format!("package-{name}"), seeds, move |bytes| read(path, bytes)));
    }
    let (pom, text) = properties("a", "x", "1");
    let model = b"<project><groupId>a</groupId><artifactId>y</artifactId><version>1</version></project>";
    let inner = archive(&[(&pom, &text), ("META-INF/MANIFEST.MF", b"Bundle-SymbolicName: a.x\nBundle-Version: 1\n")]);
    let outer = archive(&[("in.jar", &inner), ("META-INF/maven/a/y/pom.xml", model), ("a/b/C.class", b"")]);
    let wheel = archive(&[("x-1.dist-info/METADATA", b"Name: x\nVersion: 1\n")]);
    for (name, path, bytes) in
        [("java-archive", "srv/x.jar", outer), ("python-archive", "srv/x-1-py3-none-any.whl", wheel)]
    {
        readers.push(Reader::new(format!("package-{name}"), [bytes], move |bytes| read(path, bytes)));
    }
    readers
}

/// A reader for every kind of file that has a case: a new kind is tried as soon as its case is there.
fn languages() -> Vec<Reader> {
    const LINE: &str = "\n----\n";
    let mut kinds: BTreeMap<String, (String, Vec<Vec<u8>>)> = BTreeMap::new();
    for (_, case) in files("package/tests/language") {
        let case = String::from_utf8(case).unwrap();
        let (path, rest) = case.split_once(LINE).unwrap();
        let (content, _) = rest.rsplit_once(LINE).unwrap();
        let Some(Form::Language(language)) = Form::of(path) else { panic!("{path} is no file of a language") };
        if read(path, content.as_bytes()) {
            let name = format!("package-{}", spelled(&format!("{language:?}")));
            let (_, seeds) = kinds.entry(name).or_insert_with(|| (path.to_owned(), Vec::new()));
            seeds.push(content.as_bytes().to_vec());
        }
    }
    kinds.into_iter().map(|(name, (path, seeds))| Reader::new(name, seeds, move |bytes| read(&path, bytes))).collect()
}

/// `NpmLock` as `npm-lock`.
fn spelled(name: &str) -> String {
    let spell = |(at, letter): (usize, char)| {
        let dash = (letter.is_ascii_uppercase() && at > 0).then_some('-');
        dash.into_iter().chain([letter.to_ascii_lowercase()])
    };
    name.chars().enumerate().flat_map(spell).collect()
}

fn read(path: &str, bytes: &[u8]) -> bool {
    let form = Form::of(path).unwrap();
    let first = form.read(path, bytes);
    assert_eq!(first, form.read(path, bytes), "the same bytes, the same document");
    match first {
        Ok(Some(document)) => {
            check(&document);
            true
        }
        Ok(None) => false,
        Err(error) => {
            // A log that holds something is refused: what it adds to the database is not read.
            assert!(!error.to_string().is_empty());
            form == Form::RpmLog
        }
    }
}

pub(crate) fn check(document: &Document) {
    let Document::Packages { packages, .. } = document else { return };
    assert!(packages.is_sorted_by(|a, b| a.key() < b.key()), "{packages:?}");
    assert!(packages.iter().all(|package| !package.name.is_empty() && !package.version.is_empty()), "{packages:?}");
}

fn purl(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(purl) = Purl::parse(&text) else { return false };
    assert_eq!(Purl::parse(&purl.to_string()).unwrap(), purl);
    true
}
