/* Owns the reading of JSON: parameters by name or position, typed conversions, walks, and the sentences that
 * say what was expected where. */
#include "pdk.h"

#include <string.h>

static base_bytes bytes_of(wplug_value value) {
    return (base_bytes){(const uint8_t *)value.json, value.size};
}

wplug_value pdk_value_make(const wplug_source *source, base_bytes json) {
    return (wplug_value){.json = (const char *)json.data, .size = json.size, .source = source};
}

static wplug_value absent(const wplug_source *source, const char *parent, const char *name) {
    return (wplug_value){.source = source, .parent = parent, .name = name};
}

/* ---- Saying where a value is ---- */

static void append_step(base_buffer *path, base_bytes key) {
    if (path->size > 0) base_buffer_append_byte(path, '.');
    base_buffer_append(path, key.data, key.size);
}

/* One step from `container` towards the value that begins at `place`; false where that is no child of it. */
static bool step_towards(const wplug_source *source, base_bytes *container, const uint8_t *place,
                         base_buffer *path) {
    json_iterator iterator = json_iterate(*container);
    base_bytes key = {0}, child;
    bool is_object = json_kind_of(*container) == JSON_OBJECT;
    for (size_t index = 0;
         is_object ? json_next_member(&iterator, &key, &child) : json_next_element(&iterator, &child);
         index++) {
        if (place < child.data || place >= child.data + child.size) continue;
        const pdk_method *method = source->kind == PDK_SOURCE_PARAMS ? source->request->method : NULL;
        bool by_position = !is_object && container->data == source->root.data && method;
        if (is_object)
            append_step(path, key);
        else if (by_position && index < method->param_count)
            append_step(path, base_bytes_from_text(method->info.params[index].name));
        else
            base_buffer_appendf(path, "[%zu]", index);
        *container = child;
        return true;
    }
    return false;
}

/* Appends where a value is in its message, like `points[3].x`: nothing for the whole of it. Running out of
 * memory only makes the path shorter. */
static void append_path(base_buffer *path, wplug_value value) {
    const wplug_source *source = value.source;
    const char *place = value.size > 0 ? value.json : value.parent;
    base_bytes container = source->root;
    while (place && (const uint8_t *)place != container.data &&
           step_towards(source, &container, (const uint8_t *)place, path)) {
    }
    if (value.size == 0 && value.name) {
        if (value.name[0] == '[')
            base_buffer_append_text(path, value.name);
        else
            append_step(path, base_bytes_from_text(value.name));
    }
    /* A bare value stands for the first parameter. */
    json_kind root = json_kind_of(source->root);
    bool bare =
        path->size == 0 && source->kind == PDK_SOURCE_PARAMS && root != JSON_ARRAY && root != JSON_OBJECT;
    if (bare && source->request->method->param_count > 0)
        append_step(path, base_bytes_from_text(source->request->method->info.params[0].name));
}

/* Appends `"points[3].x" must be a number, but is a string`. */
static void append_complaint(base_buffer *text, wplug_value value, const char *expected) {
    base_buffer path = {0};
    append_path(&path, value);
    static const char *const whole[] = {
        [PDK_SOURCE_PARAMS] = "params", [PDK_SOURCE_ANSWER] = "the result", [PDK_SOURCE_TEXT] = "the value"};
    if (path.size > 0)
        base_buffer_appendf(text, "\"%.*s\"", (int)path.size, (const char *)path.data);
    else
        base_buffer_append_text(text, whole[value.source->kind]);
    base_buffer_free(&path);

    json_kind kind = json_kind_of(bytes_of(value));
    if (kind == JSON_NONE)
        base_buffer_appendf(text, " is missing: expected %s", expected);
    else if (kind == JSON_NUMBER)
        base_buffer_appendf(text, " must be %s, but is %.*s", expected,
                            value.size < 40 ? (int)value.size : 40, value.json);
    else
        base_buffer_appendf(text, " must be %s, but is %s", expected, json_kind_name(kind));
}

