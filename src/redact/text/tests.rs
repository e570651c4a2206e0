use super::*;
use crate::redact::note::Notes;
use crate::redact::rules::Rules;

fn redacted(text: &str, nature: Nature) -> Option<String> {
    Rules::default().text(text, nature, &mut Notes::default())
}

fn plain(text: &str) -> Option<String> {
    redacted(text, Nature::default())
}

fn holds(cases: &[(&str, &str)]) {
    for (before, after) in cases {
        assert_eq!(plain(before).as_deref(), Some(*after), "{before}");
        assert_eq!(plain(after), None, "{after} is left alone");
    }
}

#[test]
fn credentials_are_found_and_sentences_are_not() {
    holds(&[
        ("sent Bearer canary-1 to x", "sent Bearer REDACTED to x"),
        ("BEARER  abcdefghijklmnopqrstuvwx.", "BEARER  REDACTED."),
        ("a Basic Y2FuYXJ5OjEyMw==, b", "a Basic REDACTED, b"),
        ("x=Bearer%20canary-1", "x=Bearer%20REDACTED"),
    ]);
    for text in ["the bearer of news", "Bearer tokens are", "basic authentication failed", "Basic research", "bearer", "basic "] {
        assert_eq!(plain(text), None, "{text}");
    }
}

#[test]
fn json_web_tokens_are_found() {
    holds(&[
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.canary24sig", "REDACTED"),
        ("got eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0. twice", "got REDACTED. twice"),
        ("t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIi/x", "t/REDACTED/x"),
    ]);
    assert_eq!(plain("cursor eyJpZCI6MX0 next"), None, "JSON in base 64 alone is no token");
    let cut = Nature { is_cut: true, ..Nature::default() };
    assert_eq!(redacted("token eyJhbGciOi", cut).as_deref(), Some("token REDACTED"), "BO-26: cut in two");
}

#[test]
fn private_keys_are_taken_out_as_blocks() {
    holds(&[
        ("-----BEGIN PRIVATE KEY-----\ncanary-23\n-----END PRIVATE KEY-----", "REDACTED"),
        ("a\n-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\nb", "a\nREDACTED\nb"),
        ("k -----BEGIN OPENSSH PRIVATE KEY-----\\ncanary\\n", "k REDACTED"),
        ("k -----BEGIN PRIV", "k REDACTED"),
    ]);
    let public = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
    assert_eq!(plain(public), None);
}

#[test]
fn users_and_passwords_leave_urls() {
    holds(&[
        ("postgres://app:canary@db:5432/shop", "postgres://REDACTED:REDACTED@db:5432/shop"),
        ("https://canary@host/x", "https://REDACTED@host/x"),
        ("url (redis://:canary@host)", "url (redis://REDACTED:REDACTED@host)"),
        ("mysql://u:p/ca?nary@host/db ok", "mysql://REDACTED:REDACTED@host/db ok"),
        ("http://u:p@ss@host", "http://REDACTED:REDACTED@host"),
    ]);
    for text in ["https://host/@user", "http://[::1]:3000/a@b", "http://host:80/?a=b@c", "see https://host", "://", "://@"] {
        assert_eq!(plain(text), None, "{text}");
    }
    let cut = Nature { is_cut: true, ..Nature::default() };
    assert_eq!(redacted("at http://u:cana", cut).as_deref(), Some("at http://REDACTED:REDACTED"));
}

