//! Passwords of ICE and keys of SDES are not for logs: neither `Debug` nor an error shows them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use tsubame_sdp::{Attribute, Fragment, OtherLine, SessionDescription};

const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\n";
const VIDEO: &str = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n";
/// What stands in for a secret in what is parsed here.
const SECRET: &str = "SECRETsecretSECRETsecret";

const LINES: [&str; 4] = [
    "a=ice-pwd:SECRETsecretSECRETsecret",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:SECRETsecretSECRETsecret",
    "a=Key-Mgmt:mikey SECRETsecretSECRETsecret",
    "k=base64:SECRETsecretSECRETsecret",
];

#[test]
fn debug_of_a_description_hides_what_to_string_writes() {
    for level in ["", VIDEO] {
        for line in LINES {
            let description: SessionDescription =
                format!("{HEAD}{level}{line}\r\n").parse().unwrap();
            let (shown, pretty) = (format!("{description:?}"), format!("{description:#?}"));
            assert!(!shown.contains(SECRET) && !pretty.contains(SECRET), "{pretty}");
            assert!(shown.contains("<hidden>"), "{shown}");
            assert!(description.to_string().contains(SECRET), "{line}");
        }
    }
}

#[test]
fn debug_of_a_fragment_hides_its_password() {
    let fragment: Fragment = format!("a=ice-ufrag:abcd\r\n{}\r\n", LINES[0]).parse().unwrap();
    let shown = format!("{fragment:?}");
    assert!(!shown.contains(SECRET) && shown.contains("abcd"), "{shown}");
    assert!(fragment.to_string().contains(SECRET));
}

#[test]
fn debug_says_what_is_no_secret() {
    let text = format!("{HEAD}a=ice-ufrag:abcd\r\n{VIDEO}a=mid:7\r\na=x-own:value\r\n");
    let shown = format!("{:?}", text.parse::<SessionDescription>().unwrap());
    for part in [
        "ice_ufrag: Some(\"abcd\")",
        "mid: Some(\"7\")",
        "VP8",
        "value: Some(\"value\")",
        "ice_pwd: []",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn attributes_made_by_hand_hide_as_those_that_were_read() {
    let attribute = Attribute { name: " ICE-pwd".to_owned(), value: Some(SECRET.to_owned()) };
    let key = OtherLine { kind: 'k', value: SECRET.to_owned() };
    let information = OtherLine { kind: 'i', value: "a talk".to_owned() };
    let shown = format!("{attribute:?} {key:?} {information:?}");
    assert!(!shown.contains(SECRET) && shown.contains("a talk"), "{shown}");
}

/// Each of them is refused: said twice, with a space, with a sign that ends no line, on no level at all.
#[test]
fn errors_hide_the_secret_of_the_line_they_are_about() {
    let pwd = LINES[0];
    for text in [
        format!("{HEAD}{pwd}\r\n{pwd}\r\n"),
        format!("{HEAD}{VIDEO}{pwd}\r\n{pwd}\r\n"),
        format!("{HEAD}{pwd} {SECRET}\r\n"),
        format!("{HEAD}a= ICE-PWD : {SECRET} {SECRET}\r\n"),
        format!("{HEAD}aa=ice-pwd:{SECRET}\r\n"),
        format!("{HEAD}A=ice-pwd:{SECRET}\r\n"),
        format!("{HEAD}ice-pwd:{SECRET}\r\n"),
        format!("{HEAD}a=x\r{pwd}\r\n"),
        format!("{HEAD}a=x\r{}\r\n", LINES[3]),
        format!("{}\r\n", LINES[1]),
        format!("{}\r\n", LINES[3]),
    ] {
        let error = text.parse::<SessionDescription>().unwrap_err();
        assert!(!error.to_string().contains("SECRET"), "{error}");
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
        assert!(error.to_string().contains("<hidden>"), "{error}");
    }
    let octets = [HEAD.as_bytes(), pwd.as_bytes(), b"\xff\r\n"].concat();
    let error = SessionDescription::from_bytes(&octets).unwrap_err().to_string();
    assert_eq!(error, "SDP line 4: expected UTF-8, found \"a=ice-pwd<hidden>\"");
}
