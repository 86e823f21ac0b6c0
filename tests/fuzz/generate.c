/* Owns the generator of valid modules. Each byte of the input is a decision: which types, functions and memories there
 * are, then, body by body, which instruction comes next. The generator keeps the operand stack's types as validation
 * does; operands that an instruction needs and the stack does not have are made on the spot.
 *
 * Types are letters, as in opcodes.def: i I f F v, and besides r (funcref), x (externref), e (exnref). */
#include "generate.h"

#include "engine/opcodes.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_VALUES = 8, /* parameters or results of a type */
    MAX_TYPES = 24,
    MAX_FUNCS = 8,
    MAX_IMPORTS = 2,
    MAX_FEW = 3, /* tables, memories, tags */
    MAX_GLOBALS = 6,
    MAX_LOCALS = 24,
    MAX_STACK = 200,
    MAX_LABELS = 12
};

typedef struct functype {
    uint8_t params[MAX_VALUES], results[MAX_VALUES];
    unsigned param_count, result_count;
} functype;

typedef struct label {
    functype type;
    unsigned height; /* of the stack below its parameters */
    uint8_t opcode;  /* of the instruction that opened it; ELSE after that; 0: the function */
} label;

typedef struct generator {
    const uint8_t *next, *end; /* of the input */
    base_buffer *out;          /* where instructions go */
    uint32_t features;

    functype types[MAX_TYPES];
    unsigned type_count;
    unsigned func_types[MAX_FUNCS];
    unsigned func_count, import_count;
    uint8_t table_elements[MAX_FEW];
    bool table_is_64[MAX_FEW], memory_is_64[MAX_FEW];
    unsigned table_count, memory_count;
    unsigned tag_types[MAX_FEW];
    unsigned tag_count;
    uint8_t globals[MAX_GLOBALS];
    unsigned global_count;
    uint16_t plain[ENGINE_OP_LIMIT]; /* instructions whose signature is in the table */
    unsigned plain_count;

    /* Of the body that is being written. */
    uint8_t locals[MAX_LOCALS];
    unsigned local_count;
    uint8_t stack[MAX_STACK];
    unsigned stack_count;
    label labels[MAX_LABELS];
    unsigned label_count;
    unsigned func;
} generator;

/* ---- Decisions ---- */

static unsigned decide(generator *g) {
    return g->next < g->end ? *g->next++ : 0;
}

static unsigned below(generator *g, unsigned limit) {
    return limit > 1 ? decide(g) % limit : 0;
}

static bool has(const generator *g, engine_feature feature) {
    return (g->features & feature) == (uint32_t)feature;
}

/* ---- Bytes ---- */

static void put(base_buffer *out, uint8_t byte) {
    if (base_buffer_append_byte(out, byte) != BASE_OK) abort();
}

static void put_all(base_buffer *out, const void *bytes, size_t size) {
    if (base_buffer_append(out, bytes, size) != BASE_OK) abort();
}

static void put_unsigned(base_buffer *out, uint64_t value) {
    for (; value >= 0x80; value >>= 7) put(out, (uint8_t)(value | 0x80));
    put(out, (uint8_t)value);
}

static void put_signed(base_buffer *out, int64_t value) {
    while (value < -64 || value > 63) {
        put(out, (uint8_t)((value & 0x7F) | 0x80));
        value >>= 7;
    }
    put(out, (uint8_t)(value & 0x7F));
}

static void put_section(base_buffer *out, uint8_t id, base_buffer *content) {
    put(out, id);
    put_unsigned(out, content->size);
    put_all(out, content->data, content->size);
    base_buffer_free(content);
}

static uint8_t type_byte(uint8_t letter) {
    switch (letter) {
    case 'i': return 0x7F;
    case 'I': return 0x7E;
    case 'f': return 0x7D;
    case 'F': return 0x7C;
    case 'v': return 0x7B;
    case 'r': return 0x70;
    case 'x': return 0x6F;
    default: return 0x69;
    }
}

static void op(generator *g, uint32_t number) {
    if (number >= 0x100) {
        put(g->out, number < 0x200 ? 0xFC : 0xFD);
        put_unsigned(g->out, number < 0x200 ? number - 0x100 : number - 0x200);
    } else {
        put(g->out, (uint8_t)number);
    }
}

static void op_index(generator *g, uint32_t number, uint64_t index) {
    op(g, number);
    put_unsigned(g->out, index);
}

/* ---- Constants ---- */

/* Numbers at which something changes, or any. */
static uint64_t interesting(generator *g) {
    static const uint64_t numbers[] = {
        0,  1,   2,   3,   4,          7,          8,     15,    16,         31,         32,  63,
        64, 100, 255, 256, 0x7FFFFFFF, 0x80000000, 65535, 65536, UINT64_MAX, 0xFFFFFFFF, 128, 65532};
    unsigned choice = decide(g);
    if (choice < 160) return choice % 24 < 16 ? choice % 16 : numbers[choice % 24];
    if (choice < 230) return numbers[choice % 24];
    uint64_t number = 0;
    for (int i = choice < 245 ? 4 : 8; i > 0; i--) number = number << 8 | decide(g);
    return choice == 255 ? number | (uint64_t)1 << 63 : number;
}

