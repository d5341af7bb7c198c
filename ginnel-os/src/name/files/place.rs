//! From an address to what the kernel takes, for paths of any length.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ginnel_proto::{Address, AddressKind, limits};

use super::runtime;
use crate::SocketError;
use crate::sys::{self, Name, Names};

/// An address, with portable names looked up.
#[derive(Debug)]
pub(crate) enum Located {
    Path(PathBuf),
    Abstract(Name),
    Inherited(u16),
}

impl Located {
    pub(crate) fn of(address: &Address) -> io::Result<Self> {
        Ok(match address.kind() {
            AddressKind::Path(path) => Self::Path(path.to_owned()),
            AddressKind::Abstract(name) => Self::Abstract(sys::abstract_name(name)?),
            AddressKind::Fd(number) => Self::Inherited(number),
            AddressKind::Named(name) => Self::Path(runtime::directory()?.join(format!("{name}.sock"))),
            AddressKind::Pipe(_) => return Err(SocketError::NoPipes.into()),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        })
    }
}

/// Something to connect or send to.
#[derive(Debug)]
pub(crate) enum Target<P> {
    /// A name that fits a socket address.
    Direct(Name),
    /// A longer one, by way of a descriptor that points at it.
    Opened { name: Name, _pointer: P },
    /// A descriptor that is connected already.
    Inherited(u16),
}

impl<P> Target<P> {
    pub(crate) fn of<S: Names<Pin = P>>(sys: &S, address: &Address) -> io::Result<Self> {
        if let AddressKind::Path(path) = address.kind() {
            return Self::at(sys, path);
        }
        match Located::of(address)? {
            Located::Abstract(name) => Ok(Self::Direct(name)),
            Located::Inherited(number) => Ok(Self::Inherited(number)),
            Located::Path(path) => Self::at(sys, &path),
        }
    }

    fn at<S: Names<Pin = P>>(sys: &S, path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= sys::SUN_PATH {
            return Ok(Self::Direct(sys::plain_name(path)?));
        }
        let place = Place::of(sys, path)?;
        place.target(sys, place.name())
    }

    pub(crate) fn name(&self) -> Option<&Name> {
        match self {
            Self::Direct(name) | Self::Opened { name, .. } => Some(name),
            Self::Inherited(_) => None,
        }
    }
}

/// A directory held open, and the names in it that belong to one path.
#[derive(Debug)]
pub(crate) struct Place<F> {
    directory: F,
    parent: PathBuf,
    name: Vec<u8>,
}

impl<F> Place<F> {
    pub(crate) fn of<S: Names<Fd = F>>(sys: &S, path: &Path) -> io::Result<Self> {
        // The current directory may change while the path is owned.
        let path = std::path::absolute(path)?;
        let parent = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().unwrap_or_default().as_bytes().to_owned();
        Ok(Self { directory: sys.open_directory(parent)?, parent: parent.to_owned(), name })
    }

    pub(crate) fn directory(&self) -> &F {
        &self.directory
    }

    /// The name of the socket.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The name of the lock: `S.lock`, or one made of a checksum where that would be too long.
    pub(crate) fn lock(&self) -> Vec<u8> {
        let suffix = b".lock";
        if self.name.len() + suffix.len() <= limits::COMPONENT && !looks_made(&self.name) {
            [&self.name, &suffix[..]].concat()
        } else {
            [&self.tag(), &suffix[..]].concat()
        }
    }

    /// A private name, which tells whose it is: `.S.<16 hex digits>.gnl`.
    pub(crate) fn private(&self, random: u64) -> Vec<u8> {
        [b".", &self.tag()[..], format!(".{random:016x}.gnl").as_bytes()].concat()
    }

    /// Is it one of the names that [`private`](Self::private) makes for this path?
    pub(crate) fn is_private(&self, name: &[u8]) -> bool {
        let middle = name.strip_prefix(b".").and_then(|rest| rest.strip_prefix(&self.tag()[..]));
        let digits = middle.and_then(|rest| rest.strip_prefix(b".")?.strip_suffix(b".gnl"));
        digits.is_some_and(|digits| {
            digits.len() == 16 && digits.iter().all(|d| d.is_ascii_digit() || (b'a'..=b'f').contains(d))
        })
    }

