use std::cell::Cell;
use std::ptr::{null_mut, slice_from_raw_parts, slice_from_raw_parts_mut};

use napi_sys as sys;

use super::{Env, Failure, Value};

/// Most arguments of one function.
pub(super) const ARGUMENTS: usize = 6;

/// Most items of one array: no caller of ours gives as many.
const ITEMS: u32 = 1 << 20;

/// A call from JavaScript.
///
/// Arguments are taken out one by one, and one of another type is the caller's mistake. What stands in an array may be
/// looked up by code of the caller's, which may do anything: detach a buffer, close a handle, call again. So arrays are
/// taken out before bytes, and nothing else here runs JavaScript: from then on what the arguments are stays what it is
/// until the call ends.
#[derive(Debug)]
pub(crate) struct Call {
    env: Env,
    arguments: [sys::napi_value; ARGUMENTS],
    /// Where bytes begin and end that were lent: to be written to, or at all.
    lent: Cell<Option<(usize, usize)>>,
}

impl Call {
    pub(super) const fn new(env: Env, arguments: [sys::napi_value; ARGUMENTS]) -> Self {
        Self { env, arguments, lent: Cell::new(None) }
    }

    pub(crate) const fn env(&self) -> Env {
        self.env
    }

    pub(crate) const fn value(&self, index: usize) -> Value {
        Value(self.arguments[index])
    }

    pub(crate) fn number(&self, index: usize) -> Result<f64, Failure> {
        let mut number = 0.0;
        // SAFETY: the argument belongs to this call; the number is written to a local.
        let status = unsafe { sys::napi_get_value_double(self.env.0, self.arguments[index], &mut number) };
        if status == sys::Status::napi_ok { Ok(number) } else { Err(Failure::wants(index, "a number")) }
    }

    /// A whole number that fits.
    pub(crate) fn int<T: TryFrom<i64>>(&self, index: usize) -> Result<T, Failure> {
        whole(index, self.number(index)?)
    }

    pub(crate) fn bool(&self, index: usize) -> Result<bool, Failure> {
        let mut value = false;
        // SAFETY: the argument belongs to this call; the answer is written to a local.
        let status = unsafe { sys::napi_get_value_bool(self.env.0, self.arguments[index], &mut value) };
        if status == sys::Status::napi_ok { Ok(value) } else { Err(Failure::wants(index, "a boolean")) }
    }

    pub(crate) fn text(&self, index: usize) -> Result<String, Failure> {
        let (env, value) = (self.env.0, self.arguments[index]);
        let mut size = 0;
        // SAFETY: the argument belongs to this call; without a buffer only the size is written.
        let status = unsafe { sys::napi_get_value_string_utf8(env, value, null_mut(), 0, &mut size) };
        if status != sys::Status::napi_ok {
            return Err(Failure::wants(index, "a string"));
        }
        let mut text = vec![0u8; size + 1];
        // SAFETY: the buffer has room for the text and the zero behind it.
        unsafe {
            sys::napi_get_value_string_utf8(env, value, text.as_mut_ptr().cast(), text.len(), &mut size);
        }
        text.truncate(size);
        String::from_utf8(text).map_err(|_| Failure::wants(index, "a string"))
    }

    /// The argument, unless it is `null` or `undefined`.
    pub(crate) fn given<T>(
        &self,
        index: usize,
        take: impl FnOnce(&Self, usize) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        if self.is_absent(self.arguments[index]) { Ok(None) } else { take(self, index).map(Some) }
    }

    fn is_absent(&self, value: sys::napi_value) -> bool {
        let mut kind = 0;
        // SAFETY: the value belongs to this call; its type is written to a local.
        unsafe { sys::napi_typeof(self.env.0, value, &mut kind) };
        kind == sys::ValueType::napi_undefined || kind == sys::ValueType::napi_null
    }

    /// Bytes to read from. Those of a detached buffer are none.
    pub(crate) fn bytes(&self, index: usize) -> Result<&[u8], Failure> {
        let (data, size) = self.view(self.arguments[index], index)?;
        self.lend(index, data, size)?;
        // SAFETY: see `view`. They are only read, nothing that is written to here shares them, and no JavaScript of this
        // thread runs before the call ends. Another thread's may write to a `SharedArrayBuffer`: the package copies what
        // stands there (`check.bytes`), and what sockets are given without that only the kernel looks at.
        Ok(unsafe { &*slice_from_raw_parts(data, size) })
    }

    /// Bytes to write to. Two arguments that share bytes are refused.
    ///
    /// # Safety
    /// No chunks of the call are in use.
    #[expect(clippy::mut_from_ref, reason = "they are the engine's, and are lent once")]
    pub(crate) unsafe fn room(&self, index: usize) -> Result<&mut [u8], Failure> {
        let (data, size) = self.view(self.arguments[index], index)?;
        self.lend(index, data, size)?;
        // SAFETY: see `view`. Rooms are the package's own, which no other thread has; no other argument shares them, see
        // `lend`; and no JavaScript runs before the call ends.
        Ok(unsafe { &mut *slice_from_raw_parts_mut(data, size) })
    }

