/* The translator: one pass over a validated body, keeping a model of the operand stack in which a value is
 * not yet anywhere in particular. local.get and constants emit nothing; they become operands of the
 * instruction that uses them.
 *
 * A stack entry is one of
 *     SLOT    in a slot: its home (the slot that belongs to its stack position), or a local's
 *     CONST   a constant
 *     ACC     in the accumulator of its class and nowhere else; at most one entry a class
 *
 * Results are born in the accumulator. When another result is about to take it, the instruction that made the
 * first is changed, after the fact, into its variant that also stores to a slot ("spill"); local.set does the
 * same with the local's slot. So moves cost no instruction in the common case. The translator also knows
 * which slot the accumulator mirrors, and lets later instructions read the accumulator instead.
 *
 * At the start of a block every entry below it goes home (constants may stay), so that all paths to its end
 * agree. Comparisons are fused into the branch that follows: the last instruction is taken back and emitted
 * anew as part of the branch.
 *
 * FUEL. Let p(x) be the number of instructions before x in the body (block, loop, else, end and nop count
 * nothing). On entry a function is charged for its whole body. A branch from x to y is charged p(x) - p(y):
 * it gives back what it skips, and pays again for what it repeats; a return gives back the rest. So the total
 * is the number of instructions executed, and only entries and backward branches can run out. */
#include "engine/translate.h"

#include "engine/interpreter.h"
#include "engine/opcodes.h"
#include "engine/simd.h"

#include <assert.h>

enum { MAX_SLOTS = 65535 };
/* Beyond this many entries above the block's start, local.get copies at once, so that local.set never
 * searches far. */
enum { MAX_LOCAL_REFERENCES_DEPTH = 48 };

typedef enum entry_kind { ENTRY_SLOT, ENTRY_CONST, ENTRY_ACC } entry_kind;

/* The accumulator of vectors is the register with the one made last: its value is in a slot as well, always. */
typedef enum acc_class { CLASS_I, CLASS_S, CLASS_D, CLASS_V, CLASS_COUNT } acc_class;

typedef struct entry {
    uint8_t kind; /* entry_kind */
    uint8_t type; /* low byte of the value type; references count as ENGINE_I64 */
    uint16_t slot;
    uint16_t home;
    uint64_t value;
} entry;

typedef struct accumulator {
    int32_t slot;      /* the slot whose value it also holds, or -1 */
    int32_t entry;     /* the stack entry that is only here, or -1 */
    uint32_t producer; /* that entry's instruction */
    engine_handler handler;
} accumulator;

/* Where a branch must be completed when its target is known. Positions count 32-bit halves of the code. */
typedef struct fixup {
    uint32_t instruction; /* word that distances count from */
    uint32_t distance_at; /* UINT32_MAX: only fuel (returns) */
    uint32_t fuel_at;
    uint32_t position; /* p of the branch */
    uint32_t next;     /* index + 1; 0 ends the chain */
} fixup;

typedef enum control_kind {
    CONTROL_FUNCTION,
    CONTROL_BLOCK,
    CONTROL_LOOP,
    CONTROL_IF,
    CONTROL_ELSE,
    CONTROL_TRY
} control_kind;

typedef struct control {
    control_kind kind;
    uint32_t height; /* entries below the block's parameters */
    uint32_t param_count, result_count;
    const engine_valtype *params, *results;
    engine_valtype single; /* storage for a block type that is one value type */
    uint32_t start;        /* loops and try_tables: first word */
    uint32_t start_position;
    uint32_t fixups;       /* branches to the end */
    uint32_t else_fixup;   /* `if`: the branch to its else */
    uint32_t first_clause; /* try_table */
    uint32_t clause_count;
    uint32_t stub_fixups; /* br_table entries that need values moved on the way here */
    uint32_t next_stub;   /* chain of controls with such entries: index + 1 */
} control;

/* The last instruction, if it can be taken back and become part of the next. */
typedef enum last_kind { LAST_NONE, LAST_COMPARE, LAST_AND } last_kind;
typedef enum operand_type { OPERAND_I32, OPERAND_I64, OPERAND_F32, OPERAND_F64 } operand_type;
typedef enum shape { SHAPE_SS, SHAPE_SK, SHAPE_AS, SHAPE_AK, SHAPE_SA, SHAPE_KS, SHAPE_KA } shape;

typedef struct last_instruction {
    last_kind kind;
    uint32_t start, end;
    operand_type type;
    uint32_t comparison; /* in the order of the opcodes: eq ne lt_s lt_u ..., or eq ne lt gt le ge */
    shape shape;
    uint16_t x, y;
    uint64_t constant;
    accumulator before; /* of integers, before the instruction */
} last_instruction;

typedef struct translator {
    engine_func *func;
    engine_module *module;
    const base_allocator *allocator;
    const uint8_t *ip, *end;
    base_status status;

    engine_word *code;
    size_t count, capacity;
    uint32_t last_start;   /* first word of the instruction emitted last */
    uint32_t before_last;  /* of the one before it; no label stands between them */
    uint32_t vector_start; /* first word of the last one that left a vector at its entry's home */
    /* Where the vector in the register was before that one was made, and before the one before it. */
    int32_t made_before, made_before_last;
    size_t low_water; /* the smallest count since the current opcode began */

    entry *stack;
    size_t stack_count, stack_capacity;
    size_t clean; /* entries below this are constants or at home */
    control *controls;
    size_t control_count, control_capacity;
    fixup *fixups;
    size_t fixup_count, fixup_capacity;
    engine_region *regions;
    size_t region_count, region_capacity;
    engine_clause *clauses;
    size_t clause_count, clause_capacity;
    uint32_t returns; /* chain of fixups: returns, to be told the fuel left over */

    uint32_t local_count;
    uint16_t *local_slots;
    uint8_t *local_types;
    uint32_t *local_references; /* by slot: entries that refer to it */
    uint32_t local_cells;
    uint16_t header; /* the return address's slot */
    uint32_t max_slots;

    accumulator acc[CLASS_COUNT];
    last_instruction last, under; /* `under` ended where `last` began */
    uint32_t position;            /* p */
    bool unreachable;
} translator;

/* ---- Growing arrays ------------------------------------------------------------------------------------ */

/* Sticky: after a failure everything goes on in the space there is, and the result is thrown away. */
static void fail(translator *t, base_status status) {
    if (t->status == BASE_OK) t->status = status;
}

static bool grow(translator *t, void **array, size_t *capacity, size_t size, size_t needed) {
    if (needed <= *capacity) return true;
    size_t wanted = *capacity ? *capacity * 2 : 64;
    while (wanted < needed) wanted *= 2;
    void *moved = base_resize(t->allocator, *array, *capacity * size, wanted * size);
    if (!moved) {
        fail(t, BASE_NO_MEMORY);
        return false;
    }
    *array = moved;
    *capacity = wanted;
    return true;
}

/* ---- Reading the body (valid by now) ------------------------------------------------------------------- */

static uint64_t read_unsigned(translator *t) {
    uint64_t result = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t byte = *t->ip++;
        result |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return result;
    }
}

static uint32_t read_index(translator *t) {
    if (*t->ip < 0x80) return *t->ip++;
    return (uint32_t)read_unsigned(t);
}

static int64_t read_signed(translator *t) {
    uint64_t result = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *t->ip++;
        result |= (uint64_t)(byte & 0x7F) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && byte & 0x40) result |= ~UINT64_C(0) << shift;
    return (int64_t)result;
}

