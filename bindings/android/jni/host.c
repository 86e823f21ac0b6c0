/* Owns what Host.java and Call.java need: a pool whose threads are Java's too, and the ends of calls. */
#include "glue.h"

#include <stdlib.h>
#include <string.h>

typedef struct glue_host {
    jobject host; /* global: Java keeps it until it is freed here */
    wplug_pool *pool;
    bool wants_log;
    glue_texts names;
    glue_method *methods; /* one for each name */
} glue_host;

/* ---- Threads ---- */

static void log_line(void *user, const wplug_log *line) {
    const glue_host *host = user;
    JNIEnv *env = glue_env();
    if (!env) return;
    if ((*env)->PushLocalFrame(env, 8)) {
        (*env)->ExceptionClear(env);
        return;
    }
    jbyteArray name = glue_bytes(env, line->name, strlen(line->name));
    jbyteArray id = name ? glue_bytes(env, line->id, strlen(line->id)) : NULL;
    jbyteArray text = id ? glue_bytes(env, line->text, line->text_size) : NULL;
    if (text)
        (*env)->CallVoidMethod(env, host->host, glue.log, name, id, text,
                               (jboolean)(line->source == WPLUG_LOG_HOST));
    if ((*env)->ExceptionCheck(env)) (*env)->ExceptionClear(env); /* no memory for the line */
    (*env)->PopLocalFrame(env, NULL);
}

static bool say(JNIEnv *env, const glue_host *host, jmethodID method) {
    (*env)->CallVoidMethod(env, host->host, method);
    if (!(*env)->ExceptionCheck(env)) return true;
    (*env)->ExceptionClear(env);
    return false;
}

static wplug_status set_up(JNIEnv *env, glue_host *host, wplug_runtime *runtime) {
    if (!say(env, host, glue.worker_started)) return WPLUG_NO_MEMORY;
    wplug_status status = WPLUG_OK;
    if (host->wants_log) status = wplug_runtime_set_log(runtime, log_line, host);
    for (size_t i = 0; i < host->names.count && !status; i++)
        status = wplug_runtime_set_method(runtime, host->names.items[i], glue_receive, &host->methods[i]);
    if (status) say(env, host, glue.worker_stopped);
    return status;
}

static wplug_status start_thread(void *user, wplug_runtime *runtime, unsigned thread) {
    JavaVMAttachArgs arguments = {JNI_VERSION_1_6, (char *)(uintptr_t)"wplug", NULL};
    void *env = NULL;
    /* As a daemon, so that a program can end without closing its hosts. What Android and the JDK say of the second
     * parameter's type differs. */
    if ((*glue.machine)->AttachCurrentThreadAsDaemon(glue.machine, (void *)&env, &arguments) != JNI_OK)
        return WPLUG_SYSTEM;
    wplug_status status = set_up(env, user, runtime);
    if (status) (*glue.machine)->DetachCurrentThread(glue.machine);
    return status;
}

static void stop_thread(void *user, unsigned thread) {
    JNIEnv *env = glue_env();
    if (env) say(env, user, glue.worker_stopped);
    (*glue.machine)->DetachCurrentThread(glue.machine);
}

/* ---- Hosts ---- */

static void free_host(JNIEnv *env, glue_host *host) {
    if (!host) return;
    wplug_pool_free(host->pool);
    if (host->host) (*env)->DeleteGlobalRef(env, host->host);
    glue_texts_free(&host->names);
    free(host->methods);
    free(host);
}

static jlong host_new(JNIEnv *env, jclass class, jobject java_host, jobjectArray names, jboolean wants_log,
                      jint threads, jint queue_capacity, jint calls_per_thread, jlong slice_fuel,
                      jlong sandboxes) {
    glue_host *host = calloc(1, sizeof *host);
    if (!host) {
        glue_raise(env, WPLUG_NO_MEMORY, "no memory for a host");
        return 0;
    }
    host->wants_log = wants_log;
    host->host = (*env)->NewGlobalRef(env, java_host);
    if (!host->host || !glue_texts_new(env, names, &host->names)) {
        glue_raise(env, WPLUG_NO_MEMORY, "no memory for a host");
        free_host(env, host);
        return 0;
    }
    host->methods = calloc(host->names.count + 1, sizeof *host->methods);
    for (size_t i = 0; i < host->names.count && host->methods; i++)
        host->methods[i] = (glue_method){host->host, (jint)i};

    wplug_runtime_options runtime;
    wplug_runtime_options_init(&runtime);
    runtime.slice_fuel = (uint64_t)slice_fuel;
    runtime.pool_size = (uint64_t)sandboxes;
    wplug_pool_options options;
    wplug_pool_options_init(&options);
    options.runtime = &runtime;
    options.threads = (uint32_t)threads;
    options.queue_capacity = (uint32_t)queue_capacity;
    options.calls_per_thread = (uint32_t)calls_per_thread;
    options.start = start_thread;
    options.stop = stop_thread;
    options.thread_user = host;
    wplug_error error = {WPLUG_NO_MEMORY, "no memory for a host"};
    wplug_status status = host->methods ? wplug_pool_new(&options, &host->pool, &error) : WPLUG_NO_MEMORY;
    if (status) {
        glue_raise(env, status, error.message);
        free_host(env, host);
        return 0;
    }
    return glue_number(host);
}

static void host_shutdown(JNIEnv *env, jclass class, jlong host) {
    const glue_host *self = glue_pointer(host);
    wplug_pool_shutdown(self->pool, false);
}

static void host_free(JNIEnv *env, jclass class, jlong host) {
    free_host(env, glue_pointer(host));
}