static void put_float_bytes(generator *g, unsigned size) {
    static const double numbers[] = {0,    -0.0,         1,      -1,     0.5,   2.5, 1e10,
                                     -3e9, 4294967295.0, 9.2e18, 1e-310, 1.5e38};
    unsigned choice = decide(g);
    double number = numbers[choice % 12];
    float narrow = (float)number;
    uint8_t bytes[8];
    memcpy(bytes, size == 4 ? (const void *)&narrow : (const void *)&number, size);
    if (choice >= 200) bytes[size - 1] = (uint8_t)(choice | 0x70), bytes[size - 2] = (uint8_t)decide(g);
    if (choice >= 245) memset(bytes, (int)choice, size);
    put_all(g->out, bytes, size);
}

static void constant(generator *g, uint8_t type) {
    switch (type) {
    case 'i': op(g, ENGINE_OP_I32_CONST), put_signed(g->out, (int32_t)(uint32_t)interesting(g)); break;
    case 'I': op(g, ENGINE_OP_I64_CONST), put_signed(g->out, (int64_t)interesting(g)); break;
    case 'f': op(g, ENGINE_OP_F32_CONST), put_float_bytes(g, 4); break;
    case 'F': op(g, ENGINE_OP_F64_CONST), put_float_bytes(g, 8); break;
    case 'v':
        op(g, ENGINE_OP_V128_CONST);
        put_float_bytes(g, 8), put_float_bytes(g, 4), put_float_bytes(g, 4);
        break;
    case 'r':
        if (below(g, 3) > 0) {
            op_index(g, ENGINE_OP_REF_FUNC, below(g, g->func_count));
            break;
        }
        /* fall through */
    default: op(g, ENGINE_OP_REF_NULL), put(g->out, type_byte(type));
    }
}

/* ---- The operand stack ---- */

static void push(generator *g, uint8_t type) {
    if (g->stack_count < MAX_STACK) g->stack[g->stack_count++] = type;
}

static void push_all(generator *g, const uint8_t *types, unsigned count) {
    for (unsigned i = 0; i < count; i++) push(g, types[i]);
}

static unsigned height(const generator *g) {
    return g->labels[g->label_count - 1].height;
}

/* An index of `type` in `types`, by decision, or `count` where there is none. */
static unsigned find(generator *g, const uint8_t *types, unsigned count, uint8_t type) {
    unsigned first = below(g, count);
    for (unsigned i = 0; i < count; i++) {
        if (types[(first + i) % count] == type) return (first + i) % count;
    }
    return count;
}

/* Makes a value of the type, without noting it. */
static void produce(generator *g, uint8_t type) {
    unsigned choice = decide(g), index;
    if (choice % 4 != 0 && (index = find(g, g->locals, g->local_count, type)) < g->local_count) {
        op_index(g, ENGINE_OP_LOCAL_GET, index);
    } else if (choice % 16 == 4 && (index = find(g, g->globals, g->global_count, type)) < g->global_count) {
        op_index(g, ENGINE_OP_GLOBAL_GET, index);
    } else {
        constant(g, type);
    }
}

/* Takes operands off the stack, as many of them as are there; the others are made. */
static void need(generator *g, const uint8_t *types, unsigned count) {
    unsigned there = g->stack_count - height(g);
    if (there > count) there = count;
    while (there > 0 && memcmp(g->stack + g->stack_count - there, types, there) != 0) there--;
    for (unsigned i = there; i < count; i++) produce(g, types[i]);
    g->stack_count -= there;
}

static void need_one(generator *g, uint8_t type) {
    need(g, &type, 1);
}

/* Nothing runs after what was just written. */
static void dead(generator *g) {
    g->stack_count = height(g);
}

/* ---- Blocks ---- */

static label *label_at(generator *g, unsigned depth) {
    return &g->labels[g->label_count - 1 - depth];
}

/* What a branch to the label takes along. */
static const uint8_t *label_values(const label *l, unsigned *count) {
    if (l->opcode == ENGINE_OP_LOOP) return *count = l->type.param_count, l->type.params;
    return *count = l->type.result_count, l->type.results;
}

static unsigned find_type(const generator *g, const functype *type) {
    for (unsigned i = 0; i < g->type_count; i++) {
        const functype *other = &g->types[i];
        if (other->param_count == type->param_count && other->result_count == type->result_count &&
            memcmp(other->params, type->params, type->param_count) == 0 &&
            memcmp(other->results, type->results, type->result_count) == 0)
            return i;
    }
    return g->type_count;
}

static void put_block_type(generator *g, const functype *type) {
    if (type->param_count == 0 && type->result_count == 0)
        put(g->out, 0x40);
    else if (type->param_count == 0 && type->result_count == 1)
        put(g->out, type_byte(type->results[0]));
    else
        put_signed(g->out, find_type(g, type));
}

static functype choose_block_type(generator *g) {
    unsigned choice = decide(g);
    functype none = {.param_count = 0};
    if (choice % 3 == 0) return none;
    return g->types[choice / 3 % g->type_count];
}

