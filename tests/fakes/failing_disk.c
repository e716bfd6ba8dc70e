/* A disk that fails while a file exists: FAILING_SYNC for fsync and fdatasync (EIO), FAILING_WRITE for writes (EROFS).
   With FAILING_NAME only for files whose path ends so. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int meant(int descriptor) {
    const char *ending = getenv("FAILING_NAME");
    char link[64], path[PATH_MAX];
    if (ending == NULL) return 1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path), due = (ssize_t)strlen(ending);
    return length >= due && memcmp(path + length - due, ending, due) == 0;
}

static int failing(const char *name, int descriptor) {
    const char *file = getenv(name);
    return file != NULL && access(file, F_OK) == 0 && meant(descriptor);
}

static int synced(const char *function, int descriptor) {
    if (failing("FAILING_SYNC", descriptor)) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, function))(descriptor);
}

int fdatasync(int descriptor) { return synced("fdatasync", descriptor); }
int fsync(int descriptor) { return synced("fsync", descriptor); }

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t offset) {
    if (failing("FAILING_WRITE", descriptor)) {
        errno = EROFS;
        return -1;
    }
    ssize_t (*next)(int, const void *, size_t, off64_t) =
        (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return next(descriptor, bytes, count, offset);
}
