/* The command on Windows. Everything that can happen arrives at one completion port, which is what poll is elsewhere:
 *
 *     key           what                                            posted by
 *     0..2          stdio has read or written                       the thread of that stdio
 *     KEY_SIGNAL    an interruption; its number                     the console's control handler
 *     KEY_ENDED     some child has ended                            a wait of the system's thread pool
 *     KEY_PIPE      a child's pipe; its OVERLAPPED                  the system
 *
 * There is no asking whether a read would go through. So reads and writes are begun, and what they come to is handed
 * out when the same is asked again. */
#include "system.h"

#include "cli.h"

#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0602
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <shellapi.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIGNAL = 3, KEY_ENDED, KEY_PIPE };

static HANDLE port;

/* ---- Text and errors --------------------------------------------------------------------------------------- */

/* The caller frees it. Text that is not UTF-8 gets U+FFFD where it is not. */
static wchar_t *wide_from_text(const char *text) {
    int length = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    wchar_t *wide = cli_resize(NULL, (size_t)length, sizeof *wide);
    MultiByteToWideChar(CP_UTF8, 0, text, -1, wide, length);
    return wide;
}

static char *text_from_wide(const wchar_t *wide) {
    int size = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = cli_resize(NULL, (size_t)size, 1);
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, size, NULL, NULL);
    return text;
}

/* Leaves the system's last error in errno, as nearly as that can say it. */
static void set_errno(void) {
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME: errno = ENOENT; break;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION: errno = EACCES; break;
    case ERROR_INVALID_PARAMETER: errno = EINVAL; break;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_OUTOFMEMORY: errno = ENOMEM; break;
    case ERROR_TOO_MANY_OPEN_FILES:
    case ERROR_NO_SYSTEM_RESOURCES: errno = EMFILE; break;
    default: errno = EIO;
    }
}

/* ---- The start --------------------------------------------------------------------------------------------- */

static UINT codepage_before;

static void restore_codepage(void) {
    SetConsoleOutputCP(codepage_before);
}

void system_start(int *count, char ***arguments) {
    /* Text is UTF-8 on a console too, for as long as the command runs. Where there is none, this fails. */
    codepage_before = GetConsoleOutputCP();
    if (codepage_before != 0 && SetConsoleOutputCP(CP_UTF8)) atexit(restore_codepage);
    for (int fd = 0; fd < 3; fd++) _setmode(fd, _O_BINARY);
    /* The C library knows no buffering by lines. system_wait writes them out before it waits, as does the end. */
    setvbuf(stderr, NULL, _IOFBF, BUFSIZ);
    int wide_count;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &wide_count);
    if (wide == NULL) return;
    char **texts = cli_resize(NULL, (size_t)wide_count + 1, sizeof *texts);
    for (int i = 0; i < wide_count; i++) texts[i] = text_from_wide(wide[i]);
    texts[wide_count] = NULL;
    LocalFree(wide);
    *count = wide_count;
    *arguments = texts;
}

/* ---- Interruptions ----------------------------------------------------------------------------------------- */

/* Runs on a thread of the system's own. */
static BOOL WINAPI on_control(DWORD what) {
    bool is_key = what == CTRL_C_EVENT || what == CTRL_BREAK_EVENT;
    PostQueuedCompletionStatus(port, (DWORD)(is_key ? SYSTEM_SIGINT : SYSTEM_SIGTERM), KEY_SIGNAL, NULL);
    /* When the console closes or the session ends, the process ends as soon as this returns; it is given seconds. */
    if (!is_key) Sleep(INFINITE);
    return TRUE;
}

bool system_catch_interruptions(void) {
    port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    if (port != NULL && SetConsoleCtrlHandler(on_control, TRUE)) return true;
    set_errno();
    return false;
}

/* ---- Stdio ------------------------------------------------------------------------------------------------- */

/* A pipe or a console may make its reader or writer wait, so that a thread does it. One operation at a time; the buffer
 * and the outcome belong to the thread while it is busy, else to the loop. */
