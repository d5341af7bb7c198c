//! Addresses as texts, and as the kernel tells them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use ginnel_proto::{Address, AddressKind, ToAddress, limits};

/// Any bytes as an address: what is one keeps the rules of its kind, and comes back from its own text.
pub fn address(data: &[u8]) {
    let text = OsStr::from_bytes(data);
    let _ = Address::from_sun_path(data).map(|address| address.to_string());
    if let Ok(address) = text.to_address() {
        keeps_rules(&address);
        let printed = address.to_string();
        if text.to_str().is_some() {
            assert_eq!(printed.parse(), Ok(address), "{printed:?}");
        }
    }
    if let Ok(address) = Address::path(text) {
        keeps_rules(&address);
        // With `./` in front it may have grown too long.
        let printed: Result<Address, _> = address.to_string().parse();
        assert!(printed.is_ok_and(|it| matches!(it.kind(), AddressKind::Path(_))) || data.len() > SHORT);
    }
}

/// Whatever becomes of the bytes in a text, it is no longer than a path may be, and so is its last component.
const SHORT: usize = limits::COMPONENT / '\u{fffd}'.len_utf8() - 2;

fn keeps_rules(address: &Address) {
    match address.kind() {
        AddressKind::Path(path) => {
            let bytes = path.as_os_str().as_bytes();
            assert!(!bytes.is_empty() && bytes.len() <= limits::PATH && !bytes.contains(&0));
            let name = path.file_name().expect("a path ends in a name");
            assert!(name.len() <= limits::COMPONENT);
            assert!(bytes.ends_with(name.as_bytes()), "the name is what stands last");
        }
        AddressKind::Abstract(name) => assert!((1..=limits::SUN_PATH).contains(&name.len())),
        AddressKind::Named(name) => {
            assert!(
                (1..=limits::NAME).contains(&name.len()) && !name.starts_with('.') && !name.contains('/')
            );
        }
        AddressKind::Pipe(text) => {
            let name = text.strip_prefix(r"\\.\pipe\").expect("the prefix is made small");
            assert!(!name.is_empty() && text.encode_utf16().count() <= limits::PIPE);
            assert!(!name.contains(['/', '\\', '\0']) && !name.ends_with(['.', ' ']));
        }
        AddressKind::Fd(_) => {}
        other => panic!("{other:?} is no known kind"),
    }
}
