//! Windows: stub to be replaced.
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use ginnel_proto::machine::ProcessId;

use super::{
    Alarm, Descriptors, Incoming, Name, Names, Outgoing, PeerIds, Poller, Ready, Slot, SocketKind, Sockets,
    Sys, Taken, Wait, Would,
};
use crate::connection::Directions;
use crate::name::Claim;

#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Kernel;
#[derive(Debug)]
pub struct Socket(());
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is none")]
pub enum NoFd {}
impl From<NoFd> for Socket {
    fn from(fd: NoFd) -> Self {
        match fd {}
    }
}
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PipeName(String);
impl PipeName {
    pub fn new(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}
#[derive(Debug)]
pub struct Object;
#[derive(Debug)]
pub struct Port;
#[derive(Clone, Debug)]
pub struct Waker;
impl Waker {
    pub fn wake(&self) -> io::Result<()> {
        todo!()
    }
}
#[derive(Clone, Debug)]
pub struct Waitable;
impl Waitable {
    pub fn wait(&self, _: Option<Duration>) {
        todo!()
    }
    pub fn poll(&self, _: &std::task::Context<'_>) -> bool { todo!() }
}
impl Port {
    pub(crate) fn waker(&self) -> Waker {
        todo!()
    }
    pub(crate) fn has_found(&self) -> bool {
        todo!()
    }
    pub(crate) fn shared_descriptor(&self) -> Waitable {
        todo!()
    }
    pub(crate) fn wait(&mut self, _: Option<Duration>) -> io::Result<()> {
        todo!()
    }
}
impl Socket {
    pub fn wait(&self, _: Directions, _: Option<Instant>) -> Option<Directions> {
        todo!()
    }
    pub fn poll_ready(&self, _: super::Direction, _: &std::task::Waker) -> bool {
        todo!()
    }
}
pub(crate) fn user() -> String {
    todo!()
}
impl Poller<Kernel> for Port {
    fn add(&self, _: &Socket, _: u64, _: Directions) -> io::Result<()> {
        todo!()
    }
    fn change(&self, _: &Socket, _: u64, _: Directions) -> io::Result<()> {
        todo!()
    }
    fn remove(&self, _: &Socket) {
        todo!()
    }
    fn alarm(&self) -> Alarm {
        todo!()
    }
    fn look(&mut self, _: &mut Vec<Ready>) -> io::Result<bool> {
        todo!()
    }
}
impl Descriptors for Kernel {
    type Fd = Socket;
    type Borrowed<'a> = &'a Socket;
    type Carried = NoFd;
    type Lent<'a> = NoFd;
    fn borrow<'a>(&self, fd: &'a Socket) -> &'a Socket {
        fd
    }
    fn lend<'a>(&self, fd: &'a NoFd) -> NoFd {
        match *fd {}
    }
    fn number(&self, fd: NoFd) -> i32 {
        match fd {}
    }
    unsafe fn own(&self, _: i32) -> NoFd {
        todo!()
    }
}
unsafe impl Sockets for Kernel {
    fn socket(&self, _: SocketKind, _: bool) -> io::Result<Socket> {
        todo!()
    }
    fn socket_pair(&self, _: SocketKind, _: bool) -> io::Result<(Socket, Socket)> {
        todo!()
    }
    fn bind(&self, _: &Socket, _: &Name) -> io::Result<()> {
        todo!()
    }
    fn listen(&self, _: &Socket, _: u32) -> io::Result<()> {
        todo!()
    }
    fn connect(&self, _: &Socket, _: &Name) -> Would<()> {
        todo!()
    }
    fn accept(&self, _: &Socket, _: bool) -> Would<Socket> {
        todo!()
    }
    fn send(&self, _: &Socket, _: Outgoing<'_>, _: Wait) -> Would<usize> {
        todo!()
    }
    fn receive(&self, _: &Socket, _: Incoming<'_>, _: Wait) -> Would<Taken> {
        todo!()
    }
    fn send_many(&self, _: &Socket, _: &[IoSlice<'_>], _: Wait) -> Would<usize> {
        todo!()
    }
    fn receive_many(&self, _: &Socket, _: &mut [Slot<'_>], _: Wait) -> Would<usize> {
        todo!()
    }
    fn shutdown(&self, _: &Socket, _: Shutdown) -> io::Result<()> {
        todo!()
    }
    fn finish(&self, _: &Socket) -> io::Result<()> {
        todo!()
    }
    fn peer_ids(&self, _: &Socket) -> io::Result<PeerIds> {
        todo!()
    }
    fn kind(&self, _: &Socket) -> io::Result<Option<SocketKind>> {
        todo!()
    }
    fn is_listening(&self, _: &Socket) -> io::Result<bool> {
        todo!()
    }
    fn set_nonblocking(&self, _: &Socket) -> io::Result<()> {
        todo!()
    }
    fn set_send_buffer(&self, _: &Socket, _: usize) -> io::Result<()> {
        todo!()
    }
    fn stamp_packets(&self, _: &Socket) -> io::Result<()> {
        todo!()
    }
}
impl Names for Kernel {
    type Object = Object;
    fn pid(&self) -> u32 {
        todo!()
    }
    fn random(&self) -> io::Result<u64> {
        todo!()
    }
    fn take_name(&self, _: &Name) -> Would<Object> {
        todo!()
    }
    fn is_taken(&self, _: &Name) -> io::Result<bool> {
        todo!()
    }
    fn listen_at(
        &self,
        _: &Name,
        _: SocketKind,
        _: &crate::credentials::Policy,
        _: u32,
    ) -> io::Result<Socket> {
        todo!()
    }
}
impl Sys for Kernel {
    type Poller = Port;
    fn poller(&self) -> io::Result<Port> {
        todo!()
    }
    fn now(&self) -> Instant {
        todo!()
    }
    fn is_own_user(&self, _: &Socket) -> io::Result<bool> {
        todo!()
    }
    fn share(&self, _: &Socket) -> Would<NoFd> {
        Ok(None)
    }
    fn process(&self) -> io::Result<Option<ProcessId>> {
        Ok(None)
    }
    fn watch_process(&self, _: ProcessId, _: &Socket) -> io::Result<Option<Socket>> {
        Ok(None)
    }
    fn is_connected_stream(&self, _: &Socket) -> io::Result<bool> {
        todo!()
    }
    fn connect_tcp(&self, _: SocketAddr) -> io::Result<Socket> {
        todo!()
    }
    fn listen_tcp(&self, _: SocketAddr, _: u32) -> io::Result<Socket> {
        todo!()
    }
    fn tcp_port(&self, _: &Socket) -> io::Result<SocketAddr> {
        todo!()
    }
}
