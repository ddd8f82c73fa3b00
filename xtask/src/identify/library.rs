//! What the file name of a shared library says of its product and version, where that is sure (`libraries.txt`).

/// Product and, where the name tells it, version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub product: &'static str,
    pub version: Option<String>,
}

const TABLE: &str = include_str!("libraries.txt");
/// Tags that tools for wheels put between name and number, beside a hash.
const TAGS: [&str; 2] = ["-rasterio", "-fiona"];
const LEAST_HASH: usize = 8;

/// Reads a file's name; None where the table does not know it.
pub fn read(file: &str) -> Option<Library> {
    let (name, digits) = parts(file)?;
    let mut rows = TABLE.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_whitespace());
    let (product, rule) = rows.find_map(|mut row| {
        let (pattern, product, rule) = (row.next()?, row.next()?, row.next()?);
        let fits = match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        };
        fits.then_some((product, rule))
    })?;
    if rule == "turbo" && !(digits.starts_with("62") || digits.starts_with('8')) {
        return None;
    }
    Some(Library { product, version: version(rule, &digits) })
}

/// `libssl-3e69114b.so.1.1.1k` is `ssl` and `1.1.1k`; `libz.1.2.13.dylib` is `z` and `1.2.13`; `zlib1.dll` is `zlib1`.
fn parts(file: &str) -> Option<(String, String)> {
    let (stem, digits) = if let Some((stem, rest)) = file.split_once(".so") {
        (stem.to_owned(), rest.trim_start_matches('.').to_owned())
    } else if let Some(stem) = file.strip_suffix(".dylib") {
        let at = stem
            .char_indices()
            .find(|(at, sign)| *sign == '.' && stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
        match at {
            // SDL2-2.0.0 and the like: the first number belongs to the name.
            Some((at, _)) => (stem[..at].to_owned(), stem[at + 1..].to_owned()),
            None => (stem.to_owned(), String::new()),
        }
    } else {
        let stem = file.strip_suffix(".dll").or_else(|| file.strip_suffix(".exe"))?;
        (interface_cut(stem).to_owned(), String::new())
    };
    let stem = stem.strip_prefix("lib").unwrap_or(&stem);
    let stem = stem.split_once(".cpython").map_or(stem, |(stem, _)| stem);
    Some((untagged(stem).to_owned(), digits))
}

/// `libpng16-16.dll`: what stands behind the last dash is the interface.
fn interface_cut(stem: &str) -> &str {
    match stem.rsplit_once('-') {
        Some((name, digits))
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') =>
        {
            name
        }
        _ => stem,
    }
}

fn untagged(stem: &str) -> &str {
    let mut stem = stem;
    if let Some((name, hash)) = stem.rsplit_once('-')
        && hash.len() >= LEAST_HASH
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        stem = interface_cut(name);
    }
    for tag in TAGS {
        stem = stem.strip_suffix(tag).unwrap_or(stem);
    }
    stem
}

fn version(rule: &str, digits: &str) -> Option<String> {
    let numbers = digits.split('.').filter(|part| !part.is_empty()).count();
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match rule {
        "same" if plain && numbers >= 3 => Some(digits.to_owned()),
        "letter" if numbers >= 3 && digits.ends_with(|last: char| last.is_ascii_lowercase()) => Some(digits.to_owned()),
        "png" if plain => {
            let mut parts = digits.split('.');
            let (interface, release, rest) = (parts.next()?, parts.next()?, parts.next()?);
            (rest == "0" && interface.len() == 2).then(|| format!("1.{}.{release}", &interface[1..]))
        }
        "behind" if plain && numbers >= 4 => digits.split_once('.').map(|(_, version)| version.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(file: &str) -> (Option<&'static str>, Option<String>) {
        read(file).map_or((None, None), |library| (Some(library.product), library.version))
    }

    #[test]
    fn a_version_is_read_only_where_it_is_sure() {
        let sure = |product, version: &str| (Some(product), Some(version.to_owned()));
        assert_eq!(says("libz-dd453c56.so.1.2.13"), sure("zlib", "1.2.13"));
        assert_eq!(says("libssl-3e69114b.so.1.1.1k"), sure("openssl", "1.1.1k"));
        assert_eq!(says("libpng16-3cd0c8e1.so.16.40.0"), sure("libpng", "1.6.40"));
        assert_eq!(says("libgdal-rasterio-a1b2c3d4.so.33.3.7.2"), sure("gdal", "3.7.2"));
        assert_eq!(says("libopenjp2.2.5.2.dylib"), sure("openjpeg", "2.5.2"));
        let unsure = |product| (Some(product), None);
        assert_eq!(says("libssl.so.3"), unsure("openssl"));
        assert_eq!(says("libcrypto.so.1.0.0"), unsure("openssl"));
        assert_eq!(says("libsqlite3-a1b2c3d4.so.0.8.6"), unsure("sqlite"));
        assert_eq!(says("zlib1.dll"), unsure("zlib"));
        assert_eq!(says("libz.1.2.11.zlib-ng.dylib"), unsure("zlib"));
        assert_eq!(says("libfoo.so.1.2.3"), (None, None));
        assert_eq!(says("libjpeg.62.4.0.dylib"), unsure("libjpeg-turbo"));
        assert_eq!(says("libjpeg.9.dylib"), (None, None));
    }
}
