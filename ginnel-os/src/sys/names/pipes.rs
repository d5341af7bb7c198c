//! Names of pipes.

use std::fmt;
use std::io;

use crate::credentials::Policy;
use crate::sys::{Descriptors, Name, SocketKind, Would};

/// A kernel's names of pipes. Errors are the kernel's own, unchanged, but `AddrInUse`.
pub trait Names: Descriptors {
    /// Something that exists under a name as long as somebody holds it: the right to a name of a pipe.
    type Object: fmt::Debug + Send;
    /// What holds on to a file. There is none: names are no files.
    type Pin: fmt::Debug;

    /// This process.
    fn pid(&self) -> u32;
    /// Bits for a private name.
    fn random(&self) -> io::Result<u64>;
    /// A number that rises from call to call, in whichever process, for as long as the system runs.
    /// `QueryPerformanceCounter`
    fn tick(&self) -> u64;
    /// Takes the right to a name. `None`: somebody has it. `CreateMutexW`
    fn take_name(&self, name: &Name) -> Would<Self::Object>;
    /// Does anybody have the right to a name? `OpenMutexW`
    fn is_taken(&self, name: &Name) -> io::Result<bool>;
    /// Makes the first instance of a pipe for those whom the policy names, and others behind it, which wait for clients. `AddrInUse`: there is a pipe of
    /// this name. `CreateNamedPipeW`, `FILE_FLAG_FIRST_PIPE_INSTANCE`
    fn listen_at(&self, name: &Name, kind: SocketKind, allow: &Policy, backlog: u32) -> io::Result<Self::Fd>;
}
