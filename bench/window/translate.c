/* From a validated body to handlers of the window design, in two passes over each straight run of code:
 *
 *   steps      The body becomes steps of a stack machine, one for each instruction (local.get is one). A model of the
 *              operand stack says which entries lie in memory: those below `in_memory`, in their home slots. At the start
 *              of a block and before a call all do.
 *   sequences  The run is cut into sequences that have a handler, as few as there can be. Then the registers are known:
 *              the entry that is the n-th above `in_memory` is in register n modulo WINDOW; where a push would reuse the
 *              register of an entry still wanted, that entry goes to memory, and comes back when it is needed.
 *
 * At a label at most one value is in the window, the block's result, in register 0. */
#include "window.h"

#include "engine/opcodes.h"
#include "engine/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "window_handlers.h"

enum { LONGEST = 16, MAX_STACK = 4096, MAX_CONTROLS = 1024, MAX_RUN = 1 << 16 };
#define TO_ELSE 0x80000000u /* in step.control: to the `else` of that control, or its end where it has none */

bool window_profiling;

static _Noreturn void unsupported(const char *what) {
    fprintf(stderr, "unsupported: %s\n", what);
    exit(3);
}

static void *allocate(void *old, size_t bytes) {
    void *block = realloc(old, bytes);
    if (!block) unsupported("no memory");
    return block;
}

typedef struct step {
    uint16_t id;
    uint64_t immediates[5];
    /* Branches: where to, if that is known (loops), or the control whose end it is; how many instructions stand
     * before the branch. */
    bool backwards;
    uint32_t target, target_position, control, position;
    uint32_t *labels; /* br_table: the same for each label, as controls; the default last */
} step;

typedef struct fixup {
    uint32_t instruction, distance_at, fuel_at, position, next;
} fixup;

typedef struct control {
    uint8_t opcode;
    char result; /* 'i', 'f' or 0 */
    uint32_t height, start, start_position, fixups, else_fixups;
    bool targeted, has_else, dead; /* dead: began in code that nothing reaches */
} control;

typedef struct translator {
    window_exec *ex;
    const engine_func *func;
    engine_module *module;
    engine_reader reader;
    char *local_types;
    int8_t *local_registers; /* -1: none */
    uint32_t local_count, home0, spills, spills_needed, highest;

    char types[MAX_STACK];
    uint32_t height, in_memory;
    control controls[MAX_CONTROLS];
    uint32_t control_count;
    bool unreachable;
    uint32_t position;

    step run[MAX_RUN];
    uint32_t run_count, run_window; /* entries in the window when it begins */
    char run_type;

    uint8_t *code;
    uint32_t size, capacity;
    fixup *fixups;
    uint32_t fixup_count, returns;
} translator;

/* ---- Sequences, as a tree by their steps ------------------------------------------------------------------------ */

static struct {
    uint16_t step;
    int32_t sequence;
    uint32_t child, sibling;
} *tree;
static uint32_t tree_count;

static uint32_t tree_find(uint32_t node, uint16_t id) {
    for (uint32_t child = tree[node].child; child; child = tree[child].sibling)
        if (tree[child].step == id) return child;
    return 0;
}

static void tree_build(void) {
    tree = allocate(NULL, (window_sequence_count * LONGEST + 1) * sizeof *tree);
    memset(tree, 0, sizeof *tree);
    tree[0].sequence = -1;
    tree_count = 1;
    for (size_t s = 0; s < window_sequence_count; s++) {
        const window_sequence *sequence = &window_sequences[s];
        uint32_t node = 0;
        for (unsigned i = 0; i < sequence->count; i++) {
            uint32_t child = tree_find(node, sequence->steps[i]);
            if (!child) {
                child = tree_count++;
                tree[child].step = sequence->steps[i];
                tree[child].sequence = -1;
                tree[child].child = 0;
                tree[child].sibling = tree[node].child;
                tree[node].child = child;
            }
            node = child;
        }
        tree[node].sequence = (int32_t)s;
    }
}

/* ---- Profiles ------------------------------------------------------------------------------------------------------ */

typedef struct profile_line {
    uint32_t count;
    uint16_t *steps;
    uint64_t **counters; /* of each step */
} profile_line;
static profile_line *profile;
static size_t profile_count;

