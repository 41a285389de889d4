//! Where what is kept with a thread lies: in the kernel's storage for tasks, or on old
//! kernels in a map.

#[cfg(not(feature = "old-kernels"))]
pub use new::{find, find_or_add, remove_current, works};
#[cfg(feature = "old-kernels")]
pub use old::{find, find_or_add, remove_current, works};

#[cfg(not(feature = "old-kernels"))]
mod new {
    use core::ffi::c_void;
    use core::ptr;

    use aya_ebpf::bindings::bpf_map_type::BPF_MAP_TYPE_TASK_STORAGE;
    use aya_ebpf::bindings::{BPF_F_NO_PREALLOC, BPF_LOCAL_STORAGE_GET_F_CREATE, task_struct};
    use aya_ebpf::helpers::generated::{bpf_task_storage_delete, bpf_task_storage_get};
    use aya_ebpf::macros::btf_map;

    use crate::config::setting;
    use crate::tasks::Task;
    use crate::threads::word;

    /// A map of type `BPF_MAP_TYPE_TASK_STORAGE`, laid out as loaders read it from the
    /// object's BTF (Documentation/bpf/map_sk_storage.rst has the like); aya-ebpf has
    /// none.
    #[repr(C)]
    pub struct TaskStorage<T> {
        r#type: *const [i32; BPF_MAP_TYPE_TASK_STORAGE as usize],
        key: *const i32,
        value: *const T,
        max_entries: *const [i32; 0],
        map_flags: *const [i32; BPF_F_NO_PREALLOC as usize],
    }

    // SAFETY: the fields only describe the map and are never read here.
    unsafe impl<T> Sync for TaskStorage<T> {}

    impl<T> TaskStorage<T> {
        const fn new() -> Self {
            Self {
                r#type: ptr::null(),
                key: ptr::null(),
                value: ptr::null(),
                max_entries: ptr::null(),
                map_flags: ptr::null(),
            }
        }

        #[inline(always)]
        fn get(&self, task: *mut task_struct, flags: u64) -> Option<&'static mut T> {
            let map = ptr::from_ref(self).cast_mut().cast::<c_void>();
            // SAFETY: the verifier checks that the pointer is a task's. What it gives is
            // written by the thread's own hooks and the scheduler's, and neither
            // interrupts the other.
            unsafe {
                bpf_task_storage_get(map, task, ptr::null_mut(), flags)
                    .cast::<T>()
                    .as_mut()
            }
        }
    }

    /// Threads of watched processes. Added by `hooks::sched` for those to come and by
    /// `hooks::tasks` for those that are there; read by user space through the latter.
    #[btf_map]
    static TASKS: TaskStorage<Task> = TaskStorage::new();

    #[inline(always)]
    pub fn find(task: *mut task_struct) -> Option<&'static mut Task> {
        // Of most threads nothing is kept by anybody. To see that takes no call.
        let kept = setting!(task_storage);
        if kept != 0 && word(task.cast(), kept) == 0 {
            return None;
        }
        TASKS.get(task, 0)
    }

    #[inline(always)]
    pub fn find_or_add(task: *mut task_struct) -> Option<&'static mut Task> {
        TASKS.get(task, u64::from(BPF_LOCAL_STORAGE_GET_F_CREATE))
    }

    /// Whether the kernel keeps anything: since 6.18 it takes the memory from where
    /// processors without `cmpxchg16b` get none (`kmalloc_nolock`, mm/slub.c).
    #[inline(always)]
    pub fn works(task: *mut task_struct) -> bool {
        let added = find_or_add(task).is_some();
        let map = ptr::from_ref(&TASKS).cast_mut().cast::<c_void>();
        // SAFETY: as above.
        unsafe { bpf_task_storage_delete(map, task) };
        added
    }

    /// It goes with the thread.
    #[inline(always)]
    pub fn remove_current() {}
}

#[cfg(feature = "old-kernels")]
mod old {
    use aya_ebpf::bindings::{BPF_NOEXIST, task_struct};
    use aya_ebpf::helpers::bpf_get_current_pid_tgid;
    use aya_ebpf::macros::map;
    use aya_ebpf::maps::{Array, HashMap};

    use crate::config::setting;
    use crate::kernel::member;
    use crate::maps::BY_NEED;
    use crate::tasks::Task;

    /// More threads than a host has on which other things still work.
    const THREAD_ENTRIES: u32 = 16_384;

    /// As the other, by thread.
    #[map]
    static TASKS: HashMap<u32, Task> = HashMap::with_max_entries(THREAD_ENTRIES, BY_NEED);

    /// All zero, what new entries are made from: too large for the stack.
    #[map]
    static TASK_ZERO: Array<Task> = Array::with_max_entries(1, 0);

    #[inline(always)]
    pub fn find(task: *mut task_struct) -> Option<&'static mut Task> {
        let found = TASKS.get_ptr_mut(thread(task)?)?;
        // SAFETY: a valid map value, written by the thread's own hooks and the
        // scheduler's, and neither interrupts the other.
        Some(unsafe { &mut *found })
    }

    #[inline(always)]
    pub fn find_or_add(task: *mut task_struct) -> Option<&'static mut Task> {
        // SAFETY: a valid map value, never written.
        let zero = unsafe { &*TASK_ZERO.get_ptr(0)? };
        // There already is as good.
        let _ = TASKS.insert(thread(task)?, zero, u64::from(BPF_NOEXIST));
        find(task)
    }

    #[inline(always)]
    pub fn works(_task: *mut task_struct) -> bool {
        true
    }

    #[inline(always)]
    pub fn remove_current() {
        // Not there if it was not watched.
        let _ = TASKS.remove(bpf_get_current_pid_tgid() as u32);
    }

    #[inline(always)]
    fn thread(task: *mut task_struct) -> Option<u32> {
        member(task as u64, setting!(task_pid))
    }
}
