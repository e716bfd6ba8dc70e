/* A process that dies of SIGKILL at its DEADLY_AT-th write to a database (0: never), counted from 1: DEADLY_HOW says
   whether `before` it, in the `middle` of its bytes, or `after` it. A write is whatever changes a database's files, its
   journal, WAL, shared memory and lock among them, or brings them to the disk; what is written by way of mapped memory
   is not seen. At an ordinary end the number of writes is written into the file DEADLY_COUNT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long writes;

static int is_database(const char *path) {
    const char *name = strrchr(path, '/');
    return strstr(name == NULL ? path : name, ".db") != NULL;
}

static int meant(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_database(path);
}

static void die(void) { kill(getpid(), SIGKILL); }

/* Whether it is due in this very write; dies at once when it is due before. */
static int due(int wanted) {
    const char *at = getenv("DEADLY_AT"), *how = getenv("DEADLY_HOW");
    if (!wanted || at == NULL || how == NULL) return 0;
    if (atomic_fetch_add(&writes, 1) + 1 != atol(at)) return 0;
    if (strcmp(how, "before") == 0) die();
    return how[0] == 'm' ? 1 : 2;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define PWRITE(name, offset_type)                                                       \
    ssize_t name(int descriptor, const void *bytes, size_t count, offset_type offset) { \
        int now = due(meant(descriptor));                                               \
        ssize_t done = NEXT(name)(descriptor, bytes, now == 1 ? count / 2 : count, offset); \
        if (now) die();                                                                 \
        return done;                                                                    \
    }
PWRITE(pwrite64, off64_t)
PWRITE(pwrite, off_t)

ssize_t write(int descriptor, const void *bytes, size_t count) {
    int now = due(meant(descriptor));
    ssize_t done = NEXT(write)(descriptor, bytes, now == 1 ? count / 2 : count);
    if (now) die();
    return done;
}

#define WHOLE(name, parameters, arguments, wanted) \
    int name parameters {                          \
        int now = due(wanted);                     \
        int done = NEXT(name) arguments;           \
        if (now) die();                            \
        return done;                               \
    }
WHOLE(fdatasync, (int descriptor), (descriptor), meant(descriptor))
WHOLE(fsync, (int descriptor), (descriptor), meant(descriptor))
WHOLE(ftruncate, (int descriptor, off_t length), (descriptor, length), meant(descriptor))
WHOLE(ftruncate64, (int descriptor, off64_t length), (descriptor, length), meant(descriptor))
WHOLE(unlink, (const char *path), (path), is_database(path))

__attribute__((destructor)) static void tell(void) {
    const char *path = getenv("DEADLY_COUNT");
    FILE *file = path == NULL ? NULL : fopen(path, "w");
    if (file == NULL) return;
    fprintf(file, "%ld", (long)writes);
    fclose(file);
}
