//! What was seen in a package, kept in a file so that learning again is quick.

use fingerprint::{Banner, Control, Observation, Part};

pub type Seen = (Control, Vec<(String, Observation)>);

pub fn encode((control, seen): &Seen) -> Vec<u8> {
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

/// What [`encode`] wrote; `None` when it is cut off.
pub fn decode(bytes: &[u8]) -> Option<Seen> {
    Reader(bytes).seen()
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
