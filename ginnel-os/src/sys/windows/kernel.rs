//! Windows behind the face that every kernel has.
#![expect(unsafe_code, reason = "a kernel vouches for the memory that it reports")]

use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::time::Instant;

use ginnel_proto::machine::ProcessId;
use windows_sys::Win32::System::Performance::QueryPerformanceCounter;

use super::name::PipeName;
use super::objects::Object;
use super::port::Port;
use super::security::random;
use super::security::{Access, Sid};
use super::socket::Socket;
use crate::connection::Directions;
use crate::credentials::Policy;
use crate::sys::{
    Alarm, Descriptors, Incoming, Names, Outgoing, PeerIds, Poller, Ready, Slot, SocketKind, Sockets, Sys,
    Taken, Wait, Would,
};

/// Windows.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing in it")]
pub struct Kernel;

/// What messages carry beside their bytes: nothing. There is no value of it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is none")]
pub enum NoFd {}

impl From<NoFd> for Socket {
    fn from(fd: NoFd) -> Self {
        match fd {}
    }
}

/// The user that this process runs as: the text of a security identifier. Empty if the system does not say.
pub(crate) fn user() -> String {
    Sid::ours().map(|sid| sid.to_string()).unwrap_or_default()
}

impl Descriptors for Kernel {
    type Fd = Socket;
    type Borrowed<'a> = &'a Socket;
    type Carried = NoFd;
    type Lent<'a> = NoFd;

    fn borrow<'a>(&self, fd: &'a Socket) -> &'a Socket {
        fd
    }

    fn lend(&self, carried: &NoFd) -> NoFd {
        *carried
    }

    fn number(&self, fd: NoFd) -> i32 {
        match fd {}
    }

    unsafe fn own(&self, _: i32) -> NoFd {
        unreachable!("no control data has numbers here")
    }
}

// SAFETY: `Pipe::receive` writes what it reports from the start of the room: what it copies, and what `ReadFile` was given
// that room for. The byte of control data is written here.
unsafe impl Sockets for Kernel {
    fn socket(&self, kind: SocketKind, nonblocking: bool) -> io::Result<Socket> {
        Ok(Socket::new(kind, nonblocking))
    }

    fn socket_pair(&self, kind: SocketKind, nonblocking: bool) -> io::Result<(Socket, Socket)> {
        Socket::pair(kind, nonblocking)
    }

    fn bind(&self, fd: &Socket, name: &PipeName) -> io::Result<()> {
        fd.bind(name, &Access::Owner)
    }

    fn listen(&self, fd: &Socket, backlog: u32) -> io::Result<()> {
        fd.listen(backlog)
    }

    fn connect(&self, fd: &Socket, name: &PipeName) -> Would<()> {
        fd.connect(name)
    }

    fn accept(&self, fd: &Socket, nonblocking: bool) -> Would<Socket> {
        fd.accept(nonblocking)
    }

    fn send(&self, fd: &Socket, outgoing: Outgoing<'_>, wait: Wait) -> Would<usize> {
        until(fd, Directions::WRITE, wait, || fd.send(outgoing.bytes()))
    }

    fn receive(&self, fd: &Socket, incoming: Incoming<'_>, wait: Wait) -> Would<Taken> {
        let Incoming { bytes, control, .. } = incoming;
        let got = until(fd, Directions::READ, wait, || fd.receive(bytes))?;
        Ok(got.map(|got| {
            let mut taken = Taken { bytes: got.bytes, ..Taken::default() };
            if fd.kind() == Some(SocketKind::SeqPacket)
                && !got.end
                && let Some(mark) = control.first_mut()
            {
                mark.write(1);
                taken.control = 1;
            }
            taken
        }))
    }

