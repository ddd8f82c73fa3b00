//! How a receiver knows that a request is ours and new.
//!
//! Two signatures, of the same secret. `X-Assay-Signature` is the HMAC of the body alone. `webhook-signature`, as
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md> has it, signs the delivery's
//! id and the time of this try as well, so that what somebody recorded cannot be played again later; while a secret is
//! changed, it is given under both.

use aws_lc_rs::hmac;
use base::{Secret, Timestamp};
use base64::{Engine, engine::general_purpose::STANDARD};

/// The secrets of one webhook, the present one first.
pub(crate) type Secrets = Vec<Secret<Vec<u8>>>;

/// The headers that say what is sent, when, and who says so.
pub(crate) fn headers(secrets: &[Secret<Vec<u8>>], id: &str, at: Timestamp, body: &str) -> Vec<(String, String)> {
    let timestamp = at.as_second().to_string();
    let mut headers =
        vec![("webhook-id".to_owned(), id.to_owned()), ("webhook-timestamp".to_owned(), timestamp.clone())];
    if let Some(present) = secrets.first() {
        let signed = format!("{id}.{timestamp}.{body}");
        let all: Vec<String> = secrets.iter().map(|secret| standard(secret, &signed)).collect();
        headers.push(("webhook-signature".to_owned(), all.join(" ")));
        headers.push(("x-assay-signature".to_owned(), format!("sha256={}", hex::encode(mac(present.expose(), body)))));
    }
    headers
}

/// A secret of the form `whsec_<base64>` stands for the bytes; any other is its own text.
fn standard(secret: &Secret<Vec<u8>>, signed: &str) -> String {
    let text = secret.expose();
    let decoded = text.strip_prefix(b"whsec_").and_then(|rest| STANDARD.decode(rest).ok());
    let key = decoded.as_deref().unwrap_or(text);
    format!("v1,{}", STANDARD.encode(mac(key, signed)))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use base::Secret;

    use super::headers;

    /// The example of the Standard Webhooks documentation and of its libraries' tests.
    #[test]
    fn a_known_signature() {
        let secret = Secret::new(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_vec());
        let at = base::Timestamp::from_second(1_614_265_330).unwrap();
        let made = headers(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        let signature = made.iter().find(|(name, _)| name == "webhook-signature").unwrap();
        assert_eq!(signature.1, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn both_secrets_sign_while_one_is_changed() {
        let secrets = [Secret::new(b"new".to_vec()), Secret::new(b"old".to_vec())];
        let at = base::Timestamp::UNIX_EPOCH;
        let value =
            |made: Vec<(String, String)>, wanted: &str| made.into_iter().find(|(name, _)| name == wanted).unwrap().1;
        let both = value(headers(&secrets, "i", at, "b"), "webhook-signature");
        let one = value(headers(&secrets[1..], "i", at, "b"), "webhook-signature");
        assert!(both.split(' ').count() == 2 && both.ends_with(&one));
        let unsigned = headers(&[], "i", at, "b");
        assert_eq!(unsigned.len(), 2);
    }
}