typedef struct stdio {
    enum { STDIO_UNKNOWN, STDIO_DIRECT, STDIO_THREAD } kind;
    enum { STDIO_IDLE, STDIO_BUSY, STDIO_DONE } state; /* BUSY until the port says otherwise */
    HANDLE handle;
    HANDLE wanted; /* an event: there is something to do */
    DWORD size, done;
    DWORD reason; /* why it failed, or 0 */
    char bytes[65536];
} stdio;

static stdio stdios[3];

/* What one read or write comes to. */
static void move(stdio *self, int fd, void *bytes, DWORD size) {
    self->done = 0;
    self->reason = 0;
    BOOL ok = fd == 0 ? ReadFile(self->handle, bytes, size, &self->done, NULL)
                      : WriteFile(self->handle, bytes, size, &self->done, NULL);
    if (!ok) self->reason = GetLastError();
}

static DWORD WINAPI run_stdio(void *user) {
    const int fd = (int)(intptr_t)user;
    stdio *self = &stdios[fd];
    while (WaitForSingleObject(self->wanted, INFINITE) == WAIT_OBJECT_0) {
        move(self, fd, self->bytes, self->size);
        PostQueuedCompletionStatus(port, 0, (ULONG_PTR)fd, NULL);
    }
    return 0;
}

static ptrdiff_t outcome(const stdio *self, int fd) {
    switch (self->reason) {
    case 0: return (ptrdiff_t)self->done;
    case ERROR_HANDLE_EOF: return fd == 0 ? 0 : SYSTEM_FAILED;
    case ERROR_BROKEN_PIPE:
    case ERROR_PIPE_NOT_CONNECTED:
    case ERROR_NO_DATA: return fd == 0 ? 0 : SYSTEM_NOBODY_READS;
    default: return SYSTEM_FAILED;
    }
}

