#[cfg(windows)]
use std::ffi::OsString;

use proptest::prelude::*;

use super::*;

#[test]
fn text_has_five_forms() {
    let table = [
        ("/run/a", Address::path("/run/a")),
        ("a", Address::path("a")),
        ("./@a", Address::path("./@a")),
        ("@a", Address::abstract_name("a")),
        ("fd:3", Ok(Address::inherited(3))),
        ("named:a.b-c_1", Address::named("a.b-c_1")),
        (r"\\.\pipe\a b:c", Address::pipe(r"\\.\pipe\a b:c")),
        (r"./\\.\pipe\a", Address::path(r"./\\.\pipe\a")),
        (r"//./pipe/a", Address::path("//./pipe/a")),
    ];
    for (text, address) in table {
        assert_eq!(text.parse(), address, "{text}");
        assert_eq!(address.unwrap().to_string(), text);
    }
}

#[test]
fn bad_text_is_refused_with_the_fact_and_the_limit() {
    let table = [
        ("", AddressError::Empty),
        ("@", AddressError::Empty),
        ("named:", AddressError::Empty),
        ("/", AddressError::NoName),
        ("a/", AddressError::NoName),
        ("a/..", AddressError::NoName),
        ("a/.", AddressError::NoName),
        ("a\0b", AddressError::Nul),
        ("fd:", AddressError::FdNumber),
        ("fd:-1", AddressError::FdNumber),
        ("fd:65536", AddressError::FdNumber),
        ("named:.a", AddressError::Character { found: '.' }),
        ("named:a/b", AddressError::Character { found: '/' }),
        ("named:a\0b", AddressError::Character { found: '\0' }),
        (r"\\.\pipe\", AddressError::PipeEmpty),
        (r"\\.\pipe\a\b", AddressError::PipeCharacter { found: '\\' }),
        (r"\\.\pipe\/tmp/a", AddressError::PipeCharacter { found: '/' }),
        ("\\\\.\\pipe\\a\0b", AddressError::PipeCharacter { found: '\0' }),
        (r"\\.\pipe\a.", AddressError::PipeEnd { found: '.' }),
        (r"\\.\pipe\a ", AddressError::PipeEnd { found: ' ' }),
        (r"\\.\pipe\..", AddressError::PipeEnd { found: '.' }),
    ];
    for (text, error) in table {
        assert_eq!(text.parse::<Address>(), Err(error), "{text:?}");
    }
    let long = AddressError::TooLong { len: 256, max: 255 };
    assert_eq!(Address::path("x".repeat(256)), Err(long));
    assert_eq!(long.to_string(), "256 bytes given, 255 fit");
    assert_eq!(Address::abstract_name([0; 108]), Err(AddressError::TooLong { len: 108, max: 107 }));
    assert_eq!(Address::path("x/".repeat(2048)), Err(AddressError::TooLong { len: 4096, max: 4095 }));
}

#[test]
fn the_longest_forms_fit() {
    assert!(Address::path("x".repeat(255)).is_ok());
    assert!(Address::path(format!("{}y", "x/".repeat(2047))).is_ok());
    assert!(Address::abstract_name([0; 107]).is_ok());
    assert!(Address::named("n".repeat(200)).is_ok());
}

#[test]
fn a_pipe_is_what_begins_as_one_whichever_letters_are_capital() {
    for text in [r"\\.\PIPE\App", r"\\.\Pipe\App", r"\\.\pipe\App"] {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.kind(), AddressKind::Pipe(r"\\.\pipe\App"), "{text}");
    }
    assert_ne!(Address::pipe(r"\\.\pipe\App"), Address::pipe(r"\\.\pipe\app"), "the name is kept as given");
    for text in
        ["", "app", r"\\.\pipe", r"\\?\pipe\app", "//./pipe/app", r".\pipe\app", "\\\\.\\pip\u{e9}app"]
    {
        assert_eq!(Address::pipe(text), Err(AddressError::PipePrefix), "{text:?}");
    }
}

#[test]
fn the_length_of_a_pipes_name_is_counted_as_windows_counts_it() {
    let of = |name: &str, count| Address::pipe(format!(r"\\.\pipe\{}", name.repeat(count)));
    assert!(of("n", 247).is_ok() && of("\u{fc}", 247).is_ok() && of("\u{1d11e}", 123).is_ok());
    let long = AddressError::PipeTooLong { len: 257, max: 256 };
    assert_eq!(of("n", 248), Err(long));
    assert_eq!(of("\u{1d11e}", 124), Err(long));
    let text = r"257 UTF-16 units given, 256 fit the name of a pipe, \\.\pipe\ included";
    assert_eq!(long.to_string(), text);
}

#[test]
fn a_path_that_looks_like_a_pipe_is_taken_literally() {
    let path = Path::new(r"\\.\PIPE\app");
    let address = path.to_address().unwrap();
    assert_eq!(address.kind(), AddressKind::Path(path));
    assert_eq!(address.to_string(), r"./\\.\PIPE\app");
}

#[cfg(unix)]
#[test]
fn a_pipes_name_is_unicode() {
    let text = OsStr::from_bytes(b"\\\\.\\pipe\\\xff");
    assert_eq!(text.to_address(), Err(AddressError::PipeUnicode));
}

#[cfg(windows)]
#[test]
fn a_pipes_name_is_unicode() {
    use std::os::windows::ffi::OsStringExt;
    let units: Vec<u16> = r"\\.\pipe\".encode_utf16().chain([0xd800]).collect();
    assert_eq!(OsString::from_wide(&units).to_address(), Err(AddressError::PipeUnicode));
}

#[cfg(unix)]
#[test]
fn what_the_kernel_says_comes_back() {
    assert_eq!(Address::from_sun_path(b""), None);
    assert_eq!(Address::from_sun_path(b"\0ab"), Address::abstract_name("ab").ok());
    assert_eq!(Address::from_sun_path(b"/a"), Address::path("/a").ok());
}

proptest! {
    #[test]
    fn text_and_address_round_trip(text in "\\PC{0,300}") {
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }

    #[test]
    fn names_of_pipes_round_trip(name in "[\\PC]{0,260}") {
        if let Ok(address) = Address::pipe(format!(r"\\.\pipe\{name}")) {
            prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
        }
    }

    #[test]
    fn literal_paths_round_trip(path in r"(\\\\\.\\[Pp]ipe\\)?[@fdname:./a-z]{1,40}") {
        if let Ok(address) = Address::path(&path) {
            let AddressKind::Path(literal) = address.kind() else { panic!("a path stays one") };
            prop_assert_eq!(literal, Path::new(&path));
            let again = address.to_string().parse::<Address>().unwrap();
            let AddressKind::Path(again) = again.kind() else { panic!("a path stays one as text") };
            prop_assert_eq!(again.file_name(), literal.file_name());
        }
    }
}