void window_write_profile(const char *path) {
    FILE *file = fopen(path, "w");
    if (!file) unsupported("cannot write the profile");
    for (size_t i = 0; i < profile_count; i++) {
        const profile_line *line = &profile[i];
        if (!*line->counters[0]) continue;
        for (uint32_t s = 0; s < line->count; s++) {
            if (s == 0 || line->counters[s] != line->counters[s - 1])
                fprintf(file, "%" PRIu64 " ", *line->counters[s]);
            fprintf(file, "%s ", step_table[line->steps[s]].name);
        }
        fprintf(file, "\n");
    }
    fclose(file);
}

/* Puts a COUNT at the run's start and behind each conditional branch, and keeps the run. */
static uint32_t add_counters(const step *from, uint32_t count, step *to) {
    profile = allocate(profile, (profile_count + 1) * sizeof *profile);
    profile_line *line = &profile[profile_count++];
    *line = (profile_line){count, allocate(NULL, count * sizeof *line->steps),
                           allocate(NULL, count * sizeof(void *))};
    uint64_t *counter = NULL;
    uint32_t out = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint16_t before = i ? from[i - 1].id : 0;
        if (i == 0 || before == STEP_BRNZ || before == STEP_BRZ || before == STEP_BRNZ1 ||
            before == STEP_BRNZ1F) {
            counter = allocate(NULL, sizeof *counter);
            *counter = 0;
            to[out++] = (step){.id = STEP_COUNTER, .immediates = {(uint64_t)(uintptr_t)counter}};
        }
        line->steps[i] = from[i].id;
        line->counters[i] = counter;
        to[out++] = from[i];
    }
    return out;
}

/* ---- Writing code ---------------------------------------------------------------------------------------------------- */

static uint32_t reserve(translator *t, uint32_t bytes) {
    if (t->size + bytes > t->capacity) t->code = allocate(t->code, t->capacity = (t->size + bytes) * 2);
    memset(t->code + t->size, 0, bytes);
    t->size += bytes;
    return t->size - bytes;
}

static void put(translator *t, uint32_t at, uint64_t value, unsigned bytes) {
    memcpy(t->code + at, &value, bytes);
}

static void bind(translator *t, uint32_t chain, uint32_t target, uint32_t position) {
    for (; chain; chain = t->fixups[chain - 1].next) {
        const fixup *f = &t->fixups[chain - 1];
        if (f->distance_at) put(t, f->distance_at, target - f->instruction, 4);
        put(t, f->fuel_at, f->distance_at ? f->position - position : position - f->position, 4);
    }
}

static void add_fixup(translator *t, uint32_t *chain, fixup f) {
    if (t->fixup_count % 256 == 0)
        t->fixups = allocate(t->fixups, (t->fixup_count + 256) * sizeof *t->fixups);
    f.next = *chain;
    t->fixups[t->fixup_count++] = f;
    *chain = t->fixup_count;
}

static void put_label(translator *t, const step *s, uint32_t control_index, fixup f) {
    f.position = s->position;
    control *c = &t->controls[control_index & ~TO_ELSE];
    if (s->backwards || (!(control_index & TO_ELSE) && c->opcode == ENGINE_OP_LOOP)) {
        put(t, f.distance_at, (s->backwards ? s->target : c->start) - f.instruction, 4);
        put(t, f.fuel_at, f.position - (s->backwards ? s->target_position : c->start_position), 4);
    } else {
        add_fixup(t, control_index & TO_ELSE ? &c->else_fixups : &c->fixups, f);
    }
}

/* One instruction: `state` is the register of the deepest operand. */
static void emit_sequence(translator *t, const window_sequence *sequence, const step *steps, unsigned state) {
    const uint32_t at = reserve(t, sequence->size);
    put(t, at, (uint64_t)(uintptr_t)sequence->handlers[state], 8);
    uint32_t offset = at + 8;
    for (unsigned i = 0; i < sequence->count; i++) {
        const step *s = &steps[i];
        uint32_t offsets[5] = {0};
        for (unsigned k = 0; step_table[s->id].immediates[k]; k++) {
            const char width = step_table[s->id].immediates[k];
            const unsigned bytes = width == 'h' ? 2 : width == 'w' ? 4 : 8;
            offset = (offset + bytes - 1) / bytes * bytes;
            put(t, offset, s->immediates[k], bytes);
            offsets[k] = offset;
            offset += bytes;
        }
        switch (s->id) {
        case STEP_BR:
        case STEP_BRNZ:
        case STEP_BRZ:
        case STEP_BRNZ1:
        case STEP_BRNZ1F: put_label(t, s, s->control, (fixup){at, offsets[0], offsets[1], 0, 0}); break;
        case STEP_RET:
        case STEP_RETI:
        case STEP_RETF: add_fixup(t, &t->returns, (fixup){at, 0, offsets[1], s->position, 0}); break;
        case STEP_TABLE:
        case STEP_TABLE1:
        case STEP_TABLE1F:
            for (uint64_t n = 0; n <= s->immediates[0]; n++) {
                const uint32_t entry = reserve(t, 8);
                put_label(t, s, s->labels[n], (fixup){at, entry, entry + 4, 0, 0});
            }
            free(s->labels);
            break;
        case STEP_CALL:
        case STEP_CALLI: put(t, reserve(t, 8), s->immediates[4], 2); break;
        default: break;
        }
    }
}

