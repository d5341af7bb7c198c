//! The numbers that bound everything, in one place.

/// Most descriptors that one message carries. Linux calls it `SCM_MAX_FD`; see unix(7).
pub const MAX_FDS: usize = 253;

/// Largest packet, in bytes, that `recv` takes unless told otherwise: 1 MiB.
pub const PACKET: usize = 1 << 20;

/// Largest packet, in bytes, that `recv` can be told to take. No `SO_SNDBUF`, and so no packet, is larger.
pub const LARGEST_PACKET: usize = i32::MAX as usize;

/// Connections that may wait to be accepted. The kernel cuts it to `net.core.somaxconn`.
pub const BACKLOG: u32 = 4096;

/// Permission bits of a published socket: read and write for its owner alone.
pub const SOCKET_MODE: u32 = 0o600;

/// Most bytes of a path, without the closing NUL: `PATH_MAX` less one.
pub const PATH: usize = 4095;

/// Most bytes of one component of a path: `NAME_MAX`.
pub const COMPONENT: usize = 255;

/// Most bytes that `sun_path` holds on Linux beside the NUL that ends a path or starts an abstract name.
pub const SUN_PATH: usize = 107;

/// Most slices that one vectored write sends: `UIO_MAXIOV`. The rest is left for the next.
pub const SLICES: usize = 1024;

/// Most bytes of a portable name, see [`Address::named`](crate::Address::named).
pub const NAME: usize = 200;

/// Most arrays, maps and tags inside each other in one message, unless a codec is told otherwise.
pub const DEPTH: u8 = 32;

/// Most keys in all maps of one message together, unless a codec is told otherwise.
pub const KEYS: usize = 4096;