/* Finds out how the descriptor is read or written. False where it is closed. */
static bool open_stdio(stdio *self, int fd) {
    if (self->kind != STDIO_UNKNOWN) return true;
    const DWORD names[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    self->handle = GetStdHandle(names[fd]);
    if (self->handle == NULL || self->handle == INVALID_HANDLE_VALUE) return false;
    DWORD type = GetFileType(self->handle);
    bool may_wait = type == FILE_TYPE_PIPE || (type == FILE_TYPE_CHAR && fd == 0);
    self->kind = STDIO_DIRECT;
    if (!may_wait) return true;
    self->wanted = CreateEventW(NULL, FALSE, FALSE, NULL);
    HANDLE thread =
        self->wanted != NULL ? CreateThread(NULL, 0, run_stdio, (void *)(intptr_t)fd, 0, NULL) : NULL;
    if (thread == NULL) return true; /* then it waits, rather than fail */
    CloseHandle(thread);
    self->kind = STDIO_THREAD;
    return true;
}

static ptrdiff_t start_stdio(stdio *self, const void *bytes, size_t size) {
    self->size = (DWORD)(size < sizeof self->bytes ? size : sizeof self->bytes);
    if (bytes != NULL) memcpy(self->bytes, bytes, self->size);
    self->state = STDIO_BUSY;
    SetEvent(self->wanted);
    return SYSTEM_WOULD_BLOCK;
}

ptrdiff_t system_read_stdin(void *buffer, size_t size) {
    stdio *self = &stdios[0];
    if (!open_stdio(self, 0)) return SYSTEM_FAILED;
    if (self->kind == STDIO_DIRECT) {
        move(self, 0, buffer, size < INT32_MAX ? (DWORD)size : INT32_MAX);
        return outcome(self, 0);
    }
    if (size == 0) return 0;
    if (self->state == STDIO_IDLE) return start_stdio(self, NULL, size);
    if (self->state == STDIO_BUSY) return SYSTEM_WOULD_BLOCK;
    ptrdiff_t got = outcome(self, 0);
    if (got > 0 && (size_t)got > size) {
        /* Asked for less than the first time: the rest is for the next. */
        memcpy(buffer, self->bytes, size);
        memmove(self->bytes, self->bytes + size, (size_t)got - size);
        self->done -= (DWORD)size;
        return (ptrdiff_t)size;
    }
    self->state = STDIO_IDLE;
    if (got > 0) memcpy(buffer, self->bytes, (size_t)got);
    return got;
}

ptrdiff_t system_write_stdio(int fd, const void *bytes, size_t size) {
    stdio *self = &stdios[fd];
    if (!open_stdio(self, fd)) return SYSTEM_FAILED;
    if (self->kind == STDIO_DIRECT) {
        move(self, fd, (void *)(uintptr_t)bytes, size < INT32_MAX ? (DWORD)size : INT32_MAX);
        return outcome(self, fd);
    }
    if (size == 0) return 0;
    if (self->state == STDIO_IDLE) return start_stdio(self, bytes, size);
    if (self->state == STDIO_BUSY) return SYSTEM_WOULD_BLOCK;
    self->state = STDIO_IDLE;
    return outcome(self, fd);
}

/* ---- Child processes --------------------------------------------------------------------------------------- */

enum { PIPE_SIZE = 65536 };

/* Our end of a pipe. A packet at the port tells of each operation that was begun, also where its outcome was taken
 * before, or the pipe is given up; until the last one has come, the system may use the memory. */
typedef struct child_pipe {
    OVERLAPPED overlapped; /* first: packets come with a pointer to it */
    HANDLE handle;
    bool is_pending;   /* an operation was begun whose outcome nobody took */
    bool is_closing;   /* to be closed after that */
    bool is_abandoned; /* to be freed after the last packet */
    size_t packets;    /* on their way */
    size_t at, size;   /* what was read and not handed out */
    char bytes[PIPE_SIZE];
} child_pipe;

struct system_child {
    HANDLE process;
    HANDLE job; /* the process and what it starts; NULL where it could not be made */
    HANDLE wait;
    child_pipe *pipes[SYSTEM_CHILD_PIPES]; /* NULL: closed */
};

static void close_handle(HANDLE *handle) {
    if (*handle != NULL && *handle != INVALID_HANDLE_VALUE) CloseHandle(*handle);
    *handle = NULL;
}

static void close_pipe(child_pipe **slot) {
    child_pipe *pipe = *slot;
    *slot = NULL;
    if (pipe == NULL) return;
    if (pipe->handle != NULL) CancelIoEx(pipe->handle, NULL);
    close_handle(&pipe->handle);
    pipe->is_abandoned = true;
    if (pipe->packets == 0) free(pipe);
}

/* Makes a pipe: ours is for the port, theirs is inherited and like any other. Windows' anonymous pipes know no
 * operations that are only begun, so this one has a name, which no other process has. */
static bool make_pipe(int which, child_pipe **ours, HANDLE *theirs) {
    static unsigned number;
    wchar_t name[80];
    swprintf(name, sizeof name / sizeof *name, L"\\\\.\\pipe\\wplug-%lu-%u", GetCurrentProcessId(), ++number);
    bool is_stdin = which == SYSTEM_CHILD_STDIN;
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    child_pipe *pipe = cli_resize(NULL, 1, sizeof *pipe);
    memset(pipe, 0, offsetof(child_pipe, bytes));
    *ours = pipe;
    pipe->handle = CreateNamedPipeW(name,
                                    (is_stdin ? PIPE_ACCESS_OUTBOUND : PIPE_ACCESS_INBOUND) |
                                        FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE,
                                    PIPE_TYPE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, 1, PIPE_SIZE,
                                    PIPE_SIZE, 0, NULL);
    if (pipe->handle == INVALID_HANDLE_VALUE) return false;
    *theirs = CreateFileW(name, is_stdin ? GENERIC_READ : GENERIC_WRITE | FILE_READ_ATTRIBUTES, 0, &inherited,
                          OPEN_EXISTING, 0, NULL);
    return *theirs != INVALID_HANDLE_VALUE && CreateIoCompletionPort(pipe->handle, port, KEY_PIPE, 0) != NULL;
}

/* This process's environment with the variables in it, which are sorted in no way, as is allowed. */
static wchar_t *make_environment(const system_variable *variables, size_t variable_count) {
    wchar_t *ours = GetEnvironmentStringsW();
    size_t size = 0, capacity = 1;
    for (const wchar_t *at = ours; at != NULL && *at != 0; at += wcslen(at) + 1) capacity += wcslen(at) + 1;
    for (size_t i = 0; i < variable_count; i++)
        capacity += strlen(variables[i].name) + strlen(variables[i].value) + 2; /* not fewer than in UTF-16 */
    wchar_t *block = cli_resize(NULL, capacity, sizeof *block);
    for (size_t i = 0; i < variable_count; i++) {
        wchar_t *name = wide_from_text(variables[i].name), *value = wide_from_text(variables[i].value);
        size += (size_t)swprintf(block + size, capacity - size, L"%ls=%ls", name, value) + 1;
        free(name);
        free(value);
    }
    for (const wchar_t *at = ours; at != NULL && *at != 0; at += wcslen(at) + 1) {
        bool is_replaced = false;
        for (size_t i = 0; i < variable_count; i++) {
            wchar_t *name = wide_from_text(variables[i].name);
            size_t length = wcslen(name);
            is_replaced = is_replaced || (_wcsnicmp(at, name, length) == 0 && at[length] == L'=');
            free(name);
        }
        if (is_replaced) continue;
        memcpy(block + size, at, (wcslen(at) + 1) * sizeof *block);
        size += wcslen(at) + 1;
    }
    block[size] = 0;
    if (ours != NULL) FreeEnvironmentStringsW(ours);
    return block;
}

/* cmd.exe puts a variable's value where the command names it and only then reads the command, so that a value can be a
 * command too. The plugin may choose the method's name. */
static bool is_harmless(const system_variable *variables, size_t variable_count) {
    for (size_t i = 0; i < variable_count; i++)
        if (strpbrk(variables[i].value, "&|<>()^%!\"\r\n") != NULL) return false;
    return true;
}

/* Starts the shell, which inherits these handles and no others. It does not run yet. */
static bool create_process(const char *command, wchar_t *environment, HANDLE theirs[SYSTEM_CHILD_PIPES],
                           PROCESS_INFORMATION *process) {
    static const wchar_t options[] = L" /d /s /c \"";
    wchar_t shell[MAX_PATH + 16];
    UINT length = GetSystemDirectoryW(shell, MAX_PATH);
    if (length == 0 || length > MAX_PATH) return false;
    wcscpy(shell + length, L"\\cmd.exe");
    wchar_t *wide = wide_from_text(command);
    size_t line_size = wcslen(shell) + wcslen(wide) + sizeof options / sizeof *options + 4;
    wchar_t *line = cli_resize(NULL, line_size, sizeof *line);
    swprintf(line, line_size, L"\"%ls\"%ls%ls\"", shell, options, wide);

    STARTUPINFOEXW start = {.StartupInfo = {.cb = sizeof start,
                                            .dwFlags = STARTF_USESTDHANDLES,
                                            .hStdInput = theirs[SYSTEM_CHILD_STDIN],
                                            .hStdOutput = theirs[SYSTEM_CHILD_STDOUT],
                                            .hStdError = theirs[SYSTEM_CHILD_STDERR]}};
    SIZE_T list_size = 0;
    InitializeProcThreadAttributeList(NULL, 1, 0, &list_size);
    start.lpAttributeList = cli_resize(NULL, 1, list_size);
    bool is_started = false;
    if (InitializeProcThreadAttributeList(start.lpAttributeList, 1, 0, &list_size)) {
        is_started = UpdateProcThreadAttribute(start.lpAttributeList, 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
                                               theirs, SYSTEM_CHILD_PIPES * sizeof *theirs, NULL, NULL) &&
                     CreateProcessW(shell, line, NULL, NULL, TRUE,
                                    CREATE_SUSPENDED | CREATE_NEW_PROCESS_GROUP | CREATE_UNICODE_ENVIRONMENT |
                                        EXTENDED_STARTUPINFO_PRESENT,
                                    environment, NULL, &start.StartupInfo, process);
        if (!is_started) set_errno();
        DeleteProcThreadAttributeList(start.lpAttributeList);
    }
    free(start.lpAttributeList);
    free(line);
    free(wide);
    return is_started;
}

/* Runs on a thread of the system's own. */
static void CALLBACK on_end(void *user, BOOLEAN is_timeout) {
    PostQueuedCompletionStatus(port, 0, KEY_ENDED, NULL);
}

bool system_child_start(const char *command, const system_variable *variables, size_t variable_count,
                        system_child **out) {
    system_child *child = cli_resize(NULL, 1, sizeof *child);
    HANDLE theirs[SYSTEM_CHILD_PIPES] = {NULL};
    *child = (system_child){0};
    *out = NULL;
    bool is_ok = is_harmless(variables, variable_count);
    if (!is_ok) SetLastError(ERROR_INVALID_PARAMETER);
    for (int i = 0; i < SYSTEM_CHILD_PIPES && is_ok; i++) is_ok = make_pipe(i, &child->pipes[i], &theirs[i]);
    if (!is_ok) set_errno();
    if (is_ok) {
        PROCESS_INFORMATION process;
        wchar_t *environment = make_environment(variables, variable_count);
        is_ok = create_process(command, environment, theirs, &process);
        free(environment);
        if (is_ok) {
            child->process = process.hProcess;
            /* Before it runs, so that it starts nothing that is not in it. */
            child->job = CreateJobObjectW(NULL, NULL);
            if (child->job != NULL && !AssignProcessToJobObject(child->job, child->process))
                close_handle(&child->job);
            is_ok = RegisterWaitForSingleObject(&child->wait, child->process, on_end, NULL, INFINITE,
                                                WT_EXECUTEONLYONCE | WT_EXECUTEINWAITTHREAD);
            if (is_ok) {
                ResumeThread(process.hThread);
            } else {
                set_errno();
                TerminateProcess(child->process, 1);
            }
            CloseHandle(process.hThread);
        }
    }
    int saved = errno;
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++) close_handle(&theirs[i]);
    if (is_ok)
        *out = child;
    else
        system_child_free(child);
    errno = saved;
    return is_ok;
}