static const window_sequence *single(uint16_t id) {
    return &window_sequences[tree[tree_find(0, id)].sequence];
}

static void move_window(translator *t, uint32_t index, char type, bool spill) {
    const uint16_t id = spill ? (type == 'f' ? STEP_LSF : STEP_LS) : (type == 'f' ? STEP_LGF : STEP_LG);
    if (index + 1 > t->spills_needed) t->spills_needed = index + 1;
    const step s = {.id = id, .immediates = {t->local_count + 1 + index}};
    emit_sequence(t, single(id), &s, index % WINDOW);
}

/* Cuts the run into as few sequences as can be, gives them registers, and writes them. */
static void flush(translator *t) {
    static uint32_t best[MAX_RUN * 2 + 1];
    static const window_sequence *choice[MAX_RUN * 2];
    static step counted[MAX_RUN * 2];
    static char types[MAX_STACK];
    uint32_t count = t->run_count;
    const step *run = t->run;
    if (window_profiling && count) {
        count = add_counters(run, count, counted);
        run = counted;
    }
    best[count] = 0;
    for (uint32_t i = count; i-- > 0;) {
        best[i] = UINT32_MAX;
        for (uint32_t n = i, node = 0; n < count && (node = tree_find(node, run[n].id)) != 0;) {
            n++;
            if (tree[node].sequence < 0 || best[n] + 1 > best[i]) continue;
            best[i] = best[n] + 1;
            choice[i] = &window_sequences[tree[node].sequence];
        }
    }
    uint32_t window = t->run_window, base = 0; /* entries [base, window) are in registers */
    types[0] = t->run_type;
    for (uint32_t i = 0; i < count; i += choice[i]->count) {
        const window_sequence *sequence = choice[i];
        const uint32_t below = window - sequence->takes, after = below + sequence->leaves;
        while (base > below) {
            base--;
            move_window(t, base, types[base], false);
        }
        for (; after > base + WINDOW; base++) move_window(t, base, types[base], true);
        for (uint32_t s = 0; s < sequence->count; s++) {
            const window_step *info = &step_table[run[i + s].id];
            window -= (uint32_t)strlen(info->takes);
            for (const char *left = info->leaves; *left; left++) types[window++] = *left;
        }
        emit_sequence(t, sequence, &run[i], below % WINDOW);
    }
    t->run_count = 0;
    t->run_window = t->height - t->in_memory;
    t->run_type = t->run_window ? t->types[t->in_memory] : 0;
}

/* ---- Steps -------------------------------------------------------------------------------------------------------------- */

static step *add(translator *t, uint16_t id, uint64_t immediate) {
    if (t->run_count == MAX_RUN) unsupported("a run this long");
    step *s = &t->run[t->run_count++];
    *s = (step){.id = id, .immediates = {immediate}, .position = t->position};
    return s;
}

static uint32_t home(translator *t, uint32_t place) {
    if (place + 1 > t->highest) t->highest = place + 1;
    return t->home0 + place;
}

static void push(translator *t, char type) {
    if (t->height == MAX_STACK) unsupported("a stack this deep");
    t->types[t->height++] = type;
    if (t->height > t->highest) t->highest = t->height;
}

static void store_all(translator *t) {
    for (uint32_t i = t->height; i-- > t->in_memory;)
        add(t, t->types[i] == 'f' ? STEP_LSF : STEP_LS, home(t, i));
    t->in_memory = t->height;
}

static void load_one(translator *t, uint32_t i) {
    add(t, t->types[i] == 'f' ? STEP_LGF : STEP_LG, home(t, i));
}