#[test]
fn values_of_secret_keys_are_found_in_text() {
    holds(&[
        ("login password=canary user=7", "login password=REDACTED user=7"),
        ("API-KEY: canary", "API-KEY: REDACTED"),
        ("{\"password\":\"canary \\\" x\",\"a\":1} sent", "{\"password\":\"REDACTED\",\"a\":1} sent"),
        ("body {\\\"password\\\":\\\"canary\\\",\\\"a\\\":1}", "body {\\\"password\\\":\\\"REDACTED\\\",\\\"a\\\":1}"),
        ("Login { user: \"a\", password: \"canary\" }", "Login { user: \"a\", password: \"REDACTED\" }"),
        ("Login { password: Some(\"canary, x\"), user: 1 }", "Login { password: REDACTED, user: 1 }"),
        ("Login { secret: Secret { value: \"canary\" }, user: 1 }", "Login { secret: REDACTED, user: 1 }"),
        ("key: [1], token: [99, 97], user: 1", "key: [1], token: REDACTED, user: 1"),
        ("token: b\"canary\", user: 1", "token: REDACTED, user: 1"),
        ("{'client_secret': 'canary'}", "{'client_secret': 'REDACTED'}"),
        ("{:password=>\"canary\"}", "{:password=>\"REDACTED\"}"),
        ("Server=x;Password=canary;Database=y", "Server=x;Password=REDACTED;Database=y"),
        ("for url (https://h/p?sig=canary&a=1)", "for url (https://h/p?sig=REDACTED&a=1)"),
        ("authorization: Digest username=\"canary\", x=\"y\"\nnext", "authorization: REDACTED\nnext"),
        ("authorization=Bearer canary next", "authorization=REDACTED next"),
        ("Authorization: {\n a: [\"canary\"]\n}\nnext", "Authorization: REDACTED\nnext"),
        ("{\"authorization\": \"Basic canary\", \"accept\": 1} x", "{\"authorization\": \"REDACTED\", \"accept\": 1} x"),
        ("Cookie: sid=canary; theme=canary", "Cookie: REDACTED"),
        ("user[password]=canary&x", "user[password]=REDACTED&x"),
        ("a=1,token=canary,b=2", "a=1,token=REDACTED,b=2"),
        ("auth: canary1", "auth: REDACTED"),
        ("password: \"canary", "password: \"REDACTED"),
        ("token=(((canary", "token=REDACTED"),
        ("token= secret: canary", "token= secret: REDACTED"),
        ("token= \"password\": \"canary\"", "token= \"password\": \"REDACTED\""),
        ("api_key: \"canary\"\"password\":\0\0x", "api_key: REDACTED\0\0x"),
        ("token=bearer secret: canary", "token=bearer secret: REDACTED"),
        ("private_key: -----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\nb", "private_key: REDACTED\nb"),
        ("private_key=-----BEGIN EC PRIVATE KEY-----\ncanary", "private_key=REDACTED"),
        ("card: 4111 1111 1111 1112 x", "card: REDACTED x"),
        ("password\t= canary", "password\t= REDACTED"),
        ("password      \t: canary x", "password      \t: REDACTED x"),
        ("\"password\"\t:\t\"canary\" x", "\"password\"\t:\t\"REDACTED\" x"),
    ]);
    for text in [
        "auth: session ok user=42",
        "card: declined",
        "auth::token::Error: broken",
        "12:04:07 took 3ms, rows=4 id=7",
        "password=",
        "has token: true",
        "token=null&x",
        "token = None",
        "secretary: Ann",
        "= : == :: =:",
    ] {
        assert_eq!(plain(text), None, "{text}");
    }
}

#[test]
fn elements_of_xml_are_known_by_their_name() {
    holds(&[
        ("<a><password>canary</password><b>1</b></a>", "<a><password>REDACTED</password><b>1</b></a>"),
        ("<ns:password x=\"1\">\n canary=1 &amp; 2</ns:password>", "<ns:password x=\"1\">\n REDACTED</ns:password>"),
        ("<apiKey><![CDATA[canary<1]]></apiKey> b", "<apiKey>REDACTED</apiKey> b"),
        ("<secret> <value>canary</value> </secret><a/>", "<secret> REDACTED</secret><a/>"),
        ("<login password=\"canary\" user='a'/>", "<login password=\"REDACTED\" user='a'/>"),
        ("<password value=\"canary\"/>", "<password REDACTED/>"),
        ("<password value=\"canary\"></password>", "<password REDACTED></password>"),
    ]);
    for text in [
        "<password></password>",
        "<password/>",
        "usage: login <user> <password> [--force]",
        "usage: login <password> <user>",
        "a Vec<Token> and <app::Token as Debug>::fmt, <other>",
        "<secretary>Ann</secretary>",
        "a<token>b",
        "<",
    ] {
        assert_eq!(plain(text), None, "{text}");
    }
    let cut = Nature { is_cut: true, ..Nature::default() };
    assert_eq!(redacted("<a><password>cana", cut).as_deref(), Some("<a><password>REDACTED"));
    assert_eq!(redacted("<secret><a>cana", cut).as_deref(), Some("<secret>REDACTED"));
}