/* Begins an operation. False where there is nobody at the other end. */
static bool begin(child_pipe *pipe, bool is_read, DWORD size) {
    memset(&pipe->overlapped, 0, sizeof pipe->overlapped);
    BOOL ok = is_read ? ReadFile(pipe->handle, pipe->bytes, size, NULL, &pipe->overlapped)
                      : WriteFile(pipe->handle, pipe->bytes, size, NULL, &pipe->overlapped);
    if (!ok && GetLastError() != ERROR_IO_PENDING) return false;
    pipe->is_pending = true;
    pipe->packets++;
    return true;
}

/* Takes the outcome of what was begun: bytes, SYSTEM_FAILED, or SYSTEM_WOULD_BLOCK while there is none. */
static ptrdiff_t take(child_pipe *pipe) {
    DWORD count;
    if (!HasOverlappedIoCompleted(&pipe->overlapped)) return SYSTEM_WOULD_BLOCK;
    pipe->is_pending = false;
    return GetOverlappedResult(pipe->handle, &pipe->overlapped, &count, FALSE) ? (ptrdiff_t)count
                                                                               : SYSTEM_FAILED;
}

ptrdiff_t system_child_write(system_child *child, const void *bytes, size_t size) {
    child_pipe *pipe = child->pipes[SYSTEM_CHILD_STDIN];
    if (pipe == NULL) return SYSTEM_FAILED;
    if (pipe->is_pending) {
        ptrdiff_t before = take(pipe);
        if (before < 0) return before;
    }
    /* From our own memory, because the caller's may be gone before the child has read it. */
    size_t some = size < PIPE_SIZE ? size : PIPE_SIZE;
    memcpy(pipe->bytes, bytes, some);
    return begin(pipe, false, (DWORD)some) ? (ptrdiff_t)some : SYSTEM_FAILED;
}

