/* Owns the validation of code: the algorithm of the specification's appendix, one pass, with a stack of
 * operand types and a stack of control frames, neither of them the C stack.
 *
 *   operand types      ... | height of the outer block | its operands | height of the inner block | operands
 * | ^ floor                           ^ top
 *
 * Below `floor` the running block may not reach. In code that cannot be reached its operands are whatever is
 * asked for: taking one from an empty stack gives ANY. Instructions whose types do not depend on more than
 * the opcode follow the signatures of opcodes.def; the rest has functions of its own. */
#include "engine/loader.h"
#include "engine/opcodes.h"

#if defined(__GNUC__) || defined(__clang__)
#define LIKELY(condition)   __builtin_expect((condition), 1)
#define UNLIKELY(condition) __builtin_expect((condition), 0)
#define ALWAYS_INLINE       inline __attribute__((always_inline))
#else
#define LIKELY(condition)   (condition)
#define UNLIKELY(condition) (condition)
#define ALWAYS_INLINE       inline
#endif

/* Types that only unreachable code has: of any value, and of any reference. */
#define ANY     0u
#define ANY_REF (ENGINE_TYPE_REF | ENGINE_HEAP_MASK)

/* The operands of an instruction that follows its signature, and whether it may be used at all. Addresses are
 * those of memory 0. */
typedef struct op_shape {
    uint8_t is_allowed; /* WebAssembly 1.0, or its feature is on and has been noted */
    uint8_t immediate;
    uint8_t operand_count;
    uint8_t operands[3]; /* numeric types are one byte */
    uint8_t result;      /* 0 for none */
    uint8_t access;
    uint8_t address_operands; /* a bit for each operand that is an address */
    uint8_t address_result;
} op_shape;

typedef struct control_frame {
    uint32_t height;       /* of the operand stack below the block's parameters */
    uint32_t set_count;    /* of set_locals when the block began */
    uint32_t type;         /* the block's function type, or INLINE_TYPE */
    engine_valtype single; /* with INLINE_TYPE the result, 0 for none */
    uint16_t op;
    bool is_unreachable;
} control_frame;

#define INLINE_TYPE UINT32_MAX

typedef struct type_span {
    const engine_valtype *types;
    uint32_t count;
} type_span;

/* Locals `from`, and those up to the next run's, have one type. */
typedef struct local_run {
    uint32_t from;
    engine_valtype type;
} local_run;

/* The types of the first locals are laid out flat; for those beyond, the runs are searched. That bounds what
 * a function of a few bytes that declares thousands of locals costs. */
#define FLAT_LOCALS 256u

struct engine_validator {
    engine_loader *loader;
    engine_module *module;
    const base_allocator *allocator;

    engine_reader reader;
    const uint8_t *op_at; /* the instruction being checked, for messages */
    uint32_t op;
    engine_valtype *top, *floor;
    engine_valtype *stack, *stack_end;
    bool is_constant; /* in a constant expression */

    control_frame *frames;
    uint32_t frame_count, frame_capacity;

    type_span params;                 /* the first locals, always set */
    uint32_t local_count, flat_count; /* parameters included */
    engine_valtype flat_locals[FLAT_LOCALS];
    local_run *runs;
    uint32_t run_count, run_capacity;

    /* Locals that have no default must be set before they are read: a local is set where its stamp is the
     * running function's; what a block has set, its end takes back. */
    bool has_undefaulted_locals;
    uint32_t stamp;
    uint32_t *stamps;
    uint32_t stamp_capacity;
    uint32_t *set_locals;
    uint32_t set_count, set_capacity;

    op_shape shapes[ENGINE_OP_LIMIT];
};

/* ---- Types --------------------------------------------------------------------------------------------- */

const char *engine_heap_name(engine_valtype heap) {
    switch (heap) {
    case ENGINE_HEAP_FUNC: return "func";
    case ENGINE_HEAP_EXTERN: return "extern";
    case ENGINE_HEAP_EXN: return "exn";
    case ENGINE_HEAP_NOFUNC: return "nofunc";
    case ENGINE_HEAP_NOEXTERN: return "noextern";
    case ENGINE_HEAP_NOEXN: return "noexn";
    default: return NULL;
    }
}

engine_type_text engine_type_name(engine_valtype type) {
    static const char *const numbers[] = {"v128", "f64", "f32", "i64", "i32"};
    engine_type_text out;
    base_error text;
    if (type >= ENGINE_V128 && type <= ENGINE_I32)
        base_fail(&text, BASE_OK, "%s", numbers[type - ENGINE_V128]);
    else if (type == ANY || type == ANY_REF)
        base_fail(&text, BASE_OK, "%s", type == ANY ? "any value" : "any reference");
    else {
        const char *heap = engine_heap_name(type & ENGINE_HEAP_MASK);
        bool nullable = (type & ENGINE_TYPE_NULLABLE) != 0;
        if (heap != NULL && nullable && heap[0] != 'n')
            base_fail(&text, BASE_OK, "%sref", heap);
        else if (heap != NULL)
            base_fail(&text, BASE_OK, "(ref %s%s)", nullable ? "null " : "", heap);
        else
            base_fail(&text, BASE_OK, "(ref %s%u)", nullable ? "null " : "", type & ENGINE_HEAP_MASK);
    }
    memcpy(out.text, text.message, sizeof out.text - 1);
    out.text[sizeof out.text - 1] = '\0';
    return out;
}

static bool heap_matches(engine_valtype actual, engine_valtype expected) {
    if (actual == expected || actual == ENGINE_HEAP_MASK) return true;
    bool expects_func = expected == ENGINE_HEAP_FUNC || expected < ENGINE_HEAP_ABSTRACT;
    switch (actual) {
    case ENGINE_HEAP_NOFUNC: return expects_func;
    case ENGINE_HEAP_NOEXTERN: return expected == ENGINE_HEAP_EXTERN;
    case ENGINE_HEAP_NOEXN: return expected == ENGINE_HEAP_EXN;
    default: return actual < ENGINE_HEAP_ABSTRACT && expected == ENGINE_HEAP_FUNC;
    }
}

bool engine_type_matches(engine_valtype actual, engine_valtype expected) {
    if (actual == expected || actual == ANY) return true;
    if (!engine_is_ref(actual) || !engine_is_ref(expected)) return false;
    if ((actual & ENGINE_TYPE_NULLABLE) != 0 && (expected & ENGINE_TYPE_NULLABLE) == 0) return false;
    return heap_matches(actual & ENGINE_HEAP_MASK, expected & ENGINE_HEAP_MASK);
}

static bool has_default(engine_valtype type) {
    return !engine_is_ref(type) || (type & ENGINE_TYPE_NULLABLE) != 0;
}

static engine_valtype address_type(engine_limits_type limits) {
    return limits.is_64 ? ENGINE_I64 : ENGINE_I32;
}

static type_span params_of(const engine_functype *type) {
    return (type_span){type->params, type->param_count};
}

static type_span results_of(const engine_functype *type) {
    return (type_span){type->results, type->result_count};
}

/* ---- Reports ------------------------------------------------------------------------------------------- */

#define INVALID(validator, ...)                                                                              \
    engine_load_fail((validator)->loader, BASE_INVALID, (validator)->op_at, __VA_ARGS__)

