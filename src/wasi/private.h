/* What the files of this room share: a host call in progress, the guest's memory, errno. */
#ifndef WPLUG_WASI_PRIVATE_H
#define WPLUG_WASI_PRIVATE_H

#include "wasi/wasi.h"

/* errno values that this room answers (witx: $errno). */
typedef enum wasi_errno {
    WASI_SUCCESS = 0,
    WASI_EAGAIN = 6,
    WASI_EBADF = 8,
    WASI_EFAULT = 21,
    WASI_EINVAL = 28,
    WASI_EIO = 29,
    WASI_ESPIPE = 70,
    WASI_ENOTCAPABLE = 76
} wasi_errno;

enum { WASI_FDFLAG_APPEND = 1, WASI_FDFLAG_NONBLOCK = 4 };

/* How much the guest may write before the host gets a turn to take it away. */
#define WASI_OUTPUT_CHUNK ((size_t)64 << 10)
/* Bytes that the host moves for one unit of fuel. */
#define WASI_BYTES_PER_FUEL 16u

/* One call of a host function. */
typedef struct wasi_call {
    wasi_context *context;
    engine_exec *exec;
    engine_memory *memory; /* of the caller; NULL where it has none */
    uint64_t *cells;
    bool again; /* it waited and is called again */
} wasi_call;

wasi_call wasi_enter(void *user, engine_exec *exec, uint64_t *cells);

static inline uint32_t wasi_u32(const wasi_call *call, unsigned argument) {
    return engine_i32(call->cells[argument]);
}

static inline engine_host_result wasi_done(wasi_call *call, wasi_errno error) {
    call->cells[0] = engine_cell_i32(error);
    return ENGINE_HOST_DONE;
}

/* The guest waits for the set `wait` of wasi_wait. */
engine_host_result wasi_pending(wasi_call *call, unsigned wait);

/* Whether the context holds what the guest is about to do; `why` is a set of wasi_hold. Then the call ends with
 * ENGINE_HOST_PENDING and must not have done anything yet. */
bool wasi_is_held(wasi_call *call, unsigned why);

/* The guest ends; the trap says so in words. */
engine_host_result wasi_end_guest(wasi_call *call, wasi_end end, uint32_t exit_code, const char *why);

/* `size` bytes of the guest's memory at `pointer`; NULL where any of them is outside. */
uint8_t *wasi_range(const wasi_call *call, uint64_t pointer, uint64_t size);

/* Little-endian numbers in the guest's memory. */
static inline uint16_t wasi_get16(const uint8_t *from) {
    return (uint16_t)(from[0] | from[1] << 8);
}
static inline uint32_t wasi_get32(const uint8_t *from) {
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}
static inline uint64_t wasi_get64(const uint8_t *from) {
    return wasi_get32(from) | (uint64_t)wasi_get32(from + 4) << 32;
}
static inline void wasi_put16(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}
static inline void wasi_put32(uint8_t *to, uint32_t value) {
    wasi_put16(to, (uint16_t)value);
    wasi_put16(to + 2, (uint16_t)(value >> 16));
}
static inline void wasi_put64(uint8_t *to, uint64_t value) {
    wasi_put32(to, (uint32_t)value);
    wasi_put32(to + 4, (uint32_t)(value >> 32));
}

static inline void wasi_charge_bytes(wasi_call *call, uint64_t bytes) {
    engine_exec_charge(call->exec, bytes / WASI_BYTES_PER_FUEL);
}

/* NULL where the descriptor is none of 0, 1, 2, or is closed. */
wasi_fd *wasi_get_fd(wasi_context *context, uint32_t fd);

/* Host functions that live in other files than the table. */
engine_host_result wasi_fd_read(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_write(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_close(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_fdstat_get(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_fdstat_set_flags(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_filestat_get(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_no_seek(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_no_prestat(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_fd_not_capable(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_clock_res_get(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_clock_time_get(void *user, engine_exec *exec, uint64_t *cells);
engine_host_result wasi_poll_oneoff(void *user, engine_exec *exec, uint64_t *cells);

#endif