void system_child_close_stdin(system_child *child) {
    child_pipe *pipe = child->pipes[SYSTEM_CHILD_STDIN];
    if (pipe == NULL) return;
    child->pipes[SYSTEM_CHILD_STDIN] = NULL;
    if (pipe->is_pending && take(pipe) == SYSTEM_WOULD_BLOCK)
        pipe->is_closing =
            true; /* and then it is its own: the packet ends it, which comes when the child ends too */
    else
        close_pipe(&pipe);
}

ptrdiff_t system_child_read(system_child *child, int which, void *buffer, size_t size) {
    child_pipe *pipe = child->pipes[which];
    if (pipe == NULL) return 0;
    while (pipe->at == pipe->size) {
        if (!pipe->is_pending && !begin(pipe, true, PIPE_SIZE)) break;
        ptrdiff_t got = take(pipe);
        if (got == SYSTEM_WOULD_BLOCK) return got;
        if (got < 0) break;
        pipe->at = 0;
        pipe->size = (size_t)got;
    }
    size_t some = pipe->size - pipe->at < size ? pipe->size - pipe->at : size;
    memcpy(buffer, pipe->bytes + pipe->at, some);
    pipe->at += some;
    if (some == 0) close_pipe(&child->pipes[which]);
    return (ptrdiff_t)some;
}

