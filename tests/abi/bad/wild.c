/* An adapter that does what its option `how` says when a record's first field is "bad"; it is good to all others. With
 * how=open-…, load-… and bind-… it does so before any record. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bad.h"

#ifdef WILD_LOAD
#define ID "bad-wild-load"
#else
#define ID "bad-wild"
#endif
static const char manifest_text[] = CW_MANIFEST_MARK
    "{\"id\":\"" ID
    "\",\"version\":\"1\",\"abi\":1,\"summary\":\"bad on purpose\",\"framings\":[\"csv\",\"json\"],"
    "\"records\":\"conversations\",\"options\":[{\"name\":\"how\",\"type\":\"text\",\"default\":\"\",\"help\":\"what "
    "it does\"}]}";

static char how[64];
static volatile int zero = 0;

static int is(const char* what) { return strcmp(how, what) == 0; }

#ifdef WILD_LOAD
__attribute__((constructor)) static void load(void) {
  /* What it can do while it is loaded already is told by how it ends. */
  if (open(FORGED, O_CREAT | O_WRONLY, 0600) >= 0) _exit(11);
  if (socket(AF_INET, SOCK_STREAM, 0) >= 0) _exit(12);
  if (kill(getppid(), 0) == 0) _exit(13);
  if (open("/proc/self/mem", O_RDWR) >= 0) _exit(14);
  for (;;) {}
}
#endif

static void* nothing(void* p) { return p; }
static void* leave(void* p) {
  exit(0);
  return p;
}

static const cw_text null_text = {NULL, 3};

static int deeper(int n) {
  volatile char room[4096];
  room[0] = (char)n;
  return n == -1 ? 0 : deeper(n + 1) + room[0];
}

static void crash(void) { *(volatile int*)(uintptr_t)zero = 1; }

static cw_translator* open_wild(const cw_setup* setup) {
  const cw_text said = setup->setting(setup->ctx, text_of("how"));
  memcpy(how, said.data, said.size < sizeof how ? said.size : sizeof how - 1);
  if (is("open-crash")) crash();
  if (is("open-loop")) {
    while (zero == 0) {}
  }
  if (is("open-exit")) exit(0);
  if (is("open-null-name")) setup->setting(setup->ctx, null_text);
  if (is("open-null-word")) setup->word(setup->ctx, CW_CHANNEL, text_of("mail"), null_text);
  if (is("open-null-absent")) setup->absent(setup->ctx, CW_SUBJECT, null_text);
  if (is("open-null-fail")) {
    setup->fail(setup->ctx, null_text, text_of(""));
    return NULL;
  }
  return (cw_translator*)how;
}
static void close_wild(cw_translator* t) {
  (void)t;
  if (is("close-exit")) exit(0);
}

static void bind_wild(cw_translator* t, uint16_t first, const cw_text* names, size_t count, const cw_binder* b) {
  (void)t, (void)names;
  if (is("bind-crash")) crash();
  if (is("bind-exit")) exit(0);
  if (is("bind-null-carry")) b->carry(b->ctx, first, null_text, 0);
  if (is("bind-null-drop")) b->drop(b->ctx, first, null_text);
  if (is("bind-null-body")) b->body(b->ctx, first, null_text);
  if (is("bind-null-fail")) b->fail(b->ctx, text_of("the columns are bad"), null_text);
  if (is("bind-babble")) {
    for (int i = 0; i < 2000000; ++i) b->carry(b->ctx, first, text_of("babble"), 0);
  }
  if (is("bind-not-utf8")) b->carry(b->ctx, first, text_of("\xff"), 0);
  for (size_t i = 0; i < count; ++i) b->claim(b->ctx, (uint16_t)(first + i));
}

static int was_refused(int result) { return result < 0; }

