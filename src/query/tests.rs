use super::*;

#[test]
fn a_misspelt_key_is_shown_with_its_place() {
    let error = Query::parse("method:GET stauts:5xx").unwrap_err();
    assert_eq!(error.to_string(), "unknown key 'stauts'; did you mean 'status'?\n  method:GET stauts:5xx\n             ^");
    assert_eq!(error.position(), 11);
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for (text, message) in [
        ("status:", "'status:' needs a value"),
        ("status:abc", "'status' cannot be 'abc'"),
        ("status:499..400", "the range '499..400' is empty: its start is above its end"),
        ("(status:5xx", "this '(' is never closed"),
        ("status:5xx)", "unexpected ')'"),
        ("()", "nothing between the parentheses"),
        ("a or", "'or' needs a term on both sides; quote it to search for the word"),
        ("or a", "'or' needs a term on both sides; quote it to search for the word"),
        ("a and", "'and' needs a term on both sides; quote it to search for the word"),
        ("and a", "'and' needs a term on both sides; quote it to search for the word"),
        ("-", "nothing to negate; quote it to search for the text"),
        ("\"open", "this quotation is never closed"),
        ("ms:300", "compare 'duration' with > or <, or give a range such as duration:100ms..300ms"),
        ("trace:abc", "a trace id is 32 hexadecimal digits"),
        ("outcome~pan", "'outcome' cannot be compared so; write outcome:value"),
    ] {
        assert_eq!(Query::parse(text).unwrap_err().message(), message, "{text}");
    }
    assert!(Query::parse(&"(".repeat(100)).is_err());
    assert!(Query::parse(&"x".repeat(5000)).is_err());
    assert!(Query::parse(&"-".repeat(4000)).is_err());
}
