/* Owns the three descriptors that there are: stdin, stdout and stderr, which to the guest are character
 * devices. */
#include "wasi/private.h"

enum { FILETYPE_CHARACTER_DEVICE = 2, IOVEC_SIZE = 8, FDSTAT_SIZE = 24, FILESTAT_SIZE = 64 };

/* witx: $rights */
enum {
    RIGHT_FD_READ = 1 << 1,
    RIGHT_FD_FDSTAT_SET_FLAGS = 1 << 3,
    RIGHT_FD_WRITE = 1 << 6,
    RIGHT_FD_FILESTAT_GET = 1 << 21,
    RIGHT_POLL_FD_READWRITE = 1 << 27
};

/* A read that finds nothing on a non-blocking stdin is slowed down by this much, doubling up to the longest.
 * The first one only gives the other guests a turn. */
#define POLL_SHORTEST_NS ((uint64_t)50 * 1000)
#define POLL_LONGEST_NS  ((uint64_t)4 * 1000 * 1000)

wasi_fd *wasi_get_fd(wasi_context *context, uint32_t fd) {
    if (fd > 2 || context->fds[fd].is_closed) return NULL;
    return &context->fds[fd];
}

/* ---- Lists of buffers (witx: $iovec, $ciovec) ---- */

typedef struct iovec_list {
    const uint8_t *entries;
    uint32_t count;
    uint64_t bytes; /* of all of them together */
} iovec_list;

/* EFAULT where the list or one of its buffers is out of memory, EINVAL where they are 4 GiB or more together,
 * which no count that is returned could tell. */
static wasi_errno read_iovecs(const wasi_call *call, uint32_t pointer, uint32_t count, iovec_list *out) {
    *out = (iovec_list){wasi_range(call, pointer, (uint64_t)count * IOVEC_SIZE), count, 0};
    if (count == 0) return WASI_SUCCESS;
    if (!out->entries) return WASI_EFAULT;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = out->entries + (size_t)i * IOVEC_SIZE;
        uint32_t size = wasi_get32(entry + 4);
        if (size > 0 && !wasi_range(call, wasi_get32(entry), size)) return WASI_EFAULT;
        out->bytes += size;
        if (out->bytes > UINT32_MAX) return WASI_EINVAL;
    }
    return WASI_SUCCESS;
}

/* ---- Reading ---- */

/* Copies from stdin into the buffers; returns how much. */
static uint32_t scatter(const wasi_call *call, const iovec_list *list) {
    wasi_context *context = call->context;
    base_bytes input = context->input(context->owner);
    size_t taken = 0;
    for (uint32_t i = 0; i < list->count && taken < input.size; i++) {
        const uint8_t *entry = list->entries + (size_t)i * IOVEC_SIZE;
        size_t size = wasi_get32(entry + 4);
        if (size == 0) continue;
        if (size > input.size - taken) size = input.size - taken;
        /* A buffer may lie over the list itself and change the entries that follow. */
        uint8_t *to = wasi_range(call, wasi_get32(entry), size);
        if (!to) break;
        memcpy(to, input.data + taken, size);
        taken += size;
    }
    if (taken > 0) context->input_taken(context->owner, taken);
    return (uint32_t)taken;
}

/* stdin is empty, and the guest does not want to wait. */
static engine_host_result try_again(wasi_call *call) {
    wasi_context *context = call->context;
    if (call->again && wasi_now(context, call->exec) >= context->wake_at) {
        return wasi_done(call, WASI_EAGAIN);
    }
    if (call->again) return wasi_pending(call, WASI_WAIT_INPUT | WASI_WAIT_TIME | WASI_WAIT_POLLING);
    if (context->polls++ == 0) {
        wasi_done(call, WASI_EAGAIN);
        return ENGINE_HOST_YIELD;
    }
    uint64_t pause = POLL_LONGEST_NS;
    if (context->polls < 8) pause = POLL_SHORTEST_NS << (context->polls - 2);
    if (pause > POLL_LONGEST_NS) pause = POLL_LONGEST_NS;
    context->wake_at = wasi_now(context, call->exec) + pause;
    return wasi_pending(call, WASI_WAIT_INPUT | WASI_WAIT_TIME | WASI_WAIT_POLLING);
}

