//! What a DTR is set to as a whole: told where it differs, as each server has settings of its own from the start.

use anyhow::Result;

use super::{Import, report::Outcome};

/// What means the same on both sides.
const COMPARED: [&str; 4] =
    ["scanningEnabled", "scanningSyncOnline", "scanningEnableAutoRecheck", "createRepositoryOnPush"];

/// What a DTR may have switched on and is done otherwise here, or not at all.
const ELSEWHERE: [(&str, &str); 5] = [
    ("sso", "sign-in is this server's own"),
    ("clientCertAuthEnabled", "the registry takes passwords and access tokens, no client certificates"),
    ("jobHistoryCompactionEnabled", "jobs are tidied by the server itself"),
    ("repoEventHistoryCompactionEnabled", "the audit log is never cut"),
    ("scanningDeadline", "the unit of DTR's number is not documented; set yours, in minutes"),
];

impl Import {
    pub(super) async fn settings(&mut self) -> Result<()> {
        const KIND: &str = "setting";
        let path = "/api/v0/meta/settings";
        let there = match self.dtr.thing(path).await {
            Ok(there) => there,
            Err(trouble) => return self.report.trouble(KIND, "all of them", trouble),
        };
        let here = self.target.client.get(path).await?;
        for name in COMPARED.into_iter().filter(|name| !there[*name].is_null()) {
            if there[name] == here[name] {
                self.report.there(KIND, name);
                continue;
            }
            let why = format!(
                "it is {} there and {} here; if it shall be as there: assay api POST {path} --data '{{\"{name}\":{}}}'",
                there[name], here[name], there[name]
            );
            self.report.row(KIND, name, Outcome::Differs, why);
        }
        for (name, why) in ELSEWHERE {
            let off = there[name].is_null() || there[name] == false || there[name] == 0;
            if !off && there[name] != here[name] {
                self.report.row(KIND, name, Outcome::Left, why);
            }
        }
        Ok(())
    }
}
