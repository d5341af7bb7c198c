//! Addresses as texts.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Address, AddressError, Inner, behind_pipes};

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
            Inner::Path(path) if has_scheme(path.as_os_str()) => write!(f, "./{}", path.display()),
            Inner::Path(path) => write!(f, "{}", path.display()),
            Inner::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
            Inner::Fd(number) => write!(f, "fd:{number}"),
            Inner::Named(name) => write!(f, "named:{name}"),
            Inner::Tcp(port) => write!(f, "tcp://{port}"),
            Inner::Pipe(name) => f.write_str(name),
        }
    }
}

/// Would this path mean something else as a text?
fn has_scheme(path: &OsStr) -> bool {
    let bytes = path.as_encoded_bytes();
    behind_pipes(bytes).is_some() || SCHEMES.iter().any(|scheme| bytes.starts_with(scheme))
}

/// How texts that are no paths begin, beside the names of pipes.
const SCHEMES: [&[u8]; 3] = [b"@", b"fd:", b"named:"];

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
        let bytes = self.as_encoded_bytes();
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
        if behind_pipes(bytes).is_some() {
            return Address::pipe(self.to_str().ok_or(AddressError::PipeUnicode)?);
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
