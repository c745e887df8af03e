//! An allocator for an instance that lives for one call.
//!
//! It hands out memory upwards and never takes any back but the last block: the host drops the
//! whole instance after the call. Small calls stay inside a static arena, so memory never grows,
//! which is half of what a fresh instance would otherwise cost.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;

/// Enough for the projection of an ordinary workload and everything a pack of rules makes of it. Pages that are not
/// used cost nothing.
const ARENA_BYTES: usize = 256 * 1024;
const PAGE_BYTES: usize = 64 * 1024;

#[repr(align(16))]
struct Arena(UnsafeCell<[u8; ARENA_BYTES]>);

// SAFETY: a rule's component has one thread.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_BYTES]));

struct Bump {
    /// The next free byte and the end of the current region; both 0 before the first call.
    region: UnsafeCell<(usize, usize)>,
}

// SAFETY: a rule's component has one thread.
unsafe impl Sync for Bump {}

#[global_allocator]
static ALLOCATOR: Bump = Bump { region: UnsafeCell::new((0, 0)) };

impl Bump {
    fn take(&self, size: usize, align: usize) -> *mut u8 {
        // SAFETY: single-threaded, and no reference into the region escapes.
        let (next, end) = unsafe { &mut *self.region.get() };
        if *end == 0 {
            *next = ARENA.0.get() as usize;
            *end = *next + ARENA_BYTES;
        }
        let Some(start) = next.checked_add(align - 1).map(|at| at & !(align - 1)) else {
            return std::ptr::null_mut();
        };
        match start.checked_add(size) {
            Some(after) if after <= *end => {
                *next = after;
                start as *mut u8
            }
            Some(_) => {
                let pages = size.saturating_add(align).div_ceil(PAGE_BYTES);
                let old_pages = core::arch::wasm32::memory_grow::<0>(pages);
                if old_pages == usize::MAX {
                    return std::ptr::null_mut();
                }
                let grown = old_pages * PAGE_BYTES;
                // Regions that touch are one: what was left of the old one is not lost.
                if *end != grown {
                    *next = grown;
                }
                *end = grown + pages * PAGE_BYTES;
                self.take(size, align)
            }
            None => std::ptr::null_mut(),
        }
    }
}

// SAFETY: blocks never overlap, since `next` only moves upwards but for the growth and release of
// the last block in place.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout.size(), layout.align())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let block = self.take(layout.size(), layout.align());
        if !block.is_null() {
            // A block given back by `dealloc` may be dirty.
            // SAFETY: the block is this long and ours.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: single-threaded.
        let (next, _) = unsafe { &mut *self.region.get() };
        if block as usize + layout.size() == *next {
            *next = block as usize;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: single-threaded.
        let (next, end) = unsafe { &mut *self.region.get() };
        let start = block as usize;
        if start + layout.size() == *next && new_size <= *end - start {
            *next = start + new_size;
            return block;
        }
        if new_size <= layout.size() {
            return block;
        }
        let moved = self.take(new_size, layout.align());
        if !moved.is_null() {
            // SAFETY: both blocks are at least `layout.size()` long and do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(block, moved, layout.size()) };
        }
        moved
    }
}
