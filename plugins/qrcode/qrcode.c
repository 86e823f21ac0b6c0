/* A plugin that makes QR codes: as an SVG picture, as text for a terminal or a chat, or as plain modules for
 * a host that draws them itself. The symbol comes from qr.c. */
#include "qr.h"

#include <wplug_pdk.h>

#include <string.h>

#define TOO_LONG 1 /* the error code of a text that fits no QR code */

/* ---- Parameters ---- */

static bool is_ascii(wplug_text text) {
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] >= 0x80) return false;
    }
    return true;
}

static qr_level read_level(wplug_request *request) {
    static const char names[] = "LMQH";
    wplug_text name = wplug_param_text_or(request, "level", "M");
    const char *found = name.size == 1 ? memchr(names, name.data[0], 4) : NULL;
    if (!found && !wplug_failed(request))
        wplug_error(request, WPLUG_INVALID_PARAMS,
                    "Invalid params: \"level\" must be L, M, Q or H, but is \"%.*s\"", WPLUG_TEXT(name));
    return found ? (qr_level)(found - names) : QR_LEVEL_M;
}

static int optional_int(wplug_request *request, const char *name, int least, int most, int fallback) {
    return wplug_param_given(request, name) ? (int)wplug_param_int64_in(request, name, least, most)
                                            : fallback;
}

/* A colour as SVG takes it: #rgb, #rrggbb (with alpha or not), or a name, `none` among them. Nothing else
 * gets into the picture. */
static const char *read_colour(wplug_request *request, const char *name, const char *fallback) {
    wplug_text colour = wplug_param_text_or(request, name, fallback);
    bool hex = colour.size > 0 && colour.data[0] == '#';
    bool good = hex ? colour.size == 4 || colour.size == 5 || colour.size == 7 || colour.size == 9
                    : colour.size > 0 && colour.size <= 32;
    for (size_t i = hex; i < colour.size && good; i++) {
        char lower = (char)(colour.data[i] | 0x20);
        bool digit = colour.data[i] >= '0' && colour.data[i] <= '9';
        good = hex ? digit || (lower >= 'a' && lower <= 'f') : lower >= 'a' && lower <= 'z';
    }
    if (!good && !wplug_failed(request))
        wplug_error(request, WPLUG_INVALID_PARAMS,
                    "Invalid params: \"%s\" must be a colour like #1a2b3c or navy, but is \"%.*s\"", name,
                    WPLUG_TEXT(colour));
    return wplug_c_string(request, colour);
}

/* Makes the symbol that the request asks for; NULL where the request has failed. */
static qr_code *make_code(wplug_request *request) {
    wplug_text text = wplug_param_text(request, "text");
    qr_options options = {.level = read_level(request),
                          .raise_level = wplug_param_bool_or(request, "raise_level", true),
                          .least_version = optional_int(request, "version", 1, QR_VERSIONS, 1),
                          .mask = optional_int(request, "mask", 0, 7, QR_MASK_AUTOMATIC),
                          .declare_utf8 = wplug_param_bool_or(request, "eci", !is_ascii(text))};
    qr_code *code = wplug_alloc(request, sizeof *code);
    if (wplug_failed(request)) return NULL;
    switch (qr_encode(text.data, text.size, &options, code)) {
    case QR_OK: return code;
    case QR_TOO_LONG: {
        wplug_writer *data = wplug_error_with_data(
            request, TOO_LONG, "the text is too long for a QR code of level %c", "LMQH"[options.level]);
        wplug_begin_object(data);
        wplug_member_uint64(data, "bytes", text.size);
        wplug_member_uint64(data, "most_bytes", (qr_capacity_bits(QR_VERSIONS, options.level) - 20) / 8);
        wplug_end_object(data);
        return NULL;
    }
    case QR_NO_MEMORY: wplug_error(request, WPLUG_INTERNAL_ERROR, "out of memory"); return NULL;
    }
    return NULL;
}

/* ---- Drawing ---- */

/* One line of output, put together before it is written: long enough for 89 runs of modules. */
typedef struct line {
    char text[4096];
    size_t size;
} line;

static void append(line *out, const char *text) {
    size_t size = strlen(text);
    if (size > sizeof out->text - out->size) return;
    memcpy(out->text + out->size, text, size);
    out->size += size;
}

static void append_number(line *out, int number) {
    char digits[12], *first = digits + sizeof digits - 1;
    *first = '\0';
    do *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    append(out, first);
}

static void flush(line *out, wplug_writer *writer) {
    wplug_add_text(writer, (wplug_text){out->text, out->size});
    out->size = 0;
}

static bool is_dark(const qr_code *code, int x, int y) {
    return x >= 0 && y >= 0 && x < code->size && y < code->size && code->dark[y][x];
}

/* The dark modules of a row as rectangles: M4 4h7v1h-7z for seven from (4, 4). */
static void append_row_path(line *out, const qr_code *code, int y, int border) {
    for (int x = 0, run; x < code->size; x += run) {
        for (run = 1; x + run < code->size && code->dark[y][x + run] == code->dark[y][x];) run++;
        if (!code->dark[y][x]) continue;
        append(out, "M");
        append_number(out, x + border);
        append(out, " ");
        append_number(out, y + border);
        append(out, "h");
        append_number(out, run);
        append(out, "v1h-");
        append_number(out, run);
        append(out, "z");
    }
}

