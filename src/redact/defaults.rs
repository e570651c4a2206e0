//! The table of what is shown and what is not, before any setting.

/// What a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A header whose value is kept. All others are recorded by name and length only.
    HeaderKept,
    /// A header whose value is never kept, not even when a setting asks for it.
    HeaderSecret,
    /// A key of the query whose value is replaced.
    QueryKey,
    /// A field, attribute, key of the query, of a form or of JSON whose value is replaced.
    FieldKey,
    /// Something in a text that is known by its shape; [`text`](super::text) finds it.
    Shape,
    /// How tokens of some maker begin.
    TokenPrefix,
}

/// One row of the table.
///
/// # Shape
/// Names of headers are in lower case and matched whole. Keys are written without `-` and `_`, in lower case, because
/// matching ignores all three; a key that begins with `*` matches every key that ends so. The reason is what people are
/// shown in the place of what was taken out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) part: Part,
    pub(crate) reason: &'static str,
}

const fn rule(name: &'static str, part: Part, reason: &'static str) -> Rule {
    Rule { name, part, reason }
}

use Part::{FieldKey, HeaderKept, HeaderSecret, QueryKey, Shape, TokenPrefix};

/// All rules.
///
/// `referer`, `location`, `link` and `content-security-policy` are not kept: they hold URLs with queries, or nonces.
/// Of `cookie` and `set-cookie` the names of cookies are kept, and their attributes.
/// `x-request-id` is not kept as a header, because a refused one must not be stored; a valid one is the record's own.
pub(crate) const RULES: &[Rule] = &[
    rule("accept", HeaderKept, "negotiation"),
    rule("accept-charset", HeaderKept, "negotiation"),
    rule("accept-encoding", HeaderKept, "negotiation"),
    rule("accept-language", HeaderKept, "negotiation"),
    rule("content-encoding", HeaderKept, "negotiation"),
    rule("content-language", HeaderKept, "negotiation"),
    rule("content-length", HeaderKept, "framing"),
    rule("content-type", HeaderKept, "negotiation"),
    rule("vary", HeaderKept, "negotiation"),
    rule("host", HeaderKept, "who was asked"),
    rule("user-agent", HeaderKept, "who asks"),
    rule("origin", HeaderKept, "who asks, without a path"),
    rule("forwarded", HeaderKept, "who asks, as proxies tell it"),
    rule("via", HeaderKept, "who asks, as proxies tell it"),
    rule("x-forwarded-for", HeaderKept, "who asks, as proxies tell it"),
    rule("x-forwarded-host", HeaderKept, "who asks, as proxies tell it"),
    rule("x-forwarded-port", HeaderKept, "who asks, as proxies tell it"),
    rule("x-forwarded-proto", HeaderKept, "who asks, as proxies tell it"),
    rule("x-real-ip", HeaderKept, "who asks, as proxies tell it"),
    rule("connection", HeaderKept, "framing"),
    rule("expect", HeaderKept, "framing"),
    rule("keep-alive", HeaderKept, "framing"),
    rule("te", HeaderKept, "framing"),
    rule("trailer", HeaderKept, "framing"),
    rule("transfer-encoding", HeaderKept, "framing"),
    rule("upgrade", HeaderKept, "framing"),
    rule("sec-websocket-version", HeaderKept, "framing"),
    rule("priority", HeaderKept, "framing"),
    rule("alt-svc", HeaderKept, "framing"),
    rule("accept-ranges", HeaderKept, "ranges"),
    rule("content-range", HeaderKept, "ranges"),
    rule("if-range", HeaderKept, "ranges"),
    rule("range", HeaderKept, "ranges"),
    rule("age", HeaderKept, "caching"),
    rule("cache-control", HeaderKept, "caching"),
    rule("date", HeaderKept, "caching"),
    rule("etag", HeaderKept, "caching"),
    rule("expires", HeaderKept, "caching"),
    rule("if-match", HeaderKept, "caching"),
    rule("if-modified-since", HeaderKept, "caching"),
    rule("if-none-match", HeaderKept, "caching"),
    rule("if-unmodified-since", HeaderKept, "caching"),
    rule("last-modified", HeaderKept, "caching"),
    rule("pragma", HeaderKept, "caching"),
    rule("allow", HeaderKept, "why a request was turned away"),
    rule("ratelimit", HeaderKept, "why a request was turned away"),
    rule("ratelimit-limit", HeaderKept, "why a request was turned away"),
    rule("ratelimit-policy", HeaderKept, "why a request was turned away"),
    rule("ratelimit-remaining", HeaderKept, "why a request was turned away"),
    rule("ratelimit-reset", HeaderKept, "why a request was turned away"),
    rule("retry-after", HeaderKept, "why a request was turned away"),
    rule("x-ratelimit-limit", HeaderKept, "why a request was turned away"),
    rule("x-ratelimit-remaining", HeaderKept, "why a request was turned away"),
    rule("x-ratelimit-reset", HeaderKept, "why a request was turned away"),
    rule("access-control-allow-credentials", HeaderKept, "cross-origin rules"),
    rule("access-control-allow-headers", HeaderKept, "cross-origin rules"),
    rule("access-control-allow-methods", HeaderKept, "cross-origin rules"),
    rule("access-control-allow-origin", HeaderKept, "cross-origin rules"),
    rule("access-control-expose-headers", HeaderKept, "cross-origin rules"),
    rule("access-control-max-age", HeaderKept, "cross-origin rules"),
    rule("access-control-request-headers", HeaderKept, "cross-origin rules"),
    rule("access-control-request-method", HeaderKept, "cross-origin rules"),
    rule("sec-fetch-dest", HeaderKept, "cross-origin rules"),
    rule("sec-fetch-mode", HeaderKept, "cross-origin rules"),
    rule("sec-fetch-site", HeaderKept, "cross-origin rules"),
    rule("sec-fetch-user", HeaderKept, "cross-origin rules"),
    rule("traceparent", HeaderKept, "trace context"),
    rule("tracestate", HeaderKept, "trace context"),
    rule("b3", HeaderKept, "trace context"),
    rule("x-amzn-trace-id", HeaderKept, "trace context"),
    rule("x-cloud-trace-context", HeaderKept, "trace context"),
    rule("cf-ray", HeaderKept, "trace context"),
    rule("server", HeaderKept, "who answers"),
    rule("server-timing", HeaderKept, "who answers"),
    rule("grpc-accept-encoding", HeaderKept, "gRPC"),
    rule("grpc-encoding", HeaderKept, "gRPC"),
    rule("grpc-message", HeaderKept, "gRPC"),
    rule("grpc-status", HeaderKept, "gRPC"),
    rule("grpc-timeout", HeaderKept, "gRPC"),
    rule("authorization", HeaderSecret, "credentials"),
    rule("proxy-authorization", HeaderSecret, "credentials"),
    rule("authentication-info", HeaderSecret, "credentials"),
    rule("proxy-authentication-info", HeaderSecret, "credentials"),
    rule("www-authenticate", HeaderSecret, "challenges and nonces"),
    rule("proxy-authenticate", HeaderSecret, "challenges and nonces"),
    rule("cookie", HeaderSecret, "sessions"),
    rule("cookie2", HeaderSecret, "sessions"),
    rule("set-cookie", HeaderSecret, "sessions"),
    rule("set-cookie2", HeaderSecret, "sessions"),
    rule("api-key", HeaderSecret, "credentials"),
    rule("apikey", HeaderSecret, "credentials"),
    rule("x-api-key", HeaderSecret, "credentials"),
    rule("x-api-token", HeaderSecret, "credentials"),
    rule("x-access-token", HeaderSecret, "credentials"),
    rule("x-auth-token", HeaderSecret, "credentials"),
    rule("x-csrf-token", HeaderSecret, "credentials"),
    rule("x-xsrf-token", HeaderSecret, "credentials"),
    rule("x-amz-security-token", HeaderSecret, "credentials of AWS"),
    rule("x-amzn-oidc-accesstoken", HeaderSecret, "credentials of AWS"),
    rule("x-amzn-oidc-data", HeaderSecret, "credentials of AWS"),
    rule("x-goog-api-key", HeaderSecret, "credentials of Google"),
    rule("x-goog-iap-jwt-assertion", HeaderSecret, "credentials of Google"),
    rule("x-ms-token-aad-access-token", HeaderSecret, "credentials of Azure"),
    rule("x-ms-token-aad-id-token", HeaderSecret, "credentials of Azure"),
    rule("x-functions-key", HeaderSecret, "credentials of Azure"),
    rule("cf-access-jwt-assertion", HeaderSecret, "credentials of Cloudflare"),
    rule("x-campanile-debug", HeaderSecret, "debug token"),
    rule("x-vault-token", HeaderSecret, "credentials of Vault"),
    rule("x-gitlab-token", HeaderSecret, "credentials of GitLab"),
    rule("private-token", HeaderSecret, "credentials of GitLab"),
    rule("x-forwarded-access-token", HeaderSecret, "credentials of oauth2-proxy"),
    rule("x-forwarded-client-cert", HeaderSecret, "the caller's certificate"),
    rule("dpop", HeaderSecret, "proof of possession"),
    rule("sec-websocket-key", HeaderSecret, "handshake"),
    rule("sec-websocket-protocol", HeaderSecret, "carries bearer tokens of browsers"),
    rule("xamzsignature", QueryKey, "signed URL, AWS"),
    rule("xamzcredential", QueryKey, "signed URL, AWS"),
    rule("xamzsecuritytoken", QueryKey, "signed URL, AWS"),
    rule("awsaccesskeyid", QueryKey, "signed URL, AWS"),
    rule("xgoogsignature", QueryKey, "signed URL, Google"),
    rule("xgoogcredential", QueryKey, "signed URL, Google"),
    rule("sig", QueryKey, "signed URL, Azure"),
    rule("signature", QueryKey, "signed URL"),
    rule("hmac", QueryKey, "signed URL"),
    rule("samlresponse", QueryKey, "assertion"),
    rule("assertion", QueryKey, "assertion"),
    rule("codeverifier", QueryKey, "OAuth"),
    rule("*tokenhint", QueryKey, "OpenID Connect"),
    rule("key", QueryKey, "API key, Google and others"),
    rule("ticket", QueryKey, "CAS"),
    rule("sid", QueryKey, "session"),
    rule("session", QueryKey, "session"),
    rule("*sessid", QueryKey, "session, PHP and others"),
    rule("*password", FieldKey, "password"),
    rule("*passwd", FieldKey, "password"),
    rule("*passphrase", FieldKey, "password"),
    rule("pwd", FieldKey, "password"),
    rule("pass", FieldKey, "password"),
    rule("*secret", FieldKey, "secret"),
    rule("*secretkey", FieldKey, "secret"),
    rule("*secretaccesskey", FieldKey, "secret"),
    rule("*privatekey", FieldKey, "secret"),
    rule("*encryptionkey", FieldKey, "secret"),
    rule("*token", FieldKey, "access, refresh, id, session or CSRF token"),
    rule("jwt", FieldKey, "token"),
    rule("bearer", FieldKey, "token"),
    rule("*apikey", FieldKey, "credentials"),
    rule("*accesskey", FieldKey, "credentials"),
    rule("*authorization", FieldKey, "credentials"),
    rule("auth", FieldKey, "credentials"),
    rule("*credential", FieldKey, "credentials"),
    rule("*credentials", FieldKey, "credentials"),
    rule("cookie", FieldKey, "session"),
    rule("setcookie", FieldKey, "session"),
    rule("sessionid", FieldKey, "session"),
    rule("signature", FieldKey, "signature"),
    rule("otp", FieldKey, "one-time password"),
    rule("cardnumber", FieldKey, "payment card"),
    rule("creditcard", FieldKey, "payment card"),
    rule("card", FieldKey, "payment card"),
    rule("cvv", FieldKey, "payment card"),
    rule("cvc", FieldKey, "payment card"),
    rule("bearer", Shape, "credentials"),
    rule("basic", Shape, "credentials"),
    rule("jwt", Shape, "JSON web token"),
    rule("private-key", Shape, "private key"),
    rule("userinfo", Shape, "user and password of a URL"),
    rule("card", Shape, "payment card"),
    // In paths only: elsewhere an address is what people look for.
    rule("mail", Shape, "mail address"),
    rule("ghp_", TokenPrefix, "token of GitHub"),
    rule("gho_", TokenPrefix, "token of GitHub"),
    rule("ghu_", TokenPrefix, "token of GitHub"),
    rule("ghs_", TokenPrefix, "token of GitHub"),
    rule("ghr_", TokenPrefix, "token of GitHub"),
    rule("github_pat_", TokenPrefix, "token of GitHub"),
    rule("glpat-", TokenPrefix, "token of GitLab"),
    rule("sk_live_", TokenPrefix, "key of Stripe"),
    rule("sk_test_", TokenPrefix, "key of Stripe"),
    rule("rk_live_", TokenPrefix, "key of Stripe"),
    rule("whsec_", TokenPrefix, "key of Stripe"),
    rule("xoxa-", TokenPrefix, "token of Slack"),
    rule("xoxb-", TokenPrefix, "token of Slack"),
    rule("xoxp-", TokenPrefix, "token of Slack"),
    rule("xoxr-", TokenPrefix, "token of Slack"),
    rule("xoxs-", TokenPrefix, "token of Slack"),
    rule("xapp-", TokenPrefix, "token of Slack"),
    rule("AKIA", TokenPrefix, "key of AWS"),
    rule("ASIA", TokenPrefix, "key of AWS"),
    rule("AIzaSy", TokenPrefix, "key of Google"),
    rule("npm_", TokenPrefix, "token of npm"),
    rule("hf_", TokenPrefix, "token of Hugging Face"),
    rule("sk-", TokenPrefix, "key of OpenAI, Anthropic and others"),
    rule("dop_v1_", TokenPrefix, "token of DigitalOcean"),
    rule("shpat_", TokenPrefix, "token of Shopify"),
    rule("pypi-", TokenPrefix, "token of PyPI"),
];

