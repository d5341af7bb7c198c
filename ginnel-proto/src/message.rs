use std::fmt;

use bytes::Bytes;

/// Bytes and the descriptors that belong to them.
///
/// `F` is what a descriptor is: an owned one in the drivers, a number in tests. A message owns its
/// descriptors; dropping it closes them. Without descriptors it allocates nothing for them.
///
/// ```
/// let message: ginnel_proto::Message<u32> = ginnel_proto::Message::new("hello");
/// assert_eq!(&message.body[..], b"hello");
/// assert!(message.fds.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message<F> {
    /// The bytes, whole.
    pub body: Bytes,
    /// The descriptors, in the order in which they were sent.
    pub fds: Vec<F>,
}

impl<F> Message<F> {
    /// A message without descriptors.
    pub fn new(body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), fds: Vec::new() }
    }

    /// No bytes and no descriptors.
    pub const fn empty() -> Self {
        Self { body: Bytes::new(), fds: Vec::new() }
    }

    /// The same bytes with these descriptors.
    #[must_use]
    pub fn with_fds(self, fds: Vec<F>) -> Self {
        Self { fds, ..self }
    }
}

impl<F, B: Into<Bytes>> From<B> for Message<F> {
    fn from(body: B) -> Self {
        Self::new(body)
    }
}

/// Shows sizes, never the bytes: they may be secret.
impl<F: fmt::Debug> fmt::Debug for Message<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("bytes", &self.body.len()).field("fds", &self.fds).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_body() {
        let message = Message::new("secret").with_fds(vec![3]);
        assert_eq!(format!("{message:?}"), "Message { bytes: 6, fds: [3] }");
    }
}
