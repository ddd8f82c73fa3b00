//! Take what the page of the API needs out of Swagger UI's archive, as packed as it is there: each file becomes one gzip member.

use std::{
    env,
    error::Error,
    fs,
    io::{Cursor, Read},
    path::Path,
};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

const WANTED: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

/// RFC 1952, section 2.3: deflate, no name, no time, an unknown system.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script where to write by its environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = env::var("OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let names = archive
        .file_names()
        .map(|name| Ok(name?.into_owned()))
        .collect::<Result<Vec<String>, zip::result::ZipError>>()?;
    for wanted in WANTED {
        let found = names.iter().position(|name| name.ends_with(&format!("/dist/{wanted}")));
        let mut file = archive.by_index_raw(found.ok_or_else(|| format!("Swagger UI has no {wanted}"))?)?;
        if file.compression() != CompressionMethod::Deflated {
            return Err(format!("{wanted} is packed otherwise than by deflate").into());
        }
        let mut gzip = GZIP_HEAD.to_vec();
        file.read_to_end(&mut gzip)?;
        gzip.extend(file.crc32().to_le_bytes());
        gzip.extend(u32::try_from(file.size())?.to_le_bytes());
        fs::write(Path::new(&folder).join(format!("{wanted}.gz")), gzip)?;
    }
    Ok(())
}