static uint32_t read_fixed32(translator *t) {
    const uint8_t *b = t->ip;
    t->ip += 4;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint64_t read_fixed64(translator *t) {
    const uint64_t low = read_fixed32(t);
    return low | (uint64_t)read_fixed32(t) << 32;
}

static uint32_t read_opcode(translator *t) {
    const uint8_t byte = *t->ip++;
    if (byte == 0xFC) return 0x100 + read_index(t);
    if (byte == 0xFD) return 0x200 + read_index(t);
    return byte;
}

/* Value types of locals, selects and blocks. Only the class matters here. */
static engine_valtype read_value_type(translator *t) {
    const uint8_t byte = *t->ip++;
    if (byte == 0x63 || byte == 0x64) read_signed(t); /* (ref null? heap type) */
    if (byte <= 0x70) return ENGINE_FUNCREF;
    return byte;
}

static void skip_immediate(translator *t, engine_immediate immediate) {
    uint32_t count;
    switch (immediate) {
    case ENGINE_IMM_NONE: break;
    case ENGINE_IMM_BLOCK:
    case ENGINE_IMM_HEAP_TYPE:
        if (*t->ip == 0x63 || *t->ip == 0x64) t->ip++;
        read_signed(t);
        break;
    case ENGINE_IMM_LABEL:
    case ENGINE_IMM_FUNC:
    case ENGINE_IMM_TYPE:
    case ENGINE_IMM_LOCAL:
    case ENGINE_IMM_GLOBAL:
    case ENGINE_IMM_TABLE:
    case ENGINE_IMM_ELEM:
    case ENGINE_IMM_MEMORY:
    case ENGINE_IMM_DATA:
    case ENGINE_IMM_TAG: read_unsigned(t); break;
    case ENGINE_IMM_CALL_INDIRECT:
    case ENGINE_IMM_TABLE_TABLE:
    case ENGINE_IMM_ELEM_TABLE:
    case ENGINE_IMM_MEMORY_MEMORY:
    case ENGINE_IMM_DATA_MEMORY:
        read_unsigned(t);
        read_unsigned(t);
        break;
    case ENGINE_IMM_LABEL_TABLE:
        for (count = read_index(t); count; count--) read_unsigned(t);
        read_unsigned(t);
        break;
    case ENGINE_IMM_SELECT:
        for (count = read_index(t); count; count--) read_value_type(t);
        break;
    case ENGINE_IMM_MEMARG:
    case ENGINE_IMM_MEMARG_LANE:
        if (read_unsigned(t) & 0x40) read_unsigned(t);
        read_unsigned(t);
        if (immediate == ENGINE_IMM_MEMARG_LANE) t->ip++;
        break;
    case ENGINE_IMM_I32:
    case ENGINE_IMM_I64: read_signed(t); break;
    case ENGINE_IMM_F32: t->ip += 4; break;
    case ENGINE_IMM_F64: t->ip += 8; break;
    case ENGINE_IMM_V128:
    case ENGINE_IMM_SHUFFLE: t->ip += 16; break;
    case ENGINE_IMM_LANE: t->ip++; break;
    case ENGINE_IMM_TRY_TABLE:
        skip_immediate(t, ENGINE_IMM_BLOCK);
        for (count = read_index(t); count; count--) {
            const uint8_t kind = *t->ip++;
            if (kind < 2) read_unsigned(t);
            read_unsigned(t);
        }
        break;
    }
}

/* What an instruction costs; see FUEL above. */
static uint32_t cost(uint32_t op) {
    switch (op) {
    case ENGINE_OP_NOP:
    case ENGINE_OP_BLOCK:
    case ENGINE_OP_LOOP:
    case ENGINE_OP_ELSE:
    case ENGINE_OP_END: return 0;
    default: return 1;
    }
}

/* ---- Writing code -------------------------------------------------------------------------------------- */

typedef uint16_t __attribute__((may_alias)) half_half;
typedef uint32_t __attribute__((may_alias)) half;

static void put_u16(translator *t, uint32_t instruction, unsigned n, uint32_t value) {
    assert(value <= UINT16_MAX || t->status != BASE_OK);
    ((half_half *)(t->code + instruction + 1))[n] = (uint16_t)value;
}

static uint32_t get_u16(const translator *t, uint32_t instruction, unsigned n) {
    return ((const half_half *)(t->code + instruction + 1))[n];
}

static void put_u32(translator *t, uint32_t instruction, unsigned n, uint32_t value) {
    ((half *)(t->code + instruction + 1))[n] = value;
}

/* Until the code is finished, an instruction's word 0 holds its handler's number and, above, its length in words. */
static engine_handler get_handler(const translator *t, size_t at) {
    return (engine_handler)(t->code[at] & UINT16_MAX);
}

static void put_handler(translator *t, size_t at, engine_handler handler) {
    t->code[at] = (t->code[at] & ~(engine_word)UINT16_MAX) | handler;
}

/* Appends an instruction of `words` words, operands zero, and returns where it is. */
static uint32_t emit(translator *t, engine_handler handler, uint32_t words) {
    if (!grow(t, (void **)&t->code, &t->capacity, sizeof *t->code, t->count + words)) t->count = 0;
    const uint32_t at = (uint32_t)t->count;
    memset(t->code + at, 0, words * sizeof *t->code);
    t->code[at] = handler | (engine_word)words << 32;
    t->count += words;
    t->before_last = t->last_start;
    t->last_start = at;
    return at;
}

/* What comes next may be reached from elsewhere, or follows code that was taken back: the instruction before it is
 * neither taken back nor changed. */
static void forget_last(translator *t) {
    t->last.kind = LAST_NONE;
    t->under.kind = LAST_NONE;
    t->last_start = UINT32_MAX;
    t->before_last = UINT32_MAX;
}

static void take_back(translator *t, const last_instruction *last) {
    t->count = last->start;
    if (t->count < t->low_water) t->low_water = t->count;
    t->acc[CLASS_I] = last->before;
    forget_last(t);
}

/* ---- The model of the stack ---------------------------------------------------------------------------- */

static uint8_t type_byte(engine_valtype type) {
    return engine_is_ref(type) ? ENGINE_I64 : (uint8_t)type;
}

static acc_class class_of(uint8_t type) {
    switch (type) {
    case ENGINE_F32: return CLASS_S;
    case ENGINE_F64: return CLASS_D;
    case ENGINE_V128: return CLASS_V;
    default: return CLASS_I;
    }
}

static bool is_32(uint8_t type) {
    return type == ENGINE_I32 || type == ENGINE_F32;
}

static bool is_local_slot(const translator *t, uint16_t slot) {
    return slot < t->local_cells;
}

/* The slot is about to hold something else: nobody mirrors it any more. */
static void slot_written(translator *t, uint16_t slot) {
    for (int i = 0; i < CLASS_COUNT; i++)
        if (t->acc[i].slot == slot) t->acc[i].slot = -1;
    if (t->acc[CLASS_V].slot + 1 == slot) t->acc[CLASS_V].slot = -1; /* its upper half */
}

static void forget_accumulators(translator *t) {
    for (int i = 0; i < CLASS_COUNT; i++) t->acc[i].slot = t->acc[i].entry = -1;
}

static uint16_t next_home(const translator *t) {
    if (!t->stack_count) return (uint16_t)(t->header + 1);
    const entry *top = &t->stack[t->stack_count - 1];
    return (uint16_t)(top->home + engine_cells(top->type));
}

static entry *push(translator *t, entry_kind kind, uint8_t type) {
    const uint32_t home =
        t->stack_count ? t->stack[t->stack_count - 1].home + engine_cells(t->stack[t->stack_count - 1].type)
                       : t->header + 1u;
    if (!grow(t, (void **)&t->stack, &t->stack_capacity, sizeof *t->stack, t->stack_count + 1))
        t->stack_count--;
    if (home + 2 > MAX_SLOTS) fail(t, BASE_LIMIT);
    if (home + 2 > t->max_slots) t->max_slots = home + 2;
    entry *e = &t->stack[t->stack_count++];
    e->kind = (uint8_t)kind;
    e->type = type;
    e->home = (uint16_t)home;
    e->slot = (uint16_t)home;
    e->value = 0;
    return e;
}

/* The value is at home already, or will be when the code gets there. */
static void push_home(translator *t, engine_valtype type) {
    push(t, ENTRY_SLOT, type_byte(type));
}

static void push_const(translator *t, uint8_t type, uint64_t value) {
    push(t, ENTRY_CONST, type)->value = value;
}

static entry pop(translator *t) {
    assert(t->stack_count || t->status != BASE_OK);
    if (!t->stack_count) return (entry){.kind = ENTRY_CONST, .type = ENGINE_I32, .home = t->header};
    const entry e = t->stack[--t->stack_count];
    if (t->clean > t->stack_count) t->clean = t->stack_count;
    if (e.kind == ENTRY_ACC) t->acc[class_of(e.type)].entry = -1;
    if (e.kind == ENTRY_SLOT && is_local_slot(t, e.slot)) t->local_references[e.slot]--;
    return e;
}

/* The instruction that put the entry in the accumulator stores it in the entry's home as well. */
static void spill(translator *t, acc_class which) {
    accumulator *acc = &t->acc[which];
    if (acc->entry < 0) return;
    entry *e = &t->stack[acc->entry];
    put_handler(t, acc->producer, acc->handler + 1);
    put_u16(t, acc->producer, 0, e->home);
    e->kind = ENTRY_SLOT;
    e->slot = e->home;
    acc->entry = -1;
    const uint16_t home = e->home;
    slot_written(t, home);
    acc->slot = home;
    if (t->last.end == t->count && t->last.start == acc->producer) t->last.kind = LAST_NONE;
}

static void spill_all(translator *t) {
    for (int i = 0; i < CLASS_COUNT; i++) spill(t, (acc_class)i);
}

/* Emits an instruction whose result goes to the accumulator of `type` and onto the stack. */
static uint32_t emit_result(translator *t, engine_handler handler, uint32_t words, uint8_t type) {
    const acc_class which = class_of(type);
    spill(t, which);
    const uint32_t at = emit(t, handler, words);
    push(t, ENTRY_ACC, type);
    t->acc[which] = (accumulator){-1, (int32_t)t->stack_count - 1, at, handler};
    return at;
}

static void vector_written(translator *t, uint16_t slot) {
    slot_written(t, slot);
    slot_written(t, (uint16_t)(slot + 1));
}

/* Emits an instruction whose result, a vector, goes to its home and onto the stack. */
static uint32_t emit_vector(translator *t, engine_handler handler, uint32_t words) {
    const uint16_t home = push(t, ENTRY_SLOT, ENGINE_V128)->home;
    const uint32_t at = emit(t, handler, words);
    put_u16(t, at, 0, home);
    t->made_before_last = t->made_before;
    t->made_before = t->acc[CLASS_V].slot;
    vector_written(t, home);
    t->acc[CLASS_V].slot = home;
    t->vector_start = at;
    return at;
}

/* Whether the vector in the slot is the one made last, in the register. */
static bool is_made(const translator *t, uint16_t slot) {
    return t->acc[CLASS_V].slot == slot;
}

/* Whether the vector is what the last instruction made, and stands where that put it. */
static bool is_last_vector(const translator *t, const entry *e) {
    if (t->vector_start != t->last_start || t->status != BASE_OK) return false;
    return e->slot == e->home && get_u16(t, t->last_start, 0) == e->home;
}

/* Emits what stores a value in a slot. */
static void emit_store(translator *t, const entry *e, uint16_t slot) {
    if (engine_is_vector(e->type)) {
        const uint32_t copy = emit(t, is_made(t, e->slot) ? ENGINE_H_COPY128_X : ENGINE_H_COPY128, 2);
        put_u16(t, copy, 0, slot);
        put_u16(t, copy, 1, e->slot);
        vector_written(t, slot);
        t->acc[CLASS_V].slot = slot;
        return;
    }
    const acc_class which = class_of(e->type);
    static const engine_handler from_acc[CLASS_COUNT] = {ENGINE_H_SET_A, ENGINE_H_SET_AS, ENGINE_H_SET_AD};
    uint32_t at;
    if (e->kind == ENTRY_CONST) {
        at = emit(t, e->value <= UINT32_MAX ? ENGINE_H_SET_K32 : ENGINE_H_SET_K64,
                  e->value <= UINT32_MAX ? 2 : 3);
        if (e->value <= UINT32_MAX)
            put_u32(t, at, 1, (uint32_t)e->value);
        else
            t->code[at + 2] = e->value;
        slot_written(t, slot);
    } else if (e->kind == ENTRY_ACC || t->acc[which].slot == e->slot) {
        at = emit(t, from_acc[which], 2);
        slot_written(t, slot);
    } else {
        at = emit(t, is_32(e->type) ? ENGINE_H_COPY32 : ENGINE_H_COPY64, 2);
        put_u16(t, at, 1, e->slot);
        slot_written(t, slot);
    }
    put_u16(t, at, 0, slot);
}

/* Puts the entry at `index` into its home. */
static void send_home(translator *t, size_t index) {
    entry *e = &t->stack[index];
    if (e->kind == ENTRY_ACC) {
        spill(t, class_of(e->type));
        return;
    }
    if (e->kind == ENTRY_SLOT && e->slot == e->home) return;
    if (e->kind == ENTRY_SLOT && is_local_slot(t, e->slot)) t->local_references[e->slot]--;
    emit_store(t, e, e->home);
    e->kind = ENTRY_SLOT;
    e->slot = e->home;
}

/* The top `count` entries go home, whatever they are. */
static void send_top_home(translator *t, uint32_t count) {
    for (size_t i = t->stack_count - count; i < t->stack_count; i++) send_home(t, i);
}

/* The top `count` entries are in slots then, if not at home. */
static void slots_on_top(translator *t, uint32_t count) {
    for (size_t i = t->stack_count - count; i < t->stack_count; i++)
        if (t->stack[i].kind != ENTRY_SLOT) send_home(t, i);
}

/* All entries go home but for constants. */
static void settle(translator *t) {
    for (size_t i = t->clean; i < t->stack_count; i++)
        if (t->stack[i].kind != ENTRY_CONST) send_home(t, i);
    t->clean = t->stack_count;
}

/* The local is about to change: entries that stand for it take its value now. */
static void preserve(translator *t, uint16_t slot) {
    for (size_t i = t->stack_count; i > t->clean && t->local_references[slot]; i--)
        if (t->stack[i - 1].kind == ENTRY_SLOT && t->stack[i - 1].slot == slot) send_home(t, i - 1);
}

/* ---- Operands ------------------------------------------------------------------------------------------ */

typedef struct operand {
    char kind; /* 'S', 'A' or 'K' */
    uint16_t slot;
    uint64_t value;
} operand;

static operand operand_of(const translator *t, const entry *e) {
    if (e->kind == ENTRY_CONST) return (operand){'K', 0, e->value};
    if (e->kind == ENTRY_ACC) return (operand){'A', e->home, 0};
    return (operand){t->acc[class_of(e->type)].slot == e->slot ? 'A' : 'S', e->slot, 0};
}

/* A popped constant goes into the home it had. */
static operand constant_to_slot(translator *t, const entry *e) {
    emit_store(t, e, e->home);
    return (operand){'S', e->home, 0};
}

/* Pops an operand that must not be a constant. */
static operand pop_operand(translator *t) {
    const entry e = pop(t);
    return e.kind == ENTRY_CONST ? constant_to_slot(t, &e) : operand_of(t, &e);
}

static bool fits_constant(uint8_t type, uint64_t value) {
    return type != ENGINE_I64 || (int64_t)value == (int32_t)value;
}

/* Comparisons in the order of the opcodes; what they become with operands swapped, and negated. */
static const uint8_t swapped_int[10] = {0, 1, 4, 5, 2, 3, 8, 9, 6, 7};
static const uint8_t negated_int[10] = {1, 0, 8, 9, 6, 7, 4, 5, 2, 3};
static const uint8_t swapped_float[6] = {0, 1, 3, 2, 5, 4};

typedef struct binary_form {
    shape shape;
    operand x, y;
    bool swapped;
} binary_form;

/* Pops two operands and brings them into one of the shapes; `may_swap` leaves SS SK AS AK. */
static binary_form pop_binary(translator *t, bool may_swap) {
    const entry ey = pop(t), ex = pop(t);
    binary_form f = {.x = operand_of(t, &ex), .y = operand_of(t, &ey)};
    if (f.x.kind == 'K' && (f.y.kind == 'K' || !fits_constant(ex.type, f.x.value)))
        f.x = constant_to_slot(t, &ex);
    if (f.y.kind == 'K' && !fits_constant(ey.type, f.y.value)) f.y = constant_to_slot(t, &ey);
    if (f.x.kind == 'A' && f.y.kind == 'A') {
        if (ey.kind == ENTRY_ACC)
            f.x.kind = 'S';
        else
            f.y.kind = 'S';
    }
    if (may_swap && (f.x.kind == 'K' || f.y.kind == 'A')) {
        const operand x = f.x;
        f.x = f.y;
        f.y = x;
        f.swapped = true;
    }
    if (f.x.kind == 'S')
        f.shape = f.y.kind == 'S' ? SHAPE_SS : f.y.kind == 'K' ? SHAPE_SK : SHAPE_SA;
    else if (f.x.kind == 'A')
        f.shape = f.y.kind == 'K' ? SHAPE_AK : SHAPE_AS;
    else
        f.shape = f.y.kind == 'S' ? SHAPE_KS : SHAPE_KA;
    return f;
}

static bool shape_has_constant(shape s) {
    return s == SHAPE_SK || s == SHAPE_AK || s == SHAPE_KS || s == SHAPE_KA;
}

/* Writes a binary form's operands as the families of handlers.def have them. */
static void put_binary(translator *t, uint32_t at, const binary_form *f, bool wide_constant) {
    const operand *constant = f->x.kind == 'K' ? &f->x : &f->y;
    const operand *first_slot = f->x.kind == 'S' ? &f->x : &f->y;
    if (first_slot->kind == 'S') put_u16(t, at, 1, first_slot->slot);
    if (f->shape == SHAPE_SS) put_u16(t, at, 2, f->y.slot);
    if (!shape_has_constant(f->shape)) return;
    if (wide_constant)
        t->code[at + 2] = constant->value;
    else
        put_u32(t, at, 1, (uint32_t)constant->value);
}

/* `base` is the family's first handler, NAME_SS. */
static void binary(translator *t, engine_handler base, uint8_t type, bool commutative) {
    const binary_form f = pop_binary(t, commutative);
    const bool wide = type == ENGINE_F64 && shape_has_constant(f.shape);
    const uint32_t at = emit_result(t, base + 2 * (engine_handler)f.shape, wide ? 3 : 2, type);
    put_binary(t, at, &f, wide);
}

/* Remembers the instruction just emitted, which took `before` away. */
static void remember(translator *t, last_kind kind, uint32_t at, operand_type type, uint32_t comparison,
                     const binary_form *f, accumulator before) {
    t->under = t->last.kind != LAST_NONE && t->last.end == at ? t->last : (last_instruction){0};
    t->last = (last_instruction){
        kind, at, (uint32_t)t->count, type, comparison, f->shape, f->x.slot, f->y.slot, 0, before,
    };
    if (f->x.kind != 'S') t->last.x = f->y.slot; /* shapes with one slot have it first */
    if (f->x.kind == 'K') t->last.constant = f->x.value;
    if (f->y.kind == 'K') t->last.constant = f->y.value;
}

/* The state of the integer accumulator that comes back if the next instruction is taken back. */
static accumulator before_result(translator *t) {
    spill(t, CLASS_I);
    return t->acc[CLASS_I];
}

static void emit_comparison(translator *t, operand_type type, uint32_t comparison, const binary_form *f) {
    static const engine_handler bases[] = {ENGINE_H_I32_EQ_SS, ENGINE_H_I64_EQ_SS, ENGINE_H_F32_EQ_SS,
                                           ENGINE_H_F64_EQ_SS};
    const bool wide = type == OPERAND_F64 && shape_has_constant(f->shape);
    const accumulator before = before_result(t);
    const uint32_t at =
        emit_result(t, bases[type] + 8 * comparison + 2 * (engine_handler)f->shape, wide ? 3 : 2, ENGINE_I32);
    put_binary(t, at, f, wide);
    remember(t, LAST_COMPARE, at, type, comparison, f, before);
}

static void compare(translator *t, operand_type type, uint32_t comparison) {
    const binary_form f = pop_binary(t, true);
    if (f.swapped) comparison = type <= OPERAND_I64 ? swapped_int[comparison] : swapped_float[comparison];
    emit_comparison(t, type, comparison, &f);
}

/* Whether the entry on top is what `last` made, and nothing was emitted since. */
static bool last_is_on_top(const translator *t) {
    return t->last.kind != LAST_NONE && t->last.end == t->count && t->stack_count &&
           t->acc[CLASS_I].entry == (int32_t)t->stack_count - 1 && t->acc[CLASS_I].producer == t->last.start;
}

static binary_form form_of(const last_instruction *last) {
    static const char kinds[][2] = {{'S', 'S'}, {'S', 'K'}, {'A', 'S'}, {'A', 'K'}};
    binary_form f = {.shape = last->shape};
    f.x = (operand){kinds[last->shape][0], last->x, last->constant};
    f.y = (operand){kinds[last->shape][1], f.x.kind == 'S' ? last->y : last->x, last->constant};
    return f;
}

/* eqz: a comparison with 0, or, of a comparison of integers, that comparison negated. */
static void equal_zero(translator *t, operand_type type) {
    if (last_is_on_top(t) && type == OPERAND_I32 && t->last.kind == LAST_COMPARE &&
        t->last.type <= OPERAND_I64) {
        const last_instruction last = t->last;
        pop(t);
        take_back(t, &last);
        const binary_form f = form_of(&last);
        emit_comparison(t, last.type, negated_int[last.comparison], &f);
        return;
    }
    push_const(t, type == OPERAND_I64 ? ENGINE_I64 : ENGINE_I32, 0);
    compare(t, type, 0);
}

/* x & y; remembered for a branch that tests the bits. */
static void i32_and(translator *t) {
    const binary_form f = pop_binary(t, true);
    const accumulator before = before_result(t);
    const uint32_t at = emit_result(t, ENGINE_H_I32_AND_SS + 2 * (engine_handler)f.shape, 2, ENGINE_I32);
    put_binary(t, at, &f, false);
    remember(t, LAST_AND, at, OPERAND_I32, 0, &f, before);
}

/* `base` is NAME_S; the result's type is `type`. */
static void unary(translator *t, engine_handler base, uint8_t type) {
    const operand x = pop_operand(t);
    const uint32_t at = emit_result(t, base + (x.kind == 'A' ? 2 : 0), 2, type);
    if (x.kind == 'S') put_u16(t, at, 1, x.slot);
}

/* ---- Memory -------------------------------------------------------------------------------------------- */

typedef struct memory_access {
    uint32_t memory;
    uint64_t offset;
    uint32_t end; /* near: the address, as far as it is known, the offset and the size together */
    bool far;     /* not a 32-bit memory 0, or an end that takes more than 32 bits */
} memory_access;

/* Reads the memarg of an access of `size` bytes whose address is on the stack with `above` entries over it. */
static memory_access read_memory_access(translator *t, unsigned size, uint32_t above) {
    memory_access m = {0};
    if (read_unsigned(t) & 0x40) m.memory = read_index(t);
    m.offset = read_unsigned(t);
    if (t->stack_count <= above) return m;
    const entry *address = &t->stack[t->stack_count - 1 - above];
    const uint64_t known = address->kind == ENTRY_CONST ? (uint32_t)address->value : 0;
    const uint64_t end = known + m.offset + size;
    m.far = m.memory || t->module->memories[0].limits.is_64 || end > UINT32_MAX;
    m.end = (uint32_t)end;
    return m;
}

static void put_far(translator *t, uint32_t at, uint16_t address, const memory_access *m) {
    put_u16(t, at, 1, address);
    put_u16(t, at, 2, m->memory);
    put_u16(t, at, 3, t->module->memories[m->memory].limits.is_64);
    t->code[at + 2] = m->offset;
}

/* Pops an operand that must be in a slot. */
static uint16_t pop_slot(translator *t) {
    if (t->stack_count && t->stack[t->stack_count - 1].kind != ENTRY_SLOT) send_home(t, t->stack_count - 1);
    return pop(t).slot;
}

/* The far variant of a load; `base` is the near one's. */
static void far_load(translator *t, engine_handler base, uint8_t type, const memory_access *m) {
    const engine_handler handler = ENGINE_H_FAR_I32_LOAD + (base - ENGINE_H_I32_LOAD_S) / 6 * 2;
    const uint16_t address = pop_slot(t);
    const uint32_t at = emit_result(t, handler, 3, type);
    put_far(t, at, address, m);
}

static void far_store(translator *t, engine_handler base, const memory_access *m) {
    const engine_handler handler = ENGINE_H_FAR_STORE8 + (base - ENGINE_H_STORE8_SS) / 8;
    const uint16_t value = pop_slot(t), address = pop_slot(t);
    const uint32_t at = emit(t, handler, 3);
    put_u16(t, at, 0, value);
    put_far(t, at, address, m);
}

/* `base` is NAME_S, followed by A and K. */
static void load(translator *t, engine_handler base, uint8_t type, unsigned size) {
    const memory_access m = read_memory_access(t, size, 0);
    if (m.far) {
        far_load(t, base, type, &m);
        return;
    }
    const entry e = pop(t);
    const operand address = operand_of(t, &e);
    const unsigned form = address.kind == 'S' ? 0 : address.kind == 'A' ? 1 : 2;
    const uint32_t at = emit_result(t, base + 2 * form, 2, type);
    if (address.kind == 'S') put_u16(t, at, 1, address.slot);
    put_u32(t, at, 1, m.end);
}

/* `base` is NAME_SS of the integer stores. */
static void store(translator *t, engine_handler base, unsigned size) {
    const memory_access m = read_memory_access(t, size, 1);
    if (m.far) {
        far_store(t, base, &m);
        return;
    }
    const entry ev = pop(t), ea = pop(t);
    operand value = operand_of(t, &ev), address = operand_of(t, &ea);
    const acc_class which = class_of(ev.type);
    if (which == CLASS_I && value.kind == 'A' && address.kind == 'A') {
        if (ev.kind == ENTRY_ACC)
            address.kind = 'S';
        else
            value.kind = 'S';
    }
    uint32_t at;
    if (which != CLASS_I && value.kind == 'A') {
        const engine_handler family = which == CLASS_S ? ENGINE_H_STORE_F32_SA : ENGINE_H_STORE_F64_SA;
        at = emit(t, family + (address.kind == 'S' ? 0 : address.kind == 'A' ? 1 : 2), 2);
    } else {
        static const uint8_t forms[3][3] = {{0, 1, 2}, {3, UINT8_MAX, 4}, {5, 6, 7}};
        const unsigned row = address.kind == 'S' ? 0 : address.kind == 'A' ? 1 : 2;
        const unsigned column = value.kind == 'S' ? 0 : value.kind == 'A' ? 1 : 2;
        at = emit(t, base + forms[row][column], value.kind == 'K' ? 3 : 2);
        if (value.kind == 'K') t->code[at + 2] = value.value;
    }
    if (address.kind == 'S') put_u16(t, at, 0, address.slot);
    if (value.kind == 'S') put_u16(t, at, 1, value.slot);
    put_u32(t, at, 1, m.end);
}

/* Tables and whole memories: operands at home, results too. */
static void bulk(translator *t, uint32_t op, uint32_t first, uint32_t second, uint32_t operands,
                 engine_valtype result) {
    send_top_home(t, operands);
    for (uint32_t i = 0; i < operands; i++) pop(t);
    const uint16_t home = next_home(t);
    if (home + 4u > t->max_slots) t->max_slots = home + 4u;
    const uint32_t at = emit(t, ENGINE_H_BULK, 3);
    put_u16(t, at, 0, home);
    put_u16(t, at, 1, op);
    put_u32(t, at, 2, first);
    put_u32(t, at, 3, second);
    for (uint32_t i = 0; i < 3; i++) slot_written(t, (uint16_t)(home + i));
    if (result) push_home(t, result);
}

/* ---- Locals, globals, select --------------------------------------------------------------------------- */

static void local_get(translator *t, uint32_t index) {
    const uint16_t slot = t->local_slots[index];
    entry *e = push(t, ENTRY_SLOT, t->local_types[index]);
    e->slot = slot;
    t->local_references[slot]++;
    if (t->stack_count - t->clean > MAX_LOCAL_REFERENCES_DEPTH) settle(t);
}

static void local_set(translator *t, uint32_t index) {
    const uint16_t slot = t->local_slots[index];
    const entry e = pop(t);
    preserve(t, slot);
    if (e.kind == ENTRY_SLOT && e.slot == slot) return;
    if (engine_is_vector(e.type) && is_last_vector(t, &e)) {
        put_u16(t, t->last_start, 0, slot); /* the result goes straight to the local */
        vector_written(t, slot);
        t->acc[CLASS_V].slot = slot;
        return;
    }
    accumulator *acc = &t->acc[class_of(e.type)];
    if (e.kind == ENTRY_ACC && acc->producer == t->last_start) {
        put_handler(t, acc->producer, acc->handler + 1);
        put_u16(t, acc->producer, 0, slot);
        t->last.kind = LAST_NONE;
        slot_written(t, slot);
        acc->slot = slot;
        return;
    }
    const bool in_acc = e.kind == ENTRY_ACC || (e.kind == ENTRY_SLOT && acc->slot == e.slot);
    emit_store(t, &e, slot);
    if (in_acc) acc->slot = slot;
}

static void vector_global_get(translator *t, uint32_t index) {
    const bool imported = index < t->module->global_import_count;
    const uint32_t at =
        emit_vector(t, imported ? ENGINE_H_GLOBAL_IMPORT_GET_V128 : ENGINE_H_GLOBAL_GET_V128, 2);
    put_u32(t, at, 1, imported ? index : t->module->globals[index].cell);
}

static void vector_global_set(translator *t, uint32_t index) {
    const bool imported = index < t->module->global_import_count;
    const uint16_t value = pop(t).slot;
    const uint32_t at = emit(t, imported ? ENGINE_H_GLOBAL_IMPORT_SET_V128 : ENGINE_H_GLOBAL_SET_V128, 2);
    put_u16(t, at, 1, value);
    put_u32(t, at, 1, imported ? index : t->module->globals[index].cell);
}

static void global_get(translator *t, uint32_t index) {
    const engine_module *module = t->module;
    const engine_global_def *global = &module->globals[index];
    const uint8_t type = type_byte(global->type);
    if (engine_is_vector(type)) {
        vector_global_get(t, index);
        return;
    }
    if (index < module->global_import_count) {
        push_home(t, global->type);
        const uint16_t home = t->stack[t->stack_count - 1].home;
        const uint32_t at = emit(t, ENGINE_H_GLOBAL_IMPORT_GET, 2);
        put_u16(t, at, 0, home);
        put_u32(t, at, 1, index);
        slot_written(t, home);
        return;
    }
    static const engine_handler handlers[CLASS_COUNT] = {ENGINE_H_GLOBAL_GET_I, ENGINE_H_GLOBAL_GET_F32,
                                                         ENGINE_H_GLOBAL_GET_F64};
    put_u32(t, emit_result(t, handlers[class_of(type)], 2, type), 1, global->cell);
}

static void global_set(translator *t, uint32_t index) {
    const engine_module *module = t->module;
    if (engine_is_vector(module->globals[index].type)) {
        vector_global_set(t, index);
        return;
    }
    const bool imported = index < module->global_import_count;
    const bool floating =
        class_of(t->stack_count ? t->stack[t->stack_count - 1].type : ENGINE_I32) != CLASS_I;
    if (imported || floating) send_top_home(t, 1);
    const operand value = pop_operand(t);
    const uint32_t target = imported ? index : module->globals[index].cell;
    const bool from_slot = imported || floating || value.kind == 'S';
    const uint32_t at = emit(t,
                             imported    ? ENGINE_H_GLOBAL_IMPORT_SET
                             : from_slot ? ENGINE_H_GLOBAL_SET_S
                                         : ENGINE_H_GLOBAL_SET_A,
                             2);
    if (from_slot) put_u16(t, at, 1, value.slot);
    put_u32(t, at, 1, target);
}

static void select_vectors(translator *t) {
    slots_on_top(t, 3);
    const uint16_t condition = pop(t).slot, second = pop(t).slot, first = pop(t).slot;
    const uint32_t at = emit_vector(t, ENGINE_H_SELECT_V128, 2);
    put_u16(t, at, 1, first);
    put_u16(t, at, 2, second);
    put_u16(t, at, 3, condition);
}

static void select_values(translator *t) {
    if (t->stack_count < 3) return;
    if (engine_is_vector(t->stack[t->stack_count - 2].type)) {
        select_vectors(t);
        return;
    }
    for (size_t i = t->stack_count - 3; i < t->stack_count - 1; i++)
        if (t->stack[i].kind != ENTRY_SLOT) send_home(t, i);
    const operand condition = pop_operand(t);
    const entry second = pop(t), first = pop(t);
    engine_handler base = ENGINE_H_SELECT_I64_S;
    if (first.type == ENGINE_I32) base = ENGINE_H_SELECT_I32_S;
    if (first.type == ENGINE_F32) base = ENGINE_H_SELECT_F32_S;
    if (first.type == ENGINE_F64) base = ENGINE_H_SELECT_F64_S;
    const uint32_t at = emit_result(t, base + (condition.kind == 'A' ? 2 : 0), 2, first.type);
    if (condition.kind == 'S') put_u16(t, at, 1, condition.slot);
    put_u16(t, at, 2, first.slot);
    put_u16(t, at, 3, second.slot);
}

/* ---- Branches ------------------------------------------------------------------------------------------ */

/* Completes a branch: from `f` to the word and position where we are. */
static void bind(translator *t, const fixup *f) {
    if (t->status != BASE_OK) return;
    if (f->distance_at != UINT32_MAX)
        ((half *)t->code)[f->distance_at] = (uint32_t)((int32_t)(t->count - f->instruction) * 8);
    ((half *)t->code)[f->fuel_at] = (uint32_t)((int32_t)f->position - (int32_t)t->position);
}

static void bind_chain(translator *t, uint32_t chain) {
    for (; chain; chain = t->fixups[chain - 1].next) bind(t, &t->fixups[chain - 1]);
}

static void add_fixup(translator *t, uint32_t *chain, uint32_t instruction, uint32_t distance_at,
                      uint32_t fuel_at) {
    if (!grow(t, (void **)&t->fixups, &t->fixup_capacity, sizeof *t->fixups, t->fixup_count + 1)) return;
    t->fixups[t->fixup_count++] = (fixup){instruction, distance_at, fuel_at, t->position, *chain};
    *chain = (uint32_t)t->fixup_count;
}

/* Points the branch whose distance and fuel are at these halves to a label. */
static void point(translator *t, uint32_t instruction, uint32_t distance_at, uint32_t fuel_at,
                  control *target) {
    if (target->kind != CONTROL_LOOP) {
        add_fixup(t, &target->fixups, instruction, distance_at, fuel_at);
        return;
    }
    ((half *)t->code)[distance_at] = (uint32_t)(((int32_t)target->start - (int32_t)instruction) * 8);
    ((half *)t->code)[fuel_at] = t->position - target->start_position;
}

/* Branch instructions have their distance in I32(1), their fuel in I32(2). */
static uint32_t distance_half(uint32_t at) {
    return 2 * (at + 1) + 1;
}
static uint32_t fuel_half(uint32_t at) {
    return 2 * (at + 1) + 2;
}

static void point_branch(translator *t, uint32_t at, control *target) {
    point(t, at, distance_half(at), fuel_half(at), target);
}

static void emit_br(translator *t, control *target) {
    point_branch(t, emit(t, ENGINE_H_BR, 3), target);
}

/* A condition taken off the stack, perhaps with the comparison that made it. */
typedef struct condition {
    last_kind kind; /* LAST_NONE: a value that is zero or not */
    operand value;
    last_instruction test;
    bool negated;
} condition;

static condition pop_condition(translator *t) {
    condition c = {0};
    if (last_is_on_top(t)) {
        /* `x < y` of floats and `x & y` followed by eqz */
        const bool is_eqz = t->last.kind == LAST_COMPARE && t->last.type == OPERAND_I32 &&
                            !t->last.comparison && t->last.shape == SHAPE_AK && !t->last.constant;
        const bool through =
            is_eqz && t->under.kind != LAST_NONE && t->under.end == t->last.start && t->last.before.slot < 0;
        c.test = through ? t->under : t->last;
        c.kind = c.test.kind;
        c.negated = through;
        pop(t);
        take_back(t, &c.test);
        return c;
    }
    c.value = pop_operand(t);
    return c;
}

/* Emits the branch that is taken when the condition holds (or, with `negate`, does not). */
static uint32_t emit_condition(translator *t, const condition *c, bool negate) {
    negate ^= c->negated;
    if (c->kind == LAST_NONE) {
        const bool in_acc = c->value.kind == 'A';
        const uint32_t at = emit(t, (negate ? ENGINE_H_BRZ_S : ENGINE_H_BRNZ_S) + in_acc, 3);
        if (!in_acc) put_u16(t, at, 0, c->value.slot);
        return at;
    }
    const last_instruction *test = &c->test;
    engine_handler handler;
    bool wide = false;
    if (c->kind == LAST_AND) {
        handler = (negate ? ENGINE_H_BR_I32_NAND_SS : ENGINE_H_BR_I32_AND_SS) + (engine_handler)test->shape;
    } else if (test->type <= OPERAND_I64) {
        const uint32_t comparison = negate ? negated_int[test->comparison] : test->comparison;
        handler = (test->type == OPERAND_I32 ? ENGINE_H_BR_I32_EQ_SS : ENGINE_H_BR_I64_EQ_SS) +
                  4 * comparison + (engine_handler)test->shape;
    } else {
        /* EQ NE LT GT LE GE NLT NGT NLE NGE, each for f32 and then for f64 */
        static const uint8_t negated_float[6] = {1, 0, 6, 7, 8, 9};
        const uint32_t comparison = negate ? negated_float[test->comparison] : test->comparison;
        handler = ENGINE_H_BR_F32_EQ_SS + 8 * comparison + (test->type == OPERAND_F64 ? 4 : 0) +
                  (engine_handler)test->shape;
        wide = shape_has_constant(test->shape);
    }
    const uint32_t at = emit(t, handler, wide ? 4 : 3);
    if (test->shape != SHAPE_AK) put_u16(t, at, 0, test->x);
    if (test->shape == SHAPE_SS) put_u16(t, at, 1, test->y);
    if (wide)
        t->code[at + 3] = test->constant;
    else if (shape_has_constant(test->shape))
        put_u32(t, at, 3, (uint32_t)test->constant);
    return at;
}

static control *label(translator *t, uint32_t depth) {
    return &t->controls[t->control_count - 1 - depth];
}

static uint32_t label_arity(const control *c) {
    return c->kind == CONTROL_LOOP ? c->param_count : c->result_count;
}

/* The home of the first value that a branch to the label carries. */
static uint16_t label_home(const translator *t, const control *c) {
    if (c->height < t->stack_count) return t->stack[c->height].home;
    return next_home(t);
}

/* Whether the top entries, once at home, are where the label wants them. */
static bool in_place(const translator *t, const control *c) {
    return t->stack_count - label_arity(c) == c->height;
}

static uint32_t cells_on_top(const translator *t, uint32_t count) {
    uint32_t cells = 0;
    for (size_t i = t->stack_count - count; i < t->stack_count; i++) cells += engine_cells(t->stack[i].type);
    return cells;
}

/* Moves the top entries, which are at home, to where the label wants them. */
static void emit_label_moves(translator *t, const control *c) {
    const uint32_t arity = label_arity(c);
    if (!arity || in_place(t, c)) return;
    const uint16_t source = t->stack[t->stack_count - arity].home;
    const uint32_t cells = cells_on_top(t, arity);
    const uint32_t at = emit(t, cells == 1 ? ENGINE_H_COPY64 : ENGINE_H_COPY_RANGE, 2);
    put_u16(t, at, 0, label_home(t, c));
    put_u16(t, at, 1, source);
    if (cells > 1) put_u32(t, at, 1, cells);
}

static void become_unreachable(translator *t) {
    t->unreachable = true;
    t->last.kind = LAST_NONE;
}

static void br(translator *t, uint32_t depth) {
    control *c = label(t, depth);
    const uint32_t arity = label_arity(c);
    if (arity == 1 && !in_place(t, c)) { /* straight to where it belongs */
        const entry e = t->stack[t->stack_count - 1];
        emit_store(t, &e, label_home(t, c));
    } else {
        send_top_home(t, arity);
        emit_label_moves(t, c);
    }
    emit_br(t, c);
    become_unreachable(t);
}

static void br_if(translator *t, uint32_t depth) {
    control *c = label(t, depth);
    const condition test = pop_condition(t);
    send_top_home(t, label_arity(c));
    if (!label_arity(c) || in_place(t, c)) {
        point_branch(t, emit_condition(t, &test, false), c);
        return;
    }
    uint32_t skip = 0;
    const uint32_t at = emit_condition(t, &test, true);
    add_fixup(t, &skip, at, distance_half(at), fuel_half(at));
    emit_label_moves(t, c);
    emit_br(t, c);
    bind_chain(t, skip);
}

static void br_table(translator *t) {
    const uint32_t count = read_index(t);
    const operand index = pop_operand(t);
    const uint8_t *labels = t->ip;
    uint32_t arity = 0;
    for (uint32_t i = 0; i <= count; i++) arity = label_arity(label(t, read_index(t)));
    send_top_home(t, arity);
    /* The labels, a word each, belong to the instruction: a distance and fuel. */
    const uint32_t at = emit(t, index.kind == 'A' ? ENGINE_H_BR_TABLE_A : ENGINE_H_BR_TABLE_S, 2 + count + 1);
    if (index.kind == 'S') put_u16(t, at, 0, index.slot);
    put_u32(t, at, 1, count);
    t->ip = labels;
    uint32_t with_stubs = 0;
    for (uint32_t i = 0; i <= count; i++) {
        control *c = label(t, read_index(t));
        const uint32_t word = at + 2 + i;
        if (!arity || in_place(t, c)) {
            point(t, at, 2 * word, 2 * word + 1, c);
            continue;
        }
        if (!c->stub_fixups) {
            c->next_stub = with_stubs;
            with_stubs = (uint32_t)(c - t->controls) + 1;
        }
        add_fixup(t, &c->stub_fixups, at, 2 * word, 2 * word + 1);
    }
    /* (A fixup that found no memory is not in its chain, so its control may be in the list twice.) */
    while (with_stubs && t->status == BASE_OK) {
        control *c = &t->controls[with_stubs - 1];
        bind_chain(t, c->stub_fixups);
        c->stub_fixups = 0;
        emit_label_moves(t, c);
        emit_br(t, c);
        with_stubs = c->next_stub;
    }
    become_unreachable(t);
}

/* ---- Blocks -------------------------------------------------------------------------------------------- */

static control *push_control(translator *t, control_kind kind) {
    if (!grow(t, (void **)&t->controls, &t->control_capacity, sizeof *t->controls, t->control_count + 1))
        t->control_count = 0;
    control *c = &t->controls[t->control_count++];
    memset(c, 0, sizeof *c);
    c->kind = kind;
    return c;
}

/* The types of a control; `single` lives in the control itself, which moves when the array grows. */
static const engine_valtype *result_types(const control *c) {
    return c->results ? c->results : &c->single;
}

static void read_block_type(translator *t, control *c) {
    const uint8_t byte = *t->ip;
    if (byte == 0x40) {
        t->ip++;
    } else if (byte >= 0x40 && byte < 0x80) { /* one value type: a negative number of one byte */
        c->single = read_value_type(t);
        c->result_count = 1;
    } else {
        const engine_functype *type = &t->module->types[read_signed(t)];
        c->param_count = type->param_count;
        c->params = type->params;
        c->result_count = type->result_count;
        c->results = type->results;
    }
}

static void begin_block(translator *t, control_kind kind) {
    control *c = push_control(t, kind);
    read_block_type(t, c);
    condition test = {0};
    if (kind == CONTROL_IF) test = pop_condition(t);
    settle(t);
    send_top_home(t, c->param_count);
    c->height = (uint32_t)(t->stack_count - c->param_count);
    if (kind == CONTROL_IF) {
        const uint32_t at = emit_condition(t, &test, true);
        add_fixup(t, &c->else_fixup, at, distance_half(at), fuel_half(at));
    }
    if (kind == CONTROL_LOOP) {
        forget_accumulators(t);
        c->start = (uint32_t)t->count;
        c->start_position = t->position;
    }
    forget_last(t);
}

/* The stack at the start of a block's second arm, or at its end: parameters or results at home. */
static void reset_stack(translator *t, const control *c, const engine_valtype *types, uint32_t count) {
    while (t->stack_count > c->height) pop(t);
    for (uint32_t i = 0; i < count; i++) push_home(t, types[i]);
    t->clean = t->stack_count;
    forget_accumulators(t);
    forget_last(t);
}

static void begin_else(translator *t) {
    control *c = label(t, 0);
    if (!t->unreachable) {
        send_top_home(t, c->result_count);
        emit_br(t, c);
    }
    bind_chain(t, c->else_fixup);
    c->else_fixup = 0;
    c->kind = CONTROL_ELSE;
    reset_stack(t, c, c->params, c->param_count);
    t->unreachable = false;
}

static void end_block(translator *t) {
    control *c = label(t, 0);
    const bool joined = c->fixups || c->else_fixup;
    if (joined && !t->unreachable) send_top_home(t, c->result_count);
    bind_chain(t, c->else_fixup);
    bind_chain(t, c->fixups);
    if (joined || t->unreachable) {
        reset_stack(t, c, result_types(c), c->result_count);
        t->unreachable = t->unreachable && !joined;
    }
    t->control_count--;
    forget_last(t);
}

/* ---- Calls and returns --------------------------------------------------------------------------------- */

/* Writes the call site at `word`, pops the arguments and pushes the results. */
static void finish_call(translator *t, uint32_t word, const engine_functype *type) {
    for (uint32_t i = 0; i < type->param_count; i++) pop(t);
    const engine_call_site site = {next_home(t), t->header, t->func->index};
    memcpy(&t->code[word], &site, sizeof site);
    forget_accumulators(t);
    for (uint32_t i = 0; i < type->result_count; i++) push_home(t, type->results[i]);
    if (type->result_count == 1) {
        const entry *e = &t->stack[t->stack_count - 1];
        if (!engine_is_vector(e->type)) t->acc[class_of(e->type)].slot = e->home;
    }
}

static void call(translator *t, uint32_t index) {
    engine_func *callee = &t->module->funcs[index];
    const engine_functype *type = &t->module->types[callee->type_index];
    spill_all(t);
    send_top_home(t, type->param_count);
    const uint32_t at = emit(t, ENGINE_H_CALL, 3);
    t->code[at + 1] = (engine_word)(uintptr_t)callee;
    finish_call(t, at + 2, type);
}

static void call_indirect(translator *t) {
    const uint32_t type_index = read_index(t);
    const uint32_t table = read_index(t);
    const engine_functype *type = &t->module->types[type_index];
    const bool wide = t->module->tables[table].limits.is_64;
    /* Stays in the accumulator if it is there: what follows emits only stores. */
    const operand index = wide ? (operand){'S', pop_slot(t), 0} : pop_operand(t);
    spill_all(t);
    send_top_home(t, type->param_count);
    engine_handler handler = index.kind == 'A' ? ENGINE_H_CALL_INDIRECT_A : ENGINE_H_CALL_INDIRECT_S;
    if (wide) handler = ENGINE_H_CALL_INDIRECT_64;
    const uint32_t at = emit(t, handler, 3);
    if (index.kind == 'S') put_u16(t, at, 0, index.slot);
    put_u16(t, at, 1, table);
    put_u32(t, at, 1, t->module->canonical_types[type_index]);
    finish_call(t, at + 2, type);
}

static void call_ref(translator *t) {
    const engine_functype *type = &t->module->types[read_index(t)];
    const uint16_t reference = pop_slot(t);
    spill_all(t);
    send_top_home(t, type->param_count);
    const uint32_t at = emit(t, ENGINE_H_CALL_REF, 3);
    put_u16(t, at, 0, reference);
    finish_call(t, at + 2, type);
}

/* Sends the top `count` values home and says where the first is. */
static uint16_t arguments_home(translator *t, uint32_t count) {
    send_top_home(t, count);
    return count ? t->stack[t->stack_count - count].home : next_home(t);
}

/* What the tail calls have in common; the rest of the operands is the caller's to write. */
static uint32_t emit_tail_call(translator *t, engine_handler handler, const engine_functype *type) {
    const uint16_t arguments = arguments_home(t, type->param_count);
    const uint32_t at = emit(t, handler, 4);
    put_u16(t, at, 0, arguments);
    put_u16(t, at, 1, t->header);
    put_u16(t, at, 7, type->param_cells);
    add_fixup(t, &t->returns, at, UINT32_MAX, distance_half(at)); /* fuel is in U32(1) */
    become_unreachable(t);
    return at;
}

static void return_call(translator *t, uint32_t index) {
    engine_func *callee = &t->module->funcs[index];
    const uint32_t at = emit_tail_call(t, ENGINE_H_RETURN_CALL, &t->module->types[callee->type_index]);
    t->code[at + 3] = (engine_word)(uintptr_t)callee;
}

static void return_call_indirect(translator *t) {
    const uint32_t type_index = read_index(t);
    const uint32_t table = read_index(t);
    const uint16_t index = pop_slot(t);
    const uint32_t at = emit_tail_call(t, ENGINE_H_RETURN_CALL_INDIRECT, &t->module->types[type_index]);
    put_u16(t, at, 4, index);
    put_u16(t, at, 5, table);
    put_u16(t, at, 6, t->module->tables[table].limits.is_64);
    put_u32(t, at, 4, t->module->canonical_types[type_index]);
}

static void return_call_ref(translator *t) {
    const engine_functype *type = &t->module->types[read_index(t)];
    const uint16_t reference = pop_slot(t);
    put_u16(t, emit_tail_call(t, ENGINE_H_RETURN_CALL_REF, type), 4, reference);
}

/* A return whose values are on top of the stack. */
static void emit_return(translator *t, const engine_functype *type) {
    engine_handler handler = ENGINE_H_RETURN;
    uint32_t words = 2;
    operand value = {'S', 0, 0};
    if (type->result_count == 1 && !engine_is_vector(type->results[0])) {
        static const engine_handler handlers[CLASS_COUNT] = {ENGINE_H_RETURN_I_S, ENGINE_H_RETURN_F32_S,
                                                             ENGINE_H_RETURN_F64_S};
        const entry *e = &t->stack[t->stack_count - 1];
        if (e->kind == ENTRY_CONST) send_home(t, t->stack_count - 1);
        value = operand_of(t, &t->stack[t->stack_count - 1]);
        handler = handlers[class_of(type_byte(type->results[0]))] + (value.kind == 'A' ? 1 : 0);
    } else if (type->result_count) {
        send_top_home(t, type->result_count);
        value.slot = t->stack[t->stack_count - type->result_count].home;
        handler = ENGINE_H_RETURN_RANGE;
        words = 3;
    }
    const uint32_t at = emit(t, handler, words);
    put_u16(t, at, 0, value.slot);
    put_u16(t, at, 1, t->header);
    if (words == 3) put_u32(t, at, 2, type->result_cells);
    add_fixup(t, &t->returns, at, UINT32_MAX, distance_half(at)); /* fuel is in U32(1) */
}

static const engine_functype *own_type(const translator *t) {
    return &t->module->types[t->func->type_index];
}

/* The function's last `end`. */
static void end_function(translator *t) {
    control *c = label(t, 0);
    if (!t->unreachable) emit_return(t, own_type(t));
    if (c->fixups) {
        bind_chain(t, c->fixups);
        reset_stack(t, c, own_type(t)->results, own_type(t)->result_count);
        emit_return(t, own_type(t));
    }
    t->control_count--;
}

/* ---- References and exceptions ------------------------------------------------------------------------- */

static void ref_as_non_null(translator *t) {
    if (!t->stack_count) return;
    const size_t top = t->stack_count - 1;
    if (t->stack[top].kind != ENTRY_SLOT) send_home(t, top);
    const uint16_t slot = t->stack[top].slot;
    put_u16(t, emit(t, ENGINE_H_REF_AS_NON_NULL, 2), 0, slot);
}

/* Branches where the reference in `slot` is null, or is not; the values for the label are on top. */
static void branch_on_reference(translator *t, uint32_t depth, uint16_t slot, bool if_null) {
    control *c = label(t, depth);
    send_top_home(t, label_arity(c));
    const bool direct = !label_arity(c) || in_place(t, c);
    const uint32_t at = emit(t, if_null == direct ? ENGINE_H_BR_I64_EQ_SK : ENGINE_H_BR_I64_NE_SK, 3);
    put_u16(t, at, 0, slot);
    if (direct) {
        point_branch(t, at, c);
        return;
    }
    uint32_t skip = 0;
    add_fixup(t, &skip, at, distance_half(at), fuel_half(at));
    emit_label_moves(t, c);
    emit_br(t, c);
    bind_chain(t, skip);
}

static void br_on_null(translator *t, uint32_t depth) {
    send_top_home(t, 1); /* where it is found again when the branch is not taken */
    const uint16_t slot = pop(t).slot;
    branch_on_reference(t, depth, slot, true);
    push_home(t, ENGINE_FUNCREF);
}

static void br_on_non_null(translator *t, uint32_t depth) {
    send_top_home(t, 1);
    branch_on_reference(t, depth, t->stack[t->stack_count - 1].slot, false);
    pop(t);
}

static void throw_tag(translator *t, uint32_t tag) {
    const engine_functype *type = &t->module->types[t->module->tags[tag].type_index];
    spill_all(t);
    const uint16_t arguments = arguments_home(t, type->param_count);
    const uint32_t at = emit(t, ENGINE_H_THROW, 3);
    put_u16(t, at, 0, arguments);
    put_u32(t, at, 1, tag);
    put_u32(t, at, 2, t->func->index);
    become_unreachable(t);
}

static void throw_ref(translator *t) {
    spill_all(t);
    const uint16_t reference = pop_slot(t);
    const uint32_t at = emit(t, ENGINE_H_THROW_REF, 3);
    put_u16(t, at, 0, reference);
    put_u32(t, at, 2, t->func->index);
    become_unreachable(t);
}

/* One catch clause: where its values go, and the code that carries them on to its label. Labels count from
 * outside the try_table, whose control is not there yet. */
static void begin_clause(translator *t) {
    engine_clause clause = {.kind = *t->ip++};
    uint32_t values = 0;
    clause.slot = next_home(t);
    clause.target = (uint32_t)t->count;
    if (clause.kind <= ENGINE_CATCH_REF) {
        clause.tag = read_index(t);
        const engine_functype *type = &t->module->types[t->module->tags[clause.tag].type_index];
        values = type->param_count;
        for (uint32_t i = 0; i < values; i++) push_home(t, type->params[i]);
    }
    if (clause.kind == ENGINE_CATCH_REF || clause.kind == ENGINE_CATCH_ALL_REF) {
        push_home(t, ENGINE_EXNREF);
        values++;
    }
    control *c = label(t, read_index(t));
    emit_label_moves(t, c);
    emit_br(t, c);
    for (; values; values--) pop(t);
    if (grow(t, (void **)&t->clauses, &t->clause_capacity, sizeof *t->clauses, t->clause_count + 1))
        t->clauses[t->clause_count++] = clause;
}

/* try_table: its clauses stand before its body, which jumps over them. */
static void begin_try(translator *t) {
    const uint8_t *block_type = t->ip;
    control type = {0};
    read_block_type(t, &type);
    settle(t);
    send_top_home(t, type.param_count);
    for (uint32_t i = 0; i < type.param_count; i++) pop(t);
    const size_t first = t->clause_count;
    uint32_t over = 0;
    const uint32_t at = emit(t, ENGINE_H_BR, 3);
    add_fixup(t, &over, at, distance_half(at), fuel_half(at));
    for (uint32_t count = read_index(t); count; count--) begin_clause(t);
    const uint8_t *body = t->ip;
    bind_chain(t, over);
    for (uint32_t i = 0; i < type.param_count; i++) push_home(t, type.params[i]);
    t->clean = t->stack_count;
    forget_accumulators(t);
    control *c = push_control(t, CONTROL_TRY);
    t->ip = block_type;
    read_block_type(t, c);
    t->ip = body;
    c->height = (uint32_t)(t->stack_count - type.param_count);
    c->start = (uint32_t)t->count;
    c->start_position = t->position;
    c->first_clause = (uint32_t)first;
    c->clause_count = (uint32_t)(t->clause_count - first);
    forget_last(t);
}

/* Inner regions are added before outer ones. */
static void end_try(translator *t, const control *c) {
    if (!c->clause_count) return;
    if (grow(t, (void **)&t->regions, &t->region_capacity, sizeof *t->regions, t->region_count + 1))
        t->regions[t->region_count++] = (engine_region){
            c->start, (uint32_t)t->count, t->position - c->start_position, c->first_clause, c->clause_count,
        };
}

/* ---- Instructions -------------------------------------------------------------------------------------- */

/* Simple instructions by opcode: which family of handlers, what comes out. */
typedef enum simple_kind {
    SIMPLE_NONE,
    SIMPLE_BINARY,
    SIMPLE_COMMUTATIVE,
    SIMPLE_UNARY,
    SIMPLE_LOAD,
    SIMPLE_STORE
} simple_kind;

typedef struct simple {
    uint8_t kind;
    uint8_t type;
    uint8_t size; /* bytes accessed */
    uint16_t base;
} simple;

/* clang-format off */
#define C(op, type, name)       [ENGINE_OP_##op] = {SIMPLE_COMMUTATIVE, type, 0, ENGINE_H_##name##_SS}
#define B(op, type)             [ENGINE_OP_##op] = {SIMPLE_BINARY, type, 0, ENGINE_H_##op##_SS}
#define U(op, type)             [ENGINE_OP_##op] = {SIMPLE_UNARY, type, 0, ENGINE_H_##op##_S}
#define L(op, type, size, name) [ENGINE_OP_##op] = {SIMPLE_LOAD, type, size, ENGINE_H_##name##_S}
#define S(op, size, name)       [ENGINE_OP_##op] = {SIMPLE_STORE, 0, size, ENGINE_H_##name##_SS}
#define I32 ENGINE_I32
#define I64 ENGINE_I64
#define F32 ENGINE_F32
#define F64 ENGINE_F64
static const simple simples[0x110] = {
    C(I32_ADD, I32, I32_ADD), C(I32_MUL, I32, I32_MUL), C(I32_OR, I32, I32_OR), C(I32_XOR, I32, I32_XOR),
    B(I32_SUB, I32), B(I32_DIV_S, I32), B(I32_DIV_U, I32), B(I32_REM_S, I32), B(I32_REM_U, I32),
    B(I32_SHL, I32), B(I32_SHR_S, I32), B(I32_SHR_U, I32), B(I32_ROTL, I32), B(I32_ROTR, I32),
    C(I64_ADD, I64, I64_ADD), C(I64_MUL, I64, I64_MUL), C(I64_AND, I64, I64_AND), C(I64_OR, I64, I64_OR),
    C(I64_XOR, I64, I64_XOR),
    B(I64_SUB, I64), B(I64_DIV_S, I64), B(I64_DIV_U, I64), B(I64_REM_S, I64), B(I64_REM_U, I64),
    B(I64_SHL, I64), B(I64_SHR_S, I64), B(I64_SHR_U, I64), B(I64_ROTL, I64), B(I64_ROTR, I64),
    B(F32_ADD, F32), B(F32_SUB, F32), B(F32_MUL, F32), B(F32_DIV, F32), B(F32_MIN, F32), B(F32_MAX, F32),
    B(F32_COPYSIGN, F32),
    B(F64_ADD, F64), B(F64_SUB, F64), B(F64_MUL, F64), B(F64_DIV, F64), B(F64_MIN, F64), B(F64_MAX, F64),
    B(F64_COPYSIGN, F64),
    U(I32_CLZ, I32), U(I32_CTZ, I32), U(I32_POPCNT, I32), U(I32_EXTEND8_S, I32), U(I32_EXTEND16_S, I32),
    U(I64_CLZ, I64), U(I64_CTZ, I64), U(I64_POPCNT, I64), U(I64_EXTEND8_S, I64), U(I64_EXTEND16_S, I64),
    U(I64_EXTEND32_S, I64),
    U(I32_WRAP_I64, I32), U(I64_EXTEND_I32_S, I64), U(I64_EXTEND_I32_U, I64),
    U(F32_ABS, F32), U(F32_NEG, F32), U(F32_CEIL, F32), U(F32_FLOOR, F32), U(F32_TRUNC, F32),
    U(F32_NEAREST, F32), U(F32_SQRT, F32),
    U(F64_ABS, F64), U(F64_NEG, F64), U(F64_CEIL, F64), U(F64_FLOOR, F64), U(F64_TRUNC, F64),
    U(F64_NEAREST, F64), U(F64_SQRT, F64),
    U(F32_CONVERT_I32_S, F32), U(F32_CONVERT_I32_U, F32), U(F32_CONVERT_I64_S, F32), U(F32_CONVERT_I64_U, F32),
    U(F64_CONVERT_I32_S, F64), U(F64_CONVERT_I32_U, F64), U(F64_CONVERT_I64_S, F64), U(F64_CONVERT_I64_U, F64),
    U(F32_DEMOTE_F64, F32), U(F64_PROMOTE_F32, F64),
    U(I32_REINTERPRET_F32, I32), U(I64_REINTERPRET_F64, I64), U(F32_REINTERPRET_I32, F32),
    U(F64_REINTERPRET_I64, F64),
    U(I32_TRUNC_F32_S, I32), U(I32_TRUNC_F32_U, I32), U(I32_TRUNC_F64_S, I32), U(I32_TRUNC_F64_U, I32),
    U(I64_TRUNC_F32_S, I64), U(I64_TRUNC_F32_U, I64), U(I64_TRUNC_F64_S, I64), U(I64_TRUNC_F64_U, I64),
    U(I32_TRUNC_SAT_F32_S, I32), U(I32_TRUNC_SAT_F32_U, I32), U(I32_TRUNC_SAT_F64_S, I32),
    U(I32_TRUNC_SAT_F64_U, I32), U(I64_TRUNC_SAT_F32_S, I64), U(I64_TRUNC_SAT_F32_U, I64),
    U(I64_TRUNC_SAT_F64_S, I64), U(I64_TRUNC_SAT_F64_U, I64),
    L(I32_LOAD, I32, 4, I32_LOAD), L(I64_LOAD, I64, 8, I64_LOAD), L(F32_LOAD, F32, 4, F32_LOAD),
    L(F64_LOAD, F64, 8, F64_LOAD),
    L(I32_LOAD8_S, I32, 1, I32_LOAD8_S), L(I32_LOAD8_U, I32, 1, I32_LOAD8_U),
    L(I32_LOAD16_S, I32, 2, I32_LOAD16_S), L(I32_LOAD16_U, I32, 2, I32_LOAD16_U),
    L(I64_LOAD8_S, I64, 1, I64_LOAD8_S), L(I64_LOAD16_S, I64, 2, I64_LOAD16_S),
    L(I64_LOAD32_S, I64, 4, I64_LOAD32_S),
    /* zero-extended as the accumulator is */
    L(I64_LOAD8_U, I64, 1, I32_LOAD8_U), L(I64_LOAD16_U, I64, 2, I32_LOAD16_U), L(I64_LOAD32_U, I64, 4, I32_LOAD),
    S(I32_STORE, 4, STORE32), S(I64_STORE, 8, STORE64), S(F32_STORE, 4, STORE32), S(F64_STORE, 8, STORE64),
    S(I32_STORE8, 1, STORE8), S(I32_STORE16, 2, STORE16), S(I64_STORE8, 1, STORE8), S(I64_STORE16, 2, STORE16),
    S(I64_STORE32, 4, STORE32),
};
#undef C
#undef B
#undef U
#undef L
#undef S
#undef I32
#undef I64
#undef F32
#undef F64
/* clang-format on */

static void translate_simple(translator *t, const simple *s) {
    switch ((simple_kind)s->kind) {
    case SIMPLE_NONE: break;
    case SIMPLE_BINARY: binary(t, s->base, s->type, false); break;
    case SIMPLE_COMMUTATIVE: binary(t, s->base, s->type, true); break;
    case SIMPLE_UNARY: unary(t, s->base, s->type); break;
    case SIMPLE_LOAD: load(t, s->base, s->type, s->size); break;
    case SIMPLE_STORE: store(t, s->base, s->size); break;
    }
}

/* ---- SIMD ---------------------------------------------------------------------------------------------- */

enum { FIRST_SIMD = 0x200 };

/* The first handler of every vector instruction. It has the instruction's name, but for the relaxed ones that
 * do what another does. */
#define ROW_ENGINE_FEATURE_SIMD(NAME) [ENGINE_OP_##NAME - FIRST_SIMD] = ENGINE_H_##NAME,
#define ROW_ENGINE_FEATURE_RELAXED_SIMD(NAME)
#define ROW_ENGINE_FEATURE_BULK_MEMORY(NAME)
#define ROW_ENGINE_FEATURE_EXCEPTIONS(NAME)
#define ROW_ENGINE_FEATURE_FUNCTION_REFERENCES(NAME)
#define ROW_ENGINE_FEATURE_REFERENCE_TYPES(NAME)
#define ROW_ENGINE_FEATURE_SATURATING_CONVERSIONS(NAME)
#define ROW_ENGINE_FEATURE_SIGN_EXTENSION(NAME)
#define ROW_ENGINE_FEATURE_TAIL_CALLS(NAME)
#define ROW_0(NAME)
#define OP(number, NAME, text, immediate, signature, access, feature) ROW_##feature(NAME)
#define SAME(relaxed, name)                                           [ENGINE_OP_##relaxed - FIRST_SIMD] = ENGINE_H_##name
static const uint16_t simd_handlers[] = {
#define ENGINE_NUMBERS_OF_OPCODES
#include "engine/opcodes.def"
#undef ENGINE_NUMBERS_OF_OPCODES
    SAME(I8X16_RELAXED_SWIZZLE, I8X16_SWIZZLE),
    SAME(I32X4_RELAXED_TRUNC_F32X4_S, I32X4_TRUNC_SAT_F32X4_S),
    SAME(I32X4_RELAXED_TRUNC_F32X4_U, I32X4_TRUNC_SAT_F32X4_U),
    SAME(I32X4_RELAXED_TRUNC_F64X2_S_ZERO, I32X4_TRUNC_SAT_F64X2_S_ZERO),
    SAME(I32X4_RELAXED_TRUNC_F64X2_U_ZERO, I32X4_TRUNC_SAT_F64X2_U_ZERO),
    SAME(F32X4_RELAXED_MADD, F32X4_RELAXED_MADD),
    SAME(F32X4_RELAXED_NMADD, F32X4_RELAXED_NMADD),
    SAME(F64X2_RELAXED_MADD, F64X2_RELAXED_MADD),
    SAME(F64X2_RELAXED_NMADD, F64X2_RELAXED_NMADD),
    SAME(I8X16_RELAXED_LANESELECT, V128_BITSELECT),
    SAME(I16X8_RELAXED_LANESELECT, V128_BITSELECT),
    SAME(I32X4_RELAXED_LANESELECT, V128_BITSELECT),
    SAME(I64X2_RELAXED_LANESELECT, V128_BITSELECT),
    SAME(F32X4_RELAXED_MIN, F32X4_MIN),
    SAME(F32X4_RELAXED_MAX, F32X4_MAX),
    SAME(F64X2_RELAXED_MIN, F64X2_MIN),
    SAME(F64X2_RELAXED_MAX, F64X2_MAX),
    SAME(I16X8_RELAXED_Q15MULR_S, I16X8_Q15MULR_SAT_S),
    SAME(I16X8_RELAXED_DOT_I8X16_I7X16_S, I16X8_RELAXED_DOT_I8X16_I7X16_S),
    SAME(I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S, I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S),
};
#undef OP
#undef SAME
#undef ROW_0
#undef ROW_ENGINE_FEATURE_SIMD
#undef ROW_ENGINE_FEATURE_RELAXED_SIMD
#undef ROW_ENGINE_FEATURE_BULK_MEMORY
#undef ROW_ENGINE_FEATURE_EXCEPTIONS
#undef ROW_ENGINE_FEATURE_FUNCTION_REFERENCES
#undef ROW_ENGINE_FEATURE_REFERENCE_TYPES
#undef ROW_ENGINE_FEATURE_SATURATING_CONVERSIONS
#undef ROW_ENGINE_FEATURE_SIGN_EXTENSION
#undef ROW_ENGINE_FEATURE_TAIL_CALLS

static void vector_const(translator *t, uint64_t low, uint64_t high) {
    const uint32_t at = emit_vector(t, ENGINE_H_V128_CONST, 4);
    t->code[at + 2] = low;
    t->code[at + 3] = high;
}

/* A lane of so many bytes: how far behind the beginning of its vector's slots it is found. */
static uint32_t lane_offset(uint32_t lane, uint32_t width) {
    const uint32_t offset = lane * width;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (offset & ~7u) + (8 - width - (offset & 7));
#else
    return offset;
#endif
}

/* Writes the mask that SIMD_REPLACE wants: all ones in that lane. */
static void put_lane_mask(translator *t, uint32_t word, uint32_t lane, uint32_t width) {
    const uint32_t offset = lane * width;
    t->code[word + offset / 8] = UINT64_MAX >> (64 - 8 * width) << offset % 8 * 8;
}

/* The bytes of the lane that extract_lane and replace_lane instructions name. */
static uint32_t lane_width(uint32_t op) {
    switch (op) {
    case ENGINE_OP_I8X16_EXTRACT_LANE_S:
    case ENGINE_OP_I8X16_EXTRACT_LANE_U:
    case ENGINE_OP_I8X16_REPLACE_LANE: return 1;
    case ENGINE_OP_I16X8_EXTRACT_LANE_S:
    case ENGINE_OP_I16X8_EXTRACT_LANE_U:
    case ENGINE_OP_I16X8_REPLACE_LANE: return 2;
    case ENGINE_OP_I64X2_EXTRACT_LANE:
    case ENGINE_OP_I64X2_REPLACE_LANE:
    case ENGINE_OP_F64X2_EXTRACT_LANE:
    case ENGINE_OP_F64X2_REPLACE_LANE: return 8;
    default: return 4;
    }
}

/* Whether the vector on top is what the last instruction made, a constant. */
static bool constant_vector_on_top(const translator *t) {
    return t->stack_count && is_last_vector(t, &t->stack[t->stack_count - 1]) &&
           get_handler(t, t->last_start) == ENGINE_H_V128_CONST;
}

/* The variants of an instruction, counted from the first. */
enum {
    VECTOR_UNARY_X = 1,
    VECTOR_BINARY_K = 1,
    VECTOR_BINARY_X = 2,
    VECTOR_BINARY_Y = 3,
    VECTOR_BINARY_K_X = 4,
    VECTOR_SHIFT_K = 1,
    VECTOR_SHIFT_X = 2,
    VECTOR_SHIFT_K_X = 3,
    VECTOR_ROTL_K_X = 1,
    VECTOR_TEST_X = 2,
    VECTOR_STORE_X = 4
};

/* x and a constant that goes into the instruction. */
static void simd_with_constant(translator *t, engine_handler handler) {
    const uint64_t low = t->code[t->last_start + 2], high = t->code[t->last_start + 3];
    pop(t);
    const uint16_t first = pop(t).slot;
    t->count = t->last_start; /* the constant's own instruction is not needed */
    if (t->count < t->low_water) t->low_water = t->count;
    t->acc[CLASS_V].slot = t->made_before;
    const bool made = is_made(t, first);
    const uint32_t at = emit_vector(t, handler + (made ? VECTOR_BINARY_K_X : VECTOR_BINARY_K), 4);
    put_u16(t, at, 1, first);
    t->code[at + 2] = low;
    t->code[at + 3] = high;
}

/* A shift by a constant of the vector in the register, as one of the vector in its slot; others as they are. */
static engine_handler shift_in_slots(engine_handler handler) {
    switch (handler) {
    case ENGINE_H_I32X4_SHL_K_X:
    case ENGINE_H_I32X4_SHR_U_K_X:
    case ENGINE_H_I64X2_SHL_K_X:
    case ENGINE_H_I64X2_SHR_U_K_X: return handler - VECTOR_SHIFT_K_X + VECTOR_SHIFT_K;
    default: return handler;
    }
}

/* Shifted one way, shifted the other way, and both together: that is how lanes are rotated. */
static bool vector_rotation(translator *t) {
    if (t->stack_count < 2) return false;
    const entry *y = &t->stack[t->stack_count - 1], *x = y - 1;
    const uint32_t first = t->before_last, second = t->last_start;
    if (!is_last_vector(t, y) || first == UINT32_MAX || x->slot != x->home) return false;
    const uint16_t source = (uint16_t)get_u16(t, second, 1);
    if (get_u16(t, first, 0) != x->home || get_u16(t, first, 1) != source || source == x->home) return false;
    engine_handler left = shift_in_slots(get_handler(t, first)),
                   right = shift_in_slots(get_handler(t, second));
    const bool left_first = left == ENGINE_H_I32X4_SHL_K || left == ENGINE_H_I64X2_SHL_K;
    if (!left_first) {
        const engine_handler swapped = left;
        left = right;
        right = swapped;
    }
    uint32_t bits;
    if (left == ENGINE_H_I32X4_SHL_K && right == ENGINE_H_I32X4_SHR_U_K)
        bits = 32;
    else if (left == ENGINE_H_I64X2_SHL_K && right == ENGINE_H_I64X2_SHR_U_K)
        bits = 64;
    else
        return false;
    const uint32_t by = get_u16(t, left_first ? first : second, 2) & (bits - 1);
    if (by + (get_u16(t, left_first ? second : first, 2) & (bits - 1)) != bits) return false;
    pop(t);
    pop(t);
    t->count = first;
    if (t->count < t->low_water) t->low_water = t->count;
    forget_last(t);
    t->acc[CLASS_V].slot = t->made_before_last;
    const engine_handler rotl = bits == 32 ? ENGINE_H_I32X4_ROTL_K : ENGINE_H_I64X2_ROTL_K;
    const uint32_t at = emit_vector(t, rotl + (is_made(t, source) ? VECTOR_ROTL_K_X : 0), 2);
    put_u16(t, at, 1, source);
    put_u16(t, at, 2, by);
    return true;
}

/* Instructions without immediates, by their signature. */
static void simd_plain(translator *t, engine_handler handler, const char *signature) {
    if (handler == ENGINE_H_V128_OR && vector_rotation(t)) return;
    const uint32_t count = (uint32_t)(strchr(signature, ':') - signature);
    if (count == 2 && signature[1] == 'v' && constant_vector_on_top(t)) {
        simd_with_constant(t, handler);
        return;
    }
    uint16_t operands[3];
    slots_on_top(t, count);
    for (uint32_t i = count; i--;) operands[i] = pop(t).slot;
    const bool scalar = signature[count + 1] == 'i';
    if (!strncmp(signature, "v:", 2) && is_made(t, operands[0]))
        handler += scalar ? VECTOR_TEST_X : VECTOR_UNARY_X;
    else if (!strncmp(signature, "vv:", 3) && is_made(t, operands[0]))
        handler += VECTOR_BINARY_X;
    else if (!strncmp(signature, "vv:", 3) && is_made(t, operands[1]))
        handler += VECTOR_BINARY_Y;
    else if (!strncmp(signature, "vi:", 3) && is_made(t, operands[0]))
        handler += VECTOR_SHIFT_X;
    const uint32_t at = scalar ? emit_result(t, handler, 2, ENGINE_I32) : emit_vector(t, handler, 2);
    for (uint32_t i = 0; i < count; i++) put_u16(t, at, i + 1, operands[i]);
}

static void simd_shift(translator *t, engine_handler handler, const char *signature) {
    if (t->stack[t->stack_count - 1].kind != ENTRY_CONST) {
        simd_plain(t, handler, signature);
        return;
    }
    const uint64_t count = pop(t).value;
    const uint16_t vector = pop(t).slot;
    const bool made = is_made(t, vector);
    const uint32_t at = emit_vector(t, handler + (made ? VECTOR_SHIFT_K_X : VECTOR_SHIFT_K), 2);
    put_u16(t, at, 1, vector);
    put_u16(t, at, 2, count & 63);
}

static void simd_extract(translator *t, uint32_t op, engine_handler handler) {
    const uint32_t lane = *t->ip++;
    const char result = engine_op_get(op)->signature[2];
    const uint8_t type = result == 'i'   ? ENGINE_I32
                         : result == 'I' ? ENGINE_I64
                         : result == 'f' ? ENGINE_F32
                                         : ENGINE_F64;
    const uint16_t vector = pop(t).slot;
    const uint32_t at = emit_result(t, handler, 2, type);
    put_u16(t, at, 1, vector);
    put_u16(t, at, 2, lane_offset(lane, lane_width(op)));
}

static void simd_replace(translator *t, uint32_t op, engine_handler handler) {
    const uint32_t lane = *t->ip++;
    slots_on_top(t, 1);
    const uint16_t scalar = pop(t).slot, vector = pop(t).slot;
    const uint32_t at = emit_vector(t, handler, 4);
    put_u16(t, at, 1, vector);
    put_u16(t, at, 2, scalar);
    put_lane_mask(t, at + 2, lane, lane_width(op));
}

/* Whether the sixteen bytes make up whole lanes of `width` bytes. */
static bool are_lanes(const uint8_t *bytes, uint32_t width) {
    for (uint32_t i = 0; i < 16; i++)
        if (bytes[i] % width != i % width || bytes[i] - i % width != bytes[i - i % width]) return false;
    return true;
}

static void shuffle_by_lookup(translator *t, const uint8_t *bytes, uint16_t first, uint16_t second) {
    enum { NONE = 0x80 };
    bool of_first = true, of_second = true;
    for (uint32_t i = 0; i < 16; i++) {
        of_first &= bytes[i] < 16;
        of_second &= bytes[i] >= 16;
    }
    if (of_first || of_second || first == second) {
        const uint16_t source = of_second ? second : first;
        const uint32_t one =
            emit_vector(t, is_made(t, source) ? ENGINE_H_SHUFFLE_ONE_X : ENGINE_H_SHUFFLE_ONE, 4);
        put_u16(t, one, 1, source);
        for (uint32_t i = 0; i < 16; i++) t->code[one + 2 + i / 8] |= (uint64_t)(bytes[i] % 16) << i % 8 * 8;
        return;
    }
    const engine_handler handler = is_made(t, first)    ? ENGINE_H_SHUFFLE_LOOKUP_X
                                   : is_made(t, second) ? ENGINE_H_SHUFFLE_LOOKUP_Y
                                                        : ENGINE_H_SHUFFLE_LOOKUP;
    const uint32_t at = emit_vector(t, handler, 6);
    put_u16(t, at, 1, first);
    put_u16(t, at, 2, second);
    for (uint32_t i = 0; i < 16; i++) {
        const bool from_first = bytes[i] < 16;
        t->code[at + 2 + i / 8] |= (uint64_t)(from_first ? bytes[i] : NONE) << i % 8 * 8;
        t->code[at + 4 + i / 8] |= (uint64_t)(from_first ? NONE : bytes[i] - 16) << i % 8 * 8;
    }
}

static void simd_shuffle(translator *t) {
    const uint8_t *bytes = t->ip;
    t->ip += 16;
    uint32_t width = 8;
    while (!are_lanes(bytes, width)) width /= 2;
    const engine_handler handler = width == 8   ? ENGINE_H_SHUFFLE_64
                                   : width == 4 ? ENGINE_H_SHUFFLE_32
                                   : width == 2 ? ENGINE_H_SHUFFLE_16
                                                : ENGINE_H_I8X16_SHUFFLE;
    const uint16_t second = pop(t).slot, first = pop(t).slot;
    if (width <= 2 && engine_has_lookup()) {
        shuffle_by_lookup(t, bytes, first, second);
        return;
    }
    const uint32_t at = emit_vector(t, handler, 2 + 8 / width);
    for (uint32_t i = 0; i < 16; i += width) {
        const uint16_t slot = bytes[i] < 16 ? first : second;
        put_u32(t, at, 2 + lane_offset(i / width, width) / width,
                slot * 8u + lane_offset(bytes[i] % 16 / width, width));
    }
}

/* Pops the address of an access of `size` bytes. For a far memory emits what makes it a pointer in the
 * accumulator; its kind is then 'P'. */
static operand pop_vector_address(translator *t, const memory_access *m, uint32_t size) {
    if (!m->far) {
        const entry e = pop(t);
        return operand_of(t, &e);
    }
    const uint16_t address = pop_slot(t);
    spill(t, CLASS_I);
    const uint32_t at = emit(t, ENGINE_H_FAR_POINTER, 3);
    put_u16(t, at, 0, size);
    put_far(t, at, address, m);
    t->acc[CLASS_I].slot = -1;
    return (operand){.kind = 'P'};
}

/* Which of a family's variants has the address there. */
static engine_handler address_variant(const operand *address) {
    switch (address->kind) {
    case 'A': return 1;
    case 'K': return 2;
    case 'P': return 3;
    default: return 0;
    }
}

/* Loads have their address in U16(1), stores in U16(0). */
static void put_vector_address(translator *t, uint32_t at, unsigned n, const operand *address,
                               const memory_access *m) {
    if (address->kind == 'S') put_u16(t, at, n, address->slot);
    if (!m->far) put_u32(t, at, 1, m->end);
}

static void vector_load(translator *t, engine_handler handler, uint32_t size) {
    const memory_access m = read_memory_access(t, size, 0);
    const operand address = pop_vector_address(t, &m, size);
    const uint32_t at = emit_vector(t, handler + address_variant(&address), 2);
    put_vector_address(t, at, 1, &address, &m);
}

static void vector_store(translator *t, engine_handler handler, uint32_t size) {
    const memory_access m = read_memory_access(t, size, 1);
    const uint16_t value = pop(t).slot;
    const operand address = pop_vector_address(t, &m, size);
    if (is_made(t, value)) handler += VECTOR_STORE_X;
    const uint32_t at = emit(t, handler + address_variant(&address), 2);
    put_u16(t, at, 1, value);
    put_vector_address(t, at, 0, &address, &m);
}

static void vector_load_lane(translator *t, engine_handler handler, uint32_t size) {
    const memory_access m = read_memory_access(t, size, 1);
    const uint32_t lane = *t->ip++;
    const uint16_t vector = pop(t).slot;
    const operand address = pop_vector_address(t, &m, size);
    const uint32_t at = emit_vector(t, handler + address_variant(&address), 5);
    put_vector_address(t, at, 1, &address, &m);
    put_u16(t, at, 4, vector);
    put_lane_mask(t, at + 3, lane, size);
}

static void vector_store_lane(translator *t, engine_handler handler, uint32_t size) {
    const memory_access m = read_memory_access(t, size, 1);
    const uint32_t lane = *t->ip++;
    const uint16_t vector = pop(t).slot;
    const operand address = pop_vector_address(t, &m, size);
    const uint32_t at = emit(t, handler + address_variant(&address), 3);
    put_u16(t, at, 1, vector);
    put_vector_address(t, at, 0, &address, &m);
    put_u16(t, at, 4, lane_offset(lane, size));
}

static void translate_simd(translator *t, uint32_t op) {
    const engine_op_info *info = engine_op_get(op);
    const engine_handler handler = simd_handlers[op - FIRST_SIMD];
    const uint32_t size = 1u << info->access;
    const bool stores = info->signature[strlen(info->signature) - 1] == ':';
    uint64_t low;
    switch ((engine_immediate)info->immediate) {
    case ENGINE_IMM_V128:
        low = read_fixed64(t);
        vector_const(t, low, read_fixed64(t));
        break;
    case ENGINE_IMM_SHUFFLE: simd_shuffle(t); break;
    case ENGINE_IMM_LANE:
        if (info->signature[1] == ':')
            simd_extract(t, op, handler);
        else
            simd_replace(t, op, handler);
        break;
    case ENGINE_IMM_MEMARG:
        if (stores)
            vector_store(t, handler, size);
        else
            vector_load(t, handler, size);
        break;
    case ENGINE_IMM_MEMARG_LANE:
        if (stores)
            vector_store_lane(t, handler, size);
        else
            vector_load_lane(t, handler, size);
        break;
    default:
        if (!strcmp(info->signature, "vi:v"))
            simd_shift(t, handler, info->signature);
        else if (handler == ENGINE_H_I8X16_SWIZZLE && engine_has_lookup())
            simd_plain(t, ENGINE_H_SWIZZLE_LOOKUP, info->signature);
        else
            simd_plain(t, handler, info->signature);
        break;
    }
}

static engine_valtype address_type(const engine_limits_type *limits) {
    return limits->is_64 ? ENGINE_I64 : ENGINE_I32;
}

static engine_valtype table_element(const translator *t, uint32_t table) {
    return t->module->tables[table].element;
}

static void translate_bulk(translator *t, uint32_t op) {
    const uint32_t first = read_index(t);
    switch (op) {
    case ENGINE_OP_MEMORY_SIZE:
        bulk(t, op, first, 0, 0, address_type(&t->module->memories[first].limits));
        break;
    case ENGINE_OP_MEMORY_GROW:
        bulk(t, op, first, 0, 1, address_type(&t->module->memories[first].limits));
        break;
    case ENGINE_OP_MEMORY_FILL: bulk(t, op, first, 0, 3, 0); break;
    case ENGINE_OP_DATA_DROP:
    case ENGINE_OP_ELEM_DROP: bulk(t, op, first, 0, 0, 0); break;
    case ENGINE_OP_TABLE_GET: bulk(t, op, first, 0, 1, table_element(t, first)); break;
    case ENGINE_OP_TABLE_SET: bulk(t, op, first, 0, 2, 0); break;
    case ENGINE_OP_TABLE_SIZE:
        bulk(t, op, first, 0, 0, address_type(&t->module->tables[first].limits));
        break;
    case ENGINE_OP_TABLE_GROW:
        bulk(t, op, first, 0, 2, address_type(&t->module->tables[first].limits));
        break;
    case ENGINE_OP_TABLE_FILL: bulk(t, op, first, 0, 3, 0); break;
    default: bulk(t, op, first, read_index(t), 3, 0); break; /* copies and inits: two indices */
    }
}

static void ref_func(translator *t, uint32_t index) {
    if (index >= t->module->func_import_count) {
        put_u32(t, emit_result(t, ENGINE_H_REF_FUNC, 2, ENGINE_I64), 1, index);
        return;
    }
    push_home(t, ENGINE_FUNCREF);
    const uint16_t home = t->stack[t->stack_count - 1].home;
    const uint32_t at = emit(t, ENGINE_H_REF_FUNC_IMPORT, 2);
    put_u16(t, at, 0, home);
    put_u32(t, at, 1, index);
    slot_written(t, home);
}

static void translate_instruction(translator *t, uint32_t op) {
    switch (op) {
    case ENGINE_OP_UNREACHABLE:
        emit(t, ENGINE_H_TRAP_UNREACHABLE, 1);
        become_unreachable(t);
        break;
    case ENGINE_OP_NOP: break;
    case ENGINE_OP_BLOCK: begin_block(t, CONTROL_BLOCK); break;
    case ENGINE_OP_LOOP: begin_block(t, CONTROL_LOOP); break;
    case ENGINE_OP_IF: begin_block(t, CONTROL_IF); break;
    case ENGINE_OP_BR: br(t, read_index(t)); break;
    case ENGINE_OP_BR_IF: br_if(t, read_index(t)); break;
    case ENGINE_OP_BR_TABLE: br_table(t); break;
    case ENGINE_OP_RETURN:
        emit_return(t, own_type(t));
        become_unreachable(t);
        break;
    case ENGINE_OP_CALL: call(t, read_index(t)); break;
    case ENGINE_OP_CALL_INDIRECT: call_indirect(t); break;
    case ENGINE_OP_CALL_REF: call_ref(t); break;
    case ENGINE_OP_RETURN_CALL: return_call(t, read_index(t)); break;
    case ENGINE_OP_RETURN_CALL_INDIRECT: return_call_indirect(t); break;
    case ENGINE_OP_RETURN_CALL_REF: return_call_ref(t); break;
    case ENGINE_OP_TRY_TABLE: begin_try(t); break;
    case ENGINE_OP_THROW: throw_tag(t, read_index(t)); break;
    case ENGINE_OP_THROW_REF: throw_ref(t); break;
    case ENGINE_OP_REF_AS_NON_NULL: ref_as_non_null(t); break;
    case ENGINE_OP_BR_ON_NULL: br_on_null(t, read_index(t)); break;
    case ENGINE_OP_BR_ON_NON_NULL: br_on_non_null(t, read_index(t)); break;
    case ENGINE_OP_DROP: pop(t); break;
    case ENGINE_OP_SELECT_T:
        skip_immediate(t, ENGINE_IMM_SELECT);
        select_values(t);
        break;
    case ENGINE_OP_SELECT: select_values(t); break;
    case ENGINE_OP_LOCAL_GET: local_get(t, read_index(t)); break;
    case ENGINE_OP_LOCAL_SET: local_set(t, read_index(t)); break;
    case ENGINE_OP_LOCAL_TEE: {
        const uint32_t index = read_index(t);
        local_set(t, index);
        local_get(t, index);
        break;
    }
    case ENGINE_OP_GLOBAL_GET: global_get(t, read_index(t)); break;
    case ENGINE_OP_GLOBAL_SET: global_set(t, read_index(t)); break;
    case ENGINE_OP_MEMORY_SIZE:
        if (*t->ip) {
            translate_bulk(t, op);
            break;
        }
        t->ip++;
        emit_result(t, ENGINE_H_MEMORY_SIZE, 2, (uint8_t)address_type(&t->module->memories[0].limits));
        break;
    case ENGINE_OP_I32_CONST: push_const(t, ENGINE_I32, (uint32_t)read_signed(t)); break;
    case ENGINE_OP_I64_CONST: push_const(t, ENGINE_I64, (uint64_t)read_signed(t)); break;
    case ENGINE_OP_F32_CONST: push_const(t, ENGINE_F32, read_fixed32(t)); break;
    case ENGINE_OP_F64_CONST: push_const(t, ENGINE_F64, read_fixed64(t)); break;
    case ENGINE_OP_I32_EQZ: equal_zero(t, OPERAND_I32); break;
    case ENGINE_OP_I64_EQZ: equal_zero(t, OPERAND_I64); break;
    case ENGINE_OP_REF_IS_NULL: equal_zero(t, OPERAND_I64); break;
    case ENGINE_OP_I32_AND: i32_and(t); break;
    case ENGINE_OP_REF_NULL:
        skip_immediate(t, ENGINE_IMM_HEAP_TYPE);
        push_const(t, ENGINE_I64, 0);
        break;
    case ENGINE_OP_REF_FUNC: ref_func(t, read_index(t)); break;
    case ENGINE_OP_MEMORY_GROW:
    case ENGINE_OP_TABLE_GET:
    case ENGINE_OP_TABLE_SET:
    case ENGINE_OP_MEMORY_INIT:
    case ENGINE_OP_DATA_DROP:
    case ENGINE_OP_MEMORY_COPY:
    case ENGINE_OP_MEMORY_FILL:
    case ENGINE_OP_TABLE_INIT:
    case ENGINE_OP_ELEM_DROP:
    case ENGINE_OP_TABLE_COPY:
    case ENGINE_OP_TABLE_GROW:
    case ENGINE_OP_TABLE_SIZE:
    case ENGINE_OP_TABLE_FILL: translate_bulk(t, op); break;
    default:
        if (op >= ENGINE_OP_I32_EQ && op <= ENGINE_OP_I32_GE_U)
            compare(t, OPERAND_I32, op - ENGINE_OP_I32_EQ);
        else if (op >= ENGINE_OP_I64_EQ && op <= ENGINE_OP_I64_GE_U)
            compare(t, OPERAND_I64, op - ENGINE_OP_I64_EQ);
        else if (op >= ENGINE_OP_F32_EQ && op <= ENGINE_OP_F32_GE)
            compare(t, OPERAND_F32, op - ENGINE_OP_F32_EQ);
        else if (op >= ENGINE_OP_F64_EQ && op <= ENGINE_OP_F64_GE)
            compare(t, OPERAND_F64, op - ENGINE_OP_F64_EQ);
        else if (op < sizeof simples / sizeof *simples && simples[op].kind)
            translate_simple(t, &simples[op]);
        else if (engine_has(ENGINE_FEATURE_SIMD) && op >= FIRST_SIMD)
            translate_simd(t, op);
        else
            fail(t, BASE_UNSUPPORTED); /* the loader refused the feature */
        break;
    }
}

/* Goes over code that cannot be reached to the `else` or `end` that ends it, which is left to be read. */
static void skip_unreachable(translator *t) {
    for (uint32_t depth = 0;;) {
        const uint8_t *start = t->ip;
        const uint32_t op = read_opcode(t);
        if (!depth && (op == ENGINE_OP_ELSE || op == ENGINE_OP_END)) {
            t->ip = start;
            return;
        }
        if (op == ENGINE_OP_BLOCK || op == ENGINE_OP_LOOP || op == ENGINE_OP_IF || op == ENGINE_OP_TRY_TABLE)
            depth++;
        if (op == ENGINE_OP_END) depth--;
        skip_immediate(t, (engine_immediate)engine_op_get(op)->immediate);
        t->position += cost(op);
    }
}

/* ---- Functions ----------------------------------------------------------------------------------------- */

static bool read_locals(translator *t) {
    const engine_functype *type = own_type(t);
    const uint8_t *start = t->ip;
    uint64_t count = type->param_count;
    for (uint32_t groups = read_index(t); groups; groups--) {
        count += read_index(t);
        read_value_type(t);
    }
    if (count >= MAX_SLOTS) {
        fail(t, BASE_LIMIT);
        return false;
    }
    t->local_count = (uint32_t)count;
    t->local_slots = base_alloc(t->allocator, count * sizeof *t->local_slots);
    t->local_types = base_alloc(t->allocator, count);
    if (!t->local_slots || !t->local_types) {
        fail(t, BASE_NO_MEMORY);
        return false;
    }
    uint32_t cells = 0, index = 0;
    for (; index < type->param_count; index++) {
        t->local_types[index] = type_byte(type->params[index]);
        t->local_slots[index] = (uint16_t)cells;
        cells += engine_cells(type->params[index]);
    }
    t->ip = start;
    for (uint32_t groups = read_index(t); groups; groups--) {
        const uint32_t repeat = read_index(t);
        const engine_valtype local_type = read_value_type(t);
        for (uint32_t i = 0; i < repeat; i++, index++) {
            t->local_types[index] = type_byte(local_type);
            t->local_slots[index] = (uint16_t)cells;
            cells += engine_cells(local_type);
        }
        if (cells >= MAX_SLOTS) {
            fail(t, BASE_LIMIT);
            return false;
        }
    }
    t->local_cells = cells;
    t->header = (uint16_t)cells;
    t->max_slots = cells + 2;
    t->local_references = base_alloc_zeroed(t->allocator, cells ? cells : 1, sizeof *t->local_references);
    if (!t->local_references) fail(t, BASE_NO_MEMORY);
    return t->local_references != NULL;
}

static void translator_free(translator *t) {
    base_free(t->allocator, t->code, t->capacity * sizeof *t->code);
    base_free(t->allocator, t->stack, t->stack_capacity * sizeof *t->stack);
    base_free(t->allocator, t->controls, t->control_capacity * sizeof *t->controls);
    base_free(t->allocator, t->fixups, t->fixup_capacity * sizeof *t->fixups);
    base_free(t->allocator, t->regions, t->region_capacity * sizeof *t->regions);
    base_free(t->allocator, t->clauses, t->clause_capacity * sizeof *t->clauses);
    base_free(t->allocator, t->local_slots, t->local_count * sizeof *t->local_slots);
    base_free(t->allocator, t->local_types, t->local_count);
    base_free(t->allocator, t->local_references,
              (t->local_cells ? t->local_cells : 1) * sizeof *t->local_references);
}

static void emit_enter(translator *t) {
    const uint32_t param_cells = own_type(t)->param_cells;
    const uint32_t at = emit(t, ENGINE_H_ENTER, 3);
    put_u16(t, at, 1, t->header);
    put_u16(t, at, 2, t->local_cells - param_cells);
    put_u16(t, at, 3, param_cells);
}

/* The frame's size, the whole body's cost, and what each return gives back of it. */
static void complete_enter(translator *t) {
    put_u16(t, 0, 0, t->max_slots);
    put_u32(t, 0, 2, t->position);
    for (uint32_t chain = t->returns; chain; chain = t->fixups[chain - 1].next) {
        const fixup *f = &t->fixups[chain - 1];
        ((half *)t->code)[f->fuel_at] = t->position - f->position;
    }
}

/* Translates the body. With `target` not NULL finds the instruction that word *target was made from: *offset.
 */
static void translate_body(translator *t, const size_t *target, uint64_t *offset) {
    const engine_func *func = t->func;
    t->ip = t->module->bytes + func->body_offset;
    t->end = t->ip + func->body_size;
    if (!read_locals(t)) return;
    forget_accumulators(t);
    /* With some room from the start, failing to grow later leaves something to go on in. */
    if (!grow(t, (void **)&t->code, &t->capacity, sizeof *t->code, 1) ||
        !grow(t, (void **)&t->stack, &t->stack_capacity, sizeof *t->stack, 1) ||
        !grow(t, (void **)&t->controls, &t->control_capacity, sizeof *t->controls, 1))
        return;
    emit_enter(t);
    control *c = push_control(t, CONTROL_FUNCTION);
    c->result_count = own_type(t)->result_count;
    c->results = own_type(t)->results;
    while (t->control_count && t->status == BASE_OK) {
        if (t->unreachable) skip_unreachable(t);
        const uint8_t *start = t->ip;
        t->low_water = t->count;
        const uint32_t op = read_opcode(t);
        t->position += cost(op);
        if (op == ENGINE_OP_ELSE)
            begin_else(t);
        else if (op == ENGINE_OP_END && t->control_count == 1)
            end_function(t);
        else if (op == ENGINE_OP_END) {
            if (label(t, 0)->kind == CONTROL_TRY) end_try(t, label(t, 0));
            end_block(t);
        } else
            translate_instruction(t, op);
        if (target && t->low_water <= *target && *target < t->count)
            *offset = (uint64_t)(start - t->module->bytes);
    }
    if (t->max_slots > MAX_SLOTS) fail(t, BASE_LIMIT);
    if (t->status == BASE_OK) complete_enter(t);
}

static translator translator_for(engine_func *func) {
    return (translator){.func = func, .module = func->module, .allocator = func->module->allocator};
}

static base_status translation_error(const translator *t, base_error *error) {
    if (t->status == BASE_OK) return BASE_OK;
    const base_bytes name = engine_module_func_name(t->module, t->func->index); /* a long search */
    switch (t->status) {
    case BASE_NO_MEMORY: return base_fail_no_memory(error);
    case BASE_LIMIT:
        return base_fail(error, BASE_LIMIT, "function %u (%.*s) needs a frame of more than %d slots",
                         t->func->index, (int)name.size, (const char *)name.data, (int)MAX_SLOTS);
    default:
        return base_fail(error, t->status, "function %u (%.*s) uses an instruction this engine does not run",
                         t->func->index, (int)name.size, (const char *)name.data);
    }
}

static size_t code_size(size_t words, size_t regions, size_t clauses) {
    return sizeof(engine_code) + words * sizeof(engine_word) + regions * sizeof(engine_region) +
           clauses * sizeof(engine_clause);
}

/* Puts the handlers' words where their numbers were. An instruction that has a handler together with the next one gets
 * that; the next keeps its own, for those who branch to it. */
static void finish_code(const translator *t, engine_word *words) {
    size_t next = 0;
    for (size_t at = 0; at < t->count; at = next) {
        next = at + (size_t)(t->code[at] >> 32);
        const engine_handler alone = get_handler(t, at);
        const engine_handler pair =
            next < t->count ? engine_handler_pair(alone, get_handler(t, next)) : ENGINE_HANDLER_COUNT;
        words[at] = engine_handler_word(pair == ENGINE_HANDLER_COUNT ? alone : pair);
    }
}

/* The finished code in one block, or NULL without memory. */
static engine_code *pack_code(const translator *t) {
    engine_code *code = base_alloc(t->allocator, code_size(t->count, t->region_count, t->clause_count));
    if (!code) return NULL;
    code->word_count = t->count;
    code->region_count = (uint32_t)t->region_count;
    code->clause_count = (uint32_t)t->clause_count;
    code->regions = (engine_region *)(void *)(code->words + t->count);
    code->clauses = (engine_clause *)(void *)(code->regions + t->region_count);
    memcpy(code->words, t->code, t->count * sizeof *code->words);
    finish_code(t, code->words);
    if (t->region_count) memcpy(code->regions, t->regions, t->region_count * sizeof *code->regions);
    if (t->clause_count) memcpy(code->clauses, t->clauses, t->clause_count * sizeof *code->clauses);
    return code;
}

base_status engine_translate(engine_func *func, const engine_word **out, base_error *error) {
    engine_code *code = atomic_load_explicit(&func->code, memory_order_acquire);
    if (code) {
        *out = code->words;
        return BASE_OK;
    }
    translator t = translator_for(func);
    translate_body(&t, NULL, NULL);
    if (t.status == BASE_OK && !(code = pack_code(&t))) t.status = BASE_NO_MEMORY;
    const base_status status = translation_error(&t, error);
    if (status == BASE_OK) {
        engine_code *expected = NULL;
        if (!atomic_compare_exchange_strong(&func->code, &expected, code)) { /* another thread was first */
            engine_code_free(func->module, code);
            code = expected;
        }
        atomic_store_explicit(&func->entry, code->words, memory_order_release);
        *out = code->words;
    }
    translator_free(&t);
    return status;
}

uint64_t engine_translate_locate(engine_func *func, size_t index) {
    translator t = translator_for(func);
    uint64_t offset = func->body_offset;
    translate_body(&t, &index, &offset);
    translator_free(&t);
    return offset;
}

void engine_code_free(engine_module *module, engine_code *code) {
    if (code)
        base_free(module->allocator, code,
                  code_size(code->word_count, code->region_count, code->clause_count));
}

void engine_fixed_prepare(engine_word fixed[ENGINE_FIXED_WORDS]) {
    memset(fixed, 0, ENGINE_FIXED_WORDS * sizeof *fixed);
    fixed[ENGINE_FIXED_FINISH] = engine_handler_word(ENGINE_H_FINISH);
    fixed[ENGINE_FIXED_LEAVE] = engine_handler_word(ENGINE_H_LEAVE_INSTANCE);
    fixed[ENGINE_FIXED_FOREIGN] = engine_handler_word(ENGINE_H_FOREIGN);
}

void engine_func_prepare(engine_func *func) {
    func->stub[0] = engine_handler_word(func->import == UINT32_MAX ? ENGINE_H_TRANSLATE : ENGINE_H_IMPORT);
    atomic_store_explicit(&func->entry, func->stub, memory_order_release);
}