/* Opens a block; its parameters are taken from the stack and are on it again. What is to stand after the block type
 * can be written next. */
static void open_block(generator *g, uint8_t opcode, functype type) {
    need(g, type.params, type.param_count);
    op(g, opcode);
    put_block_type(g, &type);
    g->labels[g->label_count++] = (label){type, g->stack_count, opcode};
    push_all(g, type.params, type.param_count);
}

/* Leaves on the stack exactly what the innermost block ends with. */
static void settle(generator *g) {
    label *l = label_at(g, 0);
    unsigned count = l->type.result_count;
    if (g->stack_count - l->height == count && memcmp(g->stack + l->height, l->type.results, count) == 0)
        return;
    if (l->opcode != ENGINE_OP_LOOP && decide(g) % 3 == 0) { /* leaves what is below the results */
        need(g, l->type.results, count);
        op_index(g, ENGINE_OP_BR, 0);
        dead(g);
        return;
    }
    while (g->stack_count > l->height) op(g, ENGINE_OP_DROP), g->stack_count--;
    need(g, l->type.results, count);
}

static void close_block(generator *g) {
    label *l = label_at(g, 0);
    settle(g);
    g->stack_count = l->height;
    if (l->opcode == ENGINE_OP_IF) {
        op(g, ENGINE_OP_ELSE);
        l->opcode = ENGINE_OP_ELSE;
        push_all(g, l->type.params, l->type.param_count);
        return;
    }
    op(g, ENGINE_OP_END);
    functype type = l->type;
    g->label_count--;
    if (g->label_count > 0) push_all(g, type.results, type.result_count);
}

static void write_if(generator *g) {
    functype type = choose_block_type(g);
    uint8_t operands[MAX_VALUES + 1];
    memcpy(operands, type.params, type.param_count);
    operands[type.param_count] = 'i';
    need(g, operands, type.param_count + 1);
    op(g, ENGINE_OP_IF);
    put_block_type(g, &type);
    g->labels[g->label_count++] = (label){type, g->stack_count, ENGINE_OP_IF};
    push_all(g, type.params, type.param_count);
}

/* A block around a try_table that catches into it. */
static void write_try(generator *g) {
    enum { CATCH, CATCH_REF, CATCH_ALL, CATCH_ALL_REF };
    if (!has(g, ENGINE_FEATURE_EXCEPTIONS) || g->label_count + 2 > MAX_LABELS) return;
    unsigned kind = below(g, 4), tag = below(g, g->tag_count);
    if (g->tag_count == 0) kind |= CATCH_ALL;
    functype caught = {.param_count = 0};
    if (kind < CATCH_ALL) {
        const functype *type = &g->types[g->tag_types[tag]];
        memcpy(caught.results, type->params, type->param_count);
        caught.result_count = type->param_count;
    }
    if (kind % 2 == 1) caught.results[caught.result_count++] = 'e';
    open_block(g, ENGINE_OP_BLOCK, caught);
    open_block(g, ENGINE_OP_TRY_TABLE, choose_block_type(g));
    put(g->out, 1);
    put(g->out, (uint8_t)kind);
    if (kind < CATCH_ALL) put_unsigned(g->out, tag);
    put(g->out, 0);
}

/* A loop that counts a local down. */
static void write_counted_loop(generator *g) {
    functype none = {.param_count = 0};
    unsigned local = find(g, g->locals, g->local_count, 'i');
    if (local == g->local_count) return;
    op(g, ENGINE_OP_I32_CONST), put_signed(g->out, below(g, 60)), op_index(g, ENGINE_OP_LOCAL_SET, local);
    open_block(g, ENGINE_OP_LOOP, none);
    op_index(g, ENGINE_OP_LOCAL_GET, local), op(g, ENGINE_OP_I32_CONST), put(g->out, 1);
    op(g, ENGINE_OP_I32_SUB), op_index(g, ENGINE_OP_LOCAL_TEE, local);
    if (decide(g) % 2 == 0) op(g, ENGINE_OP_I32_CONST), put(g->out, 0), op(g, ENGINE_OP_I32_GT_S);
    op_index(g, ENGINE_OP_BR_IF, 0);
}

/* ---- Branches ---- */

static void write_br(generator *g) {
    unsigned count, depth = below(g, g->label_count);
    const uint8_t *values = label_values(label_at(g, depth), &count);
    need(g, values, count);
    op_index(g, ENGINE_OP_BR, depth);
    dead(g);
}

static void write_br_if(generator *g) {
    unsigned count, depth = below(g, g->label_count);
    const uint8_t *values = label_values(label_at(g, depth), &count);
    uint8_t operands[MAX_VALUES + 1];
    memcpy(operands, values, count);
    operands[count] = 'i';
    need(g, operands, count + 1);
    op_index(g, ENGINE_OP_BR_IF, depth);
    push_all(g, values, count);
}

