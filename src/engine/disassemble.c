/* Owns code as text: a function's facts and its instructions, a line each, in the words of the text
 * format.
 *
 *     function 5 $grow                                     index and name
 *       export  "grow", "more"
 *       type    2 (param i32) (result i32)
 *       code    14 bytes at 0x52
 *       local   1..2 i32, 3 f64
 *       0x57      block (result i32)                       where the instruction begins in the module
 *       0x59        call 3  ;; $allocate
 *       0x5b      end
 *
 * Instructions come from opcodes.def alone: the name, and which immediates to read and write. It is bounds
 * that are checked here, not rules: bodies that no validator has seen are shown as far as they can be
 * read. What a few bytes of a hostile module can make of one line is bounded too: indentation and remarks
 * end somewhere. */
#include "engine/loader.h"
#include "engine/opcodes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { INDENT = 2, MAX_INDENT = 60, MAX_NOTE = 120 };

struct engine_disassembler {
    const engine_module *module;
    const base_allocator *allocator;
    base_bytes *names; /* of each function, an empty span where it has none */
    /* The exports of a function as a chain of export indices + 1: first_export[function], next_export[export]. */
    uint32_t *first_export, *next_export;

    engine_line_fn write;
    void *user;
    bool is_stopped;    /* `write` wants no more */
    base_status status; /* BASE_NO_MEMORY from the first failure on */
    base_buffer line;
    engine_reader reader;
    uint32_t depth; /* blocks open */
};

/* ---- Lines --------------------------------------------------------------------------------------------- */

static void put(engine_disassembler *self, const char *format, ...) BASE_PRINTF(2, 3);
static void put(engine_disassembler *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (base_buffer_append_va(&self->line, format, arguments) != BASE_OK) self->status = BASE_NO_MEMORY;
    va_end(arguments);
}

static void put_bytes(engine_disassembler *self, const void *bytes, size_t size) {
    if (base_buffer_append(&self->line, bytes, size) != BASE_OK) self->status = BASE_NO_MEMORY;
}

static void end_line(engine_disassembler *self) {
    if (self->status == BASE_OK && !self->is_stopped)
        self->is_stopped = !self->write(self->user, base_buffer_bytes(&self->line));
    self->line.size = 0;
}

static bool may_go_on(const engine_disassembler *self) {
    return self->status == BASE_OK && !self->is_stopped;
}

/* Bytes within a string of the text format. Only ASCII is looked at: the rest is UTF-8. */
static void put_escaped(engine_disassembler *self, base_bytes text) {
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte < 0x20 || byte == 0x7F || byte == '"' || byte == '\\')
            put(self, "\\%02x", byte);
        else
            put_bytes(self, &byte, 1);
    }
}

static void put_string(engine_disassembler *self, base_bytes text) {
    put(self, "\"");
    put_escaped(self, text);
    put(self, "\"");
}

/* What may stand in an identifier without quotes (core, 6.3.5). */
static bool is_identifier(base_bytes name) {
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        if (byte <= ' ' || byte > '~' || strchr("\"(),;[]{}", byte) != NULL) return false;
    }
    return true;
}

static void put_identifier(engine_disassembler *self, base_bytes name) {
    put(self, "$");
    if (is_identifier(name))
        put_bytes(self, name.data, name.size);
    else
        put_string(self, name);
}

/* What is put between these two, beginning with a blank, becomes a remark, cut where it is long. It ends the
 * line. */
static size_t begin_note(engine_disassembler *self) {
    put(self, "  ;;");
    return self->line.size;
}
static void end_note(engine_disassembler *self, size_t start) {
    if (!may_go_on(self) || self->line.size - start <= MAX_NOTE) return;
    self->line.size = start + MAX_NOTE;
    while (self->line.size > start && (self->line.data[self->line.size] & 0xC0) == 0x80) self->line.size--;
    put(self, "...");
}

/* ---- Types --------------------------------------------------------------------------------------------- */

enum { CODE_REF_NULL = 0x63, CODE_REF = 0x64 };

static bool fail_at(engine_disassembler *self, const uint8_t *at, const char *problem) {
    self->reader.at = at;
    self->reader.problem = problem;
    return false;
}