/* (fd, iovecs *iovec, count u32, nread *u32) */
engine_host_result wasi_fd_read(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    wasi_context *context = call.context;
    uint32_t number = wasi_u32(&call, 0);
    const wasi_fd *fd = wasi_get_fd(context, number);
    if (!fd || number != 0) return wasi_done(&call, WASI_EBADF);
    if (wasi_is_held(&call, WASI_HOLD_STDIO)) return ENGINE_HOST_PENDING;
    iovec_list list;
    wasi_errno error = read_iovecs(&call, wasi_u32(&call, 1), wasi_u32(&call, 2), &list);
    if (error) return wasi_done(&call, error);
    if (!wasi_range(&call, wasi_u32(&call, 3), 4)) return wasi_done(&call, WASI_EFAULT);
    if (!call.again) engine_exec_charge(exec, list.count);

    if (list.bytes > 0 && !context->input_ended && context->input(context->owner).size == 0) {
        context->wants_input = true;
        if (context->input_error) return wasi_done(&call, context->input_error);
        if (context->async_guest || (fd->flags & WASI_FDFLAG_NONBLOCK)) return try_again(&call);
        return wasi_pending(&call, WASI_WAIT_INPUT);
    }
    context->polls = 0;
    uint32_t taken = scatter(&call, &list);
    wasi_charge_bytes(&call, taken);
    wasi_put32(wasi_range(&call, wasi_u32(&call, 3), 4), taken);
    return wasi_done(&call, WASI_SUCCESS);
}

/* ---- Writing ---- */

/* Moves bytes to the output until it is full or the list is at its end; progress is in the context, because
 * the guest's list can be longer than what the host takes at a time. False where there is no memory. */
static bool gather(wasi_call *call, const iovec_list *list) {
    wasi_context *context = call->context;
    while (context->done_iovecs < list->count && context->output.size < WASI_OUTPUT_CHUNK) {
        const uint8_t *entry = list->entries + (size_t)context->done_iovecs * IOVEC_SIZE;
        uint32_t size = wasi_get32(entry + 4) - context->done_in_iovec;
        size_t room = WASI_OUTPUT_CHUNK - context->output.size;
        uint32_t piece = size < room ? size : (uint32_t)room;
        if (piece > 0) {
            const uint8_t *from =
                wasi_range(call, (uint64_t)wasi_get32(entry) + context->done_in_iovec, piece);
            if (base_buffer_append(&context->output, from, piece) != BASE_OK) return false;
            wasi_charge_bytes(call, piece);
        }
        context->output_more -= piece;
        context->done_in_iovec += piece;
        if (piece < size) continue;
        context->done_iovecs++;
        context->done_in_iovec = 0;
    }
    return true;
}

/* (fd, iovecs *ciovec, count u32, nwritten *u32) */
engine_host_result wasi_fd_write(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    wasi_context *context = call.context;
    uint32_t fd = wasi_u32(&call, 0);
    if (!wasi_get_fd(context, fd) || fd == 0) return wasi_done(&call, WASI_EBADF);
    if (fd == 1 && wasi_is_held(&call, WASI_HOLD_STDIO)) return ENGINE_HOST_PENDING;
    iovec_list list;
    wasi_errno error = WASI_SUCCESS;
    if (call.again) {
        list = (iovec_list){wasi_range(&call, wasi_u32(&call, 1), (uint64_t)wasi_u32(&call, 2) * IOVEC_SIZE),
                            wasi_u32(&call, 2), context->done_bytes};
    } else {
        error = read_iovecs(&call, wasi_u32(&call, 1), wasi_u32(&call, 2), &list);
        if (error) return wasi_done(&call, error);
        engine_exec_charge(exec, list.count);
        context->done_iovecs = 0;
        context->done_in_iovec = 0;
        context->done_bytes = list.bytes;
        context->output_more = list.bytes;
    }
    uint8_t *written = wasi_range(&call, wasi_u32(&call, 3), 4);
    if (!written) return wasi_done(&call, WASI_EFAULT);
    if (context->output_error) return wasi_done(&call, context->output_error);

    /* One stream at a time is in the output, so that the host sees both in the order in which they were
     * written. */
    if (list.bytes > 0 && context->output.size > 0 && context->output_fd != fd) {
        return wasi_pending(&call, WASI_WAIT_OUTPUT);
    }
    context->output_fd = fd;
    if (!gather(&call, &list)) {
        return wasi_end_guest(&call, WASI_NO_MEMORY, 0, "the host has no memory for what the guest wrote");
    }
    if (context->done_iovecs < list.count) return wasi_pending(&call, WASI_WAIT_OUTPUT);
    wasi_put32(written, (uint32_t)list.bytes);
    return wasi_done(&call, WASI_SUCCESS);
}

