//! Who asked.

use campanile::record::Value;

use crate::run::Seen;

pub(crate) fn check(sentence: &str, seen: &Seen<'_>) -> bool {
    let (id, record) = (&seen.case.id, seen.record());
    let address = record.client_address().map(|address| address.to_string());
    let peer = seen.case.text("peer");
    match sentence {
        "malformed element: fail closed to the peer"
        | "obfuscated identifiers are not addresses"
        | "unterminated quote: header ignored"
        | "two header families and none configured: neither is believed"
        | "fail closed" => assert_eq!(address.as_deref(), peer, "{id}"),
        // Beside the address, as an attribute.
        "flag all_hops_trusted set" => {
            assert_eq!(record.attribute("campanile.client.all_hops_trusted"), Some(Value::Bool(true)), "{id}");
            assert_eq!(seen.json()["campanile.client.all_hops_trusted"], true, "{id}");
        }
        _ => match sentence.split_once(" == ") {
            Some(("client.address", wanted)) => {
                assert_eq!(address.as_deref(), Some(wanted), "{id}");
                assert_eq!(seen.json()["client.address"], wanted, "{id}");
            }
            _ => return false,
        },
    }
    // Who is at the other end of the connection is told all the same.
    assert_eq!(record.peer().map(|peer| peer.ip().to_string()).as_deref(), peer, "{id}");
    true
}