bool system_child_has_ended(system_child *child, system_end *end) {
    DWORD code;
    if (WaitForSingleObject(child->process, 0) != WAIT_OBJECT_0) return false;
    *end = (system_end){.number = GetExitCodeProcess(child->process, &code) ? code : 1};
    return true;
}

void system_child_kill(system_child *child) {
    if (child->job == NULL || !TerminateJobObject(child->job, 1)) TerminateProcess(child->process, 1);
    WaitForSingleObject(child->process, INFINITE);
}

void system_child_free(system_child *child) {
    if (child == NULL) return;
    if (child->wait != NULL) UnregisterWaitEx(child->wait, INVALID_HANDLE_VALUE);
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++) close_pipe(&child->pipes[i]);
    close_handle(&child->job);
    close_handle(&child->process);
    free(child);
}

/* ---- Waiting ----------------------------------------------------------------------------------------------- */

static void on_packet(system_events *events, ULONG_PTR key, DWORD number, OVERLAPPED *overlapped) {
    if (key == KEY_PIPE) {
        child_pipe *pipe = (child_pipe *)overlapped;
        pipe->packets--;
        events->has_child_moved = true;
        if (pipe->is_closing) {
            close_pipe(&pipe);
        } else if (pipe->is_abandoned && pipe->packets == 0) {
            free(pipe);
        }
    } else if (key == KEY_ENDED) {
        events->has_child_ended = true;
    } else if (key == KEY_SIGNAL) {
        events->signal = (int)number;
    } else {
        stdios[key].state = STDIO_DONE;
        events->is_stdio_ready[key] = true;
    }
}

/* A pipe in which nothing was begun may be ready, as far as anybody knows, and there will be no packet to say so. */
static bool has_idle_pipe(const system_child *child) {
    for (int i = 0; i < SYSTEM_CHILD_PIPES; i++)
        if (child->pipes[i] != NULL && !child->pipes[i]->is_pending) return true;
    return false;
}

bool system_wait(system_events *events, int timeout_ms) {
    fflush(stderr);
    for (size_t i = 0; i < events->child_count; i++)
        if (has_idle_pipe(events->children[i])) events->has_child_moved = true;
    DWORD wait_ms = timeout_ms < 0 ? INFINITE : (DWORD)timeout_ms;
    if (events->has_child_moved) wait_ms = 0;
    for (;;) {
        DWORD number;
        ULONG_PTR key;
        OVERLAPPED *overlapped = NULL;
        BOOL ok = GetQueuedCompletionStatus(port, &number, &key, &overlapped, wait_ms);
        /* An operation that failed comes with its OVERLAPPED too. */
        if (!ok && overlapped == NULL) {
            if (GetLastError() == WAIT_TIMEOUT) return true;
            set_errno();
            return false;
        }
        on_packet(events, key, number, overlapped);
        wait_ms = 0;
    }
}

/* ---- Files ------------------------------------------------------------------------------------------------- */

FILE *system_open(const char *path) {
    wchar_t *wide = wide_from_text(path);
    FILE *file = _wfopen(wide, L"rb");
    int saved = errno;
    free(wide);
    errno = saved;
    return file;
}