/* What it found it could do is said as the record's subject. */
static void do_it(const cw_record* record, const cw_receiver* r, const char** found) {
  cw_field made = {"x", 1, 0, CW_STRING, CW_MADE};
  if (is("crash")) crash();
  if (is("abort")) abort();
  if (is("exit")) exit(0);
  if (is("quick-exit")) quick_exit(0);
  if (is("exit-elsewhere")) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, leave, NULL) == 0) pthread_join(thread, NULL);
  }
  if (is("stack")) deeper(0);
  if (is("loop")) {
    while (zero == 0) {}
  }
  if (is("sleep")) sleep(1000);
  if (is("hoard")) {
    for (;;) {
      volatile char* const room = (volatile char*)malloc(1 << 24); /* volatile: or a compiler sees that nobody reads it */
      for (size_t i = 0; i < 1 << 24; i += 4096) room[i] = 1;
    }
  }
  if (is("write-record")) *(char*)(uintptr_t)record->fields[0].text = 'x';
  if (is("babble")) {
    while (r->carry(r->ctx, text_of("babble"), &made, 0)) {}
  }
  if (is("longjmp")) {
    static jmp_buf nowhere;
    longjmp(nowhere, 1);
  }
  if (is("close")) {
    for (int fd = 0; fd < 64; ++fd) close(fd);
  }
  if (is("free")) free((void*)(uintptr_t)record->fields[0].text);
  if (is("print")) {
    puts("{\"external_id\":\"forged\"}");
    fflush(stdout);
    fputs("forged\n", stderr);
  }
  if (is("throw-away")) munmap((void*)((uintptr_t)record->fields[0].text & ~(uintptr_t)4095), 4096);
  if (is("kill")) *found = was_refused(kill(getppid(), SIGKILL)) ? "refused" : "done";
  if (is("fork")) *found = was_refused(fork()) ? "refused" : "done";
  if (is("thread")) {
    pthread_t thread;
    *found = pthread_create(&thread, NULL, nothing, NULL) != 0 ? "refused" : "done";
  }
  if (is("open")) *found = was_refused(open("/etc/passwd", O_RDONLY)) ? "refused" : "done";
  if (is("create")) *found = was_refused(open(FORGED, O_CREAT | O_WRONLY, 0600)) ? "refused" : "done";
  if (is("socket")) *found = was_refused(socket(AF_INET, SOCK_STREAM, 0)) ? "refused" : "done";
  if (is("run")) *found = system("true") != 0 ? "refused" : "done";
  if (is("environment")) *found = getenv("PATH") == NULL ? "refused" : "done";
  if (is("not-utf8")) made.text = "\xff", r->set(r->ctx, CW_SUBJECT, 0, 0, &made);
  if (is("not-utf8-name")) r->carry(r->ctx, text_of("\xc3"), &made, 0);
  if (is("not-utf8-rule")) r->filter(r->ctx, text_of("\xed\xa0\x80"));
  if (is("not-json")) made.kind = CW_ARRAY, r->carry(r->ctx, text_of("list"), &made, 0);
  if (is("kind")) made.kind = 77, r->carry(r->ctx, text_of("kind"), &made, 0);
  if (is("half-a-letter")) {
    cw_field half = record->fields[2];
    half.size = 1;
    r->set(r->ctx, CW_SUBJECT, 0, 0, &half);
  }
  if (is("no-field")) {
    cw_field other = record->fields[0];
    other.id = 4711;
    other.text = "y";
    other.size = 1;
    r->set(r->ctx, CW_SUBJECT, 0, 0, &other);
  }
  if (is("walk-made")) made.kind = CW_ARRAY, r->walk(r->ctx, &made, text_of("x[]"), NULL, NULL);
  if (is("null-value")) r->set(r->ctx, CW_SUBJECT, 0, 0, NULL);
  if (is("null-in-value")) made.text = NULL, made.size = 3, r->set(r->ctx, CW_SUBJECT, 0, 0, &made);
  if (is("null-name")) r->carry(r->ctx, null_text, &made, 0);
  if (is("null-carried")) r->carry(r->ctx, text_of("x"), NULL, 0);
  if (is("null-dropped")) r->drop(r->ctx, NULL, text_of("rule"));
  if (is("null-drop-rule")) r->drop(r->ctx, &record->fields[1], null_text);
  if (is("null-rule")) r->filter(r->ctx, null_text);
  if (is("null-touchpoint")) r->touchpoint(r->ctx, NULL);
  if (is("null-in-touchpoint")) {
    const cw_touchpoint touch = {sizeof touch, CW_TOUCH_CHAT, CW_INBOUND, 0, text_of("t"), text_of("2024-01-01T00:00:00Z"),
                                 null_text,    text_of(""),   text_of(""), 0,         text_of("")};
    r->touchpoint(r->ctx, &touch);
  }
  if (is("null-refusal")) r->refuse(r->ctx, NULL);
  if (is("null-in-refusal")) {
    const cw_refusal refusal = {sizeof refusal, text_of("bad"), text_of(""), text_of(""), null_text, text_of("")};
    r->refuse(r->ctx, &refusal);
  }
  if (is("null-remark")) r->remark(r->ctx, NULL);
  if (is("null-in-remark")) {
    const cw_refusal remark = {sizeof remark, text_of("odd"), text_of(""), null_text, text_of(""), text_of("")};
    r->remark(r->ctx, &remark);
  }
  if (is("null-type")) {
    const cw_touchpoint touch = {sizeof touch, CW_TOUCH_CHAT, CW_INBOUND,  0, text_of("t"), text_of("2024-01-01T00:00:00Z"),
                                 text_of(""),  text_of(""),   text_of(""), 0, null_text};
    r->touchpoint(r->ctx, &touch);
  }
  if (is("null-array")) r->walk(r->ctx, NULL, text_of("x[]"), NULL, NULL);
  if (is("null-prefix")) r->walk(r->ctx, &record->fields[2], null_text, NULL, NULL);
  if (is("null-of-no-size")) {
    const cw_text none = {NULL, 0};
    made.text = NULL, made.size = 0;
    r->carry(r->ctx, text_of("none"), &made, 0);
    const cw_touchpoint touch = {sizeof touch, CW_TOUCH_CHAT, CW_INBOUND, 0, none, text_of("2024-01-01T00:00:00Z"),
                                 none,         none,          none, 0,         none};
    r->touchpoint(r->ctx, &touch);
  }
  if (is("target")) r->set(r->ctx, 4711, 99, 0, &made);
}

static void translate_wild(cw_translator* t, const cw_record* record, const cw_receiver* r) {
  (void)t;
  const char* found = NULL;
  if (record->count < 3) return;
  if (record->fields[0].size == 3 && memcmp(record->fields[0].text, "bad", 3) == 0) do_it(record, r, &found);
  if (!r->set(r->ctx, CW_EXTERNAL_ID, 0, 0, &record->fields[0])) return;
  if (!r->set(r->ctx, CW_STARTED_AT, 0, 0, &record->fields[1])) return;
  if (found != NULL) {
    const cw_field said = {found, (uint32_t)strlen(found), 0, CW_STRING, CW_MADE};
    r->set(r->ctx, CW_SUBJECT, 0, 0, &said);
  }
}

CW_EXPORT const cw_adapter crosswalk_adapter = {CW_ABI_MAJOR,  sizeof(cw_adapter), manifest_text + sizeof(CW_MANIFEST_MARK) - 1,
                                                open_wild,     close_wild,         bind_wild,
                                                translate_wild};