static uint16_t of_two(uint16_t first, char below, char top) {
    const int pair = (below == 'f' ? 2 : 0) + (top == 'f' ? 1 : 0);
    return (uint16_t)(first + 3 * pair);
}

/* The top `count` entries to the window; where `only`, no other ones. */
static void want(translator *t, uint32_t count, bool only) {
    const uint32_t there = t->height - t->in_memory;
    if (there == count || (there > count && !only)) return;
    if (there == 1 && count == 2) {
        t->in_memory--;
        add(t, of_two(STEP_UNDER_GET_ii, t->types[t->in_memory], t->types[t->height - 1]),
            home(t, t->in_memory));
        return;
    }
    if (there == 2 && count == 1) {
        t->in_memory++;
        add(t, of_two(STEP_UNDER_SET_ii, t->types[t->height - 2], t->types[t->height - 1]),
            home(t, t->height - 2));
        return;
    }
    if (count == 1 && there > 1) { /* store those below the top */
        for (uint32_t i = t->height - 1; i-- > t->in_memory;)
            add(t, of_two(STEP_UNDER_SET_ii, t->types[i], t->types[t->height - 1]), home(t, i));
        t->in_memory = t->height - 1;
        return;
    }
    store_all(t);
    for (uint32_t i = t->height - count; i < t->height; i++) load_one(t, i);
    t->in_memory = t->height - count;
}

static step *operate(translator *t, uint16_t id, uint64_t immediate) {
    const window_step *info = &step_table[id];
    const uint32_t takes = (uint32_t)strlen(info->takes);
    want(t, takes, false);
    t->height -= takes;
    step *s = add(t, id, immediate);
    for (const char *left = info->leaves; *left; left++) push(t, *left);
    if (t->in_memory > t->height) t->in_memory = t->height;
    return s;
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------ */

static uint32_t read_u32(translator *t) {
    uint32_t value = 0;
    engine_read_u32(&t->reader, &value);
    return value;
}
static uint64_t read_signed(translator *t, bool wide) {
    int32_t narrow = 0;
    int64_t value = 0;
    if (wide)
        engine_read_s64(&t->reader, &value);
    else
        engine_read_s32(&t->reader, &narrow), value = narrow;
    return (uint64_t)value;
}
static uint64_t read_bytes(translator *t, unsigned count) {
    uint64_t value = 0;
    memcpy(&value, t->reader.at, count);
    t->reader.at += count;
    return value;
}
static uint32_t read_opcode(translator *t) {
    const uint8_t byte = *t->reader.at++;
    if (byte == 0xFD) unsupported("vectors");
    return byte == 0xFC ? 0x100 + read_u32(t) : byte;
}
static char class_of(engine_valtype type) {
    if (type == ENGINE_V128) unsupported("vectors");
    return type == ENGINE_F32 || type == ENGINE_F64 ? 'f' : 'i';
}
static char read_block_type(translator *t) {
    if (*t->reader.at == 0x40) return (char)(t->reader.at++, 0);
    if (*t->reader.at < 0x40) unsupported("blocks with parameters");
    return class_of(*t->reader.at++);
}

/* Reads past what follows an opcode; of blocks, branches to one label and calls that is one number. */
static void skip_immediate(translator *t, uint32_t op) {
    switch (engine_op_get(op)->immediate) {
    case ENGINE_IMM_NONE: break;
    case ENGINE_IMM_BLOCK: read_block_type(t); break;
    case ENGINE_IMM_I32: read_signed(t, false); break;
    case ENGINE_IMM_I64: read_signed(t, true); break;
    case ENGINE_IMM_F32: read_bytes(t, 4); break;
    case ENGINE_IMM_F64: read_bytes(t, 8); break;
    case ENGINE_IMM_MEMARG:
    case ENGINE_IMM_CALL_INDIRECT:
    case ENGINE_IMM_MEMORY_MEMORY: read_u32(t), read_u32(t); break;
    case ENGINE_IMM_SELECT: read_bytes(t, 2); break;
    case ENGINE_IMM_LABEL_TABLE:
        for (uint32_t n = read_u32(t) + 1; n; n--) read_u32(t);
        break;
    default: read_u32(t); break;
    }
}

/* ---- Locals in registers -------------------------------------------------------------------------------------------------- */

/* Which locals are used most: eight times as much in each loop. A register has to be saved around each call. */
static void choose_registers(translator *t) {
    const engine_reader start = t->reader;
    double *uses = allocate(NULL, (t->local_count + 1) * sizeof *uses), calls = 0, weight = 1;
    for (uint32_t i = 0; i < t->local_count; i++) uses[i] = 0, t->local_registers[i] = -1;
    char kinds[MAX_CONTROLS];
    uint32_t depth = 0;
    for (bool done = INTEGER_LOCALS + FLOAT_LOCALS == 0; !done;) {
        const uint32_t op = read_opcode(t);
        switch (op) {
        case ENGINE_OP_LOCAL_GET:
        case ENGINE_OP_LOCAL_SET:
        case ENGINE_OP_LOCAL_TEE: uses[read_u32(t)] += weight; continue;
        case ENGINE_OP_BLOCK:
        case ENGINE_OP_IF:
        case ENGINE_OP_LOOP:
            if (depth == MAX_CONTROLS) unsupported("blocks this deep");
            kinds[depth++] = (char)(op == ENGINE_OP_LOOP);
            if (op == ENGINE_OP_LOOP) weight *= 8;
            break;
        case ENGINE_OP_END:
            if (depth == 0)
                done = true;
            else if (kinds[--depth])
                weight /= 8;
            break;
        case ENGINE_OP_CALL:
        case ENGINE_OP_CALL_INDIRECT: calls += weight; break;
        default: break;
        }
        skip_immediate(t, op);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int n = 0; n < (pass ? FLOAT_LOCALS : INTEGER_LOCALS); n++) {
            uint32_t chosen = t->local_count;
            for (uint32_t i = 0; i < t->local_count; i++) {
                if (t->local_types[i] != (pass ? 'f' : 'i') || t->local_registers[i] >= 0) continue;
                if (uses[i] > 3 + 2 * calls && (chosen == t->local_count || uses[i] > uses[chosen]))
                    chosen = i;
            }
            if (chosen < t->local_count) t->local_registers[chosen] = (int8_t)n;
        }
    }
    free(uses);
    t->reader = start;
}

