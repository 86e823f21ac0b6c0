/* The interpreter made small (WPLUG_DISPATCH=compact): a switch with one body for each operation, whatever the shape of its
 * operands and wherever its result goes. Of the fourteen handlers of i32.sub in handlers.def one remains, which costs time:
 * operands are fetched by shape before the switch, and results kept after it.
 *
 * Handlers have the numbers that the translator knows. Word 0 of an instruction says which body does it:
 *
 *      63 ......... 32   31 .. 28   27 .. 24   23 .. 16   15 ......... 0
 *     +----------------+----------+----------+----------+---------------+
 *     |                | class    | fetch    | variant  | body          |
 *     +----------------+----------+----------+----------+---------------+
 *
 * `variant` counts the handlers of a family from its first: shapes in the order of handlers.def, where there are _D variants
 * two each. `fetch` is how the family's operands are found, `class` the class of these. There are no pairs. */
#include "engine/features.h"
#include "engine/machine.h"
#include "engine/steps.h"

#define VECTOR_REGISTER vec

/* ---- Families ------------------------------------------------------------------------------------------- */

/* FAMILY(fetch, operation, first shape) in place of the handlers that steps.h makes of a family; HANDLER as ever. */
#undef COMMUTATIVE
#undef BINARY
#undef UNARY
#undef LOAD
#undef STORE
#undef FLOAT_STORE
#undef SELECT
#undef BRANCH
#define COMMUTATIVE(operation) FAMILY(BINARY, operation, SS)
#define BINARY(operation)      FAMILY(BINARY, operation, SS)
#define UNARY(operation)       FAMILY(UNARY, operation, S)
#define LOAD(operation)        FAMILY(LOAD, operation, S)
#define STORE(operation)       FAMILY(STORE, operation, SS)
#define FLOAT_STORE(operation) FAMILY(FLOAT_STORE, operation, SA)
#define SELECT(operation)      FAMILY(SELECT, operation, S)
#define BRANCH(operation)      FAMILY(BRANCH, operation, SS)
#undef PAIR_HANDLER
#define PAIR_HANDLER(...)
#undef FLOAT_PAIR_HANDLER
#define FLOAT_PAIR_HANDLER(...)

/* Which class a family's operands are of, from its OP_ line. */
#define CLASS_OF(fetch, operation)             CLASS_OF_WITH(CLASS_OF_##fetch, OP_##operation)
#define CLASS_OF_WITH(which, ...)              which(__VA_ARGS__)
#define CLASS_OF_BINARY(in, out, check, value) CLASS_##in
#define CLASS_OF_UNARY(in, out, check, value)  CLASS_##in
#define CLASS_OF_BRANCH(class, condition)      CLASS_##class
#define CLASS_OF_LOAD(...)                     CLASS_I32
#define CLASS_OF_STORE(...)                    CLASS_I32
#define CLASS_OF_FLOAT_STORE(...)              CLASS_I32
#define CLASS_OF_SELECT(class)                 CLASS_I32

enum { CLASS_I32, CLASS_I64, CLASS_F32, CLASS_F64 };
enum {
    FETCH_NOTHING,
    FETCH_BINARY,
    FETCH_UNARY,
    FETCH_LOAD,
    FETCH_STORE,
    FETCH_FLOAT_STORE,
    FETCH_SELECT,
    FETCH_BRANCH
};

enum {
#define FAMILY(fetch, operation, shape) BODY_##operation,
#define HANDLER(name, ...)              BODY_##name,
#include "engine/handlers.def"
#undef FAMILY
#undef HANDLER
    BODY_COUNT
};

/* By body: its first handler. */
static const uint16_t first_handlers[BODY_COUNT] = {
#define FAMILY(fetch, operation, shape) ENGINE_H_##operation##_##shape,
#define HANDLER(name, ...)              ENGINE_H_##name,
#include "engine/handlers.def"
#undef FAMILY
#undef HANDLER
};

/* By body: class and fetch. */
static const uint8_t fetches[BODY_COUNT] = {
#define FAMILY(fetch, operation, shape) CLASS_OF(fetch, operation) << 4 | FETCH_##fetch,
#define HANDLER(name, ...)              FETCH_NOTHING,
#include "engine/handlers.def"
#undef FAMILY
#undef HANDLER
};