static void write_br_table(generator *g) {
    unsigned count, other_count, entries = 0, depth = below(g, g->label_count);
    const uint8_t *values = label_values(label_at(g, depth), &count);
    uint8_t operands[MAX_VALUES + 1], depths[8];
    for (unsigned wanted = below(g, 8); entries < wanted; entries++) {
        depths[entries] = (uint8_t)depth;
        unsigned other = below(g, g->label_count);
        const uint8_t *others = label_values(label_at(g, other), &other_count);
        if (other_count == count && memcmp(others, values, count) == 0) depths[entries] = (uint8_t)other;
    }
    memcpy(operands, values, count);
    operands[count] = 'i';
    need(g, operands, count + 1);
    op_index(g, ENGINE_OP_BR_TABLE, entries);
    put_all(g->out, depths, entries);
    put_unsigned(g->out, depth);
    dead(g);
}

static void write_return(generator *g) {
    const functype *type = &g->labels[0].type;
    need(g, type->results, type->result_count);
    op(g, ENGINE_OP_RETURN);
    dead(g);
}

/* br_on_null and br_on_non_null. */
static void write_br_on(generator *g) {
    if (!has(g, ENGINE_FEATURE_FUNCTION_REFERENCES)) return;
    unsigned count, depth = below(g, g->label_count);
    const uint8_t *values = label_values(label_at(g, depth), &count);
    uint8_t operands[MAX_VALUES + 1];
    memcpy(operands, values, count);
    if (count > 0 && (values[count - 1] == 'r' || values[count - 1] == 'x')) {
        need(g, operands, count);
        op_index(g, ENGINE_OP_BR_ON_NON_NULL, depth);
        push_all(g, values, count - 1);
    } else {
        operands[count] = decide(g) % 2 == 0 ? 'r' : 'x';
        need(g, operands, count + 1);
        op_index(g, ENGINE_OP_BR_ON_NULL, depth);
        push_all(g, operands, count + 1);
    }
}

static void write_throw(generator *g) {
    if (!has(g, ENGINE_FEATURE_EXCEPTIONS)) return;
    if (g->tag_count == 0 || decide(g) % 4 == 0) {
        need_one(g, 'e');
        op(g, ENGINE_OP_THROW_REF);
    } else {
        unsigned tag = below(g, g->tag_count);
        const functype *type = &g->types[g->tag_types[tag]];
        need(g, type->params, type->param_count);
        op_index(g, ENGINE_OP_THROW, tag);
    }
    dead(g);
}

/* ---- Calls ---- */

static bool may_tail_call(const generator *g, const functype *type) {
    const functype *own = &g->labels[0].type;
    return has(g, ENGINE_FEATURE_TAIL_CALLS) && own->result_count == type->result_count &&
           memcmp(own->results, type->results, own->result_count) == 0;
}

static void called(generator *g, const functype *type, bool tail) {
    if (tail)
        dead(g);
    else
        push_all(g, type->results, type->result_count);
}

static void write_call(generator *g) {
    unsigned func = below(g, g->func_count);
    const functype *type = &g->types[g->func_types[func]];
    bool tail = may_tail_call(g, type) && decide(g) % 2 == 0;
    need(g, type->params, type->param_count);
    op_index(g, tail ? ENGINE_OP_RETURN_CALL : ENGINE_OP_CALL, func);
    called(g, type, tail);
}

static uint8_t address_type(bool is_64) {
    return is_64 ? 'I' : 'i';
}

static void write_call_indirect(generator *g) {
    unsigned table = below(g, g->table_count);
    if (g->table_count == 0 || g->table_elements[table] != 'r') return;
    unsigned func = below(g, g->func_count);
    const functype *type = &g->types[g->func_types[func]];
    bool tail = may_tail_call(g, type) && decide(g) % 2 == 0;
    uint8_t operands[MAX_VALUES + 1];
    memcpy(operands, type->params, type->param_count);
    if (decide(g) % 4 != 0) { /* the entry where the first table's segment has the function */
        need(g, type->params, type->param_count);
        op(g, g->table_is_64[table] ? ENGINE_OP_I64_CONST : ENGINE_OP_I32_CONST);
        put_signed(g->out, func + 1);
    } else {
        operands[type->param_count] = address_type(g->table_is_64[table]);
        need(g, operands, type->param_count + 1);
    }
    op_index(g, tail ? ENGINE_OP_RETURN_CALL_INDIRECT : ENGINE_OP_CALL_INDIRECT, g->func_types[func]);
    put_unsigned(g->out, table);
    called(g, type, tail);
}

static void write_call_ref(generator *g) {
    if (!has(g, ENGINE_FEATURE_FUNCTION_REFERENCES)) return;
    unsigned func = below(g, g->func_count);
    const functype *type = &g->types[g->func_types[func]];
    bool tail = may_tail_call(g, type) && decide(g) % 2 == 0;
    need(g, type->params, type->param_count);
    if (decide(g) % 8 == 0)
        op(g, ENGINE_OP_REF_NULL), put_signed(g->out, g->func_types[func]);
    else
        op_index(g, ENGINE_OP_REF_FUNC, func);
    op_index(g, tail ? ENGINE_OP_RETURN_CALL_REF : ENGINE_OP_CALL_REF, g->func_types[func]);
    called(g, type, tail);
}

/* ---- Instructions with a signature ---- */

static unsigned lane_count(const char *name) {
    const char *times = strchr(name, 'x');
    return times ? (unsigned)strtoul(times + 1, NULL, 10) : 1;
}