static bool read_heap_type(engine_disassembler *self, engine_valtype *out) {
    engine_reader *reader = &self->reader;
    const uint8_t *at = reader->at;
    int64_t index;
    if (at < reader->end && *at >= 0x40 && *at < 0x80) {
        reader->at++;
        *out = engine_heap_of_code(*at);
        return *out != 0 || fail_at(self, at, "malformed heap type");
    }
    if (!engine_read_s33_long(reader, &index)) return false;
    *out = (engine_valtype)index;
    return (index >= 0 && index < ENGINE_HEAP_ABSTRACT) || fail_at(self, at, "malformed heap type");
}

/* As the module has it: without the loader's replacement of a type by the first that is equal. */
static bool read_type(engine_disassembler *self, engine_valtype *out) {
    engine_reader *reader = &self->reader;
    const uint8_t *at = reader->at;
    uint8_t code;
    if (!engine_read_byte(reader, &code)) return false;
    if (code >= ENGINE_V128 && code <= ENGINE_I32) {
        *out = code;
        return true;
    }
    if (code == CODE_REF || code == CODE_REF_NULL) {
        if (!read_heap_type(self, out)) return false;
    } else {
        *out = engine_heap_of_code(code);
        if (*out == 0) return fail_at(self, at, "malformed value type");
    }
    *out |= ENGINE_TYPE_REF | (code == CODE_REF ? 0 : ENGINE_TYPE_NULLABLE);
    return true;
}

static void put_types(engine_disassembler *self, const char *word, const engine_valtype *types,
                      uint32_t count) {
    if (count == 0) return;
    put(self, " (%s", word);
    for (uint32_t i = 0; i < count; i++) put(self, " %s", engine_type_name(types[i]).text);
    put(self, ")");
}

/* " (param i32) (result i64)"; nothing where there are neither. */
static void put_functype(engine_disassembler *self, const engine_functype *type) {
    put_types(self, "param", type->params, type->param_count);
    put_types(self, "result", type->results, type->result_count);
}

/* ---- Numbers ------------------------------------------------------------------------------------------- */