engine_word engine_handler_word(engine_handler handler) {
    size_t body = 0, beyond = BODY_COUNT;
    while (beyond - body > 1) {
        const size_t middle = body + (beyond - body) / 2;
        if (first_handlers[middle] <= handler)
            body = middle;
        else
            beyond = middle;
    }
    return (engine_word)fetches[body] << 24 | (engine_word)(handler - first_handlers[body]) << 16 | body;
}

engine_handler engine_handler_pair(engine_handler first, engine_handler second) {
    return ENGINE_HANDLER_COUNT;
}

const char *engine_dispatch_name(void) {
    return "compact";
}

/* ---- Operands ------------------------------------------------------------------------------------------- */

/* Where an operand, an address or a value to store is found. */
typedef enum place { SLOT, ACCUMULATOR, CONSTANT } place;

/* x and y by shape: SS SK AS AK SA KS KA. */
static const uint8_t x_places[] = {SLOT, SLOT, ACCUMULATOR, ACCUMULATOR, SLOT, CONSTANT, CONSTANT};
static const uint8_t y_places[] = {SLOT, CONSTANT, SLOT, CONSTANT, ACCUMULATOR, SLOT, ACCUMULATOR};
/* Address and value of a store by shape: SS SA SK AS AK KS KA KK. */
static const uint8_t into_places[] = {SLOT,        SLOT,     SLOT,     ACCUMULATOR,
                                      ACCUMULATOR, CONSTANT, CONSTANT, CONSTANT};
static const uint8_t value_places[] = {SLOT,     ACCUMULATOR, CONSTANT,    SLOT,
                                       CONSTANT, SLOT,        ACCUMULATOR, CONSTANT};

#define OPERAND_I32(cell) (uint32_t)(cell)
#define OPERAND_I64(cell) (cell)
#define OPERAND_F32(cell) engine_f32(cell)
#define OPERAND_F64(cell) engine_f64(cell)

/* The bodies of families: what steps.h says of the operation, with operands that are already there. */
#define BODY_WITH(which, ...) which(__VA_ARGS__)
#define BODY_OF_BINARY(in, out, check, result)                                                               \
    {                                                                                                        \
        const TYPE_##in x = OPERAND_##in(x_cell);                                                            \
        const TYPE_##in y = OPERAND_##in(y_cell);                                                            \
        check;                                                                                               \
        RESULT_##out(result);                                                                                \
        goto keep_##out;                                                                                     \
    }
#define BODY_OF_UNARY(in, out, check, result)                                                                \
    {                                                                                                        \
        const TYPE_##in x = OPERAND_##in(x_cell);                                                            \
        check;                                                                                               \
        RESULT_##out(result);                                                                                \
        goto keep_##out;                                                                                     \
    }
#define BODY_OF_LOAD(out, result)                                                                            \
    {                                                                                                        \
        const uint64_t end = access_end;                                                                     \
        RESULT_##out(result);                                                                                \
        goto keep_##out;                                                                                     \
    }
#define BODY_OF_STORE(accumulator, write)                                                                    \
    {                                                                                                        \
        const uint64_t end = access_end;                                                                     \
        const uint64_t v = y_cell;                                                                           \
        write;                                                                                               \
        goto skip;                                                                                           \
    }
#define BODY_OF_FLOAT_STORE(accumulator, write)                                                              \
    {                                                                                                        \
        const uint64_t end = access_end;                                                                     \
        const uint64_t v = accumulator;                                                                      \
        write;                                                                                               \
        goto skip;                                                                                           \
    }
#define BODY_OF_SELECT(class)                                                                                \
    {                                                                                                        \
        RESULT_##class(OPERAND_##class(x_cell));                                                             \
        goto keep_##class;                                                                                   \
    }
#define BODY_OF_BRANCH(class, condition)                                                                     \
    {                                                                                                        \
        const TYPE_##class x = OPERAND_##class(x_cell);                                                      \
        const TYPE_##class y = OPERAND_##class(y_cell);                                                      \
        if (condition) goto take;                                                                            \
        goto skip;                                                                                           \
    }

/* ---- The machine ---------------------------------------------------------------------------------------- */

#define JUMP       goto next
#define TAIL(name) goto handle_##name
#define LEAVE      return
#if defined(__GNUC__)
#define UNUSED_LABEL __attribute__((unused)) /* few are the target of a TAIL */
#else
#define UNUSED_LABEL
#endif

