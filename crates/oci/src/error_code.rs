//! The error answers of the distribution protocol.

use std::fmt;

use serde_json::{Value, json};

/// The codes of the distribution specification, and below them those that Docker's own registry added and its clients
/// know. Which HTTP status goes with each is the business of the edge.
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unauthorized,
    Denied,
    Unsupported,
    TooManyRequests,
    TagInvalid,
    RangeInvalid,
    PaginationNumberInvalid,
    Unavailable,
    /// What DTR answers when an immutable tag would be overwritten; clients print it as `unknown: <message>`.
    Unknown,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::BlobUnknown => "BLOB_UNKNOWN",
            ErrorCode::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            ErrorCode::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            ErrorCode::DigestInvalid => "DIGEST_INVALID",
            ErrorCode::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            ErrorCode::ManifestInvalid => "MANIFEST_INVALID",
            ErrorCode::ManifestUnknown => "MANIFEST_UNKNOWN",
            ErrorCode::NameInvalid => "NAME_INVALID",
            ErrorCode::NameUnknown => "NAME_UNKNOWN",
            ErrorCode::SizeInvalid => "SIZE_INVALID",
            ErrorCode::Unauthorized => "UNAUTHORIZED",
            ErrorCode::Denied => "DENIED",
            ErrorCode::Unsupported => "UNSUPPORTED",
            ErrorCode::TooManyRequests => "TOOMANYREQUESTS",
            ErrorCode::TagInvalid => "TAG_INVALID",
            ErrorCode::RangeInvalid => "RANGE_INVALID",
            ErrorCode::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            ErrorCode::Unavailable => "UNAVAILABLE",
            ErrorCode::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The body of an error answer. Clients show `message` to a person; `detail` is left out when it is `null`.
pub fn errors_json(code: ErrorCode, message: &str, detail: &Value) -> String {
    let mut error = json!({"code": code.as_str(), "message": message});
    if !detail.is_null() {
        error["detail"] = detail.clone();
    }
    json!({"errors": [error]}).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ErrorCode, errors_json};

    #[test]
    fn the_body_has_the_shape_of_the_specification() {
        let body = errors_json(ErrorCode::ManifestUnknown, "no \"x\"", &json!({"tag": "x"}));
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["errors"][0]["code"], "MANIFEST_UNKNOWN");
        assert_eq!(body["errors"][0]["detail"]["tag"], "x");
        let bare = errors_json(ErrorCode::TooManyRequests, "slow down", &Value::Null);
        assert_eq!(bare, r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#);
    }
}