static uint64_t fixed(const uint8_t *bytes, unsigned size) {
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

/* A NaN with its payload, or an infinity. */
static void put_special(engine_disassembler *self, bool is_negative, uint64_t payload, uint64_t quiet_bit) {
    put(self, " %s", is_negative ? "-" : "");
    if (payload == 0)
        put(self, "inf");
    else if (payload == quiet_bit)
        put(self, "nan");
    else
        put(self, "nan:0x%llx", (unsigned long long)payload);
}

/* Writes with the fewest digits that read back as the same number: 9 and 17 always do. Whole numbers that
 * are not too long are written without an exponent. */
static void print_decimal(char *text, size_t size, double value, bool is_f32) {
    bool is_whole = value > -1e15 && value < 1e15 && (double)(int64_t)value == value;
    if (is_whole) {
        snprintf(text, size, "%.0f", value);
        return;
    }
    for (int digits = 1; digits <= (is_f32 ? 9 : 17); digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (is_f32 ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) return;
    }
}

/* The C library writes and reads in the locale's way, of which only the decimal point matters. */
static void put_decimal(engine_disassembler *self, double value, bool is_f32) {
    char text[40];
    print_decimal(text, sizeof text, value, is_f32);
    put(self, " ");
    bool has_point = false;
    for (const char *at = text; *at != '\0'; at++) {
        bool is_plain = strchr("0123456789+-e", *at) != NULL;
        if (is_plain || !has_point) put(self, "%c", is_plain ? *at : '.');
        has_point = has_point || !is_plain;
    }
}

static void put_f32(engine_disassembler *self, uint32_t bits) {
    float value = engine_f32(bits);
    if (isfinite(value))
        put_decimal(self, value, true);
    else
        put_special(self, bits >> 31, bits & 0x7FFFFF, 0x400000);
}

static void put_f64(engine_disassembler *self, uint64_t bits) {
    double value = engine_f64(bits);
    if (isfinite(value))
        put_decimal(self, value, false);
    else
        put_special(self, bits >> 63, bits & 0xFFFFFFFFFFFFF, 0x8000000000000);
}

/* ---- Immediates: each is read and put, and is false where it cannot be read ------------------------------ */

static bool put_index(engine_disassembler *self) {
    uint32_t index;
    if (!engine_read_u32(&self->reader, &index)) return false;
    put(self, " %u", index);
    return true;
}

/* Two indices, in the module's order or the other way round. */
static bool put_two_indices(engine_disassembler *self, bool is_reversed) {
    uint32_t first, second;
    if (!engine_read_u32(&self->reader, &first) || !engine_read_u32(&self->reader, &second)) return false;
    put(self, " %u %u", is_reversed ? second : first, is_reversed ? first : second);
    return true;
}

/* Memory 0 goes without saying. */
static bool put_memory(engine_disassembler *self) {
    uint32_t memory;
    if (!engine_read_u32(&self->reader, &memory)) return false;
    if (memory != 0) put(self, " %u", memory);
    return true;
}

static bool put_two_memories(engine_disassembler *self) {
    uint32_t destination, source;
    if (!engine_read_u32(&self->reader, &destination) || !engine_read_u32(&self->reader, &source))
        return false;
    if (destination != 0 || source != 0) put(self, " %u %u", destination, source);
    return true;
}

static bool put_data_and_memory(engine_disassembler *self) {
    uint32_t segment;
    if (!engine_read_u32(&self->reader, &segment) || !put_memory(self)) return false;
    put(self, " %u", segment);
    return true;
}

static bool put_function(engine_disassembler *self) {
    uint32_t index;
    if (!engine_read_u32(&self->reader, &index)) return false;
    put(self, " %u", index);
    if (index >= self->module->func_count || self->names[index].size == 0) return true;
    size_t note = begin_note(self);
    base_bytes name = self->names[index];
    if (name.size > MAX_NOTE + 1) name.size = MAX_NOTE + 1; /* more would be cut off again */
    put(self, " ");
    put_identifier(self, name);
    end_note(self, note);
    return true;
}

static void note_functype(engine_disassembler *self, uint32_t index) {
    if (index >= self->module->type_count) return;
    const engine_functype *type = &self->module->types[index];
    if (type->param_count + type->result_count == 0) return;
    size_t note = begin_note(self);
    engine_functype shown = *type;
    if (shown.param_count > MAX_NOTE / 4) shown.param_count = MAX_NOTE / 4; /* " i32": cut off again */
    if (shown.result_count > MAX_NOTE / 4) shown.result_count = MAX_NOTE / 4;
    put_functype(self, &shown);
    end_note(self, note);
}

static bool put_type_index(engine_disassembler *self) {
    uint32_t index;
    if (!engine_read_u32(&self->reader, &index)) return false;
    put(self, " %u", index);
    note_functype(self, index);
    return true;
}

static bool put_call_indirect(engine_disassembler *self) {
    uint32_t type, table;
    if (!engine_read_u32(&self->reader, &type) || !engine_read_u32(&self->reader, &table)) return false;
    if (table != 0) put(self, " %u", table);
    put(self, " (type %u)", type);
    note_functype(self, type);
    return true;
}

/* A block type. Where it is the index of a function type, *type is that; the remark about it may have to
 * wait. */
static bool put_block_type(engine_disassembler *self, uint32_t *type) {
    engine_reader *reader = &self->reader;
    const uint8_t *at = reader->at;
    *type = UINT32_MAX;
    if (at < reader->end && *at == 0x40) {
        reader->at++;
        return true;
    }
    if (at < reader->end && *at > 0x40 && *at < 0x80) {
        engine_valtype result;
        if (!read_type(self, &result)) return false;
        put_types(self, "result", &result, 1);
        return true;
    }
    int64_t index;
    if (!engine_read_s33_long(reader, &index)) return false;
    if (index < 0) return fail_at(self, at, "malformed block type");
    *type = (uint32_t)index;
    put(self, " (type %u)", *type);
    return true;
}

static bool put_block(engine_disassembler *self) {
    uint32_t type;
    if (!put_block_type(self, &type)) return false;
    note_functype(self, type);
    return true;
}

static bool put_try_table(engine_disassembler *self) {
    static const struct {
        const char *name;
        bool has_tag;
    } kinds[] = {{"catch", true}, {"catch_ref", true}, {"catch_all", false}, {"catch_all_ref", false}};
    uint32_t type, count;
    if (!put_block_type(self, &type) || !engine_read_length(&self->reader, &count)) return false;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t kind;
        const uint8_t *at = self->reader.at;
        if (!engine_read_byte(&self->reader, &kind)) return false;
        if (kind >= sizeof kinds / sizeof kinds[0]) return fail_at(self, at, "malformed catch clause");
        put(self, " (%s", kinds[kind].name);
        if (kinds[kind].has_tag && !put_index(self)) return false;
        if (!put_index(self)) return false;
        put(self, ")");
    }
    note_functype(self, type);
    return true;
}

