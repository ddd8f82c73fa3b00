//! Manifests as files: `tests/manifests/NAME.json` is what was pushed, `NAME.expect` what must come of it.
//!
//! The first line of an `.expect` file is the Content-Type (`-` for none). The rest is either `refused:` and a part of the
//! error sentence, or the summary that [`summary`] writes. Adding a case is adding two files.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{fmt::Write as _, fs, path::Path};

use oci::{Descriptor, Manifest};

fn one_line(descriptor: &Descriptor) -> String {
    let hex = &descriptor.digest.hex()[..8];
    let mut line = format!("{} {}:{hex} {}", descriptor.media_type, descriptor.digest.algorithm(), descriptor.size);
    if let Some(platform) = &descriptor.platform {
        write!(line, " {platform}").unwrap();
    }
    if !descriptor.annotations.is_empty() {
        write!(line, " {:?}", descriptor.annotations).unwrap();
    }
    line
}

fn summary(manifest: &Manifest) -> String {
    let mut out = format!("{} {}\n", if manifest.is_index() { "index" } else { "image" }, manifest.media_type());
    manifest.config().inspect(|config| writeln!(out, "config {}", one_line(config)).unwrap());
    manifest.layers().iter().for_each(|layer| writeln!(out, "layer {}", one_line(layer)).unwrap());
    manifest.manifests().iter().for_each(|child| writeln!(out, "manifest {}", one_line(child)).unwrap());
    manifest.subject().inspect(|subject| writeln!(out, "subject {}", one_line(subject)).unwrap());
    manifest.effective_artifact_type().inspect(|kind| writeln!(out, "type {kind}").unwrap());
    writeln!(out, "blobs {} bytes {}", manifest.required_blobs().count(), manifest.total_bytes()).unwrap();
    out
}

#[test]
fn manifests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifests");
    let (mut cases, mut wrong) = (0, String::new());
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        cases += 1;
        let expect = fs::read_to_string(path.with_extension("expect")).unwrap_or_default();
        let (content_type, expected) = expect.split_once('\n').unwrap_or(("-", ""));
        let header = Some(content_type).filter(|header| *header != "-");
        let (got, holds) = match Manifest::parse(&fs::read(path).unwrap(), header) {
            Ok(manifest) => (summary(&manifest), summary(&manifest) == expected),
            Err(error) => {
                let part = expected.strip_prefix("refused: ").map(str::trim_end).filter(|part| !part.is_empty());
                (format!("refused: {error}\n"), part.is_some_and(|part| error.to_string().contains(part)))
            }
        };
        if !holds {
            writeln!(wrong, "--- {}\nexpected:\n{expected}got:\n{got}", path.display()).unwrap();
        }
    }
    assert!(cases >= 30, "only {cases} cases found in {}", folder.display());
    assert!(wrong.is_empty(), "{wrong}");
}
