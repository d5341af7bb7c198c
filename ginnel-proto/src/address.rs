use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::limits;

/// Where a socket is found: a path, an abstract name, an inherited descriptor or a portable name.
///
/// As text: `@name` is an abstract name (Linux), `fd:3` an inherited descriptor, `named:app` a portable
/// name, and anything else a path. A path that looks like one of those is written `./@name`.
///
/// ```
/// use ginnel_proto::Address;
/// let address: Address = "/run/app/app.sock".parse()?;
/// assert_eq!(address.to_string(), "/run/app/app.sock");
/// assert_eq!("named:app".parse::<Address>()?, Address::named("app")?);
/// # Ok::<(), ginnel_proto::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Address(Inner);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Inner {
    Path(PathBuf),
    Abstract(Vec<u8>),
    Fd(u16),
    Named(String),
    Tcp(SocketAddr),
}

/// The form of an [`Address`], borrowed from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AddressKind<'a> {
    /// A path in the file system, taken literally.
    Path(&'a Path),
    /// A Linux abstract name, without its leading NUL.
    Abstract(&'a [u8]),
    /// The number of a descriptor that this process inherited.
    Fd(u16),
    /// A name inside the user's own runtime directory.
    Named(&'a str),
    /// A TCP port, which only the ends of SP connect to.
    Tcp(SocketAddr),
}

impl Address {
    /// A path in the file system, taken literally: no `@`, no `fd:`, no expansion.
    ///
    /// Any length is fine up to 4,095 bytes in all and 255 for its last component; what does not fit the
    /// 107 bytes of `sun_path` is reached through a descriptor of its directory.
    ///
    /// # Errors
    /// An empty path, a NUL byte, no last component (`/`, `a/..`), or one of the two lengths exceeded.
    pub fn path(path: impl AsRef<Path>) -> Result<Self, AddressError> {
        let path = path.as_ref();
        let bytes = path.as_os_str().as_bytes();
        check(bytes, limits::PATH)?;
        if bytes.contains(&0) {
            return Err(AddressError::Nul);
        }
        let last = path.file_name().ok_or(AddressError::NoName)?;
        if bytes.ends_with(b"/") || bytes.ends_with(b"/.") {
            return Err(AddressError::NoName);
        }
        check(last.as_bytes(), limits::COMPONENT)?;
        Ok(Self(Inner::Path(path.to_owned())))
    }

    /// A name in the Linux abstract namespace, without its leading NUL: 1 to 107 bytes, any of them.
    ///
    /// File permissions do not protect such a name, so whoever listens there must give a policy.
    ///
    /// # Errors
    /// An empty name, or one of more than 107 bytes.
    #[doc(alias = "abstract")]
    pub fn abstract_name(name: impl AsRef<[u8]>) -> Result<Self, AddressError> {
        check(name.as_ref(), limits::SUN_PATH)?;
        Ok(Self(Inner::Abstract(name.as_ref().to_owned())))
    }

    /// A descriptor that this process inherited, by its number. It is duplicated when used, never closed.
    pub const fn inherited(number: u16) -> Self {
        Self(Inner::Fd(number))
    }

    /// The portable way to name a service: a file in the user's own runtime directory.
    ///
    /// 1 to 200 letters, digits, `-`, `_` and `.`, the first of them no dot. `ginnel-os` puts it under
    /// `$XDG_RUNTIME_DIR/ginnel`, or `/tmp/ginnel-<uid>` without that variable.
    ///
    /// # Errors
    /// An empty name, more than 200 bytes, or another character.
    pub fn named(name: impl AsRef<str>) -> Result<Self, AddressError> {
        let name = name.as_ref();
        check(name.as_bytes(), limits::NAME)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        match name.chars().find(|&c| !fits(c)) {
            Some(found) => Err(AddressError::Character { found }),
            None if name.starts_with('.') => Err(AddressError::Character { found: '.' }),
            None => Ok(Self(Inner::Named(name.to_owned()))),
        }
    }

    /// A TCP port. Only the ends of SP connect to it and listen there; everything else refuses it as `Unsupported`, and no
    /// text stands for it.
    pub const fn tcp(port: SocketAddr) -> Self {
        Self(Inner::Tcp(port))
    }

    /// What form this address has.
    pub fn kind(&self) -> AddressKind<'_> {
        match &self.0 {
            Inner::Path(path) => AddressKind::Path(path),
            Inner::Abstract(name) => AddressKind::Abstract(name),
            Inner::Fd(number) => AddressKind::Fd(*number),
            Inner::Named(name) => AddressKind::Named(name),
            Inner::Tcp(port) => AddressKind::Tcp(*port),
        }
    }
}

fn check(bytes: &[u8], max: usize) -> Result<(), AddressError> {
    match bytes.len() {
        0 => Err(AddressError::Empty),
        len if len > max => Err(AddressError::TooLong { len, max }),
        _ => Ok(()),
    }
}

/// Reads the text form described at [`Address`].
impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        OsStr::new(text).to_address()
    }
}

/// Writes the text form that [`FromStr`] reads back; bytes that are not UTF-8 are replaced.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Inner::Path(path) if SCHEMES.iter().any(|s| path.as_os_str().as_bytes().starts_with(s)) => {
                write!(f, "./{}", path.display())
            }
            Inner::Path(path) => write!(f, "{}", path.display()),
            Inner::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
            Inner::Fd(number) => write!(f, "fd:{number}"),
            Inner::Named(name) => write!(f, "named:{name}"),
            Inner::Tcp(port) => write!(f, "tcp://{port}"),
        }
    }
}