/* A value is not what the plugin needs: fails the request that it belongs to. */
static void complain(wplug_value value, const char *expected) {
    const wplug_source *source = value.source;
    if (!source) return; /* a value of a call that was never sent */
    if (source->request && source->request->refused) return;
    base_buffer text = {0};
    if (source->kind == PDK_SOURCE_PARAMS)
        base_buffer_append_text(&text, "Invalid params: ");
    else if (source->kind == PDK_SOURCE_ANSWER)
        base_buffer_appendf(&text, "unexpected answer of host method \"%s\": ", source->what);
    else
        base_buffer_appendf(&text, "%s: ", source->what);
    append_complaint(&text, value, expected);
    int64_t code = source->kind == PDK_SOURCE_PARAMS ? WPLUG_INVALID_PARAMS : WPLUG_PLUGIN_ERROR;
    if (source->request)
        pdk_request_refuse(source->request, code, "%.*s", (int)text.size, (const char *)text.data);
    else
        wplug_log(WPLUG_LOG_ERROR, "%.*s", (int)text.size, (const char *)text.data);
    base_buffer_free(&text);
}

/* ---- Conversions ---- */

static bool is_given(wplug_value value) {
    json_kind kind = json_kind_of(bytes_of(value));
    return kind != JSON_NONE && kind != JSON_NULL;
}

wplug_type wplug_value_type(wplug_value value) {
    static const wplug_type types[] = {
        [JSON_NONE] = WPLUG_TYPE_ABSENT,   [JSON_NULL] = WPLUG_TYPE_NULL,     [JSON_BOOL] = WPLUG_TYPE_BOOL,
        [JSON_NUMBER] = WPLUG_TYPE_NUMBER, [JSON_STRING] = WPLUG_TYPE_STRING, [JSON_ARRAY] = WPLUG_TYPE_ARRAY,
        [JSON_OBJECT] = WPLUG_TYPE_OBJECT};
    return types[json_kind_of(bytes_of(value))];
}

bool wplug_value_bool(wplug_value value) {
    bool result = false;
    if (json_read_bool(bytes_of(value), &result, NULL) != BASE_OK) complain(value, "true or false");
    return result;
}

int64_t wplug_value_int64(wplug_value value) {
    int64_t result = 0;
    base_status status = json_read_int64(bytes_of(value), &result, NULL);
    if (status != BASE_OK)
        complain(value, status == BASE_LIMIT ? "an integer from -2^63 to 2^63 - 1" : "an integer");
    return result;
}

uint64_t wplug_value_uint64(wplug_value value) {
    uint64_t result = 0;
    base_status status = json_read_uint64(bytes_of(value), &result, NULL);
    if (status != BASE_OK)
        complain(value, status == BASE_LIMIT ? "an integer from 0 to 2^64 - 1" : "a non-negative integer");
    return result;
}

int64_t wplug_value_int64_in(wplug_value value, int64_t least, int64_t most) {
    int64_t result = 0;
    if (json_read_int64(bytes_of(value), &result, NULL) == BASE_OK && result >= least && result <= most)
        return result;
    base_error expected;
    base_fail(&expected, BASE_OK, "an integer from %lld to %lld", (long long)least, (long long)most);
    complain(value, expected.message);
    return 0;
}

double wplug_value_double(wplug_value value) {
    double result = 0;
    base_status status = json_read_double(bytes_of(value), &result, NULL);
    if (status != BASE_OK) complain(value, status == BASE_LIMIT ? "a number that fits a double" : "a number");
    return result;
}

wplug_text wplug_value_text(wplug_value value) {
    base_bytes json = bytes_of(value), plain;
    if (json_kind_of(json) != JSON_STRING) {
        complain(value, "a string");
        return wplug_str("");
    }
    if (json_string_plain(json, &plain)) return (wplug_text){(const char *)plain.data, plain.size};
    size_t size = json_string_size(json);
    char *text = pdk_arena_alloc(value.source->arena, size);
    if (!text || json_copy_string(json, text, size, &size, NULL) != BASE_OK) {
        pdk_request_no_memory(value.source->request);
        return wplug_str("");
    }
    return (wplug_text){text, size};
}

bool wplug_value_bool_or(wplug_value value, bool fallback) {
    return is_given(value) ? wplug_value_bool(value) : fallback;
}

