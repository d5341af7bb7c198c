use std::ptr::{null_mut, slice_from_raw_parts, slice_from_raw_parts_mut};

use napi_sys as sys;

use super::{Env, Failure, Value};

/// Most arguments of one function.
pub(super) const ARGUMENTS: usize = 6;

/// A call from JavaScript.
///
/// Arguments are taken out one by one, and one of another type is the caller's mistake. Nothing here runs JavaScript:
/// what the caller's arguments are stays what it is until the call ends.
#[derive(Debug)]
pub(crate) struct Call {
    env: Env,
    arguments: [sys::napi_value; ARGUMENTS],
}

impl Call {
    pub(super) const fn new(env: Env, arguments: [sys::napi_value; ARGUMENTS]) -> Self {
        Self { env, arguments }
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
        let number = self.number(index)?;
        let whole = number as i64;
        let fits = whole as f64 == number;
        T::try_from(whole).ok().filter(|_| fits).ok_or_else(|| Failure::range(index, number))
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
        // SAFETY: see `view`. They are only read, and no JavaScript runs before the call ends.
        Ok(unsafe { &*slice_from_raw_parts(data, size) })
    }

    /// Bytes to write to.
    ///
    /// # Safety
    /// No other argument of the call that is in use shares them.
    #[expect(clippy::mut_from_ref, reason = "they are the engine's, and the caller vouches for them")]
    pub(crate) unsafe fn room(&self, index: usize) -> Result<&mut [u8], Failure> {
        let (data, size) = self.view(self.arguments[index], index)?;
        // SAFETY: see `view`. The caller vouches that nobody else uses them, and no JavaScript runs before the call
        // ends.
        Ok(unsafe { &mut *slice_from_raw_parts_mut(data, size) })
    }

    /// Where a `Uint8Array` or another view stands, and how many bytes it has.
    fn view(&self, value: sys::napi_value, index: usize) -> Result<(*mut u8, usize), Failure> {
        let (mut data, mut size) = (null_mut(), 0);
        // SAFETY: the value belongs to this call. Of a view of an array buffer the engine writes where it stands, which
        // is kept there as long as the value is reachable: until the call ends.
        let status = unsafe { sys::napi_get_buffer_info(self.env.0, value, &mut data, &mut size) };
        if status != sys::Status::napi_ok {
            return Err(Failure::wants(index, "a Uint8Array"));
        }
        if size == 0 || data.is_null() {
            return Ok((std::ptr::NonNull::dangling().as_ptr(), 0));
        }
        Ok((data.cast(), size))
    }

    /// What stands in an array.
    pub(crate) fn items<T>(
        &self,
        index: usize,
        take: impl Fn(&Self, Value) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let array = self.arguments[index];
        let mut count = 0;
        // SAFETY: the argument belongs to this call; the length is written to a local.
        let status = unsafe { sys::napi_get_array_length(self.env.0, array, &mut count) };
        if status != sys::Status::napi_ok {
            return Err(Failure::wants(index, "an array"));
        }
        let mut items = Vec::with_capacity(count as usize);
        for at in 0..count {
            let mut item = null_mut();
            // SAFETY: as above.
            unsafe { sys::napi_get_element(self.env.0, array, at, &mut item) };
            items.push(take(self, Value(item))?);
        }
        Ok(items)
    }

    /// An array of `Uint8Array`s.
    pub(crate) fn chunks(&self, index: usize) -> Result<Vec<&[u8]>, Failure> {
        self.items(index, |call, item| {
            let (data, size) = call.view(item.0, index)?;
            // SAFETY: as in `bytes`: the array, an argument of this call, keeps it reachable.
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

    /// An array of whole numbers.
    pub(crate) fn ints(&self, index: usize) -> Result<Vec<i32>, Failure> {
        self.items(index, |call, item| {
            let mut number = 0;
            // SAFETY: the item belongs to this call; the number is written to a local.
            let status = unsafe { sys::napi_get_value_int32(call.env.0, item.0, &mut number) };
            if status == sys::Status::napi_ok { Ok(number) } else { Err(Failure::wants(index, "numbers")) }
        })
    }
}