/// How texts that are no paths begin.
const SCHEMES: [&[u8]; 3] = [b"@", b"fd:", b"named:"];

/// Why a text or path is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is nothing in it.
    #[error("the address is empty")]
    Empty,
    /// A path cannot hold a NUL byte.
    #[error("the path holds a NUL byte")]
    Nul,
    /// The path ends in no name, as `/` and `a/..` do.
    #[error("the path ends in no name")]
    NoName,
    /// The path, its last component or the name is too long.
    #[error("{len} bytes given, {max} fit")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// Bytes that fit.
        max: usize,
    },
    /// A portable name holds a character outside `A-Z a-z 0-9 - _ .`, or starts with a dot.
    #[error("{found:?} cannot stand there: a portable name has letters, digits, '-', '_' and inner '.'")]
    Character {
        /// The character.
        found: char,
    },
    /// The URL of an end of SP names no transport that is known.
    #[error(
        "no known transport: socket://, ipc://, unix://, abstract://, tcp://, tcp4://, tcp6:// and inproc:// are"
    )]
    Transport,
    /// Something stands behind `socket://`.
    #[error("socket:// stands alone: sockets are handed in, not named")]
    NothingBehind,
    /// After `tcp://` stands no host and port.
    #[error("after tcp:// stands no host, colon and port from 0 to 65535")]
    Port,
    /// After a percent sign stand no two hexadecimal digits.
    #[error("after a percent sign stand no two hexadecimal digits")]
    Escape,
    /// After `fd:` stands no number from 0 to 65,535.
    #[error("after fd: stands no number from 0 to 65535")]
    FdNumber,
}

impl From<AddressError> for std::io::Error {
    fn from(error: AddressError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}

/// Whatever names a socket: text in the form of [`Address`], a [`Path`], or an [`Address`].
///
/// A `str` or `OsStr` is read as text, a `Path` or `PathBuf` is taken literally.
pub trait ToAddress {
    /// Checks the name.
    ///
    /// # Errors
    /// Says which rule the name breaks, see [`AddressError`].
    fn to_address(&self) -> Result<Address, AddressError>;
}

impl ToAddress for Address {
    fn to_address(&self) -> Result<Address, AddressError> {
        Ok(self.clone())
    }
}

impl ToAddress for OsStr {
    fn to_address(&self) -> Result<Address, AddressError> {
        let bytes = self.as_bytes();
        if let Some(name) = bytes.strip_prefix(b"@") {
            return Address::abstract_name(name);
        }
        if let Some(number) = bytes.strip_prefix(b"fd:") {
            let number = str::from_utf8(number).ok().and_then(|n| n.parse().ok());
            return number.map(Address::inherited).ok_or(AddressError::FdNumber);
        }
        if let Some(name) = bytes.strip_prefix(b"named:") {
            return Address::named(String::from_utf8_lossy(name));
        }
        Address::path(Path::new(self))
    }
}

impl ToAddress for str {
    fn to_address(&self) -> Result<Address, AddressError> {
        OsStr::new(self).to_address()
    }
}

impl ToAddress for String {
    fn to_address(&self) -> Result<Address, AddressError> {
        self.as_str().to_address()
    }
}

impl ToAddress for OsString {
    fn to_address(&self) -> Result<Address, AddressError> {
        self.as_os_str().to_address()
    }
}

impl ToAddress for Path {
    fn to_address(&self) -> Result<Address, AddressError> {
        Address::path(self)
    }
}

impl ToAddress for PathBuf {
    fn to_address(&self) -> Result<Address, AddressError> {
        Address::path(self)
    }
}

impl<T: ToAddress + ?Sized> ToAddress for &T {
    fn to_address(&self) -> Result<Address, AddressError> {
        (**self).to_address()
    }
}

impl Address {
    /// Makes an address of what the kernel says a socket is bound to; `None` when it is unnamed.
    ///
    /// `sun_path` is what stands in the socket address: a path without its closing NUL, or an abstract
    /// name behind its leading NUL.
    pub fn from_sun_path(sun_path: &[u8]) -> Option<Self> {
        match sun_path.split_first() {
            None => None,
            Some((0, name)) => Some(Self(Inner::Abstract(name.to_owned()))),
            Some(_) => Some(Self(Inner::Path(OsString::from_vec(sun_path.to_owned()).into()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_has_four_forms() {
        let table = [
            ("/run/a", Address::path("/run/a")),
            ("a", Address::path("a")),
            ("./@a", Address::path("./@a")),
            ("@a", Address::abstract_name("a")),
            ("fd:3", Ok(Address::inherited(3))),
            ("named:a.b-c_1", Address::named("a.b-c_1")),
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
        fn literal_paths_round_trip(path in "[@fdname:./a-z]{1,40}") {
            if let Ok(address) = Address::path(&path) {
                let AddressKind::Path(literal) = address.kind() else { panic!("a path stays one") };
                prop_assert_eq!(literal, Path::new(&path));
                let again = address.to_string().parse::<Address>().unwrap();
                let AddressKind::Path(again) = again.kind() else { panic!("a path stays one as text") };
                prop_assert_eq!(again.file_name(), literal.file_name());
            }
        }
    }
}
