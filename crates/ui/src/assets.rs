//! The style sheets, the icon and the scripts, in the binary, under names that change with their content.

/// A file that pages refer to.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// `/assets/style.css`; pages add `?v=` with a hash of the content, so that it can be cached for ever.
    pub path: &'static str,
    pub content_type: &'static str,
    pub content: &'static [u8],
    /// Whether the content is packed by gzip.
    pub packed: bool,
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them.
pub const ASSETS: &[Asset] = &[
    own("/assets/style.css", CSS, include_bytes!("../assets/style.css")),
    own("/assets/icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
    own("/assets/upload.js", SCRIPT, include_bytes!("../assets/upload.js")),
    own("/assets/live-log.js", SCRIPT, include_bytes!("../assets/live-log.js")),
    own("/assets/api.js", SCRIPT, include_bytes!("../assets/api.js")),
    swagger_ui("/assets/swagger-ui.css", CSS, include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz"))),
    swagger_ui(
        "/assets/swagger-ui-bundle.js",
        SCRIPT,
        include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")),
    ),
];

const fn own(path: &'static str, content_type: &'static str, content: &'static [u8]) -> Asset {
    Asset { path, content_type, content, packed: false }
}

/// Taken out of its archive by the build script, as packed as it was there.
const fn swagger_ui(path: &'static str, content_type: &'static str, content: &'static [u8]) -> Asset {
    Asset { path, content_type, content, packed: true }
}

impl Asset {
    /// The asset at this path.
    pub fn at(path: &str) -> Option<&'static Asset> {
        ASSETS.iter().find(|asset| asset.path == path)
    }

    /// A hash of the content: what stands behind `?v=`.
    pub fn version(&self) -> String {
        base::digest_hex(self.content)[..12].to_owned()
    }
}

/// The address of an asset, with a hash of its content.
pub(crate) fn address(path: &str) -> String {
    let asset = Asset::at(path).expect("pages name assets of the table above");
    format!("{path}?v={}", asset.version())
}
