//! Swift: `Package.resolved` of versions 1 to 3.

use serde_json::Value;

use super::json;
use crate::{Error, Package};

/// Pins with a version; one that follows a branch has none. The name is where the source lies: `github.com/apple/swift-nio`.
pub(super) fn resolved(bytes: &[u8]) -> Result<Vec<Package>, Error> {
    const EXPECTED: &str = "a list of what Swift resolved";
    let value = json::object(json::parse(bytes, EXPECTED)?, EXPECTED)?;
    let package = |pin: &Value| {
        let place = match json::text(pin, "location") {
            "" => json::text(pin, "repositoryURL"),
            place => place,
        };
        let place = place.split_once("://").map_or(place, |(_, rest)| rest);
        let place = place.strip_prefix("git@").unwrap_or(place);
        let place = place.trim_end_matches('/');
        let place = place.strip_suffix(".git").unwrap_or(place);
        // `git@github.com:apple/swift-nio`
        super::package(&place.replacen(':', "/", 1), json::text(pin.get("state")?, "version"), Vec::new())
    };
    let pins = json::list(value.get("object").unwrap_or(&value), "pins");
    Ok(pins.iter().filter_map(package).collect())
}
