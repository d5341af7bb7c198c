//! What only Unix has: files of sockets, descriptors, datagrams, signals, terminals, and a shell with pipes.

mod bytes;
mod calls;
mod datagrams;
mod demo;
mod descriptors;
mod ends;
mod messages;
mod names;
mod packets;
mod peers;
mod sp;
mod terminal;
mod usage;
