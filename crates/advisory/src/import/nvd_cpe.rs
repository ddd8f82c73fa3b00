//! CPE 2.3 names (NIST IR 7695, section 6.2) of NVD's configurations: what upstream product they mean.

/// The parts we read of `cpe:2.3:a:openssl:openssl:1.0.1:beta1:*:*:*:*:*:*`, without their backslashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cpe {
    pub part: String,
    pub vendor: String,
    pub product: String,
    /// None for any version.
    pub version: Option<Version>,
    pub target: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// `-`: the product has none, or it was not said.
    NotSaid,
    /// With the update behind a dash: `1.0.1-beta1`.
    Is(String),
}

impl Cpe {
    pub(super) fn parse(text: &str) -> Option<Cpe> {
        let parts = split(text.strip_prefix("cpe:2.3:")?);
        let [part, vendor, product, version, update, _, _, _, target, _, _] = <[String; 11]>::try_from(parts).ok()?;
        if vendor.is_empty() || product.is_empty() {
            return None;
        }
        let version = match version.as_str() {
            "*" => None,
            "-" | "" => Some(Version::NotSaid),
            _ if matches!(update.as_str(), "*" | "-" | "") => Some(Version::Is(version)),
            _ => Some(Version::Is(format!("{version}-{update}"))),
        };
        Some(Cpe { part, vendor, product, version, target })
    }

    /// An application, or the kernel, which is the one operating system that is found as a component.
    pub(super) fn is_component(&self) -> bool {
        self.part == "a" || self.part == "o" && self.product == "linux_kernel"
    }

    /// An operating system that no container image runs on Linux.
    pub(super) fn is_elsewhere(&self) -> bool {
        let vendor = matches!(self.vendor.as_str(), "microsoft" | "apple" | "google" | "blackberry");
        self.part == "o" && vendor && self.product != "chrome_os"
    }

    /// Written for another operating system.
    pub(super) fn is_for_elsewhere(&self) -> bool {
        const ELSEWHERE: [&str; 9] =
            ["android", "ios", "ipados", "iphone_os", "mac_os", "mac_os_x", "macos", "windows", "windows_10"];
        ELSEWHERE.contains(&self.target.as_str())
    }

    /// An extension of a platform, of which it has the plain name: `wordpress`'s `calendar`.
    pub(super) fn is_extension(&self) -> bool {
        const PLATFORMS: [&str; 16] = [
            "chrome",
            "confluence",
            "craft_cms",
            "drupal",
            "firefox",
            "jenkins",
            "jira",
            "joomla",
            "joomla!",
            "magento",
            "mediawiki",
            "moodle",
            "node.js",
            "typo3",
            "visual_studio_code",
            "wordpress",
        ];
        PLATFORMS.contains(&self.target.as_str())
    }
}

/// At colons that no backslash stands before; backslashes are taken off.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let last = parts.last_mut().expect("there is one from the start");
        match letter {
            '\\' => last.extend(letters.next()),
            ':' => parts.push(String::new()),
            letter => last.push(letter),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let cpe = Cpe::parse(r"cpe:2.3:a:openssl:openssl:1.0.1:beta1:*:*:*:*:*:*").unwrap();
        assert_eq!((cpe.vendor.as_str(), cpe.version), ("openssl", Some(Version::Is("1.0.1-beta1".into()))));
        let cpe = Cpe::parse(r"cpe:2.3:a:vim\:x:c\+\+:*:*:*:*:*:joomla\!:*:*").unwrap();
        assert_eq!((cpe.vendor.as_str(), cpe.product.as_str(), cpe.version.as_ref()), ("vim:x", "c++", None));
        assert!(cpe.is_extension());
        assert_eq!(Cpe::parse("cpe:2.3:a:x:y:-:*:*:*:*:*:*:*").unwrap().version, Some(Version::NotSaid));
        assert_eq!(Cpe::parse("cpe:/a:x:y"), None);
        assert_eq!(Cpe::parse("cpe:2.3:a:x"), None);
    }
}
