use std::fs::File;
use std::io;
use std::os::fd::AsFd;

/// Standard output without a buffer.
pub(super) type Standard = File;

pub(super) fn standard() -> io::Result<Standard> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}
