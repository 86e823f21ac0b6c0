/* Owns what Request.java needs: requests of plugins, on their way to Java and back. */
#include "glue.h"

#include <string.h>

static bool deliver(JNIEnv *env, const glue_method *method, wplug_request *request) {
    size_t size;
    const char *params = wplug_request_params(request, &size);
    wplug_plugin *plugin = wplug_request_plugin(request);
    const char *name = wplug_plugin_name(plugin);
    jbyteArray params_bytes = glue_bytes(env, params, size);
    jbyteArray name_bytes = params_bytes ? glue_bytes(env, name, strlen(name)) : NULL;
    jbyteArray id_bytes =
        name_bytes ? glue_bytes(env, wplug_plugin_id(plugin)->bytes, sizeof(wplug_id)) : NULL;
    if (!id_bytes) return false;
    jboolean is_taken = (*env)->CallBooleanMethod(
        env, method->host, glue.receive, glue_number(request), method->index, params_bytes,
        (jboolean)wplug_request_is_notification(request), name_bytes, id_bytes);
    return !(*env)->ExceptionCheck(env) && is_taken;
}

/* A request that Java does not take, for want of memory, is released, and so the library answers it with an error. */
void glue_receive(void *user, wplug_request *request) {
    JNIEnv *env = glue_env();
    if (!env || (*env)->PushLocalFrame(env, 8)) {
        if (env) (*env)->ExceptionClear(env);
        return;
    }
    wplug_request_retain(request);
    if (!deliver(env, user, request)) wplug_request_release(request);
    if ((*env)->ExceptionCheck(env)) (*env)->ExceptionClear(env);
    (*env)->PopLocalFrame(env, NULL);
}

static jint request_result(JNIEnv *env, jclass class, jlong request, jbyteArray json) {
    char *text = glue_borrow(env, json);
    if (json && !text) return WPLUG_NO_MEMORY;
    wplug_status status = wplug_request_result(glue_pointer(request), text);
    glue_return(env, json, text);
    return (jint)status;
}

static jint request_error(JNIEnv *env, jclass class, jlong request, jlong code, jbyteArray message,
                          jbyteArray data) {
    wplug_status status = WPLUG_NO_MEMORY;
    char *text = glue_borrow(env, message);
    char *value = text ? glue_borrow(env, data) : NULL;
    if (text && (value || !data)) status = wplug_request_error(glue_pointer(request), code, text, value);
    glue_return(env, data, value);
    glue_return(env, message, text);
    return (jint)status;
}

static jboolean request_is_open(JNIEnv *env, jclass class, jlong request) {
    return wplug_request_is_open(glue_pointer(request));
}

static void request_release(JNIEnv *env, jclass class, jlong request) {
    wplug_request_release(glue_pointer(request));
}

const JNINativeMethod glue_request_methods[GLUE_REQUEST_METHODS] = {
    {"requestResult", "(J[B)I", (void *)request_result},
    {"requestError", "(JJ[B[B)I", (void *)request_error},
    {"requestIsOpen", "(J)Z", (void *)request_is_open},
    {"requestRelease", "(J)V", (void *)request_release},
};