static void put_memarg(generator *g, unsigned access, unsigned memory) {
    unsigned choice = decide(g);
    unsigned alignment = choice % (access + 1);
    put_unsigned(g->out, memory ? alignment | 0x40 : alignment);
    if (memory) put_unsigned(g->out, memory);
    put_unsigned(g->out, choice < 200 ? choice / 8 : choice < 250 ? interesting(g) & 0xFFFFFFFF : 0xFFFFFFFF);
}

static void put_immediate(generator *g, const engine_op_info *info, unsigned memory) {
    uint8_t lanes[16];
    switch (info->immediate) {
    case ENGINE_IMM_MEMARG: put_memarg(g, info->access, memory); break;
    case ENGINE_IMM_MEMARG_LANE:
        put_memarg(g, info->access, memory);
        put(g->out, (uint8_t)below(g, 16u >> info->access));
        break;
    case ENGINE_IMM_MEMORY: put_unsigned(g->out, memory); break;
    case ENGINE_IMM_DATA_MEMORY: put_unsigned(g->out, below(g, 2)), put_unsigned(g->out, memory); break;
    case ENGINE_IMM_DATA:
    case ENGINE_IMM_ELEM: put_unsigned(g->out, below(g, 2)); break;
    case ENGINE_IMM_LANE: put(g->out, (uint8_t)below(g, lane_count(info->name))); break;
    case ENGINE_IMM_SHUFFLE:
        for (int i = 0; i < 16; i++) lanes[i] = (uint8_t)below(g, 32);
        put_all(g->out, lanes, sizeof lanes);
        break;
    default: break;
    }
}

/* Makes the address on top of the stack a small one, mostly. */
static void tame_address(generator *g, uint8_t type) {
    need_one(g, type);
    if (decide(g) % 4 != 0) {
        op(g, type == 'i' ? ENGINE_OP_I32_CONST : ENGINE_OP_I64_CONST), put_signed(g->out, 0xFFF);
        op(g, type == 'i' ? ENGINE_OP_I32_AND : ENGINE_OP_I64_AND);
    }
    push(g, type);
}

static void write_plain(generator *g, uint32_t number) {
    const engine_op_info *info = engine_op_get(number);
    unsigned memory = below(g, g->memory_count);
    bool uses_memory = strchr(info->signature, 'm') != NULL;
    if (uses_memory && g->memory_count == 0) return;
    uint8_t address = uses_memory ? address_type(g->memory_is_64[memory]) : 0;
    uint8_t types[MAX_VALUES];
    unsigned count = 0;
    const char *at = info->signature;
    for (; *at != ':'; at++) types[count++] = *at == 'm' ? address : (uint8_t)*at;
    if (uses_memory && count > 0 && types[0] == address) tame_address(g, address);
    need(g, types, count);
    op(g, number);
    put_immediate(g, info, memory);
    for (at++; *at; at++) push(g, *at == 'm' ? address : (uint8_t)*at);
}

/* The instructions that write_plain can write. */
static void list_plain(generator *g) {
    for (uint32_t number = 0; number < ENGINE_OP_LIMIT; number++) {
        const engine_op_info *info = engine_op_get(number);
        if (!info->name || !info->signature || (info->feature & ~g->features) != 0) continue;
        switch (info->immediate) {
        case ENGINE_IMM_I32:
        case ENGINE_IMM_I64:
        case ENGINE_IMM_F32:
        case ENGINE_IMM_F64:
        case ENGINE_IMM_V128: break;
        default: g->plain[g->plain_count++] = (uint16_t)number;
        }
    }
}

/* One of them, those of WebAssembly 1.0 as often as all the others. */
static void write_any_plain(generator *g) {
    unsigned choice = decide(g);
    unsigned index = choice < 128 ? choice | (decide(g) & 1) << 7 : choice << 8 | decide(g);
    write_plain(g, g->plain[index % g->plain_count]);
}

/* ---- Tables, references, the rest ---- */

static void write_copy(generator *g, bool of_memory) {
    unsigned count = of_memory ? g->memory_count : g->table_count;
    const bool *is_64 = of_memory ? g->memory_is_64 : g->table_is_64;
    if (count == 0) return;
    unsigned to = below(g, count), from = below(g, count);
    if (!of_memory && g->table_elements[to] != g->table_elements[from]) from = to;
    uint8_t operands[] = {address_type(is_64[to]), address_type(is_64[from]),
                          address_type(is_64[to] && is_64[from])};
    need(g, operands, 3);
    op(g, of_memory ? ENGINE_OP_MEMORY_COPY : ENGINE_OP_TABLE_COPY);
    put_unsigned(g->out, to);
    put_unsigned(g->out, from);
}