/* What is being checked, as a message names it. */
static const char *subject(const engine_validator *validator) {
    if (validator->op == ENGINE_OP_ELSE) return "the end of a block before else";
    if (validator->op != ENGINE_OP_END) return engine_op_get(validator->op)->name;
    return validator->frame_count > 1 ? "the end of a block" : "the end of an expression or function";
}

static inline bool fail_read(engine_validator *validator) {
    return engine_load_fail_read(validator->loader, &validator->reader);
}

static bool fail_type(engine_validator *validator, engine_valtype expected, engine_valtype found) {
    return INVALID(validator, "type mismatch: %s needs %s, found %s", subject(validator),
                   engine_type_name(expected).text, engine_type_name(found).text);
}

static bool fail_empty(engine_validator *validator, const char *expected) {
    return INVALID(validator, "type mismatch: %s needs %s, found nothing", subject(validator), expected);
}

/* ---- Operands ------------------------------------------------------------------------------------------ */

static control_frame *current_frame(engine_validator *validator) {
    return &validator->frames[validator->frame_count - 1];
}

static bool grow_stack(engine_validator *validator, size_t count) {
    size_t used = (size_t)(validator->top - validator->stack);
    size_t floor = (size_t)(validator->floor - validator->stack);
    size_t capacity = (size_t)(validator->stack_end - validator->stack);
    if (used + count > ENGINE_MAX_OPERANDS)
        return engine_load_fail(validator->loader, BASE_LIMIT, validator->op_at,
                                "more operands on the stack than the limit of %u", ENGINE_MAX_OPERANDS);
    size_t wanted = capacity * 2 > used + count ? capacity * 2 : used + count;
    if (wanted > ENGINE_MAX_OPERANDS) wanted = ENGINE_MAX_OPERANDS;
    engine_valtype *stack =
        base_resize(validator->allocator, validator->stack, capacity * sizeof *stack, wanted * sizeof *stack);
    if (stack == NULL) return engine_load_no_memory(validator->loader);
    validator->stack = stack;
    validator->stack_end = stack + wanted;
    validator->top = stack + used;
    validator->floor = stack + floor;
    return true;
}

/* Makes room for `count` more operands. */
static inline bool reserve(engine_validator *validator, size_t count) {
    if (LIKELY((size_t)(validator->stack_end - validator->top) >= count)) return true;
    return grow_stack(validator, count);
}

/* Every instruction finds room for one operand (see check_expression). */
static inline void push(engine_validator *validator, engine_valtype type) {
    *validator->top++ = type;
}

static bool push_all(engine_validator *validator, type_span span) {
    if (span.count == 0) return true;
    if (!reserve(validator, (size_t)span.count + 1)) return false;
    memcpy(validator->top, span.types, span.count * sizeof *span.types);
    validator->top += span.count;
    return true;
}

/* Takes an operand that is not just what `expected` says. */
static bool pop_other(engine_validator *validator, engine_valtype expected) {
    if (validator->top == validator->floor) {
        if (current_frame(validator)->is_unreachable) return true;
        return fail_empty(validator, engine_type_name(expected).text);
    }
    engine_valtype found = *--validator->top;
    return engine_type_matches(found, expected) || fail_type(validator, expected, found);
}

static inline bool pop(engine_validator *validator, engine_valtype expected) {
    if (LIKELY(validator->top > validator->floor && validator->top[-1] == expected)) {
        validator->top--;
        return true;
    }
    return pop_other(validator, expected);
}

static bool pop_any(engine_validator *validator, engine_valtype *out) {
    if (LIKELY(validator->top > validator->floor)) {
        *out = *--validator->top;
        return true;
    }
    *out = ANY;
    return current_frame(validator)->is_unreachable || fail_empty(validator, "a value");
}

/* Takes a reference; of an unknown operand, ANY_REF. */
static bool pop_ref(engine_validator *validator, engine_valtype *out) {
    if (!pop_any(validator, out)) return false;
    if (*out == ANY) *out = ANY_REF;
    return engine_is_ref(*out) || INVALID(validator, "type mismatch: %s needs a reference, found %s",
                                          subject(validator), engine_type_name(*out).text);
}

static bool pop_each(engine_validator *validator, type_span span) {
    bool is_unreachable = current_frame(validator)->is_unreachable;
    for (uint32_t i = span.count; i-- > 0;) {
        if (validator->top == validator->floor && is_unreachable) return true;
        if (!pop(validator, span.types[i])) return false;
    }
    return true;
}

static ALWAYS_INLINE bool pop_all(engine_validator *validator, type_span span) {
    if (span.count == 0) return true;
    if ((size_t)(validator->top - validator->floor) >= span.count &&
        memcmp(validator->top - span.count, span.types, span.count * sizeof *span.types) == 0) {
        validator->top -= span.count;
        return true;
    }
    return pop_each(validator, span);
}

/* Checks that the operands on top match, and leaves them: for br_table, of whose labels each has its say. */
static bool check_all(engine_validator *validator, type_span span) {
    engine_valtype *top = validator->top;
    bool ok = pop_all(validator, span);
    validator->top = top;
    return ok;
}

static void make_unreachable(engine_validator *validator) {
    validator->top = validator->floor;
    current_frame(validator)->is_unreachable = true;
}

/* ---- Control frames ------------------------------------------------------------------------------------ */

static inline type_span frame_params(const engine_validator *validator, const control_frame *frame) {
    if (frame->type == INLINE_TYPE) return (type_span){NULL, 0};
    return params_of(&validator->module->types[frame->type]);
}

static inline type_span frame_results(const engine_validator *validator, const control_frame *frame) {
    if (frame->type == INLINE_TYPE) return (type_span){&frame->single, frame->single != 0};
    return results_of(&validator->module->types[frame->type]);
}

/* What a branch to the frame takes along. */
static type_span label_types(const engine_validator *validator, const control_frame *frame) {
    return frame->op == ENGINE_OP_LOOP ? frame_params(validator, frame) : frame_results(validator, frame);
}

static bool grow_frames(engine_validator *validator) {
    uint32_t capacity = validator->frame_capacity * 2;
    control_frame *frames =
        base_resize(validator->allocator, validator->frames, validator->frame_capacity * sizeof *frames,
                    capacity * sizeof *frames);
    if (frames == NULL) return engine_load_no_memory(validator->loader);
    validator->frames = frames;
    validator->frame_capacity = capacity;
    return true;
}

/* `shape` says type and single; the operands on top are taken as the block's parameters. */
static bool push_frame(engine_validator *validator, uint32_t op, control_frame shape) {
    if (validator->frame_count == validator->frame_capacity && !grow_frames(validator)) return false;
    type_span params = frame_params(validator, &shape);
    if (!pop_all(validator, params)) return false;
    control_frame *frame = &validator->frames[validator->frame_count++];
    *frame = shape;
    frame->op = (uint16_t)op;
    frame->is_unreachable = false;
    frame->height = (uint32_t)(validator->top - validator->stack);
    frame->set_count = validator->set_count;
    validator->floor = validator->top;
    return push_all(validator, params);
}

static void forget_set_locals(engine_validator *validator, uint32_t count) {
    while (validator->set_count > count) validator->stamps[validator->set_locals[--validator->set_count]] = 0;
}

