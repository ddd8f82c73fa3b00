//! The texts that are learnt: what the Open Source Initiative or the Free Software Foundation accepts, and what else is met.

/// Neither OSI nor FSF accepts them, or says nothing, and files hold them all the same.
const ALSO: [&str; 58] = [
    "0BSD",
    "BSD-1-Clause",
    "BSD-2-Clause-Views",
    "BSD-3-Clause-Attribution",
    "BSD-3-Clause-Clear",
    "BSD-3-Clause-LBNL",
    "BSD-3-Clause-Modification",
    "BSD-4-Clause",
    "BSD-4-Clause-UC",
    "BSD-Source-Code",
    "BUSL-1.1",
    "Beerware",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-ND-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
    "Elastic-2.0",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "FTL",
    "GFDL-1.1-only",
    "GFDL-1.2-only",
    "GFDL-1.3-only",
    "GPL-1.0-only",
    "HPND-sell-variant",
    "ICU",
    "IJG",
    "Info-ZIP",
    "JSON",
    "LGPL-2.0-only",
    "LPPL-1.3c",
    "Latex2e",
    "Libpng",
    "MIT-0",
    "MIT-CMU",
    "MIT-Modern-Variant",
    "MITNFA",
    "NTP",
    "OLDAP-2.8",
    "OpenSSL",
    "PHP-3.01",
    "PSF-2.0",
    "SSPL-1.0",
    "TCL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Vim",
    "X11",
    "bzip2-1.0.6",
];
const MORE: [&str; 9] = [
    "curl",
    "libtiff",
    "zlib-acknowledgement",
    "Ruby",
    "SGI-B-2.0",
    "Spencer-86",
    "Spencer-94",
    "Boehm-GC",
    "libpng-2.0",
];

/// Identifiers and texts, as [`license::learn`] takes them.
pub fn texts() -> Vec<(&'static str, &'static str)> {
    let mut texts = Vec::new();
    for license in spdx::identifiers::LICENSES {
        let id = spdx::license_id(license.name).expect("it is on the list");
        let wanted =
            id.is_osi_approved() || id.is_fsf_free_libre() || ALSO.contains(&id.name) || MORE.contains(&id.name);
        // One text stands for both: it does not say which.
        if wanted && !id.is_deprecated() && !id.name.ends_with("-or-later") {
            texts.push((id.name, own_text(id.name, id.text())));
        }
    }
    texts
}

/// The list has the GPL below the LGPL 3, which adds to it; files keep them apart.
fn own_text(id: &str, text: &'static str) -> &'static str {
    match text.find("GNU GENERAL PUBLIC LICENSE") {
        Some(at) if id == "LGPL-3.0-only" && at > 1_000 => &text[..at],
        _ => text,
    }
}