/* Steps of one register are listed together, one register after the other, integers first. */
enum { REGISTER_STEPS = 6 };
static uint16_t register_step(const translator *t, uint32_t local, int which) {
    (void)t, (void)local, (void)which;
#if WINDOW_REGISTER_LOCALS
    const int n = t->local_registers[local] + (t->local_types[local] == 'f' ? INTEGER_LOCALS : 0);
    return (uint16_t)(STEP_FIRST_OF_REGISTERS + n * REGISTER_STEPS + which);
#else
    return 0;
#endif
}
enum { REGISTER_GET, REGISTER_SET, REGISTER_TEE, REGISTER_SAVE, REGISTER_RESTORE, REGISTER_ZERO };

static void move_locals(translator *t, int which) {
    for (uint32_t i = 0; i < t->local_count; i++)
        if (t->local_registers[i] >= 0) add(t, register_step(t, i, which), i);
}

/* ---- Instructions --------------------------------------------------------------------------------------------------------- */

static control *label(translator *t, uint32_t depth, uint32_t *index) {
    *index = t->control_count - 1 - depth;
    control *c = &t->controls[*index];
    c->targeted = true;
    return c;
}

static char label_type(const control *c) {
    return c->opcode == ENGINE_OP_LOOP ? 0 : c->result;
}

static void set_target(step *s, const control *c, uint32_t index) {
    s->control = index;
    s->backwards = c->opcode == ENGINE_OP_LOOP;
    s->target = c->start;
    s->target_position = c->start_position;
}

static void leave(translator *t, char result) {
    if (result) want(t, 1, true);
    add(t, result == 'f' ? STEP_RETF : result ? STEP_RETI : STEP_RET, t->local_count);
}

static void branch(translator *t, uint32_t depth) {
    uint32_t index;
    control *c = &t->controls[t->control_count - 1 - depth];
    if (depth + 1 == t->control_count) {
        leave(t, c->result);
    } else {
        c = label(t, depth, &index);
        if (label_type(c)) {
            want(t, 1, false);
            for (uint32_t i = t->height - 1; i > t->in_memory; i--) { /* the value to register 0 */
                add(t, of_two(STEP_NIP_ii, t->types[i - 1], t->types[t->height - 1]), 0);
            }
        }
        set_target(add(t, STEP_BR, 0), c, index);
    }
    t->unreachable = true;
}