/// Why a rule exists, in words for people.
pub(super) fn reason(name: &str, part: Part) -> &'static str {
    RULES.iter().find(|rule| rule.part == part && rule.name == name).map_or("secret", |rule| rule.reason)
}

/// Names of the rules of one part; `N` is their [`count`].
pub(super) const fn names<const N: usize>(part: Part) -> [&'static str; N] {
    let mut names = [""; N];
    let (mut row, mut next) = (0, 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < RULES.len() {
        if RULES[row].part as u8 == part as u8 {
            names[next] = RULES[row].name;
            next += 1;
        }
        row += 1;
    }
    names
}

/// The rules of one part; `N` is their [`count`].
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
pub(super) const fn rows<const N: usize>(part: Part) -> [Rule; N] {
    let mut rows = [RULES[0]; N];
    let (mut row, mut next) = (0, 0);
    while row < RULES.len() {
        if RULES[row].part as u8 == part as u8 {
            rows[next] = RULES[row];
            next += 1;
        }
        row += 1;
    }
    rows
}

/// Number of the rules of one part.
pub(super) const fn count(part: Part) -> usize {
    let (mut row, mut count) = (0, 0);
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
    while row < RULES.len() {
        count += (RULES[row].part as u8 == part as u8) as usize;
        row += 1;
    }
    count
}
