//! Many connections on which nothing happens, and the memory that one process holds for them.

#![expect(async_fn_in_trait, reason = "a part has one thread, so nobody asks whether a future is `Send`")]

use std::fs;
use std::io;
use std::path::Path;

use crate::heap::Heap;
use crate::{Control, Endpoint, Reply, Side};

/// Who holds many connections in one process, and whoever connects to it.
pub trait IdleHost: Sized {
    /// One of those who connect.
    type Guest;

    /// Binds the path and listens.
    async fn listen(path: &Path) -> io::Result<Self>;

    /// Waits until this many are connected and have been used once.
    async fn hold(&mut self, connections: usize) -> io::Result<()>;

    /// Connects, and uses the connection once.
    async fn visit(path: &Path) -> io::Result<Self::Guest>;
}

/// Endpoints, each of its own.
#[derive(Debug)]
pub struct Each<L: Endpoint> {
    listener: L::Listener,
    links: Vec<L>,
}

impl<L: Endpoint> IdleHost for Each<L> {
    type Guest = L;

    async fn listen(path: &Path) -> io::Result<Self> {
        Ok(Self { listener: L::listen(path).await?, links: Vec::new() })
    }

    async fn hold(&mut self, connections: usize) -> io::Result<()> {
        self.links.reserve_exact(connections);
        for _ in 0..connections {
            let mut link = L::accept(&mut self.listener).await?;
            link.signalled().await?;
            link.signal().await?;
            self.links.push(link);
        }
        Ok(())
    }

    async fn visit(path: &Path) -> io::Result<L> {
        let mut link = L::connect(path).await?;
        link.signal().await?;
        link.signalled().await?;
        Ok(link)
    }
}

/// What a process holds for its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Bytes of its heap, where they can be counted.
    pub heap: Option<usize>,
    /// Bytes by which its resident memory has grown.
    pub resident: usize,
}

pub(crate) async fn run<H: IdleHost>(
    (side, socket): (Side, &Path),
    connections: usize,
    control: &mut Control,
) -> io::Result<()> {
    // One more than that is used first: what is made once does not count for each.
    match side {
        Side::Server => {
            let mut host = H::listen(socket).await?;
            control.reply(&Reply::Ready)?;
            host.hold(1).await?;
            let before = resident()?;
            Heap::count();
            host.hold(connections).await?;
            let held = Held { heap: Heap::held(), resident: resident()?.saturating_sub(before) };
            control.reply(&Reply::Held(held))?;
            while control.next()?.is_some() {}
        }
        Side::Client => {
            let mut guests = vec![H::visit(socket).await?];
            for _ in 0..connections {
                guests.push(H::visit(socket).await?);
            }
            control.reply(&Reply::Ready)?;
            while control.next()?.is_some() {}
        }
    }
    Ok(())
}

/// Bytes of memory that this process has. proc_pid_statm(5)
fn resident() -> io::Result<usize> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok());
    Ok(pages.ok_or(io::ErrorKind::InvalidData)? * rustix::param::page_size())
}
