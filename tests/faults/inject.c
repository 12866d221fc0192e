// Preloaded into the program under test: the FAULT_NTH-th call of the functions that FAULT_CALL names fails with FAULT_ERRNO, or,
// for writes with FAULT_ERRNO 0, takes half of the bytes; with FAULT_ERRNO -1 the process is killed instead. Calls count from 1;
// FAULT_COUNT names a file to which the number of calls met is written at the end, so that a driver knows when there are none
// left. FAULT_FROM=1: all from the n-th on fail.
//
//   FAULT_CALL: read write open rename fsync unlink mmap close ftruncate alloc
#pragma GCC diagnostic ignored "-Wpedantic"  // dlsym() gives functions as objects, which POSIX allows
#undef _FILE_OFFSET_BITS                     // both names of each function are wanted
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_ulong met;
static unsigned long nth;
static int failing_errno, from_there_on, armed;
static const char* which;
static int (*main_of_program)(int, char**, char**);
static char count_path[512];

__attribute__((constructor)) static void begin(void) {
  const char* call = getenv("FAULT_CALL");
  const char* number = getenv("FAULT_NTH");
  const char* code = getenv("FAULT_ERRNO");
  const char* path = getenv("FAULT_COUNT");
  if (call == NULL || number == NULL) return;
  nth = strtoul(number, NULL, 10);
  failing_errno = code == NULL ? EIO : atoi(code);
  from_there_on = getenv("FAULT_FROM") != NULL;
  if (path != NULL && strlen(path) < sizeof count_path) strcpy(count_path, path);
  which = call;
}

// From main() on: what libraries do before is not the program's.
static int armed_main(int argc, char** argv, char** environment) {
  armed = which != NULL;
  return main_of_program(argc, argv, environment);
}
int __libc_start_main(int (*program)(int, char**, char**), int argc, char** argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void* stack_end) {
  int (*real)(int (*)(int, char**, char**), int, char**, void (*)(void), void (*)(void), void (*)(void), void*) =
      (int (*)(int (*)(int, char**, char**), int, char**, void (*)(void), void (*)(void), void (*)(void), void*))dlsym(
          RTLD_NEXT, "__libc_start_main");
  main_of_program = program;
  return real(armed_main, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((destructor)) static void end(void) {
  armed = 0;
  if (count_path[0] == 0) return;
  char text[32];
  size_t at = sizeof text;
  unsigned long n = atomic_load(&met);
  do {
    text[--at] = (char)('0' + n % 10);
    n /= 10;
  } while (n != 0);
  int (*real_open)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open");
  ssize_t (*real_write)(int, const void*, size_t) = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  const int fd = real_open(count_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd >= 0 && real_write(fd, text + at, sizeof text - at) < 0) _exit(99);
}

// Whether this call is the one.
static int fails(const char* call) {
  if (!armed || strcmp(which, call) != 0) return 0;
  const unsigned long n = atomic_fetch_add(&met, 1) + 1;
  if (n != nth && !(from_there_on && n > nth)) return 0;
  if (failing_errno < 0) kill(getpid(), SIGKILL);
  errno = failing_errno;
  return 1;
}

#define REAL(type, name, ...)       \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

// Standard error is left alone: what goes there is tested apart.
ssize_t write(int fd, const void* from, size_t size) {
  REAL(ssize_t, "write", int, const void*, size_t);
  if (fd != 2 && fails("write")) {
    if (failing_errno != 0) return -1;
    return real(fd, from, size == 1 ? 1 : size / 2);
  }
  return real(fd, from, size);
}
ssize_t pwrite64(int fd, const void* from, size_t size, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void*, size_t, off64_t);
  if (fails("write")) {
    if (failing_errno != 0) return -1;
    return real(fd, from, size == 1 ? 1 : size / 2, at);
  }
  return real(fd, from, size, at);
}
ssize_t pwrite(int fd, const void* from, size_t size, off_t at) { return pwrite64(fd, from, size, at); }
ssize_t writev(int fd, const struct iovec* parts, int count) {
  REAL(ssize_t, "writev", int, const struct iovec*, int);
  if (fails("write") && failing_errno != 0) return -1;
  return real(fd, parts, count);
}
ssize_t read(int fd, void* to, size_t size) {
  REAL(ssize_t, "read", int, void*, size_t);
  return fails("read") ? -1 : real(fd, to, size);
}
ssize_t __read_chk(int fd, void* to, size_t size, size_t room) {
  (void)room;
  return read(fd, to, size);
}
ssize_t pread64(int fd, void* to, size_t size, off64_t at) {
  REAL(ssize_t, "pread64", int, void*, size_t, off64_t);
  return fails("read") ? -1 : real(fd, to, size, at);
}
ssize_t pread(int fd, void* to, size_t size, off_t at) { return pread64(fd, to, size, at); }
ssize_t __pread64_chk(int fd, void* to, size_t size, off64_t at, size_t room) {
  (void)room;
  return pread64(fd, to, size, at);
}
ssize_t __pread_chk(int fd, void* to, size_t size, off_t at, size_t room) {
  (void)room;
  return pread64(fd, to, size, at);
}
int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(int, "open", const char*, int, ...);
  return fails("open") ? -1 : real(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(int, "open64", const char*, int, ...);
  return fails("open") ? -1 : real(path, flags, mode);
}
int __open_2(const char* path, int flags) { return open(path, flags); }
int __open64_2(const char* path, int flags) { return open64(path, flags); }
int rename(const char* from, const char* to) {
  REAL(int, "rename", const char*, const char*);
  return fails("rename") ? -1 : real(from, to);
}
int unlink(const char* path) {
  REAL(int, "unlink", const char*);
  return fails("unlink") ? -1 : real(path);
}
int fsync(int fd) {
  REAL(int, "fsync", int);
  return fails("fsync") ? -1 : real(fd);
}
int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  return fails("fsync") ? -1 : real(fd);
}
int ftruncate64(int fd, off64_t size) {
  REAL(int, "ftruncate64", int, off64_t);
  return fails("ftruncate") ? -1 : real(fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
void* mmap64(void* at, size_t size, int protection, int flags, int fd, off64_t offset) {
  REAL(void*, "mmap64", void*, size_t, int, int, int, off64_t);
  return fails("mmap") ? MAP_FAILED : real(at, size, protection, flags, fd, offset);
}
void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) {
  return mmap64(at, size, protection, flags, fd, offset);
}
// A close that fails has closed all the same.
int close(int fd) {
  REAL(int, "close", int);
  const int failed = fails("close");
  const int result = real(fd);
  if (!failed) return result;
  errno = failing_errno;
  return -1;
}

// Memory. glibc's own names behind malloc, since dlsym() asks for memory itself.
extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
void* malloc(size_t size) { return fails("alloc") ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return fails("alloc") ? NULL : __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return fails("alloc") ? NULL : __libc_realloc(old, size); }
void* aligned_alloc(size_t alignment, size_t size) { return fails("alloc") ? NULL : __libc_memalign(alignment, size); }
int posix_memalign(void** to, size_t alignment, size_t size) {
  if (fails("alloc")) return ENOMEM;
  *to = __libc_memalign(alignment, size);
  return *to == NULL ? ENOMEM : 0;
}