    /// The socket's name where it is short, else its beginning and a checksum. A short name that looks like one of
    /// those gets a checksum too, so that no two names share a tag.
    fn tag(&self) -> Vec<u8> {
        if self.name.len() <= 40 && !looks_made(&self.name) {
            return self.name.clone();
        }
        [&self.name[..20], format!("~{:016x}", checksum(&self.name)).as_bytes()].concat()
    }

    /// A name of this directory as something to connect to.
    pub(crate) fn target<S: Names<Fd = F>>(&self, sys: &S, name: &[u8]) -> io::Result<Target<S::Pin>> {
        if let Some(direct) = self.direct(name)? {
            return Ok(Target::Direct(direct));
        }
        let pointer = sys.open_name(sys.borrow(&self.directory), name)?;
        Ok(Target::Opened { name: sys.address_of(&pointer)?, _pointer: pointer })
    }

    /// Removes a private name that was bound by its path and did not come to lie in the directory.
    pub(crate) fn remove_misplaced<S: Names<Fd = F>>(&self, sys: &S, name: &[u8]) -> io::Result<()> {
        let directory = sys.open_directory(&self.parent)?;
        sys.unlink_at(sys.borrow(&directory), name)
    }

    /// A name of this directory as something to bind: by its path if that fits, else through the descriptor of
    /// the directory.
    pub(crate) fn bindable<S: Names<Fd = F>>(&self, sys: &S, name: &[u8]) -> io::Result<Name> {
        if let Some(direct) = self.direct(name)? {
            return Ok(direct);
        }
        sys.through(sys.borrow(&self.directory), name)
    }

    /// Does the socket's own name fit a socket address?
    pub(crate) fn is_short(&self) -> bool {
        matches!(self.direct(&self.name), Ok(Some(_)))
    }

    fn direct(&self, name: &[u8]) -> io::Result<Option<Name>> {
        let path = self.parent.join(std::ffi::OsStr::from_bytes(name));
        let fits = path.as_os_str().len() <= sys::SUN_PATH;
        fits.then(|| sys::plain_name(&path)).transpose()
    }
}

/// Does the name look like a tag: twenty bytes, `~` and sixteen hexadecimal digits?
fn looks_made(name: &[u8]) -> bool {
    name.len() == 37 && name[20] == b'~' && name[21..].iter().all(u8::is_ascii_hexdigit)
}

/// FNV-1a: tells long names apart, and the same in every version of this library.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kernel;

    fn place(name: &str) -> Place<std::os::fd::OwnedFd> {
        Place::of(&Kernel, &Path::new("/tmp").join(name)).unwrap()
    }

    #[test]
    fn private_names_are_known_by_their_owner_alone() {
        let (a, longer) = (place("a"), place("a.b"));
        let private = a.private(7);
        assert_eq!(private, b".a.0000000000000007.gnl");
        assert!(a.is_private(&private));
        assert!(!longer.is_private(&private));
        assert!(!a.is_private(&longer.private(7)));
        for other in ["a", ".a", ".a.gnl", ".a.000000000000000G.gnl", ".a.0000000000000007.gnl.gnl"] {
            assert!(!a.is_private(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn the_longest_name_still_has_a_lock_and_a_private_name() {
        let (one, other) = (place(&"x".repeat(255)), place(&format!("{}y", "x".repeat(254))));
        assert!(one.lock().len() <= 255);
        assert!(one.private(u64::MAX).len() <= 64);
        assert_ne!(one.lock(), other.lock());
        assert_eq!(place("app.sock").lock(), b"app.sock.lock");
    }

    #[test]
    fn a_name_that_looks_like_a_tag_shares_no_lock_with_the_name_it_was_made_of() {
        let long = place(&"x".repeat(252));
        let lock = long.lock();
        let tag = std::str::from_utf8(&lock).unwrap().strip_suffix(".lock").unwrap();
        assert_ne!(place(tag).lock(), lock);
        assert!(!place(tag).is_private(&long.private(7)));
    }

    #[test]
    fn the_checksum_never_changes() {
        assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
