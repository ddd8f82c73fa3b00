//! Learns an index from folders of Debian packages.
//!
//! `learn PACKAGES ALIASES OUT CREATED-BY CACHE TEMPLATES`: what was seen in a package is kept in CACHE, so that learning again is
//! quick; the templates that were learnt are listed in TEMPLATES, for people.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fingerprint::{Aliases, Banner, Control, Learner, Observation, Part, read_deb};

type Seen = (Control, Vec<(String, Observation)>);

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [packages, aliases, out, created_by, cache, templates] = args.as_slice() else {
        anyhow::bail!("learn PACKAGES ALIASES OUT CREATED-BY CACHE TEMPLATES");
    };
    let aliases = Aliases::parse(&fs::read_to_string(aliases)?);
    fs::create_dir_all(cache)?;
    let mut debs: Vec<PathBuf> = fs::read_dir(packages)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    debs.retain(|path| path.extension().is_some_and(|ending| ending == "deb"));
    debs.sort();
    let next = AtomicUsize::new(0);
    let learner = Mutex::new(Learner::default());
    let executables = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(deb) = debs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match observe(deb, Path::new(cache)) {
                        Ok((control, seen)) => {
                            let origin = aliases.origin(&control.source, &control.version);
                            let mut learner = learner.lock().expect("no thread panics");
                            executables.fetch_add(seen.len(), Ordering::Relaxed);
                            for (path, observation) in &seen {
                                learner.add(&origin, path, observation);
                            }
                        }
                        Err(error) => eprintln!("{}: {error}", deb.display()),
                    }
                }
            });
        }
    });
    let learner = learner.into_inner().expect("no thread panicked");
    eprintln!("{} packages, {} executables", debs.len(), executables.load(Ordering::Relaxed));
    fs::write(templates, learner.templates().join("\n"))?;
    fs::write(out, learner.finish(&aliases, created_by)?)?;
    Ok(())
}

fn observe(deb: &Path, cache: &Path) -> anyhow::Result<Seen> {
    let kept = cache.join(deb.file_name().unwrap_or_default());
    if let Some(seen) = fs::read(&kept).ok().and_then(|bytes| Reader(&bytes).seen()) {
        return Ok(seen);
    }
    let mut seen = Vec::new();
    let control = read_deb(&fs::read(deb)?, &mut |_, path, bytes| {
        seen.extend(Observation::of(bytes).map(|observation| (path.to_owned(), observation)));
    })?;
    let seen = (control, seen);
    fs::write(kept, encode(&seen))?;
    Ok(seen)
}

fn encode((control, seen): &Seen) -> Vec<u8> {
    let mut out = Vec::new();
    for text in [&control.package, &control.source, &control.version, &control.architecture] {
        put(&mut out, text);
    }
    number(&mut out, seen.len());
    for (path, observation) in seen {
        put(&mut out, path);
        out.extend(observation.sha256);
        for list in [&observation.sections, &observation.exports, &observation.names] {
            number(&mut out, list.len());
            list.iter().for_each(|hash| out.extend(hash.to_le_bytes()));
        }
        number(&mut out, observation.texts.len());
        observation.texts.iter().for_each(|(hash, weight)| {
            out.extend(hash.to_le_bytes());
            out.push(*weight);
        });
        number(&mut out, observation.banners.len());
        for banner in &observation.banners {
            out.extend(banner.key.to_le_bytes());
            out.push(banner.part as u8);
            put(&mut out, &banner.value);
            put(&mut out, &banner.template);
        }
        number(&mut out, observation.bare.len());
        observation.bare.iter().for_each(|text| put(&mut out, text));
    }
    out
}

fn number(out: &mut Vec<u8>, number: usize) {
    out.extend((number as u32).to_le_bytes());
}

fn put(out: &mut Vec<u8>, text: &str) {
    number(out, text.len());
    out.extend(text.as_bytes());
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn seen(&mut self) -> Option<Seen> {
        let control =
            Control { package: self.text()?, source: self.text()?, version: self.text()?, architecture: self.text()? };
        let count = self.number()?;
        let seen = (0..count).map(|_| Some((self.text()?, self.observation()?))).collect::<Option<_>>()?;
        Some((control, seen))
    }

    fn observation(&mut self) -> Option<Observation> {
        let sha256 = self.take::<32>()?;
        let mut lists = [self.hashes()?, self.hashes()?, self.hashes()?];
        let [sections, exports, names] = lists.each_mut().map(std::mem::take);
        let count = self.number()?;
        let texts = (0..count).map(|_| Some((self.hash()?, self.take::<1>()?[0]))).collect::<Option<_>>()?;
        let count = self.number()?;
        let banners = (0..count).map(|_| self.banner()).collect::<Option<_>>()?;
        let count = self.number()?;
        let bare = (0..count).map(|_| self.text()).collect::<Option<_>>()?;
        Some(Observation { sha256, sections, texts, exports, names, banners, bare })
    }

    fn banner(&mut self) -> Option<Banner> {
        let key = self.hash()?;
        let part = [Part::Full, Part::Prefix, Part::Word][usize::from(self.take::<1>()?[0])];
        Some(Banner { key, part, value: self.text()?, template: self.text()? })
    }

    fn hashes(&mut self) -> Option<Vec<u64>> {
        let count = self.number()?;
        (0..count).map(|_| self.hash()).collect()
    }

    fn hash(&mut self) -> Option<u64> {
        self.take::<8>().map(u64::from_le_bytes)
    }

    fn number(&mut self) -> Option<usize> {
        self.take::<4>().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn text(&mut self) -> Option<String> {
        let size = self.number()?;
        let (text, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }
}