static bool put_label_table(engine_disassembler *self) {
    uint32_t count;
    if (!engine_read_length(&self->reader, &count)) return false;
    for (uint32_t i = 0; i <= count; i++)
        if (!put_index(self)) return false;
    return true;
}

static bool put_select(engine_disassembler *self) {
    uint32_t count;
    engine_valtype type;
    if (!engine_read_length(&self->reader, &count)) return false;
    put(self, " (result");
    for (uint32_t i = 0; i < count; i++) {
        if (!read_type(self, &type)) return false;
        put(self, " %s", engine_type_name(type).text);
    }
    put(self, ")");
    return true;
}

static bool put_heap_type(engine_disassembler *self) {
    engine_valtype heap;
    if (!read_heap_type(self, &heap)) return false;
    if (heap >= ENGINE_HEAP_ABSTRACT)
        put(self, " %s", engine_heap_name(heap));
    else
        put(self, " %u", heap);
    return true;
}

/* Memory, offset and alignment, as far as they are not 0, 0 and the natural one, which go without saying. */
static bool put_memarg(engine_disassembler *self, const engine_op_info *info) {
    enum { HAS_MEMORY = 0x40 };
    uint32_t flags;
    uint64_t offset;
    const uint8_t *at = self->reader.at;
    if (!engine_read_u32(&self->reader, &flags)) return false;
    if (flags >= 2 * HAS_MEMORY) return fail_at(self, at, "malformed memop flags");
    if ((flags & HAS_MEMORY) != 0 && !put_memory(self)) return false;
    if (!engine_read_u64(&self->reader, &offset)) return false;
    unsigned align = flags & (HAS_MEMORY - 1);
    if (offset != 0) put(self, " offset=%llu", (unsigned long long)offset);
    if (align != info->access) put(self, " align=%llu", 1ull << align);
    return true;
}

static bool put_lanes(engine_disassembler *self, uint32_t count) {
    base_bytes lanes;
    if (!engine_read_bytes(&self->reader, count, &lanes)) return false;
    for (uint32_t i = 0; i < count; i++) put(self, " %u", lanes.data[i]);
    return true;
}

/* f32.const and f64.const, and v128.const in the shape that hides nothing. */
static bool put_fixed(engine_disassembler *self, engine_immediate immediate) {
    uint32_t size = immediate == ENGINE_IMM_F32 ? 4 : immediate == ENGINE_IMM_F64 ? 8 : 16;
    base_bytes bytes;
    if (!engine_read_bytes(&self->reader, size, &bytes)) return false;
    if (immediate == ENGINE_IMM_F32)
        put_f32(self, (uint32_t)fixed(bytes.data, 4));
    else if (immediate == ENGINE_IMM_F64)
        put_f64(self, fixed(bytes.data, 8));
    else {
        put(self, " i32x4");
        for (int i = 0; i < 4; i++) put(self, " 0x%08x", (uint32_t)fixed(bytes.data + 4 * i, 4));
    }
    return true;
}

static bool put_integer(engine_disassembler *self, engine_immediate immediate) {
    int32_t narrow;
    int64_t wide;
    if (immediate == ENGINE_IMM_I64) {
        if (!engine_read_s64(&self->reader, &wide)) return false;
    } else {
        if (!engine_read_s32(&self->reader, &narrow)) return false;
        wide = narrow;
    }
    put(self, " %lld", (long long)wide);
    return true;
}

