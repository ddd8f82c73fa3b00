//! What the server signs of a decision: a Verification Summary Attestation (SLSA 1.2, "Verification Summary Attestation"; in-toto
//! statement 1).
//!
//! It names the image and the target and nothing else that only the source's readers may know: policy and evidence stand in it by digest.

use oci::{Algorithm, Digest, RepoName};
use policy::{Decision, Verdict};
use serde_json::{Value, json};

use crate::DecisionRecord;

/// The type by which verifiers ask for it.
pub const PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// Why a statement does not go with a decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it is no statement of a decision: {0}")]
    Form(String),
    #[error("its {what} is {is}, and the decision says {said}")]
    Differs { what: &'static str, is: String, said: String },
}

/// The statement of one decision; `None` for an image whose digest is no SHA-256, by which in-toto names subjects here.
pub(crate) fn statement(verifier: &str, target: &RepoName, record: &DecisionRecord) -> Option<Vec<u8>> {
    if record.digest.algorithm() != Algorithm::Sha256 {
        return None;
    }
    let decision = &record.decision;
    let passed = decision.verdict == Verdict::Allowed;
    let documents = format!("{verifier}/api/v1/decisions/{}", record.id);
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": record.digest.hex()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": verifier, "version": {"assay": env!("CARGO_PKG_VERSION")}},
            "timeVerified": record.decided_at.to_string(),
            "resourceUri": resource(verifier, target),
            "policy": {"uri": format!("{documents}/policy"), "digest": sha256(&decision.policy_digest)},
            "inputAttestations": [{"uri": format!("{documents}/evidence"), "digest": sha256(&decision.evidence_digest)}],
            "verificationResult": if passed { "PASSED" } else { "FAILED" },
            "verifiedLevels": [if passed { "SLSA_BUILD_LEVEL_UNEVALUATED" } else { "FAILED" }],
            "slsaVersion": "1.2",
            "decision": {
                "uri": documents,
                "digest": sha256(&decision.digest()),
                "verdict": decision.verdict.as_str(),
                "evaluator": decision.evaluator,
            },
        },
    });
    Some(statement.to_string().into_bytes())
}

/// Hold a statement, whose signature was verified, against the decision it should be of. Gives the image it is about.
///
/// # Errors
/// It is of something else.
pub fn states(statement: &[u8], decision: &Decision) -> Result<Digest, Unfit> {
    let said: Value = serde_json::from_slice(statement).map_err(|error| Unfit::Form(error.to_string()))?;
    let text = |pointer: &str| said.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("/predicateType") != PREDICATE_TYPE {
        return Err(Unfit::Form(format!("its type is not {PREDICATE_TYPE}")));
    }
    let result = if decision.verdict == Verdict::Allowed { "PASSED" } else { "FAILED" };
    let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
    let compared = [
        ("decision", "/predicate/decision/digest/sha256", hex(&decision.digest())),
        ("policy", "/predicate/policy/digest/sha256", hex(&decision.policy_digest)),
        ("evidence", "/predicate/inputAttestations/0/digest/sha256", hex(&decision.evidence_digest)),
        ("result", "/predicate/verificationResult", result.to_owned()),
    ];
    for (what, pointer, wanted) in compared {
        let is = text(pointer);
        if is != wanted {
            return Err(Unfit::Differs { what, is, said: wanted });
        }
    }
    let subject = format!("sha256:{}", text("/subject/0/digest/sha256"));
    subject.parse().map_err(|_| Unfit::Form("it is about no image".to_owned()))
}

/// What the image is fetched as: `oci://assay.example:8443/admin/flask`.
fn resource(verifier: &str, target: &RepoName) -> String {
    let authority = verifier.split_once("://").map_or(verifier, |(_, authority)| authority);
    format!("oci://{authority}/{target}")
}

fn sha256(digest: &str) -> Value {
    json!({"sha256": digest.trim_start_matches("sha256:")})
}
