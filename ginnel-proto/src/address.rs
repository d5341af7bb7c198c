//! Where sockets are found: the forms of an address and their rules. Texts are in `text.rs`.

mod error;
#[cfg(test)]
mod tests;
mod text;

#[cfg(unix)]
use std::ffi::OsStr;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf, is_separator};

pub use error::AddressError;
pub use text::ToAddress;

use crate::limits;

/// Where a socket is found: a path, an abstract name, an inherited descriptor, a portable name or a named pipe.
///
/// As text: `@name` is an abstract name (Linux), `fd:3` an inherited descriptor, `named:app` a portable
/// name, `\\.\pipe\app` a named pipe (Windows), and anything else a path. A path that looks like one of those is written
/// `./@name`. Texts mean the same on every system; what a system does not have, it refuses when it is used.
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
    /// With [`PIPES`] in front.
    Pipe(String),
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
    /// The whole name of a pipe of Windows, `\\.\pipe\` included.
    Pipe(&'a str),
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
        let bytes = path.as_os_str().as_encoded_bytes();
        check(bytes, limits::PATH)?;
        if bytes.contains(&0) {
            return Err(AddressError::Nul);
        }
        let last = path.file_name().ok_or(AddressError::NoName)?;
        if matches!(bytes, [.., end, b'.'] | [.., end] if is_separator(char::from(*end))) {
            return Err(AddressError::NoName);
        }
        check(last.as_encoded_bytes(), limits::COMPONENT)?;
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

    /// A named pipe of Windows, by its whole name: `\\.\pipe\`, and behind it what has no slash, backslash or NUL and ends in
    /// no dot or space. 256 UTF-16 units fit in all.
    ///
    /// Windows takes small and capital letters for the same. Here `\\.\pipe\` is always made small; what stands behind it is
    /// kept, and compared, as it is given.
    ///
    /// Beyond what `CreateNamedPipeW` says of its `lpName`: Windows reads a slash as a backslash, and takes dots and spaces
    /// from the end, so that one pipe would have two names.
    ///
    /// # Errors
    /// Another beginning, nothing behind it, more than 256 units, or one of those characters.
    pub fn pipe(name: impl AsRef<str>) -> Result<Self, AddressError> {
        let text = name.as_ref();
        let name = behind_pipes(text.as_bytes()).and_then(|name| text.get(text.len() - name.len()..));
        let name = name.ok_or(AddressError::PipePrefix)?;
        let len = text.encode_utf16().count();
        if len > limits::PIPE {
            return Err(AddressError::PipeTooLong { len, max: limits::PIPE });
        }
        if let Some(found) = name.chars().find(|c| matches!(c, '/' | '\\' | '\0')) {
            return Err(AddressError::PipeCharacter { found });
        }
        match name.chars().next_back() {
            None => Err(AddressError::PipeEmpty),
            Some(found @ ('.' | ' ')) => Err(AddressError::PipeEnd { found }),
            Some(_) => Ok(Self(Inner::Pipe(format!("{PIPES}{name}")))),
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
            Inner::Pipe(name) => AddressKind::Pipe(name),
        }
    }

    /// Makes an address of what the kernel says a socket is bound to; `None` when it is unnamed.
    ///
    /// `sun_path` is what stands in the socket address: a path without its closing NUL, or an abstract
    /// name behind its leading NUL.
    #[cfg(unix)]
    pub fn from_sun_path(sun_path: &[u8]) -> Option<Self> {
        match sun_path.split_first() {
            None => None,
            Some((0, name)) => Some(Self(Inner::Abstract(name.to_owned()))),
            Some(_) => Some(Self(Inner::Path(OsStr::from_bytes(sun_path).into()))),
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

/// What stands behind `\\.\pipe\` in what begins so, whichever of the letters are capital.
fn behind_pipes(bytes: &[u8]) -> Option<&[u8]> {
    let (prefix, name) = bytes.split_at_checked(PIPES.len())?;
    prefix.eq_ignore_ascii_case(PIPES.as_bytes()).then_some(name)
}

/// Where Windows keeps the pipes of this machine.
pub(crate) const PIPES: &str = r"\\.\pipe\";