static void start_block(translator *t, uint8_t opcode, char result) {
    if (t->control_count == MAX_CONTROLS) unsupported("blocks this deep");
    t->controls[t->control_count++] = (control){.opcode = opcode,
                                                .result = result,
                                                .height = t->height,
                                                .start = t->size,
                                                .start_position = t->position,
                                                .dead = t->unreachable};
}

/* The value of a block that ends, if there is one, to register 0. */
static void settle(translator *t, const control *c) {
    if (!t->unreachable && c->result) want(t, 1, true);
}

static void after_label(translator *t, const control *c, bool with_result) {
    t->height = t->in_memory = c->height;
    if (with_result && c->result) push(t, c->result);
    t->unreachable = false;
    t->run_window = t->height - t->in_memory;
    t->run_type = c->result;
}

static void end_block(translator *t) {
    control *c = &t->controls[t->control_count - 1];
    if (c->dead) {
        t->control_count--;
        return;
    }
    settle(t, c);
    const bool is_label = c->opcode != ENGINE_OP_LOOP && (c->targeted || c->opcode == ENGINE_OP_IF);
    if (is_label) {
        flush(t);
        bind(t, c->fixups, t->size, t->position);
        if (!c->has_else) bind(t, c->else_fixups, t->size, t->position);
        after_label(t, c, true);
    } else if (t->unreachable) {
        flush(t);
    }
    t->control_count--;
}

static void call(translator *t, const engine_functype *type, step *s, uint32_t arguments_at) {
    s->immediates[4] = t->home0 + arguments_at;
    t->height = t->in_memory = arguments_at;
    home(t, arguments_at);
    flush(t);
    if (type->result_count > 1) unsupported("several results");
    if (type->result_count) push(t, class_of(type->results[0]));
    t->run_window = t->height - t->in_memory;
    t->run_type = t->run_window ? t->types[t->in_memory] : 0;
    move_locals(t, REGISTER_RESTORE);
}

static uint16_t simple_steps[0x110];

