//! The words between an election and whoever carries it out.

/// What tells one file from all others: device and inode number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a file's identity has these two parts and no others")]
pub struct Inode {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub number: u64,
}

/// How a name appears.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever claims a path chooses one of these")]
pub enum Way {
    /// By renaming a socket that listens already: there is no moment at which the name refuses connections.
    Rename,
    /// By binding, for datagram sockets: they need not listen, and the name that they are bound to is the one
    /// that their receivers answer to.
    Bind,
}

/// What is done next. Each is one system call, or the nearest that the kernel has to one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "the election stands still until the step is carried out"]
#[expect(clippy::exhaustive_enums, reason = "whoever executes steps must know all of them")]
pub enum Step {
    /// Open `S.lock`, creating it if need be, without following a link. → `Done`.
    OpenLock,
    /// Take the leadership byte without waiting. → `Done`, `Held`: by another process, or within this one.
    TryLock,
    /// Is the leadership byte still ours? Closing any descriptor of the file may have dropped it; then it is taken
    /// again, if it is free. → `Done`, `Held`.
    KeepLock,
    /// Is the locked file still the one that is named `S.lock`? → `Done`, `Moved`.
    CheckLock,
    /// Look at `S` itself, without following a link. → `Absent`, `Found`, `Foreign`.
    Inspect,
    /// Connect to `S` once, without waiting.
    /// → `Answered` (also when its queue is full or its kind is another), `Refused`, `Absent`.
    Probe,
    /// Remove private names that dead owners of this path left. → anything.
    Sweep,
    /// Bind a new socket to a private name beside `S`. → `Done`.
    Bind,
    /// Bind a new socket to `S` itself. → `Done`, `Exists`.
    BindName,
    /// Look at the private name. → `Found`.
    Identify,
    /// Give the private name its mode, owner and group. → `Done`.
    Restrict,
    /// Listen. → `Done`.
    Listen,
    /// Write into `S.lock` which socket stands at `S` and which is put there. → `Recorded`.
    Record,
    /// Rename the private name to `S`, which must not exist. → `Done`, `Exists`.
    Publish,
    /// Exchange the private name and `S`. → `Done`, `Absent` if `S` is gone.
    Exchange,
    /// Look at what stands at the private name after an exchange or a withdrawal. → `Found`, `Foreign`, `Absent`.
    InspectDisplaced,
    /// Remove the private name. → anything.
    RemovePrivate,
    /// Rename `S` to a private name. → `Done`, `Absent`.
    Withdraw,
    /// Release what is held of the lock file, wait for nothing of it any more, and close it. → anything.
    Unlock,
    /// Who holds the leadership byte? Nothing is created for that. → `Done` if nobody does; `Held` by the process that
    /// listens at the other end of the connection, as its credentials say; `Moved` if another has it, or it cannot be said.
    SeekLeader,
    /// Wait for the election byte, as long as it takes. → `Done`.
    AwaitTurn,
    /// Release the election byte. → anything.
    EndTurn,
    /// Is the socket that was looked at one that `S.lock` names? → `Done`, `Foreign`.
    Recall,
    /// Is the socket whose duplicate was received the one at `S`? Hold on to it. → `Done`, `Moved`.
    Stand(Inode),
    /// Let go of the duplicate that was received. → anything.
    StandDown,
    /// Listen on the duplicate that was received, so that credentials name this process. → `Done`.
    TakeOver,
    /// Be told from now on when `S`, `S.lock` or their directory is removed or replaced. → anything.
    Watch,
    /// Finished: `S` is ours.
    Own,
    /// Finished: `S` is given up.
    Released,
    /// Finished: `S` is not ours, and everything is as it was.
    Refuse(Refusal),
}

/// What a step showed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "every state answers every one of these")]
pub enum Seen {
    /// It was done.
    Done,
    /// Somebody else holds it.
    Held,
    /// It belongs to another by now.
    Moved,
    /// There is no such name.
    Absent,
    /// There is a socket of this identity.
    Found(Inode),
    /// There is something that is no socket.
    Foreign,
    /// Somebody lives at the other end.
    Answered,
    /// Nobody lives there.
    Refused,
    /// It is written, and this is the so-manieth socket at `S`.
    Recorded(u64),
    /// A name is there where none was.
    Exists,
    /// The call failed in a way that says nothing about the path.
    Failed,
}

/// Why the path is not ours.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever reports a refusal must know all of them")]
pub enum Refusal {
    /// A live listener owns it.
    InUse,
    /// Something that is no socket stands there.
    NotASocket,
    /// The lock file was replaced while it was held, or the lock on it was dropped and somebody else has it: the right to
    /// the path is lost.
    LockLost,
    /// A system call failed; whoever executed it knows how.
    System,
}
