//! The standard library's streams.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use ginnel_bench_part::{Blocking, BlockingSystem, System, ready};

pub(super) const SYSTEM: System =
    System::named("std").with_stream(|part, control| ready(part.stream::<Blocking<StdNet>>(control)));

struct StdNet;

impl BlockingSystem for StdNet {
    type Stream = UnixStream;
    type Listener = UnixListener;

    fn listen(path: &Path) -> io::Result<UnixListener> {
        UnixListener::bind(path)
    }

    fn accept(listener: &mut UnixListener) -> io::Result<UnixStream> {
        listener.accept().map(|(stream, _)| stream)
    }

    fn connect(path: &Path) -> io::Result<UnixStream> {
        UnixStream::connect(path)
    }
}