static void write_table(generator *g) {
    unsigned choice = decide(g), table = below(g, g->table_count);
    if (g->table_count == 0) return;
    uint8_t element = g->table_elements[table], index = address_type(g->table_is_64[table]);
    const uint8_t set[] = {index, element}, grow[] = {element, index}, fill[] = {index, element, index};
    const uint8_t init[] = {index, 'i', 'i'};
    switch (choice % 7) {
    case 0:
        need_one(g, index);
        op_index(g, ENGINE_OP_TABLE_GET, table);
        push(g, element);
        break;
    case 1: need(g, set, 2), op_index(g, ENGINE_OP_TABLE_SET, table); break;
    case 2: op_index(g, ENGINE_OP_TABLE_SIZE, table), push(g, index); break;
    case 3: need(g, grow, 2), op_index(g, ENGINE_OP_TABLE_GROW, table), push(g, index); break;
    case 4: need(g, fill, 3), op_index(g, ENGINE_OP_TABLE_FILL, table); break;
    case 5: write_copy(g, false); break;
    default:
        if (element != 'r') return;
        need(g, init, 3);
        op_index(g, ENGINE_OP_TABLE_INIT, below(g, 2));
        put_unsigned(g->out, table);
    }
}

static uint8_t choose_value_type(generator *g) {
    static const char letters[] = "iIiFIfivrxe";
    uint8_t letter = (uint8_t)letters[below(g, sizeof letters - 1)];
    if (letter == 'v' && !has(g, ENGINE_FEATURE_SIMD)) return 'I';
    if (letter == 'e' && !has(g, ENGINE_FEATURE_EXCEPTIONS)) return 'i';
    return letter;
}

static void write_reference(generator *g) {
    uint8_t type = decide(g) % 2 == 0 ? 'r' : 'x';
    need_one(g, type);
    if (has(g, ENGINE_FEATURE_FUNCTION_REFERENCES) && decide(g) % 2 == 0)
        op(g, ENGINE_OP_REF_AS_NON_NULL), push(g, type);
    else
        op(g, ENGINE_OP_REF_IS_NULL), push(g, 'i');
}

static void write_select(generator *g) {
    uint8_t type = g->stack_count > height(g) ? g->stack[g->stack_count - 1] : choose_value_type(g);
    const uint8_t operands[] = {type, type, 'i'};
    bool typed = type == 'r' || type == 'x' || type == 'e' || decide(g) % 4 == 0;
    need(g, operands, 3);
    op(g, typed ? ENGINE_OP_SELECT_T : ENGINE_OP_SELECT);
    if (typed) put(g->out, 1), put(g->out, type_byte(type));
    push(g, type);
}

static void write_variable(generator *g) {
    unsigned choice = decide(g);
    if (choice % 4 == 3) {
        unsigned global = below(g, g->global_count);
        if (g->global_count == 0) return;
        if (choice < 128)
            op_index(g, ENGINE_OP_GLOBAL_GET, global), push(g, g->globals[global]);
        else
            need_one(g, g->globals[global]), op_index(g, ENGINE_OP_GLOBAL_SET, global);
        return;
    }
    if (g->local_count == 0) return;
    /* One that what is on the stack can be stored in, where there is one. */
    unsigned local = below(g, g->local_count);
    if (choice % 4 > 0 && g->stack_count > height(g)) {
        unsigned fitting = find(g, g->locals, g->local_count, g->stack[g->stack_count - 1]);
        if (fitting < g->local_count) local = fitting;
    }
    if (choice % 4 > 0) need_one(g, g->locals[local]);
    op_index(g,
             choice % 4 == 0   ? ENGINE_OP_LOCAL_GET
             : choice % 4 == 1 ? ENGINE_OP_LOCAL_SET
                               : ENGINE_OP_LOCAL_TEE,
             local);
    if (choice % 4 != 1) push(g, g->locals[local]);
}

static void write_instruction(generator *g) {
    unsigned choice = below(g, 64);
    bool may_open = g->label_count < MAX_LABELS;
    if (g->stack_count > MAX_STACK - 4 * MAX_VALUES) choice = 63;
    switch (choice) {
    case 0: return close_block(g);
    case 1:
    case 2: return g->label_count > 1 ? close_block(g) : write_any_plain(g);
    case 3:
    case 4: return may_open ? open_block(g, ENGINE_OP_BLOCK, choose_block_type(g)) : write_any_plain(g);
    case 5: return may_open ? open_block(g, ENGINE_OP_LOOP, choose_block_type(g)) : write_any_plain(g);
    case 6:
    case 7: return may_open ? write_if(g) : close_block(g);
    case 8: return write_try(g);
    case 9:
    case 10: return may_open ? write_counted_loop(g) : close_block(g);
    case 11: return write_br(g);
    case 12:
    case 13:
    case 14: return write_br_if(g);
    case 15: return write_br_table(g);
    case 16: return decide(g) % 4 == 0 ? write_return(g) : write_br_if(g);
    case 17: return write_br_on(g);
    case 18: return decide(g) % 2 == 0 ? write_throw(g) : write_any_plain(g);
    case 19:
    case 20: return write_call(g);
    case 21: return write_call_indirect(g);
    case 22: return write_call_ref(g);
    case 23:
    case 24: return write_table(g);
    case 25: return write_reference(g);
    case 26:
    case 27: return write_select(g);
    case 28: return write_copy(g, true);
    case 29:
        if (decide(g) % 8 == 0) op(g, ENGINE_OP_UNREACHABLE), dead(g);
        return;
    case 30:
    case 31: {
        uint8_t type = choose_value_type(g);
        produce(g, type);
        return push(g, type);
    }
    case 63:
        if (g->stack_count > height(g)) op(g, ENGINE_OP_DROP), g->stack_count--;
        return;
    default: return choice % 3 == 0 ? write_variable(g) : write_any_plain(g);
    }
}