int64_t wplug_value_int64_or(wplug_value value, int64_t fallback) {
    return is_given(value) ? wplug_value_int64(value) : fallback;
}

uint64_t wplug_value_uint64_or(wplug_value value, uint64_t fallback) {
    return is_given(value) ? wplug_value_uint64(value) : fallback;
}

double wplug_value_double_or(wplug_value value, double fallback) {
    return is_given(value) ? wplug_value_double(value) : fallback;
}

wplug_text wplug_value_text_or(wplug_value value, const char *fallback) {
    return is_given(value) ? wplug_value_text(value) : wplug_str(fallback);
}

/* ---- Into arrays and objects ---- */

/* What is missed from a value that is itself absent: `options.depth` where there are no options. */
static wplug_value absent_within(wplug_value container, const char *name) {
    if (container.size > 0 || !container.source || !container.name)
        return absent(container.source, container.json, name);
    base_error path;
    base_fail(&path, BASE_OK, name[0] == '[' ? "%s%s" : "%s.%s", container.name, name);
    const char *copy = pdk_arena_copy(container.source->arena, path.message, strlen(path.message));
    return absent(container.source, container.parent, copy ? copy : name);
}

wplug_value wplug_value_member(wplug_value object, const char *name) {
    base_bytes member;
    if (json_find_text(bytes_of(object), name, &member)) return pdk_value_make(object.source, member);
    if (is_given(object) && json_kind_of(bytes_of(object)) != JSON_OBJECT) complain(object, "an object");
    return absent_within(object, name);
}

wplug_value wplug_value_at(wplug_value array, size_t index) {
    base_bytes element;
    if (json_at(bytes_of(array), index, &element)) return pdk_value_make(array.source, element);
    if (is_given(array) && json_kind_of(bytes_of(array)) != JSON_ARRAY) complain(array, "an array");
    base_error name;
    base_fail(&name, BASE_OK, "[%zu]", index);
    const char *copy =
        array.source ? pdk_arena_copy(array.source->arena, name.message, strlen(name.message)) : NULL;
    return absent_within(array, copy ? copy : "[]");
}

size_t wplug_value_count(wplug_value container) {
    json_kind kind = json_kind_of(bytes_of(container));
    if (kind == JSON_ARRAY || kind == JSON_OBJECT) return json_count(bytes_of(container), SIZE_MAX);
    if (is_given(container)) complain(container, "an array or an object");
    return 0;
}

wplug_each wplug_each_in(wplug_value container) {
    json_kind kind = json_kind_of(bytes_of(container));
    if (kind != JSON_ARRAY && kind != JSON_OBJECT && is_given(container))
        complain(container, "an array or an object");
    json_iterator iterator = json_iterate(bytes_of(container));
    return (wplug_each){.next = (const char *)iterator.next,
                        .end = (const char *)iterator.end,
                        .is_object = kind == JSON_OBJECT,
                        .source = container.source};
}

static wplug_text read_key(const wplug_source *source, base_bytes key) {
    if (key.size == 0 || !memchr(key.data, '\\', key.size))
        return (wplug_text){(const char *)key.data, key.size};
    base_buffer decoded = {0};
    char *text = json_read_key(key, &decoded, NULL) == BASE_OK
                     ? pdk_arena_copy(source->arena, decoded.data, decoded.size)
                     : NULL;
    size_t size = decoded.size;
    base_buffer_free(&decoded);
    if (text) return (wplug_text){text, size};
    pdk_request_no_memory(source->request);
    return wplug_str("");
}

bool wplug_next(wplug_each *each) {
    json_iterator iterator = {(const uint8_t *)each->next, (const uint8_t *)each->end};
    base_bytes key = {0}, value;
    if (!(each->is_object ? json_next_member(&iterator, &key, &value) : json_next_element(&iterator, &value)))
        return false;
    each->next = (const char *)iterator.next;
    each->key = read_key(each->source, key);
    each->value = pdk_value_make(each->source, value);
    each->index = each->started ? each->index + 1 : 0;
    each->started = true;
    return true;
}