/* Checks that the running block leaves its results and nothing else, and puts them on top again. */
static bool check_block_end(engine_validator *validator) {
    control_frame *frame = current_frame(validator);
    if (!pop_all(validator, frame_results(validator, frame))) return false;
    if (validator->top != validator->floor)
        return INVALID(validator, "type mismatch: %u values more than the type says are left at %s",
                       (unsigned)(validator->top - validator->floor), subject(validator));
    forget_set_locals(validator, frame->set_count);
    return true;
}

static bool read_label(engine_validator *validator, const control_frame **out) {
    uint32_t label;
    if (!engine_read_u32(&validator->reader, &label)) return fail_read(validator);
    if (label >= validator->frame_count) return INVALID(validator, "unknown label %u", label);
    *out = &validator->frames[validator->frame_count - 1 - label];
    return true;
}

/* ---- Immediates ---------------------------------------------------------------------------------------- */

static bool read_index(engine_validator *validator, uint32_t count, const char *what, uint32_t *out) {
    if (!engine_read_u32(&validator->reader, out)) return fail_read(validator);
    return *out < count || INVALID(validator, "unknown %s %u", what, *out);
}

static bool read_memory(engine_validator *validator, uint32_t *out) {
    return read_index(validator, validator->module->memory_count, "memory", out);
}

static bool read_table(engine_validator *validator, const engine_table_def **out) {
    uint32_t index;
    if (!read_index(validator, validator->module->table_count, "table", &index)) return false;
    *out = &validator->module->tables[index];
    return true;
}

static bool check_data(engine_validator *validator, uint32_t index) {
    if (!validator->loader->has_data_count)
        return engine_load_fail(validator->loader, BASE_MALFORMED, validator->op_at,
                                "data count section required for %s", subject(validator));
    return index < validator->loader->data_count || INVALID(validator, "unknown data segment %u", index);
}

static bool check_elem(engine_validator *validator, uint32_t index) {
    return index < validator->module->elem_count || INVALID(validator, "unknown elem segment %u", index);
}

static bool read_functype(engine_validator *validator, uint32_t *index, const engine_functype **out) {
    if (!read_index(validator, validator->module->type_count, "type", index)) return false;
    *out = &validator->module->types[*index];
    return true;
}

static bool read_block_type(engine_validator *validator, control_frame *out) {
    engine_reader *reader = &validator->reader;
    *out = (control_frame){.type = INLINE_TYPE};
    if (LIKELY(reader->at < reader->end && *reader->at == 0x40)) {
        reader->at++;
        return true;
    }
    if (reader->at < reader->end && *reader->at > 0x40 && *reader->at < 0x80)
        return engine_read_valtype(validator->loader, reader, &out->single);
    int64_t index;
    const uint8_t *at = reader->at;
    if (!engine_read_s33_long(reader, &index)) return fail_read(validator);
    if (index < 0) return engine_load_fail(validator->loader, BASE_MALFORMED, at, "malformed block type");
    if (index >= validator->module->type_count) return INVALID(validator, "unknown type %u", (unsigned)index);
    out->type = (uint32_t)index;
    const engine_functype *type = &validator->module->types[index];
    return (type->param_count == 0 && type->result_count <= 1) ||
           engine_load_need(validator->loader, ENGINE_FEATURE_MULTI_VALUE, at,
                            "a block with parameters or several results");
}

static bool skip_bytes(engine_validator *validator, uint32_t count) {
    base_bytes bytes;
    return engine_read_bytes(&validator->reader, count, &bytes) || fail_read(validator);
}

/* Lane numbers, all of which must be below `limit`. */
static bool read_lanes(engine_validator *validator, uint32_t count, uint8_t limit) {
    uint8_t lane;
    for (uint32_t i = 0; i < count; i++) {
        if (!engine_read_byte(&validator->reader, &lane)) return fail_read(validator);
        if (lane >= limit)
            return INVALID(validator, "invalid lane index %u: %s has %u lanes", lane, subject(validator),
                           limit);
    }
    return true;
}

/* The lanes of the shape that the instruction's name begins with ("i16x8"). */
static uint8_t lane_count(const engine_validator *validator) {
    const char *name = engine_op_get(validator->op)->name;
    while (*name != 'x') name++;
    return name[1] == '1' ? 16 : (uint8_t)(name[1] - '0');
}

/* ---- Instructions that follow their signature ---------------------------------------------------------- */

static bool apply_slowly(engine_validator *validator, const op_shape *shape) {
    for (unsigned i = shape->operand_count; i-- > 0;)
        if (!pop(validator, shape->operands[i])) return false;
    if (shape->result != 0) push(validator, shape->result);
    return true;
}

/* One or two operands that are there and are just what is asked for are the rule. */
static inline bool apply(engine_validator *validator, const op_shape *shape) {
    engine_valtype *top = validator->top;
    ptrdiff_t available = top - validator->floor;
    if (shape->operand_count == 2 && LIKELY(available >= 2) && LIKELY(top[-1] == shape->operands[1]) &&
        LIKELY(top[-2] == shape->operands[0]))
        top -= 2;
    else if (shape->operand_count == 1 && LIKELY(available >= 1) && LIKELY(top[-1] == shape->operands[0]))
        top -= 1;
    else
        return apply_slowly(validator, shape);
    *top = shape->result;
    validator->top = top + (shape->result != 0);
    return true;
}

/* As apply, for an instruction on memory `memory`. */
static inline bool apply_to_memory(engine_validator *validator, const op_shape *shape, uint32_t memory) {
    if (LIKELY(memory == 0)) return apply(validator, shape);
    op_shape own = *shape;
    engine_valtype address = address_type(validator->module->memories[memory].limits);
    for (unsigned i = 0; i < sizeof own.operands; i++)
        if ((own.address_operands & 1u << i) != 0) own.operands[i] = (uint8_t)address;
    if (own.address_result) own.result = (uint8_t)address;
    return apply(validator, &own);
}

enum { MEMARG_HAS_MEMORY = 0x40 };

static bool read_memarg(engine_validator *validator, const op_shape *shape, uint32_t *memory) {
    engine_reader *reader = &validator->reader;
    const engine_module *module = validator->module;
    uint32_t flags;
    uint64_t offset;
    *memory = 0;
    if (!engine_read_u32(reader, &flags)) return fail_read(validator);
    if (UNLIKELY(flags > shape->access)) {
        if (flags >= 2 * MEMARG_HAS_MEMORY)
            return engine_load_fail(validator->loader, BASE_MALFORMED, validator->op_at,
                                    "malformed memop flags 0x%x", flags);
        if ((flags & ~(uint32_t)MEMARG_HAS_MEMORY) > shape->access)
            return INVALID(validator, "alignment must not be larger than natural: %s has 2^%u, not 2^%u",
                           subject(validator), shape->access, flags & ~(uint32_t)MEMARG_HAS_MEMORY);
        if (!engine_load_need(validator->loader, ENGINE_FEATURE_MULTI_MEMORY, validator->op_at,
                              "a memory index"))
            return false;
        if (!engine_read_u32(reader, memory)) return fail_read(validator);
    }
    if (!engine_read_u64(reader, &offset)) return fail_read(validator);
    if (UNLIKELY(*memory >= module->memory_count)) return INVALID(validator, "unknown memory %u", *memory);
    return LIKELY(offset <= UINT32_MAX) || module->memories[*memory].limits.is_64 ||
           INVALID(validator, "offset out of range: %llu in a memory with 32-bit addresses",
                   (unsigned long long)offset);
}

