use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::null_mut;
use std::rc::Rc;

use napi_sys as sys;

use super::{Env, Failure, Value};
use crate::uv;

/// What there is for one environment, which is one thread: what it has open, so that its end closes all of it.
#[derive(Debug)]
pub(crate) struct Home {
    env: Env,
    open: RefCell<BTreeMap<u64, Rc<dyn Open>>>,
    last: Cell<u64>,
    /// How many have been closed and are still known to the loop.
    closing: Cell<usize>,
    /// The environment ends, and waits for them.
    ending: Cell<Option<Ending>>,
}

/// Something that must be closed before the environment ends.
pub(crate) trait Open: std::fmt::Debug {
    /// Closes it, if that was not done before.
    fn close(self: Rc<Self>);
}

/// The environment waits until this is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending(sys::napi_async_cleanup_hook_handle);

impl Home {
    /// Settles in an environment.
    pub(crate) fn begin(env: Env) {
        let home = Rc::new(Self {
            env,
            open: RefCell::default(),
            last: Cell::new(0),
            closing: Cell::new(0),
            ending: Cell::new(None),
        });
        let hook = Rc::into_raw(Rc::clone(&home)).cast_mut().cast();
        let data = Box::into_raw(Box::new(home)).cast();
        // SAFETY: the box lives until its finalizer, and the other count until the hook, which Node-API runs once each,
        // the hook first.
        unsafe {
            sys::napi_set_instance_data(env.0, data, Some(forget), null_mut());
            sys::napi_add_async_cleanup_hook(env.0, Some(end), hook, null_mut());
        }
    }

    /// That of an environment.
    pub(crate) fn of(env: Env) -> Result<Rc<Self>, Failure> {
        let mut data = null_mut();
        // SAFETY: what stands there was put there by `begin`, and is there as long as the environment runs JavaScript.
        unsafe {
            sys::napi_get_instance_data(env.0, &mut data);
            let home = data.cast::<Rc<Self>>().cast_const().as_ref().ok_or_else(Failure::closed)?;
            Ok(Rc::clone(home))
        }
    }

    /// The loop of this thread.
    pub(crate) fn uv_loop(&self) -> Result<uv::Loop, Failure> {
        let mut found = null_mut();
        // SAFETY: the environment is this thread's.
        let status = unsafe { sys::napi_get_uv_event_loop(self.env.0, &mut found) };
        if status == sys::Status::napi_ok { Ok(found) } else { Err(Failure::closed()) }
    }

    /// Something is open now. What it is known by.
    pub(crate) fn opened(&self, item: Rc<dyn Open>) -> u64 {
        self.last.set(self.last.get() + 1);
        self.open.borrow_mut().insert(self.last.get(), item);
        self.last.get()
    }

    /// It was closed, and the loop still knows it.
    pub(crate) fn closes(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
        self.closing.set(self.closing.get() + 1);
    }

    /// The loop does not know it any more.
    pub(crate) fn has_closed(&self) {
        self.closing.set(self.closing.get() - 1);
        self.end_if_done();
    }

    fn end_if_done(&self) {
        if self.closing.get() == 0
            && let Some(Ending(handle)) = self.ending.take()
        {
            // SAFETY: the handle is the one that the hook was called with, and it is given back once.
            unsafe { sys::napi_remove_async_cleanup_hook(handle) };
        }
    }
}

unsafe extern "C" fn forget(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: `data` is the box of `begin`, and this is its only finalizer.
    drop(unsafe { Box::from_raw(data.cast::<Rc<Home>>()) });
}

/// The environment ends: by `process.exit`, because a worker is terminated, or because nothing is left to do.
unsafe extern "C" fn end(handle: sys::napi_async_cleanup_hook_handle, data: *mut c_void) {
    // SAFETY: `data` is the count that `begin` let go of for this hook, which is called once.
    let home = unsafe { Rc::from_raw(data.cast::<Home>().cast_const()) };
    home.ending.set(Some(Ending(handle)));
    let open: Vec<_> = std::mem::take(&mut *home.open.borrow_mut()).into_values().collect();
    open.into_iter().for_each(Open::close);
    home.end_if_done();
}

/// A function of JavaScript's, called from the loop.
#[derive(Debug)]
pub(crate) struct Callback {
    env: Env,
    function: sys::napi_ref,
    context: sys::napi_async_context,
}

impl Callback {
    pub(crate) fn new(env: Env, function: Value) -> Result<Self, Failure> {
        let mut kind = 0;
        let (mut reference, mut context) = (null_mut(), null_mut());
        let name = env.text("ginnel");
        // SAFETY: the function belongs to the current call, the rest is written to locals.
        unsafe {
            sys::napi_typeof(env.0, function.0, &mut kind);
            if kind != sys::ValueType::napi_function {
                return Err(Failure::wants(1, "a function"));
            }
            sys::napi_create_reference(env.0, function.0, 1, &mut reference);
            sys::napi_async_init(env.0, null_mut(), name.0, &mut context);
        }
        // What was made is given back if the other was not.
        let made = Self { env, function: reference, context };
        if reference.is_null() || context.is_null() { Err(Failure::closed()) } else { Ok(made) }
    }

    /// Calls it with a number, and lets what it has led to run. What it throws is an uncaught exception.
    pub(crate) fn call(&self, number: i32) {
        let env = self.env.0;
        let (mut scope, mut function, mut global) = (null_mut(), null_mut(), null_mut());
        // SAFETY: the loop of this environment calls, outside of any call from JavaScript. The values belong to the
        // scope. The reference and the context are ours until this is dropped.
        unsafe {
            if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
                return;
            }
            sys::napi_get_reference_value(env, self.function, &mut function);
            sys::napi_get_global(env, &mut global);
            let number = self.env.int(number).0;
            let status = sys::napi_make_callback(env, self.context, global, function, 1, &number, null_mut());
            if status == sys::Status::napi_pending_exception {
                let mut error = null_mut();
                sys::napi_get_and_clear_last_exception(env, &mut error);
                sys::napi_fatal_exception(env, error);
            }
            sys::napi_close_handle_scope(env, scope);
        }
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: both were made by `new`, in this environment, and are given back once; what is null is refused.
        unsafe {
            sys::napi_delete_reference(self.env.0, self.function);
            sys::napi_async_destroy(self.env.0, self.context);
        }
    }
}