/* Opens a file or a folder for reading. */
static HANDLE open_any(const wchar_t *path) {
    return CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

static bool is_folder(HANDLE file) {
    BY_HANDLE_FILE_INFORMATION about;
    return GetFileInformationByHandle(file, &about) && (about.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY);
}

/* What an open file is called, with all links resolved. NULL where it has no name. The caller frees it. */
static wchar_t *final_path(HANDLE file) {
    DWORD size = GetFinalPathNameByHandleW(file, NULL, 0, FILE_NAME_NORMALIZED);
    if (size == 0) return NULL;
    wchar_t *path = cli_resize(NULL, (size_t)size + 1, sizeof *path);
    DWORD length = GetFinalPathNameByHandleW(file, path, size + 1, FILE_NAME_NORMALIZED);
    if (length != 0 && length <= size) return path;
    free(path);
    return NULL;
}

/* Final paths begin with \\?\, after which dots and slashes mean nothing. As other functions want them: without. */
static const wchar_t *usual_path(const wchar_t *path) {
    const bool has_drive = wcsncmp(path, L"\\\\?\\", 4) == 0 && path[4] != 0 && path[5] == L':';
    return has_drive ? path + 4 : path;
}

char *system_folder(const char *path) {
    wchar_t *wide = wide_from_text(path);
    HANDLE file = open_any(wide);
    char *folder = NULL;
    if (file == INVALID_HANDLE_VALUE) {
        set_errno();
    } else if (!is_folder(file)) {
        errno = ENOTDIR;
    } else {
        wchar_t *final = final_path(file);
        if (final != NULL)
            folder = text_from_wide(usual_path(final));
        else
            set_errno();
        free(final);
    }
    int saved = errno;
    close_handle(&file);
    free(wide);
    errno = saved;
    return folder;
}

/* Whether an open file's real name begins with the folder's and a backslash. A root has its backslash already. */
static bool is_below(HANDLE file, const wchar_t *folder) {
    wchar_t *path = final_path(file);
    if (path == NULL) return false;
    size_t length = wcslen(folder);
    if (length > 0 && folder[length - 1] == L'\\') length--;
    bool is_it = wcsncmp(usual_path(path), folder, length) == 0 && usual_path(path)[length] == L'\\';
    free(path);
    return is_it;
}

system_file system_open_below(const char *folder, const char *path, const char **why) {
    *why = "there is no such file in the folder";
    /* Neither the root, nor a drive, nor a stream of a file. */
    if (path[0] == 0 || path[0] == '/' || path[0] == '\\' || strchr(path, ':') != NULL) return SYSTEM_NO_FILE;
    cli_text joined = {0};
    cli_text_append(&joined, folder, strlen(folder));
    cli_text_append(&joined, "\\", 1);
    cli_text_append(&joined, path, strlen(path));
    wchar_t *wide = wide_from_text(joined.data), *wide_folder = wide_from_text(folder);
    cli_text_free(&joined);
    /* What was opened is asked for its name, so that nobody can put a link in between. */
    HANDLE file = open_any(wide);
    if (file != INVALID_HANDLE_VALUE && !is_below(file, wide_folder)) {
        CloseHandle(file);
        file = INVALID_HANDLE_VALUE;
    }
    free(wide);
    free(wide_folder);
    if (file != INVALID_HANDLE_VALUE && (GetFileType(file) != FILE_TYPE_DISK || is_folder(file))) {
        *why = "it is not a regular file";
        CloseHandle(file);
        file = INVALID_HANDLE_VALUE;
    }
    return (system_file)file;
}

bool system_file_size(system_file file, uint64_t *size) {
    LARGE_INTEGER value;
    if (!GetFileSizeEx((HANDLE)file, &value)) {
        set_errno();
        return false;
    }
    *size = (uint64_t)value.QuadPart;
    return true;
}

ptrdiff_t system_file_read(system_file file, void *buffer, size_t size, uint64_t offset) {
    size_t total = 0;
    if (offset > (uint64_t)INT64_MAX - size) return 0;
    while (total < size) {
        uint64_t at = offset + total;
        OVERLAPPED place = {.Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32)};
        size_t left = size - total;
        DWORD got;
        if (!ReadFile((HANDLE)file, (char *)buffer + total, left < INT32_MAX ? (DWORD)left : INT32_MAX, &got,
                      &place)) {
            if (GetLastError() == ERROR_HANDLE_EOF) break;
            set_errno();
            return SYSTEM_FAILED;
        }
        if (got == 0) break;
        total += got;
    }
    return (ptrdiff_t)total;
}

void system_file_close(system_file file) {
    CloseHandle((HANDLE)file);
}