/* A load or store. Alignment and offset are mostly a byte each, and memory 0 is meant. */
static inline bool check_access(engine_validator *validator, const op_shape *shape) {
    engine_reader *reader = &validator->reader;
    if (LIKELY(reader->end - reader->at >= 2 && reader->at[0] <= shape->access && reader->at[1] < 0x80 &&
               validator->module->memory_count > 0)) {
        reader->at += 2;
        return apply(validator, shape);
    }
    uint32_t memory;
    return read_memarg(validator, shape, &memory) && apply_to_memory(validator, shape, memory);
}

/* The rest of the immediates that such instructions have. */
static bool check_with_immediate(engine_validator *validator, const op_shape *shape) {
    engine_reader *reader = &validator->reader;
    uint32_t memory = 0, segment;
    int64_t wide;
    bool ok = true;
    switch ((engine_immediate)shape->immediate) {
    case ENGINE_IMM_MEMARG_LANE:
        ok = read_memarg(validator, shape, &memory) &&
             read_lanes(validator, 1, (uint8_t)(16u >> shape->access));
        break;
    case ENGINE_IMM_MEMORY: ok = read_memory(validator, &memory); break;
    case ENGINE_IMM_DATA_MEMORY:
        if (!engine_read_u32(reader, &segment)) return fail_read(validator);
        ok = read_memory(validator, &memory) && check_data(validator, segment);
        break;
    case ENGINE_IMM_DATA:
        ok = engine_read_u32(reader, &segment) ? check_data(validator, segment) : fail_read(validator);
        break;
    case ENGINE_IMM_ELEM:
        ok = engine_read_u32(reader, &segment) ? check_elem(validator, segment) : fail_read(validator);
        break;
    case ENGINE_IMM_I64: ok = engine_read_s64(reader, &wide) || fail_read(validator); break;
    case ENGINE_IMM_F32: ok = skip_bytes(validator, 4); break;
    case ENGINE_IMM_F64: ok = skip_bytes(validator, 8); break;
    case ENGINE_IMM_V128: ok = skip_bytes(validator, 16); break;
    case ENGINE_IMM_SHUFFLE: ok = read_lanes(validator, 16, 32); break;
    case ENGINE_IMM_LANE: ok = read_lanes(validator, 1, lane_count(validator)); break;
    default: break;
    }
    return ok && apply_to_memory(validator, shape, memory);
}

/* ---- Locals and globals -------------------------------------------------------------------------------- */

static engine_valtype find_local(const engine_validator *validator, uint32_t local) {
    if (local < validator->params.count) return validator->params.types[local];
    uint32_t low = 0, high = validator->run_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (validator->runs[middle].from <= local)
            low = middle;
        else
            high = middle;
    }
    return validator->runs[low].type;
}

static inline bool read_local(engine_validator *validator, uint32_t *local, engine_valtype *type) {
    if (!engine_read_u32(&validator->reader, local)) return fail_read(validator);
    if (LIKELY(*local < validator->flat_count)) {
        *type = validator->flat_locals[*local];
        return true;
    }
    if (*local >= validator->local_count) return INVALID(validator, "unknown local %u", *local);
    *type = find_local(validator, *local);
    return true;
}

static bool is_set(const engine_validator *validator, uint32_t local, engine_valtype type) {
    return !validator->has_undefaulted_locals || has_default(type) || local < validator->params.count ||
           validator->stamps[local] == validator->stamp;
}

static bool mark_set(engine_validator *validator, uint32_t local, engine_valtype type) {
    if (is_set(validator, local, type)) return true;
    if (validator->set_count == validator->set_capacity) {
        uint32_t capacity = validator->set_capacity == 0 ? 16 : validator->set_capacity * 2;
        uint32_t *locals = base_resize(validator->allocator, validator->set_locals,
                                       validator->set_capacity * sizeof *locals, capacity * sizeof *locals);
        if (locals == NULL) return engine_load_no_memory(validator->loader);
        validator->set_locals = locals;
        validator->set_capacity = capacity;
    }
    validator->stamps[local] = validator->stamp;
    validator->set_locals[validator->set_count++] = local;
    return true;
}

static inline bool check_local_get(engine_validator *validator) {
    uint32_t local;
    engine_valtype type = ANY;
    if (!read_local(validator, &local, &type)) return false;
    if (UNLIKELY(!is_set(validator, local, type))) return INVALID(validator, "uninitialized local %u", local);
    push(validator, type);
    return true;
}

static inline bool check_local_set(engine_validator *validator, bool is_tee) {
    uint32_t local;
    engine_valtype type = ANY;
    if (!read_local(validator, &local, &type) || !pop(validator, type)) return false;
    if (UNLIKELY(validator->has_undefaulted_locals) && !mark_set(validator, local, type)) return false;
    if (is_tee) push(validator, type);
    return true;
}

static bool check_global(engine_validator *validator) {
    uint32_t index;
    if (!read_index(validator, validator->module->global_count, "global", &index)) return false;
    const engine_global_def *global = &validator->module->globals[index];
    if (validator->op == ENGINE_OP_GLOBAL_GET) {
        push(validator, global->type);
        return true;
    }
    if (!global->is_mutable) return INVALID(validator, "immutable global %u cannot be set", index);
    return pop(validator, global->type);
}

/* ---- Blocks and branches ------------------------------------------------------------------------------- */

static bool check_block(engine_validator *validator) {
    control_frame frame;
    if (!read_block_type(validator, &frame)) return false;
    if (validator->op == ENGINE_OP_IF && !pop(validator, ENGINE_I32)) return false;
    return push_frame(validator, validator->op, frame);
}

static bool check_else(engine_validator *validator) {
    control_frame *frame = current_frame(validator);
    if (frame->op != ENGINE_OP_IF)
        return engine_load_fail(validator->loader, BASE_MALFORMED, validator->op_at,
                                "misplaced ELSE opcode: else without if");
    if (!check_block_end(validator)) return false;
    frame->op = ENGINE_OP_ELSE;
    frame->is_unreachable = false;
    return push_all(validator, frame_params(validator, frame));
}

/* An if without else passes its parameters on. */
static bool check_missing_else(engine_validator *validator, const control_frame *frame) {
    type_span params = frame_params(validator, frame), results = frame_results(validator, frame);
    bool ok = params.count == results.count;
    for (uint32_t i = 0; ok && i < params.count; i++)
        ok = engine_type_matches(params.types[i], results.types[i]);
    return ok || INVALID(validator, "type mismatch: an if without else must leave the types that it takes");
}

static bool check_end(engine_validator *validator) {
    if (!check_block_end(validator)) return false;
    const control_frame *frame = current_frame(validator);
    if (frame->op == ENGINE_OP_IF && !check_missing_else(validator, frame)) return false;
    type_span results = frame_results(validator, frame);
    validator->frame_count--;
    if (validator->frame_count > 0) validator->floor = validator->stack + current_frame(validator)->height;
    return push_all(validator, results);
}

static bool check_br(engine_validator *validator) {
    const control_frame *target;
    if (!read_label(validator, &target) || !pop_all(validator, label_types(validator, target))) return false;
    make_unreachable(validator);
    return true;
}

static bool check_br_if(engine_validator *validator) {
    const control_frame *target;
    if (!read_label(validator, &target) || !pop(validator, ENGINE_I32)) return false;
    type_span types = label_types(validator, target);
    return pop_all(validator, types) && push_all(validator, types);
}