static void instruction(translator *t, uint32_t op) {
    uint32_t a, b, index;
    control *c;
    step *s;
    switch (op) {
    case ENGINE_OP_NOP: break;
    case ENGINE_OP_UNREACHABLE: add(t, STEP_UNREACHABLE, 0), t->unreachable = true; break;
    case ENGINE_OP_BLOCK: {
        const char result = read_block_type(t);
        store_all(t);
        start_block(t, ENGINE_OP_BLOCK, result);
        break;
    }
    case ENGINE_OP_LOOP: {
        const char result = read_block_type(t);
        store_all(t);
        flush(t);
        start_block(t, ENGINE_OP_LOOP, result);
        break;
    }
    case ENGINE_OP_IF: {
        const char result = read_block_type(t);
        want(t, 1, true);
        s = operate(t, STEP_BRZ, 0);
        s->position++; /* the branch itself is paid for */
        s->control = t->control_count | TO_ELSE;
        start_block(t, ENGINE_OP_IF, result);
        break;
    }
    case ENGINE_OP_ELSE:
        c = &t->controls[t->control_count - 1];
        if (c->dead) break;
        settle(t, c);
        if (!t->unreachable) set_target(add(t, STEP_BR, 0), c, t->control_count - 1);
        c->targeted = c->has_else = true;
        flush(t);
        bind(t, c->else_fixups, t->size, t->position);
        after_label(t, c, false);
        break;
    case ENGINE_OP_END: end_block(t); break;
    case ENGINE_OP_BR: a = read_u32(t), t->position++, branch(t, a), t->position--; break;
    case ENGINE_OP_BR_IF:
        c = label(t, read_u32(t), &index);
        if (label_type(c)) {
            want(t, 2, true);
            s = operate(t, label_type(c) == 'f' ? STEP_BRNZ1F : STEP_BRNZ1, 0);
        } else {
            s = operate(t, STEP_BRNZ, 0);
        }
        s->position++;
        set_target(s, c, index);
        break;
    case ENGINE_OP_BR_TABLE: {
        a = read_u32(t);
        uint32_t *labels = allocate(NULL, (a + 1) * sizeof *labels);
        char type = 0;
        for (uint32_t n = 0; n <= a; n++) type = label_type(label(t, read_u32(t), &labels[n]));
        if (type) want(t, 2, true);
        s = operate(t, type == 'f' ? STEP_TABLE1F : type ? STEP_TABLE1 : STEP_TABLE, a);
        s->position++;
        s->labels = labels;
        t->unreachable = true;
        break;
    }
    case ENGINE_OP_RETURN:
        t->position++, leave(t, t->controls[0].result), t->position--, t->unreachable = true;
        break;
    case ENGINE_OP_CALL: {
        a = read_u32(t);
        if (a < t->module->func_import_count) unsupported("imports");
        const engine_functype *type = &t->module->types[t->module->funcs[a].type_index];
        store_all(t);
        move_locals(t, REGISTER_SAVE);
        call(t, type, add(t, STEP_CALL, (uint64_t)(uintptr_t)&t->ex->funcs[a]),
             t->height - type->param_count);
        break;
    }
    case ENGINE_OP_CALL_INDIRECT: {
        a = read_u32(t), b = read_u32(t);
        const engine_functype *type = &t->module->types[a];
        want(t, 1, true);
        move_locals(t, REGISTER_SAVE);
        s = operate(t, STEP_CALLI, b);
        s->immediates[1] = t->module->canonical_types[a];
        call(t, type, s, t->height - type->param_count);
        break;
    }
    case ENGINE_OP_DROP:
        if (t->in_memory == t->height)
            t->in_memory--, t->height--;
        else
            operate(t, t->types[t->height - 1] == 'f' ? STEP_DROPF : STEP_DROP, 0);
        break;
    case ENGINE_OP_SELECT_T: read_bytes(t, 2); /* fall through */
    case ENGINE_OP_SELECT: operate(t, t->types[t->height - 2] == 'f' ? STEP_SELECTF : STEP_SELECT, 0); break;
    case ENGINE_OP_LOCAL_GET:
    case ENGINE_OP_LOCAL_SET:
    case ENGINE_OP_LOCAL_TEE: {
        static const uint16_t steps[2][3] = {{STEP_LG, STEP_LS, STEP_LT}, {STEP_LGF, STEP_LSF, STEP_LTF}};
        a = read_u32(t);
        const int which = (int)(op - ENGINE_OP_LOCAL_GET);
        operate(t,
                t->local_registers[a] >= 0 ? register_step(t, a, which)
                                           : steps[t->local_types[a] == 'f'][which],
                a);
        break;
    }
    case ENGINE_OP_GLOBAL_GET:
    case ENGINE_OP_GLOBAL_SET: {
        static const uint16_t steps[2][2] = {{STEP_GG, STEP_GS}, {STEP_GGF, STEP_GSF}};
        const engine_global_def *global = &t->module->globals[read_u32(t)];
        if (global->import != UINT32_MAX) unsupported("imports");
        operate(t, steps[class_of(global->type) == 'f'][op - ENGINE_OP_GLOBAL_GET], global->cell);
        break;
    }
    case ENGINE_OP_MEMORY_SIZE: read_u32(t), operate(t, STEP_SIZE, 0); break;
    case ENGINE_OP_MEMORY_GROW: read_u32(t), operate(t, STEP_GROW, 0); break;
    case ENGINE_OP_MEMORY_COPY: read_u32(t); /* fall through */
    case ENGINE_OP_MEMORY_FILL:
        read_u32(t);
        store_all(t);
        add(t, op == ENGINE_OP_MEMORY_COPY ? STEP_COPY : STEP_FILL, home(t, t->height - 3));
        t->in_memory = t->height -= 3;
        break;
    case ENGINE_OP_I32_CONST: operate(t, STEP_KI, (uint32_t)read_signed(t, false)); break;
    case ENGINE_OP_I64_CONST: {
        const uint64_t value = read_signed(t, true);
        operate(t, (int64_t)value == (int32_t)value ? STEP_KL : STEP_KQ, value);
        break;
    }
    case ENGINE_OP_F32_CONST: operate(t, STEP_KF, read_bytes(t, 4)); break;
    case ENGINE_OP_F64_CONST: operate(t, STEP_KD, read_bytes(t, 8)); break;
    default:
        if (op >= sizeof simple_steps / sizeof *simple_steps || !simple_steps[op])
            unsupported(engine_op_get(op)->name);
        a = 0;
        if (engine_op_get(op)->immediate == ENGINE_IMM_MEMARG) {
            read_u32(t);
            b = read_u32(t);
            a = b + (1u << engine_op_get(op)->access);
            if (a < b) unsupported("an offset this large");
        }
        operate(t, simple_steps[op], a);
    }
}

