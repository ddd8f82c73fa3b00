//! Every kind of token is found in its own form, and not found when its length, its checksum or its randomness is wrong.

use secrets::{Key, find};

/// Characters that look drawn by chance and are the same in every run.
pub fn random(alphabet: &str, length: usize, seed: u64) -> String {
    let letters: &[u8] = match alphabet {
        "hex" => b"0123456789abcdef",
        "upper" => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "base32" => b"abcdefghijklmnopqrstuvwxyz234567",
        "alnum" => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "base64" => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/",
        "digits" => b"0123456789",
        other => panic!("no alphabet {other}"),
    };
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(letters[(state >> 33) as usize % letters.len()])
        })
        .collect()
}

/// A body with GitHub's checksum behind it.
pub fn base62_crc(body: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = crc32fast::hash(body.as_bytes());
    let mut sum = Vec::new();
    for _ in 0..6 {
        sum.push(char::from(DIGITS[(crc % 62) as usize]));
        crc /= 62;
    }
    format!("{body}{}", sum.iter().rev().collect::<String>())
}

/// Prefix, alphabet and length of one of each kind, and the rule that finds it.
const KINDS: [(&str, &str, usize, &str); 58] = [
    ("assay-", "base32", 40, "assay-token"),
    ("assay-job-", "base32", 40, "assay-job-token"),
    ("assay-trigger-", "base32", 40, "assay-trigger-token"),
    ("assay-registration-", "base32", 40, "assay-registration-token"),
    ("AKIA", "upper", 16, "aws-access-key-id"),
    ("ASIA", "upper", 16, "aws-access-key-id"),
    ("github_pat_", "alnum", 82, "github-token"),
    ("glpat-", "alnum", 20, "gitlab-token"),
    ("glrt-", "base32", 40, "gitlab-runner-token"),
    ("gldt-", "alnum", 20, "gitlab-token"),
    ("glptt-", "hex", 40, "gitlab-token"),
    ("glcbt-", "alnum", 20, "gitlab-token"),
    ("gloas-", "hex", 64, "gitlab-token"),
    ("npm_", "alnum", 36, "npm-token"),
    ("pypi-AgEIcHlwaS5vcmc", "alnum", 160, "pypi-token"),
    ("rubygems_", "hex", 48, "rubygems-token"),
    ("cio", "alnum", 32, "crates-io-token"),
    ("oy2", "base32", 43, "nuget-token"),
    ("dckr_pat_", "alnum", 27, "docker-hub-token"),
    ("dckr_oat_", "alnum", 32, "docker-hub-token"),
    ("xoxb-", "alnum", 50, "slack-token"),
    ("xapp-1-A", "alnum", 80, "slack-token"),
    ("hooks.slack.com/services/T", "alnum", 44, "slack-webhook"),
    ("discord.com/api/webhooks/", "alnum", 88, "discord-webhook"),
    ("sk_live_", "alnum", 24, "stripe-key"),
    ("rk_live_", "alnum", 99, "stripe-key"),
    ("sq0atp-", "alnum", 22, "square-token"),
    ("shpat_", "hex", 32, "shopify-token"),
    ("AIza", "alnum", 35, "google-api-key"),
    ("GOCSPX-", "alnum", 28, "google-oauth-secret"),
    ("ya29.", "alnum", 100, "google-oauth-token"),
    ("AccountKey=", "base64", 88, "azure-storage-key"),
    ("sk-proj-T3BlbkFJ", "alnum", 60, "openai-key"),
    ("sk-ant-api03-", "alnum", 93, "anthropic-key"),
    ("hf_", "alnum", 34, "hugging-face-token"),
    ("hvs.", "alnum", 95, "vault-token"),
    ("dop_v1_", "hex", 64, "digitalocean-token"),
    ("dapi", "hex", 32, "databricks-token"),
    ("SG.", "alnum", 66, "sendgrid-key"),
    ("glsa_", "alnum", 41, "grafana-token"),
    ("glc_ey", "alnum", 100, "grafana-token"),
    ("sntrys_ey", "alnum", 100, "sentry-token"),
    ("lin_api_", "alnum", 40, "linear-key"),
    ("PMAK-", "hex", 59, "postman-key"),
    ("NRAK-", "upper", 27, "new-relic-key"),
    ("dp.pt.", "alnum", 43, "doppler-token"),
    ("pul-", "hex", 40, "pulumi-token"),
    ("ATATT3xFfGF0", "alnum", 180, "atlassian-token"),
    ("pscale_tkn_", "alnum", 43, "planetscale-token"),
    ("sbp_", "hex", 40, "supabase-token"),
    ("tskey-auth-", "alnum", 40, "tailscale-key"),
    ("ntn_", "alnum", 46, "notion-token"),
    ("figd_", "alnum", 40, "figma-token"),
    ("dt0c01.", "upper", 89, "dynatrace-token"),
    ("AGE-SECRET-KEY-1", "upper", 58, "age-secret-key"),
    ("AKCp", "alnum", 69, "jfrog-token"),
    ("whsec_", "alnum", 32, "stripe-webhook-secret"),
    ("SharedAccessKey=", "base64", 44, "azure-service-bus-key"),
];

