/* Owns what the glue knows of the Java machine, and the conversions. */
#include "glue.h"

#include <stdlib.h>
#include <string.h>

glue_java glue;

JNIEnv *glue_env(void) {
    void *env = NULL;
    return (*glue.machine)->GetEnv(glue.machine, &env, JNI_VERSION_1_6) == JNI_OK ? env : NULL;
}

void glue_raise(JNIEnv *env, wplug_status status, const char *message) {
    if ((*env)->ExceptionCheck(env)) return; /* that came first, and says more */
    jbyteArray text = glue_bytes(env, message, strlen(message));
    if (text) (*env)->CallStaticVoidMethod(env, glue.native, glue.raise, (jint)status, text);
}

char *glue_borrow(JNIEnv *env, jbyteArray array) {
    return array ? (char *)(*env)->GetByteArrayElements(env, array, NULL) : NULL;
}

void glue_return(JNIEnv *env, jbyteArray array, char *bytes) {
    if (bytes) (*env)->ReleaseByteArrayElements(env, array, (jbyte *)bytes, JNI_ABORT);
}

jbyteArray glue_bytes(JNIEnv *env, const void *bytes, size_t size) {
    if (!bytes) return NULL;
    if (size > INT32_MAX) size = INT32_MAX; /* as much as an array holds; limits keep texts far below */
    jbyteArray array = (*env)->NewByteArray(env, (jsize)size);
    if (array) (*env)->SetByteArrayRegion(env, array, 0, (jsize)size, bytes);
    return array;
}

/* One text of an array, on the heap; NULL with an exception. */
static char *text_at(JNIEnv *env, jobjectArray array, jsize index) {
    jbyteArray bytes = (*env)->GetObjectArrayElement(env, array, index);
    if (!bytes) return NULL;
    char *text = NULL;
    char *borrowed = glue_borrow(env, bytes);
    if (borrowed) {
        size_t size = strlen(borrowed) + 1;
        text = malloc(size);
        if (text) memcpy(text, borrowed, size);
        glue_return(env, bytes, borrowed);
    }
    (*env)->DeleteLocalRef(env, bytes);
    if (!text) glue_raise(env, WPLUG_NO_MEMORY, "no memory for a text");
    return text;
}

bool glue_texts_new(JNIEnv *env, jobjectArray array, glue_texts *out) {
    *out = (glue_texts){NULL, 0};
    if (!array) return true;
    jsize count = (*env)->GetArrayLength(env, array);
    out->items = calloc((size_t)count + 1, sizeof *out->items);
    if (!out->items) {
        glue_raise(env, WPLUG_NO_MEMORY, "no memory for texts");
        return false;
    }
    for (jsize i = 0; i < count; i++) {
        out->items[i] = text_at(env, array, i);
        if (!out->items[i]) {
            glue_texts_free(out);
            return false;
        }
        out->count++;
    }
    return true;
}

void glue_texts_free(glue_texts *texts) {
    for (size_t i = 0; i < texts->count; i++) free(texts->items[i]);
    free(texts->items);
    *texts = (glue_texts){NULL, 0};
}

bool glue_limits(JNIEnv *env, jlongArray values, wplug_limits *out) {
    wplug_limits_init(out);
    if (!values) return true;
    uint64_t *const fields[] = {
        &out->fuel,        &out->time_ns,        &out->memory_bytes,  &out->table_elements,
        &out->stack_bytes, &out->depth,          &out->message_bytes, &out->message_depth,
        &out->log_bytes,   &out->log_line_bytes, &out->host_calls,    &out->linger_fuel,
        &out->linger_ns,
    };
    enum { COUNT = sizeof fields / sizeof *fields };
    jlong numbers[COUNT];
    (*env)->GetLongArrayRegion(env, values, 0, COUNT, numbers);
    if ((*env)->ExceptionCheck(env)) return false;
    for (size_t i = 0; i < COUNT; i++) *fields[i] = (uint64_t)numbers[i];
    return true;
}

/* ---- Loading ---- */

static jstring version(JNIEnv *env, jclass class) {
    return (*env)->NewStringUTF(env, wplug_version());
}

static jstring status_name(JNIEnv *env, jclass class, jint status) {
    return (*env)->NewStringUTF(env, wplug_status_name((wplug_status)status));
}

static const JNINativeMethod own_methods[] = {
    {"version", "()Ljava/lang/String;", (void *)version},
    {"statusName", "(I)Ljava/lang/String;", (void *)status_name},
};

static jmethodID find_method(JNIEnv *env, const char *class_name, const char *name, const char *signature) {
    jclass class = (*env)->FindClass(env, class_name);
    if (!class) return NULL;
    jmethodID method = (*env)->GetMethodID(env, class, name, signature);
    (*env)->DeleteLocalRef(
        env, class); /* Native refers to all of them, and is never unloaded before this library */
    return method;
}

static bool find_java(JNIEnv *env) {
    jclass class = (*env)->FindClass(env, "dev/wplug/Native");
    if (!class) return false;
    glue.native = (*env)->NewGlobalRef(env, class);
    if (!glue.native) return false;
    glue.raise = (*env)->GetStaticMethodID(env, glue.native, "raise", "(I[B)V");
    return glue.raise &&
           (glue.finished = find_method(env, "dev/wplug/Call", "finished", "(I[B[BJ[B[BI[BJJJ)V")) &&
           (glue.worker_started = find_method(env, "dev/wplug/Host", "workerStarted", "()V")) &&
           (glue.worker_stopped = find_method(env, "dev/wplug/Host", "workerStopped", "()V")) &&
           (glue.receive = find_method(env, "dev/wplug/Host", "receive", "(JI[BZ[B[B)Z")) &&
           (glue.log = find_method(env, "dev/wplug/Host", "log", "([B[B[BZ)V")) &&
           !(*env)->RegisterNatives(env, glue.native, own_methods,
                                    sizeof own_methods / sizeof *own_methods) &&
           !(*env)->RegisterNatives(env, glue.native, glue_plugin_methods, GLUE_PLUGIN_METHODS) &&
           !(*env)->RegisterNatives(env, glue.native, glue_host_methods, GLUE_HOST_METHODS) &&
           !(*env)->RegisterNatives(env, glue.native, glue_request_methods, GLUE_REQUEST_METHODS);
}

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *machine, void *reserved) {
    glue.machine = machine;
    JNIEnv *env = glue_env();
    return env && find_java(env) ? JNI_VERSION_1_6 : JNI_ERR;
}

JNIEXPORT void JNICALL JNI_OnUnload(JavaVM *machine, void *reserved) {
    JNIEnv *env = glue_env();
    if (env && glue.native) (*env)->DeleteGlobalRef(env, glue.native);
}