/* ---- About descriptors ---- */

engine_host_result wasi_fd_close(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    wasi_fd *fd = wasi_get_fd(call.context, wasi_u32(&call, 0));
    if (!fd) return wasi_done(&call, WASI_EBADF);
    fd->is_closed = true;
    return wasi_done(&call, WASI_SUCCESS);
}

/* (fd, *fdstat): { filetype u8, flags u16 at 2, rights u64 at 8, inheriting rights u64 at 16 } */
engine_host_result wasi_fd_fdstat_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    uint32_t number = wasi_u32(&call, 0);
    const wasi_fd *fd = wasi_get_fd(call.context, number);
    if (!fd) return wasi_done(&call, WASI_EBADF);
    uint8_t *to = wasi_range(&call, wasi_u32(&call, 1), FDSTAT_SIZE);
    if (!to) return wasi_done(&call, WASI_EFAULT);
    memset(to, 0, FDSTAT_SIZE);
    to[0] = FILETYPE_CHARACTER_DEVICE;
    wasi_put16(to + 2, fd->flags);
    wasi_put64(to + 8, RIGHT_FD_FDSTAT_SET_FLAGS | RIGHT_FD_FILESTAT_GET | RIGHT_POLL_FD_READWRITE |
                           (number == 0 ? RIGHT_FD_READ : RIGHT_FD_WRITE));
    return wasi_done(&call, WASI_SUCCESS);
}

/* (fd, flags): NONBLOCK means something at stdin; APPEND nothing, and nothing is wrong with it. */
engine_host_result wasi_fd_fdstat_set_flags(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    wasi_fd *fd = wasi_get_fd(call.context, wasi_u32(&call, 0));
    if (!fd) return wasi_done(&call, WASI_EBADF);
    uint32_t flags = wasi_u32(&call, 1);
    if (flags & ~(uint32_t)(WASI_FDFLAG_APPEND | WASI_FDFLAG_NONBLOCK)) return wasi_done(&call, WASI_EINVAL);
    fd->flags = (uint16_t)flags;
    return wasi_done(&call, WASI_SUCCESS);
}

/* (fd, *filestat): { dev, ino u64, filetype u8 at 16, nlink u64 at 24, size, atim, mtim, ctim u64 } */
engine_host_result wasi_fd_filestat_get(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    if (!wasi_get_fd(call.context, wasi_u32(&call, 0))) return wasi_done(&call, WASI_EBADF);
    uint8_t *to = wasi_range(&call, wasi_u32(&call, 1), FILESTAT_SIZE);
    if (!to) return wasi_done(&call, WASI_EFAULT);
    memset(to, 0, FILESTAT_SIZE);
    to[16] = FILETYPE_CHARACTER_DEVICE;
    wasi_put64(to + 24, 1);
    return wasi_done(&call, WASI_SUCCESS);
}

/* fd_seek, fd_tell, fd_pread, fd_pwrite: none of the three has a position. */
engine_host_result wasi_fd_no_seek(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return wasi_done(&call, wasi_get_fd(call.context, wasi_u32(&call, 0)) ? WASI_ESPIPE : WASI_EBADF);
}

/* fd_prestat_get, fd_prestat_dir_name: EBADF is how libc learns that there are no (more) preopened
 * directories. */
engine_host_result wasi_fd_no_prestat(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return wasi_done(&call, WASI_EBADF);
}

/* Whatever else is asked of a descriptor. */
engine_host_result wasi_fd_not_capable(void *user, engine_exec *exec, uint64_t *cells) {
    wasi_call call = wasi_enter(user, exec, cells);
    return wasi_done(&call, wasi_get_fd(call.context, wasi_u32(&call, 0)) ? WASI_ENOTCAPABLE : WASI_EBADF);
}