static bool check_br_table(engine_validator *validator) {
    uint32_t count;
    const control_frame *target, *previous = NULL;
    const uint8_t *at = validator->reader.at;
    if (!engine_read_length(&validator->reader, &count)) return fail_read(validator);
    if (count > ENGINE_MAX_BRANCH_TARGETS)
        return engine_load_fail(validator->loader, BASE_LIMIT, at,
                                "%u targets of br_table are more than the limit of %u", count,
                                ENGINE_MAX_BRANCH_TARGETS);
    if (!pop(validator, ENGINE_I32)) return false;
    uint32_t arity = 0;
    for (uint32_t i = 0; i <= count; i++) {
        if (!read_label(validator, &target)) return false;
        if (target == previous) continue;
        type_span types = label_types(validator, target);
        if (previous != NULL && types.count != arity)
            return INVALID(validator, "type mismatch: br_table's labels take %u and %u values", arity,
                           types.count);
        arity = types.count;
        previous = target;
        if (!check_all(validator, types)) return false;
    }
    make_unreachable(validator);
    return true;
}

static bool check_return(engine_validator *validator) {
    if (!pop_all(validator, frame_results(validator, &validator->frames[0]))) return false;
    make_unreachable(validator);
    return true;
}

/* Both leave the label's operands as the label's types. */
static bool check_br_on_null(engine_validator *validator) {
    const control_frame *target;
    engine_valtype reference;
    if (!read_label(validator, &target) || !pop_ref(validator, &reference)) return false;
    type_span types = label_types(validator, target);
    if (!pop_all(validator, types) || !push_all(validator, types)) return false;
    push(validator, reference & ~ENGINE_TYPE_NULLABLE);
    return true;
}

static bool check_br_on_non_null(engine_validator *validator) {
    const control_frame *target;
    engine_valtype reference;
    if (!read_label(validator, &target) || !pop_ref(validator, &reference)) return false;
    type_span types = label_types(validator, target);
    if (types.count == 0)
        return INVALID(validator, "type mismatch: br_on_non_null needs a label that takes a reference");
    push(validator, reference & ~ENGINE_TYPE_NULLABLE);
    if (!pop_all(validator, types)) return false;
    types.count--;
    return push_all(validator, types);
}

/* ---- Exceptions ---------------------------------------------------------------------------------------- */

enum { CATCH = 0, CATCH_REF = 1, CATCH_ALL = 2, CATCH_ALL_REF = 3 };

#define CAUGHT_REF (ENGINE_EXNREF & ~ENGINE_TYPE_NULLABLE)

static bool check_catch(engine_validator *validator) {
    uint8_t kind;
    uint32_t tag;
    const control_frame *target;
    type_span caught = {NULL, 0};
    const uint8_t *at = validator->reader.at;
    if (!engine_read_byte(&validator->reader, &kind)) return fail_read(validator);
    if (kind > CATCH_ALL_REF)
        return engine_load_fail(validator->loader, BASE_MALFORMED, at, "malformed catch clause 0x%02x", kind);
    if (kind < CATCH_ALL) {
        if (!read_index(validator, validator->module->tag_count, "tag", &tag)) return false;
        caught = params_of(&validator->module->types[validator->module->tags[tag].type_index]);
    }
    if (!read_label(validator, &target)) return false;
    bool with_ref = kind == CATCH_REF || kind == CATCH_ALL_REF;
    type_span types = label_types(validator, target);
    bool ok = types.count == caught.count + with_ref;
    for (uint32_t i = 0; ok && i < caught.count; i++)
        ok = engine_type_matches(caught.types[i], types.types[i]);
    if (ok && with_ref) ok = engine_type_matches(CAUGHT_REF, types.types[caught.count]);
    return ok || INVALID(validator, "type mismatch: a catch clause's label does not take what is caught");
}

static bool check_try_table(engine_validator *validator) {
    control_frame frame;
    uint32_t count;
    if (!read_block_type(validator, &frame)) return false;
    if (!engine_read_length(&validator->reader, &count)) return fail_read(validator);
    for (uint32_t i = 0; i < count; i++)
        if (!check_catch(validator)) return false;
    return push_frame(validator, ENGINE_OP_TRY_TABLE, frame);
}

static bool check_throw(engine_validator *validator) {
    uint32_t tag;
    if (!read_index(validator, validator->module->tag_count, "tag", &tag)) return false;
    if (!pop_all(validator, params_of(&validator->module->types[validator->module->tags[tag].type_index])))
        return false;
    make_unreachable(validator);
    return true;
}

static bool check_throw_ref(engine_validator *validator) {
    if (!pop(validator, ENGINE_EXNREF)) return false;
    make_unreachable(validator);
    return true;
}

/* ---- Calls --------------------------------------------------------------------------------------------- */

static bool finish_call(engine_validator *validator, const engine_functype *type) {
    return pop_all(validator, params_of(type)) && push_all(validator, results_of(type));
}

static bool finish_tail_call(engine_validator *validator, const engine_functype *type) {
    type_span results = frame_results(validator, &validator->frames[0]);
    bool ok = results.count == type->result_count;
    for (uint32_t i = 0; ok && i < results.count; i++)
        ok = engine_type_matches(type->results[i], results.types[i]);
    if (!ok)
        return INVALID(validator, "type mismatch: %s of a function with other results", subject(validator));
    if (!pop_all(validator, params_of(type))) return false;
    make_unreachable(validator);
    return true;
}

static bool check_call(engine_validator *validator, bool is_tail) {
    uint32_t index;
    if (!read_index(validator, validator->module->func_count, "function", &index)) return false;
    const engine_functype *type = &validator->module->types[validator->module->funcs[index].type_index];
    return is_tail ? finish_tail_call(validator, type) : finish_call(validator, type);
}

static bool check_call_indirect(engine_validator *validator, bool is_tail) {
    uint32_t index;
    const engine_functype *type;
    const engine_table_def *table;
    if (!read_functype(validator, &index, &type) || !read_table(validator, &table)) return false;
    if (!engine_type_matches(table->element, ENGINE_FUNCREF))
        return INVALID(validator, "type mismatch: %s through a table of %s", subject(validator),
                       engine_type_name(table->element).text);
    if (!pop(validator, address_type(table->limits))) return false;
    return is_tail ? finish_tail_call(validator, type) : finish_call(validator, type);
}

static bool check_call_ref(engine_validator *validator, bool is_tail) {
    uint32_t index;
    const engine_functype *type;
    if (!read_functype(validator, &index, &type)) return false;
    engine_valtype reference =
        ENGINE_TYPE_REF | ENGINE_TYPE_NULLABLE | validator->module->canonical_types[index];
    if (!pop(validator, reference)) return false;
    return is_tail ? finish_tail_call(validator, type) : finish_call(validator, type);
}

/* ---- Values, references, tables ------------------------------------------------------------------------ */

static bool check_drop(engine_validator *validator) {
    engine_valtype type;
    return pop_any(validator, &type);
}

static bool check_select(engine_validator *validator) {
    engine_valtype second, first;
    if (!pop(validator, ENGINE_I32) || !pop_any(validator, &second) || !pop_any(validator, &first))
        return false;
    if (engine_is_ref(first) || engine_is_ref(second))
        return INVALID(validator, "type mismatch: select of references needs its type, found %s",
                       engine_type_name(engine_is_ref(first) ? first : second).text);
    if (first != second && first != ANY && second != ANY) return fail_type(validator, first, second);
    push(validator, first == ANY ? second : first);
    return true;
}

