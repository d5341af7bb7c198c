//! Names of pipes, and owning one.
//!
//! A name is owned by whoever made the kernel's object of that name, and made the first instance of the pipe under it.
//! Both vanish with the process, whatever becomes of it: no file is left, and nothing is cleaned up.

use std::io;
use std::process;
use std::sync::OnceLock;

use ginnel_proto::election::{Inode, Refusal, Seen, Step};
use ginnel_proto::{Address, AddressKind};

use crate::credentials::Policy;
use crate::error::SocketError;
use crate::listener::ListenerOptions;
use crate::sys::{Alarm, Descriptors, Kernel, Name, Names, SocketKind, Sockets, Sys, user};

/// Where peers can meet.
pub(crate) type Spot = Name;

/// Where peers meet who are given this address, and what to connect to there.
pub(crate) fn meeting(address: &Address) -> io::Result<(Spot, Address)> {
    Ok((locate(address)?, address.clone()))
}

fn locate(address: &Address) -> io::Result<Name> {
    match address.kind() {
        AddressKind::Pipe(text) => made(text),
        AddressKind::Named(name) => made(&format!(r"\\.\pipe\ginnel-{}-{name}", user())),
        _ => Err(SocketError::NotAPipe.into()),
    }
}

/// A name that the rules for addresses let through is one that the system takes.
fn made(text: &str) -> io::Result<Name> {
    Name::new(text).ok_or_else(|| SocketError::NotAPipe.into())
}

/// A name that only this process finds, and that serves our user alone: everybody can list the names of pipes, so nobody
/// else can guess it.
pub(crate) fn private(name: &str) -> io::Result<Address> {
    let random = SECRET.get_or_init(|| {
        let random = || Kernel.random().unwrap_or_default();
        (random(), random())
    });
    let name: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let pipe = format!(r"\\.\pipe\ginnel-{}-{:016x}{:016x}-{name}", process::id(), random.0, random.1);
    Ok(Address::pipe(pipe)?)
}

/// Drawn once for each process: a name within it must be found by all of its ends. One of the statics that
/// ARCHITECTURE.md names.
static SECRET: OnceLock<(u64, u64)> = OnceLock::new();

/// How a name is to be owned.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    kind: SocketKind,
    /// Whom the pipe lets in, beside those who may do anything.
    allow: Policy,
    /// How many instances wait.
    backlog: u32,
}

impl Claim {
    /// As a listener's options say: without a policy our own user, and nobody else.
    pub(crate) fn of(kind: SocketKind, options: &ListenerOptions) -> Self {
        let ListenerOptions { allow, backlog, .. } = options;
        let allow = allow.clone().unwrap_or_else(Policy::same_user);
        Self { kind, allow, backlog: *backlog }
    }

    fn listen<S: Names>(&self, sys: &S, name: &Name) -> io::Result<S::Fd> {
        sys.listen_at(name, self.kind, &self.allow, self.backlog)
    }
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Published<S: Sockets + Names> {
    /// It has a name.
    Owned(S::Fd, Ownership<S>),
}

/// Publishes a listening pipe at an address.
pub(crate) fn publish<S: Sockets + Names>(
    sys: &S,
    kind: SocketKind,
    address: &Address,
    options: &ListenerOptions,
) -> io::Result<Published<S>> {
    let name = locate(address)?;
    let claim = Claim::of(kind, options);
    let object = sys.take_name(&name)?.ok_or(SocketError::AddressInUse)?;
    let socket = claim.listen(sys, &name)?;
    Ok(Published::Owned(socket, Ownership { _object: object }))
}

/// A socket, and what it is to be connected to.
type Begun<S> = (<S as Descriptors>::Fd, Option<Target<<S as Names>::Pin>>);

/// A socket that can be connected to an address, and to what.
pub(crate) fn begin<S: Sockets + Names>(
    sys: &S,
    kind: SocketKind,
    address: &Address,
    nonblocking: bool,
) -> io::Result<Begun<S>> {
    Ok((sys.socket(kind, nonblocking)?, Some(Target::Direct(locate(address)?))))
}

/// Something to connect to. It holds nothing open.
#[derive(Debug)]
pub(crate) enum Target<F> {
    /// A name.
    Direct(Name),
    /// Never made: elsewhere something is held open.
    #[expect(dead_code, reason = "it has the face of the other platforms' type")]
    Held(F, std::convert::Infallible),
}

impl<F> Target<F> {
    pub(crate) const fn name(&self) -> Option<&Name> {
        match self {
            Self::Direct(name) => Some(name),
            Self::Held(_, never) => match *never {},
        }
    }
}

/// A name that is ours. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Ownership<S: Names> {
    _object: S::Object,
}

impl<S: Sockets + Names> Ownership<S> {
    /// Nobody can take the name of a pipe away.
    pub(crate) const fn is_published(&self) -> io::Result<bool> {
        Ok(true)
    }