    fn send_many(&self, fd: &Socket, packets: &[IoSlice<'_>], wait: Wait) -> Would<usize> {
        let mut sent = 0;
        for packet in packets {
            let wait = if sent == 0 { wait } else { Wait::Never };
            match until(fd, Directions::WRITE, wait, || fd.send(&[*packet])) {
                Ok(Some(_)) => sent += 1,
                Ok(None) => break,
                // Its error shows in the next call.
                Err(_) if sent > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok((sent > 0 || packets.is_empty()).then_some(sent))
    }

    fn receive_many(&self, fd: &Socket, slots: &mut [Slot<'_>], wait: Wait) -> Would<usize> {
        let mut came = 0;
        for slot in slots {
            let wait = if came == 0 { wait } else { Wait::Never };
            let incoming = Incoming { bytes: slot.bytes, control: slot.control, whole: true, from: None };
            match self.receive(fd, incoming, wait) {
                Ok(Some(taken)) => slot.taken = taken,
                Ok(None) => break,
                Err(_) if came > 0 => break,
                Err(error) => return Err(error),
            }
            came += 1;
            if slot.taken.control == 0 {
                // The end is told once.
                break;
            }
        }
        Ok((came > 0).then_some(came))
    }

    fn shutdown(&self, fd: &Socket, how: Shutdown) -> io::Result<()> {
        match how {
            // A pipe has no half of an end: to give up the other direction with it would lose what still comes.
            Shutdown::Read | Shutdown::Write => Err(io::ErrorKind::Unsupported.into()),
            Shutdown::Both => self.finish(fd),
        }
    }

    fn is_settled(&self, fd: &Socket) -> bool {
        fd.is_settled()
    }

    fn finish(&self, fd: &Socket) -> io::Result<()> {
        fd.finish();
        Ok(())
    }

    fn peer_ids(&self, fd: &Socket) -> io::Result<PeerIds> {
        let peer = fd.peer()?;
        let sid = peer.sid.ok_or(io::ErrorKind::PermissionDenied)?.to_string();
        Ok(PeerIds { pid: Some(peer.pid), session: Some(peer.session), sid })
    }

    fn kind(&self, fd: &Socket) -> io::Result<Option<SocketKind>> {
        Ok(fd.kind())
    }

    fn is_listening(&self, fd: &Socket) -> io::Result<bool> {
        Ok(fd.is_listening())
    }

    fn set_nonblocking(&self, fd: &Socket) -> io::Result<()> {
        fd.set_nonblocking();
        Ok(())
    }

    /// The room of a pipe is that of whoever made it.
    fn set_send_buffer(&self, _: &Socket, _: usize) -> io::Result<()> {
        Ok(())
    }

    /// What is received says without that whether it is a packet.
    fn stamp_packets(&self, _: &Socket) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a call until it is done, if it may wait.
fn until<T>(fd: &Socket, directions: Directions, wait: Wait, mut call: impl FnMut() -> Would<T>) -> Would<T> {
    loop {
        let done = call()?;
        if done.is_some() || wait == Wait::Never || fd.is_nonblocking() {
            return Ok(done);
        }
        fd.wait(directions, None);
    }
}

impl Names for Kernel {
    type Object = Object;
    type Pin = std::convert::Infallible;

    fn pid(&self) -> u32 {
        std::process::id()
    }

    fn random(&self) -> io::Result<u64> {
        Ok(u64::from_ne_bytes(random()?))
    }

    fn tick(&self) -> u64 {
        let mut ticks = 0;
        // SAFETY: one number is written. The call never fails (`QueryPerformanceCounter`).
        unsafe { QueryPerformanceCounter(&raw mut ticks) };
        ticks.cast_unsigned()
    }

    fn take_name(&self, name: &PipeName) -> Would<Object> {
        Object::take(name)
    }

    fn is_taken(&self, name: &PipeName) -> io::Result<bool> {
        Object::is_taken(name)
    }

    fn listen_at(
        &self,
        name: &PipeName,
        kind: SocketKind,
        allow: &Policy,
        backlog: u32,
    ) -> io::Result<Socket> {
        let access = match allow.sids() {
            None => Access::Anyone,
            Some(sids) => Access::Sids(sids.iter().map(|sid| Sid::new(sid)).collect::<io::Result<_>>()?),
        };
        let socket = Socket::new(kind, true);
        socket.bind(name, &access)?;
        socket.listen(backlog)?;
        Ok(socket)
    }
}

impl Sys for Kernel {
    type Poller = Port;

    fn poller(&self) -> io::Result<Port> {
        Ok(Port::new())
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn is_own_user(&self, fd: &Socket) -> io::Result<bool> {
        Ok(fd.peer()?.sid == Some(Sid::ours()?))
    }

    fn share(&self, _: &Socket) -> Would<NoFd> {
        Ok(None)
    }

    /// A pipe breaks with the process at its other end: nobody need ask which one that is.
    fn process(&self) -> io::Result<Option<ProcessId>> {
        Ok(None)
    }

    fn watch_process(&self, _: ProcessId, _: &Socket) -> io::Result<Option<Socket>> {
        Ok(None)
    }

    fn is_connected_stream(&self, fd: &Socket) -> io::Result<bool> {
        Ok(fd.kind().is_none_or(|kind| kind == SocketKind::Stream) && fd.is_connected())
    }

    fn connect_tcp(&self, port: SocketAddr) -> io::Result<Socket> {
        Socket::connect_tcp(port)
    }

    fn listen_tcp(&self, port: SocketAddr, backlog: u32) -> io::Result<Socket> {
        Socket::listen_tcp(port, backlog)
    }

    fn tcp_port(&self, fd: &Socket) -> io::Result<SocketAddr> {
        fd.tcp_port()
    }
}

impl Poller<Kernel> for Port {
    fn add(&self, fd: &Socket, token: u64, directions: Directions) -> io::Result<()> {
        self.watch(fd, token, directions);
        Ok(())
    }

    fn change(&self, fd: &Socket, token: u64, directions: Directions) -> io::Result<()> {
        self.watch(fd, token, directions);
        Ok(())
    }

    fn remove(&self, fd: &Socket) {
        self.forget(fd);
    }

    fn alarm(&self) -> Alarm {
        let waker = self.waker();
        Box::new(move || {
            // It never fails here.
            let _ = waker.wake();
        })
    }

    fn look(&mut self, ready: &mut Vec<Ready>) -> io::Result<bool> {
        Ok(self.find(ready))
    }
}