void engine_interpret(engine_exec *exec) {
    engine_exec *const ex = exec;
    const engine_word *pc = exec->pc;
    uint64_t *fp = exec->fp;
    uint8_t *mem = exec->memory;
    uint64_t ms = exec->memory_size;
    int64_t fuel = exec->fuel;
    int64_t depth = exec->depth_left;
    uint64_t a = exec->a;
    float s = exec->s;
    double d = exec->d;
#if WPLUG_SIMD
    engine_u64x2 vec = {0};
#endif
    uint64_t x_cell, y_cell, access_end; /* operands, and where an access of memory 0 ends */
    uint32_t variant, words;
    uint32_t word;

next:
    word = (uint32_t)pc[0];
    variant = word >> 16 & 0xFF;
    x_cell = y_cell = access_end = 0;
    words = 2;
    switch (word >> 24 & 15) {
    case FETCH_NOTHING: break;
    case FETCH_BINARY:
    case FETCH_BRANCH: {
        const uint32_t class = word >> 28;
        const bool branches = (word >> 24 & 15) == FETCH_BRANCH;
        const uint32_t shape = branches ? variant : variant / 2;
        const uint32_t slot = branches ? 0 : 1;
        const bool wide =
            branches ? class >= CLASS_F32 : class == CLASS_F64; /* a constant in a word of its own */
        const place x = x_places[shape], y = y_places[shape];
        const bool has_constant = x == CONSTANT || y == CONSTANT;
        const uint64_t accumulator = class == CLASS_F32   ? engine_cell_f32(s)
                                     : class == CLASS_F64 ? engine_cell_f64(d)
                                                          : a;
        uint64_t constant = 0;
        words += branches;
        if (has_constant) {
            constant = wide ? WORD(words) : (uint64_t)(int64_t)I32(branches ? 3 : 1);
            words += wide;
        }
        x_cell = x == SLOT ? fp[U16(slot)] : x == ACCUMULATOR ? accumulator : constant;
        y_cell = y == SLOT ? fp[U16(slot + (x == SLOT))] : y == ACCUMULATOR ? accumulator : constant;
        break;
    }
    case FETCH_UNARY:
        x_cell = variant < 2               ? fp[U16(1)]
                 : word >> 28 == CLASS_F32 ? engine_cell_f32(s)
                 : word >> 28 == CLASS_F64 ? engine_cell_f64(d)
                                           : a;
        break;
    case FETCH_SELECT: x_cell = fp[(variant < 2 ? READ_U32(1) : (uint32_t)a) ? U16(2) : U16(3)]; break;
    case FETCH_LOAD:
        access_end = variant < 2 ? READ_U32(1) : variant < 4 ? (uint32_t)a : 0;
        access_end += U32(1);
        CHECK_MEM(access_end);
        break;
    case FETCH_STORE:
    case FETCH_FLOAT_STORE: {
        const bool floats = (word >> 24 & 15) == FETCH_FLOAT_STORE;
        const place into = floats ? (place)variant : (place)into_places[variant];
        access_end = into == SLOT ? READ_U32(0) : into == ACCUMULATOR ? (uint32_t)a : 0;
        access_end += U32(1);
        CHECK_MEM(access_end);
        if (floats) break; /* the value is in its accumulator */
        const place value = value_places[variant];
        y_cell = value == SLOT ? fp[U16(1)] : value == ACCUMULATOR ? a : WORD(2);
        words += value == CONSTANT;
        break;
    }
    }
    switch (word & 0xFFFF) {
#define FAMILY(fetch, operation, shape)                                                                      \
    case BODY_##operation: BODY_WITH(BODY_OF_##fetch, OP_##operation)
#define HANDLER(name, ...)                                                                                   \
    case BODY_##name: handle_##name : UNUSED_LABEL; __VA_ARGS__
#undef TAKE
#define TAKE goto take
#include "engine/handlers.def"
#undef FAMILY
#undef HANDLER
    }
    return; /* never reached */

keep_I32:
keep_I64:
    if (variant & 1) SET_I;
    goto skip;
keep_COMPUTED_F32:
    s = engine_canonical_f32(s);
keep_F32:
    if (variant & 1) SET_S;
    goto skip;
keep_COMPUTED_F64:
    d = engine_canonical_f64(d);
keep_F64:
    if (variant & 1) SET_D;
skip:
    pc += words;
    goto next;
take: {
    const int32_t distance = I32(1);
    CHARGE(I32(2));
    pc = (const engine_word *)(const void *)((const char *)pc + distance);
    CHECK_FUEL;
    goto next;
}
}
