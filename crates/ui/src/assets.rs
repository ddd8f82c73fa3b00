//! The style sheet and the scripts, in the binary, under names that change with their content.

/// A file that pages refer to.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// `/assets/style.css`; pages add `?v=` with a hash of the content, so that it can be cached for ever.
    pub path: &'static str,
    pub content_type: &'static str,
    pub content: &'static str,
}

/// All of them.
pub const ASSETS: &[Asset] = &[
    Asset {
        path: "/assets/style.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("../assets/style.css"),
    },
    Asset {
        path: "/assets/upload.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../assets/upload.js"),
    },
    Asset {
        path: "/assets/live-log.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../assets/live-log.js"),
    },
];

impl Asset {
    /// The asset at this path.
    pub fn at(path: &str) -> Option<&'static Asset> {
        ASSETS.iter().find(|asset| asset.path == path)
    }

    /// A hash of the content: what stands behind `?v=`.
    pub fn version(&self) -> String {
        base::digest_hex(self.content.as_bytes())[..12].to_owned()
    }
}

/// The address of an asset, with a hash of its content.
pub(crate) fn address(path: &str) -> String {
    let asset = Asset::at(path).expect("pages name assets of the table above");
    format!("{path}?v={}", asset.version())
}