static bool put_immediates(engine_disassembler *self, const engine_op_info *info) {
    engine_immediate immediate = (engine_immediate)info->immediate;
    switch (immediate) {
    case ENGINE_IMM_NONE: return true;
    case ENGINE_IMM_BLOCK: return put_block(self);
    case ENGINE_IMM_TRY_TABLE: return put_try_table(self);
    case ENGINE_IMM_LABEL:
    case ENGINE_IMM_LOCAL:
    case ENGINE_IMM_GLOBAL:
    case ENGINE_IMM_TABLE:
    case ENGINE_IMM_ELEM:
    case ENGINE_IMM_DATA:
    case ENGINE_IMM_TAG: return put_index(self);
    case ENGINE_IMM_LABEL_TABLE: return put_label_table(self);
    case ENGINE_IMM_FUNC: return put_function(self);
    case ENGINE_IMM_CALL_INDIRECT: return put_call_indirect(self);
    case ENGINE_IMM_TYPE: return put_type_index(self);
    case ENGINE_IMM_SELECT: return put_select(self);
    case ENGINE_IMM_TABLE_TABLE: return put_two_indices(self, false);
    case ENGINE_IMM_ELEM_TABLE: return put_two_indices(self, true);
    case ENGINE_IMM_MEMORY: return put_memory(self);
    case ENGINE_IMM_MEMORY_MEMORY: return put_two_memories(self);
    case ENGINE_IMM_DATA_MEMORY: return put_data_and_memory(self);
    case ENGINE_IMM_MEMARG: return put_memarg(self, info);
    case ENGINE_IMM_MEMARG_LANE: return put_memarg(self, info) && put_lanes(self, 1);
    case ENGINE_IMM_LANE: return put_lanes(self, 1);
    case ENGINE_IMM_SHUFFLE: return put_lanes(self, 16);
    case ENGINE_IMM_I32:
    case ENGINE_IMM_I64: return put_integer(self, immediate);
    case ENGINE_IMM_F32:
    case ENGINE_IMM_F64:
    case ENGINE_IMM_V128: return put_fixed(self, immediate);
    case ENGINE_IMM_HEAP_TYPE: return put_heap_type(self);
    }
    return true;
}

/* ---- Instructions -------------------------------------------------------------------------------------- */

static uint32_t offset_of(const engine_disassembler *self, const uint8_t *at) {
    return (uint32_t)(at - self->module->bytes);
}

/* Ends a line, and the body, at something that cannot be read. */
static bool put_problem(engine_disassembler *self) {
    put(self, "  ;; cannot be read on from 0x%x: %s", offset_of(self, self->reader.at), self->reader.problem);
    end_line(self);
    return false;
}

/* The number of the next instruction as opcodes.h counts them; ENGINE_OP_LIMIT for one that has none. */
static bool read_op(engine_reader *reader, uint32_t *out) {
    uint8_t byte;
    uint32_t number;
    if (!engine_read_byte(reader, &byte)) return false;
    *out = byte;
    if (byte != 0xFC && byte != 0xFD) return true;
    if (!engine_read_u32(reader, &number)) return false;
    uint32_t page = byte == 0xFC ? 0x100 : 0x200, limit = byte == 0xFC ? 0x200 : ENGINE_OP_LIMIT;
    *out = number < limit - page ? page + number : ENGINE_OP_LIMIT;
    return true;
}

static bool put_instruction(engine_disassembler *self) {
    engine_reader *reader = &self->reader;
    const uint8_t *at = reader->at;
    uint32_t op = ENGINE_OP_LIMIT;
    bool is_read = read_op(reader, &op);
    const engine_op_info *info = engine_op_get(op);
    if ((op == ENGINE_OP_END || op == ENGINE_OP_ELSE) && self->depth > 0) self->depth--;
    uint32_t indent = self->depth < MAX_INDENT / INDENT ? self->depth * INDENT : MAX_INDENT;
    put(self, "  0x%-7x %*s", offset_of(self, at), (int)indent, "");
    if (info->name == NULL) {
        if (is_read) fail_at(self, at, "no instruction that is known here");
        return put_problem(self);
    }
    put(self, "%s", info->name);
    if (!put_immediates(self, info)) return put_problem(self);
    bool opens = info->immediate == ENGINE_IMM_BLOCK || info->immediate == ENGINE_IMM_TRY_TABLE;
    if (opens || op == ENGINE_OP_ELSE) self->depth++;
    end_line(self);
    return true;
}

/* ---- Functions ----------------------------------------------------------------------------------------- */

static void put_heading(engine_disassembler *self, const engine_func *func) {
    const engine_module *module = self->module;
    put(self, "function %u", func->index);
    if (self->names[func->index].size > 0) {
        put(self, " ");
        put_identifier(self, self->names[func->index]);
    }
    end_line(self);
    if (func->import != UINT32_MAX) {
        put(self, "  import  ");
        put_string(self, module->imports[func->import].module);
        put(self, " ");
        put_string(self, module->imports[func->import].name);
        end_line(self);
    }
    if (self->first_export[func->index] != 0) {
        const char *separator = "  export  ";
        for (uint32_t link = self->first_export[func->index]; link != 0; link = self->next_export[link - 1]) {
            put(self, "%s", separator);
            put_string(self, module->exports[link - 1].name);
            separator = ", ";
        }
        end_line(self);
    }
    put(self, "  type    %u", func->type_index);
    put_functype(self, &module->types[func->type_index]);
    end_line(self);
}

