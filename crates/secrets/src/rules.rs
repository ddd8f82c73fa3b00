//! Tokens known by the form their issuers give them. Each line: what it is, how it begins, what follows.

use Alphabet::{Alnum, Base32, Base64, Base64Url, Dotted, Hex, HexAny, Upper, Url};
use Check::{Crc, Holds, PerhapsCrc, Random};

/// The characters of a token after its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alphabet {
    /// `0-9a-f`
    Hex,
    /// `0-9a-fA-F`
    HexAny,
    /// `A-Z0-9`
    Upper,
    /// `a-z2-7`
    Base32,
    Alnum,
    /// Letters, digits, `_` and `-`
    Url,
    /// [`Alphabet::Url`] and `.`
    Dotted,
    /// Standard base64 with its padding
    Base64,
    /// Both alphabets of base64 with their padding
    Base64Url,
}

impl Alphabet {
    pub(crate) fn has(self, byte: u8) -> bool {
        match self {
            Alphabet::Hex => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            Alphabet::HexAny => byte.is_ascii_hexdigit(),
            Alphabet::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Alphabet::Base32 => byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte),
            Alphabet::Alnum => byte.is_ascii_alphanumeric(),
            Alphabet::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Alphabet::Dotted => Alphabet::Url.has(byte) || byte == b'.',
            Alphabet::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Alphabet::Base64Url => Alphabet::Url.has(byte) || matches!(byte, b'+' | b'/' | b'='),
        }
    }

    /// How many characters it has.
    pub(crate) fn letters(self) -> usize {
        match self {
            Alphabet::Hex | Alphabet::HexAny => 16,
            Alphabet::Base32 => 32,
            Alphabet::Upper => 36,
            Alphabet::Alnum => 62,
            Alphabet::Url | Alphabet::Dotted | Alphabet::Base64 | Alphabet::Base64Url => 64,
        }
    }
}

/// What must hold besides prefix, alphabet and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    Random,
    /// The last six characters are the CRC-32 of those before, in base 62 (GitHub: "Behind GitHub's new authentication token
    /// formats", 2021).
    Crc,
    /// As [`Check::Crc`], but what fails it is only less sure: the issuer says that there is a checksum and not which.
    PerhapsCrc,
    /// This stands somewhere in it.
    Holds(&'static str),
}

pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) description: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) alphabet: Alphabet,
    /// Characters after the prefix.
    pub(crate) least: usize,
    pub(crate) most: usize,
    pub(crate) check: Check,
}

const fn rule(
    id: &'static str,
    description: &'static str,
    prefix: &'static str,
    alphabet: Alphabet,
    length: (usize, usize),
    check: Check,
) -> Rule {
    Rule { id, description, prefix, alphabet, least: length.0, most: length.1, check }
}

