//! From an address to a socket: one that listens there, or one on its way there.

use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::OnceLock;

use ginnel_proto::{Address, limits};

use super::{Claim, Located, Ownership, Place, Target};
use crate::error::SocketError;
use crate::listener::ListenerOptions;
use crate::socket;
use crate::sys::{Kernel, Names, SocketKind, Sockets};

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

/// A socket that can be connected to an address, and to what. `None`: it was inherited, and is connected already.
pub(crate) fn begin<S: Sockets + Names>(
    sys: &S,
    kind: SocketKind,
    address: &Address,
    nonblocking: bool,
) -> io::Result<(S::Fd, Option<Target<S::Pin>>)> {
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
/// see, so nobody else can guess it.
pub(crate) fn private(name: &str) -> io::Result<Address> {
    let random = SECRET.get_or_init(|| {
        let random = || Kernel.random().unwrap_or_default();
        (random(), random())
    });
    let address = format!("ginnel/{}/{:016x}{:016x}/{name}", process::id(), random.0, random.1);
    debug_assert!(address.len() <= limits::SUN_PATH);
    Ok(Address::abstract_name(address)?)
}

/// Drawn once for each process: a name within it must be found by all of its ends. One of the statics that
/// ARCHITECTURE.md names.
static SECRET: OnceLock<(u64, u64)> = OnceLock::new();