static void svg(wplug_request *request) {
    int border = optional_int(request, "border", 0, 64, 4);
    const char *dark = read_colour(request, "dark", "#000000");
    const char *light = read_colour(request, "light", "#ffffff");
    const qr_code *code = make_code(request);
    if (wplug_failed(request)) return;
    line out = {.size = 0};
    wplug_writer *result = wplug_result(request);
    wplug_begin_text(result);
    append(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ");
    append_number(&out, code->size + 2 * border);
    append(&out, " ");
    append_number(&out, code->size + 2 * border);
    append(&out, "\" shape-rendering=\"crispEdges\"><rect width=\"100%\" height=\"100%\" fill=\"");
    append(&out, light);
    append(&out, "\"/><path fill=\"");
    append(&out, dark);
    append(&out, "\" d=\"");
    flush(&out, result);
    for (int y = 0; y < code->size; y++) {
        append_row_path(&out, code, y, border);
        flush(&out, result);
    }
    wplug_add_string(result, "\"/></svg>");
    wplug_end_text(result);
}

/* Two rows of modules in each line of characters. */
static void text(wplug_request *request) {
    int border = optional_int(request, "border", 0, 64, 4);
    bool invert = wplug_param_bool_or(request, "invert", false);
    const qr_code *code = make_code(request);
    if (wplug_failed(request)) return;
    static const char *const blocks[] = {" ", "\u2580", "\u2584", "\u2588"}; /* none, upper, lower, both */
    line out = {.size = 0};
    wplug_writer *result = wplug_result(request);
    wplug_begin_text(result);
    for (int y = -border; y < code->size + border; y += 2) {
        for (int x = -border; x < code->size + border; x++) {
            bool upper = is_dark(code, x, y) != invert, lower = is_dark(code, x, y + 1) != invert;
            if (y + 1 == code->size + border) lower = false; /* below the last row there is nothing */
            append(&out, blocks[upper + 2 * lower]);
        }
        append(&out, "\n");
        flush(&out, result);
    }
    wplug_end_text(result);
}

static void modules(wplug_request *request) {
    const qr_code *code = make_code(request);
    if (wplug_failed(request)) return;
    wplug_writer *result = wplug_result(request);
    wplug_begin_object(result);
    wplug_member_int64(result, "version", code->version);
    wplug_member_int64(result, "size", code->size);
    wplug_member_text(result, "level", (wplug_text){&"LMQH"[code->level], 1});
    wplug_member_int64(result, "mask", code->mask);
    wplug_key(result, "rows");
    wplug_begin_array(result);
    for (int y = 0; y < code->size; y++) {
        char row[QR_MAX_SIZE];
        for (int x = 0; x < code->size; x++) row[x] = code->dark[y][x] ? '1' : '0';
        wplug_write_text(result, (wplug_text){row, (size_t)code->size});
    }
    wplug_end_array(result);
    wplug_end_object(result);
}

/* ---- Registration ---- */

#define BORDER_PARAM                                                                                         \
    {"border", WPLUG_JSON({"type" : "integer", "minimum" : 0, "maximum" : 64}),                              \
     "light modules around the symbol (4, as the standard asks for)", .optional = true}
#define LEVEL_PARAM                                                                                          \
    {"level", WPLUG_JSON({"enum" : [ "L", "M", "Q", "H" ]}),                                                 \
     "error correction, at least: L 7 %, M 15 %, Q 25 %, H 30 % (M)", .optional = true}
#define SYMBOL_PARAMS                                                                                        \
    {"raise_level", WPLUG_BOOLEAN, "use a higher level where the symbol gets no larger by it (true)",        \
     .optional = true},                                                                                      \
        {"version", WPLUG_JSON({"type" : "integer", "minimum" : 1, "maximum" : 40}),                         \
         "at least this version, or size (1)", .optional = true},                                            \
        {"mask", WPLUG_JSON({"type" : "integer", "minimum" : 0, "maximum" : 7}),                             \
         "(the one that reads best)", .optional = true},                                                     \
    {                                                                                                        \
        "eci", WPLUG_BOOLEAN, "declare the text as UTF-8 (true where it is not ASCII)", .optional = true     \
    }
#define TOO_LONG_ERROR {{TOO_LONG, "the text is too long for a QR code of that level"}}

WPLUG_PLUGIN("qrcode", "1.0.0") {
    wplug_describe(
        "Makes QR codes (ISO/IEC 18004) of texts: links, Wi-Fi access, contacts, payment requests.");
    wplug_method("svg", svg, .summary = "A QR code as an SVG picture",
                 .params = {{"text", WPLUG_STRING, "what a reader will show"},
                            LEVEL_PARAM,
                            BORDER_PARAM,
                            {"dark", WPLUG_STRING, "colour of dark modules (#000000)", .optional = true},
                            {"light", WPLUG_STRING, "colour of light modules (#ffffff); none is fine",
                             .optional = true},
                            SYMBOL_PARAMS},
                 .result = WPLUG_STRING, .errors = TOO_LONG_ERROR);
    wplug_method("text", text, .summary = "A QR code as text, of half-block characters",
                 .params = {{"text", WPLUG_STRING, "what a reader will show"},
                            LEVEL_PARAM,
                            BORDER_PARAM,
                            {"invert", WPLUG_BOOLEAN, "true where the text is shown light on dark (false)",
                             .optional = true},
                            SYMBOL_PARAMS},
                 .result = WPLUG_STRING, .errors = TOO_LONG_ERROR);
    wplug_method("modules", modules, .summary = "A QR code as rows of modules, 1 for dark",
                 .params = {{"text", WPLUG_STRING, "what a reader will show"}, LEVEL_PARAM, SYMBOL_PARAMS},
                 .result = WPLUG_JSON({
                     "type" : "object",
                     "properties" : {
                         "version" : {"type" : "integer"},
                         "size" : {"type" : "integer"},
                         "level" : {"enum" : [ "L", "M", "Q", "H" ]},
                         "mask" : {"type" : "integer"},
                         "rows" : {"type" : "array", "items" : {"type" : "string", "pattern" : "^[01]*$"}}
                     }
                 }),
                 .errors = TOO_LONG_ERROR);
}