    /// So there is nothing to publish again.
    pub(crate) const fn republish(&mut self) -> io::Result<Option<S::Fd>> {
        Ok(None)
    }

    /// There is nothing to leave behind.
    pub(crate) fn forsake(self) {}
}

/// One peer's hold on a name: carries out the steps of a contest, of which few are left where names are no files.
#[derive(Debug)]
pub(crate) struct Contender<S: Sys> {
    sys: S,
    name: Name,
    claim: Claim,
    held: Held<S>,
    error: Option<io::Error>,
}

/// What is held of the name.
#[derive(Debug)]
enum Held<S: Names> {
    Nothing,
    /// The name, and its first instance, which nobody has taken over yet.
    Fresh(S::Object, S::Fd),
    /// The name; its socket is in use.
    Name(S::Object),
}

impl<S: Sys> Contender<S> {
    pub(crate) const fn new(sys: S, name: Spot, claim: Claim) -> Self {
        Self { sys, name, claim, held: Held::Nothing, error: None }
    }

    /// Any name suits peers.
    pub(crate) const fn check(&self) -> io::Result<()> {
        Ok(())
    }

    /// Carries out a step. It is always known at once.
    pub(crate) fn carry_out(
        &mut self,
        step: Step,
        _silent: Option<u32>,
        _alarm: impl FnOnce() -> Alarm,
    ) -> Option<Seen> {
        let seen = match step {
            Step::TryLock => self.take(),
            Step::SeekLeader => self.seek(),
            // Nobody but us can have made a pipe of a name that is ours.
            Step::Inspect => {
                Ok(if matches!(self.held, Held::Name(_)) { Seen::Found(ITSELF) } else { Seen::Absent })
            }
            Step::InspectDisplaced => Ok(Seen::Found(ITSELF)),
            Step::Identify => Ok(Seen::Found(ITSELF)),
            // No file keeps the count; a clock that all processes share rises as well.
            Step::Record => Ok(Seen::Recorded(self.sys.tick())),
            Step::Unlock | Step::Withdraw => {
                self.held = Held::Nothing;
                Ok(Seen::Done)
            }
            Step::Stand(_) | Step::TakeOver => Ok(Seen::Failed),
            _ => Ok(Seen::Done),
        };
        Some(seen.unwrap_or_else(|error| {
            self.error = Some(error);
            Seen::Failed
        }))
    }

    /// Takes the name and its first instance, or neither. While a follower of a listener that has died still holds its end
    /// of a pipe, the name is taken: that passes.
    fn take(&mut self) -> io::Result<Seen> {
        let Some(object) = self.sys.take_name(&self.name)? else { return Ok(Seen::Held) };
        match self.claim.listen(&self.sys, &self.name) {
            Ok(socket) => self.held = Held::Fresh(object, socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(Seen::Held),
            Err(error) => return Err(error),
        }
        Ok(Seen::Done)
    }

    /// Whoever is silent and has the name is only slow.
    fn seek(&self) -> io::Result<Seen> {
        Ok(if self.sys.is_taken(&self.name)? { Seen::Held } else { Seen::Done })
    }

    /// Nothing is waited for.
    pub(crate) const fn has_turn(&mut self) -> Option<Seen> {
        None
    }

    /// Sockets cannot be given away, so none comes.
    pub(crate) fn keep(&mut self, spare: S::Fd) {
        drop(spare);
    }

    /// The name is ours: the socket to listen on, if it is another than before.
    pub(crate) fn own(&mut self) -> Option<S::Fd> {
        match std::mem::replace(&mut self.held, Held::Nothing) {
            Held::Fresh(object, socket) => {
                self.held = Held::Name(object);
                Some(socket)
            }
            held => {
                self.held = held;
                None
            }
        }
    }

    /// Nobody can take the name away, so there is nothing to watch.
    pub(crate) const fn watch(&mut self) -> Option<&S::Fd> {
        None
    }

    /// As [`watch`](Self::watch).
    pub(crate) const fn watched(&self) -> Option<&S::Fd> {
        None
    }

    /// As [`watch`](Self::watch): it tells nothing.
    pub(crate) const fn changes(&self) -> Option<io::Result<bool>> {
        None
    }

    /// What is reached for.
    pub(crate) fn target(&self) -> io::Result<Name> {
        Ok(self.name.clone())
    }

    /// Why the contest has failed.
    pub(crate) fn refusal(&mut self, why: Refusal) -> io::Error {
        let own = self.error.take().filter(|_| why == Refusal::System);
        own.unwrap_or_else(|| SocketError::refused(why))
    }
}

/// There is one pipe of a name, and no number to tell it from another.
const ITSELF: Inode = Inode { device: 0, number: 0 };
