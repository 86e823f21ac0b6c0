/* The JNI glue between the Java classes of dev.wplug and wplug.h: what its files share.
 *
 *   glue.c     the Java machine: its classes, exceptions, and bytes in and out
 *   plugin.c   Plugin          host.c   Host, Call: a wplug_pool         request.c   Request
 *
 * Objects of the library go to Java as numbers. Handle.java sees to it that none is used after it was freed. */
#ifndef WPLUG_JNI_GLUE_H
#define WPLUG_JNI_GLUE_H

#include <jni.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wplug/wplug.h"

/* What of the Java side is called from here; found when the library is loaded, because threads that are not Java's find
 * no classes of the program on Android. */
typedef struct glue_java {
    JavaVM *machine;
    jclass native;
    jmethodID raise;          /* Native.raise */
    jmethodID finished;       /* Call.finished */
    jmethodID worker_started; /* Host's */
    jmethodID worker_stopped;
    jmethodID receive;
    jmethodID log;
} glue_java;

extern glue_java glue;

/* The environment of this thread, which must be one of Java's; else NULL. */
JNIEnv *glue_env(void);

/* Throws what the status is in Java. */
void glue_raise(JNIEnv *env, wplug_status status, const char *message);

/* The elements of an array, or NULL where it is NULL; NULL with an exception where there is no memory. Text from Java
 * ends with a 0 byte. Given back by glue_return. */
char *glue_borrow(JNIEnv *env, jbyteArray array);
void glue_return(JNIEnv *env, jbyteArray array, char *bytes);

/* A new array, or NULL: with an exception where there is no memory, without one where `bytes` is NULL. */
jbyteArray glue_bytes(JNIEnv *env, const void *bytes, size_t size);

/* An array of texts as C has them. False, with an exception, where there is no memory. Zero is an empty one. */
typedef struct glue_texts {
    char **items; /* NULL: there was no array */
    size_t count;
} glue_texts;
bool glue_texts_new(JNIEnv *env, jobjectArray array, glue_texts *out);
void glue_texts_free(glue_texts *texts);

/* Limits from Limits.values; where that is NULL, all of them are unset. False with an exception. */
bool glue_limits(JNIEnv *env, jlongArray values, wplug_limits *out);

/* Pointers as Java keeps them. */
static inline jlong glue_number(const void *pointer) {
    return (jlong)(intptr_t)pointer;
}
static inline void *glue_pointer(jlong number) {
    return (void *)(intptr_t)number;
}

/* The native functions of each file, for RegisterNatives. */
extern const JNINativeMethod glue_plugin_methods[];
extern const JNINativeMethod glue_host_methods[];
extern const JNINativeMethod glue_request_methods[];
enum { GLUE_PLUGIN_METHODS = 4, GLUE_HOST_METHODS = 6, GLUE_REQUEST_METHODS = 4 };

/* A host method on the pool's thread: request.c hands the request to Java. */
typedef struct glue_method {
    jobject host; /* global */
    jint index;
} glue_method;
void glue_receive(void *user, wplug_request *request);

#endif