/* ---- The module ---- */

static void choose_types(generator *g) {
    unsigned count = 2 + below(g, 6);
    for (unsigned i = 0; i < count; i++) {
        functype *type = &g->types[g->type_count++];
        unsigned shape = decide(g);
        type->param_count = shape % 5;
        type->result_count = shape / 5 % 4;
        if (!has(g, ENGINE_FEATURE_MULTI_VALUE) && type->result_count > 1) type->result_count = 1;
        for (unsigned j = 0; j < type->param_count; j++) type->params[j] = choose_value_type(g);
        for (unsigned j = 0; j < type->result_count; j++) type->results[j] = choose_value_type(g);
    }
    g->tag_count = has(g, ENGINE_FEATURE_EXCEPTIONS) ? below(g, MAX_FEW) : 0;
    for (unsigned i = 0; i < g->tag_count; i++) { /* a tag's type, and those of blocks that catch it */
        functype *type = &g->types[g->type_count], *plain = type + 1, *with_ref = type + 2;
        *type = g->types[below(g, count)];
        type->result_count = 0;
        memcpy(plain->results, type->params, type->param_count);
        plain->result_count = type->param_count;
        *with_ref = *plain;
        with_ref->results[with_ref->result_count++] = 'e';
        g->tag_types[i] = g->type_count;
        g->type_count += 3;
    }
    g->import_count = below(g, MAX_IMPORTS + 1);
    g->func_count = g->import_count + 1 + below(g, MAX_FUNCS - MAX_IMPORTS);
    for (unsigned i = 0; i < g->func_count; i++) g->func_types[i] = below(g, count);
}

static void put_value_types(base_buffer *out, const uint8_t *types, unsigned count) {
    put_unsigned(out, count);
    for (unsigned i = 0; i < count; i++) put(out, type_byte(types[i]));
}

static void write_types(generator *g, base_buffer *module) {
    base_buffer section = {0};
    put_unsigned(&section, g->type_count);
    for (unsigned i = 0; i < g->type_count; i++) {
        put(&section, 0x60);
        put_value_types(&section, g->types[i].params, g->types[i].param_count);
        put_value_types(&section, g->types[i].results, g->types[i].result_count);
    }
    put_section(module, 1, &section);
}

static void write_functions(generator *g, base_buffer *module) {
    base_buffer imports = {0}, functions = {0};
    put_unsigned(&imports, g->import_count);
    for (unsigned i = 0; i < g->import_count; i++) {
        const uint8_t import[] = {1, 'h', 1, (uint8_t)('0' + i), 0, (uint8_t)g->func_types[i]};
        put_all(&imports, import, sizeof import);
    }
    put_section(module, 2, &imports);
    put_unsigned(&functions, g->func_count - g->import_count);
    for (unsigned i = g->import_count; i < g->func_count; i++) put_unsigned(&functions, g->func_types[i]);
    put_section(module, 3, &functions);
}

/* Small ones, so that growing meets every kind of maximum. */
static bool put_limits(generator *g, base_buffer *out, unsigned least) {
    unsigned choice = decide(g);
    bool has_max = choice % 2 == 1, is_64 = choice % 8 >= 6 && has(g, ENGINE_FEATURE_MEMORY64);
    put(out, (uint8_t)(has_max | is_64 << 2));
    put_unsigned(out, least);
    if (has_max) put_unsigned(out, least + choice / 8 % 4);
    return is_64;
}

static void write_tables_and_memories(generator *g, base_buffer *module) {
    base_buffer tables = {0}, memories = {0}, tags = {0};
    g->table_count = below(g, MAX_FEW + 1);
    put_unsigned(&tables, g->table_count);
    for (unsigned i = 0; i < g->table_count; i++) {
        g->table_elements[i] = i == 1 && decide(g) % 2 == 0 ? 'x' : 'r';
        put(&tables, type_byte(g->table_elements[i]));
        g->table_is_64[i] = put_limits(g, &tables, i == 0 ? g->func_count + 2 : below(g, 12));
    }
    put_section(module, 4, &tables);
    g->memory_count = below(g, 6);
    if (g->memory_count > MAX_FEW || g->memory_count == 0) g->memory_count = 1;
    if (!has(g, ENGINE_FEATURE_MULTI_MEMORY)) g->memory_count = 1;
    put_unsigned(&memories, g->memory_count);
    for (unsigned i = 0; i < g->memory_count; i++) g->memory_is_64[i] = put_limits(g, &memories, i == 0);
    put_section(module, 5, &memories);
    if (g->tag_count == 0) return;
    put_unsigned(&tags, g->tag_count);
    for (unsigned i = 0; i < g->tag_count; i++) put(&tags, 0), put_unsigned(&tags, g->tag_types[i]);
    put_section(module, 13, &tags);
}