static bool check_select_typed(engine_validator *validator) {
    uint32_t count;
    engine_valtype type;
    if (!engine_read_length(&validator->reader, &count)) return fail_read(validator);
    if (count != 1) return INVALID(validator, "invalid result arity: select of %u types", count);
    if (!engine_read_valtype(validator->loader, &validator->reader, &type)) return false;
    if (!pop(validator, ENGINE_I32) || !pop(validator, type) || !pop(validator, type)) return false;
    push(validator, type);
    return true;
}

static bool check_ref_null(engine_validator *validator) {
    engine_valtype type;
    if (!engine_read_heap_type(validator->loader, &validator->reader, &type)) return false;
    push(validator, type);
    return true;
}

static bool check_ref_is_null(engine_validator *validator) {
    engine_valtype type;
    if (!pop_ref(validator, &type)) return false;
    push(validator, ENGINE_I32);
    return true;
}

static bool check_ref_as_non_null(engine_validator *validator) {
    engine_valtype type;
    if (!pop_ref(validator, &type)) return false;
    push(validator, type & ~ENGINE_TYPE_NULLABLE);
    return true;
}

static bool check_ref_func(engine_validator *validator) {
    uint32_t index;
    if (!read_index(validator, validator->module->func_count, "function", &index)) return false;
    if (!validator->loader->declared[index])
        return INVALID(validator,
                       "undeclared function reference %u: it must be exported or in an element segment",
                       index);
    push(validator, ENGINE_TYPE_REF | validator->module->funcs[index].canonical);
    return true;
}

/* table.get, set, size, grow, fill. */
static bool check_table_op(engine_validator *validator) {
    const engine_table_def *table;
    if (!read_table(validator, &table)) return false;
    engine_valtype address = address_type(table->limits);
    switch (validator->op) {
    case ENGINE_OP_TABLE_GET:
        if (!pop(validator, address)) return false;
        push(validator, table->element);
        return true;
    case ENGINE_OP_TABLE_SET: return pop(validator, table->element) && pop(validator, address);
    case ENGINE_OP_TABLE_GROW:
        if (!pop(validator, address) || !pop(validator, table->element)) return false;
        push(validator, address);
        return true;
    case ENGINE_OP_TABLE_FILL:
        return pop(validator, address) && pop(validator, table->element) && pop(validator, address);
    default: push(validator, address); return true;
    }
}

static bool check_table_init(engine_validator *validator) {
    uint32_t segment;
    const engine_table_def *table;
    if (!engine_read_u32(&validator->reader, &segment)) return fail_read(validator);
    if (!read_table(validator, &table) || !check_elem(validator, segment)) return false;
    engine_valtype type = validator->module->elems[segment].type;
    if (!engine_type_matches(type, table->element)) return fail_type(validator, table->element, type);
    return pop(validator, ENGINE_I32) && pop(validator, ENGINE_I32) &&
           pop(validator, address_type(table->limits));
}

/* A copy's length has the smaller of the two address types. */
static bool finish_copy(engine_validator *validator, engine_limits_type destination,
                        engine_limits_type source) {
    engine_valtype length = destination.is_64 && source.is_64 ? ENGINE_I64 : ENGINE_I32;
    return pop(validator, length) && pop(validator, address_type(source)) &&
           pop(validator, address_type(destination));
}

static bool check_table_copy(engine_validator *validator) {
    const engine_table_def *destination, *source;
    if (!read_table(validator, &destination) || !read_table(validator, &source)) return false;
    if (!engine_type_matches(source->element, destination->element))
        return fail_type(validator, destination->element, source->element);
    return finish_copy(validator, destination->limits, source->limits);
}

static bool check_memory_copy(engine_validator *validator) {
    uint32_t destination, source;
    if (!read_memory(validator, &destination) || !read_memory(validator, &source)) return false;
    const engine_memory_def *memories = validator->module->memories;
    return finish_copy(validator, memories[destination].limits, memories[source].limits);
}

/* ---- Constant expressions ------------------------------------------------------------------------------ */

static bool fail_not_constant(engine_validator *validator) {
    return INVALID(validator, "constant expression required: %s is not allowed", subject(validator));
}

/* Whether the instruction may stand in a constant expression. */
static bool check_constant_op(engine_validator *validator) {
    engine_loader *loader = validator->loader;
    const engine_module *module = validator->module;
    engine_reader ahead = validator->reader;
    uint32_t index;
    switch (validator->op) {
    case ENGINE_OP_I32_CONST:
    case ENGINE_OP_I64_CONST:
    case ENGINE_OP_F32_CONST:
    case ENGINE_OP_F64_CONST:
    case ENGINE_OP_V128_CONST:
    case ENGINE_OP_REF_NULL:
    case ENGINE_OP_END: return true;
    case ENGINE_OP_I32_ADD:
    case ENGINE_OP_I32_SUB:
    case ENGINE_OP_I32_MUL:
    case ENGINE_OP_I64_ADD:
    case ENGINE_OP_I64_SUB:
    case ENGINE_OP_I64_MUL:
        return engine_load_need(loader, ENGINE_FEATURE_EXTENDED_CONST, validator->op_at,
                                "arithmetic in a constant expression");
    case ENGINE_OP_REF_FUNC:
        /* Naming a function here is what declares it for ref.func in code. */
        if (engine_read_u32(&ahead, &index) && index < module->func_count) loader->declared[index] = 1;
        return true;
    case ENGINE_OP_GLOBAL_GET:
        if (!engine_read_u32(&ahead, &index) || index >= module->global_count)
            return true; /* check_op reports it */
        if (module->globals[index].is_mutable) return fail_not_constant(validator);
        /* WebAssembly 3.0 lets a constant expression read globals that are not imports, as extended constants
         * do. */
        return index < module->global_import_count ||
               engine_load_need(loader, ENGINE_FEATURE_EXTENDED_CONST, validator->op_at,
                                "global.get of a global of the module's own in a constant expression");
    default: return fail_not_constant(validator);
    }
}

/* ---- All instructions ---------------------------------------------------------------------------------- */

/* Notes the feature that an instruction belongs to; reports one that is off, and what is no instruction. */
static bool check_use(engine_validator *validator) {
    const engine_op_info *info = engine_op_get(validator->op);
    const uint8_t *at = validator->op_at;
    engine_loader *loader = validator->loader;
    if (info->name != NULL) {
        if (!engine_load_need(loader, (engine_feature)info->feature, at, info->name)) return false;
        validator->shapes[validator->op].is_allowed = true;
        return true;
    }
    if (at[0] == 0xD3) return engine_load_refuse(loader, ENGINE_FEATURE_GC, at, "ref.eq");
    if (validator->op >= 0x200)
        return engine_load_fail(loader, BASE_MALFORMED, at, "illegal opcode fd %02x", validator->op - 0x200);
    if (validator->op >= 0x100)
        return engine_load_fail(loader, BASE_MALFORMED, at, "illegal opcode fc %02x", validator->op - 0x100);
    bool is_legacy = at[0] == 0x06 || at[0] == 0x07 || at[0] == 0x09 || at[0] == 0x18 || at[0] == 0x19;
    return engine_load_fail(loader, BASE_MALFORMED, at, "illegal opcode %02x%s", at[0],
                            is_legacy ? " (exception handling of before WebAssembly 3.0)" : "");
}