#[rustfmt::skip]
pub(crate) const RULES: &[Rule] = &[
    rule("assay-token", "Assay access token", "assay-", Base32, (40, 40), Random),
    rule("assay-job-token", "Assay job token", "assay-job-", Base32, (40, 40), Random),
    rule("assay-trigger-token", "Assay trigger token", "assay-trigger-", Base32, (40, 40), Random),
    rule("assay-registration-token", "Assay registration token of runners", "assay-registration-", Base32, (40, 40), Random),
    rule("aws-access-key-id", "AWS access key ID", "AKIA", Upper, (16, 16), Random),
    rule("aws-access-key-id", "AWS access key ID of a session", "ASIA", Upper, (16, 16), Random),
    rule("github-token", "GitHub personal access token", "ghp_", Alnum, (36, 36), Crc),
    rule("github-token", "GitHub OAuth access token", "gho_", Alnum, (36, 36), Crc),
    rule("github-token", "GitHub token of a user to an app", "ghu_", Alnum, (36, 36), Crc),
    rule("github-token", "GitHub token of an app's installation", "ghs_", Alnum, (36, 36), Crc),
    rule("github-token", "GitHub refresh token", "ghr_", Alnum, (36, 76), Crc),
    rule("github-token", "GitHub fine-grained personal access token", "github_pat_", Url, (82, 82), Random),
    rule("gitlab-token", "GitLab personal access token", "glpat-", Dotted, (20, 80), Random),
    rule("gitlab-runner-token", "GitLab runner token", "glrt-", Dotted, (20, 80), Random),
    rule("gitlab-runner-token", "GitLab runner registration token", "GR1348941", Url, (20, 20), Random),
    rule("gitlab-token", "GitLab deploy token", "gldt-", Dotted, (20, 80), Random),
    rule("gitlab-token", "GitLab pipeline trigger token", "glptt-", Url, (20, 80), Random),
    rule("gitlab-token", "GitLab CI job token", "glcbt-", Dotted, (20, 120), Random),
    rule("gitlab-token", "GitLab feed token", "glft-", Url, (20, 80), Random),
    rule("gitlab-token", "GitLab SCIM token", "glsoat-", Url, (20, 80), Random),
    rule("gitlab-token", "GitLab agent token", "glagent-", Url, (50, 80), Random),
    rule("gitlab-token", "GitLab OAuth application secret", "gloas-", Url, (64, 64), Random),
    rule("gitlab-token", "GitLab incoming mail token", "glimt-", Url, (20, 80), Random),
    rule("npm-token", "npm access token", "npm_", Alnum, (36, 36), PerhapsCrc),
    rule("pypi-token", "PyPI upload token", "pypi-AgEIcHlwaS5vcmc", Url, (50, 1000), Random),
    rule("pypi-token", "PyPI upload token of the test index", "pypi-AgENdGVzdC5weXBpLm9yZw", Url, (50, 1000), Random),
    rule("rubygems-token", "RubyGems API key", "rubygems_", Hex, (48, 48), Random),
    rule("crates-io-token", "crates.io API token", "cio", Alnum, (32, 32), Random),
    rule("nuget-token", "NuGet API key", "oy2", Alnum, (43, 43), Random),
    rule("docker-hub-token", "Docker Hub personal access token", "dckr_pat_", Url, (27, 27), Random),
    rule("docker-hub-token", "Docker Hub organization access token", "dckr_oat_", Url, (32, 32), Random),
    rule("slack-token", "Slack bot token", "xoxb-", Url, (40, 90), Random),
    rule("slack-token", "Slack user token", "xoxp-", Url, (40, 90), Random),
    rule("slack-token", "Slack workspace token", "xoxa-", Url, (40, 90), Random),
    rule("slack-token", "Slack refresh token", "xoxr-", Url, (40, 90), Random),
    rule("slack-token", "Slack refresh token", "xoxe-", Url, (40, 200), Random),
    rule("slack-token", "Slack app token", "xapp-", Url, (60, 130), Random),
    rule("slack-webhook", "Slack webhook", "hooks.slack.com/services/T", Base64, (40, 50), Random),
    rule("discord-webhook", "Discord webhook", "discord.com/api/webhooks/", Base64Url, (80, 100), Random),
    rule("stripe-key", "Stripe secret key", "sk_live_", Alnum, (24, 120), Random),
    rule("stripe-key", "Stripe restricted key", "rk_live_", Alnum, (24, 120), Random),
    rule("stripe-webhook-secret", "Stripe webhook secret", "whsec_", Alnum, (32, 64), Random),
    rule("square-token", "Square access token", "sq0atp-", Url, (22, 22), Random),
    rule("square-token", "Square application secret", "sq0csp-", Url, (43, 43), Random),
    rule("shopify-token", "Shopify access token", "shpat_", HexAny, (32, 32), Random),
    rule("shopify-token", "Shopify token of a custom app", "shpca_", HexAny, (32, 32), Random),
    rule("shopify-token", "Shopify token of a private app", "shppa_", HexAny, (32, 32), Random),
    rule("shopify-token", "Shopify shared secret", "shpss_", HexAny, (32, 32), Random),
    rule("google-api-key", "Google API key", "AIza", Url, (35, 35), Random),
    rule("google-oauth-secret", "Google OAuth client secret", "GOCSPX-", Url, (28, 28), Random),
    rule("google-oauth-token", "Google OAuth access token", "ya29.", Url, (60, 300), Random),
    rule("azure-storage-key", "Azure storage account key", "AccountKey=", Base64, (88, 88), Random),
    rule("azure-service-bus-key", "Azure shared access key", "SharedAccessKey=", Base64, (44, 44), Random),
    rule("openai-key", "OpenAI API key", "sk-", Url, (48, 200), Holds("T3BlbkFJ")),
    rule("anthropic-key", "Anthropic API key", "sk-ant-", Url, (95, 120), Random),
    rule("hugging-face-token", "Hugging Face access token", "hf_", Alnum, (34, 34), Random),
    rule("vault-token", "HashiCorp Vault service token", "hvs.", Url, (24, 200), Random),
    rule("vault-token", "HashiCorp Vault batch token", "hvb.", Url, (100, 400), Random),
    rule("digitalocean-token", "DigitalOcean personal access token", "dop_v1_", Hex, (64, 64), Random),
    rule("digitalocean-token", "DigitalOcean OAuth token", "doo_v1_", Hex, (64, 64), Random),
    rule("digitalocean-token", "DigitalOcean refresh token", "dor_v1_", Hex, (64, 64), Random),
    rule("databricks-token", "Databricks access token", "dapi", Hex, (32, 32), Random),
    rule("sendgrid-key", "SendGrid API key", "SG.", Dotted, (66, 66), Random),
    rule("grafana-token", "Grafana service account token", "glsa_", Url, (41, 41), Random),
    rule("grafana-token", "Grafana Cloud token", "glc_ey", Base64, (60, 400), Random),
    rule("sentry-token", "Sentry organization token", "sntrys_ey", Base64Url, (60, 400), Random),
    rule("linear-key", "Linear API key", "lin_api_", Alnum, (40, 40), Random),
    rule("postman-key", "Postman API key", "PMAK-", Url, (59, 59), Random),
    rule("new-relic-key", "New Relic user key", "NRAK-", Upper, (27, 27), Random),
    rule("doppler-token", "Doppler token", "dp.pt.", Alnum, (40, 44), Random),
    rule("pulumi-token", "Pulumi access token", "pul-", Hex, (40, 40), Random),
    rule("atlassian-token", "Atlassian API token", "ATATT3xFfGF0", Base64Url, (150, 250), Random),
    rule("planetscale-token", "PlanetScale token", "pscale_tkn_", Url, (32, 64), Random),
    rule("planetscale-password", "PlanetScale password", "pscale_pw_", Url, (32, 64), Random),
    rule("supabase-token", "Supabase access token", "sbp_", Hex, (40, 40), Random),
    rule("tailscale-key", "Tailscale key", "tskey-", Url, (30, 70), Random),
    rule("notion-token", "Notion integration token", "ntn_", Alnum, (43, 46), Random),
    rule("figma-token", "Figma access token", "figd_", Url, (40, 45), Random),
    rule("dynatrace-token", "Dynatrace API token", "dt0c01.", Dotted, (89, 89), Random),
    rule("age-secret-key", "age secret key", "AGE-SECRET-KEY-1", Upper, (58, 58), Random),
    rule("jfrog-token", "JFrog API key", "AKCp", Alnum, (69, 69), Random),
];