    /// Remembers what is lent. Of two arguments, which is what any function takes, neither may have a part of the other.
    fn lend(&self, index: usize, data: *mut u8, size: usize) -> Result<(), Failure> {
        let (begin, end) = (data as usize, data as usize + size);
        if let Some((other_begin, other_end)) = self.lent.replace(Some((begin, end)))
            && begin < other_end
            && other_begin < end
        {
            return Err(Failure::wants(index, "bytes that no other argument has"));
        }
        Ok(())
    }

    /// Where a `Uint8Array` or another typed array stands, and how many bytes it has.
    fn view(&self, value: sys::napi_value, index: usize) -> Result<(*mut u8, usize), Failure> {
        let (mut kind, mut length, mut data) = (0, 0, null_mut());
        // SAFETY: the value belongs to this call. Of a view of an array buffer the engine writes where it stands, which
        // is kept there as long as the value is reachable: until the call ends. What was detached, or is outside of a
        // buffer that has shrunk, has the length 0.
        let status = unsafe {
            let (env, none) = (self.env.0, null_mut());
            sys::napi_get_typedarray_info(env, value, &mut kind, &mut length, &mut data, none, null_mut())
        };
        let width = width(kind).filter(|_| status == sys::Status::napi_ok);
        let width = width.ok_or_else(|| Failure::wants(index, "a Uint8Array"))?;
        if length == 0 || data.is_null() {
            return Ok((std::ptr::NonNull::dangling().as_ptr(), 0));
        }
        Ok((data.cast(), length * width))
    }

    /// What stands in an array.
    pub(crate) fn items<T>(
        &self,
        index: usize,
        take: impl Fn(&Self, Value) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        // All are looked up before the first is looked at: a getter of the caller's may change what another one is.
        self.elements(index)?.into_iter().map(|item| take(self, item)).collect()
    }

    fn elements(&self, index: usize) -> Result<Vec<Value>, Failure> {
        if self.lent.get().is_some() {
            return Err(Failure::panicked(&"an array is taken out after bytes"));
        }
        let array = self.arguments[index];
        let mut count = 0;
        // SAFETY: the argument belongs to this call; the length is written to a local.
        let status = unsafe { sys::napi_get_array_length(self.env.0, array, &mut count) };
        if status != sys::Status::napi_ok {
            return Err(Failure::wants(index, "an array"));
        }
        if count > ITEMS {
            return Err(Failure::range(index, count.into()));
        }
        let mut items = Vec::new();
        for at in 0..count {
            let mut item = null_mut();
            // SAFETY: as above.
            let status = unsafe { sys::napi_get_element(self.env.0, array, at, &mut item) };
            if status != sys::Status::napi_ok {
                return Err(Failure::thrown());
            }
            items.push(Value(item));
        }
        Ok(items)
    }

    /// An array of `Uint8Array`s.
    pub(crate) fn chunks(&self, index: usize) -> Result<Vec<&[u8]>, Failure> {
        self.items(index, |call, item| {
            let (data, size) = call.view(item.0, index)?;
            // SAFETY: as in `bytes`: the item belongs to this call, which keeps it reachable.
            Ok(unsafe { &*slice_from_raw_parts(data, size) })
        })
    }

    /// An array of numbers.
    pub(crate) fn numbers(&self, index: usize) -> Result<Vec<f64>, Failure> {
        self.items(index, |call, item| {
            let mut number = 0.0;
            // SAFETY: the item belongs to this call; the number is written to a local.
            let status = unsafe { sys::napi_get_value_double(call.env.0, item.0, &mut number) };
            if status == sys::Status::napi_ok { Ok(number) } else { Err(Failure::wants(index, "numbers")) }
        })
    }

    /// An array of whole numbers that fit.
    pub(crate) fn ints<T: TryFrom<i64>>(&self, index: usize) -> Result<Vec<T>, Failure> {
        self.numbers(index)?.into_iter().map(|number| whole(index, number)).collect()
    }
}

fn whole<T: TryFrom<i64>>(index: usize, number: f64) -> Result<T, Failure> {
    let whole = number as i64;
    let fits = whole as f64 == number;
    T::try_from(whole).ok().filter(|_| fits).ok_or_else(|| Failure::range(index, number))
}

/// Bytes of each element of a typed array.
const fn width(kind: sys::napi_typedarray_type) -> Option<usize> {
    use sys::TypedarrayType as Kind;
    Some(match kind {
        Kind::int8_array | Kind::uint8_array | Kind::uint8_clamped_array => 1,
        Kind::int16_array | Kind::uint16_array => 2,
        Kind::int32_array | Kind::uint32_array | Kind::float32_array => 4,
        Kind::float64_array | Kind::bigint64_array | Kind::biguint64_array => 8,
        _ => return None,
    })
}
