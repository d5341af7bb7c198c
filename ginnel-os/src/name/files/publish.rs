//! From an address to a socket: one that listens there, or one on its way there.

use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::OnceLock;

use ginnel_proto::{Address, limits};

use super::{Claim, Located, Ownership, Place, Target, place, runtime};
use crate::error::SocketError;
use crate::listener::ListenerOptions;
use crate::socket;
use crate::sys::{self, Descriptors, Kernel, Names, SocketKind, Sockets};

/// Where peers can meet.
pub(crate) type Spot = PathBuf;

/// Where peers meet who are given this address, and what to connect to there.
pub(crate) fn meeting(address: &Address) -> io::Result<(Spot, Address)> {
    let Located::Path(path) = Located::of(address)? else { return Err(SocketError::NotAPath.into()) };
    let address = Address::path(&path)?;
    Ok((path, address))
}

/// A socket that listens.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "whoever asked for it takes it apart at once")]
pub(crate) enum Published<S: Sockets + Names> {
    /// It has a path.
    Owned(S::Fd, Ownership<S>),
    /// Its name is the kernel's.
    Unowned(S::Fd),
    /// Somebody else has published it, who may hold it too.
    Inherited(S::Fd),
}

/// Publishes a listening socket at an address, or duplicates an inherited one.
pub(crate) fn publish<S: Sockets + Names>(
    sys: &S,
    kind: SocketKind,
    address: &Address,
    options: &ListenerOptions,
) -> io::Result<Published<S>> {
    match Located::of(address)? {
        Located::Inherited(number) => Ok(Published::Inherited(sys.duplicate(number)?)),
        Located::Abstract(name) => {
            if options.allow.is_none() {
                return Err(SocketError::AbstractWithoutPolicy.into());
            }
            let fd = sys.socket(kind, options.nonblocking)?;
            sys.bind(sys.borrow(&fd), &name)?;
            sys.listen(sys.borrow(&fd), options.backlog)?;
            Ok(Published::Unowned(fd))
        }
        Located::Path(path) => {
            let claim = Claim::of(kind, options);
            let (fd, name) = Ownership::claim(sys.clone(), Place::of(sys, &path)?, claim)?;
            Ok(Published::Owned(fd, name))
        }
    }
}

/// A socket, and what it is to be connected to.
type Begun<S> = (<S as Descriptors>::Fd, Option<Target<<S as Names>::Pin>>);

/// A socket that can be connected to an address, and to what. `None`: it was inherited, and is connected already.
pub(crate) fn begin<S: Sockets + Names>(
    sys: &S,
    kind: SocketKind,
    address: &Address,
    nonblocking: bool,
) -> io::Result<Begun<S>> {
    match Target::of(sys, address)? {
        Target::Inherited(number) => {
            let fd = sys.duplicate(number)?;
            socket::check_kind(sys, sys.borrow(&fd), kind)?;
            Ok((fd, None))
        }
        target => Ok((sys.socket(kind, nonblocking)?, Some(target))),
    }
}

/// A name that only this process finds, and that serves our user alone: it stands in `/proc/net/unix` for everybody to
/// see, so nobody else can guess it. Where there are no abstract names it is a file in a directory of our user's alone,
/// which goes with whoever listens.
pub(crate) fn private(name: &str) -> io::Result<Address> {
    let (one, other) = SECRET.get_or_init(|| {
        let random = || Kernel.random().unwrap_or_default();
        (random(), random())
    });
    let address = if sys::HAS_ABSTRACT_NAMES {
        let address = format!("ginnel/{}/{one:016x}{other:016x}/{name}", process::id());
        debug_assert!(address.len() <= limits::SUN_PATH);
        Address::abstract_name(address)?
    } else {
        let file = format!("{INPROC}{one:016x}{other:016x}-{:016x}", place::checksum(name.as_bytes()));
        Address::path(runtime::directory()?.join(file))?
    };
    Ok(address)
}

/// Is it the file of such a name? Its lock file goes too, for nobody else knows of it.
pub(super) fn is_private(file: &[u8]) -> bool {
    let secret = SECRET.get().map(|(one, other)| format!("{INPROC}{one:016x}{other:016x}-"));
    secret.is_some_and(|secret| file.starts_with(secret.as_bytes()))
}

const INPROC: &str = "inproc-";

/// Drawn once for each process: a name within it must be found by all of its ends. One of the statics that
/// ARCHITECTURE.md names.
static SECRET: OnceLock<(u64, u64)> = OnceLock::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_private_if_it_has_the_secret_of_this_process() {
        let _address = private("a").unwrap();
        let (one, other) = SECRET.get().unwrap();
        assert!(is_private(format!("inproc-{one:016x}{other:016x}-0").as_bytes()));
        assert!(!is_private(format!("inproc-{other:016x}{one:016x}-0").as_bytes()));
        assert!(!is_private(b"inproc-"));
    }
}