static void put_run(engine_disassembler *self, uint64_t first, uint32_t count, engine_valtype type) {
    if (count == 0) return;
    put(self, "%s%llu", self->line.size == 0 ? "  local   " : ", ", (unsigned long long)first);
    if (count > 1) put(self, "..%llu", (unsigned long long)(first + count - 1));
    put(self, " %s", engine_type_name(type).text);
}

static bool put_locals(engine_disassembler *self, uint32_t param_count) {
    uint32_t run_count, count;
    uint64_t local = param_count;
    engine_valtype type;
    if (!engine_read_length(&self->reader, &run_count)) return put_problem(self);
    for (uint32_t i = 0; i < run_count; i++) {
        if (!engine_read_u32(&self->reader, &count) || !read_type(self, &type)) return put_problem(self);
        put_run(self, local, count, type);
        local += count;
    }
    if (self->line.size > 0) end_line(self);
    return true;
}

base_status engine_disassemble(engine_disassembler *self, uint32_t func_index) {
    const engine_module *module = self->module;
    const engine_func *func = &module->funcs[func_index];
    put_heading(self, func);
    if (func->import != UINT32_MAX) return self->status;
    put(self, "  code    %u bytes at 0x%x", func->body_size, func->body_offset);
    end_line(self);
    self->depth = 0;
    self->reader = engine_reader_of((base_bytes){module->bytes + func->body_offset, func->body_size});
    bool is_sound = put_locals(self, module->types[func->type_index].param_count);
    while (is_sound && self->reader.at < self->reader.end && may_go_on(self))
        is_sound = put_instruction(self);
    return self->status;
}

/* ---- The disassembler ---------------------------------------------------------------------------------- */

static void chain_exports(engine_disassembler *self) {
    const engine_module *module = self->module;
    for (uint32_t i = module->export_count; i-- > 0;) {
        const engine_export *export = &module->exports[i];
        if (export->type.kind != ENGINE_FUNC) continue;
        self->next_export[i] = self->first_export[export->index];
        self->first_export[export->index] = i + 1;
    }
}

base_status engine_disassembler_new(const base_allocator *allocator, const engine_module *module,
                                    engine_line_fn write, void *user, engine_disassembler **out) {
    *out = NULL;
    engine_disassembler *self = base_alloc_zeroed(allocator, 1, sizeof *self);
    if (self == NULL) return BASE_NO_MEMORY;
    self->module = module;
    self->allocator = allocator;
    self->write = write;
    self->user = user;
    base_buffer_init(&self->line, allocator);
    self->names = base_alloc_zeroed(allocator, module->func_count, sizeof *self->names);
    self->first_export = base_alloc_zeroed(allocator, module->func_count, sizeof *self->first_export);
    self->next_export = base_alloc_zeroed(allocator, module->export_count, sizeof *self->next_export);
    if (self->names == NULL || self->first_export == NULL || self->next_export == NULL) {
        engine_disassembler_free(self);
        return BASE_NO_MEMORY;
    }
    engine_module_func_names(module, self->names);
    chain_exports(self);
    *out = self;
    return BASE_OK;
}

void engine_disassembler_free(engine_disassembler *self) {
    if (self == NULL) return;
    const engine_module *module = self->module;
    base_buffer_free(&self->line);
    base_free(self->allocator, self->names, module->func_count * sizeof *self->names);
    base_free(self->allocator, self->first_export, module->func_count * sizeof *self->first_export);
    base_free(self->allocator, self->next_export, module->export_count * sizeof *self->next_export);
    base_free(self->allocator, self, sizeof *self);
}

bool engine_disassembler_knows_as(const engine_disassembler *self, uint32_t func_index, base_bytes name) {
    base_bytes own = self->names[func_index];
    if (own.data != NULL && base_bytes_equal(own, name)) return true;
    for (uint32_t link = self->first_export[func_index]; link != 0; link = self->next_export[link - 1])
        if (base_bytes_equal(self->module->exports[link - 1].name, name)) return true;
    return false;
}