wplug_value wplug_parse(wplug_request *request, const char *what, wplug_text json) {
    base_error error;
    base_bytes value;
    wplug_source *source = wplug_alloc(request, sizeof *source);
    if (!source) return (wplug_value){0};
    *source =
        (wplug_source){.kind = PDK_SOURCE_TEXT, .request = request, .arena = &request->arena, .what = what};
    if (json_validate((base_bytes){(const uint8_t *)json.data, json.size}, 0, &value, &error) != BASE_OK) {
        pdk_request_refuse(request, WPLUG_PLUGIN_ERROR, "%s is not valid JSON: %s", what, error.message);
        return absent(source, NULL, NULL);
    }
    source->root = value;
    return pdk_value_make(source, value);
}

/* ---- Parameters ---- */

/* Finds all declared parameters in one pass over params, however large those are. */
static void look_up_params(wplug_request *request) {
    request->looked_up = true;
    const wplug_param_info *params = request->method->info.params;
    size_t count = request->method->param_count;
    base_bytes root = request->params.root;
    switch (json_kind_of(root)) {
    case JSON_NONE:
    case JSON_NULL: break;
    case JSON_OBJECT: {
        const char *names[WPLUG_MAX_PARAMS];
        for (size_t i = 0; i < count; i++) names[i] = params[i].name;
        json_find_all(root, names, request->given, count);
        break;
    }
    case JSON_ARRAY: {
        json_iterator iterator = json_iterate(root);
        for (size_t i = 0; i < count && json_next_element(&iterator, &request->given[i]); i++) {
        }
        break;
    }
    default:
        if (count > 0) request->given[0] = root;
        break;
    }
}

wplug_value wplug_params(wplug_request *request) {
    return pdk_value_make(&request->params, request->params.root);
}

wplug_value wplug_param(wplug_request *request, const char *name) {
    if (!request->looked_up) look_up_params(request);
    base_bytes found = {0};
    bool declared = false;
    for (size_t i = 0; i < request->method->param_count && !declared; i++) {
        declared = strcmp(request->method->info.params[i].name, name) == 0;
        if (declared) found = request->given[i];
    }
    if (!declared) json_find_text(request->params.root, name, &found);
    if (found.size == 0) return absent(&request->params, (const char *)request->params.root.data, name);
    return pdk_value_make(&request->params, found);
}

bool wplug_param_given(wplug_request *request, const char *name) {
    return is_given(wplug_param(request, name));
}

bool wplug_param_bool(wplug_request *request, const char *name) {
    return wplug_value_bool(wplug_param(request, name));
}

int64_t wplug_param_int64(wplug_request *request, const char *name) {
    return wplug_value_int64(wplug_param(request, name));
}

uint64_t wplug_param_uint64(wplug_request *request, const char *name) {
    return wplug_value_uint64(wplug_param(request, name));
}

int64_t wplug_param_int64_in(wplug_request *request, const char *name, int64_t least, int64_t most) {
    return wplug_value_int64_in(wplug_param(request, name), least, most);
}

double wplug_param_double(wplug_request *request, const char *name) {
    return wplug_value_double(wplug_param(request, name));
}

wplug_text wplug_param_text(wplug_request *request, const char *name) {
    return wplug_value_text(wplug_param(request, name));
}

bool wplug_param_bool_or(wplug_request *request, const char *name, bool fallback) {
    return wplug_value_bool_or(wplug_param(request, name), fallback);
}

int64_t wplug_param_int64_or(wplug_request *request, const char *name, int64_t fallback) {
    return wplug_value_int64_or(wplug_param(request, name), fallback);
}

uint64_t wplug_param_uint64_or(wplug_request *request, const char *name, uint64_t fallback) {
    return wplug_value_uint64_or(wplug_param(request, name), fallback);
}

double wplug_param_double_or(wplug_request *request, const char *name, double fallback) {
    return wplug_value_double_or(wplug_param(request, name), fallback);
}

wplug_text wplug_param_text_or(wplug_request *request, const char *name, const char *fallback) {
    return wplug_value_text_or(wplug_param(request, name), fallback);
}