enum { FIRST_PREFIX = 0xFB };

/* The number of an instruction that begins with the byte `op`, where that may be a prefix. */
static bool read_prefixed_op(engine_validator *validator, uint32_t *op) {
    engine_loader *loader = validator->loader;
    uint32_t prefix = *op, number;
    if (prefix != 0xFC && prefix != 0xFD) {
        if (prefix == 0xFB)
            return engine_load_refuse(loader, ENGINE_FEATURE_GC, validator->op_at,
                                      "an instruction on objects");
        if (prefix == 0xFE)
            return engine_load_refuse(loader, ENGINE_FEATURE_THREADS, validator->op_at,
                                      "an atomic instruction");
        return engine_load_fail(loader, BASE_MALFORMED, validator->op_at, "illegal opcode %02x", prefix);
    }
    if (!engine_read_u32(&validator->reader, &number)) return fail_read(validator);
    if (prefix == 0xFD && !ENGINE_KNOWS_VECTORS &&
        number <= ENGINE_OP_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S - 0x200)
        return engine_load_refuse(loader, number < 0x100 ? ENGINE_FEATURE_SIMD : ENGINE_FEATURE_RELAXED_SIMD,
                                  validator->op_at, "a vector instruction");
    uint32_t page = prefix == 0xFC ? 0x100 : 0x200, limit = prefix == 0xFC ? 0x200 : ENGINE_OP_LIMIT;
    if (number >= limit - page)
        return engine_load_fail(loader, BASE_MALFORMED, validator->op_at, "illegal opcode %02x %02x", prefix,
                                number);
    *op = page + number;
    return true;
}

static ALWAYS_INLINE bool check_op(engine_validator *validator, uint32_t op, const op_shape *shape) {
    int32_t narrow;
    switch (op) {
    case ENGINE_OP_LOCAL_GET: return check_local_get(validator);
    case ENGINE_OP_LOCAL_SET: return check_local_set(validator, false);
    case ENGINE_OP_LOCAL_TEE: return check_local_set(validator, true);
    case ENGINE_OP_I32_CONST:
        if (!engine_read_s32(&validator->reader, &narrow)) return fail_read(validator);
        push(validator, ENGINE_I32);
        return true;
    case ENGINE_OP_GLOBAL_GET:
    case ENGINE_OP_GLOBAL_SET: return check_global(validator);
    case ENGINE_OP_UNREACHABLE: make_unreachable(validator); return true;
    case ENGINE_OP_BLOCK:
    case ENGINE_OP_LOOP:
    case ENGINE_OP_IF: return check_block(validator);
    case ENGINE_OP_ELSE: return check_else(validator);
    case ENGINE_OP_END: return check_end(validator);
    case ENGINE_OP_BR: return check_br(validator);
    case ENGINE_OP_BR_IF: return check_br_if(validator);
    case ENGINE_OP_BR_TABLE: return check_br_table(validator);
    case ENGINE_OP_RETURN: return check_return(validator);
    case ENGINE_OP_CALL: return check_call(validator, false);
    case ENGINE_OP_CALL_INDIRECT: return check_call_indirect(validator, false);
    case ENGINE_OP_CALL_REF: return check_call_ref(validator, false);
    case ENGINE_OP_RETURN_CALL: return check_call(validator, true);
    case ENGINE_OP_RETURN_CALL_INDIRECT: return check_call_indirect(validator, true);
    case ENGINE_OP_RETURN_CALL_REF: return check_call_ref(validator, true);
    case ENGINE_OP_DROP: return check_drop(validator);
    case ENGINE_OP_SELECT: return check_select(validator);
    case ENGINE_OP_SELECT_T: return check_select_typed(validator);
    case ENGINE_OP_TRY_TABLE: return check_try_table(validator);
    case ENGINE_OP_THROW: return check_throw(validator);
    case ENGINE_OP_THROW_REF: return check_throw_ref(validator);
    case ENGINE_OP_REF_NULL: return check_ref_null(validator);
    case ENGINE_OP_REF_IS_NULL: return check_ref_is_null(validator);
    case ENGINE_OP_REF_FUNC: return check_ref_func(validator);
    case ENGINE_OP_REF_AS_NON_NULL: return check_ref_as_non_null(validator);
    case ENGINE_OP_BR_ON_NULL: return check_br_on_null(validator);
    case ENGINE_OP_BR_ON_NON_NULL: return check_br_on_non_null(validator);
    case ENGINE_OP_TABLE_GET:
    case ENGINE_OP_TABLE_SET:
    case ENGINE_OP_TABLE_GROW:
    case ENGINE_OP_TABLE_SIZE:
    case ENGINE_OP_TABLE_FILL: return check_table_op(validator);
    case ENGINE_OP_TABLE_INIT: return check_table_init(validator);
    case ENGINE_OP_TABLE_COPY: return check_table_copy(validator);
    case ENGINE_OP_MEMORY_COPY: return check_memory_copy(validator);
    default: break;
    }
    if (shape->immediate == ENGINE_IMM_NONE) return apply(validator, shape);
    if (shape->immediate == ENGINE_IMM_MEMARG) return check_access(validator, shape);
    return check_with_immediate(validator, shape);
}

static bool fail_missing_end(engine_validator *validator) {
    const engine_reader *reader = &validator->reader;
    return engine_load_fail(
        validator->loader, BASE_MALFORMED, reader->at, "%s%s",
        reader->end == reader->module_end ? "" : "END opcode expected: section size mismatch: ",
        ENGINE_UNEXPECTED_END);
}

/* Instructions up to the `end` of the outermost frame. */
static bool check_expression(engine_validator *validator) {
    engine_reader *reader = &validator->reader;
    while (validator->frame_count > 0) {
        validator->op_at = reader->at;
        if (UNLIKELY(reader->at == reader->end)) return fail_missing_end(validator);
        uint32_t op = *reader->at++;
        if (UNLIKELY(op >= FIRST_PREFIX) && !read_prefixed_op(validator, &op)) return false;
        validator->op = op;
        const op_shape *shape = &validator->shapes[op];
        if (UNLIKELY(!shape->is_allowed) && !check_use(validator)) return false;
        if (UNLIKELY(validator->is_constant) && !check_constant_op(validator)) return false;
        if (!reserve(validator, 1) || !check_op(validator, op, shape)) return false;
    }
    return true;
}

/* ---- Bodies and initialisers --------------------------------------------------------------------------- */

static bool add_locals(engine_validator *validator, uint32_t count, engine_valtype type) {
    if (validator->run_count == validator->run_capacity) {
        uint32_t capacity = validator->run_capacity * 2;
        local_run *runs = base_resize(validator->allocator, validator->runs,
                                      validator->run_capacity * sizeof *runs, capacity * sizeof *runs);
        if (runs == NULL) return engine_load_no_memory(validator->loader);
        validator->runs = runs;
        validator->run_capacity = capacity;
    }
    validator->runs[validator->run_count++] = (local_run){validator->local_count, type};
    validator->local_count += count;
    while (validator->flat_count < FLAT_LOCALS && validator->flat_count < validator->local_count)
        validator->flat_locals[validator->flat_count++] = type;
    return true;
}

