//! What the npm package `ginnel` is made of: sockets and engines that never wait, and one thing that does, on Node's own
//! loop.
//!
//! JavaScript sees tables of functions. The first argument of most is a handle that it was given before; what they look
//! for and do not find is told as -1, `null` or `false`: not yet. Only a watch calls back. The package's own
//! TypeScript is the driver: it looks, and waits until a watch says that looking helps.
//!
//! Here are no threads and no statics: what is open belongs to one environment, and its end closes it. (In `ginnel-os` are
//! the table of the locks that this process holds, and a thread for a peer that waits for another process's.)

mod connecting;
#[cfg(unix)]
mod datagram;
#[cfg(windows)]
#[path = "datagram/absent.rs"]
mod datagram;
#[cfg(unix)]
mod door;
#[cfg(windows)]
#[path = "door/absent.rs"]
mod door;
mod engine;
#[cfg(unix)]
mod fd;
#[cfg(windows)]
#[path = "fd/absent.rs"]
mod fd;
mod js;
mod listener;
mod received;
mod seqpacket;
mod slot;
mod socket;
mod stream;
mod uv;
mod watch;

use js::{Env, Home, Value, export};

const TABLES: &[(&str, &[js::Function])] = &[
    ("watch", watch::FUNCTIONS),
    ("fd", fd::FUNCTIONS),
    ("connecting", connecting::FUNCTIONS),
    ("stream", stream::FUNCTIONS),
    ("seqpacket", seqpacket::FUNCTIONS),
    ("datagram", datagram::FUNCTIONS),
    ("listener", listener::FUNCTIONS),
    ("door", door::FUNCTIONS),
    ("messages", engine::MESSAGES),
    ("sp", engine::SP),
];

/// Called once for each environment that loads the addon.
fn begin(env: Env, exports: Value) {
    #[cfg(windows)]
    uv::find();
    Home::begin(env);
    for (name, functions) in TABLES {
        export(env, exports, name, functions);
    }
}