static void write_globals(generator *g, base_buffer *module) {
    base_buffer section = {0};
    g->out = &section;
    g->global_count = below(g, MAX_GLOBALS + 1);
    put_unsigned(&section, g->global_count);
    for (unsigned i = 0; i < g->global_count; i++) {
        g->globals[i] = choose_value_type(g);
        put(&section, type_byte(g->globals[i]));
        put(&section, 1);
        constant(g, g->globals[i]);
        op(g, ENGINE_OP_END);
    }
    put_section(module, 6, &section);
}

static void put_export(base_buffer *out, char letter, unsigned index, uint8_t kind) {
    const uint8_t export[] = {2, (uint8_t)letter, (uint8_t)('0' + index), kind, (uint8_t)index};
    put_all(out, export, sizeof export);
}

static void write_exports(generator *g, base_buffer *module) {
    base_buffer section = {0};
    put_unsigned(&section, g->func_count + g->table_count + g->memory_count + g->global_count);
    for (unsigned i = 0; i < g->func_count; i++) put_export(&section, 'f', i, 0);
    for (unsigned i = 0; i < g->table_count; i++) put_export(&section, 't', i, 1);
    for (unsigned i = 0; i < g->memory_count; i++) put_export(&section, 'm', i, 2);
    for (unsigned i = 0; i < g->global_count; i++) put_export(&section, 'g', i, 3);
    put_section(module, 7, &section);
    unsigned start = below(g, 4 * g->func_count);
    const functype *type = start < g->func_count ? &g->types[g->func_types[start]] : NULL;
    if (!type || type->param_count > 0 || type->result_count > 0) return;
    base_buffer start_section = {0};
    put_unsigned(&start_section, start);
    put_section(module, 8, &start_section);
}

/* Two segments: a passive one with all functions, and where there is a table, the same again, active, from its second
 * entry on; else passive. */
static void write_elements(generator *g, base_buffer *module) {
    base_buffer section = {0};
    put(&section, 2);
    for (unsigned segment = 0; segment < 2; segment++) {
        if (segment == 1 && g->table_count > 0) {
            put(&section, 0);
            put(&section, g->table_is_64[0] ? ENGINE_OP_I64_CONST : ENGINE_OP_I32_CONST);
            put(&section, 1), put(&section, ENGINE_OP_END);
        } else {
            put(&section, 1), put(&section, 0);
        }
        put_unsigned(&section, g->func_count);
        for (unsigned i = 0; i < g->func_count; i++) put_unsigned(&section, i);
    }
    put_section(module, 9, &section);
    base_buffer data_count = {0};
    put(&data_count, 2);
    put_section(module, 12, &data_count);
}

static void write_locals(generator *g) {
    const functype *type = &g->types[g->func_types[g->func]];
    memcpy(g->locals, type->params, type->param_count);
    g->local_count = type->param_count;
    unsigned groups = below(g, 6);
    put_unsigned(g->out, groups);
    for (unsigned i = 0; i < groups; i++) {
        uint8_t letter = choose_value_type(g);
        unsigned count = 1 + below(g, 3);
        put_unsigned(g->out, count);
        put(g->out, type_byte(letter));
        for (unsigned j = 0; j < count; j++) g->locals[g->local_count++] = letter;
    }
}

static void write_body(generator *g, base_buffer *section) {
    base_buffer body = {0};
    g->out = &body;
    write_locals(g);
    functype type = g->types[g->func_types[g->func]];
    g->labels[0] = (label){type, 0, 0};
    g->label_count = 1;
    g->stack_count = 0;
    for (unsigned budget = 8 + decide(g); budget > 0 && g->label_count > 0 && g->next < g->end; budget--)
        write_instruction(g);
    while (g->label_count > 0) close_block(g);
    put_unsigned(section, body.size);
    put_all(section, body.data, body.size);
    base_buffer_free(&body);
}

static void write_code(generator *g, base_buffer *module) {
    base_buffer section = {0}, data = {0};
    put_unsigned(&section, g->func_count - g->import_count);
    for (g->func = g->import_count; g->func < g->func_count; g->func++) write_body(g, &section);
    put_section(module, 10, &section);
    put(&data, 2);
    put(&data, 1), put(&data, 12), put_all(&data, "\xFF\x80\x7F wplug\0\1\2", 12);
    put(&data, 0), put(&data, g->memory_is_64[0] ? ENGINE_OP_I64_CONST : ENGINE_OP_I32_CONST);
    put(&data, 16), put(&data, ENGINE_OP_END);
    put(&data, 8), put_all(&data, "\0\0\0\0\0\0\xF0\x3F", 8);
    put_section(module, 11, &data);
}

void fuzz_generate(base_bytes input, base_buffer *module) {
    generator *g = calloc(1, sizeof *g);
    if (!g) abort();
    g->next = input.data;
    g->end = input.data + input.size;
    g->features = engine_features_available();
    list_plain(g);
    put_all(module, "\0asm\1\0\0\0", 8);
    choose_types(g);
    write_types(g, module);
    write_functions(g, module);
    write_tables_and_memories(g, module);
    write_globals(g, module);
    write_exports(g, module);
    write_elements(g, module);
    write_code(g, module);
    free(g);
}