static bool read_locals(engine_validator *validator) {
    engine_reader *reader = &validator->reader;
    const uint8_t *at = reader->at;
    uint64_t total = validator->local_count;
    uint32_t run_count, count;
    engine_valtype type;
    if (!engine_read_length(reader, &run_count)) return fail_read(validator);
    for (uint32_t i = 0; i < run_count; i++) {
        if (!engine_read_u32(reader, &count)) return fail_read(validator);
        if (!engine_read_valtype(validator->loader, reader, &type)) return false;
        total += count;
        if (count == 0 || total > ENGINE_MAX_LOCALS) continue;
        if (!add_locals(validator, count, type)) return false;
        if (!has_default(type)) validator->has_undefaulted_locals = true;
    }
    if (total > UINT32_MAX)
        return engine_load_fail(validator->loader, BASE_MALFORMED, at, "too many locals: %llu",
                                (unsigned long long)total);
    return total <= ENGINE_MAX_LOCALS ||
           engine_load_fail(validator->loader, BASE_LIMIT, at, "%u locals are more than the limit of %u",
                            (uint32_t)total, ENGINE_MAX_LOCALS);
}

/* A new stamp has all locals unset. */
static bool begin_local_tracking(engine_validator *validator) {
    validator->stamp++;
    if (validator->local_count <= validator->stamp_capacity) return true;
    uint32_t *stamps = base_alloc_zeroed(validator->allocator, validator->local_count, sizeof *stamps);
    if (stamps == NULL) return engine_load_no_memory(validator->loader);
    base_free(validator->allocator, validator->stamps, validator->stamp_capacity * sizeof *stamps);
    validator->stamps = stamps;
    validator->stamp_capacity = validator->local_count;
    return true;
}

static void begin_params(engine_validator *validator, type_span params) {
    validator->params = params;
    validator->local_count = params.count;
    validator->flat_count = params.count < FLAT_LOCALS ? params.count : FLAT_LOCALS;
    for (uint32_t i = 0; i < validator->flat_count; i++) validator->flat_locals[i] = params.types[i];
}

static void begin_expression(engine_validator *validator) {
    validator->top = validator->floor = validator->stack;
    validator->frame_count = 0;
    validator->set_count = 0;
    validator->has_undefaulted_locals = false;
    validator->run_count = 0;
}

bool engine_validate_body(engine_loader *loader, const engine_reader *reader, const engine_func *func) {
    engine_validator *validator = loader->validator;
    const engine_functype *type = &loader->module->types[func->type_index];
    const uint8_t *start = loader->module->bytes + func->body_offset;
    validator->reader = engine_reader_within(reader, start, func->body_size);
    validator->op_at = start;
    begin_expression(validator);
    begin_params(validator, params_of(type));
    if (!read_locals(validator)) return false;
    if (validator->has_undefaulted_locals && !begin_local_tracking(validator)) return false;
    /* The body is a block without parameters: those are locals. */
    validator->frames[validator->frame_count++] =
        (control_frame){.type = func->type_index, .op = ENGINE_OP_BLOCK};
    if (!check_expression(validator)) return false;
    if (validator->reader.at == validator->reader.end) return true;
    return engine_load_fail(loader, BASE_MALFORMED, validator->reader.at,
                            "section size mismatch: %zu bytes of code behind the function's end",
                            (size_t)(validator->reader.end - validator->reader.at));
}

bool engine_validate_const(engine_loader *loader, engine_reader *reader, engine_valtype expected,
                           engine_const_expr *out) {
    engine_validator *validator = loader->validator;
    const uint8_t *start = reader->at;
    validator->reader = *reader;
    begin_expression(validator);
    validator->frames[validator->frame_count++] =
        (control_frame){.type = INLINE_TYPE, .single = expected, .op = ENGINE_OP_BLOCK};
    validator->is_constant = true;
    bool ok = check_expression(validator);
    validator->is_constant = false;
    if (!ok) return false;
    reader->at = validator->reader.at;
    *out = (engine_const_expr){(uint32_t)(start - loader->module->bytes), (uint32_t)(reader->at - start)};
    return true;
}

/* ---- The validator ------------------------------------------------------------------------------------- */

static engine_valtype type_of_letter(char letter, engine_valtype address) {
    switch (letter) {
    case 'i': return ENGINE_I32;
    case 'I': return ENGINE_I64;
    case 'f': return ENGINE_F32;
    case 'F': return ENGINE_F64;
    case 'v': return ENGINE_V128;
    default: return address;
    }
}

static op_shape make_shape(const engine_op_info *info, engine_valtype address) {
    op_shape shape = {.is_allowed = info->name != NULL && info->feature == 0,
                      .immediate = info->immediate,
                      .access = info->access};
    if (info->signature == NULL) return shape;
    const char *letter = info->signature;
    for (; *letter != ':'; letter++) {
        if (*letter == 'm') shape.address_operands |= (uint8_t)(1u << shape.operand_count);
        shape.operands[shape.operand_count++] = (uint8_t)type_of_letter(*letter, address);
    }
    letter++;
    if (*letter != '\0') shape.result = (uint8_t)type_of_letter(*letter, address);
    shape.address_result = *letter == 'm';
    return shape;
}

static void make_shapes(engine_validator *validator, engine_valtype address) {
    for (uint32_t op = 0; op < ENGINE_OP_LIMIT; op++)
        validator->shapes[op] = make_shape(engine_op_get(op), address);
}

enum { FIRST_STACK = 1024, FIRST_FRAMES = 64, FIRST_RUNS = 64 };

bool engine_validator_new(engine_loader *loader) {
    const base_allocator *allocator = loader->module->allocator;
    engine_validator *validator = base_alloc_zeroed(allocator, 1, sizeof *validator);
    if (validator == NULL) return engine_load_no_memory(loader);
    loader->validator = validator;
    validator->loader = loader;
    validator->module = loader->module;
    validator->allocator = allocator;
    validator->stack = base_alloc(allocator, FIRST_STACK * sizeof *validator->stack);
    validator->frames = base_alloc(allocator, FIRST_FRAMES * sizeof *validator->frames);
    validator->runs = base_alloc(allocator, FIRST_RUNS * sizeof *validator->runs);
    validator->stack_end = validator->stack == NULL ? NULL : validator->stack + FIRST_STACK;
    validator->frame_capacity = FIRST_FRAMES;
    validator->run_capacity = FIRST_RUNS;
    make_shapes(validator, ENGINE_I32);
    if (validator->stack == NULL || validator->frames == NULL || validator->runs == NULL)
        return engine_load_no_memory(loader);
    return true;
}

void engine_validate_begin_code(engine_loader *loader) {
    const engine_module *module = loader->module;
    if (module->memory_count > 0 && module->memories[0].limits.is_64)
        make_shapes(loader->validator, ENGINE_I64);
}

void engine_validator_free(engine_validator *validator) {
    if (validator == NULL) return;
    const base_allocator *allocator = validator->allocator;
    base_free(allocator, validator->stack,
              (size_t)(validator->stack_end - validator->stack) * sizeof *validator->stack);
    base_free(allocator, validator->frames, validator->frame_capacity * sizeof *validator->frames);
    base_free(allocator, validator->runs, validator->run_capacity * sizeof *validator->runs);
    base_free(allocator, validator->stamps, validator->stamp_capacity * sizeof *validator->stamps);
    base_free(allocator, validator->set_locals, validator->set_capacity * sizeof *validator->set_locals);
    base_free(allocator, validator, sizeof *validator);
}
