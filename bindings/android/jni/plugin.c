/* Owns what Plugin.java needs: wplug_plugin. */
#include "glue.h"

#include <string.h>

/* Plugin.Snapshot's ordinals are these numbers, PluginOptions' flags those of its constants. */
enum { ASYNC_GUEST = 1, TRAP_UNKNOWN_IMPORTS = 2, DETERMINISTIC = 4 };

static bool read_id(JNIEnv *env, jbyteArray id, wplug_id *out) {
    (*env)->GetByteArrayRegion(env, id, 0, sizeof out->bytes, (jbyte *)out->bytes);
    return !(*env)->ExceptionCheck(env);
}

static jlong plugin_load(JNIEnv *env, jclass class, jbyteArray module, jbyteArray name, jbyteArray id,
                         jobjectArray args, jobjectArray variables, jobjectArray allow, jint flags,
                         jlong seed, jlong start_time, jlong max_module_bytes, jint snapshot,
                         jlongArray limit_values) {
    wplug_plugin_options options;
    wplug_plugin_options_init(&options);
    wplug_plugin *plugin = NULL;
    wplug_limits limits;
    wplug_id own_id;
    glue_texts arg_texts = {0}, variable_texts = {0}, allow_texts = {0};
    char *name_text = NULL, *bytes = NULL;
    if (!glue_limits(env, limit_values, &limits) || !glue_texts_new(env, args, &arg_texts) ||
        !glue_texts_new(env, variables, &variable_texts) || !glue_texts_new(env, allow, &allow_texts) ||
        (id && !read_id(env, id, &own_id)) || (name && !(name_text = glue_borrow(env, name))) ||
        !(bytes = glue_borrow(env, module)))
        goto done;

    options.name = name_text;
    options.id = id ? &own_id : NULL;
    options.args = (const char *const *)arg_texts.items;
    options.arg_count = arg_texts.count;
    options.env = (const char *const *)variable_texts.items;
    options.env_count = variable_texts.count;
    options.allow = (const char *const *)allow_texts.items;
    options.allow_count = allow_texts.count;
    options.async_guest = flags & ASYNC_GUEST;
    options.trap_unknown_imports = flags & TRAP_UNKNOWN_IMPORTS;
    options.deterministic = flags & DETERMINISTIC;
    options.seed = (uint64_t)seed;
    options.start_time_ns = (uint64_t)start_time;
    options.max_module_bytes = (uint64_t)max_module_bytes;
    options.snapshot = (wplug_snapshot_mode)snapshot;
    options.limits = limit_values ? &limits : NULL;

    wplug_error error;
    size_t size = (size_t)(*env)->GetArrayLength(env, module);
    wplug_status status = wplug_plugin_load(bytes, size, &options, &plugin, &error);
    if (status) glue_raise(env, status, error.message);
done:
    glue_return(env, module, bytes);
    glue_return(env, name, name_text);
    glue_texts_free(&allow_texts);
    glue_texts_free(&variable_texts);
    glue_texts_free(&arg_texts);
    return glue_number(plugin);
}

static void plugin_release(JNIEnv *env, jclass class, jlong plugin) {
    wplug_plugin_release(glue_pointer(plugin));
}

static jbyteArray plugin_name(JNIEnv *env, jclass class, jlong plugin) {
    const char *name = wplug_plugin_name(glue_pointer(plugin));
    return glue_bytes(env, name, strlen(name));
}

static jbyteArray plugin_id(JNIEnv *env, jclass class, jlong plugin) {
    return glue_bytes(env, wplug_plugin_id(glue_pointer(plugin))->bytes, sizeof(wplug_id));
}

const JNINativeMethod glue_plugin_methods[GLUE_PLUGIN_METHODS] = {
    {"pluginLoad", "([B[B[B[[B[[B[[BIJJJI[J)J", (void *)plugin_load},
    {"pluginRelease", "(J)V", (void *)plugin_release},
    {"pluginName", "(J)[B", (void *)plugin_name},
    {"pluginId", "(J)[B", (void *)plugin_id},
};
