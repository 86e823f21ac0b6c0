/* What the parts of the window prototype share; README.md explains the design. */
#ifndef WPLUG_WINDOW_H
#define WPLUG_WINDOW_H

#include "engine/store.h"

/* A step, as generate.py lists them: its name, what it takes and leaves ("ii", "f"), its immediates by width. */
typedef struct window_step {
    const char *name, *takes, *leaves, *immediates;
} window_step;

typedef struct window_func {
    const uint8_t *entry; /* &stub until translated */
    uint64_t stub;        /* the handler that translates */
    uint32_t canonical;   /* as engine_func.canonical */
    const engine_func *func;
} window_func;

/* A machine that is stopped, and what handlers reach less often than their registers. */
typedef struct window_exec {
    uint64_t memory_size;
    uint64_t *stack_end;
    uint64_t *globals;
    window_func *funcs;
    uint64_t token_base; /* engine_token of the instance's function 0, less 1 */
    engine_instance *instance;
    uint8_t *memory;
    const uint8_t *pc;
    uint64_t *fp;
    int64_t fuel, depth;
    uint64_t integers[8]; /* the window and the locals in registers */
    double floats[8];
    uint64_t result; /* what the first function gave back */
    engine_trap_code trap;
    enum { WINDOW_FINISHED, WINDOW_OUT_OF_FUEL, WINDOW_TRAPPED } outcome;
} window_exec;

/* handlers.c: the table that the translator works with, and running. */
typedef struct window_sequence {
    uint16_t count, takes, leaves, size;
    uint16_t steps[16];
    void *handlers[8]; /* by the register of the deepest operand */
} window_sequence;
extern const window_sequence *const window_sequences;
extern const size_t window_sequence_count;
/* The words that stand for handlers which no step leads to. */
enum window_special { WINDOW_TRANSLATE, WINDOW_FINISH };
uint64_t window_handler_word(enum window_special which);
void window_run(window_exec *ex);

/* translate.c. While profiling, nothing is fused, and what ran is kept for window_write_profile. */
extern bool window_profiling;
const uint8_t *window_translate(window_exec *ex, window_func *func);
void window_write_profile(const char *path);

#endif