fn rules(text: &str) -> Vec<&'static str> {
    find("app/notes", text.as_bytes(), None).secrets.iter().map(|secret| secret.rule).collect()
}

#[test]
fn every_kind_in_its_own_form() {
    for (prefix, alphabet, length, rule) in KINDS {
        for seed in 1..20 {
            let token = format!("{prefix}{}", random(alphabet, length, seed));
            for text in
                [token.clone(), format!("export X=\"{token}\"\n"), format!("a: {token}, b"), format!("({token})")]
            {
                assert_eq!(rules(&text), [rule], "{text}");
            }
            assert_eq!(rules(&format!("word{token}")), [] as [&str; 0], "{token} in a word");
            let even = format!("{prefix}{}", "ab1".repeat(length / 3 + 1)[..length].to_owned());
            assert_eq!(rules(&even), [] as [&str; 0], "{even}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_no_token() {
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_"] {
        let body = random("alnum", 30, 9);
        assert_eq!(rules(&format!("{prefix}{}", base62_crc(&body))), ["github-token"]);
        assert_eq!(rules(&format!("{prefix}{body}000000")), [] as [&str; 0]);
    }
    // The one that GitHub explains its checksum with.
    assert_eq!(rules(&["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ", "0mLq17"].concat()), ["github-token"]);
}

#[test]
fn kinds_known_by_their_middle() {
    let telegram = format!("{}:AA{}", "9184726350", random("alnum", 33, 2));
    assert_eq!(rules(&telegram), ["telegram-bot-token"]);
    let terraform = format!("{}.atlasv1.{}", random("alnum", 14, 2), random("alnum", 67, 3));
    assert_eq!(rules(&terraform), ["terraform-token"]);
    let azure = format!("a1B8Q~{}", random("alnum", 34, 4));
    assert_eq!(rules(&azure), ["azure-client-secret"]);
    // {"alg":"HS256"} and {"exp":1}
    let jwt = format!("eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.{}", random("alnum", 43, 5));
    assert_eq!(rules(&jwt), ["json-web-token"]);
    assert_eq!(rules(&jwt.replace("eyJleHAiOjF9", "eyJleHAiOj")), [] as [&str; 0]);
    assert_eq!(rules("postgres://app:k4Tz9qWx@db.internal/x\n"), ["url-password"]);
    assert_eq!(rules("postgres://app:password1@db/x\nhttps://u:k4Tz9qWx@example.com/\n"), [] as [&str; 0]);
}

#[test]
fn what_is_shown_is_little_and_fingerprints_need_a_key() {
    let body = random("alnum", 20, 7);
    let text = format!("a\n  glpat-{body}\n");
    let key = Key::new(*b"a key of the caller's");
    let found = find("x", text.as_bytes(), Some(&key)).secrets.remove(0);
    assert_eq!((found.line, found.column), (2, 3));
    assert_eq!(found.masked, format!("glpa…{}", &body[18..]));
    let again = find("y/z", format!("glpat-{body}").as_bytes(), Some(&key)).secrets.remove(0);
    assert_eq!(found.fingerprint, again.fingerprint);
    assert_eq!(found.fingerprint.as_ref().unwrap().len(), 32);
    let other = find("x", text.as_bytes(), Some(&Key::new(*b"another"))).secrets.remove(0);
    assert_ne!(found.fingerprint, other.fingerprint);
    assert_eq!(find("x", text.as_bytes(), None).secrets[0].fingerprint, None);
    assert_eq!(format!("{key:?}"), "Key(…)");
}