/* Reads past an instruction that nothing reaches: only the nesting matters. */
static void skip(translator *t, uint32_t op) {
    switch (op) {
    case ENGINE_OP_BLOCK:
    case ENGINE_OP_LOOP:
    case ENGINE_OP_IF: start_block(t, (uint8_t)op, read_block_type(t)); break;
    case ENGINE_OP_ELSE:
    case ENGINE_OP_END: instruction(t, op); break;
    default: skip_immediate(t, op); break;
    }
}

static void prepare_tables(void) {
    if (tree) return;
    tree_build();
    for (uint16_t s = 0; s < STEP_COUNT; s++) {
        for (uint32_t op = 0; op < sizeof simple_steps / sizeof *simple_steps; op++) {
            const char *name = engine_op_get(op)->name, *step_name = step_table[s].name;
            bool same = name != NULL;
            for (; same && *name && *step_name; name++, step_name++)
                same = *name == '.' ? *step_name == '_' : (*name >= 'a' ? *name - 32 : *name) == *step_name;
            if (same && !*name && !*step_name) simple_steps[op] = s;
        }
    }
}

static void translate_body(translator *t, window_func *func) {
    const engine_functype *type = &t->module->types[func->func->type_index];
    if (type->result_count > 1) unsupported("several results");
    t->reader =
        engine_reader_of((base_bytes){t->module->bytes + func->func->body_offset, func->func->body_size});
    t->local_count = 0;
    for (uint32_t i = 0; i < type->param_count; i++)
        t->local_types[t->local_count++] = class_of(type->params[i]);
    for (uint32_t groups = read_u32(t); groups; groups--) {
        const uint32_t count = read_u32(t);
        const char kind = class_of(*t->reader.at++);
        for (uint32_t i = 0; i < count; i++) t->local_types[t->local_count++] = kind;
    }
    t->home0 = t->local_count + 1 + t->spills;
    t->height = t->in_memory = t->control_count = t->position = t->run_count = t->run_window = t->size = 0;
    t->highest = t->fixup_count = t->returns = t->spills_needed = 0;
    t->unreachable = false;
    choose_registers(t);
    start_block(t, ENGINE_OP_BLOCK, type->result_count ? class_of(type->results[0]) : 0);
    step *enter = add(t, STEP_ENTER, t->local_count - type->param_count);
    enter->immediates[1] = type->param_count;
    enter->immediates[3] = t->local_count;
    const uint32_t frame_at = 8 + 2 * 2, cost_at = 8 + 4 * 2; /* of the first instruction */
    for (uint32_t i = 0; i < t->local_count; i++)
        if (t->local_registers[i] >= 0)
            add(t, register_step(t, i, i < type->param_count ? REGISTER_RESTORE : REGISTER_ZERO), i);
    while (t->control_count > 1 || *t->reader.at != ENGINE_OP_END) {
        const uint32_t op = read_opcode(t);
        if (t->unreachable)
            skip(t, op);
        else
            instruction(t, op);
        const bool free = op == ENGINE_OP_NOP || op == ENGINE_OP_BLOCK || op == ENGINE_OP_LOOP ||
                          op == ENGINE_OP_ELSE || op == ENGINE_OP_END;
        if (!free) t->position++;
    }
    control *body = &t->controls[0];
    settle(t, body);
    if (body->targeted || t->unreachable) {
        flush(t);
        bind(t, body->fixups, t->size, t->position);
        if (body->targeted) after_label(t, body, true);
    }
    if (!t->unreachable) leave(t, body->result);
    flush(t);
    bind(t, t->returns, 0, t->position);
    const uint32_t counter = window_profiling ? 16 : 0;
    put(t, counter + frame_at, t->home0 + t->highest, 2);
    put(t, counter + cost_at, t->position, 4);
}

const uint8_t *window_translate(window_exec *ex, window_func *func) {
    static translator t;
    prepare_tables();
    t.ex = ex;
    t.module = func->func->module;
    t.local_types = allocate(t.local_types, 50000);
    t.local_registers = allocate(t.local_registers, 50000);
    t.spills = 0;
    translate_body(&t, func);
    while (t.spills_needed > t.spills) {
        t.spills = t.spills_needed;
        translate_body(&t, func);
    }
    uint8_t *code = allocate(NULL, t.size);
    memcpy(code, t.code, t.size);
    return func->entry = code;
}