#[test]
fn card_numbers_have_their_check_digit() {
    holds(&[
        ("4111 1111 1111 1111 and 4111111111111112", "REDACTED and 4111111111111112"),
        ("4111-1111-1111-1111", "REDACTED"),
        ("paid with 378282246310005.", "paid with REDACTED."),
        ("3782 822463 10005", "REDACTED"),
        ("n 6011000990139424, 5555555555554444", "n REDACTED, REDACTED"),
        ("12 4111 1111 1111 1111 12", "12 REDACTED 12"),
    ]);
    for text in [
        "4111 1111 1111 1112",
        "1700000000000000000",
        "0.4111111111111111",
        "af4111111111111111",
        "4111111111111111f",
        "41111111111111114111111111111111",
        "2024-01-15 12:04:07.114999",
        "550e8400-e29b-41d4-a716-446655440000",
        "4111 1111 1111",
    ] {
        assert_eq!(plain(text), None, "BO-25: {text}");
    }
    let cut = Nature { is_cut: true, ..Nature::default() };
    assert_eq!(redacted("paid with 4111 1111 11", cut).as_deref(), Some("paid with REDACTED"));
    assert_eq!(redacted("paid 411111", cut), None, "too few to tell anything");
}

#[test]
fn tokens_of_known_makers_are_found() {
    for rule in crate::redact::defaults::RULES.iter().filter(|rule| rule.part == Part::TokenPrefix) {
        let (before, after) = (format!("a \"{}7canary7canary7\" b", rule.name), "a \"REDACTED\" b");
        assert_eq!(plain(&before).as_deref(), Some(after), "{before}");
    }
    for text in ["npm_config_registry", "task-2024-01-15-123456789", "ghp_short1", "MAKIAVELLI1234567890"] {
        assert_eq!(plain(text), None, "{text}");
    }
}

#[test]
fn mail_addresses_leave_paths_only() {
    let path = |text| redacted(text, Nature { is_path: true, ..Nature::default() });
    let case = "/u/alice@example.org/card/4111111111111111";
    assert_eq!(path(case).as_deref(), Some("/u/REDACTED/card/REDACTED"), "UR-06");
    for text in ["/@alice", "/npm/left-pad@1.3.0", "/token:refresh", "/a@b", "/x@"] {
        assert_eq!(path(text), None, "{text}");
    }
    assert_eq!(plain("mail to alice@example.org"), None);
}

#[test]
fn what_is_longer_than_what_is_looked_at_is_replaced() {
    let text = "a ".repeat(33 * 1024) + "canary";
    let out = plain(&text).unwrap();
    assert!(out.len() < 65 * 1024 && out.ends_with("a REDACTED") && !out.contains("canary"));
}

#[test]
fn hostile_texts_take_no_longer_than_others() {
    // None of these may be gone over again and again: each would take minutes.
    for part in [
        "://u:p/",
        "://",
        "://u:p",
        "\"=",
        "auth:(",
        "-----BEGIN",
        "token=(",
        "token=\\\"x ",
        "eyJ.",
        "4111 ",
        "password:\"",
        "a@b@",
        "bearer ",
        "bearer+",
        "basic+",
        "basic%20",
        "sk-",
        "xoxb-",
        "ghp_=",
        "<otp>",
        "<otp><a>",
        "<otp>x",
        "<otp a=",
        "token=\t",
        "token=",
        "token: ",
        "token= secret:",
        "\\\"=",
        "{\"a\":",
    ] {
        let text = part.repeat(64 * 1024 / part.len());
        for is_cut in [false, true] {
            let nature = Nature { is_cut, is_path: is_cut };
            LOOKED.set(0);
            let once = redacted(&text, nature);
            assert!(once.is_none_or(|once| once.len() <= 4 * text.len()), "{part}");
            // Of a run that is refused some hundred bytes are looked at for each few that begin one.
            let looked = LOOKED.get();
            assert!(looked <= 200 * text.len(), "{part}: {looked} bytes looked at, of {}", text.len());
        }
    }
    // A run just short of what is taken for a secret, over and over.
    let text = format!("{} ", "basic+".repeat(80)).repeat(64 * 1024 / 481);
    LOOKED.set(0);
    assert_eq!(plain(&text), None);
    assert!(LOOKED.get() <= 200 * text.len(), "{} bytes looked at", LOOKED.get());
}

#[test]
fn a_long_run_behind_a_scheme_or_prefix_is_taken_to_its_end() {
    let long = "a+".repeat(300);
    assert_eq!(plain(&format!("Basic {long} next")).as_deref(), Some("Basic REDACTED next"));
    assert_eq!(plain(&format!("Bearer {long}7 next")).as_deref(), Some("Bearer REDACTED next"));
    let token = format!("sk-1{}", "a-".repeat(300));
    assert_eq!(plain(&format!("key {token} next")).as_deref(), Some("key REDACTED next"));
    let cut = Nature { is_cut: true, ..Nature::default() };
    assert_eq!(redacted("key sk-abcdef", cut).as_deref(), Some("key REDACTED"));
}