/* ---- Calls ---- */

/* Tells Java how a call ended: its completion's own errors stay there. False where Java had no memory for it. */
static bool tell_end(JNIEnv *env, jobject call, const wplug_result *result) {
    jbyteArray texts[5] = {NULL};
    const struct {
        const char *text;
        size_t size;
    } sources[] = {{result->message, strlen(result->message)},
                   {result->json, result->json_size},
                   {result->error_message, strlen(result->error_message)},
                   {result->data, result->data_size},
                   {result->backtrace, strlen(result->backtrace)}};
    for (int i = 0; i < 5; i++) {
        texts[i] = glue_bytes(env, sources[i].text, sources[i].size);
        if (!texts[i]) return false;
    }
    (*env)->CallVoidMethod(env, call, glue.finished, (jint)result->status, texts[0], texts[1],
                           (jlong)result->code, texts[2], texts[3], (jint)result->exit_code, texts[4],
                           (jlong)result->fuel_used, (jlong)result->time_ns, (jlong)result->memory_bytes);
    return !(*env)->ExceptionCheck(env);
}

static void finish(JNIEnv *env, jobject call, const wplug_result *result) {
    if ((*env)->PushLocalFrame(env, 8) == 0) {
        bool told = tell_end(env, call, result);
        if ((*env)->ExceptionCheck(env)) (*env)->ExceptionClear(env);
        (*env)->PopLocalFrame(env, NULL);
        if (told) return;
    }
    (*env)->ExceptionClear(env);
    (*env)->CallVoidMethod(env, call, glue.finished, (jint)WPLUG_NO_MEMORY, NULL, NULL, (jlong)0, NULL, NULL,
                           (jint)0, NULL, (jlong)0, (jlong)0, (jlong)0);
    if ((*env)->ExceptionCheck(env)) (*env)->ExceptionClear(env);
}

static void call_done(void *user, wplug_task task, wplug_result *result) {
    JNIEnv *env = glue_env();
    if (!env) return;
    finish(env, user, result);
    (*env)->DeleteGlobalRef(env, user);
}

/* What a call is started with, borrowed from Java. */
typedef struct call_start {
    char *method;
    char *params;
    wplug_limits limits;
    wplug_call_options options;
} call_start;

static bool borrow_call(JNIEnv *env, jbyteArray method, jbyteArray params, jlongArray limits, jint priority,
                        call_start *start) {
    memset(start, 0, sizeof *start);
    if (!glue_limits(env, limits, &start->limits)) return false;
    wplug_call_options_init(&start->options);
    start->options.limits = limits ? &start->limits : NULL;
    start->options.priority = priority;
    start->method = glue_borrow(env, method);
    if (!start->method) return false;
    start->params = glue_borrow(env, params);
    return start->params || !params;
}

static void return_call(JNIEnv *env, jbyteArray method, jbyteArray params, const call_start *start) {
    glue_return(env, params, start->params);
    glue_return(env, method, start->method);
}

static jlong host_call_start(JNIEnv *env, jclass class, jlong host, jlong plugin, jbyteArray method,
                             jbyteArray params, jlongArray limits, jint priority, jobject call) {
    const glue_host *self = glue_pointer(host);
    call_start start;
    wplug_task task = 0;
    jobject kept = NULL;
    if (borrow_call(env, method, params, limits, priority, &start) &&
        (kept = (*env)->NewGlobalRef(env, call))) {
        wplug_error error;
        wplug_status status =
            wplug_pool_call_start(self->pool, glue_pointer(plugin), start.method, start.params,
                                  &start.options, call_done, kept, &task, &error);
        if (status) {
            (*env)->DeleteGlobalRef(env, kept);
            glue_raise(env, status, error.message);
        }
    } else {
        glue_raise(env, WPLUG_NO_MEMORY, "no memory for a call");
    }
    return_call(env, method, params, &start);
    return (jlong)task;
}

static void host_call_here(JNIEnv *env, jclass class, jlong host, jlong plugin, jbyteArray method,
                           jbyteArray params, jlongArray limits, jint priority, jobject call) {
    const glue_host *self = glue_pointer(host);
    call_start start;
    if (borrow_call(env, method, params, limits, priority, &start)) {
        wplug_error error;
        wplug_result *result = NULL;
        wplug_status status = wplug_pool_call(self->pool, glue_pointer(plugin), start.method, start.params,
                                              &start.options, &result, &error);
        if (result)
            finish(env, call, result);
        else
            glue_raise(env, status, error.message);
        wplug_result_release(result);
    } else {
        glue_raise(env, WPLUG_NO_MEMORY, "no memory for a call");
    }
    return_call(env, method, params, &start);
}

/* A call that has ended meanwhile needs no cancelling. */
static void host_cancel(JNIEnv *env, jclass class, jlong host, jlong task) {
    const glue_host *self = glue_pointer(host);
    wplug_pool_cancel(self->pool, (wplug_task)task);
}

const JNINativeMethod glue_host_methods[GLUE_HOST_METHODS] = {
    {"hostNew", "(Ldev/wplug/Host;[[BZIIIJJ)J", (void *)host_new},
    {"hostCallStart", "(JJ[B[B[JILdev/wplug/Call;)J", (void *)host_call_start},
    {"hostCallHere", "(JJ[B[B[JILdev/wplug/Call;)V", (void *)host_call_here},
    {"hostCancel", "(JJ)V", (void *)host_cancel},
    {"hostShutdown", "(J)V", (void *)host_shutdown},
    {"hostFree", "(J)V", (void *)host_free},
};
