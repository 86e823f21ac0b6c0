/* Owns the methods of the plugin and its description: what was registered, whether it can be, and the OpenRPC
 * document that rpc.discover answers with. */
#include "pdk.h"

#include <string.h>

/* A method of the host that the plugin says it calls. */
typedef struct pdk_host_need {
    struct pdk_host_need *next;
    const char *name;
    const char *summary;
} pdk_host_need;

static void report(const char *format, ...) BASE_PRINTF(1, 2);
static void report(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    base_error text;
    base_fail_va(&text, BASE_INVALID, format, arguments);
    va_end(arguments);
    wplug_log(WPLUG_LOG_ERROR, "plugin \"%s\": %s", pdk.name, text.message);
    if (pdk.mistakes++ == 0) pdk.first_mistake = text;
}

/* ---- Checking ---- */

static bool is_type_name(base_bytes value) {
    static const char *const names[] = {"null", "boolean", "object", "array", "number", "string", "integer"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (json_string_equals_text(value, names[i])) return true;
    }
    return false;
}

/* JSON Schema, as far as it shows without knowing every keyword: an object or boolean whose "type" is one. */
static void check_schema(const char *method, const char *part, const char *name, const char *schema) {
    if (!schema) return;
    base_bytes value, type;
    base_error error;
    if (json_validate(base_bytes_from_text(schema), 0, &value, &error) != BASE_OK) {
        report("method \"%s\": the schema of %s\"%s\" is not valid JSON: %s", method, part, name,
               error.message);
        return;
    }
    json_kind kind = json_kind_of(value);
    if (kind != JSON_OBJECT && kind != JSON_BOOL) {
        report("method \"%s\": the schema of %s\"%s\" must be an object, true or false, but is %s", method,
               part, name, json_kind_name(kind));
        return;
    }
    if (!json_find_text(value, "type", &type)) return;
    bool known = is_type_name(type);
    if (json_kind_of(type) == JSON_ARRAY) {
        json_iterator iterator = json_iterate(type);
        base_bytes element;
        known = true;
        while (json_next_element(&iterator, &element)) known = known && is_type_name(element);
    }
    if (!known)
        report("method \"%s\": the schema of %s\"%s\" has an unknown type: %.*s", method, part, name,
               (int)type.size, (const char *)type.data);
}

static void check_params(const pdk_method *method) {
    const char *name = method->info.name;
    const wplug_param_info *params = method->info.params;
    for (size_t i = 0; i < method->param_count; i++) {
        if (i > 0 && params[i - 1].optional && !params[i].optional)
            report("method \"%s\": parameter \"%s\" is required, so it must come before the optional ones",
                   name, params[i].name);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(params[i].name, params[j].name) == 0)
                report("method \"%s\": two parameters are called \"%s\"", name, params[i].name);
        }
    }
}

void wplug_add_method(const wplug_method_info *info) {
    if (!info->name || !*info->name) {
        report("a method has no name");
        return;
    }
    if (!info->handler) report("method \"%s\" has no handler", info->name);
    if (strncmp(info->name, "rpc.", 4) == 0)
        report("method \"%s\": names beginning with \"rpc.\" are reserved by JSON-RPC", info->name);
    for (size_t i = 0; i < pdk.method_count; i++) {
        if (strcmp(pdk.methods[i].info.name, info->name) == 0)
            report("two methods are called \"%s\"", info->name);
    }

    if (pdk.method_count == pdk.method_capacity) {
        size_t capacity = pdk.method_capacity ? pdk.method_capacity * 2 : 8;
        pdk_method *methods =
            base_resize(NULL, pdk.methods, pdk.method_capacity * sizeof *methods, capacity * sizeof *methods);
        if (!methods) {
            report("out of memory");
            return;
        }
        pdk.methods = methods;
        pdk.method_capacity = capacity;
    }
    pdk_method *method = &pdk.methods[pdk.method_count++];
    *method = (pdk_method){.info = *info};
    while (method->param_count < WPLUG_MAX_PARAMS && info->params[method->param_count].name)
        method->param_count++;
    while (method->error_count < WPLUG_MAX_ERRORS && info->errors[method->error_count].message)
        method->error_count++;
    check_params(method);
}

void pdk_registry_check(const char *name, const char *version) {
    if (!name || !*name || !version || !*version) report("WPLUG_PLUGIN needs a name and a version");
    if (pdk.method_count == 0) report("no method is registered: call wplug_method in the WPLUG_PLUGIN block");
}

const pdk_method *pdk_registry_find(wplug_text name) {
    for (size_t i = 0; i < pdk.method_count; i++) {
        if (wplug_text_is(name, pdk.methods[i].info.name)) return &pdk.methods[i];
    }
    return NULL;
}

