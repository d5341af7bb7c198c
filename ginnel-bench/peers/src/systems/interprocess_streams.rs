//! `interprocess`: blocking local sockets, which are streams.

use std::io;
use std::path::Path;

use ginnel_bench_part::{Blocking, BlockingSystem, System, ready};
use interprocess::local_socket::prelude::*;
use interprocess::local_socket::{GenericFilePath, Listener, ListenerOptions, Stream};

pub(super) const SYSTEM: System = System::named("interprocess")
    .with_stream(|part, control| ready(part.stream::<Blocking<Interprocess>>(control)));

struct Interprocess;

impl BlockingSystem for Interprocess {
    type Stream = Stream;
    type Listener = Listener;

    fn listen(path: &Path) -> io::Result<Listener> {
        ListenerOptions::new().name(path.to_fs_name::<GenericFilePath>()?).create_sync()
    }

    fn accept(listener: &mut Listener) -> io::Result<Stream> {
        listener.accept()
    }

    fn connect(path: &Path) -> io::Result<Stream> {
        Stream::connect(path.to_fs_name::<GenericFilePath>()?)
    }
}