void wplug_describe(const char *description) {
    pdk.description = description;
}

void wplug_uses_host_method(const char *name, const char *summary) {
    pdk_host_need *need = base_alloc_zeroed(NULL, 1, sizeof *need);
    if (!need) {
        report("out of memory");
        return;
    }
    *need = (pdk_host_need){NULL, name, summary};
    pdk_host_need **last = &pdk.needs;
    while (*last) last = &(*last)->next;
    *last = need;
}

void wplug_serve_until_end(void) {
    pdk.serve_until_end = true;
}

void pdk_registry_free(void) {
    base_free(NULL, pdk.methods, pdk.method_capacity * sizeof *pdk.methods);
    while (pdk.needs) {
        pdk_host_need *need = pdk.needs;
        pdk.needs = need->next;
        base_free(NULL, need, sizeof *need);
    }
}

/* ---- rpc.discover ---- */

static void member_if_given(wplug_writer *writer, const char *name, const char *value) {
    if (value) wplug_member_string(writer, name, value);
}

static void member_schema(wplug_writer *writer, const char *schema) {
    base_bytes value = BASE_LITERAL("true");
    if (schema) json_validate(base_bytes_from_text(schema), 0, &value, NULL);
    wplug_key(writer, "schema");
    pdk_write_json(writer, value);
}

static void write_method(wplug_writer *writer, const pdk_method *method) {
    const wplug_method_info *info = &method->info;
    wplug_begin_object(writer);
    wplug_member_string(writer, "name", info->name);
    member_if_given(writer, "summary", info->summary);
    member_if_given(writer, "description", info->description);
    wplug_member_string(writer, "paramStructure", "either");
    wplug_key(writer, "params");
    wplug_begin_array(writer);
    for (size_t i = 0; i < method->param_count; i++) {
        wplug_begin_object(writer);
        wplug_member_string(writer, "name", info->params[i].name);
        member_if_given(writer, "description", info->params[i].description);
        wplug_member_bool(writer, "required", !info->params[i].optional);
        member_schema(writer, info->params[i].schema);
        wplug_end_object(writer);
    }
    wplug_end_array(writer);
    wplug_key(writer, "result");
    wplug_begin_object(writer);
    wplug_member_string(writer, "name", "result");
    member_schema(writer, info->result);
    wplug_end_object(writer);
    if (method->error_count > 0) {
        wplug_key(writer, "errors");
        wplug_begin_array(writer);
        for (size_t i = 0; i < method->error_count; i++) {
            wplug_begin_object(writer);
            wplug_member_int64(writer, "code", info->errors[i].code);
            wplug_member_string(writer, "message", info->errors[i].message);
            wplug_end_object(writer);
        }
        wplug_end_array(writer);
    }
    wplug_end_object(writer);
}

/* Schemas are for those who ask for them: no other call pays for reading them. */
static void check_schemas(void) {
    for (size_t i = 0; i < pdk.method_count; i++) {
        const wplug_method_info *info = &pdk.methods[i].info;
        for (size_t j = 0; j < pdk.methods[i].param_count; j++)
            check_schema(info->name, "parameter ", info->params[j].name, info->params[j].schema);
        check_schema(info->name, "", "result", info->result);
    }
}

/* OpenRPC 1.3.2, https://spec.open-rpc.org: an OpenRPC document with a method object for each method. */
void pdk_discover(wplug_request *request) {
    pdk.mistakes = 0;
    check_schemas();
    if (pdk.mistakes > 0) {
        pdk_request_refuse(request, WPLUG_INTERNAL_ERROR, "%s", pdk.first_mistake.message);
        return;
    }
    wplug_writer *writer = wplug_result(request);
    wplug_begin_object(writer);
    wplug_member_string(writer, "openrpc", "1.3.2");
    wplug_key(writer, "info");
    wplug_begin_object(writer);
    wplug_member_string(writer, "title", pdk.name);
    member_if_given(writer, "description", pdk.description);
    wplug_member_string(writer, "version", pdk.version);
    wplug_end_object(writer);
    wplug_key(writer, "methods");
    wplug_begin_array(writer);
    for (size_t i = 0; i < pdk.method_count; i++) write_method(writer, &pdk.methods[i]);
    wplug_end_array(writer);
    if (pdk.needs) {
        wplug_key(writer, "x-host-methods");
        wplug_begin_array(writer);
        for (const pdk_host_need *need = pdk.needs; need; need = need->next) {
            wplug_begin_object(writer);
            wplug_member_string(writer, "name", need->name);
            member_if_given(writer, "summary", need->summary);
            wplug_end_object(writer);
        }
        wplug_end_array(writer);
    }
    wplug_end_object(writer);
}
